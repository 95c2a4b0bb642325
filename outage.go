package serversync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// When a server stops answering, each of its mailboxes would fail on its own. So
// failures to reach it are counted by profile and side. The first one makes the
// server suspect: no more than three tries that begin later are under way at once.
// Three in a row, of at least two mailboxes, open the breaker, which is told once.
// While it is open one mailbox at a time tries, every 30 seconds; the first whose
// call is answered, if only by a refusal, closes it. The mailboxes that were held
// back stand in line until then (parking.go).
const (
	outageAfter = 3
	outageProbe = 30 * time.Second
	outageLook  = 5 * time.Second // how often one in line looks whether a try that hangs has ended
)

type outages struct {
	s        *Syncer
	troubled atomic.Int64 // how many of the servers are suspect or down

	mu sync.Mutex
	of map[outageKey]*outage
}

type outageKey struct {
	profileKey
	side mailbox.Side
}

// An outage is what is known of one side of a profile.
type outage struct {
	failures int         // in a row
	first    mailbox.Key // the first mailbox that failed
	others   bool        // another one failed too
	fault    mailbox.Fault
	down     bool

	begun   int64 // tries so far
	suspect int64 // of these, begun before the first failure: their success is out of date
	fresh   int   // of the others, under way

	probing *cycle    // the one that tries while it is down
	probe   time.Time // when the next one may
	told    bool      // that it is well, once in this process
}

func (o *outages) init(s *Syncer) { o.s, o.of = s, make(map[outageKey]*outage) }

// number is a side's place in arrays.
func number(side mailbox.Side) int {
	if side == mailbox.Outgoing {
		return 1
	}
	return 0
}

// closed reports whether a try of this cycle is held back, and why. One that is not
// ends with note.
func (o *outages) closed(c *cycle, side mailbox.Side, now time.Time) (bool, mailbox.Fault) {
	key := outageKey{c.profileKey(), side}
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.of[key]
	if at == nil {
		at = new(outage)
		o.of[key] = at
	}
	if at.down && (at.probing != nil || now.Before(at.probe)) || at.isSuspect() && at.fresh >= outageAfter {
		return true, at.fault
	}
	at.begun++
	c.tries[number(side)] = at.begun
	if at.failures > 0 {
		at.fresh++
	}
	if at.down {
		at.probing, at.probe = c, now.Add(outageProbe)
	}
	return false, mailbox.Fault{}
}

func (at *outage) isSuspect() bool { return at.failures > 0 && !at.down }

// isFresh reports whether c's try began after the first failure.
func (at *outage) isFresh(c *cycle, side mailbox.Side) bool {
	return at.failures > 0 && c.tries[number(side)] > at.suspect
}

// down reports whether the outage of a side is known, so that it is not counted
// against the profile's mailboxes.
func (o *outages) down(c *cycle, side mailbox.Side) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.of[outageKey{c.profileKey(), side}]
	return at != nil && at.down
}

// refuse returns an error where a cycle that was let through, or never asked, may
// not connect any more because the breaker has opened meanwhile.
func (o *outages) refuse(c *cycle, side mailbox.Side) error {
	if o.troubled.Load() == 0 {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.of[outageKey{c.profileKey(), side}]
	if at == nil || !at.down || at.probing == c || c.testing {
		return nil
	}
	return heldBack("open", provider.ErrUnavailable, "ProfileOutage", outageProbe, "the profile's server does not answer: "+at.fault.Cause, at.fault.Remedy)
}

// reached is told of each call that a server has answered, so that a probe that has
// much to do heals at once.
func (o *outages) reached(ctx context.Context, c *cycle, side mailbox.Side) {
	if o.troubled.Load() == 0 {
		return
	}
	o.mu.Lock()
	at := o.of[outageKey{c.profileKey(), side}]
	if at == nil || at.probing != c && !(at.isSuspect() && at.isFresh(c, side)) {
		o.mu.Unlock()
		return
	}
	was := o.heal(at)
	o.mu.Unlock()
	o.tell(ctx, c, side, was, false, mailbox.Fault{})
}

// proved is told that a test has got through to a server.
func (o *outages) proved(ctx context.Context, c *cycle, side mailbox.Side) {
	o.mu.Lock()
	at := o.of[outageKey{c.profileKey(), side}]
	if at == nil || at.failures == 0 {
		o.mu.Unlock()
		return
	}
	was := o.heal(at)
	o.mu.Unlock()
	o.tell(ctx, c, side, was, false, mailbox.Fault{})
}

// note counts how a try ended. It is not known where nothing was tried, or where
// what failed was not the server.
func (o *outages) note(ctx context.Context, c *cycle, side mailbox.Side, err error, known bool) {
	o.mu.Lock()
	at := o.of[outageKey{c.profileKey(), side}]
	fresh, probed := at.isFresh(c, side), at.probing == c
	if fresh {
		at.fresh--
	}
	if probed {
		at.probing = nil
	}
	c.tries[number(side)] = 0
	var opened, was, first bool
	switch unreachable := serverDown(err); {
	case !known || errors.Is(err, errHeldBack) || isIssuerError(err):
		if probed {
			at.probe = o.s.cfg.Clock.Now() // nothing was learned: the next one may try
		}
	case unreachable:
		opened = o.fail(at, c, err)
	case at.failures == 0:
		first, at.told = !at.told, true
	case probed || at.isSuspect() && fresh:
		was = o.heal(at)
	}
	why := at.fault
	o.mu.Unlock()
	switch {
	case opened:
		o.tell(ctx, c, side, true, true, why)
	case was:
		o.tell(ctx, c, side, true, false, mailbox.Fault{})
	case first: // an earlier process may have left an alert open
		o.s.herald.resolve(ctx, c, side, codeOutage)
	}
}

// fail counts a failure and reports whether it opens the breaker.
func (o *outages) fail(at *outage, c *cycle, err error) bool {
	if at.failures == 0 {
		at.first, at.others, at.suspect, at.fresh = c.key, false, at.begun, 0
		o.troubled.Add(1)
	}
	at.failures++
	at.others = at.others || at.first != c.key
	at.fault = o.s.shown(err)
	if at.down || !at.others || at.failures < outageAfter {
		return false
	}
	at.down, at.probe = true, o.s.cfg.Clock.Now().Add(outageProbe)
	return true
}

// heal ends suspicion or outage, and reports whether it was an outage.
func (o *outages) heal(at *outage) (down bool) {
	down = at.down
	at.failures, at.fresh, at.down, at.probing, at.told = 0, 0, false, nil, true
	o.troubled.Add(-1)
	return down
}

// tell lets those go on that were held back, and tells people where an outage has
// begun or ended.
func (o *outages) tell(ctx context.Context, c *cycle, side mailbox.Side, outage, down bool, why mailbox.Fault) {
	key := outageKey{c.profileKey(), side}
	if !down {
		o.s.plan.release(key)
	}
	if !outage {
		return
	}
	o.s.cfg.Logger.Warn("profile outage", "organization", key.organization, "profile", string(key.profile), "side", string(side), "down", down, "cause", why.Cause)
	if hook := o.s.cfg.Hooks.Outage; hook != nil {
		hook(Outage{Organization: key.organization, Profile: string(key.profile), Side: side, Down: down, Fault: why})
	}
	if !down {
		o.s.herald.resolve(ctx, c, side, codeOutage)
		return
	}
	o.s.herald.raise(ctx, c, mailbox.Alert{Code: codeOutage, Side: side, Remedy: why.Remedy,
		Message: fmt.Sprintf("the server for %s mail of profile %q does not answer any of its mailboxes: %s", side, key.profile, why.Cause)})
}

// holds reports whether a server holds its mailboxes back, and when the next one may
// look.
func (o *outages) holds(key outageKey) (bool, time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.of[key]
	if at == nil || at.failures == 0 {
		return false, time.Time{}
	}
	now := o.s.cfg.Clock.Now()
	if at.isSuspect() || at.probing != nil {
		now = now.Add(outageLook)
	}
	if at.probe.After(now) {
		return true, at.probe
	}
	return true, now
}

// hold marks a side as held back by an outage. Mail out is only where there is some.
func (c *cycle) hold(ctx context.Context, side mailbox.Side) error {
	if side == mailbox.Outgoing {
		some, err := store(ctx, c, "Outbox.Entries", func(ctx context.Context) ([]Entry, error) {
			return c.s.outbox.Entries(ctx, c.key, PhasePending, "", 1)
		})
		for _, e := range some {
			e.Raw.Release()
		}
		if err != nil || len(some) == 0 {
			return err
		}
	}
	c.held[number(side)] = true
	return nil
}

// heldFor reports whether an entry was not sent for a reason that says nothing about
// it: we ourselves held it back, or its profile's server is known to be down. It is
// due again after a while or, with an outage, once that is over.
func (c *cycle) heldFor(err error) (wait time.Duration, ours bool) {
	var e *provider.Error
	switch {
	case serverDown(err) && c.s.outages.down(c, mailbox.Outgoing):
		return 0, true
	case errors.Is(err, errHeldBack) && errors.As(err, &e):
		return max(e.RetryAfter, time.Second), true
	}
	return 0, false
}
