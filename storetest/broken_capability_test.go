package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

func listFaults() []fault {
	type listFunc = func(context.Context, *memory.Store, mailbox.Key, provider.FolderID, string, provider.ID, int) ([]provider.ID, error)
	lists := func(name string, list listFunc) fault {
		return fault{name: name, rule: "Lister", make: func() methods { return methods{list: list} }}
	}
	type quarantineFunc = func(context.Context, *memory.Store, mailbox.Key, provider.Place, int) ([]serversync.QuarantinedItem, error)
	quarantines := func(name string, also []string, q quarantineFunc) fault {
		return fault{name: name, rule: "Quarantine", also: also, make: func() methods { return methods{quarantined: q} }}
	}
	items := func(change func([]serversync.QuarantinedItem)) quarantineFunc {
		return func(c context.Context, m *memory.Store, key mailbox.Key, after provider.Place, limit int) ([]serversync.QuarantinedItem, error) {
			found, err := m.Quarantined(c, key, after, limit)
			change(found)
			return found, err
		}
	}
	return []fault{
		lists("ids are in no order", func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
			ids, err := m.List(c, key, folder, epoch, after, limit)
			slices.Reverse(ids)
			return ids, err
		}),
		lists("ids begin at after", func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
			ids, err := m.List(c, key, folder, epoch, "", 1000)
			ids = slices.DeleteFunc(ids, func(id provider.ID) bool { return id < after })
			return ids[:min(len(ids), limit)], err
		}),
		lists("there is no limit", func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, _ int) ([]provider.ID, error) {
			return m.List(c, key, folder, epoch, after, 1000)
		}),
		lists("what is gone is listed", func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
			var ids []provider.ID
			for _, p := range m.Places(key) {
				if p.Folder == folder && p.Epoch == epoch && p.ID > after && len(ids) < limit {
					ids = append(ids, p.ID)
				}
			}
			return ids, c.Err()
		}),
		lists("what is tracked is listed alone", func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
			ids, err := m.List(c, key, folder, epoch, after, limit)
			return slices.DeleteFunc(ids, func(id provider.ID) bool {
				p, _ := m.Known(ctx, key, folder, epoch, []provider.ID{id})
				return p[0].Kind == serversync.Deferred
			}), err
		}),
		lists("every epoch is listed", func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
			var ids []provider.ID
			for _, p := range m.Places(key) {
				if p.Folder == folder && p.ID > after && !p.Gone {
					ids = append(ids, p.ID)
				}
			}
			slices.Sort(ids)
			return ids[:min(len(ids), limit)], c.Err()
		}),

		quarantines("the bytes are lost", []string{"S17"}, items(func(all []serversync.QuarantinedItem) {
			for i := range all {
				all[i].Raw = nil
			}
		})),
		quarantines("bytes that could not be had are none", nil, items(func(all []serversync.QuarantinedItem) {
			for i := range all {
				if all[i].Raw == nil {
					all[i].Raw = item.NewBlob(nil)
				}
			}
		})),
		quarantines("the reason is lost", nil, items(func(all []serversync.QuarantinedItem) {
			for i := range all {
				all[i].Reason = ""
			}
		})),
		quarantines("items are in no order", nil, items(slices.Reverse[[]serversync.QuarantinedItem])),
		quarantines("what is gone is not listed", nil, func(c context.Context, m *memory.Store, key mailbox.Key, after provider.Place, limit int) ([]serversync.QuarantinedItem, error) {
			found, err := m.Quarantined(c, key, after, limit)
			return slices.DeleteFunc(found, func(q serversync.QuarantinedItem) bool {
				p, _ := m.Known(ctx, key, q.Folder, q.Epoch, []provider.ID{q.ID})
				return p[0].Gone
			}), err
		}),
		quarantines("the page begins at after's folder", nil, func(c context.Context, m *memory.Store, key mailbox.Key, after provider.Place, limit int) ([]serversync.QuarantinedItem, error) {
			return m.Quarantined(c, key, provider.Place{Folder: after.Folder}, limit)
		}),
		{name: "what was decided is listed still", rule: "Quarantine", make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) {
				b.Records = slices.DeleteFunc(b.Records, func(r serversync.Record) bool {
					p, _ := m.Known(ctx, b.Mailbox, r.Folder, r.Epoch, []provider.ID{r.ID})
					return p[0].Kind == serversync.Quarantined && slices.Contains(decisions, r.Kind)
				})
			})}
		}, also: []string{"S12", "S21"}},
	}
}

func leaseFaults() []fault {
	leases := func(name string, make func() methods) fault { return fault{name: name, rule: "Leases", make: make} }
	return []fault{
		leases("a holder that acquires again keeps its fence", func() methods {
			var mu sync.Mutex
			holders := map[mailbox.Key]string{}
			return methods{acquire: func(c context.Context, m *memory.Store, key mailbox.Key, holder string, now, until time.Time) (int64, error) {
				mu.Lock()
				defer mu.Unlock()
				fence := current(m, key).Fence
				if holders[key] == holder && c.Err() == nil && m.Renew(c, key, fence, until) == nil {
					return fence, nil
				}
				fence, err := m.Acquire(c, key, holder, now, until)
				if err == nil {
					holders[key] = holder
				}
				return fence, err
			}}
		}),
		{name: "a mailbox is leased to all who ask", rule: "Leases", also: []string{"S7"}, make: func() methods {
			return methods{acquire: func(c context.Context, m *memory.Store, key mailbox.Key, _ string, now, until time.Time) (int64, error) {
				return m.Acquire(c, key, "all", now, until)
			}}
		}},
		{name: "a lease never ends", rule: "Leases", also: []string{"S8"}, make: func() methods {
			return methods{acquire: func(c context.Context, m *memory.Store, key mailbox.Key, holder string, now, until time.Time) (int64, error) {
				return m.Acquire(c, key, holder, now, now.AddDate(100, 0, 0))
			}}
		}},
		leases("a lost lease is renewed", func() methods {
			return methods{renew: func(c context.Context, m *memory.Store, key mailbox.Key, fence int64, until time.Time) error {
				err := m.Renew(c, key, fence, until)
				if errors.Is(err, serversync.ErrFenced) {
					return nil
				}
				return err
			}}
		}),
		leases("Renew does not extend", func() methods {
			return methods{renew: func(c context.Context, m *memory.Store, key mailbox.Key, fence int64, _ time.Time) error {
				return m.Renew(c, key, fence, clock.Add(time.Minute))
			}}
		}),
		leases("Release does nothing", func() methods {
			return methods{release: func(c context.Context, _ *memory.Store, _ mailbox.Key, _ int64) error { return c.Err() }}
		}),
		leases("Release ends another's lease", func() methods {
			return methods{release: func(c context.Context, m *memory.Store, key mailbox.Key, _ int64) error {
				return m.Release(c, key, current(m, key).Fence)
			}}
		}),
		leases("releasing what was lost is an error", func() methods {
			return methods{release: func(c context.Context, m *memory.Store, key mailbox.Key, fence int64) error {
				if fence != current(m, key).Fence && c.Err() == nil {
					return serversync.ErrFenced
				}
				return m.Release(c, key, fence)
			}}
		}),
		{name: "Load does not tell the fence", rule: "Leases", also: []string{"S8", "S5"}, make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) { s.Fence = 0 })}
		}},
	}
}
