package track

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// conversationSize is how many bytes of a conversation index all messages of one
// conversation share; five more follow for each answer ([MS-OXOMSG] section 2.2.1.3).
const conversationSize = 22

// conversationOf returns the conversation that m's Thread-Index names, in hexadecimal,
// "" if there is none or it is malformed.
//
// It is a weak signal: some programs make the index from the subject, so that what has
// nothing in common but a word is one conversation. Matching by it asks for the same
// subject and a known sender besides.
func conversationOf(m *item.Message) string {
	for i := range m.Fields {
		if f := &m.Fields[i]; len(f.Name) == len("Thread-Index") && strings.EqualFold(f.Name, "Thread-Index") {
			return conversation(f.Value)
		}
	}
	return ""
}

// conversation reads the value of a Thread-Index.
func conversation(value string) string {
	const longest = 4096 // bytes: an answer to some 600 answers
	if len(value) > longest {
		return ""
	}
	value = strings.TrimSpace(value)
	if strings.ContainsAny(value, " \t") {
		value = strings.Join(strings.Fields(value), "") // it was folded
	}
	value = strings.TrimRight(value, "=")
	var space [256]byte
	raw := space[:]
	if n := base64.RawStdEncoding.DecodedLen(len(value)); n > len(raw) {
		raw = make([]byte, n)
	}
	n, err := base64.RawStdEncoding.Decode(raw, []byte(value))
	if err != nil || n < conversationSize {
		return ""
	}
	return hex.EncodeToString(raw[:conversationSize])
}
