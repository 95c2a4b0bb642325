package serversync_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
)

// A long Thread-Index is folded on its way, and a topic beyond ASCII is encoded. The
// answer goes on with both all the same.
func TestThreadingOfFoldedAndEncodedFields(t *testing.T) {
	d := newDesk(t, nil)
	index := item.NewThreadIndex(time.Unix(1.7e9, 0), [16]byte{1, 2, 3})
	for range 12 {
		index, _ = item.AnswerThreadIndex(index, time.Unix(1.7e9, 0), 0)
	}
	for _, folded := range []string{index, index[:60] + "\r\n\t" + index[60:], strings.TrimRight(index, "=")} {
		m := item.ParseHeader([]byte("From: carl@example.org\r\nMessage-ID: <q@x>\r\nThread-Index: "+folded+"\r\n"+
			"Thread-Topic: =?utf-8?B?w4RwZmVs?=\r\n =?utf-8?Q?_und_Birnen?=\r\n\r\n"), item.Limits{})
		o := outgoing(folded[:8] + folded[50:80][:5] + string(rune('a'+len(folded)%26)))
		o.Answers = m
		_, sent := d.send(o)
		require.Equal(t, index[:28], field(sent, "Thread-Index")[0][:28], "the conversation is another")
		topic := field(sent, "Thread-Topic")[0]
		read := item.ParseHeader([]byte("Subject: "+topic+"\r\n\r\n"), item.Limits{})
		require.Equal(t, "Äpfel und Birnen", read.Subject)
	}
}

// A subject of 10 MiB, of the email itself or of the one that it answers, takes no
// longer than its bytes do.
func TestHugeSubjects(t *testing.T) {
	d := newDesk(t, nil)
	for i, subject := range []string{strings.Repeat("CRM:0001001 ", 10<<20/12), strings.Repeat("x", 10<<20), strings.Repeat("👩‍👩‍👧", 10<<20/18), "\u202e" + strings.Repeat(": ", 5<<20)} {
		o := outgoing(string(rune('a' + i)))
		o.Subject, o.Answers = subject, &item.Message{MessageID: "q@x", Subject: subject}
		began := time.Now()
		e, m := d.send(o)
		took := time.Since(began)
		t.Log(took, len(m.Subject))
		require.Less(t, e.Raw.Size(), int64(20<<10))
		require.LessOrEqual(t, len([]rune(m.Subject)), 256)
		if !raceEnabled {
			require.Less(t, took, 500*time.Millisecond)
		}
	}
}
