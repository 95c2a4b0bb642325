package serversync

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// defaultConnections is Profile.MaxConnections where it is 0.
const defaultConnections = 10

// wakeEvery is the least time between two cycles that notices bring forward.
const wakeEvery = 5 * time.Second

// plan knows when each mailbox is due, and holds back those whose organization or
// profile has its share of the work under way. An idle mailbox costs one entry.
type plan struct {
	s    *Syncer
	turn chan struct{} // held by the one worker that waits for the next mailbox

	mu      sync.Mutex
	entries map[mailbox.Key]*planned
	due     dueHeap
	waiting map[any][]*planned // by what they wait for a share of: an organization or a profileKey
	shares  map[any]int        // taken by cycles under way and, of an account, by those that listen
	lent    map[profileKey]int // of the shares, to those that listen
	lines   map[outageKey]*line
	issued  uint64 // tickets of these
	wake    func() // ends the waiting worker's sleep
	version int    // counts the changes of the set of mailboxes
}

// A planned mailbox.
type planned struct {
	key     mailbox.Key
	at      time.Time
	began   time.Time // of its last cycle
	index   int       // in the heap; -1 outside
	running bool
	again   bool // news came while it was running
	removed bool
	waiting bool       // for a share
	healthy bool       // its last cycle brought mail in, and it may be watched
	account profileKey // of its last cycle
	limit   int        // connections of its profile, where its mailboxes share one account; 0 for none
	tickets [2]uint64  // in the lines of its profile, by side; 0 for none
}

// An ending is what the plan has to know of how a cycle ended.
type ending struct {
	report  Report
	account profileKey
	limit   int
	watch   bool      // it may have a connection to listen on
	next    time.Time // when it is due again by itself
	held    [2]bool   // by side, whether an outage holds it back
	parked  bool      // nothing else is wanted of it
}

func (p *plan) init(s *Syncer) {
	p.s, p.turn, p.wake = s, make(chan struct{}, 1), func() {}
	p.entries, p.waiting, p.shares = make(map[mailbox.Key]*planned), make(map[any][]*planned), make(map[any]int)
	p.lent, p.lines = make(map[profileKey]int), make(map[outageKey]*line)
}

// next waits until a mailbox is due and may be worked on, and marks it running.
func (p *plan) next(ctx context.Context) (*planned, error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.turn }()
	for ctx.Err() == nil {
		e, wait, sleep := p.take(ctx)
		if e != nil {
			return e, nil
		}
		p.s.cfg.Clock.Sleep(sleep, wait)
		p.mu.Lock()
		p.wake()
		p.wake = func() {}
		p.mu.Unlock()
	}
	return nil, ctx.Err()
}

// take returns a mailbox to work on, or for how long to sleep, with a context that
// ends when there is something new.
func (p *plan) take(ctx context.Context) (*planned, time.Duration, context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.s.cfg.Clock.Now()
	for len(p.due) > 0 && !p.due[0].at.After(now) {
		e := heap.Pop(&p.due).(*planned)
		if full, is := p.full(e); is {
			e.waiting = true
			p.waiting[full] = append(p.waiting[full], e)
			continue
		}
		e.running, e.again, e.began = true, false, now
		p.unqueue(e)
		p.shares[e.key.Organization]++
		if e.limit > 0 {
			p.shares[e.account]++
		}
		return e, 0, nil
	}
	wait := refreshEvery
	if len(p.due) > 0 {
		wait = min(wait, p.due[0].at.Sub(now))
	}
	sleep, wake := context.WithCancel(ctx)
	p.wake = wake
	return nil, wait, sleep
}

// full returns what has no share left for e.
func (p *plan) full(e *planned) (any, bool) {
	if p.shares[e.key.Organization] >= p.s.cfg.OrganizationShare {
		return e.key.Organization, true
	}
	if e.limit > 0 && p.shares[e.account] >= e.limit {
		return e.account, true
	}
	return nil, false
}

// done plans a mailbox anew after its cycle.
func (p *plan) done(e *planned, end ending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave(e.key.Organization)
	if e.limit > 0 {
		p.leave(e.account)
	}
	e.running, e.healthy = false, end.report.Incoming.Phase == mailbox.Healthy && end.watch
	p.passed(e, e.account)
	e.account, e.limit = end.account, end.limit
	if e.removed {
		return
	}
	at, parked := end.next, end.parked
	if e.again {
		at = e.began.Add(wakeEvery)
	}
	for i, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
		if key := (outageKey{e.account, side}); end.held[i] {
			if holds, _ := p.s.outages.holds(key); holds {
				p.queue(e, key)
			} else { // it has ended meanwhile
				at, parked = p.s.cfg.Clock.Now().Add(p.chance(time.Second)), false
			}
		}
	}
	if !parked {
		e.at = at
		p.push(e)
	}
	for i, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
		if end.held[i] {
			p.nextInLine(outageKey{e.account, side})
		}
	}
}

// leave gives a share back, and lets one that waits for it try again.
func (p *plan) leave(share any) {
	if p.shares[share]--; p.shares[share] == 0 {
		delete(p.shares, share)
	}
	if waiting := p.waiting[share]; len(waiting) > 0 {
		waiting[0].waiting = false
		p.push(waiting[0])
		if p.waiting[share] = waiting[1:]; len(waiting) == 1 {
			delete(p.waiting, share)
		}
	}
}

func (p *plan) push(e *planned) {
	heap.Push(&p.due, e)
	if e.index == 0 {
		p.wake()
	}
}

// bring brings the next cycle of a mailbox forward. One that is parked stays: its
// server is down.
func (p *plan) bring(key mailbox.Key) {
	p.s.idles.forget(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries[key]
	switch {
	case e == nil:
	case e.running:
		e.again = true
	case e.index >= 0:
		now := p.s.cfg.Clock.Now()
		at := now
		if soonest := e.began.Add(wakeEvery); soonest.After(now) {
			at = soonest
		}
		if at.Before(e.at) {
			e.at = at
			heap.Fix(&p.due, e.index)
			if e.index == 0 {
				p.wake()
			}
		}
	}
}

// set makes the plan hold these mailboxes. New ones are spread over a little time.
func (p *plan) set(keys []mailbox.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.s.cfg.Clock.Now()
	kept := make(map[mailbox.Key]bool, len(keys))
	window := min(p.s.cfg.PollInterval, time.Duration(len(keys))*time.Millisecond)
	for _, key := range keys {
		kept[key] = true
		if p.entries[key] == nil {
			e := &planned{key: key, index: -1, at: now.Add(time.Duration(p.s.spread() * float64(window)))}
			p.entries[key] = e
			p.push(e)
			p.version++
		}
	}
	for key, e := range p.entries { // the order does not matter: each goes on its own
		if kept[key] {
			continue
		}
		delete(p.entries, key)
		e.removed = true
		p.version++
		if e.index >= 0 {
			heap.Remove(&p.due, e.index)
		}
		if e.waiting {
			for share, waiting := range p.waiting {
				p.waiting[share] = slices.DeleteFunc(waiting, func(w *planned) bool { return w == e })
			}
		}
		p.unqueue(e)
		p.passed(e, e.account)
		p.s.idles.forget(key)
	}
}

// watched returns up to n healthy mailboxes, and the version of the set.
func (p *plan) watched(n int) (keys []mailbox.Key, version int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, e := range p.entries {
		if e.healthy {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys[:min(n, len(keys))], p.version
}

// sharedLimit returns how many connections a profile's mailboxes may have among
// them, 0 where each has its own account.
func sharedLimit(p profile.Profile) int {
	if !p.SharesAccount(mailbox.Incoming) {
		return 0
	}
	return cmp.Or(p.MaxConnections, defaultConnections)
}

// dueHeap orders mailboxes by when they are due, and then by key.
type dueHeap []*planned

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return compareKeys(h[i].key, h[j].key) < 0
}
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *dueHeap) Push(x any) {
	e := x.(*planned)
	e.index = len(*h)
	*h = append(*h, e)
}
func (h *dueHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.index = -1
	return e
}
