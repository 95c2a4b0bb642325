package mailbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// What each event that is no try leaves behind, whole.
func TestMBX4WhatEventsLeave(t *testing.T) {
	later := start.Add(time.Hour)
	fault := Fault{Code: "f", Cause: "c", Remedy: "r"}

	s, _ := State{}.Apply(Event{Kind: EventPause, By: "Eve"}, start, retry, 0)
	s, _ = s.Apply(Event{Kind: EventPause, By: "Ben"}, later, retry, 0)
	require.Equal(t, State{Paused: Pause{Since: start, By: "Eve"}}, s, "who paused it first")
	s, _ = s.Apply(Event{Kind: EventResume, By: "Ben"}, later, retry, 0)
	require.Equal(t, State{}, s)

	off := Event{Kind: EventDisable, Side: Incoming, By: "Eve", Outcome: Outcome{Revision: "7"}}
	s = State{Incoming: Direction{Phase: Retrying, Since: start, Failures: 2, Until: later, Revision: "1", Fault: fault, Enabled: true, Tested: Test{Tries: 1, Again: later}}}
	s, alerts := s.Apply(off, later, retry, 0)
	require.Empty(t, alerts)
	want := Direction{Phase: Stopped, Since: later, Failures: 2, Revision: "7", Tested: Test{Tries: 1},
		Fault: Fault{Code: "disabled", Cause: "it was disabled by Eve", Remedy: "test and enable the mailbox"}}
	require.Equal(t, State{Incoming: want}, s)
	s, _ = s.Apply(off, later.Add(time.Hour), retry, 0)
	require.Equal(t, later, s.Incoming.Since, "it was off before")
	open, _, why := s.Gate(Incoming, later, Rules{Revision: "8"}, retry)
	require.False(t, open, "no edit turns it on")
	require.Equal(t, "disabled", why.Code)

	waits := Direction{Phase: Stopped, Fault: Fault{Code: "not-approved"}}
	s = State{Incoming: waits, Outgoing: waits, ACT: waits}
	s, told := s.Raise(Alert{Code: "rejected", Level: profile.Warning}, "1", start)
	s, other := s.Raise(Alert{Code: "suspended", Level: profile.Warning}, "2", start)
	yes := Approval{Status: Approved, By: "Ben"}
	s, alerts = s.Apply(Event{Kind: EventApproval, Approval: yes}, later, retry, 0)
	told.Resolved, told.Last = later, later
	require.Equal(t, State{Approval: yes, Open: []Alert{other}}, s, "what waited for it is as if never tried")
	require.Equal(t, []Alert{told, {Level: profile.Info, Code: "approved", Message: "the email address was approved by Ben"}}, alerts)
	s.Outgoing = Direction{Phase: Stopped, Fault: fault}
	no := Approval{Status: Rejected, By: "Ben"}
	s, alerts = s.Apply(Event{Kind: EventApproval, Approval: no}, later, retry, 0)
	require.Equal(t, State{Approval: no, Outgoing: Direction{Phase: Stopped, Fault: fault}, Open: []Alert{other}}, s)
	require.Equal(t, []Alert{{Level: profile.Warning, Code: "rejected", Message: "the use of the email address was rejected by Ben", Remedy: "have the address approved by an administrator"}}, alerts)

	s = State{Incoming: waits, Outgoing: waits, ACT: waits, Approval: yes, Subject: Subject{Address: "a@b"}, Refused: []Refusal{{At: start, Side: Outgoing}},
		Paused: Pause{By: "Eve"}, Verbose: 3, Probe: "p", Resets: []Reset{{Folder: "INBOX"}}}
	for _, side := range []Side{"", Incoming, Outgoing, ACT} {
		s, _ = s.Raise(Alert{Code: "f", Side: side}, "id-"+string(side), start)
	}
	s, alerts = s.Apply(Event{Kind: EventChange}, later, retry, 0)
	require.Len(t, alerts, 4)
	require.Equal(t, State{Paused: Pause{By: "Eve"}, Verbose: 3, Probe: "p", Resets: []Reset{{Folder: "INBOX"}}}, s, "what has nothing to do with it stays")
	s, alerts = s.Apply(Event{Kind: "x", Side: Incoming}, later, retry, 0)
	require.Equal(t, 3, s.Verbose)
	require.Empty(t, alerts)
}

// A success forgets the refusals before it, and so does another credential.
func TestM1RefusalsAreForgotten(t *testing.T) {
	try := func(s State, c Class, revision string) State {
		s, _ = s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: c, Revision: revision, Fault: refusal.Fault}}, start, retry, 0)
		return s
	}
	twice := try(try(State{}, Refused, "1"), Refused, "1")
	require.Len(t, twice.Refused, 2)
	require.Empty(t, try(twice, Succeeded, "1").Refused)
	require.Len(t, try(twice, Refused, "2").Refused, 1)
	require.Equal(t, 1, try(twice, Refused, "2").Incoming.Failures)
	require.Equal(t, Stopped, try(twice, Refused, "1").Incoming.Phase)
}

// Refusals count while they are of late, and on a side that was never tried too.
func TestM1RefusalsOfLate(t *testing.T) {
	event := Event{Kind: EventCycle, Side: Incoming, Outcome: refusal}
	var s State
	for n := range 6 {
		s, _ = s.Apply(event, start.Add(time.Duration(n)*10*time.Minute), retry, 0)
		require.Equal(t, Retrying, s.Incoming.Phase)
		require.LessOrEqual(t, len(s.Refused), 2)
	}
	s = State{}
	for range 3 {
		s, _ = s.Apply(event, start, retry, 0)
	}
	open, until, _ := s.Gate(Outgoing, start.Add(time.Minute), Rules{Revision: "1"}, retry)
	require.False(t, open, "it has the same credential")
	require.Equal(t, start.Add(retry.RefusalWindow), until)
	open, _, _ = s.Gate(Outgoing, until, Rules{Revision: "1"}, retry)
	require.True(t, open)
	s.Outgoing = Direction{Phase: Healthy, Revision: "1"}
	open, _, _ = s.Gate(Outgoing, start.Add(time.Minute), Rules{Revision: "1"}, retry)
	require.True(t, open, "what works is not kept from working")
}

// Two states that come of one do not write over each other.
func TestRefusalsAreNotShared(t *testing.T) {
	was := State{Refused: make([]Refusal, 0, 4)}
	one, _ := was.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: refusal}, start, retry, 0)
	two, _ := was.Apply(Event{Kind: EventCycle, Side: Outgoing, Outcome: refusal}, start, retry, 0)
	require.Equal(t, []Refusal{{start, Incoming}}, one.Refused)
	require.Equal(t, []Refusal{{start, Outgoing}}, two.Refused)
}

// What is said of a retry holds, and nothing else of it is by default.
func TestM1RetryAsSaid(t *testing.T) {
	said := Retry{Waits: []time.Duration{time.Minute}, Tries: 2, Probe: time.Hour, DisableAfter: 1, Refusals: 1, RefusalWindow: time.Second}
	require.Equal(t, said, said.WithDefaults())
	s, _ := State{}.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: outage}, start, said, 0)
	require.Equal(t, Stopped, s.Incoming.Phase)
}

// A success resolves what was told of failing, by a cycle and by a test.
func TestM5SuccessResolves(t *testing.T) {
	for _, kind := range []EventKind{EventCycle, EventTest} {
		s := State{Incoming: Direction{Phase: Healthy, Revision: "1"}}
		for _, code := range []string{"suspended", "stopped", "test-failed", "profile-outage", "other"} {
			s, _ = s.Raise(Alert{Code: code, Side: Incoming}, code, start)
		}
		s, alerts := s.Apply(Event{Kind: kind, Side: Incoming, Outcome: Outcome{Class: Succeeded, Revision: "1"}}, start, retry, 0)
		require.Len(t, s.Open, 1)
		require.Equal(t, "other", s.Open[0].Code)
		for i, code := range []string{"suspended", "stopped", "test-failed", "profile-outage"} {
			require.Equal(t, code, alerts[i].ID)
			require.Equal(t, start, alerts[i].Resolved)
		}
	}
}

// Waits are spread by a fifth either way.
func TestM1Spread(t *testing.T) {
	for spread, want := range map[float64]time.Duration{0: 4 * time.Minute, 0.5: 5 * time.Minute, 1: 6 * time.Minute} {
		require.Equal(t, want, retry.Wait(1, spread))
	}
	s := State{Incoming: Direction{Phase: Retrying, Failures: 9, Revision: "1"}}
	s, _ = s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: outage}, start, retry, 0)
	require.Equal(t, start.Add(24*time.Minute), s.Incoming.Until, "a probe too")
	s, _ = State{}.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: refusal}, start, retry, 0)
	require.Equal(t, start.Add(4*time.Minute), s.Incoming.Until)
	require.Equal(t, 1, s.Incoming.Failures)
}

// What alerts say, word by word: people read them.
func TestM5AlertsSayWhat(t *testing.T) {
	fault := Fault{Code: "f", Cause: "no answer", Remedy: "wait"}
	failing := Direction{Phase: Retrying, Failures: 9, Revision: "1"}
	for _, row := range []struct {
		was  Direction
		kind EventKind
		o    Class
		want Alert
	}{
		{failing, EventCycle, Transient, Alert{Level: profile.Error, Code: "suspended", Cause: "f", Message: " has failed again and again and is only probed now: no answer", Remedy: "wait"}},
		{failing, EventCycle, Permanent, Alert{Level: profile.Error, Code: "stopped", Cause: "f", Message: " has been stopped: no answer", Remedy: "wait"}},
		{Direction{Phase: Stopped, Revision: "1"}, EventCycle, Succeeded, Alert{Level: profile.Info, Code: "resumed", Message: " works again"}},
		{Direction{Phase: Suspended, Revision: "1"}, EventCycle, Succeeded, Alert{Level: profile.Info, Code: "resumed", Message: " works again"}},
		{failing, EventTest, Succeeded, Alert{Level: profile.Info, Code: "test-succeeded", Message: " was tested and enabled"}},
		{failing, EventTest, Permanent, Alert{Level: profile.Error, Code: "test-failed", Cause: "f", Message: "the test of  failed: no answer", Remedy: "wait"}},
	} {
		for side, what := range map[Side]string{Incoming: "incoming mail", Outgoing: "outgoing mail", ACT: "synchronizing appointments, contacts and tasks"} {
			s := State{Incoming: row.was, Outgoing: row.was, ACT: row.was}
			o := Outcome{Class: row.o, Revision: "1"}
			if row.o != Succeeded {
				o.Fault = fault
			}
			_, alerts := s.Apply(Event{Kind: row.kind, Side: side, Outcome: o}, start, retry, 0.5)
			row.want.Side = side
			want := row.want
			want.Message = what + want.Message
			if want.Code == "test-failed" {
				want.Message = "the test of " + what + " failed: no answer"
			}
			require.Equal(t, []Alert{want}, alerts)
		}
	}
	_, a := State{}.Raise(Alert{Code: "x"}, "1", start)
	require.Equal(t, profile.Error, a.Level, "unless said otherwise")
	s, _ := State{}.Raise(Alert{Code: "x", Side: Incoming}, "1", start)
	s, _ = s.Raise(Alert{Code: "y", Side: Incoming}, "2", start)
	require.Len(t, s.Open, 2)
}

func TestStatus(t *testing.T) {
	for phase, want := range map[Phase]Status{
		NotRun: StatusNotRun, Healthy: StatusSuccess, Waiting: StatusSuccess, Retrying: StatusFailure, Suspended: StatusFailure, Stopped: StatusFailure,
	} {
		status, since := Direction{Phase: phase, Since: start}.Status()
		require.Equal(t, want, status, phase)
		require.Equal(t, start, since)
	}
}

// What names a mailbox, and what was approved and tested of it.
func TestNames(t *testing.T) {
	require.Equal(t, "contoso/anna", annas().Key.String())
	require.Equal(t, Wall{Organization: "contoso", Mailbox: "anna"}, annas().Key.Wall())
	m, p := annas(), imapProfile()
	m.Address, p.TenantID = "Anna@Example.com", "ABC"
	require.Equal(t, Subject{Address: "anna@example.com", Profile: "p", Kind: profile.IMAPSMTP, Tenant: "abc"}, SubjectOf(m, p))
	at := time.Now().In(time.FixedZone("", 3600))
	require.Equal(t, Approval{
		Status: Approved, By: "ben", Roles: "a,b", At: at.Round(0).UTC(), Address: m.Address, Profile: "p", Kind: profile.IMAPSMTP, Tenant: "ABC",
	}, Decide(m, p, Approver{Name: "ben", Roles: []Role{"a", "b"}}, Approved, at))
	require.Equal(t, None, Methods{}.Of("sideways"))
}

// Addresses are the same when they lead to one mailbox beyond doubt.
func TestApprovalOfAnAddress(t *testing.T) {
	p := imapProfile()
	for _, row := range []struct {
		approved, now string
		holds         bool
	}{
		{"a@b.c", "a@B.C", true}, {"a@b.c", "A@b.c", false}, {"a@b.c", "a@b.d", false}, {"a@b.c", "x@b.c", false},
		{"a", "a", true}, {"a", "A", false}, {"a", "b", false}, {"a", "a@b", false}, {"a@b", "a", false}, {"@b", "@B", true}, {"@b", "b", false},
	} {
		m := annas()
		m.Address = row.approved
		a := Decide(m, p, Approver{Name: "ben"}, Approved, start)
		m.Address = row.now
		require.Equal(t, row.holds, a.Holds(m, p), "%q %q", row.approved, row.now)
	}
}
