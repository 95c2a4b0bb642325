package serversync_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/track"
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
		require.Less(t, took, time.Minute) // what grows with the square of a subject takes days
	}
}

// O5: no value of any field ends its header field, adds another or a recipient, whoever
// wrote it: either the email is refused, or the message has the fields that it should.
func TestO5NothingIsInjected(t *testing.T) {
	places := map[string]func(o *Outgoing, s string){
		"ID":           func(o *Outgoing, s string) { o.ID += s },
		"From.Name":    func(o *Outgoing, s string) { o.From = item.Address{Name: s, Addr: "ann@example.test"} },
		"From.Addr":    func(o *Outgoing, s string) { o.From.Addr = "ann@example.test" + s },
		"Sender.Name":  func(o *Outgoing, s string) { o.Sender = item.Address{Name: s, Addr: "ann@example.test"} },
		"ReplyTo":      func(o *Outgoing, s string) { o.ReplyTo = []item.Address{{Name: s, Addr: "ann@example.test"}} },
		"ReplyTo.Addr": func(o *Outgoing, s string) { o.ReplyTo = []item.Address{{Addr: "ann@example.test" + s}} },
		"To.Name":      func(o *Outgoing, s string) { o.To[0].Name = s },
		"To.Addr":      func(o *Outgoing, s string) { o.To[0].Addr += s },
		"Bcc.Addr":     func(o *Outgoing, s string) { o.Bcc = []item.Address{{Name: s, Addr: "eva@example.org" + s}} },
		"Subject":      func(o *Outgoing, s string) { o.Subject += s },
		"Fields.Name":  func(o *Outgoing, s string) { o.Fields = []item.Field{{Name: "X-A" + s, Value: "1"}} },
		"Fields.Value": func(o *Outgoing, s string) { o.Fields = []item.Field{{Name: "X-A", Value: "1" + s}} },
		"Attachment.Name": func(o *Outgoing, s string) {
			o.Attachments = []item.DraftAttachment{{Name: "a" + s + ".txt", Content: item.NewBlob([]byte("x"))}}
		},
		"Attachment.Type": func(o *Outgoing, s string) {
			o.Attachments = []item.DraftAttachment{{Type: "text/plain; charset=\"" + s + "\"", Content: item.NewBlob([]byte("x"))}}
		},
		"Attachment.ContentID": func(o *Outgoing, s string) {
			o.Attachments = []item.DraftAttachment{{ContentID: "a" + s, Content: item.NewBlob([]byte("x"))}}
		},
		"Answers.MessageID":  func(o *Outgoing, s string) { o.Answers = &item.Message{MessageID: "q@x" + s} },
		"Answers.References": func(o *Outgoing, s string) { o.Answers = &item.Message{References: []string{"a@x", "b@x" + s}} },
		"Answers.InReplyTo":  func(o *Outgoing, s string) { o.Answers = &item.Message{InReplyTo: []string{"b@x" + s}} },
		"Answers.Subject":    func(o *Outgoing, s string) { o.Answers = &item.Message{Subject: "Re: x" + s} },
		"Answers.Thread-Topic": func(o *Outgoing, s string) {
			o.Answers = &item.Message{Fields: []item.Field{{Name: "Thread-Topic", Value: "x" + s}}}
		},
		"Answers.Thread-Topic, encoded": func(o *Outgoing, s string) {
			o.Answers = &item.Message{Fields: []item.Field{{Name: "Thread-Topic", Value: "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte("x"+s)) + "?="}}}
		},
		"Answers.Thread-Index": func(o *Outgoing, s string) {
			o.Answers = &item.Message{Fields: []item.Field{{Name: "Thread-Index", Value: item.NewThreadIndex(time.Unix(1e9, 0), [16]byte{}) + s}}}
		},
		"Email":      func(o *Outgoing, s string) { o.Email = track.Ref{Type: "email" + s, ID: "1" + s} },
		"Importance": func(o *Outgoing, s string) { o.Importance = Importance("high" + s) },
	}
	allowed := "date from sender reply-to to cc subject message-id in-reply-to references x-serversync-message-id thread-index thread-topic x-a mime-version content-type content-transfer-encoding content-disposition importance x-priority "
	taken := 0
	for place, put := range places {
		for i, s := range []string{"\r\nBcc: eve@evil.example", "\nBcc: eve@evil.example", "\rBcc: eve@evil.example", "\r\n\r\nbody", "\x00", "\u2028Bcc: eve@evil.example", "\u0085Bcc: eve",
			"\x0b\x0cBcc: eve", "?= =?utf-8?Q?=0D=0ABcc:_eve@evil.example?=", ">, <eve@evil.example", "\"<eve@evil.example>,\"", "\u202eevil", ", eve@evil.example", ";x=y", "\xff\xfe", strings.Repeat("é", 3000), strings.Repeat("x", 3000), " ", "\t", "🏳️‍🌈"} {
			d := newDesk(t, nil)
			o := outgoing("1")
			o.PlusAddress = i%2 == 0 && place != "ReplyTo" && place != "ReplyTo.Addr"
			put(&o, s)
			e, err := d.Send(t.Context(), ann, o)
			if err != nil {
				if place != "Fields.Name" && place != "Importance" { // no content: what the error is about
					require.NotContains(t, err.Error(), "evil.example", "%s %q", place, s)
				}
				continue
			}
			taken++
			raw, _ := e.Raw.Bytes()
			header, _, _ := strings.Cut(string(raw), "\r\n\r\n")
			for n, line := range strings.Split(header, "\r\n") {
				require.LessOrEqual(t, len(line), 998)
				require.False(t, strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }), "%s %q: %q", place, s, line)
				if line[0] == ' ' {
					require.NotZero(t, n)
					require.NotEmpty(t, strings.TrimSpace(line), "%s %q", place, s)
					continue
				}
				name, _, _ := strings.Cut(line, ":")
				if place == "Fields.Name" && strings.HasPrefix(name, "X-A") {
					continue // odd, but a name (RFC 5322, section 3.6.8)
				}
				require.Contains(t, allowed, strings.ToLower(name)+" ", "%s %q: %q", place, s, line)
			}
			m := parsed(t, e.Raw)
			require.Len(t, m.From, 1, "%s %q", place, s)
			require.Equal(t, "ann@example.test", m.From[0].Addr)
			require.Len(t, m.To, 1, "%s %q", place, s)
			require.Equal(t, "carl@example.org", m.To[0].Addr)
			for _, r := range e.Recipients {
				require.NotContains(t, r.Address, "eve", "%s %q", place, s)
			}
			require.Empty(t, m.Bcc)
		}
	}
	require.Greater(t, taken, 150)
}
