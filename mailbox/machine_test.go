package mailbox_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
)

var (
	start   = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	retry   = Retry{}.WithDefaults()
	outage  = Outcome{Class: Transient, Revision: "1", Fault: Fault{Code: "unavailable", Cause: "no answer", Remedy: "wait"}}
	refusal = Outcome{Class: Refused, Revision: "1", Fault: Fault{Code: "sign-in-refused", Cause: "wrong password", Remedy: "enter it anew"}}
)

// M1: waits of 5, 10, 15, 15 … minutes; after 10 tries suspended with one alert
// and a probe every 30 minutes; one success and all is forgotten.
func TestM1TransientFailuresSuspendAndHeal(t *testing.T) {
	var s State
	now := start
	var alerts []Alert
	for n := 1; n <= 13; n++ {
		var more []Alert
		s, more = s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: outage}, now, retry, 0.5)
		alerts = append(alerts, more...)
		wait := 15 * time.Minute
		switch {
		case n == 1:
			wait = 5 * time.Minute
		case n == 2:
			wait = 10 * time.Minute
		case n >= 10:
			wait = 30 * time.Minute
		}
		require.Equal(t, wait, s.Incoming.Until.Sub(now), "after failure %d", n)
		open, until, _ := s.Gate(Incoming, now.Add(wait-time.Second), Rules{Revision: "1"}, retry)
		require.False(t, open)
		require.Equal(t, s.Incoming.Until, until)
		now = s.Incoming.Until
		open, _, _ = s.Gate(Incoming, now, Rules{Revision: "1"}, retry)
		require.True(t, open)
	}
	require.Equal(t, Suspended, s.Incoming.Phase)
	require.Len(t, alerts, 4, "told again with each probe that fails: the same alert, counted")
	require.Equal(t, "suspended", alerts[0].Code)
	require.Equal(t, "wait", alerts[0].Remedy)
	require.Equal(t, NotRun, s.Outgoing.Phase, "the other side is not touched")

	s, alerts = s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: Succeeded, Revision: "1"}}, now, retry, 0.5)
	require.Equal(t, Direction{Phase: Healthy, Since: now, Revision: "1"}, s.Incoming)
	require.Len(t, alerts, 1)
	require.Equal(t, "resumed", alerts[0].Code)
}

// M1: DisableAfter is the original's behaviour, off until tested again.
func TestM1DisableAfter(t *testing.T) {
	r := Retry{DisableAfter: 10}.WithDefaults()
	var s State
	var alerts []Alert
	now := start
	s.Outgoing.Enabled = true
	for n := range 10 {
		require.Equal(t, n > 0, s.Outgoing.Phase == Retrying)
		require.Empty(t, alerts)
		s, alerts = s.Apply(Event{Kind: EventCycle, Side: Outgoing, Outcome: outage}, now, r, 0)
		now = now.Add(time.Hour)
	}
	require.Equal(t, Stopped, s.Outgoing.Phase)
	require.False(t, s.Outgoing.Enabled)
	require.Zero(t, s.Outgoing.Until)
	require.Len(t, alerts, 1)
	require.Equal(t, "stopped", alerts[0].Code)
	open, until, why := s.Gate(Outgoing, now.Add(1000*time.Hour), Rules{Revision: "1"}, r)
	require.False(t, open)
	require.Zero(t, until)
	require.Equal(t, outage.Fault, why)
}

// M1: at most 3 refusals in 15 minutes across directions, then stopped until the
// credential changes.
func TestM1RefusalsStopBothSides(t *testing.T) {
	var s State
	now := start
	s, _ = s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: refusal}, now, retry, 1)
	s, _ = s.Apply(Event{Kind: EventCycle, Side: Outgoing, Outcome: refusal}, now.Add(time.Minute), retry, 1)
	require.Equal(t, Retrying, s.Incoming.Phase)
	now = s.Incoming.Until
	require.Less(t, now.Sub(start), retry.RefusalWindow, "the third try falls inside the window")
	s, alerts := s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: refusal}, now, retry, 1)
	require.Equal(t, Stopped, s.Incoming.Phase)
	require.Len(t, alerts, 1)

	open, until, _ := s.Gate(Outgoing, now.Add(time.Minute), Rules{Revision: "1"}, retry)
	require.False(t, open, "the other side has the same credential")
	require.Equal(t, start.Add(retry.RefusalWindow), until)

	open, _, _ = s.Gate(Incoming, now.Add(24*time.Hour), Rules{Revision: "1"}, retry)
	require.False(t, open)
	open, _, _ = s.Gate(Incoming, now, Rules{Revision: "2"}, retry)
	require.True(t, open, "the credential was changed")
}

// M1: a server that refuses for ever is left alone although the other side's takes
// the credential.
func TestM1ARefusingSideIsStoppedWhileTheOtherWorks(t *testing.T) {
	var s State
	now, refused := start, 0
	for range 40 {
		s, _ = s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: Succeeded, Revision: "1"}}, now, retry, 0.5)
		if open, _, _ := s.Gate(Outgoing, now, Rules{Revision: "1"}, retry); open {
			s, _ = s.Apply(Event{Kind: EventCycle, Side: Outgoing, Outcome: refusal}, now, retry, 0.5)
			refused++
		}
		now = now.Add(5 * time.Minute)
		open, _, _ := s.Gate(Incoming, now, Rules{Revision: "1"}, retry)
		require.True(t, open, "what works goes on")
	}
	require.Equal(t, retry.Refusals, refused)
	require.Equal(t, Stopped, s.Outgoing.Phase)
	require.Equal(t, Healthy, s.Incoming.Phase)
}

// M2: throttling is no failure; it waits visibly.
func TestM2Throttling(t *testing.T) {
	var s State
	for _, tt := range []struct{ asked, waited time.Duration }{
		{30 * time.Second, 30 * time.Second},
		{time.Millisecond, time.Second},
		{48 * time.Hour, time.Hour},
		{0, 5 * time.Minute},
	} {
		var alerts []Alert
		s, alerts = s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: Throttled, Wait: tt.asked, Revision: "1"}}, start, retry, 0.5)
		require.Empty(t, alerts)
		require.Equal(t, Waiting, s.Incoming.Phase)
		require.Equal(t, tt.waited, s.Incoming.Until.Sub(start))
		require.Zero(t, s.Incoming.Failures)
	}
}

// M5: a stop has a code, a cause and a remedy.
func TestM5PermanentStopsAtOnce(t *testing.T) {
	fault := Fault{Code: "certificate", Cause: "the certificate is for another name", Remedy: "enter the name in the certificate"}
	s, alerts := State{}.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: Permanent, Revision: "1", Fault: fault}}, start, retry, 0)
	require.Equal(t, Stopped, s.Incoming.Phase)
	require.Equal(t, fault, s.Incoming.Fault)
	require.Equal(t, "stopped", alerts[0].Code)
	require.Contains(t, alerts[0].Message, fault.Cause)
	_, alerts = s.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: Permanent, Revision: "1", Fault: fault}}, start, retry, 0)
	require.Len(t, alerts, 1, "it is told again, as the same alert")
}

// The zero Retry means its defaults, wherever it is used.
func TestM1ZeroRetry(t *testing.T) {
	require.Equal(t, Retry{
		Waits: []time.Duration{5 * time.Minute, 10 * time.Minute, 15 * time.Minute},
		Tries: 10, Probe: 30 * time.Minute, Refusals: 3, RefusalWindow: 15 * time.Minute,
	}, retry)
	var s State
	now := start
	for n := range 12 {
		for _, h := range happenings() {
			want, alerts := s.Apply(h.event, now, retry, 0.5)
			got, told := s.Apply(h.event, now, Retry{}, 0.5)
			require.Equal(t, want, got, h.name)
			require.Equal(t, alerts, told, h.name)
			for _, side := range []Side{Incoming, Outgoing, ACT} {
				open, until, why := got.Gate(side, now, Rules{Revision: "1"}, retry)
				open2, until2, why2 := got.Gate(side, now, Rules{Revision: "1"}, Retry{})
				require.Equal(t, []any{open, until, why}, []any{open2, until2, why2})
			}
		}
		s, _ = s.Apply(happenings()[2].event, now, retry, 0.5)
		now = now.Add(time.Minute)
		require.Equal(t, retry.Wait(n, 0), Retry{}.Wait(n, 0))
	}
}

// S15: a Store may keep the state as a JSON document.
func TestStateSurvivesJSON(t *testing.T) {
	s, _ := State{}.Apply(Event{Kind: EventCycle, Side: Incoming, Outcome: refusal}, start, retry, 0.3)
	s.Resets = []Reset{{Folder: "INBOX", Reason: "new epoch", Since: start, OldEpochs: []string{"1"}, Relisted: 3, Matched: 2, New: 1}}
	doc, err := json.Marshal(s)
	require.NoError(t, err)
	var back State
	require.NoError(t, json.Unmarshal(doc, &back))
	require.Equal(t, s, back)
}
