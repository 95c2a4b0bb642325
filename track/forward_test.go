package track_test

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	. "github.com/go-serversync/serversync/track"
)

const (
	fromAnna = "From: anna@contoso.example\nTo: forward@contoso.example\nMessage-ID: <wrapper@contoso.example>\n"
	original = "From: carol@example.org\nTo: anna@contoso.example\nMessage-ID: <orig@example.org>\nSubject: Crane\n\nIt squeaks.\n"
)

// wrapper is what a forward mailbox gets: messages as attachments.
func wrapper(from string, messages ...string) string {
	text := from + "Content-Type: multipart/mixed; boundary=w\n\n--w\nContent-Type: text/plain\n\nsee there\n"
	for _, m := range messages {
		text += "--w\nContent-Type: message/rfc822\nContent-Disposition: attachment\n\n" + m
	}
	return text + "--w--\n"
}

// forwarding reads a forward mailbox, to which anna's mail comes.
func forwarding() *world {
	w := contoso().accept(anna, mailbox.AcceptKnown)
	w.party(anna).Forwards = true
	w.reading.Mailbox = mailbox.Mailbox{
		Key: mailbox.Key{Organization: "contoso", Mailbox: "forward"}, Kind: mailbox.Forward, Address: "forward@contoso.example",
	}
	return w
}

// What a forward mailbox gets is judged as its original, in the forwarder's name
// (sss.md, section 4.8).
func TestForwardMailbox(t *testing.T) {
	w := forwarding()
	v := w.one(t, header(fromAnna))
	require.True(t, v.NeedsBody)
	require.Equal(t, NeedsWhole, v.Rule)

	v = w.one(t, whole(t, wrapper(fromAnna, original)))
	require.Equal(t, AcceptedKnown, v.Rule)
	require.True(t, v.Tracked)
	require.True(t, v.Forwarded)
	require.Equal(t, anna, v.Receiving)
	require.Equal(t, anna, v.Accepting)
	require.Equal(t, anna, v.Owner)
	require.Equal(t, []Ref{carol}, refs(v.Sender))
	require.Equal(t, "orig@example.org", v.Original.MessageID)
	require.Equal(t, "Crane", v.Original.Subject)
	raw, err := io.ReadAll(v.Original.Raw.Open())
	require.NoError(t, err)
	require.Equal(t, crlf(original), string(raw)+"\r\n")

	v = w.accept(anna, mailbox.AcceptReplies).one(t, whole(t, wrapper(fromAnna, original)))
	require.Equal(t, NoReply, v.Rule, "the forwarder's setting decides")

	v = w.one(t, whole(t, wrapper(fromAnna, strings.Replace(original, "Subject:", answers+"Subject:", 1))))
	require.Equal(t, AcceptedReply, v.Rule, "the original's threading counts")
	require.Equal(t, case5, v.Regarding)

	w.accept(anna, mailbox.AcceptAll)
	v = w.one(t, whole(t, wrapper(fromAnna, strings.Replace(original, "To: anna@contoso.example", "To: all@contoso.example", 1))))
	require.Equal(t, AcceptedAll, v.Rule, "it came to the forwarder by a list")

	v = w.one(t, whole(t, wrapper(fromAnna, report("1@contoso.example", "failed", "5.1.1", "carol@example.org"))))
	require.Equal(t, Bounce, v.Rule, "a report may be forwarded")
	require.Len(t, v.Outcomes, 1)
}

// What a forward mailbox does not take.
func TestBadForward(t *testing.T) {
	nested := wrapper("From: carol@example.org\nTo: anna@contoso.example\nMessage-ID: <outer@example.org>\n", original)
	for _, r := range []struct {
		name  string
		world func(w *world)
		mail  string
		rule  Rule
		id    string // of the original
	}{
		{"nothing is attached", nil, fromAnna + "\n---- forwarded ----\n", BadForward, ""},
		{"something else is attached", nil, fromAnna + "Content-Type: multipart/mixed; boundary=w\n\n--w\nContent-Type: application/pdf; name=a.pdf\n\nx\n--w--\n", BadForward, ""},
		{"an empty message", nil, wrapper(fromAnna, ""), BadForward, ""},
		{"a message without a header", nil, wrapper(fromAnna, "\nhello\n"), BadForward, ""},
		{"by a user whose mail comes another way", func(w *world) { w.party(anna).Forwards = false }, wrapper(fromAnna, original), BadForward, ""},
		{"by a contact", func(w *world) { w.party(carol).Forwards = true }, wrapper("From: carol@example.org\n", original), BadForward, ""},
		{"by a stranger", nil, wrapper("From: x@example.net\n", original), BadForward, ""},
		{"by two", nil, wrapper("From: anna@contoso.example, bob@contoso.example\n", original), BadForward, ""},
		{"by a user who is out", func(w *world) { w.party(anna).Inactive = true }, wrapper(fromAnna, original), BadForward, ""},
		{"a report to the forward mailbox itself", nil, report("wrapper@contoso.example", "failed", "5.1.1", "x@y"), BadForward, ""},
		{"the first of two", nil, wrapper(fromAnna, original, strings.Replace(original, "orig@", "second@", 1)), AcceptedKnown, "orig@example.org"},
		{"one within another is an attachment of the outer one", nil, wrapper(fromAnna, strings.ReplaceAll(nested, "=w\n", "=n\n")), AcceptedKnown, "outer@example.org"},
		{"by a queue whose mail comes this way", func(w *world) {
			w.party(support).Forwards = true
			w.accept(support, mailbox.AcceptAll).accept(anna, mailbox.AcceptNone)
		}, wrapper("From: support@contoso.example\n", original), AcceptedAll, "orig@example.org"},
		{"over the bound", func(w *world) { w.settings.Content.MaxMessage = 100 }, wrapper(fromAnna, original), TooLarge, ""},
	} {
		w := forwarding()
		if r.world != nil {
			r.world(w)
		}
		v := w.one(t, whole(t, r.mail))
		require.Equal(t, r.rule, v.Rule, r.name)
		if r.id == "" {
			require.Nil(t, v.Original, r.name)
			require.False(t, v.Tracked, r.name)
			require.False(t, v.Forwarded, r.name)
		} else {
			require.Equal(t, r.id, v.Original.MessageID, r.name)
		}
		require.NoError(t, v.Err)
	}
}

// Unpack takes what is encoded, though it should not be, up to a bound, and says what
// it could not read.
func TestUnpack(t *testing.T) {
	encoded := func(raw string) string {
		return fromAnna + "Content-Type: multipart/mixed; boundary=w\n\n--w\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" +
			base64.StdEncoding.EncodeToString([]byte(crlf(raw))) + "\n--w--\n"
	}
	m, ok, why, err := Unpack(whole(t, encoded(original)).Message, item.Limits{})
	require.NoError(t, err)
	require.True(t, ok)
	require.Empty(t, why)
	require.Equal(t, "orig@example.org", m.MessageID)

	_, ok, why, err = Unpack(whole(t, encoded(original+strings.Repeat("x", 17<<20))).Message, item.Limits{})
	require.NoError(t, err)
	require.False(t, ok)
	require.Contains(t, why, "encoded")

	_, ok, why, _ = Unpack(whole(t, wrapper(fromAnna, original, original)).Message, item.Limits{})
	require.True(t, ok)
	require.Contains(t, why, "first of 2")

	direct := strings.Replace(fromAnna, "Message-ID", "Content-Type: message/rfc822\nMessage-ID", 1) + "\n" + original
	m, ok, _, _ = Unpack(whole(t, direct).Message, item.Limits{})
	require.True(t, ok, "the whole body is the message")
	require.Equal(t, "orig@example.org", m.MessageID)

	text := []byte(crlf(wrapper(fromAnna, original)))
	torn := &tornReader{b: text}
	blob := item.OpenBlob(torn, int64(len(text)), [32]byte{}, nil)
	outer, err := item.ParseMessage(blob, item.Limits{})
	require.NoError(t, err)
	torn.torn = true
	_, ok, _, err = Unpack(outer, item.Limits{})
	require.ErrorIs(t, err, errTorn)
	require.False(t, ok)
	v := forwarding().one(t, Message{Message: outer, Whole: true})
	require.ErrorIs(t, v.Err, errTorn)
	require.False(t, v.Tracked)
	require.Empty(t, v.Rule, "nothing is decided")
}

var errTorn = errors.New("torn")

// A tornReader fails from some time on.
type tornReader struct {
	b    []byte
	torn bool
}

func (r *tornReader) ReadAt(b []byte, at int64) (int, error) {
	if r.torn {
		return 0, errTorn
	}
	n := copy(b, r.b[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
