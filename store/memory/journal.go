package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

// journal is what became of a mailbox's items.
type journal struct {
	items  map[serversync.ItemKey]serversync.JournalItem
	sorted []serversync.ItemKey // in order; nil if out of date
}

// write adds the items to the mailbox's journal. One whose key is there replaces it,
// but keeps its First.
func (x *box) write(items []serversync.JournalItem) {
	if len(items) == 0 {
		return
	}
	if x.journal == nil {
		x.journal = &journal{items: map[serversync.ItemKey]serversync.JournalItem{}}
	}
	for _, i := range items {
		if old, ok := x.journal.items[i.ItemKey]; ok {
			i.First = old.First
		} else {
			x.journal.sorted = nil
		}
		x.journal.items[i.ItemKey] = i
	}
}

// Items returns the mailbox's journal in the order of side, folder, epoch and ID.
func (s *Store) Items(ctx context.Context, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x := s.lookup(key)
	if x == nil {
		return nil, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.journal == nil {
		return nil, nil
	}
	if x.journal.sorted == nil {
		x.journal.sorted = slices.SortedFunc(maps.Keys(x.journal.items), compareItems)
	}
	from, found := slices.BinarySearchFunc(x.journal.sorted, after, compareItems)
	if found {
		from++
	}
	var page []serversync.JournalItem
	for _, k := range x.journal.sorted[from:] {
		if len(page) >= limit {
			break
		}
		page = append(page, x.journal.items[k])
	}
	return page, nil
}

// PruneItems forgets the organization's items that were tried last before a time.
func (s *Store) PruneItems(ctx context.Context, organization string, before time.Time) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n := 0
	s.each(organization, func(_ mailbox.Key, x *box) {
		if x.journal == nil {
			return
		}
		was := len(x.journal.items)
		maps.DeleteFunc(x.journal.items, func(_ serversync.ItemKey, i serversync.JournalItem) bool { return i.Last.Before(before) })
		if gone := was - len(x.journal.items); gone > 0 {
			n += gone
			x.journal.sorted = nil
		}
	})
	return n, nil
}

// compareItems orders items by side, folder, epoch and ID.
func compareItems(a, b serversync.ItemKey) int {
	return cmp.Or(
		cmp.Compare(a.Side, b.Side),
		cmp.Compare(a.Folder, b.Folder),
		cmp.Compare(a.Epoch, b.Epoch),
		cmp.Compare(a.ID, b.ID),
	)
}
