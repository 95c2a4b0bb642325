package item

import "slices"

// longReferences is how many bytes References may have, with its name and folds: relays
// refuse header fields of more than 4,096.
const longReferences = 4000

// AnswerIDs returns what In-Reply-To and References of an answer to m hold (RFC 5322,
// section 3.6.4). Long References keep the first id and as many of the last as fit
// 4,096 bytes. Ids that cannot be written are left out, and so is a Message-ID that
// the sender did not give.
func (m *Message) AnswerIDs() (inReplyTo, references []string) {
	ids := m.References
	if len(ids) == 0 && len(m.InReplyTo) == 1 {
		ids = m.InReplyTo
	}
	if !slices.Contains(m.Warnings, WarnMessageID) {
		inReplyTo = writable([]string{m.MessageID})
	}
	ids = writable(ids)
	ids = slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(inReplyTo, id) })
	return inReplyTo, trimReferences(append(ids, inReplyTo...))
}

// writable returns the ids that may stand in a header field, each once.
func writable(ids []string) (able []string) {
	for _, id := range ids {
		if id != "" && checkID("", id) == nil && !slices.Contains(able, id) {
			able = append(able, id)
		}
	}
	return able
}

// trimReferences keeps the first id and the last ones that fit.
func trimReferences(ids []string) []string {
	cost := func(id string) int { return len("\r\n <") + len(id) + len(">") }
	room := longReferences - len("References:")
	for _, id := range ids {
		room -= cost(id)
	}
	from := 1
	for ; room < 0; from++ {
		room += cost(ids[from])
	}
	if from > 1 {
		return append([]string{ids[0]}, ids[from:]...)
	}
	return ids
}
