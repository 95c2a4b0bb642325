package track_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	. "github.com/go-serversync/serversync/track"
)

// internalMail is from a user, a queue or a customer, to users or queues who accept
// every email, and tracked as outgoing already or not.
func internalMail(t *testing.T, switches mailbox.Internal, from, to string, seen bool) Verdict {
	w := contoso().readFrom(bob).accept(bob, mailbox.AcceptAll).accept(sales, mailbox.AcceptAll)
	if to == "sales@contoso.example" {
		w.readFrom(sales)
	}
	w.settings.Internal = switches
	if seen {
		w.emails = append(w.emails, Email{
			Ref: Ref{"email", "2"}, Direction: Outgoing, Owner: anna, IDs: []string{"2@contoso.example"},
			Participants: []string{from, to}, Recipients: []string{to},
		})
	}
	return w.one(t, header(fmt.Sprintf("From: %s\nTo: %s\nMessage-ID: <2@contoso.example>\n", from, to)))
}

// The switches about internal mail (sss.md, section 4.4), each row with the rest of
// them as it is by default: Ignore is IgnoreInternalEmail, IgnoreToQueues the opposite
// of DoNotIgnoreInternalEmailToQueues, IgnoreFromQueues IgnoreInternalEmailFromQueues,
// and IgnoreUnseen the opposite of IgnoreInternalEmailDetectionEnhancement.
func TestInternal(t *testing.T) {
	const (
		user     = "anna@contoso.example"
		queue    = "support@contoso.example"
		customer = "carol@example.org"
		toUser   = "bob@contoso.example"
		toQueue  = "sales@contoso.example"
		toBoth   = "bob@contoso.example, sales@contoso.example"
	)
	ignore := mailbox.Internal{Ignore: true}
	all := mailbox.Internal{Ignore: true, IgnoreToQueues: true, IgnoreFromQueues: true, IgnoreUnseen: true}
	for _, r := range []struct {
		name     string
		switches mailbox.Internal
		from, to string
		seen     bool
		rule     Rule
	}{
		{"by default it is two activities", mailbox.Internal{}, user, toUser, true, AcceptedAll},
		{"the other switches do nothing by themselves", mailbox.Internal{IgnoreToQueues: true, IgnoreFromQueues: true, IgnoreUnseen: true}, user, toUser, true, AcceptedAll},
		{"ignored, as it is tracked as outgoing", ignore, user, toUser, true, Internal},
		{"not ignored, as it is not", ignore, user, toUser, false, AcceptedAll},
		{"ignored, though it is not", mailbox.Internal{Ignore: true, IgnoreUnseen: true}, user, toUser, false, Internal},
		{"to a queue it is brought in", ignore, user, toQueue, true, AcceptedAll},
		{"to a user and a queue, for the queue", ignore, user, toBoth, true, AcceptedAll},
		{"to a queue it is ignored as well", mailbox.Internal{Ignore: true, IgnoreToQueues: true}, user, toQueue, true, Internal},
		{"to a queue it is ignored, but not unseen", mailbox.Internal{Ignore: true, IgnoreToQueues: true}, user, toQueue, false, AcceptedAll},
		{"to both it is ignored as well", mailbox.Internal{Ignore: true, IgnoreToQueues: true}, user, toBoth, true, Internal},
		{"from a queue it is brought in", ignore, queue, toUser, true, AcceptedAll},
		{"from a queue it is ignored as well", mailbox.Internal{Ignore: true, IgnoreFromQueues: true}, queue, toUser, true, Internal},
		{"from a queue it is ignored, but not unseen", mailbox.Internal{Ignore: true, IgnoreFromQueues: true}, queue, toUser, false, AcceptedAll},
		{"from a queue to a queue it is brought in", mailbox.Internal{Ignore: true, IgnoreFromQueues: true}, queue, toQueue, true, AcceptedAll},
		{"from a queue to a queue it is ignored with all switches", all, queue, toQueue, false, Internal},
		{"a customer's is never internal", all, customer, toUser, true, AcceptedAll},
		{"a customer's to a queue neither", all, customer, toQueue, true, AcceptedAll},
	} {
		v := internalMail(t, r.switches, r.from, r.to, r.seen)
		require.Equal(t, r.rule, v.Rule, r.name)
		require.Equal(t, Incoming, v.Direction, r.name)
		if r.to == toBoth && v.Tracked {
			require.Equal(t, sales, v.Accepting, r.name)
			require.Equal(t, []Ref{sales}, v.Queues, r.name)
		}
	}
}

// All combinations of the switches, senders, recipients and what is tracked agree
// with the rule in words.
func TestInternalInWords(t *testing.T) {
	for n := range 1 << 4 {
		s := mailbox.Internal{Ignore: n&1 != 0, IgnoreToQueues: n&2 != 0, IgnoreFromQueues: n&4 != 0, IgnoreUnseen: n&8 != 0}
		for _, from := range []string{"anna@contoso.example", "support@contoso.example", "carol@example.org"} {
			for _, to := range []string{"bob@contoso.example", "sales@contoso.example"} {
				for _, seen := range []bool{false, true} {
					ignored := s.Ignore && from != "carol@example.org"
					if from == "support@contoso.example" && !s.IgnoreFromQueues {
						ignored = false
					}
					if to == "sales@contoso.example" && !s.IgnoreToQueues {
						ignored = false
					}
					if !seen && !s.IgnoreUnseen {
						ignored = false
					}
					v := internalMail(t, s, from, to, seen)
					require.Equal(t, !ignored, v.Tracked, "%+v %s %s %v", s, from, to, seen)
				}
			}
		}
	}
}

// Where users are among themselves and the queue that was written to does not accept
// it, the queue's setting is the reason.
func TestInternalQueueDecides(t *testing.T) {
	w := contoso().readFrom(bob).accept(bob, mailbox.AcceptAll).accept(sales, mailbox.AcceptNone)
	w.settings.Internal = mailbox.Internal{Ignore: true, IgnoreUnseen: true}
	v := w.one(t, header("From: anna@contoso.example\nTo: bob@contoso.example, sales@contoso.example\n"))
	require.Equal(t, NotAccepted, v.Rule)
	require.Equal(t, "queue sales accepts none", v.Evidence)
}

// A user in Bcc of a colleague's email is no more asked than one in To.
func TestInternalBcc(t *testing.T) {
	w := contoso().readFrom(bob).accept(bob, mailbox.AcceptAll)
	w.settings.Internal = mailbox.Internal{Ignore: true, IgnoreUnseen: true}
	v := w.one(t, header("From: anna@contoso.example\nTo: carol@example.org\n"))
	require.Equal(t, Internal, v.Rule)
}
