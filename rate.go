package serversync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// rates remembers when each mailbox that may send only so many emails a minute sent
// the last ones. It is exact: in no minute are there more. It is in memory, so that a
// restart lets through what was sent in the minute before it once more.
type rates struct {
	mu      sync.Mutex
	sent    map[mailbox.Key][]time.Time // oldest first, at most a minute's
	sweepAt int
}

// wait returns how long to wait before a mailbox may send one more.
func (r *rates) wait(key mailbox.Key, perMinute int, now time.Time) time.Duration {
	if perMinute <= 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent[key]
	for i := len(sent) - 1; i >= 0 && sent[i].After(now); i-- {
		sent[i] = now // the clock was set back: nothing waits for it to come there again
	}
	if len(sent) < perMinute {
		return 0
	}
	return max(0, sent[len(sent)-perMinute].Add(time.Minute).Sub(now))
}

// note counts an email that is being sent now.
func (r *rates) note(key mailbox.Key, perMinute int, now time.Time) {
	if perMinute <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent == nil {
		r.sent, r.sweepAt = make(map[mailbox.Key][]time.Time), sweepFrom
	}
	sent := append(r.sent[key], now)
	for len(sent) > perMinute || now.Sub(sent[0]) >= time.Minute {
		sent = sent[1:]
	}
	r.sent[key] = sent
	if len(r.sent) < r.sweepAt {
		return
	}
	for other, sent := range r.sent { // the order does not matter
		if now.Sub(sent[len(sent)-1]) >= time.Minute {
			delete(r.sent, other)
		}
	}
	r.sweepAt = max(sweepFrom, 2*len(r.sent))
}

// waitForRate puts an entry back in its place, saying until when it waits, which is no
// failure of it (contract M2), and goes on with what needs no rate.
func (c *cycle) waitForRate(ctx context.Context, e Entry, wait time.Duration) error {
	until := c.s.cfg.Clock.Now().Add(wait)
	e.Phase = PhasePending
	e.Reason = fmt.Sprintf("it waits until %s: the organization lets a mailbox send %d emails a minute", until.UTC().Format(time.TimeOnly+" UTC"), c.settings.SendRate)
	if err := c.advance(ctx, &e, false); err != nil && !errors.Is(err, ErrFenced) {
		return err
	}
	c.closed(mailbox.Outgoing, mailbox.Fault{Code: "send-rate", Cause: e.Reason, Remedy: "nothing: it goes on by itself; Settings.SendRate says how many there are",
		Scope: mailbox.ScopeMailbox, Level: profile.Info})
	c.dueIn(wait)
	return errors.Join(c.tend(ctx, PhaseUncertain), c.tend(ctx, PhaseAccepted))
}

// tend takes the entries that are due in a phase one phase on, without the claim in
// turn: those whose turn it is to be sent stand before them.
func (c *cycle) tend(ctx context.Context, phase Phase) error {
	const most = 100
	n := 0
	return c.eachEntry(ctx, phase, func(e Entry) (enough bool, err error) {
		now := c.s.cfg.Clock.Now()
		if e.NotBefore.After(now) || e.ClaimedUntil.After(now) {
			return false, nil
		}
		if err := c.keepLease(ctx); err != nil {
			return true, err
		}
		e.Claimer, e.ClaimedUntil = c.s.cfg.Node, now.Add(c.s.cfg.Sending.Claim)
		if err = c.advance(ctx, &e, true); err == nil {
			err = c.forward(ctx, e)
		}
		if errors.Is(err, ErrFenced) { // somebody else has it
			err = nil
		}
		n++
		return n == most, err
	})
}
