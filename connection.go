package serversync

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// TestConnection tests a profile without a mailbox: its settings, the way to its
// servers and what they can. Where the profile itself has user name and password it
// signs in as well, but reads and sends nothing. Sides of a profile that name no server
// are left out.
//
// It changes nothing. The error is as of [Syncer.TestMailbox].
func (s *Syncer) TestConnection(ctx context.Context, organization string, p profile.Profile, o TestOptions) (TestReport, error) {
	began := s.cfg.Clock.Now()
	if err := s.mayTest(organization, o, began); err != nil {
		return TestReport{Organization: organization, Profile: p.ID}, err
	}
	c := &cycle{s: s, key: mailbox.Key{Organization: organization}, profile: p, began: began, testing: true}
	c.box = mailbox.Mailbox{Key: c.key, Profile: p.ID}
	t := &trial{cycle: c, o: o, failed: make(map[mailbox.Side]error)}
	t.report = TestReport{Organization: organization, Profile: p.ID, Began: began}
	t.probeSides(ctx)
	t.hangUp()
	if err := ctx.Err(); err != nil {
		return s.visible(t.report, o), context.Cause(ctx)
	}
	t.report.Took = s.cfg.Clock.Now().Sub(began)
	t.report.Passed = t.report.Fault == (mailbox.Fault{})
	t.tellProfile(ctx, true)
	return s.publish(t.report, o), nil
}

// tellProfile tells the profile's owner of what a test has found about the profile.
func (t *trial) tellProfile(ctx context.Context, alone bool) {
	why := t.report.Fault
	if t.s.cfg.Policy.OrganizationsEnterHosts && why != (mailbox.Fault{}) {
		if why = publicFault(t.report.Stages); why == cannotConnect {
			why.Scope = mailbox.ScopeProfile
		}
	}
	switch {
	case t.o.TestOnly && !alone:
	case !t.report.Passed && (alone || why.Scope == mailbox.ScopeProfile):
		t.s.herald.raise(ctx, t.cycle, mailbox.Alert{Code: codeTest, Cause: why.Code, Message: "a test of the profile failed: " + why.Cause, Remedy: why.Remedy})
	case t.report.Passed:
		t.s.herald.resolve(ctx, t.cycle, "", codeTest)
		if alone {
			t.s.herald.inform(ctx, t.cycle, mailbox.Alert{Code: "test-succeeded", Message: "the connection of the profile was tested"})
		}
	}
}

// probeSides goes as far as it can with each side of the profile.
func (t *trial) probeSides(ctx context.Context) {
	issues := t.profile.Validate(t.s.cfg.Policy)
	var sides []mailbox.Side
	for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
		if e := t.profile.Endpoint(side); e.Host != "" || e.URL != "" || t.profile.Autodiscover {
			sides = append(sides, side)
		}
	}
	var wrong error
	for _, issue := range issues {
		switch {
		case issue.Side != "" && len(sides) > 0 && !slices.Contains(sides, issue.Side):
		case issue.Level != profile.Error:
			t.report.Warnings = append(t.report.Warnings, issue)
		case wrong == nil:
			wrong = &invalid{issue}
		}
	}
	t.stage("", StageSettings, func() (provider.Evidence, error) {
		return provider.Evidence{Text: fmt.Sprintf("profile %q (%s)", t.profile.ID, t.profile.Kind)}, wrong
	})
	if wrong != nil {
		return
	}
	for _, side := range sides {
		switch t.profile.Endpoint(side).Credentials {
		case profile.FromMailbox, profile.ClientCertificate, profile.OAuth, profile.ServerToServer: // the mailbox says who is meant
			t.probe(ctx, side)
			continue
		}
		session, _ := t.connect(ctx, side)
		t.s.pool.close(session)
	}
}

// probe goes up to where a mailbox would be needed.
func (t *trial) probe(ctx context.Context, side mailbox.Side) {
	protocol := t.profile.Kind.Protocol(side)
	prober, ok := t.s.cfg.Drivers[protocol].(provider.Prober)
	if !ok {
		t.skip(side, StageConnect, fmt.Sprintf("the driver for %q cannot connect without a mailbox", protocol))
		return
	}
	account := t.s.account(t.box, t.profile, t.profile.Endpoint(side))
	t.traced(ctx, side, func(ctx context.Context) error {
		_, err := remote(ctx, t.cycle, "Prober.Probe", only(func(ctx context.Context) error { return prober.Probe(ctx, account) }))
		return err
	})
	t.skip(side, provider.StageSignIn, "it takes a mailbox to sign in; test one of them")
}
