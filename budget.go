package serversync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// Requests bounds how many calls of the drivers are made a minute: for all
// mailboxes of an organization, for all of a profile, and for one. 0 means no
// bound. A call counts against all three, so a lower bound never lets through what
// a higher one forbids.
//
// A minute's calls, but no more than 100, may be made at once, after which they come
// evenly. A wait of up to a second is waited out. A longer one ends the direction as
// throttled until then, which is no failure (contract M2), never between the
// irreversible byte of a message and its outcome. Backfill pauses while less than a
// quarter of what may be made at once is left, so that live mail has it.
type Requests struct {
	Organization int
	Profile      int
	Mailbox      int
}

const (
	mostAtOnce  = 100         // calls that may be made at once
	sleepAtMost = time.Second // for a call; a longer wait is told
	sweepFrom   = 1024        // of what is kept by mailbox or the like, before what is over is looked for
)

// errHeldBack says that we ourselves held a call back. It says nothing about the
// server, nor about the item.
var errHeldBack = errors.New("held back")

// budgets holds a token bucket for each organization, profile and mailbox that has
// made calls of late.
type budgets struct {
	s       *Syncer
	mu      sync.Mutex
	buckets map[any]bucket // by organization, profileKey and mailbox.Key
	sweepAt int
}

// A bucket is told by when it will be full again: one that is not kept is full.
type bucket struct{ full time.Time }

// A layer is a bound that a cycle's calls count against.
type layer struct {
	key   any
	every time.Duration // between two calls
	most  int           // at once
}

func (b *budgets) init(s *Syncer) {
	b.s, b.buckets, b.sweepAt = s, make(map[any]bucket), sweepFrom
}

// none reports whether calls are not bounded at all.
func (b *budgets) none() bool { return b.s.cfg.Requests == Requests{} }

// layers returns the bounds that a cycle's calls count against, highest first.
func (b *budgets) layers(c *cycle) (list []layer) {
	r := b.s.cfg.Requests
	add := func(key any, limit int) {
		if limit > 0 {
			list = append(list, layer{key, time.Minute / time.Duration(limit), min(limit, mostAtOnce)})
		}
	}
	add(c.key.Organization, r.Organization)
	add(c.profileKey(), r.Profile)
	add(c.key, r.Mailbox)
	return list
}

// spent is for how long of calls the bucket of a layer is in use at now.
func (b *budgets) spent(l layer, now time.Time) time.Duration {
	return max(b.buckets[l.key].full.Sub(now), 0)
}

// take takes a call from the budgets and returns how long to wait before it may be
// made. With a longer wait than most nothing is taken.
func (b *budgets) take(c *cycle, most time.Duration) time.Duration {
	layers := b.layers(c)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.s.cfg.Clock.Now()
	var wait time.Duration
	for _, l := range layers {
		wait = max(wait, b.spent(l, now)+l.every-time.Duration(l.most)*l.every)
	}
	if wait > most {
		return wait
	}
	for _, l := range layers {
		b.buckets[l.key] = bucket{now.Add(b.spent(l, now) + l.every)}
	}
	b.sweep(now)
	return wait
}

// sweep forgets the buckets that are full again, at the cost of a step a call.
func (b *budgets) sweep(now time.Time) {
	if len(b.buckets) < b.sweepAt {
		return
	}
	for key, at := range b.buckets { // the order does not matter
		if !at.full.After(now) {
			delete(b.buckets, key)
		}
	}
	b.sweepAt = max(sweepFrom, 2*len(b.buckets))
}

// low reports whether less than a quarter of what may be made at once is left, and
// in how long half of it will be.
func (b *budgets) low(c *cycle) (is bool, until time.Duration) {
	if b.none() {
		return false, 0
	}
	layers := b.layers(c)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.s.cfg.Clock.Now()
	for _, l := range layers {
		whole := time.Duration(l.most) * l.every
		spent := b.spent(l, now)
		is = is || (whole-spent)*4 < whole
		until = max(until, spent-whole/2)
	}
	return is, until
}

// allow waits until a call may be made. Where that takes too long the error is a
// throttling of our own.
func (c *cycle) allow(ctx context.Context, call string) error {
	b := &c.s.budgets
	if b.none() {
		return nil
	}
	most := sleepAtMost
	if c.testing { // a person waits, and is not told that their mailbox fails because of us
		most = c.s.cfg.CycleTimeout
	}
	wait := b.take(c, most)
	if wait > most {
		return heldBack(call, provider.ErrThrottled, "RequestBudget", cmp.Or(wait.Round(time.Second), time.Second),
			"the requests that this host allows itself are used up", "nothing: it goes on by itself; Config.Requests says how many there are")
	}
	if wait > 0 {
		return b.s.cfg.Clock.Sleep(ctx, wait)
	}
	return nil
}

// heldBack is the error of a call that we did not let through.
func heldBack(call string, kind provider.Kind, code string, wait time.Duration, why, remedy string) error {
	return &provider.Error{Op: call, Kind: kind, Code: code, RetryAfter: wait, Remedy: remedy, Err: fmt.Errorf("%s: %w", why, errHeldBack)}
}

// sendFirst reports whether mail out goes first, because it has been waiting for
// longer than mail in: otherwise polls alone could use a small budget up.
func (c *cycle) sendFirst() bool {
	in, out := c.state.Incoming, c.state.Outgoing
	return !c.s.budgets.none() && out.Phase == mailbox.Waiting && (in.Phase != mailbox.Waiting || out.Since.Before(in.Since))
}

// saveForLive reports whether backfill has to leave what is left of the budget to
// live mail, and plans the mailbox for when it need not any more.
func (c *cycle) saveForLive() bool {
	low, until := c.s.budgets.low(c)
	if low {
		c.dueIn(until)
	}
	return low
}

// dueIn plans the mailbox in a while, if it is not due earlier.
func (c *cycle) dueIn(wait time.Duration) {
	at := c.s.cfg.Clock.Now().Add(max(wait, time.Second))
	if c.again.IsZero() || at.Before(c.again) {
		c.again = at
	}
}
