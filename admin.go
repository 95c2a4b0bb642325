package serversync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// A Result is what became of one mailbox of a selection.
type Result struct {
	Mailbox mailbox.Key
	Err     error          // why it was not done; nil if it was
	Issues  profile.Issues // warnings, and the errors because of which it was not done
	Test    TestReport     // of [Syncer.Assign]
}

// Approve lets a selection of mailboxes be worked on under their addresses, as far
// as by may do that; see [mailbox.MayApprove]. It returns a Result for each.
func (s *Syncer) Approve(ctx context.Context, by mailbox.Approver, keys ...mailbox.Key) []Result {
	return s.decideOn(ctx, mailbox.Approved, by, keys)
}

// Reject is the other answer to the question of [Syncer.Approve].
func (s *Syncer) Reject(ctx context.Context, by mailbox.Approver, keys ...mailbox.Key) []Result {
	return s.decideOn(ctx, mailbox.Rejected, by, keys)
}

func (s *Syncer) decideOn(ctx context.Context, answer mailbox.ApprovalStatus, by mailbox.Approver, keys []mailbox.Key) []Result {
	return s.forEach(ctx, keys, func(r *Result) error {
		return s.change(ctx, r.Mailbox, func(c *cycle) error {
			ok, why := mailbox.MayApprove(c.box, c.profile, s.cfg.Policy, c.settings, by)
			if !ok {
				r.Issues = profile.Issues{why}
				return why
			}
			approval := mailbox.Decide(c.box, c.profile, by, answer, s.cfg.Clock.Now())
			c.apply(mailbox.Event{Kind: mailbox.EventApproval, Approval: approval})
			c.state.Subject = mailbox.SubjectOf(c.box, c.profile)
			return nil
		})
	})
}

// Pause stops work on a mailbox until [Syncer.Resume], wherever it is asked for. A
// cycle under way ends before its next page or email; one of another node, with its
// next commit of a state.
func (s *Syncer) Pause(ctx context.Context, key mailbox.Key, by string) error {
	return s.event(ctx, key, mailbox.Event{Kind: mailbox.EventPause, By: by})
}

// Resume lets a paused mailbox go on where it was.
func (s *Syncer) Resume(ctx context.Context, key mailbox.Key, by string) error {
	return s.event(ctx, key, mailbox.Event{Kind: mailbox.EventResume, By: by})
}

// Disable turns a side of a mailbox off until it is tested again.
func (s *Syncer) Disable(ctx context.Context, key mailbox.Key, side mailbox.Side, by string) error {
	return s.event(ctx, key, mailbox.Event{Kind: mailbox.EventDisable, Side: side, By: by})
}

func (s *Syncer) event(ctx context.Context, key mailbox.Key, e mailbox.Event) error {
	return s.change(ctx, key, func(c *cycle) error {
		e.Outcome.Revision = c.revision
		c.apply(e)
		return nil
	})
}

// ErrTooManyVerbose says that as many of an organization's mailboxes are followed as
// its settings allow.
var ErrTooManyVerbose = errors.New("serversync: too many mailboxes of the organization are logged in detail")

// SetVerbose logs each step of a mailbox's next cycles, without content, as many as
// the organization's settings allow; 0 ends it. How many mailboxes are followed at
// once is counted by each process for itself.
func (s *Syncer) SetVerbose(ctx context.Context, key mailbox.Key, cycles int) error {
	err := s.change(ctx, key, func(c *cycle) error {
		settings := c.settings.WithDefaults()
		if cycles > 0 && !s.follow(key, settings.MaxVerboseMailboxes) {
			return ErrTooManyVerbose
		}
		c.state.Verbose = min(max(cycles, 0), settings.MaxVerboseCycles)
		return nil
	})
	if err != nil || cycles <= 0 { // one that was followed before is counted again with its next cycle
		s.unfollow(key)
	}
	return err
}

// follow counts a mailbox among those that are logged in detail.
func (s *Syncer) follow(key mailbox.Key, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for other := range s.followed {
		if other != key && other.Organization == key.Organization {
			n++
		}
	}
	if n >= most {
		return false
	}
	if s.followed == nil {
		s.followed = make(map[mailbox.Key]bool)
	}
	s.followed[key] = true
	return true
}

func (s *Syncer) unfollow(key mailbox.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.followed, key)
}

// State returns what synchronizing a mailbox has led to so far.
func (s *Syncer) State(ctx context.Context, key mailbox.Key) (mailbox.State, error) {
	c := &cycle{s: s, key: key}
	err := c.load(ctx)
	return c.state, err
}

// change changes a mailbox's state outside a cycle. If somebody else changes it at
// the same time it is done again on what they left.
func (s *Syncer) change(ctx context.Context, key mailbox.Key, do func(*cycle) error) error {
	for try := 0; ; try++ {
		c := &cycle{s: s, key: key, began: s.cfg.Clock.Now()}
		err := c.describe(ctx)
		if err == nil {
			err = c.load(ctx)
		}
		if err == nil {
			c.noticeChange()
			if err = do(c); err == nil {
				err = c.settle(ctx)
			}
		}
		if errors.Is(err, ErrFenced) && try < 3 {
			continue
		}
		if err != nil {
			return fmt.Errorf("mailbox %s: %w", key, err)
		}
		s.overtake(key)
		s.Nudge(key)
		return nil
	}
}

// forEach does something for each of a selection of mailboxes, a few at a time, and
// returns the results in the order of keys.
func (s *Syncer) forEach(ctx context.Context, keys []mailbox.Key, do func(*Result) error) []Result {
	results := make([]Result, len(keys))
	for i, key := range keys {
		results[i].Mailbox = key
	}
	begun := s.each(ctx, len(keys), func(i int) { results[i].Err = do(&results[i]) })
	for i := range results[begun:] {
		results[begun+i].Err = ctx.Err()
	}
	return results
}

// An Assignment is what [Syncer.Assign] gives to mailboxes: a profile, or the
// organization's default profile and methods.
type Assignment struct {
	Profile  profile.ID  // the profile to reach them by
	Defaults bool        // the organization's defaults instead ("apply default email settings")
	NoTest   bool        // leave it at that; otherwise each is tested and enabled
	Test     TestOptions // how
}

// Assign gives a selection of mailboxes a profile or the organization's default
// settings, and tests and enables them unless told not to. A mailbox that would not
// be valid with it stays as it is. It needs an [Editor].
//
// It counts as one test of each organization: its mailboxes all get the same profile.
// Where an organization has had its tests for this hour nothing is assigned to it.
func (s *Syncer) Assign(ctx context.Context, a Assignment, keys ...mailbox.Key) []Result {
	counted := make(map[string]error)
	for _, key := range keys {
		if _, is := counted[key.Organization]; !is && !a.NoTest {
			counted[key.Organization] = s.mayTest(key.Organization, a.Test, s.cfg.Clock.Now())
		}
	}
	return s.forEach(ctx, keys, func(r *Result) (err error) {
		switch {
		case s.editor == nil:
			return errors.New("serversync: neither Config.Mailboxes nor the Store is an Editor")
		case counted[r.Mailbox.Organization] != nil:
			return counted[r.Mailbox.Organization]
		}
		if r.Issues, err = s.assign(ctx, a, r.Mailbox); err != nil || a.NoTest {
			return err
		}
		r.Test, err = s.testMailbox(ctx, r.Mailbox, a.Test)
		return err
	})
}

// assign gives one mailbox what a says, if it is valid with it.
func (s *Syncer) assign(ctx context.Context, a Assignment, key mailbox.Key) (profile.Issues, error) {
	c := &cycle{s: s, key: key, began: s.cfg.Clock.Now()}
	if err := c.describe(ctx); err != nil {
		return nil, err
	}
	give := func(m *mailbox.Mailbox) {
		if a.Defaults {
			*m = c.settings.Apply(*m)
			return
		}
		m.Profile = a.Profile
	}
	switch {
	case a.Defaults && !c.strict:
		return nil, errors.New("serversync: there are no defaults without Config.Organizations")
	case !a.Defaults && a.Profile == "":
		return nil, errors.New("serversync: the assignment names no profile")
	}
	wanted := c.box
	give(&wanted)
	p, err := store(ctx, c, "Editor.Profile", func(ctx context.Context) (profile.Profile, error) {
		return s.editor.Profile(ctx, key.Organization, wanted.Profile)
	})
	if err != nil {
		return nil, err
	}
	issues := append(wanted.Validate(p, s.cfg.Policy), forSidesOf(wanted, p.Validate(s.cfg.Policy))...)
	if err := issues.Err(); err != nil {
		return issues, err
	}
	_, err = store(ctx, c, "Editor.Edit", only(func(ctx context.Context) error { return s.editor.Edit(ctx, key, give) }))
	return issues, err
}

// forSidesOf leaves out what concerns a side that the mailbox does not synchronize.
func forSidesOf(m mailbox.Mailbox, issues profile.Issues) profile.Issues {
	return slices.DeleteFunc(issues, func(i profile.Issue) bool {
		return i.Side != "" && m.Method(i.Side) != mailbox.ServerSide
	})
}
