package serversync

import (
	"context"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// Outbox is the capability of a Store that sending needs.
type Outbox interface {
	// Enqueue adds an entry in PhasePending. An ID that is there already changes
	// nothing: an entry is enqueued once.
	Enqueue(ctx context.Context, e Entry) error

	// Claim takes one entry of the mailbox that is due at now, for the claimer by,
	// until the given time, and returns it with its new Version. Due is, oldest
	// NotBefore first, an entry
	//
	//   - in PhasePending, PhaseAccepted or PhaseUncertain whose NotBefore is not
	//     after now; Pending becomes PhaseClaimed, the others keep their phase,
	//   - in PhaseClaimed whose claim has lapsed,
	//   - in PhaseSubmitting whose claim has lapsed: it becomes PhaseUncertain.
	//
	// An entry with a claim that has not lapsed is not due, whatever its phase. If
	// none is due the error is ErrNotFound.
	Claim(ctx context.Context, key mailbox.Key, by string, now, until time.Time) (Entry, error)

	// Advance replaces the entry with e, and adds the alerts as a Batch does, if the
	// version there is still e.Version; the new version is one more. Otherwise the
	// error is ErrFenced. MessageID, Raw, From, Index and the recipients' addresses stay
	// as they were enqueued. Claimer and ClaimedUntil are as in e.
	Advance(ctx context.Context, e Entry, alerts ...mailbox.Alert) error

	// Entry returns one entry, or ErrNotFound.
	Entry(ctx context.Context, key mailbox.Key, id string) (Entry, error)

	// Entries returns the entries of the mailbox in this phase, at most limit, in
	// the order of their IDs, from the one after the ID after on.
	Entries(ctx context.Context, key mailbox.Key, phase Phase, after string, limit int) ([]Entry, error)
}

// An Entry is an email on its way out. MessageID and Raw are fixed before the
// first byte leaves, and every attempt sends the same bytes.
type Entry struct {
	ID         string // unique within the mailbox
	Mailbox    mailbox.Key
	Phase      Phase
	Version    int64 // 1 when enqueued
	From       string
	Recipients []provider.Recipient // with the zero Status until they are tried
	MessageID  string               // without angle brackets
	Raw        *item.Blob
	Report     bool // ask for delivery reports

	// Index is what answers to the email are matched by ([Correlator]). Nil if it is
	// not to be found; fixed like MessageID. Its Ref is the host's own record of the
	// email, of a type that the Store does not use itself, as ours use "sync_email": it
	// is refused if it is the Ref that the Store has given another email. If it is zero
	// the Store gives one. It comes back as it was enqueued, with the Ref. A Store
	// without Correlator may leave it out.
	Index *track.Email

	NotBefore time.Time
	Attempts  int       // submissions that were begun
	Queued    time.Time // or, of one that is scheduled, when it was to be sent; giving up counts from then on
	Submitted time.Time // when the last submission was begun; zero if none was

	Claimer      string
	ClaimedUntil time.Time

	Reason string // why it is in this phase, in words
}

// A Phase is where an outbox entry stands.
type Phase string

// The phases of an entry: pending → claimed → submitting → accepted → done, and
// from submitting back to pending (a definite no) or to uncertain (no answer),
// which ends as accepted or pending (found out) or held (for a person).
const (
	PhasePending    Phase = "pending"    // to be sent when due
	PhaseClaimed    Phase = "claimed"    // someone is at it; nothing irreversible was done
	PhaseSubmitting Phase = "submitting" // the irreversible byte may have left
	PhaseAccepted   Phase = "accepted"   // sent; its copy is still to be filed
	PhaseUncertain  Phase = "uncertain"  // sent or not, to be found out
	PhaseHeld       Phase = "held"       // could not be found out; a person decides
	PhaseDone       Phase = "done"       // nothing more to do; see the recipients
	PhaseCanceled   Phase = "canceled"   // withdrawn before it was submitted
)
