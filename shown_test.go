package serversync_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

// SEC-7: nor do walls, states, journals and outboxes, which organizations see, tell
// where they enter hosts what is behind an address: not by tests and not by cycles.
func TestSEC7NothingElseTellsEither(t *testing.T) {
	var first string
	for _, err := range []error{
		&provider.Error{Op: "imap: dial", Kind: provider.ErrUnavailable, Code: "ConnectFailure", Err: errors.New("10.1.2.3:143 refused it")},
		&provider.Error{Op: "imap: dial", Kind: provider.ErrUnavailable, Code: "TimedOut", Err: errors.New("10.1.2.3:143 did not answer in time")},
		&provider.Error{Op: "imap: greeting", Kind: provider.ErrProtocol, Err: errors.New("10.1.2.3:143 says HTTP/1.1 400")},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, providertest.IMAPLike)
			o.cfg.Policy.OrganizationsEnterHosts = true
			o.PutSettings(ann.Organization, mailbox.Settings{NotifyMailboxOwners: true})
			var log strings.Builder
			o.cfg.Logger = textLogger(&log)
			o.begin()
			o.approve()
			require.True(t, o.test(TestOptions{}).Passed)
			o.openErr = err
			o.test(TestOptions{})
			e := entry(ann, 1, "carl@example.org")
			e.Queued = time.Now()
			require.NoError(t, o.store.Enqueue(t.Context(), e))
			var reports []any
			for range 12 {
				time.Sleep(gap)
				report, _ := o.syncer.SyncMailbox(t.Context(), ann)
				reports = append(reports, report.Closed, report.Incoming.Fault, report.Outgoing.Fault)
			}
			walls := alertsOf(o.store, ann)
			profiles, _ := o.store.Alerts(t.Context(), mailbox.Wall{Organization: "acme", Profile: testProfile.ID}, false, 100)
			entries, _ := o.store.Entries(t.Context(), ann, PhasePending, "", 10)
			journal := journalOf(t, o.world)
			require.NotEmpty(t, walls)
			require.NotEmpty(t, profiles)
			require.NotEmpty(t, journal)
			require.NotEmpty(t, entries[0].Reason)
			s := o.state()
			doc, jsonErr := json.Marshal([]any{codes(walls), messages(walls), messages(profiles), entries[0].Reason, journal[0].Code, journal[0].Reason, reports, s.Incoming.Fault.Code, s.Outgoing.Fault.Cause, s.Incoming.Phase})
			require.NoError(t, jsonErr)
			require.NotContains(t, string(doc), "10.1.2.3")
			if first == "" {
				first = string(doc)
			}
			require.Equal(t, first, string(doc))
			require.Contains(t, log.String(), "10.1.2.3", "the operator has the whole of it")
		})
	}
}

func messages(alerts []mailbox.Alert) (all []string) {
	for _, a := range alerts {
		all = append(all, a.Message+a.Cause+a.Remedy)
	}
	return all
}

// A way that is found after long leaves the other its time, and is no failure.
func TestSEC7ASlowTestPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.cfg.Policy.OrganizationsEnterHosts = true
		o.begin()
		o.approve()
		o.server.Fault = func(c providertest.Call) providertest.Outcome {
			time.Sleep(10 * time.Second)
			return providertest.Outcome{}
		}
		require.True(t, o.test(TestOptions{}).Passed)
	})
}

// Tests of all mailboxes of a profile, and an assignment, count once: they lead to
// the same servers.
func TestManyTestsOfOneProfileCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.cfg.Policy.OrganizationsEnterHosts = true
		o.PutSettings(ann.Organization, mailbox.Settings{ProcessUnapprovedUsers: true})
		o.begin()
		box, p, _ := o.Mailbox(t.Context(), ann)
		keys := []mailbox.Key{ann}
		for n := range 30 {
			box.Key.Mailbox = string(rune('a'+n%26)) + string(rune('a'+n/26))
			o.PutMailbox(box)
			keys = append(keys, box.Key)
		}
		sum, err := o.syncer.TestProfile(t.Context(), ann.Organization, p.ID, TestOptions{NoMessage: true}, nil)
		require.NoError(t, err)
		require.Equal(t, 31, sum.Passed)
		for range 9 {
			for _, r := range o.syncer.Assign(t.Context(), Assignment{Profile: p.ID, Test: TestOptions{NoMessage: true}}, keys...) {
				require.NoError(t, r.Err)
				require.True(t, r.Test.Passed)
			}
		}
		require.ErrorIs(t, o.syncer.Assign(t.Context(), Assignment{Profile: p.ID}, ann)[0].Err, ErrTooManyTests)
		_, err = o.syncer.TestProfile(t.Context(), ann.Organization, p.ID, TestOptions{}, nil)
		require.ErrorIs(t, err, ErrTooManyTests)
	})
}

// What people are told is bounded, and so is what is kept of it.
func TestTextsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		long := strings.Repeat("ü", 10_000)
		o.openErr = &provider.Error{Op: "dial", Kind: provider.ErrUnavailable, Remedy: long, Err: errors.New(long)}
		o.test(TestOptions{})
		o.openErr = nil
		require.True(t, o.test(TestOptions{}).Passed)
		o.cfg.Filter = func(_ context.Context, page []Candidate) ([]Decision, error) {
			return []Decision{{Verdict: Ignored, Reason: long}}, nil
		}
		o.begin()
		o.server.Add(ann, "INBOX", letter(1))
		syncOnce(t, o.syncer, ann)
		for _, a := range alertsOf(o.store, ann) {
			require.Less(t, len(a.Message)+len(a.Remedy), 1200)
			require.True(t, strings.ToValidUTF8(a.Message, "?") == a.Message)
		}
		require.Less(t, len(journalOf(t, o.world)[0].Reason), 600)
	})
}

// Alerts of levels that an organization does not want are not made, about items as
// about sides, and what was open when it said so is resolved nevertheless.
func TestAlertsThatAreNotWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		o.openErr = &provider.Error{Op: "dial", Kind: provider.ErrUnavailable, Err: errors.New("no")}
		o.test(TestOptions{})
		require.NotEmpty(t, o.state().Open)
		o.PutSettings(ann.Organization, mailbox.Settings{NoErrorAlerts: true, NoWarningAlerts: true, NoInformationAlerts: true})
		o.openErr = nil
		require.True(t, o.test(TestOptions{}).Passed)
		require.Empty(t, o.state().Open)
		for _, a := range alertsOf(o.store, ann) {
			require.NotZero(t, a.Resolved)
		}
		before := len(alertsOf(o.store, ann))
		require.NoError(t, o.syncer.Owe(t.Context(), ann, provider.Act{Kind: provider.Move, Folder: "INBOX", ID: "none", To: "no such"}))
		o.server.ExpireCursors(ann)
		o.server.NewEpoch(ann, "INBOX")
		for range 8 {
			o.syncer.SyncMailbox(t.Context(), ann)
			time.Sleep(gap)
		}
		require.Len(t, alertsOf(o.store, ann), before)
	})
}

// How many mailboxes are followed at once is bounded after a restart too, and one
// that is not followed any more gives its place to another.
func TestVerbosePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.PutSettings(ann.Organization, mailbox.Settings{ProcessUnapprovedUsers: true, MaxVerboseMailboxes: 1})
		box, _, _ := o.Mailbox(t.Context(), ann)
		box.Key = bob
		o.PutMailbox(box)
		require.NoError(t, o.syncer.SetVerbose(t.Context(), ann, 5))
		require.ErrorIs(t, o.syncer.SetVerbose(t.Context(), bob, 5), ErrTooManyVerbose)
		o.begin()
		syncOnce(t, o.syncer, ann)
		require.ErrorIs(t, o.syncer.SetVerbose(t.Context(), bob, 5), ErrTooManyVerbose, "it is still followed")
		require.NoError(t, o.syncer.SetVerbose(t.Context(), ann, 0))
		require.NoError(t, o.syncer.SetVerbose(t.Context(), bob, 5))
	})
}

// A replayed item is dealt with in the journal too; there are no defaults to assign
// where there are no organizations.
func TestReplayIsJournaledAndNoDefaultsAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, providertest.IMAPLike)
		w.cfg.ItemTries = 1
		w.start()
		bad := w.server.Add(ann, "INBOX", letter(3))
		w.server.Spoil(ann, "INBOX", bad, provider.ErrBadItem)
		syncOnce(t, w.syncer, ann)
		require.Equal(t, Quarantined, find(journalOf(t, w), bad).Kind)
		items, err := w.store.Quarantined(t.Context(), ann, provider.Place{}, 10)
		require.NoError(t, err)
		w.server.Spoil(ann, "INBOX", bad, "")
		items[0].Raw = nil
		require.NoError(t, w.syncer.Replay(t.Context(), ann, items[0]))
		time.Sleep(gap)
		syncOnce(t, w.syncer, ann)
		require.Equal(t, Tracked, find(journalOf(t, w), bad).Kind)

		require.Error(t, w.syncer.Assign(t.Context(), Assignment{Defaults: true, NoTest: true}, ann)[0].Err)
	})
}

// A draft of a profile that is tested by itself says nothing about the one in use.
func TestADraftHealsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, providertest.IMAPLike)
		var outages []bool
		w.cfg.Mailboxes = Static(testProfile, annBox, bobBox)
		w.cfg.Hooks.Outage = func(o Outage) { outages = append(outages, o.Down) }
		w.start()
		w.server.Fault = func(providertest.Call) providertest.Outcome {
			return providertest.Outcome{Err: &provider.Error{Op: "dial", Kind: provider.ErrUnavailable, Code: "ConnectFailure", Err: errors.New("no")}}
		}
		for range 3 {
			w.syncer.SyncMailbox(t.Context(), ann)
			w.syncer.SyncMailbox(t.Context(), bob)
			time.Sleep(10 * time.Minute)
		}
		require.Equal(t, []bool{true}, outages)
		w.server.Fault = nil
		draft := testProfile
		draft.Incoming.Credentials = profile.FromMailbox
		_, err := w.syncer.TestConnection(t.Context(), "acme", draft, TestOptions{})
		require.NoError(t, err)
		require.Equal(t, []bool{true}, outages)
	})
}

// What the service that gives out tokens says is told by its name, also to
// organizations that enter hosts: the owner has to consent again. Its own words are not.
func TestSEC7AnEndedConsentIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.cfg.Policy.OrganizationsEnterHosts = true
		o.begin()
		o.approve()
		require.True(t, o.test(TestOptions{}).Passed)
		o.openErr = &provider.Error{Op: "oauth: refresh", Kind: provider.ErrAuth, Code: "invalid_grant", Err: errors.New("the issuer at 10.1.2.3 says no")}
		time.Sleep(gap)
		report, _ := o.syncer.SyncMailbox(t.Context(), ann)
		f := report.Incoming.Fault
		require.Equal(t, "invalid_grant", f.Code)
		require.Contains(t, f.Remedy, "consent")
		require.NotContains(t, f.Cause, "10.1.2.3")
		o.syncer.Close()
	})
}

// SEC-7: what Entra ID says of an application, and a mail server of its token, is told by its name, for the organization's
// administrator can mend it and sees it in the tenant's own logs. The certificate is the operator's, and nobody else's affair.
func TestSEC7WhatIsToldOfAnApplication(t *testing.T) {
	for code, want := range map[string]string{
		"AADSTS65001": "AADSTS65001", "AADSTS650056": "AADSTS65001", "AADSTS700027": "AADSTS700027", "token_permission": "token_permission", "token_audience": "token_audience",
		"certificate-expired": "token", "certificate-password": "token", "certificate-no-key": "token", "ErrorAccessDenied": "token",
	} {
		for _, stage := range []provider.Stage{provider.StageCertificate, provider.StageToken, provider.StagePermission} {
			public := TestReport{Fault: mailbox.Fault{Code: code}, Stages: []StageReport{
				{Stage: StageSettings, Status: StagePassed}, {Stage: stage, Status: StageFailed, Fault: mailbox.Fault{Code: code, Cause: "10.1.2.3 says", Remedy: "make a new certificate"}},
			}}.Public()
			require.Equal(t, want, public.Fault.Code, code)
			require.NotContains(t, public.String(), "10.1.2.3")
			require.NotContains(t, public.Fault.Remedy, "make a new certificate")
		}
	}
	for _, row := range []struct {
		kind       provider.Kind
		code, want string
	}{
		{provider.ErrAuth, "certificate-expired", "token"}, {provider.ErrUnsupported, "certificate-weak", "token"},
		{provider.ErrAuth, "AADSTS7000229", "AADSTS7000229"}, {provider.ErrUnsupported, "AADSTS70011", "AADSTS70011"}, {provider.ErrAuth, "token_permission", "token_permission"},
		{provider.ErrAuth, "535 5.7.8", "sign-in"}, {provider.ErrUnavailable, "AADSTS90033", "cannot-connect"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, providertest.IMAPLike)
			o.cfg.Policy.OrganizationsEnterHosts = true
			o.begin()
			o.approve()
			require.True(t, o.test(TestOptions{}).Passed)
			o.openErr = &provider.Error{Op: "s2s: token", Kind: row.kind, Code: row.code, Remedy: "make a new certificate", Err: errors.New("CN=ours at 10.1.2.3")}
			time.Sleep(gap)
			report, _ := o.syncer.SyncMailbox(t.Context(), ann)
			require.Equal(t, row.want, report.Incoming.Fault.Code)
			require.NotContains(t, report.Incoming.Fault.Cause+report.Incoming.Fault.Remedy, "CN=ours")
			require.NotContains(t, report.Incoming.Fault.Remedy, "make a new certificate")
			o.syncer.Close()
		})
	}
}

// SEC-7: of autodiscover people are told whether the sign-in was refused, or the way not allowed, and no more.
func TestSEC7WhatAutodiscoverTells(t *testing.T) {
	for code, want := range map[string]string{"sign-in-refused": "sign-in", "unsafe": "address-not-allowed", "unavailable": "cannot-connect", "8004503A": "cannot-connect", "unsupported": "cannot-connect"} {
		public := TestReport{Fault: mailbox.Fault{Code: code}, Stages: []StageReport{
			{Stage: StageSettings, Status: StagePassed}, {Stage: provider.StageAutodiscover, Status: StageFailed, Fault: mailbox.Fault{Code: code, Cause: "10.1.2.3 says"}},
		}}.Public()
		require.Equal(t, want, public.Fault.Code, code)
		require.NotContains(t, public.String(), "10.1.2.3")
	}
}
