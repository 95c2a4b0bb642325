package serversync

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// Where one account of the profile serves all its mailboxes, each of them would be
// refused for one wrong password, and the account be locked. So refused sign-ins of
// such an account are counted across mailboxes and sides: after Retry.Refusals of
// them within Retry.RefusalWindow nobody signs in any more until the profile's
// revision is another one, or a test gets in. No more sign-ins are under way at once
// than may still be refused. Sessions that are open go on. What each mailbox's own
// credentials are refused is counted in its state.
//
// A test that somebody asks for is let in, but no more of them are refused within
// the window either.
//
// Each process counts by itself. One that meets its first refusal looks whether
// another has told of it on the profile's wall, and stops at once then. So a second
// node, or one that was started again, adds one refusal, and as many as Retry.Refusals
// only if it tries at the same moment, or where the Store has no [Walls]. A driver that
// listens for news signs in by itself: its refusals are not counted, but it is not
// asked to listen for an account that was stopped.

// credentialRefused is the code of why a mailbox is held back by what was refused to
// others.
const credentialRefused = "credential-refused"

type credentials struct {
	s       *Syncer
	stopped atomic.Int64 // how many are
	turns   slots

	mu sync.Mutex
	of map[credentialKey]*credential
}

// A credentialKey names an account that mailboxes share; on both sides of a profile
// if its user name is the same.
type credentialKey struct {
	profileKey
	source   profile.Credentials
	username string
}

// A credential is what is known of an account.
type credential struct {
	revision string // of the profile
	stopped  bool
	fault    mailbox.Fault // of the last refusal
	told     bool          // that it is well, once in this process

	cycles, tests signIns
}

// signIns counts those of one sort.
type signIns struct {
	underway int
	refused  []time.Time // within the window
}

func (n *signIns) recent(now time.Time, r mailbox.Retry) int {
	for len(n.refused) > 0 && now.Sub(n.refused[0]) >= r.RefusalWindow {
		n.refused = n.refused[1:]
	}
	return len(n.refused)
}

// withheld is why we did not sign in.
type withheld struct{ fault mailbox.Fault }

func (e *withheld) Error() string { return e.fault.Cause }
func (e *withheld) Unwrap() error { return errHeldBack }

func (g *credentials) init(s *Syncer) {
	g.s, g.of = s, make(map[credentialKey]*credential)
	g.turns.init(s.cfg.Clock)
}

// credentialOf returns the account of a side, if mailboxes share one that can be
// locked.
func credentialOf(of profileKey, p profile.Profile, side mailbox.Side) (credentialKey, bool) {
	e := p.Endpoint(side)
	key := credentialKey{of, e.Credentials, strings.ToLower(e.Username)}
	return key, p.SharesAccount(side) && e.Credentials != profile.Anonymous
}

// why returns what a mailbox is told that is held back.
func (g *credentials) why(at *credential) mailbox.Fault {
	return mailbox.Fault{Code: credentialRefused, Scope: mailbox.ScopeProfile, Level: profile.Error,
		Cause:  "the profile's account was refused to other mailboxes, so nobody signs in with it, lest it be locked: " + at.fault.Cause,
		Remedy: "enter the right user name and password in the profile, or test it once the account is in order again"}
}

// isStopped reports whether nobody may sign in with a side's account, and why.
func (g *credentials) isStopped(of profileKey, p profile.Profile, side mailbox.Side) (bool, mailbox.Fault) {
	if g.stopped.Load() == 0 {
		return false, mailbox.Fault{}
	}
	key, shared := credentialOf(of, p, side)
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.of[key]
	if !shared || at == nil || !at.stopped || at.revision != p.Revision {
		return false, mailbox.Fault{}
	}
	return true, g.why(at)
}

// shut reports whether a side of a cycle is to be held back. One that has a session
// is not.
func (g *credentials) shut(c *cycle, side mailbox.Side) (bool, mailbox.Fault) {
	stopped, why := g.isStopped(c.profileKey(), c.profile, side)
	if !stopped || c.testing {
		return false, why
	}
	session := c.in
	if side == mailbox.Outgoing {
		session = c.out
	}
	return session == nil && !c.s.pool.has(sessionKey{c.key, side}, c.revision), why
}

// enter lets a cycle sign in when it is its turn to. It calls leave afterwards with
// how that ended.
func (g *credentials) enter(ctx context.Context, c *cycle, side mailbox.Side) (leave func(error), err error) {
	key, shared := credentialOf(c.profileKey(), c.profile, side)
	if !shared {
		return func(error) {}, nil
	}
	err = g.turns.take(ctx, key, g.s.cfg.Retry.Refusals, g.s.cfg.CycleTimeout)
	if errors.Is(err, errNoSlot) {
		return nil, heldBack("open", provider.ErrThrottled, "SignIns", time.Minute, "others are signing in with the profile's account", "nothing: it goes on by itself")
	}
	if err != nil {
		return nil, err
	}
	if err := g.begin(c, key); err != nil {
		g.turns.give(key)
		return nil, err
	}
	return func(err error) {
		defer g.turns.give(key)
		g.end(ctx, c, side, key, err)
	}, nil
}

// sort returns the count that a cycle's sign-ins belong to.
func (at *credential) sort(c *cycle) *signIns {
	if c.testing {
		return &at.tests
	}
	return &at.cycles
}

// begin counts a sign-in as under way, unless one more refusal could be one too many.
func (g *credentials) begin(c *cycle, key credentialKey) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.of[key]
	if at == nil {
		at = &credential{revision: c.profile.Revision}
		g.of[key] = at
	}
	if !c.testing && at.revision != c.profile.Revision {
		g.clear(at)
		at.revision = c.profile.Revision
	}
	retry, n := g.s.cfg.Retry, at.sort(c)
	refused := n.recent(g.s.cfg.Clock.Now(), retry)
	if !c.testing && at.stopped || refused > 0 && refused+n.underway >= retry.Refusals {
		return &provider.Error{Op: "open", Kind: provider.ErrThrottled, RetryAfter: retry.RefusalWindow, Remedy: g.why(at).Remedy, Err: &withheld{g.why(at)}}
	}
	n.underway++
	return nil
}

// end counts how a sign-in ended.
func (g *credentials) end(ctx context.Context, c *cycle, side mailbox.Side, key credentialKey, err error) {
	class, known := classify(ctx, err)
	g.mu.Lock()
	at := g.of[key]
	at.sort(c).underway--
	var first, stop, well bool
	switch {
	case err == nil:
		well = !at.told || at.stopped
		at.told = true
		g.clear(at)
		at.tests.refused = nil
	case known && class == mailbox.Refused:
		now := g.s.cfg.Clock.Now()
		at.fault = fault(err)
		if c.testing {
			at.tests.refused = append(at.tests.refused, now)
		}
		if at.revision == c.profile.Revision { // else it is of another password
			at.cycles.recent(now, g.s.cfg.Retry)
			at.cycles.refused = append(at.cycles.refused, now)
			first = len(at.cycles.refused) == 1
			stop = len(at.cycles.refused) >= g.s.cfg.Retry.Refusals && g.stop(at)
		}
	}
	why := at.fault
	g.mu.Unlock()

	alert := mailbox.Alert{Code: codeSignIn, Cause: why.Code, Side: side, Remedy: why.Remedy,
		Message: fmt.Sprintf("the account of profile %q was refused %d times; nobody signs in with it until the profile is changed or tested: %s", key.profile, g.s.cfg.Retry.Refusals, why.Cause)}
	if both, _ := credentialOf(key.profileKey, c.profile, mailbox.Incoming); both == key {
		if both, _ = credentialOf(key.profileKey, c.profile, mailbox.Outgoing); both == key {
			alert.Side = ""
		}
	}
	switch {
	case well: // an earlier process may have left an alert open
		g.s.herald.resolve(ctx, c, alert.Side, codeSignIn)
	case stop:
		g.s.herald.raise(ctx, c, alert)
	case first && g.s.herald.isOpen(ctx, c, alert.Side, codeSignIn):
		g.mu.Lock()
		defer g.mu.Unlock()
		if at.revision == c.profile.Revision && len(at.cycles.refused) > 0 { // it is still so
			g.stop(at)
		}
	}
}

// stop lets nobody sign in any more, and reports whether somebody could before.
func (g *credentials) stop(at *credential) bool {
	if at.stopped {
		return false
	}
	at.stopped = true
	g.stopped.Add(1)
	return true
}

// clear forgets what was refused to cycles.
func (g *credentials) clear(at *credential) {
	at.cycles.refused = nil
	if at.stopped {
		at.stopped = false
		g.stopped.Add(-1)
	}
}
