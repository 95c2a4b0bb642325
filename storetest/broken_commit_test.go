package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

// while is how long a store that is not safe for many goroutines dawdles.
const while = 200 * time.Microsecond

func cursorFaults() []fault {
	return []fault{
		{name: "a new mailbox is healthy", rule: "S1", make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) {
				if s.LastBatch == "" {
					s.State.Incoming.Phase = mailbox.Healthy
				}
			})}
		}},
		{name: "a new folder has the cursor of another", rule: "S1", also: []string{"S5", "S12"}, make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) {
				if s.Cursors[sent] == "" && s.Cursors[inbox] != "" {
					s.Cursors[sent] = s.Cursors[inbox]
				}
			})}
		}},
		{name: "the cursor is not saved", rule: "S2", also: anywhere, make: func() methods {
			return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) { b.Next = b.From })}
		}},
		{name: "a zero cursor is not saved", rule: "S2", make: func() methods {
			return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) {
				if b.Next == "" {
					b.Next = b.From
				}
			})}
		}},
		{name: "batches are kept as they are given", rule: "S2", make: func() methods {
			var mu sync.Mutex
			given := map[string]serversync.Snapshot{}
			return methods{load: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Snapshot, error) {
				mu.Lock()
				defer mu.Unlock()
				s, err := m.Load(c, key)
				if err != nil || s.LastBatch == "" || s.Fence > 0 {
					return s, err
				}
				if old, ok := given[s.LastBatch+key.String()]; ok {
					return old, nil
				}
				given[s.LastBatch+key.String()] = s
				return s, nil
			}}
		}},
		{name: "a restart loses everything", rule: "S2", also: []string{"S4", "S10", "S11", "S12", "S13", "S14", "S15", "S16", "S17", "S18", "S19", "Quarantine", "Leases", "S20", "S21", "S22"},
			make: func() methods {
				return methods{reopen: func(*memory.Store) *memory.Store { return memory.New() }}
			}},
		{name: "a cursor is cut at 1 MB", rule: "S10", heavy: true, make: func() methods {
			cut := func(c provider.Cursor) provider.Cursor { return c[:min(len(c), 1<<20)] }
			return cursors(cut)
		}},
		{name: "a cursor is text", rule: "S10", make: func() methods {
			return cursors(func(c provider.Cursor) provider.Cursor { return provider.Cursor(strings.ToValidUTF8(string(c), "?")) })
		}},
		{name: "a cursor ends at a zero byte", rule: "S10", make: func() methods {
			return cursors(func(c provider.Cursor) provider.Cursor { return provider.Cursor(cString(string(c))) })
		}},
	}
}

// cursors changes each cursor on its way in.
func cursors(change func(provider.Cursor) provider.Cursor) methods {
	return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) {
		b.From, b.Next = change(b.From), change(b.Next)
	})}
}

func commitFaults() []fault {
	return []fault{
		{name: "a batch with a stale state is half applied", rule: "S3", also: []string{"S15"}, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				if b.State != nil && b.State.From != current(m, b.Mailbox).Version && errors.Is(err, serversync.ErrFenced) {
					m.Commit(c, alter(m, b, func(_ *memory.Store, b *serversync.Batch) { b.ID, b.State = b.ID+"'", nil }))
				}
				return receipt, err
			}}
		}},
		{name: "the records before a bad body are applied", rule: "S3", also: []string{"S13", "S20"}, make: func() methods {
			return methods{commit: halfway, failing: func(c context.Context, m *memory.Store, b *serversync.Batch, at Point) (serversync.Receipt, error) {
				if at == Midway {
					halfway(c, m, b)
					return serversync.Receipt{}, errors.New("the disk is full")
				}
				return fails(c, m, b, at)
			}}
		}},
		{name: "the cursor moves before the records", rule: "S3", also: []string{"S13", "S20"}, make: func() methods {
			return methods{failing: func(c context.Context, m *memory.Store, b *serversync.Batch, at Point) (serversync.Receipt, error) {
				if at == Midway {
					m.Commit(c, &serversync.Batch{ID: b.ID, Mailbox: b.Mailbox, Fence: b.Fence, Lane: b.Lane, From: b.From, Next: b.Next})
				}
				return fails(c, m, b, at)
			}}
		}},
		{name: "a replay is applied again", rule: "S4", also: []string{"S8", "S13"}, make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) {
				s := current(m, b.Mailbox)
				if b.ID != s.LastBatch {
					return
				}
				b.ID, b.Fence, b.From, b.State = b.ID+"'", s.Fence, s.Cursors[b.Lane], nil
				for i := range b.Alerts {
					b.Alerts[i].ID += "'"
				}
			})}
		}},
		{name: "the last batch is forgotten in a restart", rule: "S4", make: func() methods {
			var restarted atomic.Bool
			return methods{
				reopen: func(m *memory.Store) *memory.Store { restarted.Store(true); return m },
				commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
					if restarted.Load() && b.ID == current(m, b.Mailbox).LastBatch {
						return serversync.Receipt{}, serversync.ErrFenced
					}
					return m.Commit(c, b)
				},
			}
		}},
		{name: "a replay is fenced", rule: "S8", also: []string{"S4", "S13", "S20", "S21"}, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				if b.ID == current(m, b.Mailbox).LastBatch {
					return serversync.Receipt{}, serversync.ErrFenced
				}
				return m.Commit(c, b)
			}}
		}},
		{name: "the cursor does not fence", rule: "S8", also: []string{"S6", "S13", "S15", "S19", "S20", "S21"}, make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) { b.From = current(m, b.Mailbox).Cursors[b.Lane] })}
		}},
		{name: "the cursor is looked up, then set", rule: "S8", also: []string{"S4", "S6"}, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				if s := current(m, b.Mailbox); b.ID != s.LastBatch && b.From != s.Cursors[b.Lane] {
					return serversync.Receipt{}, serversync.ErrFenced
				}
				time.Sleep(while)
				own := *b
				for {
					own.From = current(m, b.Mailbox).Cursors[b.Lane]
					receipt, err := m.Commit(c, &own)
					if !errors.Is(err, serversync.ErrFenced) || own.From == current(m, b.Mailbox).Cursors[b.Lane] {
						return receipt, err
					}
				}
			}}
		}},
		{name: "the fence does not fence", rule: "S8", make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) { b.Fence = current(m, b.Mailbox).Fence })}
		}},
		{name: "a batch is remembered for good", rule: "S8", make: func() methods {
			var applied sync.Map
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				if _, ok := applied.Load(b.ID + b.Mailbox.String()); ok {
					return serversync.Receipt{}, nil
				}
				receipt, err := m.Commit(c, b)
				if err == nil {
					applied.Store(b.ID+b.Mailbox.String(), true)
				}
				return receipt, err
			}}
		}},
		{name: "what commits at the same time loses its records", rule: "S6", also: []string{"S4", "S8", "S9", "S15"}, make: func() methods {
			var busy atomic.Int32
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				defer busy.Add(-1)
				if busy.Add(1) > 1 {
					own := *b
					own.Records = nil
					b = &own
				}
				time.Sleep(while)
				return m.Commit(c, b)
			}}
		}},
		{name: "Load reads twice", rule: "S6", also: []string{"S8"}, make: func() methods {
			return methods{load: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Snapshot, error) {
				s, err := m.Load(c, key)
				time.Sleep(while)
				if later, _ := m.Load(c, key); err == nil {
					s.State = later.State
				}
				return s, err
			}}
		}},
		{name: "ErrUnknown is all that a Commit fails with", rule: "S3", also: []string{"S17"}, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				if err != nil && !errors.Is(err, serversync.ErrFenced) && c.Err() == nil {
					err = serversync.ErrUnknown
				}
				return receipt, err
			}}
		}},
		{name: "after ErrUnknown Load tells of the batch before", rule: "S13", make: func() methods {
			var lost atomic.Value
			return methods{
				failing: func(c context.Context, m *memory.Store, b *serversync.Batch, at Point) (serversync.Receipt, error) {
					if at == Unanswered {
						lost.Store(b.ID)
					}
					return fails(c, m, b, at)
				},
				load: shown(func(s *serversync.Snapshot) {
					if s.LastBatch == lost.Load() {
						s.LastBatch = "batch-0"
					}
				}),
			}
		}},
		{name: "after ErrUnknown Load tells of more than took effect", rule: "S13", make: func() methods {
			return methods{failing: func(c context.Context, m *memory.Store, b *serversync.Batch, at Point) (serversync.Receipt, error) {
				if at == Unanswered {
					b = alter(m, b, func(_ *memory.Store, b *serversync.Batch) { b.Records = nil })
				}
				return fails(c, m, b, at)
			}}
		}},
		{name: "a batch without a lane is not remembered", rule: "S13", also: []string{"S4"}, make: func() methods {
			var laned sync.Map
			return methods{
				commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
					receipt, err := m.Commit(c, b)
					if err == nil && b.Lane != noLane {
						laned.Store(b.ID, true)
					}
					return receipt, err
				},
				load: shown(func(s *serversync.Snapshot) {
					if _, ok := laned.Load(s.LastBatch); !ok {
						s.LastBatch = ""
					}
				}),
			}
		}},
	}
}

// halfway commits b, and if a body is bad the records before it.
func halfway(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
	receipt, err := m.Commit(c, b)
	if err != nil && !errors.Is(err, serversync.ErrFenced) && len(b.Records) > 1 && c.Err() == nil {
		m.Commit(c, &serversync.Batch{ID: b.ID + "'", Mailbox: b.Mailbox, Fence: b.Fence, Records: b.Records[:1]})
	}
	return receipt, err
}

// contextFaults has a store for each method, which ignores its context.
func contextFaults() []fault {
	deaf := context.WithoutCancel
	faults := map[string]methods{
		"Load": {load: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Snapshot, error) {
			return m.Load(deaf(c), key)
		}},
		"Commit": {commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
			return m.Commit(deaf(c), b)
		}},
		"Known": {known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
			return m.Known(deaf(c), key, folder, epoch, ids)
		}},
		"Enqueue": {enqueue: func(c context.Context, m *memory.Store, e serversync.Entry) error { return m.Enqueue(deaf(c), e) }},
		"Claim": {claim: func(c context.Context, m *memory.Store, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
			return m.Claim(deaf(c), key, by, now, until)
		}},
		"Advance": {advance: func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error {
			return m.Advance(deaf(c), e, alerts...)
		}},
		"Entry": {entry: func(c context.Context, m *memory.Store, key mailbox.Key, id string) (serversync.Entry, error) {
			return m.Entry(deaf(c), key, id)
		}},
		"Entries": {entries: func(c context.Context, m *memory.Store, key mailbox.Key, phase serversync.Phase, after string, limit int) ([]serversync.Entry, error) {
			return m.Entries(deaf(c), key, phase, after, limit)
		}},
		"List": {list: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
			return m.List(deaf(c), key, folder, epoch, after, limit)
		}},
		"Quarantined": {quarantined: func(c context.Context, m *memory.Store, key mailbox.Key, after provider.Place, limit int) ([]serversync.QuarantinedItem, error) {
			return m.Quarantined(deaf(c), key, after, limit)
		}},
		"Grant": {grant: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Grant, error) {
			return m.Grant(deaf(c), key)
		}},
		"ReplaceGrant": {replace: func(c context.Context, m *memory.Store, key mailbox.Key, g serversync.Grant) error {
			return m.ReplaceGrant(deaf(c), key, g)
		}},
		"Raise": {raise: func(c context.Context, m *memory.Store, wall mailbox.Wall, alerts []mailbox.Alert) error {
			return m.Raise(deaf(c), wall, alerts...)
		}},
		"Alerts": {wall: func(c context.Context, m *memory.Store, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error) {
			return m.Alerts(deaf(c), wall, open, limit)
		}},
		"PruneAlerts": {pruneAlerts: func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			return m.PruneAlerts(deaf(c), organization, before)
		}},
		"Items": {items: func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
			return m.Items(deaf(c), key, after, limit)
		}},
		"PruneItems": {pruneItems: func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			return m.PruneItems(deaf(c), organization, before)
		}},
		"Acquire": {acquire: func(c context.Context, m *memory.Store, key mailbox.Key, holder string, now, until time.Time) (int64, error) {
			return m.Acquire(deaf(c), key, holder, now, until)
		}},
		"Renew": {renew: func(c context.Context, m *memory.Store, key mailbox.Key, fence int64, until time.Time) error {
			return m.Renew(deaf(c), key, fence, until)
		}},
		"Release": {release: func(c context.Context, m *memory.Store, key mailbox.Key, fence int64) error {
			return m.Release(deaf(c), key, fence)
		}},
	}
	all := []fault{{name: "an ended context has an error of its own", rule: "S7", make: func() methods {
		return methods{load: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Snapshot, error) {
			s, err := m.Load(c, key)
			if err != nil {
				err = errors.New("interrupted")
			}
			return s, err
		}}
	}}, {name: "Commit tells that its context has ended when it is done", rule: "S7", also: []string{"S3"}, make: func() methods {
		return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
			receipt, err := m.Commit(deaf(c), b)
			return receipt, errors.Join(err, c.Err())
		}}
	}}}
	for name, m := range faults {
		all = append(all, fault{name: name + " ignores its context", rule: "S7", make: func() methods { return m }})
	}
	return all
}
