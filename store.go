package serversync

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// Store is the host's side: it keeps what the Syncer finds, and how far it got.
//
// These three methods are all that incoming mail needs. What a Store can do
// besides is said by the capabilities [Outbox], [Lister], [Quarantine], [Grants],
// [Leases], [Walls], [Journal], [Correlator], [Verdicts] and [Numbers], which [StoreAs]
// finds through wrappers. Package storetest checks these rules, each under its number:
//
//	S1  A cursor that was never committed is zero.
//	S2  After Commit returns nil, its cursor is what Load returns.
//	S3  Commit is all or nothing: after a definite error nothing of it shows.
//	S4  Committing one batch twice leaves what committing it once left.
//	S5  Organizations, mailboxes, folders and lanes do not see each other.
//	S6  A Store is safe for use by many goroutines.
//	S7  A method called with a context that has ended changes nothing and returns
//	    the context's error.
//	S8  A batch names the cursor (From) and the fence it started from. If either
//	    has moved on, Commit changes nothing and returns ErrFenced, unless the
//	    batch is the last one applied, in which case it returns nil.
//	S9  Ids are opaque, case-sensitive bytes. The delivery key (mailbox, folder,
//	    epoch, id) and, within an organization, the content key are unique
//	    constraints, not look-ups: two commits at once cannot both insert.
//	S10 A cursor may be 16 MB.
//	S11 An outbox entry is claimed by one claimer at a time. A claim that lapsed
//	    while submitting comes back as uncertain, never as pending.
//	S12 Ids that were committed are known until their epoch is dropped, at the
//	    cost of the ids asked for, not of the mailbox.
//	S13 Commit may return ErrUnknown when it cannot tell whether it took effect.
//	    Load tells afterwards.
//	S14 Acts owed are returned by Load until they are settled.
//	S15 Mailbox state changes by compare-and-set, and alerts are added, in the
//	    batch's transaction. An alert whose ID is there replaces it.
//	S16 OAuth grants are replaced by compare-and-set.
//	S17 Bodies arrive as an item.Blob with size and digest; a Store never needs a
//	    whole one in memory, and what it gives back has the same bytes.
//	S18 A wall shows the alerts raised on it and, if it is a mailbox's, those that
//	    its batches and outbox entries told. Pruning forgets what was told last
//	    before a time, and nothing else.
//	S19 A journal has one item for each key, which changes in the batch's
//	    transaction and keeps its First. Pruning forgets what was tried last before
//	    a time, and nothing else.
//	S20 An email that was committed or enqueued with an Index is found by each of its
//	    keys as long as the organization is there, and comes back as it was. What
//	    comes again is the same email, not another: a message whose content is there,
//	    and the copy of one that was enqueued.
//	S21 What a verdict says is kept with its id in the batch's transaction, and told
//	    by Message-ID. Pruning forgets what was decided before a time, and nothing
//	    else.
//	S22 A mailbox's numbers are 1, 2, 3 and so on, none of them twice.
type Store interface {
	// Load returns all that a cycle of the mailbox starts from. A mailbox that was
	// never committed has the zero Snapshot.
	Load(ctx context.Context, key mailbox.Key) (Snapshot, error)

	// Known returns, for each of ids, what is recorded of it in this folder and
	// epoch. An id that was never committed has the zero Place.
	Known(ctx context.Context, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]Place, error)

	// Commit applies b in one transaction.
	Commit(ctx context.Context, b *Batch) (Receipt, error)
}

// The errors of a Store that the Syncer acts upon.
var (
	// ErrFenced says that somebody else has moved on: start again from Load.
	ErrFenced = errors.New("serversync: the cursor, fence or version this started from has moved on")

	// ErrUnknown says that a Commit may or may not have taken effect.
	ErrUnknown = errors.New("serversync: it is not known whether the commit took effect")

	// ErrLeased says that another node is at work on the mailbox.
	ErrLeased = errors.New("serversync: the mailbox is leased to another node")

	// ErrNotFound says that there is no such mailbox, entry, grant or email.
	ErrNotFound = errors.New("serversync: not found")
)

// A RecordError is a Commit's refusal of one record, for a reason that lies in the
// record. The Syncer defers that record, after some tries quarantines it, and
// commits the rest. Nothing of the refused batch shows.
type RecordError struct {
	Index int // in Batch.Records
	Err   error
}

// Error returns what was wrong with the record.
func (e *RecordError) Error() string {
	return fmt.Sprintf("serversync: record %d refused: %v", e.Index, e.Err)
}

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// Snapshot is all that a cycle of one mailbox starts from.
type Snapshot struct {
	State     mailbox.State
	Version   int64  // of State, for compare-and-set; 0 if never committed
	Fence     int64  // counts the leases of the mailbox; 0 without Leases
	LastBatch string // ID of the last batch applied
	Cursors   map[LaneKey]provider.Cursor
	Owed      []OwedAct  // at most 1,000, oldest first
	Deferred  []Deferral // at most 1,000, oldest first
}

// A LaneKey names a lane of a folder of a mailbox. Each has its own cursor.
type LaneKey struct {
	Folder provider.FolderID
	Lane   provider.Lane
}

// A Receipt says what a Commit did with the messages in it.
type Receipt struct {
	Added  int // messages that are new to the organization
	Linked int // messages that were there already and got another place
}

// StoreAs returns the first T found in s or in what s wraps. A wrapper has a
// method Unwrap() Store.
func StoreAs[T any](s Store) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		w, ok := s.(interface{ Unwrap() Store })
		if !ok {
			break
		}
		s = w.Unwrap()
	}
	var zero T
	return zero, false
}
