package serversync

import (
	"context"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// Lister is the capability of a Store that finds out deletions on mail systems
// which do not report them.
type Lister interface {
	// List returns the ids in this folder and epoch whose place is not gone, at
	// most limit, in the order of their bytes, from the one after the id after on.
	List(ctx context.Context, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error)
}

// Quarantine is the capability of a Store that shows what could not be dealt
// with, so that it can be replayed after a fix.
type Quarantine interface {
	// Quarantined returns the mailbox's quarantined items, at most limit, in the
	// order of folder, epoch and id, from the one after after on. The zero after
	// stands for the first.
	Quarantined(ctx context.Context, key mailbox.Key, after provider.Place, limit int) ([]QuarantinedItem, error)
}

// A QuarantinedItem is an item that could not be dealt with.
type QuarantinedItem struct {
	provider.Place
	Received time.Time
	Reason   string
	Raw      *item.Blob // the bytes as the server gave them; nil if they could not be had
}

// Grants is the capability of a Store that keeps what people consented to.
type Grants interface {
	// Grant returns the mailbox's grant, or ErrNotFound.
	Grant(ctx context.Context, key mailbox.Key) (Grant, error)

	// ReplaceGrant saves g if the version there is still g.Version, 0 for none;
	// the new version is one more. Otherwise the error is ErrFenced.
	ReplaceGrant(ctx context.Context, key mailbox.Key, g Grant) error
}

// A Grant is an OAuth grant, sealed by the library before a Store sees it.
type Grant struct {
	Version int64
	Sealed  []byte
}

// Leases is the capability of a Store that keeps several nodes from working on one
// mailbox at once. It saves work; that nothing is lost or doubled rests on the
// fence in each Batch.
type Leases interface {
	// Acquire leases the mailbox to holder until the given time and returns the
	// new fence, one more than the last. If another holder's lease has not ended
	// by now the error is ErrLeased.
	Acquire(ctx context.Context, key mailbox.Key, holder string, now, until time.Time) (fence int64, err error)

	// Renew extends the lease with this fence. If it was lost the error is
	// ErrFenced.
	Renew(ctx context.Context, key mailbox.Key, fence int64, until time.Time) error

	// Release ends the lease with this fence. A lease that was lost is no error.
	Release(ctx context.Context, key mailbox.Key, fence int64) error
}

// Mailboxes tells whom to synchronize. It may be a capability of the Store, or
// stand in Config.Mailboxes; see [Static].
type Mailboxes interface {
	// Mailbox returns a mailbox and its profile, or ErrNotFound.
	Mailbox(ctx context.Context, key mailbox.Key) (mailbox.Mailbox, profile.Profile, error)

	// Keys returns the keys of all mailboxes, at most limit, in the order of
	// organization and mailbox, from the one after after on. The zero after stands
	// for the first.
	Keys(ctx context.Context, after mailbox.Key, limit int) ([]mailbox.Key, error)
}

// Walls is the capability of a Store that shows the alerts it keeps, and keeps
// those about profiles.
type Walls interface {
	// Raise puts alerts on a wall. An alert whose ID is there replaces it.
	Raise(ctx context.Context, wall mailbox.Wall, alerts ...mailbox.Alert) error

	// Alerts returns the alerts on a wall, at most limit, the one that was told
	// last (Last, else At) first, by ID where two were told at once. Open leaves
	// out those that are resolved.
	Alerts(ctx context.Context, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error)

	// PruneAlerts forgets the organization's alerts that were told last before a
	// time, open or not, on all its walls, and returns how many. An alert told at
	// that very time stays. No Store forgets an alert by itself.
	PruneAlerts(ctx context.Context, organization string, before time.Time) (int, error)
}

// Journal is the capability of a Store that tells for each item that failed or was
// skipped what, why and how often. It is written by [Batch], and outlives the epoch
// of its items.
type Journal interface {
	// Items returns the mailbox's journal, at most limit items, in the order of
	// side, folder, epoch and ID, from the one after after on. The zero after
	// stands for the first.
	Items(ctx context.Context, key mailbox.Key, after ItemKey, limit int) ([]JournalItem, error)

	// PruneItems forgets the organization's items that were tried last before a
	// time, and returns how many. What was tried at that very time stays, and so
	// does what is recorded of the ids. No Store forgets an item by itself.
	PruneItems(ctx context.Context, organization string, before time.Time) (int, error)
}

// An ItemKey names an item in the journal of a mailbox. An outbox entry has no
// folder and no epoch.
type ItemKey struct {
	Side   mailbox.Side
	Folder provider.FolderID
	Epoch  string
	ID     provider.ID
}

// A JournalItem says what became of an item. A Store that has one of the same key
// replaces it, but keeps its First.
type JournalItem struct {
	ItemKey
	Kind   RecordKind // Ignored, Deferred, Quarantined; Tracked once a deferred one was dealt with; for an outbox entry Retried, Rejected, Held
	Code   string     // of the failure, stable, for programs; "" if it was no failure
	Reason string     // in words
	Tries  int        // failed ones so far
	First  time.Time
	Last   time.Time
}

// Correlator is the capability of a Store that finds the emails which messages may
// answer: those that were committed or enqueued with an Index.
//
// Of what FindEmails may leave out, a Store keeps the newest: of one token or
// conversation it tells all emails but not more than the newest 100, and of one
// [track.Hashes] those that match, the newest 100 of them, and not more than 200
// together with what matches less. Of several emails with one id it tells at least
// that which was recorded first, so that an id used again hides nothing. Newest is by
// Sent. MinPeople below 1 counts as 1. Words are shared but for WordDelta if neither
// side has more than WordDelta that the other has not.
//
// An email has one Ref for good. It is the one that the host gave in Entry.Index, else
// the Store's own; see there. What is recorded again is no second email:
//
//   - a message whose content key has an email already,
//   - a message with an Outgoing Index one of whose IDs is that of an email that was
//     enqueued: it is the copy of it, whatever a server has made of its content,
//   - an entry whose Ref is that of an email which was enqueued before.
//
// Then the IDs that the email does not have yet are added to its own, behind them, and
// nothing else of it changes. Emails outlive the epochs of their messages.
type Correlator interface {
	track.Emails

	// SetRegarding says what an email belongs to from now on, and to whom; nothing
	// else of it changes. Email is the Ref that FindEmails tells of it. The error is
	// ErrNotFound if there is none.
	SetRegarding(ctx context.Context, organization string, email, regarding, owner track.Ref) error
}

// Verdicts is the capability of a Store that tells why a message was tracked or not,
// and where.
//
// A decision that changes the id's kind, or is the first, writes its Verdict, and
// replaces the one that is there; so does one that defers or quarantines an id once
// more. One without a Verdict leaves the one that is there. A decision that changes
// nothing, since the id has one that stands, writes none. A verdict stays where it was
// decided when the item moves, and outlives its epoch.
type Verdicts interface {
	// Verdicts returns what was decided about messages with this Message-ID, at most
	// limit, the one decided last first, by mailbox, folder, epoch and id where two
	// were decided at once.
	Verdicts(ctx context.Context, organization, messageID string, limit int) ([]StoredVerdict, error)

	// PruneVerdicts forgets the organization's verdicts from before a time, and
	// returns how many. One decided at that very time stays. What was decided stays;
	// only why is forgotten. No Store forgets a verdict by itself.
	PruneVerdicts(ctx context.Context, organization string, before time.Time) (int, error)
}

// A StoredVerdict is a verdict on a message at one of its places.
type StoredVerdict struct {
	Mailbox mailbox.Key
	provider.Place
	Kind    RecordKind // as it was decided
	Reason  string
	Verdict track.Verdict // as its JSON document has it; of what is not tracked it names no people
	At      time.Time     // Record.Decided
}

// Numbers is the capability of a Store that counts the tracking tokens of a mailbox.
type Numbers interface {
	// NextNumber returns 1, 2, 3 … for a mailbox, no number twice, also if it is
	// called by many at once. A number whose answer was lost is left out.
	NextNumber(ctx context.Context, key mailbox.Key) (int64, error)
}
