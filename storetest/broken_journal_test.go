package storetest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

type itemsFunc = func(context.Context, *memory.Store, mailbox.Key, serversync.ItemKey, int) ([]serversync.JournalItem, error)

// there returns the mailbox's item of this key.
func there(m *memory.Store, key mailbox.Key, k serversync.ItemKey) (serversync.JournalItem, bool) {
	for _, i := range whole(m, key) {
		if i.ItemKey == k {
			return i, true
		}
	}
	return serversync.JournalItem{}, false
}

func whole(m *memory.Store, key mailbox.Key) []serversync.JournalItem {
	all, err := m.Items(ctx, key, serversync.ItemKey{}, 1<<20)
	if err != nil {
		panic(err)
	}
	return all
}

// sortedItems returns an Items that orders them in a way of its own.
func sortedItems(compare func(a, b serversync.ItemKey) int) itemsFunc {
	return func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
		if err := c.Err(); err != nil {
			return nil, err
		}
		all := slices.DeleteFunc(whole(m, key), func(i serversync.JournalItem) bool {
			return after != serversync.ItemKey{} && compare(i.ItemKey, after) <= 0
		})
		slices.SortFunc(all, func(a, b serversync.JournalItem) int { return compare(a.ItemKey, b.ItemKey) })
		return all[:min(limit, len(all))], nil
	}
}

func journalFaults() []fault {
	shows := func(name string, items itemsFunc) fault {
		return fault{name: name, rule: "S19", make: func() methods { return methods{items: items} }}
	}
	prunes := func(name string, prune pruneFunc) fault {
		return fault{name: name, rule: "S19", make: func() methods { return methods{pruneItems: prune} }}
	}
	// writes is a store that alters items on their way in.
	writes := func(name string, change func(m *memory.Store, key mailbox.Key, i *serversync.JournalItem)) fault {
		return fault{name: name, rule: "S19", make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) {
				for i := range b.Journal {
					change(m, b.Mailbox, &b.Journal[i])
				}
			})}
		}}
	}
	// keys is a store that takes keys for one that change makes one.
	keys := func(name string, change func(k serversync.ItemKey) serversync.ItemKey) fault {
		return writes(name, func(_ *memory.Store, _ mailbox.Key, i *serversync.JournalItem) { i.ItemKey = change(i.ItemKey) })
	}
	id := func(change func(string) string) func(k serversync.ItemKey) serversync.ItemKey {
		return func(k serversync.ItemKey) serversync.ItemKey {
			k.ID, k.Folder = provider.ID(change(string(k.ID))), provider.FolderID(change(string(k.Folder)))
			return k
		}
	}
	loses := func(name string, change func(i *serversync.JournalItem)) fault {
		return shows(name, func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
			page, err := m.Items(c, key, after, limit)
			for i := range page {
				change(&page[i])
			}
			return page, err
		})
	}
	return []fault{
		{name: "a journal is not written", rule: "S19", also: []string{"S4", "S5", "S7"}, make: func() methods {
			return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) { b.Journal = nil })}
		}},
		{name: "a journal is written before the batch", rule: "S19", also: []string{"S3", "S8", "S17"}, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				if err != nil && len(b.Journal) > 0 && c.Err() == nil {
					m.Commit(c, &serversync.Batch{ID: b.ID + "'", Mailbox: b.Mailbox, Fence: current(m, b.Mailbox).Fence, Journal: b.Journal})
				}
				return receipt, err
			}}
		}},
		{name: "a replay is tried once more", rule: "S4", also: []string{"S13"}, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				replay := current(m, b.Mailbox).LastBatch == b.ID
				receipt, err := m.Commit(c, b)
				if err == nil && replay && len(b.Journal) > 0 {
					own := alter(m, b, func(_ *memory.Store, b *serversync.Batch) {
						for i := range b.Journal {
							b.Journal[i].Tries++
						}
					})
					m.Commit(c, &serversync.Batch{ID: "again", Mailbox: b.Mailbox, Fence: b.Fence, Journal: own.Journal})
					m.Commit(c, &serversync.Batch{ID: b.ID, Mailbox: b.Mailbox, Fence: b.Fence})
				}
				return receipt, err
			}}
		}},
		{name: "a journal is one in all organizations", rule: "S5", also: []string{"S19"}, make: func() methods {
			return methods{items: func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
				if page, err := m.Items(c, key, after, limit); len(page) > 0 || err != nil {
					return page, err
				}
				return m.Items(c, mailbox.Key{Organization: "acme", Mailbox: key.Mailbox}, after, limit)
			}}
		}},

		{name: "an item that comes again is first tried then", rule: "S19", also: []string{"S13"}, make: func() methods {
			type at struct {
				mailbox mailbox.Key
				item    serversync.ItemKey
			}
			var first sync.Map
			return methods{
				commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
					receipt, err := m.Commit(c, b)
					for _, i := range b.Journal {
						if err == nil {
							first.Store(at{b.Mailbox, i.ItemKey}, i.First)
						}
					}
					return receipt, err
				},
				items: func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
					page, err := m.Items(c, key, after, limit)
					for i := range page {
						if t, ok := first.Load(at{key, page[i].ItemKey}); ok {
							page[i].First = t.(time.Time)
						}
					}
					return page, err
				},
			}
		}},
		writes("an item that comes again changes nothing", func(m *memory.Store, key mailbox.Key, i *serversync.JournalItem) {
			if old, ok := there(m, key, i.ItemKey); ok {
				*i = old
			}
		}),
		writes("an item keeps its reason", func(m *memory.Store, key mailbox.Key, i *serversync.JournalItem) {
			if old, ok := there(m, key, i.ItemKey); ok {
				i.Reason = cmp.Or(i.Reason, old.Reason)
				i.Code = cmp.Or(i.Code, old.Code)
			}
		}),
		writes("tries are added up", func(m *memory.Store, key mailbox.Key, i *serversync.JournalItem) {
			if old, ok := there(m, key, i.ItemKey); ok {
				i.Tries += old.Tries
			}
		}),
		{name: "the first of two items in a batch stands", rule: "S19", make: func() methods {
			return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) {
				slices.Reverse(b.Journal)
				for i := range b.Journal { // its own First stays
					for _, later := range b.Journal[i+1:] {
						if later.ItemKey == b.Journal[i].ItemKey {
							b.Journal[i].First = later.First
						}
					}
				}
			})}
		}},
		{name: "dropping an epoch drops its items", rule: "S19", make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				for _, d := range b.Drop {
					if err == nil && d.Folder == inbox.Folder {
						m.PruneItems(c, b.Mailbox.Organization, clock.AddDate(100, 0, 0))
					}
				}
				return receipt, err
			}}
		}},

		keys("ids are compared without case", id(asciiLower)),
		keys("ids are compared without trailing spaces", id(func(s string) string { return strings.TrimRight(s, " ") })),
		keys("ids are text", id(func(s string) string { return strings.ToValidUTF8(s, "\ufffd") })),
		keys("ids end at a zero byte", id(cString)),
		keys("ids are cut", id(func(s string) string { return s[:min(len(s), 255)] })),
		keys("the sides are one", func(k serversync.ItemKey) serversync.ItemKey { k.Side = mailbox.Incoming; return k }),
		keys("the folders are one", func(k serversync.ItemKey) serversync.ItemKey { k.Folder = inbox.Folder; return k }),
		keys("the epochs are one", func(k serversync.ItemKey) serversync.ItemKey { k.Epoch = epoch; return k }),

		loses("times lose their zone", func(i *serversync.JournalItem) { i.First, i.Last = wall(i.First.In(clock.Location())), wall(i.Last) }),
		loses("times are of a second", func(i *serversync.JournalItem) { i.Last = i.Last.Truncate(time.Second) }),
		loses("no time is 1970", func(i *serversync.JournalItem) {
			if i.First.IsZero() {
				i.First = time.Unix(0, 0)
			}
		}),
		loses("the code is lost", func(i *serversync.JournalItem) { i.Code = "" }),
		loses("the reason is plain ASCII", func(i *serversync.JournalItem) {
			i.Reason = strings.Map(func(c rune) rune { return min(c, 127) }, i.Reason)
		}),
		loses("the tries are lost", func(i *serversync.JournalItem) { i.Tries = 0 }),

		shows("items are in no order", sortedItems(func(a, b serversync.ItemKey) int {
			return cmp.Or(cmp.Compare(b.Side, a.Side), cmp.Compare(b.Folder, a.Folder), cmp.Compare(b.Epoch, a.Epoch), cmp.Compare(b.ID, a.ID))
		})),
		shows("items are in the order of folders, then sides", sortedItems(func(a, b serversync.ItemKey) int {
			return cmp.Or(cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Side, b.Side), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.ID, b.ID))
		})),
		shows("epochs are in the order of numbers", sortedItems(func(a, b serversync.ItemKey) int {
			return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Folder, b.Folder),
				cmp.Compare(len(a.Epoch), len(b.Epoch)), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.ID, b.ID))
		})),
		shows("ids are in the order without case", sortedItems(func(a, b serversync.ItemKey) int {
			return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Epoch, b.Epoch),
				cmp.Compare(asciiLower(string(a.ID)), asciiLower(string(b.ID))), cmp.Compare(a.ID, b.ID))
		})),
		shows("there is no limit", func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, _ int) ([]serversync.JournalItem, error) {
			return m.Items(c, key, after, 1<<20)
		}),
		shows("the page begins at after", func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
			page, err := m.Items(c, key, after, limit)
			if old, ok := there(m, key, after); ok && err == nil {
				page = append([]serversync.JournalItem{old}, page...)
			}
			return page[:min(limit, len(page))], err
		}),
		shows("the page begins behind after's folder", func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
			page, err := m.Items(c, key, after, 1<<20)
			page = slices.DeleteFunc(page, func(i serversync.JournalItem) bool { return i.Folder == after.Folder && after.ID != "" })
			return page[:min(limit, len(page))], err
		}),
		shows("after must be there", func(c context.Context, m *memory.Store, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
			if _, ok := there(m, key, after); !ok && after != (serversync.ItemKey{}) {
				return nil, c.Err()
			}
			return m.Items(c, key, after, limit)
		}),

		prunes("what was tried at that very time is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			if !before.IsZero() {
				before = before.Add(1)
			}
			return m.PruneItems(c, organization, before)
		}),
		prunes("what was tried in that second is kept", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			return m.PruneItems(c, organization, before.Truncate(time.Second))
		}),
		prunes("what was tried first before that time is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			if !before.IsZero() {
				before = clock.AddDate(100, 0, 0)
			}
			return m.PruneItems(c, organization, before)
		}),
		prunes("every organization is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			m.PruneItems(c, eve.Organization, before)
			return m.PruneItems(c, organization, before)
		}),
		prunes("one mailbox is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			bobs := whole(m, bob)
			n, err := m.PruneItems(c, organization, before)
			if err == nil && len(bobs) > 0 {
				m.Commit(c, &serversync.Batch{ID: "kept", Mailbox: bob, Journal: bobs})
			}
			return n, err
		}),
		prunes("nobody counts what is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			_, err := m.PruneItems(c, organization, before)
			return 0, err
		}),
		prunes("what is recorded of the ids is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			n, err := m.PruneItems(c, organization, before)
			if err == nil && n > 0 {
				m.Commit(c, &serversync.Batch{ID: "pruned", Mailbox: ann, Drop: []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}}})
			}
			return n, err
		}),
	}
}
