package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

// methods are the methods of a faulty store. A nil one is memory's own.
type methods struct {
	load   func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Snapshot, error)
	known  func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error)
	commit func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error)

	enqueue func(c context.Context, m *memory.Store, e serversync.Entry) error
	claim   func(c context.Context, m *memory.Store, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error)
	advance func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error
	entry   func(c context.Context, m *memory.Store, key mailbox.Key, id string) (serversync.Entry, error)
	entries func(c context.Context, m *memory.Store, key mailbox.Key, phase serversync.Phase, after string, limit int) ([]serversync.Entry, error)

	list        func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error)
	quarantined func(c context.Context, m *memory.Store, key mailbox.Key, after provider.Place, limit int) ([]serversync.QuarantinedItem, error)

	grant   func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Grant, error)
	replace func(c context.Context, m *memory.Store, key mailbox.Key, g serversync.Grant) error

	raise       func(c context.Context, m *memory.Store, wall mailbox.Wall, alerts []mailbox.Alert) error
	wall        func(c context.Context, m *memory.Store, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error)
	pruneAlerts func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error)

	items      func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error)
	pruneItems func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error)

	find          func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error)
	regard        func(c context.Context, m *memory.Store, organization string, email, regarding, owner track.Ref) error
	verdicts      func(c context.Context, m *memory.Store, organization, messageID string, limit int) ([]serversync.StoredVerdict, error)
	pruneVerdicts func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error)
	count         func(c context.Context, m *memory.Store, key mailbox.Key) (int64, error)

	acquire func(c context.Context, m *memory.Store, key mailbox.Key, holder string, now, until time.Time) (int64, error)
	renew   func(c context.Context, m *memory.Store, key mailbox.Key, fence int64, until time.Time) error
	release func(c context.Context, m *memory.Store, key mailbox.Key, fence int64) error

	messages func(m *memory.Store, organization string) []StoredMessage
	alerts   func(m *memory.Store, key mailbox.Key) []mailbox.Alert
	failing  func(c context.Context, m *memory.Store, b *serversync.Batch, at Point) (serversync.Receipt, error)
	reopen   func(m *memory.Store) *memory.Store
}

// faulty is a memory.Store with some methods replaced.
type faulty struct {
	*memory.Store
	methods
	next Point // where the next Commit fails
}

// harness returns the Harness of a faulty store.
func (m methods) harness(*testing.T) Harness {
	f := &faulty{Store: memory.New(), methods: m}
	return Harness{
		Store: f,
		Messages: func(_ *testing.T, organization string) []StoredMessage {
			if m.messages != nil {
				return m.messages(f.Store, organization)
			}
			return stored(f.Store, organization)
		},
		Alerts: func(_ *testing.T, key mailbox.Key) []mailbox.Alert {
			if m.alerts != nil {
				return m.alerts(f.Store, key)
			}
			return alertsOf(f.Store, key)
		},
		Reopen: func(*testing.T) serversync.Store {
			if m.reopen != nil {
				f.Store = m.reopen(f.Store)
			}
			return f
		},
		FailNext: func(_ *testing.T, at Point) { f.next = at },
	}
}

// alertsOf returns the mailbox's alerts.
func alertsOf(m *memory.Store, key mailbox.Key) []mailbox.Alert {
	all, err := m.Alerts(ctx, key.Wall(), false, 1<<20)
	if err != nil {
		panic(err)
	}
	return all
}

// stored returns the messages as the suite wants to see them.
func stored(m *memory.Store, organization string) []StoredMessage {
	var all []StoredMessage
	for _, message := range m.Messages(organization) {
		raw, _ := message.Raw.Bytes()
		s := StoredMessage{Content: message.Content, Size: int64(len(raw)), Sum: sha256.Sum256(raw)}
		for _, p := range message.Places {
			s.Places = append(s.Places, StoredPlace{p.Mailbox, p.Place, p.Gone, p.Flags})
		}
		all = append(all, s)
	}
	return all
}

func (f *faulty) Load(c context.Context, key mailbox.Key) (serversync.Snapshot, error) {
	if f.load == nil {
		return f.Store.Load(c, key)
	}
	return f.load(c, f.Store, key)
}

func (f *faulty) Known(c context.Context, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
	if f.known == nil {
		return f.Store.Known(c, key, folder, epoch, ids)
	}
	return f.known(c, f.Store, key, folder, epoch, ids)
}

func (f *faulty) Commit(c context.Context, b *serversync.Batch) (serversync.Receipt, error) {
	if at := f.next; at != "" {
		f.next = ""
		if f.failing != nil {
			return f.failing(c, f.Store, b, at)
		}
		return fails(c, f.Store, b, at)
	}
	if f.commit == nil {
		return f.Store.Commit(c, b)
	}
	return f.commit(c, f.Store, b)
}

// fails commits b so that it fails at the point, as a sound store does.
func fails(c context.Context, m *memory.Store, b *serversync.Batch, at Point) (serversync.Receipt, error) {
	if at == Unanswered {
		if receipt, err := m.Commit(c, b); err != nil {
			return receipt, err
		}
		return serversync.Receipt{}, serversync.ErrUnknown
	}
	bad := letter("fails")
	bad.Raw = brokenBlob(100, errors.New("the disk is full"))
	failing := *b
	failing.Records = append(slices.Clone(b.Records), in("nowhere", "", tracked("fails", bad)))
	return m.Commit(c, &failing)
}

func (f *faulty) Enqueue(c context.Context, e serversync.Entry) error {
	if f.enqueue == nil {
		return f.Store.Enqueue(c, e)
	}
	return f.enqueue(c, f.Store, e)
}

func (f *faulty) Claim(c context.Context, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
	if f.claim == nil {
		return f.Store.Claim(c, key, by, now, until)
	}
	return f.claim(c, f.Store, key, by, now, until)
}

func (f *faulty) Advance(c context.Context, e serversync.Entry, alerts ...mailbox.Alert) error {
	if f.advance == nil {
		return f.Store.Advance(c, e, alerts...)
	}
	return f.advance(c, f.Store, e, alerts)
}

func (f *faulty) Entry(c context.Context, key mailbox.Key, id string) (serversync.Entry, error) {
	if f.entry == nil {
		return f.Store.Entry(c, key, id)
	}
	return f.entry(c, f.Store, key, id)
}

func (f *faulty) Entries(c context.Context, key mailbox.Key, phase serversync.Phase, after string, limit int) ([]serversync.Entry, error) {
	if f.entries == nil {
		return f.Store.Entries(c, key, phase, after, limit)
	}
	return f.entries(c, f.Store, key, phase, after, limit)
}

func (f *faulty) List(c context.Context, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
	if f.list == nil {
		return f.Store.List(c, key, folder, epoch, after, limit)
	}
	return f.list(c, f.Store, key, folder, epoch, after, limit)
}

func (f *faulty) Quarantined(c context.Context, key mailbox.Key, after provider.Place, limit int) ([]serversync.QuarantinedItem, error) {
	if f.quarantined == nil {
		return f.Store.Quarantined(c, key, after, limit)
	}
	return f.quarantined(c, f.Store, key, after, limit)
}

func (f *faulty) Grant(c context.Context, key mailbox.Key) (serversync.Grant, error) {
	if f.grant == nil {
		return f.Store.Grant(c, key)
	}
	return f.grant(c, f.Store, key)
}

func (f *faulty) ReplaceGrant(c context.Context, key mailbox.Key, g serversync.Grant) error {
	if f.replace == nil {
		return f.Store.ReplaceGrant(c, key, g)
	}
	return f.replace(c, f.Store, key, g)
}

func (f *faulty) Raise(c context.Context, wall mailbox.Wall, alerts ...mailbox.Alert) error {
	if f.raise == nil {
		return f.Store.Raise(c, wall, alerts...)
	}
	return f.raise(c, f.Store, wall, alerts)
}

func (f *faulty) Alerts(c context.Context, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error) {
	if f.wall == nil {
		return f.Store.Alerts(c, wall, open, limit)
	}
	return f.wall(c, f.Store, wall, open, limit)
}

func (f *faulty) PruneAlerts(c context.Context, organization string, before time.Time) (int, error) {
	if f.pruneAlerts == nil {
		return f.Store.PruneAlerts(c, organization, before)
	}
	return f.pruneAlerts(c, f.Store, organization, before)
}

func (f *faulty) Items(c context.Context, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
	if f.items == nil {
		return f.Store.Items(c, key, after, limit)
	}
	return f.items(c, f.Store, key, after, limit)
}

func (f *faulty) PruneItems(c context.Context, organization string, before time.Time) (int, error) {
	if f.pruneItems == nil {
		return f.Store.PruneItems(c, organization, before)
	}
	return f.pruneItems(c, f.Store, organization, before)
}

func (f *faulty) FindEmails(c context.Context, organization string, q track.Query) ([]track.Email, error) {
	if f.find == nil {
		return f.Store.FindEmails(c, organization, q)
	}
	return f.find(c, f.Store, organization, q)
}

func (f *faulty) SetRegarding(c context.Context, organization string, email, regarding, owner track.Ref) error {
	if f.regard == nil {
		return f.Store.SetRegarding(c, organization, email, regarding, owner)
	}
	return f.regard(c, f.Store, organization, email, regarding, owner)
}

func (f *faulty) Verdicts(c context.Context, organization, messageID string, limit int) ([]serversync.StoredVerdict, error) {
	if f.verdicts == nil {
		return f.Store.Verdicts(c, organization, messageID, limit)
	}
	return f.verdicts(c, f.Store, organization, messageID, limit)
}

func (f *faulty) PruneVerdicts(c context.Context, organization string, before time.Time) (int, error) {
	if f.pruneVerdicts == nil {
		return f.Store.PruneVerdicts(c, organization, before)
	}
	return f.pruneVerdicts(c, f.Store, organization, before)
}

func (f *faulty) NextNumber(c context.Context, key mailbox.Key) (int64, error) {
	if f.count == nil {
		return f.Store.NextNumber(c, key)
	}
	return f.count(c, f.Store, key)
}

func (f *faulty) Acquire(c context.Context, key mailbox.Key, holder string, now, until time.Time) (int64, error) {
	if f.acquire == nil {
		return f.Store.Acquire(c, key, holder, now, until)
	}
	return f.acquire(c, f.Store, key, holder, now, until)
}

func (f *faulty) Renew(c context.Context, key mailbox.Key, fence int64, until time.Time) error {
	if f.renew == nil {
		return f.Store.Renew(c, key, fence, until)
	}
	return f.renew(c, f.Store, key, fence, until)
}

func (f *faulty) Release(c context.Context, key mailbox.Key, fence int64) error {
	if f.release == nil {
		return f.Store.Release(c, key, fence)
	}
	return f.release(c, f.Store, key, fence)
}

// altered returns a Commit of a copy of the batch that change has altered.
func altered(change func(m *memory.Store, b *serversync.Batch)) func(context.Context, *memory.Store, *serversync.Batch) (serversync.Receipt, error) {
	return func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
		return m.Commit(c, alter(m, b, change))
	}
}

func alter(m *memory.Store, b *serversync.Batch, change func(m *memory.Store, b *serversync.Batch)) *serversync.Batch {
	own := *b
	own.Records, own.Owe, own.Alerts = slices.Clone(b.Records), slices.Clone(b.Owe), slices.Clone(b.Alerts)
	own.Settled, own.Drop, own.Journal = slices.Clone(b.Settled), slices.Clone(b.Drop), slices.Clone(b.Journal)
	for i, r := range own.Records {
		if r.Message != nil {
			message := *r.Message
			own.Records[i].Message = &message
		}
		if r.Index != nil {
			index := *r.Index
			own.Records[i].Index = &index
		}
	}
	if b.State != nil {
		state := *b.State
		own.State = &state
	}
	change(m, &own)
	return &own
}

// shown returns a Load that alters what memory's shows.
func shown(change func(*serversync.Snapshot)) func(context.Context, *memory.Store, mailbox.Key) (serversync.Snapshot, error) {
	return func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Snapshot, error) {
		s, err := m.Load(c, key)
		if err == nil {
			change(&s)
		}
		return s, err
	}
}

// current returns what a sound Load returns.
func current(m *memory.Store, key mailbox.Key) serversync.Snapshot {
	s, err := m.Load(ctx, key)
	if err != nil {
		panic(err)
	}
	return s
}

// all reads a blob, as far as it can be read.
func all(r io.Reader) []byte {
	b, _ := io.ReadAll(r)
	return b
}
