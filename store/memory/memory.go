// Package memory is a Store for tests: it keeps everything in memory and loses it
// when the program ends. A host's own tests run on it, and so do the library's; in
// production use store/sqlite or a Store over the host's database.
//
// It keeps every rule that package storetest checks and has every capability but
// Mailboxes. It reads no clock: time comes from the arguments alone, so a test with
// a clock of its own sees no other. What goes in and what comes out is copied, so
// nothing that a caller changes later changes the Store.
//
// Beside the contract it has methods for tests to look inside: [Store.Messages],
// [Store.Places], [Store.Ledger] and [Store.Writes].
package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

var (
	_ serversync.Store      = (*Store)(nil)
	_ serversync.Outbox     = (*Store)(nil)
	_ serversync.Lister     = (*Store)(nil)
	_ serversync.Quarantine = (*Store)(nil)
	_ serversync.Grants     = (*Store)(nil)
	_ serversync.Leases     = (*Store)(nil)
	_ serversync.Walls      = (*Store)(nil)
	_ serversync.Journal    = (*Store)(nil)
	_ serversync.Correlator = (*Store)(nil)
	_ serversync.Verdicts   = (*Store)(nil)
	_ serversync.Numbers    = (*Store)(nil)
)

// atOnce is how many owed acts and deferrals a Snapshot holds at most.
const atOnce = 1000

// A Store keeps mailboxes in memory, for tests. The zero Store is ready and empty.
// It is safe for use by many goroutines and must not be copied.
//
// Each mailbox has a lock of its own, and each organization one for the content
// keys that its mailboxes share, which is held only while a message is added. A
// lock for all is taken for writing only when a mailbox is seen first.
type Store struct {
	mu     sync.RWMutex
	boxes  map[mailbox.Key]*box
	orgs   map[string]*organization
	writes atomic.Int64

	profiles map[mailbox.Wall]alerts // the walls of profiles; those of mailboxes are in boxes
}

// New returns an empty Store.
func New() *Store { return new(Store) }

// box is one mailbox. What few mailboxes have stands behind pointers, so that an
// idle one costs little.
type box struct {
	mu  sync.Mutex
	org *organization

	state   []byte // JSON; none if it is zero
	version int64
	last    string // ID of the last batch applied
	receipt serversync.Receipt
	lanes   []lane // few, and searched in turn: smaller than a map

	owed    []serversync.OwedAct // oldest first
	alerts  alerts
	journal *journal
	ledger  *ledger
	outbox  *outbox
	grant   *serversync.Grant
	fence   int64
	leasing *lease

	verdicts map[provider.Place]verdict
	number   int64 // that NextNumber returned last
}

type lane struct {
	key    serversync.LaneKey
	cursor provider.Cursor
}

// lookup returns the mailbox, or nil if nothing was ever written to it: reading
// leaves no trace.
func (s *Store) lookup(key mailbox.Key) *box {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.boxes[key]
}

// open returns the mailbox, and makes it if it is not there.
func (s *Store) open(key mailbox.Key) *box {
	if x := s.lookup(key); x != nil {
		return x
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.boxes[key]; x != nil {
		return x
	}
	if s.boxes == nil {
		s.boxes, s.orgs = map[mailbox.Key]*box{}, map[string]*organization{}
	}
	if s.orgs[key.Organization] == nil {
		s.orgs[key.Organization] = &organization{known: map[contentKey]*message{}}
	}
	x := &box{org: s.orgs[key.Organization]}
	s.boxes[key] = x
	return x
}

// Load returns all that a cycle of the mailbox starts from.
func (s *Store) Load(ctx context.Context, key mailbox.Key) (serversync.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return serversync.Snapshot{}, err
	}
	x := s.lookup(key)
	if x == nil {
		return serversync.Snapshot{}, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	snap := serversync.Snapshot{
		Version:   x.version,
		Fence:     x.fence,
		LastBatch: x.last,
		Owed:      slices.Clone(x.owed[:min(len(x.owed), atOnce)]),
	}
	if x.state != nil {
		if err := json.Unmarshal(x.state, &snap.State); err != nil {
			return serversync.Snapshot{}, fmt.Errorf("memory: mailbox state: %w", err)
		}
	}
	if len(x.lanes) > 0 {
		snap.Cursors = make(map[serversync.LaneKey]provider.Cursor, len(x.lanes))
		for _, l := range x.lanes {
			snap.Cursors[l.key] = l.cursor
		}
	}
	if x.ledger != nil {
		snap.Deferred = x.ledger.deferrals()
	}
	return snap, nil
}

// Known returns, for each of ids, what is recorded of it in this folder and epoch.
func (s *Store) Known(ctx context.Context, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := make([]serversync.Place, len(ids))
	x := s.lookup(key)
	if x == nil {
		return found, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ledger == nil {
		return found, nil
	}
	e := x.ledger.epochs[serversync.EpochKey{Folder: folder, Epoch: epoch}]
	if e == nil {
		return found, nil
	}
	for i, id := range ids {
		if p := e.places[id]; p != nil {
			found[i] = serversync.Place{Kind: p.kind, Gone: p.gone, Flags: slices.Clone(p.flags)}
		}
	}
	return found, nil
}

// cursor returns the lane's cursor, zero if it has none.
func (x *box) cursor(key serversync.LaneKey) provider.Cursor {
	for i := range x.lanes {
		if x.lanes[i].key == key {
			return x.lanes[i].cursor
		}
	}
	return ""
}

// move sets the lane's cursor. A cursor that is zero again is one never committed.
func (x *box) move(key serversync.LaneKey, to provider.Cursor) {
	for i := range x.lanes {
		if x.lanes[i].key == key {
			x.lanes[i].cursor = to
			return
		}
	}
	if to != "" {
		x.lanes = append(x.lanes, lane{key, to})
	}
}

// each calls f with every mailbox of the organization, locked, in no set order.
func (s *Store) each(organization string, f func(mailbox.Key, *box)) {
	s.mu.RLock()
	boxes := maps.Clone(s.boxes)
	s.mu.RUnlock()
	for key, x := range boxes {
		if key.Organization == organization {
			x.mu.Lock()
			f(key, x)
			x.mu.Unlock()
		}
	}
}
