package track_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/secret"
	. "github.com/go-serversync/serversync/track"
)

// Contoso has the users anna and bob and the queues support and sales. Of carol, a
// contact, acme, an account, and lee, a lead, anna owns carol and bob acme.
var (
	anna    = Ref{Type: "user", ID: "anna"}
	bob     = Ref{Type: "user", ID: "bob"}
	support = Ref{Type: "queue", ID: "support"}
	sales   = Ref{Type: "queue", ID: "sales"}
	carol   = Ref{Type: "contact", ID: "carol"}
	acme    = Ref{Type: "account", ID: "acme"}
	lee     = Ref{Type: "lead", ID: "lee"}
	crane   = Ref{Type: "equipment", ID: "crane"}
	case5   = Ref{Type: "case", ID: "5"}
	case6   = Ref{Type: "case", ID: "6"}
	email1  = Ref{Type: "email", ID: "1"}
)

// A world is all that a verdict depends on.
type world struct {
	settings mailbox.Tracking
	signer   *Signer
	reading  Reading
	parties  map[string][]Party
	emails   []Email
}

// contoso reads anna's inbox.
func contoso() *world {
	return &world{
		reading: Reading{Mailbox: mailbox.Mailbox{
			Key: mailbox.Key{Organization: "contoso", Mailbox: "anna"}, Address: "Anna@Contoso.example", Regarding: "anna",
		}},
		parties: map[string][]Party{
			"anna@contoso.example":    {{Kind: User, Ref: anna}},
			"bob@contoso.example":     {{Kind: User, Ref: bob}},
			"support@contoso.example": {{Kind: Queue, Ref: support}},
			"sales@contoso.example":   {{Kind: Queue, Ref: sales}},
			"carol@example.org":       {{Kind: Contact, Ref: carol, Owner: anna}},
			"acme@example.org":        {{Kind: Account, Ref: acme, Owner: bob}},
			"lee@example.org":         {{Kind: Lead, Ref: lee}},
			"crane@example.org":       {{Kind: Other, Ref: crane}},
		},
		// What anna wrote to carol, and support in Bcc, about case 5, which bob owns.
		emails: []Email{{
			Ref: email1, Direction: Outgoing, Regarding: case5, Owner: bob, IDs: []string{"1@contoso.example", "server-1@mail.example"},
			Participants: []string{"anna@contoso.example", "carol@example.org", "support@contoso.example"},
			Recipients:   []string{"carol@example.org", "support@contoso.example"},
		}},
	}
}

// readFrom has the world read from bob's mailbox or a queue's.
func (w *world) readFrom(ref Ref) *world {
	w.reading.Mailbox = mailbox.Mailbox{
		Key: mailbox.Key{Organization: "contoso", Mailbox: ref.ID}, Address: ref.ID + "@contoso.example", Regarding: ref.ID,
	}
	if ref.Type == "queue" {
		w.reading.Mailbox.Kind = mailbox.Queue
	}
	return w
}

// accept sets what a user or queue accepts.
func (w *world) accept(ref Ref, a mailbox.Accept) *world {
	w.party(ref).Accept = a
	return w
}

func (w *world) party(ref Ref) *Party {
	for _, list := range w.parties {
		for i := range list {
			if list[i].Ref == ref {
				return &list[i]
			}
		}
	}
	panic("no party " + ref.String())
}

func (w *world) rules(t testing.TB) *Rules {
	r, err := NewRules("contoso", w.settings, w.signer)
	require.NoError(t, err)
	return r
}

// judge gives the verdict on messages, by what a directory and a store answer to just
// what they are asked.
func (w *world) judge(t testing.TB, messages ...Message) []Verdict {
	page := w.rules(t).Page(w.reading, messages)
	parties := make(map[string][]Party)
	for _, address := range page.Addresses() {
		if list, ok := w.parties[address]; ok {
			require.NotContains(t, parties, address, "asked twice")
			parties[address] = list
		}
	}
	query := page.Query()
	var emails []Email
	for _, e := range w.emails {
		if slices.ContainsFunc(e.IDs, func(id string) bool { return slices.Contains(query.IDs, id) }) {
			emails = append(emails, e)
		}
	}
	verdicts := page.Judge(parties, emails)
	require.Len(t, verdicts, len(messages))
	return verdicts
}

func (w *world) one(t testing.TB, m Message) Verdict { return w.judge(t, m)[0] }

// header is a message of which the header was read: lines with \n.
func header(lines string) Message {
	return Message{Message: item.ParseHeader([]byte(crlf(lines)), item.Limits{}), Size: 1000}
}

// whole is a message that was read whole.
func whole(t testing.TB, text string) Message {
	raw := item.NewBlob([]byte(crlf(text)))
	m, err := item.ParseMessage(raw, item.Limits{})
	require.NoError(t, err)
	return Message{Message: m, Whole: true, Size: raw.Size()}
}

func crlf(lines string) string {
	return strings.ReplaceAll(strings.TrimLeft(lines, "\n"), "\n", "\r\n")
}

const (
	fromCarol = "From: Carol <carol@example.org>\nMessage-ID: <new@example.org>\nDate: Mon, 2 Jan 2006 15:04:05 +0000\n"
	toAnna    = "To: anna@contoso.example\n"
	answers   = "In-Reply-To: <1@contoso.example>\n"
)

func newSigner(t testing.TB, key string) *Signer {
	s, err := NewSigner(SigningKey{ID: "k1", Key: secret.New(strings.Repeat(key, 32))})
	require.NoError(t, err)
	return s
}

var sentAt = time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)
