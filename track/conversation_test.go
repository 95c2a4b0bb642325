package track

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
)

// A conversation is the first 22 bytes of its index ([MS-OXOMSG] 2.2.1.3), however the
// header is folded; what is malformed is none.
func TestConversation(t *testing.T) {
	raw := []byte("\x01\x01\xDA\x46\x45\xF3\x56\xAD\x5C\x43\x66\xCB\x6C\x4D\xAC\x61\xFD\x28\x4F\xBC\x7D\xC3")
	root, answer := base64.StdEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString(append(raw[:22:22], "abcde"...))
	long := base64.StdEncoding.EncodeToString(append(raw[:22:22], strings.Repeat("abcde", 200)...))
	for value, want := range map[string]string{
		root: conversation1, answer: conversation1, long: conversation1, threadIndex: conversation1,
		" " + answer[:20] + " \t " + answer[20:] + " ": conversation1,
		strings.TrimRight(answer, "="):                 conversation1,
		"":                                             "", "====": "", root[:27]: "", root[:10] + "?" + root[11:]: "", answer + "x": "", strings.Repeat("A", 4097): "",
		strings.Repeat("-", 32): "",
	} {
		require.Equal(t, want, conversation(value), value)
	}
	m := &item.Message{Fields: []item.Field{{Name: "Thread-Topic", Value: root}, {Name: "THREAD-INDEX", Value: answer}}}
	require.Equal(t, conversation1, conversationOf(m))
	require.Empty(t, conversationOf(&item.Message{}))
}

// peers.md 108: some programs make the index from the subject, so by itself it says
// nothing: the subject has to be the same, and to have words, and the sender is known.
func TestConversationIsAWeakSignal(t *testing.T) {
	r := matchRules(t)
	for subject, want := range map[string]bool{
		"Lamp in hall": true, "Re: LAMP in hall CRM:1": false, "Re: lamp, in hall": true, "Lamp": false, "": false, "RE:": false, "Pump in hall": false,
	} {
		m := &item.Message{MessageID: "m", Subject: subject, From: matchAddresses("bob@bob.example"), Fields: []item.Field{{Name: "Thread-Index", Value: threadIndex}}}
		e := matchEmail("c", 1, func(e *Email) { e.Conversation, e.Words = conversation1, r.words("RE: Lamp in hall") })
		require.Equal(t, want, r.matchOne(m, e).Method == ByConversation, subject)
		e.Words = nil
		require.Zero(t, r.matchOne(m, e))
		e.Words = r.words(subject)
		e.Participants = nil
		require.Equal(t, len(e.Words) > 0, r.matchOne(m, e).Suggested)
	}
}

func FuzzConversation(f *testing.F) {
	f.Add(threadIndex)
	f.Add(" AQHa RkXzVq1cQ2bLbE2sYf0oT7x9w7Dk8zqA==")
	f.Fuzz(func(t *testing.T, value string) {
		got := conversation(value)
		if got == "" {
			return
		}
		raw, err := hex.DecodeString(got)
		if err != nil || len(raw) != 22 || strings.ToLower(got) != got {
			t.Fatalf("%q", got)
		}
		if again := conversation(base64.StdEncoding.EncodeToString(raw)); again != got {
			t.Fatalf("%q became %q", got, again)
		}
	})
}
