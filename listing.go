package serversync

import (
	"context"
	"hash/maphash"

	"github.com/go-serversync/serversync/provider"
)

// A listing is what a Full round has listed so far: a hash of each id, for a
// mailbox may have a million. That two ids of one folder share a 64-bit hash, so
// that the absence of one would go unnoticed, is not to be expected.
type listing struct {
	seed maphash.Seed
	ids  map[uint64]struct{}
}

func (s *listing) add(page provider.Page) {
	if s.ids == nil {
		s.seed, s.ids = maphash.MakeSeed(), make(map[uint64]struct{})
	}
	for _, change := range page.Changes {
		if change.Kind == provider.Upsert || change.Kind == provider.Flags {
			s.ids[maphash.String(s.seed, string(change.ID))] = struct{}{}
		}
	}
}

func (s *listing) has(id provider.ID) bool {
	_, ok := s.ids[maphash.String(s.seed, string(id))]
	return ok
}

// wantsFull reports whether the lane is to be listed in full: now and then, where
// the mail system does not report deletions and the Store can tell what it has.
func (l *lane) wantsFull(from provider.Cursor) bool {
	traits := l.in.Traits()
	if l.key.Lane != provider.Live || from == "" || traits.ReportsGone || !traits.HasBackfill || l.s.lister == nil || l.s.cfg.FullInterval < 0 {
		return false
	}
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	last, ok := l.s.full[laneOf{l.cycle.key, l.key}]
	return !ok || l.s.cfg.Clock.Now().Sub(last) >= l.s.cfg.FullInterval
}

func (l *lane) noteFull() {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.full[laneOf{l.cycle.key, l.key}] = l.s.cfg.Clock.Now()
}

// listPage is how many ids of the ledger are held against a listing at once.
const listPage = 1000

// commitGone records as gone what the Store has and the whole round has not.
func (l *lane) commitGone(ctx context.Context, epoch string) error {
	if l.s.lister == nil {
		return nil
	}
	for after, done := provider.ID(""), false; !done; {
		ids, err := store(ctx, l.cycle, "Lister.List", func(ctx context.Context) ([]provider.ID, error) {
			return l.s.lister.List(ctx, l.cycle.key, l.folder.ID, epoch, after, listPage)
		})
		if err != nil {
			return err
		}
		b := l.stay(l.key) // if somebody has moved on, what is not listed may be newer
		for _, id := range ids {
			if !l.listed.has(id) {
				b.Records = append(b.Records, Record{Kind: Gone, Folder: l.folder.ID, Epoch: epoch, ID: id})
			}
			after = id
		}
		if len(b.Records) > 0 {
			if _, err := l.commit(ctx, b); err != nil {
				return err
			}
		}
		done = len(ids) < listPage
	}
	return nil
}
