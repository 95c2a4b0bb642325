package track_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	. "github.com/go-serversync/serversync/track"
)

// What lies among the sent mail is outgoing, and tracked if the switch is on; the
// filter then asks the recipients what it asks senders otherwise.
func TestSentFolder(t *testing.T) {
	from := "From: anna@contoso.example\nMessage-ID: <phone@contoso.example>\n"
	on := func(a mailbox.Accept) func(w *world) {
		return func(w *world) { w.settings.Sent = true; w.accept(anna, a) }
	}
	for _, r := range []struct {
		name  string
		world func(w *world)
		mail  string
		rule  Rule
	}{
		{"off", func(w *world) { w.accept(anna, mailbox.AcceptAll) }, from + "To: carol@example.org\n", SentUntracked},
		{"every email", on(mailbox.AcceptAll), from + "To: x@example.net\n", SentItem},
		{"no email", on(mailbox.AcceptNone), from + "To: carol@example.org\n", NotAccepted},
		{"known: to a contact", on(mailbox.AcceptKnown), from + "To: carol@example.org\n", SentItem},
		{"known: to a lead in Cc", on(mailbox.AcceptKnown), from + "To: x@example.net\nCc: lee@example.org\n", SentItem},
		{"known: to a colleague", on(mailbox.AcceptKnown), from + "To: bob@contoso.example\n", NotAccepted},
		{"known: to nobody", on(mailbox.AcceptKnown), from + "To: x@example.net\n", NotAccepted},
		{"records: to equipment", on(mailbox.AcceptRecords), from + "To: crane@example.org\n", SentItem},
		{"records: to oneself", on(mailbox.AcceptRecords), from + "To: anna@contoso.example\n", NotAccepted},
		{"replies: an answer", on(mailbox.AcceptReplies), from + answers + "To: carol@example.org\n", SentItem},
		{"replies: no answer", on(mailbox.AcceptReplies), from + "To: carol@example.org\n", NoReply},
		{"one setting for all users", func(w *world) { on(mailbox.AcceptNone)(w); w.settings.ForceAccept = mailbox.AcceptAll }, from + "To: x@example.net\n", SentItem},
		{"the recipients' settings do not count", func(w *world) { on(mailbox.AcceptNone)(w); w.accept(bob, mailbox.AcceptAll) }, from + "To: bob@contoso.example\n", NotAccepted},
		{"internal mail is outgoing mail", func(w *world) {
			on(mailbox.AcceptAll)(w)
			w.settings.Internal = mailbox.Internal{Ignore: true, IgnoreUnseen: true}
		}, from + "To: bob@contoso.example\n", SentItem},
		{"by hand", func(w *world) { w.reading.Folder = true }, from + "To: x@example.net\n", TrackedByFolder},
	} {
		w := contoso()
		w.reading.Sent = true
		w.party(anna).Creates = Contact
		r.world(w)
		v := w.one(t, header(r.mail))
		require.Equal(t, r.rule, v.Rule, r.name)
		require.Equal(t, Outgoing, v.Direction, r.name)
		require.Empty(t, v.Queues)
		require.Empty(t, v.Create)
		if v.Tracked {
			require.Equal(t, anna, v.Owner, r.name)
		}
	}
}

// What we sent ourselves is recognized where its sender keeps it; where it was sent
// to, it has come in.
func TestOwnSent(t *testing.T) {
	own := "From: anna@contoso.example\nTo: carol@example.org\nMessage-ID: <1@contoso.example>\n"
	replaced := "From: anna@contoso.example\nTo: carol@example.org\nMessage-ID: <server-1@mail.example>\n"
	for _, r := range []struct {
		name  string
		world func(w *world)
		mail  string
		rule  Rule
		known bool
	}{
		{"among the sent mail, the switch being off", func(w *world) { w.reading.Sent = true }, own, OwnSent, true},
		{"with the id that a server put in its place", func(w *world) { w.reading.Sent = true }, replaced, OwnSent, true},
		{"in another folder of the sender's", nil, own, OwnSent, true},
		{"in a tracked folder", func(w *world) { w.reading.Folder, w.reading.Regarding = true, case6 }, own, TrackedByFolder, false},
		{"with a queue in Bcc, whom it came in to", func(w *world) { w.readFrom(support).accept(support, mailbox.AcceptAll) }, own, AcceptedAll, false},
		{"with a user on a list, whom it came in to", func(w *world) { w.readFrom(bob) }, own, NoRecipient, false},
		{"to oneself", func(w *world) {
			w.accept(anna, mailbox.AcceptAll)
			w.emails[0].Recipients = append(w.emails[0].Recipients, "anna@contoso.example")
		}, "From: anna@contoso.example\nTo: carol@example.org, anna@contoso.example\nMessage-ID: <1@contoso.example>\n", AcceptedAll, false},
		{"with oneself in Bcc", func(w *world) {
			w.accept(anna, mailbox.AcceptAll)
			w.emails[0].Recipients = append(w.emails[0].Recipients, "anna@contoso.example")
		}, own, AcceptedAll, false},
		{"a customer who writes our id", nil, "From: carol@example.org\nTo: anna@contoso.example\nMessage-ID: <1@contoso.example>\n", NoReply, false},
		{"a colleague who had no part in it", nil, "From: bob@contoso.example\nTo: anna@contoso.example\nMessage-ID: <1@contoso.example>\n", NoReply, false},
	} {
		w := contoso()
		if r.world != nil {
			r.world(w)
		}
		v := w.one(t, header(r.mail))
		require.Equal(t, r.rule, v.Rule, r.name)
		require.Equal(t, r.known, v.Known, r.name)
		if r.rule == OwnSent {
			require.Equal(t, Outgoing, v.Direction)
			require.Equal(t, case5, v.Regarding)
			require.Equal(t, bob, v.Owner, "that of the email")
			require.Empty(t, v.Queues)
			require.Equal(t, "email 1", v.Evidence)
		} else if !w.reading.Sent {
			require.Equal(t, Incoming, v.Direction, r.name)
		}
	}
}

// An email that came in before is known by its Message-ID; another one that bears the
// same id (a parcel service's) is not.
func TestKnown(t *testing.T) {
	for _, r := range []struct {
		name  string
		email func(e *Email)
		mail  string
		want  bool
	}{
		{"the same", func(*Email) {}, fromCarol + toAnna, true},
		{"with fractions of a second", func(e *Email) { e.Sent = e.Sent.Add(5e8) }, fromCarol + toAnna, true},
		{"of an unknown date", func(e *Email) { e.Sent = time.Time{} }, fromCarol + toAnna, true},
		{"of another date", func(e *Email) { e.Sent = e.Sent.Add(1e9) }, fromCarol + toAnna, false},
		{"of another sender", func(e *Email) { e.Participants = []string{"lee@example.org"} }, fromCarol + toAnna, false},
		{"of another id", func(e *Email) { e.IDs = []string{"other@example.org"} }, fromCarol + toAnna, false},
		{"that went out", func(e *Email) { e.Direction = Outgoing }, fromCarol + toAnna, false},
	} {
		w := contoso().accept(anna, mailbox.AcceptAll)
		e := Email{
			Ref: Ref{"email", "7"}, Direction: Incoming, Regarding: case6, Sent: sentAt, IDs: []string{"new@example.org"},
			Participants: []string{"carol@example.org", "anna@contoso.example"},
		}
		r.email(&e)
		w.emails = append(w.emails, e)
		v := w.one(t, header(r.mail))
		require.Equal(t, r.want, v.Known, r.name)
		require.True(t, v.Tracked)
		if r.want {
			require.Equal(t, case6, v.Regarding, "it belongs where it belonged")
		} else {
			require.Zero(t, v.Regarding)
		}
	}
}
