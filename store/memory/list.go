package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// List returns the ids in this folder and epoch whose place is not gone.
func (s *Store) List(ctx context.Context, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x := s.lookup(key)
	if x == nil {
		return nil, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ledger == nil {
		return nil, nil
	}
	e := x.ledger.epochs[serversync.EpochKey{Folder: folder, Epoch: epoch}]
	if e == nil {
		return nil, nil
	}
	var found []provider.ID
	ids := e.ids()
	from, _ := slices.BinarySearch(ids, after)
	for _, id := range ids[from:] {
		if len(found) >= limit {
			break
		}
		if id > after && !e.places[id].gone {
			found = append(found, id)
		}
	}
	return found, nil
}

// Quarantined returns the mailbox's quarantined items.
func (s *Store) Quarantined(ctx context.Context, key mailbox.Key, after provider.Place, limit int) ([]serversync.QuarantinedItem, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x := s.lookup(key)
	if x == nil {
		return nil, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ledger == nil {
		return nil, nil
	}
	var found []serversync.QuarantinedItem
	for _, at := range slices.SortedFunc(maps.Keys(x.ledger.quarantined), comparePlaces) {
		if len(found) >= limit {
			break
		}
		if comparePlaces(at, after) > 0 {
			p := x.ledger.quarantined[at]
			found = append(found, serversync.QuarantinedItem{Place: at, Received: p.received, Reason: p.reason, Raw: p.raw})
		}
	}
	return found, nil
}
