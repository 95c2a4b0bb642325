package track_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	. "github.com/go-serversync/serversync/track"
)

// Who owns an email (sss.md, section 4.6).
func TestOwner(t *testing.T) {
	all := func(refs ...Ref) func(w *world) {
		return func(w *world) {
			for _, r := range refs {
				w.accept(r, mailbox.AcceptAll)
			}
		}
	}
	for _, r := range []struct {
		name  string
		world func(w *world)
		mail  string
		want  Ref
	}{
		{"who owns what it belongs to", nil, fromCarol + answers + "To: anna@contoso.example\nCc: bob@contoso.example\n", bob},
		{"who owns that, though they do not accept it", func(w *world) { w.accept(bob, mailbox.AcceptNone) }, fromCarol + answers + "To: anna@contoso.example\nCc: bob@contoso.example\n", bob},
		{"who owns that is no recipient: who owns the sender", nil, fromCarol + answers + "To: support@contoso.example, anna@contoso.example\n", anna},
		{"who owns the sender", all(anna, bob), fromCarol + "To: bob@contoso.example, anna@contoso.example\n", anna},
		{"who owns the sender does not accept it: the first who does", all(bob, support), fromCarol + "To: anna@contoso.example, support@contoso.example, bob@contoso.example\n", support},
		{"who owns the sender is no recipient: the first", all(bob, support), fromCarol + "Cc: support@contoso.example\nTo: bob@contoso.example\n", bob},
		{"the sender has no owner: the first", all(anna, bob), "From: lee@example.org\nCc: bob@contoso.example\nTo: anna@contoso.example\n", anna},
		{"nobody knows the sender: the first, To before Cc before Bcc", all(anna, bob, support), "From: x@example.net\nBcc: anna@contoso.example\nCc: support@contoso.example\n", support},
		{"no recipient by name: whoever accepts it", all(anna), "From: x@example.net\nTo: all@contoso.example\n", anna},
		{"in a tracked folder: the first recipient, whatever they accept", func(w *world) { w.reading.Folder = true }, "From: x@example.net\nTo: support@contoso.example, anna@contoso.example\n", support},
		{"in a tracked folder, without recipients: whose mailbox it is", func(w *world) { w.reading.Folder = true }, "From: x@example.net\n", anna},
		{"the tracked folder's record is another than what it answers", func(w *world) { w.reading.Folder, w.reading.Regarding = true, case6 }, "From: lee@example.org\n" + answers + "To: anna@contoso.example, bob@contoso.example\n", anna},
	} {
		w := contoso()
		if r.world != nil {
			r.world(w)
		}
		v := w.one(t, header(r.mail))
		require.True(t, v.Tracked, r.name)
		require.Equal(t, r.want, v.Owner, r.name)
	}
}

// Which queues get an item (sss.md, section 4.6).
func TestQueues(t *testing.T) {
	both := "From: x@example.net\nMessage-ID: <q@x>\nTo: support@contoso.example, sales@contoso.example\n"
	hidden := "From: x@example.net\nMessage-ID: <q@x>\nTo: all@contoso.example\n"
	known := func(w *world) {
		w.emails = append(w.emails, Email{Ref: Ref{"email", "7"}, Direction: Incoming, IDs: []string{"q@x"}, Participants: []string{"x@example.net"}})
	}
	for _, r := range []struct {
		name  string
		read  Ref
		world func(w *world)
		mail  string
		want  []Ref
	}{
		{"each queue that accepts it", support, nil, both, []Ref{support, sales}},
		{"not one that does not", support, func(w *world) { w.accept(sales, mailbox.AcceptReplies) }, both, []Ref{support}},
		{"not for recipients", support, func(w *world) { w.settings.Queues.NotForRecipients = true }, both, nil},
		{"only the queue that is read decides", support, func(w *world) { w.settings.OnlyReceiving = true }, both, []Ref{support}},
		{"a queue twice among the recipients", support, func(w *world) { w.reading.Mailbox.Aliases = []string{"help@contoso.example"} }, "From: x@example.net\nTo: support@contoso.example, help@contoso.example\n", []Ref{support}},
		{"Bcc or a list: the queue that is read", support, nil, hidden, []Ref{support}},
		{"Bcc or a list: not for it", support, func(w *world) { w.settings.Queues.NotForReceiving = true }, hidden, nil},
		{"Bcc or a list: for it, though not for recipients", support, func(w *world) { w.settings.Queues.NotForRecipients = true }, hidden, []Ref{support}},
		{"a recipient, so that the switch for others does nothing", support, func(w *world) { w.settings.Queues.NotForReceiving = true }, both, []Ref{support, sales}},
		{"tracked already", sales, known, both, nil},
		{"tracked already, and items all the same", sales, func(w *world) { known(w); w.settings.Queues.ForKnown = true }, both, []Ref{support, sales}},
		{"a user's mailbox is read", anna, nil, "From: x@example.net\nTo: anna@contoso.example, sales@contoso.example\n", []Ref{sales}},
		{"no queue for a user", anna, nil, "From: x@example.net\nTo: anna@contoso.example\n", nil},
		{"the owner's queue", anna, func(w *world) { w.settings.Queues.ForOwner = true }, "From: x@example.net\nTo: anna@contoso.example\n", []Ref{{"queue", "annas"}}},
		{"the owner's queue, being among the recipients", support, func(w *world) { w.settings.Queues.ForOwner = true }, both, []Ref{support, sales}},
		{"the owner's queue beside those that accept it", anna, func(w *world) { w.settings.Queues.ForOwner = true }, "From: x@example.net\nTo: anna@contoso.example, sales@contoso.example\n", []Ref{sales, {"queue", "annas"}}},
		{"a queue's own setting counts in a tracked folder", anna, func(w *world) { w.reading.Folder = true; w.accept(support, mailbox.AcceptNone) }, both, []Ref{sales}},
	} {
		w := contoso().readFrom(r.read).accept(anna, mailbox.AcceptAll).accept(support, mailbox.AcceptAll).accept(sales, mailbox.AcceptAll)
		w.party(anna).Queue = Ref{"queue", "annas"}
		if r.world != nil {
			r.world(w)
		}
		v := w.one(t, header(r.mail))
		require.True(t, v.Tracked, r.name)
		require.Equal(t, r.want, v.Queues, r.name)
	}
}
