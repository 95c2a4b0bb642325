package track

import (
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// LoopField is the header field that counts how many answers by programs led to a
// message. Its value is the count and a signature, "2 k1.…"; nobody else's count is
// believed.
const LoopField = "X-Serversync-Loop"

const (
	maxHops   = 4   // messages that are counted this far are ignored
	maxFields = 5   // of LoopField that are looked at
	maxValue  = 200 // bytes of one
	loopUse   = "loop"
)

// hops returns how many answers by programs of this organization led to m.
func (r *Rules) hops(m *item.Message) int {
	most := 0
	for _, value := range loopValues(m) {
		text, mac, _ := strings.Cut(value, " ")
		n, err := strconv.ParseUint(text, 10, 8)
		if err == nil && int(n) > most && r.signer != nil && r.signer.check(r.organization, loopUse, text, mac) {
			most = int(n)
		}
	}
	return most
}

// loopValues returns the values of the first few fields that claim to count.
func loopValues(m *item.Message) (values []string) {
	for i := range m.Fields {
		if f := &m.Fields[i]; len(f.Name) == len(LoopField) && strings.EqualFold(f.Name, LoopField) {
			value := f.Value
			if len(value) > maxValue {
				value = "" // it counts nothing, but a program wrote it
			}
			if values = append(values, strings.TrimSpace(value)); len(values) == maxFields {
				break
			}
		}
	}
	return values
}

// LoopFields returns the fields that a message which a program sends should carry, in
// answer to m or, where that is nil, by itself: our count, one more than m's, and what
// others have counted as it stands, so that they can tell what they have seen. Without
// a signer the count is not signed: whoever reads it knows what wrote the message, and
// we do not believe the number. What a person sends must not carry them: people may go
// on for as long as they like.
func (r *Rules) LoopFields(m *item.Message) (fields []item.Field) {
	if m == nil {
		m = new(item.Message)
	}
	text := strconv.Itoa(min(r.hops(m)+1, 99))
	if r.signer == nil {
		return []item.Field{{Name: LoopField, Value: text}}
	}
	fields = append(fields, item.Field{Name: LoopField, Value: text + " " + r.signer.sign(r.organization, loopUse, text)})
	for _, value := range loopValues(m) {
		text, mac, _ := strings.Cut(value, " ")
		if value != "" && len(fields) < maxFields && !r.signer.check(r.organization, loopUse, text, mac) {
			fields = append(fields, item.Field{Name: LoopField, Value: value})
		}
	}
	return fields
}
