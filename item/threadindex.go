package item

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// A conversation index, Thread-Index in a header, is a block of 22 bytes made with the
// first message of a conversation, and 5 more for each answer (Microsoft: MS-OXOMSG,
// section 2.2.1.3, PidTagConversationIndex).
const (
	indexHead  = 22
	indexChild = 5
	mostChilds = 100 // of ours; the conversation is told by the first 22 bytes alone
)

// NewThreadIndex returns the Thread-Index of a message that begins a conversation.
// Conversation must not have been used before.
func NewThreadIndex(at time.Time, conversation [16]byte) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, indexHead), fileTime(at))
	b[0] = 1
	return base64.StdEncoding.EncodeToString(append(b[:6], conversation[:]...))
}

// AnswerThreadIndex returns the Thread-Index of an answer to a message that has the
// Thread-Index to, which may have been folded. Of random the lower 4 bits count. It is
// false if to is none that could be gone on from.
func AnswerThreadIndex(to string, at time.Time, random byte) (string, bool) {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.Join(strings.Fields(to), ""), "="))
	if err != nil || len(b) < indexHead || (len(b)-indexHead)%indexChild != 0 || b[0] != 1 {
		return "", false
	}
	b = b[:min(len(b), indexHead+(mostChilds-1)*indexChild)]
	var began [8]byte // the two lowest bytes are not kept
	copy(began[:], b[:6])
	delta := uint64(0)
	if now, then := fileTime(at), binary.BigEndian.Uint64(began[:]); now > then {
		delta = now - then
	}
	var code uint32
	if delta < 1<<49 { // 1.7 years
		code = uint32(delta>>18) & 0x7fffffff
	} else {
		code = 1<<31 | uint32(delta>>23)&0x7fffffff
	}
	b = binary.BigEndian.AppendUint32(b, code)
	return base64.StdEncoding.EncodeToString(append(b, random<<4)), true
}

// fileTime returns a time as a FILETIME: steps of 100 ns since 1601.
func fileTime(at time.Time) uint64 {
	const unixEpoch = 11_644_473_600 // seconds
	return uint64(at.Unix()+unixEpoch)*10_000_000 + uint64(at.Nanosecond()/100)
}
