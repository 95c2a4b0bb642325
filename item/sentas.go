package item

import "strings"

// SentAsField is the header field in which an email of ours says once more which
// Message-ID it was sent with: some servers put another in its place.
const SentAsField = "X-Serversync-Message-ID"

// SentAs returns the Message-ID that the field of ours names, without angle brackets,
// "" if there is none. Anybody who was written to can write it too.
func (m *Message) SentAs() string {
	for i := range m.Fields {
		if f := &m.Fields[i]; len(f.Name) == len(SentAsField) && strings.EqualFold(f.Name, SentAsField) {
			id := strings.TrimSpace(f.Value)
			if len(id) < 3 || id[0] != '<' || id[len(id)-1] != '>' || checkID("", id[1:len(id)-1]) != nil {
				return ""
			}
			return id[1 : len(id)-1]
		}
	}
	return ""
}
