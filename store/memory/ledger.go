package memory

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// ledger is what was decided about the ids of a mailbox.
type ledger struct {
	epochs      map[serversync.EpochKey]*epoch
	quarantined map[provider.Place]*place

	// waiting are the deferred places, oldest first. One whose turn has passed on
	// stands there until tidy.
	waiting []turn
	turns   uint64
	stale   bool
}

// epoch is an id space of a folder.
type epoch struct {
	places map[provider.ID]*place
	sorted []provider.ID // every id in the order of its bytes; nil if out of date
}

// place is what is recorded of an id.
type place struct {
	kind     serversync.RecordKind
	gone     bool
	moved    bool // gone to a place that has its decision now
	flags    []string
	received time.Time
	reason   string
	message  *message   // of a tracked one
	raw      *item.Blob // of a quarantined one; may be nil

	// Of a deferred one.
	attempts  int
	notBefore time.Time
	turn      uint64
}

// turn is a place's place in the queue of the deferred.
type turn struct {
	at    provider.Place
	place *place
	turn  uint64
}

func newLedger() *ledger {
	return &ledger{
		epochs:      map[serversync.EpochKey]*epoch{},
		quarantined: map[provider.Place]*place{},
	}
}

// final reports whether the decision about p stands, but for an ignored one that a
// person asks for.
func (p *place) final() bool {
	return p.kind == serversync.Tracked || p.kind == serversync.Ignored
}

// takes reports whether p may be decided so.
func (p *place) takes(kind serversync.RecordKind) bool {
	return !p.final() || p.kind == serversync.Ignored && kind != serversync.Ignored
}

// find returns what is recorded of the id, or nil.
func (l *ledger) find(folder provider.FolderID, epoch string, id provider.ID) *place {
	e := l.epochs[serversync.EpochKey{Folder: folder, Epoch: epoch}]
	if e == nil {
		return nil
	}
	return e.places[id]
}

// add returns what is recorded of the id, and makes an empty place if nothing is.
func (l *ledger) add(at provider.Place) *place {
	key := serversync.EpochKey{Folder: at.Folder, Epoch: at.Epoch}
	e := l.epochs[key]
	if e == nil {
		e = &epoch{places: map[provider.ID]*place{}}
		l.epochs[key] = e
	}
	p := e.places[at.ID]
	if p == nil {
		p = new(place)
		e.places[at.ID] = p
		e.sorted = nil
	}
	return p
}

// drop forgets the ids of the epochs.
func (l *ledger) drop(keys []serversync.EpochKey) {
	for _, key := range keys {
		e := l.epochs[key]
		if e == nil {
			continue
		}
		for id, p := range e.places {
			p.turn = 0
			if p.kind == serversync.Quarantined {
				delete(l.quarantined, provider.Place{Folder: key.Folder, Epoch: key.Epoch, ID: id})
			}
		}
		delete(l.epochs, key)
		l.stale = true
	}
}

// settle brings the lists of the deferred and the quarantined in line with what p
// has become. A place that is deferred again goes to the end of the queue.
func (l *ledger) settle(at provider.Place, p *place) {
	if p.turn != 0 {
		p.turn, l.stale = 0, true
	}
	if p.kind == serversync.Deferred && !p.gone {
		l.turns++
		p.turn = l.turns
		l.waiting = append(l.waiting, turn{at, p, p.turn})
	}
	if p.kind == serversync.Quarantined && !p.moved {
		l.quarantined[at] = p
	} else {
		delete(l.quarantined, at)
	}
}

// tidy removes the turns that have passed on.
func (l *ledger) tidy() {
	if l.stale {
		l.waiting = slices.DeleteFunc(l.waiting, func(t turn) bool { return t.turn != t.place.turn })
		l.stale = false
	}
}

// deferrals returns the items to be tried again, oldest first.
func (l *ledger) deferrals() []serversync.Deferral {
	var all []serversync.Deferral
	for _, t := range l.waiting[:min(len(l.waiting), atOnce)] {
		all = append(all, serversync.Deferral{
			Folder:    t.at.Folder,
			Epoch:     t.at.Epoch,
			ID:        t.at.ID,
			Attempts:  t.place.attempts,
			NotBefore: t.place.notBefore,
			Reason:    t.place.reason,
		})
	}
	return all
}

// ids returns every id of the epoch in the order of its bytes.
func (e *epoch) ids() []provider.ID {
	if e.sorted == nil {
		e.sorted = make([]provider.ID, 0, len(e.places))
		for id := range e.places {
			e.sorted = append(e.sorted, id)
		}
		slices.Sort(e.sorted)
	}
	return e.sorted
}

// comparePlaces orders places by folder, epoch and id.
func comparePlaces(a, b provider.Place) int {
	return cmp.Or(cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.ID, b.ID))
}
