package serversync

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/track"
)

// Organizations tells the settings of organizations, the host's customers. With it
// a mailbox is worked on only when its address was approved ([Syncer.Approve]) and
// its sides were tested and enabled ([Syncer.TestMailbox]), as the settings want
// it. Without it the host is in charge alone: every mailbox that it describes is
// taken as approved and enabled.
type Organizations interface {
	// Settings returns the settings of an organization.
	Settings(ctx context.Context, organization string) (mailbox.Settings, error)
}

// Editor is what lets the library change the host's mailboxes, such as to give
// them a profile. It may be a capability of the Store, or Config.Mailboxes may be
// one; see [Directory].
type Editor interface {
	// Edit changes a mailbox and saves it, with another Revision, or returns
	// ErrNotFound. Change does nothing else: it may be called under a lock or, where
	// a transaction is tried again, twice.
	Edit(ctx context.Context, key mailbox.Key, change func(*mailbox.Mailbox)) error

	// Profile returns a profile of an organization, or ErrNotFound.
	Profile(ctx context.Context, organization string, id profile.ID) (profile.Profile, error)
}

// administration is what the cycle knows of who may do what.
type administration struct {
	strict   bool // there are Organizations
	settings mailbox.Settings
	*checked               // of the profile
	tracking *track.Rules  // nil where the rules do not decide
	shut     mailbox.Fault // why mailbox or profile are out of use
}

// administer reads what the mailbox's administrators have set.
func (c *cycle) administer(ctx context.Context) error {
	c.checked = c.s.check(c.profileKey(), c.profile)
	switch {
	case c.box.Inactive:
		c.shut = mailbox.Fault{Code: "mailbox-inactive", Cause: "the mailbox is inactive", Remedy: "activate the mailbox", Level: profile.Info}
	case c.profile.Inactive:
		c.shut = mailbox.Fault{Code: "profile-inactive", Cause: fmt.Sprintf("the profile %q is inactive", c.profile.ID),
			Remedy: "activate the profile, or give the mailbox another", Scope: mailbox.ScopeProfile, Level: profile.Warning}
	}
	return c.heedSettings(ctx)
}

// heedSettings reads the settings of the mailbox's organization, if there are any.
func (c *cycle) heedSettings(ctx context.Context) error {
	if c.s.cfg.Organizations == nil {
		if c.s.cfg.Tracking != nil {
			c.settings.Tracking = c.s.cfg.Tracking.Settings.WithDefaults()
			c.heedTracking()
		}
		return nil
	}
	c.strict = true
	settings, err := store(ctx, c, "Organizations.Settings", func(ctx context.Context) (mailbox.Settings, error) {
		return c.s.cfg.Organizations.Settings(ctx, c.key.Organization)
	})
	if c.settings = settings.WithDefaults(); err == nil {
		c.heedTracking()
	}
	return err
}

// A checked profile is what was found wrong with one of its revisions.
type checked struct {
	revision string
	issues   profile.Issues
	wrong    [2]error // by side: why the profile cannot serve it
}

// check validates a profile, once for each revision of it that the host names.
func (s *Syncer) check(key profileKey, p profile.Profile) *checked {
	if known, ok := s.checked.Load(key); ok && p.Revision != "" && known.(*checked).revision == p.Revision {
		return known.(*checked)
	}
	found := &checked{revision: p.Revision, issues: p.Validate(s.cfg.Policy)}
	for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
		if err := found.issues.Of(side).Err(); err != nil {
			found.wrong[number(side)] = fmt.Errorf("profile %q: %w", p.ID, err)
		}
	}
	if p.Revision != "" {
		s.checked.Store(key, found)
	}
	return found
}

// noticeChange takes approval and enabling back when the mailbox is not the one any
// more that was approved and tested.
func (c *cycle) noticeChange() {
	if !c.strict {
		return
	}
	was, approval := c.state.Subject, c.state.Approval
	another := was != (mailbox.Subject{}) && was != mailbox.SubjectOf(c.box, c.profile)
	if another || approval.Status == mailbox.Approved && !approval.Holds(c.box, c.profile) {
		c.apply(mailbox.Event{Kind: mailbox.EventChange})
	}
}

// rules returns what a side must meet before it may be tried.
func (c *cycle) rules() mailbox.Rules {
	r := mailbox.Rules{Revision: c.revision, Shut: c.shut, Enabled: c.strict}
	r.Approval = c.strict && mailbox.NeedsApproval(c.box, c.profile, c.s.cfg.Policy, c.settings)
	return r
}

// tellOwner tells the mailbox's owner of an outage of the profile's server, where the
// organization wants that.
func (c *cycle) tellOwner(side mailbox.Side, why mailbox.Fault) {
	told := slices.ContainsFunc(c.state.Open, func(a mailbox.Alert) bool { return a.Code == codeOutage && a.Side == side })
	if !c.settings.NotifyMailboxOwners || told {
		return
	}
	c.raise(mailbox.Alert{Level: profile.Warning, Code: codeOutage, Cause: why.Code, Side: side,
		Message: fmt.Sprintf("the server for %s mail does not answer: %s", side, why.Cause), Remedy: "nothing: the profile's owner was told, and it goes on by itself"})
}

// profileInvalid is why a side is closed whose profile cannot serve it.
func profileInvalid(err error) mailbox.Fault {
	return mailbox.Fault{Code: "profile-invalid", Cause: err.Error(), Remedy: "mend the profile", Scope: mailbox.ScopeProfile, Level: profile.Error}
}
