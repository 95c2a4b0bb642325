package serversync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// TestOptions say how to test. The zero value is a full test that enables.
type TestOptions struct {
	TestOnly  bool          // leave the mailbox's state as it is: no status, no alert, nothing enabled
	NoMessage bool          // send no message; sending is tested up to the sign-in
	RoundTrip time.Duration // how long to wait for the message to arrive. Default: 1 minute
	TakeACT   bool          // take over appointments, contacts and tasks from another organization

	// Operator says that the caller runs the host: the whole report is returned at
	// once, whatever Policy.OrganizationsEnterHosts says.
	Operator bool
}

// Where organizations enter hosts, each way to a server that fails takes a fixed time,
// and so many tests an hour are made for an organization.
const (
	publicAfter   = 15 * time.Second
	publicPerHour = 10
)

// ErrTooManyTests says that an organization has had its tests for this hour.
var ErrTooManyTests = errors.New("serversync: too many tests within an hour; try again later")

// TestMailbox tests a mailbox stage by stage, as Dynamics 365's "Test & Enable
// Mailbox" does: settings, the way to the server, signing in, reading the inbox,
// sending a message to itself and reading it back, and access to appointments,
// contacts and tasks. A side that passes is enabled; one that fails for now is
// tested again by [Syncer.Run], one that fails for good is disabled. Alerts say so.
//
// The error is about the host's side: the Store's, ctx's, [ErrTooManyTests]. A
// test that fails is a report, not an error.
func (s *Syncer) TestMailbox(ctx context.Context, key mailbox.Key, o TestOptions) (TestReport, error) {
	if err := s.mayTest(key.Organization, o, s.cfg.Clock.Now()); err != nil {
		return TestReport{Organization: key.Organization, Mailbox: key.Mailbox}, err
	}
	return s.testMailbox(ctx, key, o)
}

// testMailbox is TestMailbox where the test has been counted.
func (s *Syncer) testMailbox(ctx context.Context, key mailbox.Key, o TestOptions) (TestReport, error) {
	began := s.cfg.Clock.Now()
	if err := s.await(ctx, key); err != nil {
		return TestReport{Organization: key.Organization, Mailbox: key.Mailbox}, err
	}
	defer s.end(key)
	c := &cycle{s: s, key: key, began: began, testing: true}
	report, err := c.test(ctx, o)
	if err != nil {
		return s.visible(report, o), fmt.Errorf("mailbox %s: %w", key, err)
	}
	s.Nudge(key)
	return s.publish(report, o), nil
}

// await waits until no cycle of this Syncer is at work on the mailbox.
func (s *Syncer) await(ctx context.Context, key mailbox.Key) error {
	for wait := firstLook; !s.begin(key); wait = min(2*wait, lastLook) {
		if err := s.cfg.Clock.Sleep(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}

// test is a cycle that tests.
func (c *cycle) test(ctx context.Context, o TestOptions) (TestReport, error) {
	o.RoundTrip = cmp.Or(o.RoundTrip, time.Minute)
	t := &trial{cycle: c, o: o}
	t.report = TestReport{Organization: c.key.Organization, Mailbox: c.key.Mailbox, Began: c.s.cfg.Clock.Now()}
	release, err := c.enter(ctx)
	for errors.Is(err, ErrLeased) { // by another node: it is waited for like a cycle of our own
		if err = c.s.cfg.Clock.Sleep(ctx, leaseLook); err == nil {
			release, err = c.enter(ctx)
		}
	}
	if err != nil {
		return t.report, err
	}
	defer release()
	return t.conclude(ctx)
}

// leaseLook is how often a test looks whether another node has ended its cycle.
const leaseLook = 3 * time.Second

// conclude makes the test and moves the state by how it went. If somebody else has
// changed the state meanwhile, it is moved on from what they left.
func (t *trial) conclude(ctx context.Context) (TestReport, error) {
	if err := t.run(ctx); err != nil {
		return t.report, err
	}
	r := &t.report
	r.Profile, r.Address, r.Took = t.profile.ID, t.box.Address, t.s.cfg.Clock.Now().Sub(r.Began)
	err := t.judge(ctx)
	for try := 0; errors.Is(err, ErrFenced) && try < 3; try++ {
		if err = t.reload(ctx); err == nil {
			err = t.judge(ctx)
		}
	}
	t.tellProfile(ctx, false)
	return *r, err
}

// judge moves the state by how the test of each side went, and saves it.
func (t *trial) judge(ctx context.Context) error {
	before, alerts := t.state, t.alerts
	r := &t.report
	r.Passed, r.Enabled, r.Again = len(t.sides()) > 0, nil, time.Time{}
	r.Statuses = make(map[mailbox.Side]mailbox.Status)
	for _, side := range t.sides() {
		err := t.failed[side]
		r.Statuses[side] = mailbox.StatusSuccess
		if err != nil {
			r.Passed, r.Statuses[side] = false, mailbox.StatusFailure
		}
		if !t.isOurs(side, err) {
			class, _ := classify(ctx, err)
			if isNotReadBack(err) && t.state.Direction(side).Tested.Tries+1 >= testMessages {
				class = mailbox.Permanent // each test sends one more to wherever they go
			}
			t.apply(mailbox.Event{Kind: mailbox.EventTest, Side: side, Outcome: mailbox.Outcome{Class: class, Revision: t.revision, Fault: t.shown(side, err), Wait: waitOf(err)}})
		}
		d := t.state.Direction(side)
		if again := d.Tested.Again; !again.IsZero() && (r.Again.IsZero() || again.Before(r.Again)) {
			r.Again = again
		}
		if d.Enabled {
			r.Enabled = append(r.Enabled, side)
		}
	}
	t.state.Subject = mailbox.SubjectOf(t.box, t.profile)
	if t.o.TestOnly { // but that a sign-in was refused counts whoever tried
		before.Refused = t.state.Refused
		t.state, t.alerts, r.Enabled, r.Again = before, alerts, nil, time.Time{}
	}
	return t.settle(ctx)
}

// isOurs reports whether a side failed for a reason that says nothing about it: we
// ourselves held it back, or its profile's server is known to be down and nobody
// asked.
func (t *trial) isOurs(side mailbox.Side, err error) bool {
	if side == mailbox.ACT {
		side = mailbox.Incoming
	}
	return errors.Is(err, errHeldBack) || t.byItself && serverDown(err) && t.s.outages.down(t.cycle, side)
}

// waitOf returns for how long a server asked us to wait.
func waitOf(err error) time.Duration {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// testAgain repeats the tests that failed for now and are due.
func (c *cycle) testAgain(ctx context.Context) error {
	if !c.strict || c.shut != (mailbox.Fault{}) || c.state.Paused != (mailbox.Pause{}) {
		return nil
	}
	now := c.s.cfg.Clock.Now()
	due := slices.ContainsFunc([]mailbox.Side{mailbox.Incoming, mailbox.Outgoing, mailbox.ACT}, func(side mailbox.Side) bool {
		return !c.state.Direction(side).Enabled && c.state.TestDue(side, now)
	})
	if !due {
		return nil
	}
	for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
		if stopped, why := c.s.credentials.isStopped(c.profileKey(), c.profile, side); stopped && c.box.Method(side) == mailbox.ServerSide {
			c.closed(side, why)
			return nil
		}
	}
	t := &trial{cycle: c, o: TestOptions{RoundTrip: time.Minute}, byItself: true}
	t.report = TestReport{Organization: c.key.Organization, Mailbox: c.key.Mailbox, Began: now}
	report, err := t.conclude(ctx)
	if err == nil && c.s.cfg.Hooks.Test != nil {
		c.s.cfg.Hooks.Test(report)
	}
	return err
}

// mayTest counts the tests of organizations that enter hosts by themselves.
func (s *Syncer) mayTest(organization string, o TestOptions, now time.Time) error {
	if !s.cfg.Policy.OrganizationsEnterHosts || o.Operator {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.tests, func(_ string, at []time.Time) bool { return now.Sub(at[len(at)-1]) >= time.Hour })
	recent := slices.DeleteFunc(s.tests[organization], func(at time.Time) bool { return now.Sub(at) >= time.Hour })
	if len(recent) >= publicPerHour {
		return ErrTooManyTests
	}
	if s.tests == nil {
		s.tests = make(map[string][]time.Time)
	}
	s.tests[organization] = append(recent, now)
	return nil
}

// publish tells the operator of a test, and returns what its caller may see.
func (s *Syncer) publish(r TestReport, o TestOptions) TestReport {
	if hook := s.cfg.Hooks.Test; hook != nil {
		hook(r)
	}
	return s.visible(r, o)
}

// visible returns what the caller of a test may see of a report.
func (s *Syncer) visible(r TestReport, o TestOptions) TestReport {
	if s.cfg.Policy.OrganizationsEnterHosts && !o.Operator {
		return r.Public()
	}
	return r
}

// TestProgress says how far the test of many mailboxes has come.
type TestProgress struct {
	Done, Total, Passed int
	Report              TestReport // of the mailbox that was tested last
	Err                 error      // why it could not be tested
}

// TestMailboxes tests a selection of mailboxes, several at once, and calls progress
// after each, one call at a time. It returns the last progress; run it in a
// goroutine for a test in the background, and end ctx to stop it. Each counts against
// the tests that an organization has where it enters hosts.
func (s *Syncer) TestMailboxes(ctx context.Context, keys []mailbox.Key, o TestOptions, progress func(TestProgress)) (TestProgress, error) {
	return s.testAll(ctx, keys, progress, func(key mailbox.Key) (TestReport, error) { return s.TestMailbox(ctx, key, o) })
}

func (s *Syncer) testAll(ctx context.Context, keys []mailbox.Key, progress func(TestProgress), test func(mailbox.Key) (TestReport, error)) (TestProgress, error) {
	var mu sync.Mutex
	so := TestProgress{Total: len(keys)}
	s.each(ctx, len(keys), func(i int) {
		report, err := test(keys[i])
		mu.Lock()
		defer mu.Unlock()
		so.Done++
		if report.Passed {
			so.Passed++
		}
		so.Report, so.Err = report, err
		if progress != nil {
			progress(so)
		}
	})
	return so, ctx.Err()
}

// TestProfile tests all mailboxes of a profile; see [Syncer.TestMailboxes]. It counts
// as one test: they all lead to the same servers.
func (s *Syncer) TestProfile(ctx context.Context, organization string, id profile.ID, o TestOptions, progress func(TestProgress)) (TestProgress, error) {
	keys, err := s.keysOf(ctx, organization, id)
	if err == nil {
		err = s.mayTest(organization, o, s.cfg.Clock.Now())
	}
	if err != nil {
		return TestProgress{}, err
	}
	return s.testAll(ctx, keys, progress, func(key mailbox.Key) (TestReport, error) { return s.testMailbox(ctx, key, o) })
}

// keysOf returns the mailboxes of a profile.
func (s *Syncer) keysOf(ctx context.Context, organization string, id profile.ID) ([]mailbox.Key, error) {
	all, err := s.allKeys(ctx)
	if err != nil {
		return nil, err
	}
	var keys []mailbox.Key
	for _, key := range all {
		if key.Organization != organization {
			continue
		}
		c := &cycle{s: s, key: key}
		if err := c.account(ctx); err == nil && c.profile.ID == id {
			keys = append(keys, key)
		}
	}
	return keys, ctx.Err()
}

// each calls do for 0 up to n, a few at a time, until ctx ends. It returns how many
// it has called it for.
func (s *Syncer) each(ctx context.Context, n int, do func(i int)) int {
	var group sync.WaitGroup
	defer group.Wait()
	slots := make(chan struct{}, min(s.cfg.Workers, 16))
	for i := range n {
		slots <- struct{}{}
		if ctx.Err() != nil {
			return i
		}
		group.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	return n
}
