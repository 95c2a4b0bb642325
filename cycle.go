package serversync

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A cycle is one pass over one mailbox. Its fields belong to one goroutine.
type cycle struct {
	s        *Syncer
	key      mailbox.Key
	began    time.Time
	box      mailbox.Mailbox
	profile  profile.Profile
	revision string
	administration

	cursors  map[LaneKey]provider.Cursor
	rounds   map[LaneKey]round // that a slice of time has cut
	deferred []Deferral
	owed     []OwedAct
	fence    int64

	state   mailbox.State   // as it is now
	saved   mailbox.State   // as it was last committed
	version int64           // of saved
	alerts  []mailbox.Alert // of state, to be committed with it
	journal []JournalItem   // of the outbox, to be committed as well
	probe   string          // how the Message-IDs of test messages begin, of before the first page
	follow  bool            // somebody wants each step logged
	testing bool            // somebody waits for a test, which no outage holds back

	more   bool      // a direction has more to do than its slice of time allowed
	again  time.Time // when an outbox entry is due again, or there is budget; zero if none
	tries  [2]int64  // by side, the number of the try under way; 0 for none
	held   [2]bool   // by side, whether an outage holds it back
	empty  int       // polls in a row that found nothing
	renew  time.Time // when the lease is to be renewed
	in     *session  // nil until needed
	out    *session
	report Report
}

// slice is for how long one direction of a cycle is worked on before the other one
// is looked at: a long backfill must hold up neither live mail nor sending.
const slice = time.Minute

// run makes the cycle.
func (c *cycle) run(ctx context.Context) error {
	release, err := c.enter(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := c.testAgain(ctx); err != nil {
		return errors.Join(err, c.settle(ctx))
	}
	c.s.certificates.look(ctx, c)
	c.probe = c.state.Probe
	defer c.putBack()

	deadline := c.began.Add(c.s.cfg.CycleTimeout)
	for err == nil {
		c.more = false
		in := func() error {
			return c.try(ctx, mailbox.Incoming, c.box.Method(mailbox.Incoming) == mailbox.ServerSide, c.incoming)
		}
		out := func() error {
			return c.try(ctx, mailbox.Outgoing, c.box.Method(mailbox.Outgoing) == mailbox.ServerSide && c.s.outbox != nil, c.outgoing)
		}
		if c.sendFirst() {
			in, out = out, in
		}
		err = errors.Join(in(), out())
		if !c.more || !c.s.cfg.Clock.Now().Before(deadline) {
			break
		}
	}
	c.report.More = c.more && err == nil
	if c.follow {
		if c.state.Verbose--; c.state.Verbose <= 0 {
			c.s.unfollow(c.key)
		}
	}
	return errors.Join(err, c.settle(ctx))
}

// enter reads all that a cycle starts from, and leases the mailbox.
func (c *cycle) enter(ctx context.Context) (release func(), err error) {
	if err := c.describe(ctx); err != nil {
		return nil, err
	}
	if release, err = c.lease(ctx); err != nil {
		return nil, err
	}
	if err := c.load(ctx); err != nil {
		release()
		return nil, err
	}
	c.follow = c.state.Verbose > 0 && c.s.follow(c.key, c.settings.WithDefaults().MaxVerboseMailboxes)
	c.noticeChange()
	return release, nil
}

// reload begins anew on what somebody else has left, without the lease if that was
// what they took.
func (c *cycle) reload(ctx context.Context) error {
	c.alerts, c.fence = nil, 0
	if err := c.load(ctx); err != nil {
		return err
	}
	c.noticeChange()
	return nil
}

// describe reads what the host says of the mailbox.
func (c *cycle) describe(ctx context.Context) (err error) {
	if err := c.account(ctx); err != nil {
		return err
	}
	c.revision = c.box.Revision + "\x00" + c.profile.Revision
	return c.administer(ctx)
}

// account reads the mailbox and its profile, straight into the cycle: a poll makes no
// copies on the way.
func (c *cycle) account(ctx context.Context) error {
	_, err := store(ctx, c, "Mailboxes.Mailbox", only(func(ctx context.Context) (err error) {
		c.box, c.profile, err = c.s.cfg.Mailboxes.Mailbox(ctx, c.key)
		return err
	}))
	return err
}

func (c *cycle) load(ctx context.Context) error {
	_, err := store(ctx, c, "Store.Load", only(func(ctx context.Context) error {
		snap, err := c.s.cfg.Store.Load(ctx, c.key)
		c.cursors, c.deferred, c.owed = snap.Cursors, snap.Deferred, snap.Owed
		c.saved, c.version = snap.State, snap.Version
		if c.fence == 0 { // else it is the lease's
			c.fence = snap.Fence
		}
		return err
	}))
	c.state = c.saved
	return err
}

// lease leases the mailbox, where that is asked for.
func (c *cycle) lease(ctx context.Context) (release func(), err error) {
	if c.s.leases == nil {
		return func() {}, nil
	}
	now := c.s.cfg.Clock.Now()
	c.fence, err = store(ctx, c, "Leases.Acquire", func(ctx context.Context) (int64, error) {
		return c.s.leases.Acquire(ctx, c.key, c.s.cfg.Node, now, now.Add(c.s.cfg.Lease))
	})
	if err != nil {
		return nil, err
	}
	c.renew = now.Add(c.s.cfg.Lease / 3)
	fence := c.fence
	return func() {
		store(context.WithoutCancel(ctx), c, "Leases.Release", only(func(ctx context.Context) error {
			return c.s.leases.Release(ctx, c.key, fence)
		}))
	}, nil
}

// keepLease renews the lease when a third of it has passed. Where it was lost, or the
// mailbox's state was changed from outside, the cycle ends; its commits would be
// refused anyway.
func (c *cycle) keepLease(ctx context.Context) error {
	if c.s.overtaken(c.key) {
		return &storeError{ErrFenced}
	}
	now := c.s.cfg.Clock.Now()
	if c.s.leases == nil || now.Before(c.renew) {
		return nil
	}
	_, err := store(ctx, c, "Leases.Renew", only(func(ctx context.Context) error {
		return c.s.leases.Renew(ctx, c.key, c.fence, now.Add(c.s.cfg.Lease))
	}))
	c.renew = now.Add(c.s.cfg.Lease / 3)
	return err
}

// try tries one side if its gate is open, and moves its state by how it went.
func (c *cycle) try(ctx context.Context, side mailbox.Side, wanted bool, do func(context.Context) error) error {
	if !wanted || ctx.Err() != nil {
		return ctx.Err()
	}
	if err := c.wrong[number(side)]; err != nil {
		c.closed(side, profileInvalid(err))
		return wrap(side, err)
	}
	now := c.s.cfg.Clock.Now()
	if open, _, why := c.state.Gate(side, now, c.rules(), c.s.cfg.Retry); !open {
		c.closed(side, why)
		return nil
	}
	if refused, why := c.s.credentials.shut(c, side); refused {
		c.closed(side, why)
		return nil
	}
	if wait, why := c.s.waits.closed(c, side, now); wait {
		c.closed(side, why)
		return nil
	}
	if down, why := c.s.outages.closed(c, side, now); down {
		c.closed(side, why)
		c.tellOwner(side, why)
		return wrap(side, c.hold(ctx, side))
	}
	sent := c.report.Sent
	err := do(ctx)
	class, relevant := classify(ctx, err)
	learned := relevant && !(err == nil && side == mailbox.Outgoing && c.out == nil) // with nothing to send nothing was
	c.s.outages.note(ctx, c, side, err, learned)
	var held *withheld
	if errors.As(err, &held) { // what was refused to others says nothing against this mailbox
		c.closed(side, held.fault)
		return nil
	}
	if !learned {
		return wrap(side, err)
	}
	if class == mailbox.Transient && (errors.Is(err, errHeldBack) || c.s.outages.down(c, side)) {
		c.held[number(side)] = true
		return wrap(side, err) // the profile's fault, not this mailbox's
	}
	outcome := mailbox.Outcome{Class: class, Revision: c.revision, Fault: c.s.shown(err)}
	var e *provider.Error
	if errors.As(err, &e) {
		outcome.Wait = e.RetryAfter
	}
	if class == mailbox.Transient && c.report.Sent > sent { // M1 counts failures in a row, and email has left in between
		c.apply(mailbox.Event{Kind: mailbox.EventCycle, Side: side, Outcome: mailbox.Outcome{Class: mailbox.Succeeded, Revision: c.revision}})
	}
	c.apply(mailbox.Event{Kind: mailbox.EventCycle, Side: side, Outcome: outcome})
	c.s.waits.note(c, side, err)
	return wrap(side, err)
}

// apply moves the state on by what happened, with the alerts that this calls for.
func (c *cycle) apply(e mailbox.Event) {
	var alerts []mailbox.Alert
	c.state, alerts = c.state.Apply(e, c.s.cfg.Clock.Now(), c.s.cfg.Retry, c.s.spread())
	for _, a := range alerts {
		c.raise(a)
	}
}

// raise has an alert committed with what it tells of, so that neither stands
// without the other.
func (c *cycle) raise(a mailbox.Alert) {
	if a.ID == "" {
		if c.strict && !c.settings.Alerts(a.Level) {
			return
		}
		c.state, a = c.state.Raise(a, c.s.newID(), c.s.cfg.Clock.Now())
	}
	c.alerts = append(c.alerts, a)
}

func wrap(side mailbox.Side, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", side, err)
}

func (c *cycle) closed(side mailbox.Side, why mailbox.Fault) {
	if c.report.Closed == nil {
		c.report.Closed = make(map[mailbox.Side]mailbox.Fault)
	}
	c.report.Closed[side] = why
}

// alert returns an alert about an item, which stands for itself.
func (c *cycle) alert(a mailbox.Alert) mailbox.Alert {
	a.ID, a.At, a.Count = c.s.newID(), c.s.cfg.Clock.Now(), 1
	a.Last, a.Message = a.At, bounded(a.Message)
	if a.Level == profile.Info {
		a.Resolved = a.At
	}
	return a
}

// wanted returns the alerts about items that the organization wants to be made.
func (c *cycle) wanted(alerts []mailbox.Alert) []mailbox.Alert {
	if !c.strict {
		return alerts
	}
	return slices.DeleteFunc(slices.Clone(alerts), func(a mailbox.Alert) bool { return !c.settings.Alerts(a.Level) })
}

// settle commits what is left to be saved: state and alerts.
func (c *cycle) settle(ctx context.Context) error {
	// A bound moved forwards can wait for a commit: some move with every look.
	bound := !c.state.Reach.Since.Before(c.saved.Reach.Since)
	if len(c.alerts) == 0 && !(c.journals() && len(c.journal) > 0) && bound && sameButBound(&c.state, &c.saved) {
		return nil
	}
	_, err := c.commit(context.WithoutCancel(ctx), &Batch{})
	return err
}

// same reports whether two states are equal, without garbage for those that nearly
// always are.
func same(a, b *mailbox.State) bool {
	return sameButBound(a, b) && a.Reach.Since.Equal(b.Reach.Since)
}

// sameButBound is same but for the bound that mail is brought in by.
func sameButBound(a, b *mailbox.State) bool {
	return a.Incoming == b.Incoming && a.Outgoing == b.Outgoing && a.ACT == b.ACT && a.Approval == b.Approval && a.Paused == b.Paused &&
		a.Verbose == b.Verbose && a.Subject == b.Subject && a.Probe == b.Probe && slices.Equal(a.Refused, b.Refused) && slices.Equal(a.Open, b.Open) &&
		slices.Equal(a.Reach.Again, b.Reach.Again) &&
		slices.EqualFunc(a.Resets, b.Resets, func(a, b mailbox.Reset) bool { return reflect.DeepEqual(a, b) })
}

// next returns when the mailbox is due again by itself: when the first of its
// sides is to be tried, or an entry of the outbox.
func (c *cycle) next() time.Time {
	now := c.s.cfg.Clock.Now()
	if c.report.More {
		return now
	}
	wait := stretched(max(c.s.cfg.PollInterval, c.profile.MinPollInterval), c.s.cfg.IdleInterval, c.empty)
	wait += time.Duration(float64(wait) * (c.s.spread() - 0.5) / 5)
	next := now.Add(max(wait, c.profile.MinPollInterval))
	for _, d := range []mailbox.Direction{c.state.Incoming, c.state.Outgoing} {
		if d.Until.After(now) {
			next = earlier(next, d.Until)
		}
	}
	if c.again.After(now) {
		next = earlier(next, c.again)
	}
	if at, _ := c.s.schedules.of(c.key, now); at.After(now) {
		next = earlier(next, at)
	}
	return next
}

// putBack gives the cycle's sessions back to the pool.
func (c *cycle) putBack() {
	c.s.pool.put(c.in)
	c.s.pool.put(c.out)
}
