package mailbox_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
)

var update = flag.Bool("update", false, "rewrite the tables in docs")

// A situation is a state of one side that stands for all like it.
type situation struct {
	name  string
	state State
}

func situations() []situation {
	after := func(n int, e Event) (s State) {
		for i := range n {
			s, _ = s.Apply(e, start.Add(time.Duration(i)*time.Minute), retry, 0.5)
		}
		s.Incoming.Enabled = true
		return s
	}
	cycle := func(c Class) Event {
		return Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: c, Revision: "1", Fault: Fault{Code: "f"}}}
	}
	return []situation{
		{"not run", State{}},
		{"healthy", after(1, cycle(Succeeded))},
		{"waiting", after(1, cycle(Throttled))},
		{"retrying", after(1, cycle(Transient))},
		{"retrying, 9 failures", after(9, cycle(Transient))},
		{"retrying, 2 refusals", after(2, cycle(Refused))},
		{"suspended", after(10, cycle(Transient))},
		{"stopped", after(1, cycle(Permanent))},
	}
}

type happening struct {
	name  string
	event Event
}

func happenings() (all []happening) {
	for _, kind := range []EventKind{EventCycle, EventTest} {
		for _, class := range []Class{Succeeded, Throttled, Transient, Refused, Permanent, Outage, ItemFailed} {
			all = append(all, happening{fmt.Sprintf("%s %s", kind, class),
				Event{Kind: kind, Side: Incoming, Outcome: Outcome{Class: class, Revision: "1", Fault: Fault{Code: "g"}}}})
		}
	}
	for _, class := range []Class{Transient, Refused} {
		all = append(all, happening{fmt.Sprintf("cycle %s, after a change of mailbox or profile", class),
			Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: class, Revision: "2", Fault: Fault{Code: "g"}}}})
	}
	return append(all,
		happening{"approval", Event{Kind: EventApproval, Approval: Approval{Status: Approved, By: "Eve"}}},
		happening{"rejection", Event{Kind: EventApproval, Approval: Approval{Status: Rejected, By: "Eve"}}},
		happening{"change", Event{Kind: EventChange}},
		happening{"pause", Event{Kind: EventPause, By: "Eve"}},
		happening{"resume", Event{Kind: EventResume, By: "Eve"}},
		happening{"disable", Event{Kind: EventDisable, Side: Incoming, By: "Eve", Outcome: Outcome{Revision: "1"}}},
	)
}

// table draws what Apply does in every situation.
func table() string {
	now := start.Add(time.Hour / 10)
	var b strings.Builder
	b.WriteString("| event | before | after | tried again | enabled | failures | alert |\n|---|---|---|---|---|---|---|\n")
	for _, h := range happenings() {
		var order []string
		from := make(map[string][]string)
		for _, at := range situations() {
			s, alerts := at.state.Apply(h.event, now, retry, 0.5)
			row := describe(at.state, s, alerts, now)
			if from[row] == nil {
				order = append(order, row)
			}
			from[row] = append(from[row], at.name)
		}
		for _, row := range order {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", h.name, strings.Join(from[row], "; "), row)
		}
	}
	return b.String()
}

func describe(was, is State, alerts []Alert, now time.Time) string {
	if reflect.DeepEqual(was, is) {
		return "as it was |  |  |  | "
	}
	d := is.Incoming
	phase, wait, enabled, failures := string(d.Phase), "", "", "as before"
	if phase == "" {
		phase = "not run"
	}
	switch {
	case is.Paused != Pause{}:
		phase, wait, failures = "as it was", "when resumed", ""
	case d == was.Incoming:
		phase, failures = "as it was", ""
	case d.Phase == Stopped && d.Fault.Code == "disabled":
		wait = "when tested"
	case d.Phase == Stopped:
		wait = "when tested, or changed"
	case d.Until.After(now):
		wait = "after " + strconv.Itoa(int(d.Until.Sub(now).Minutes())) + " min"
	}
	switch {
	case d.Enabled && !was.Incoming.Enabled:
		enabled = "yes from now on"
	case !d.Enabled && was.Incoming.Enabled:
		enabled = "no longer"
	}
	switch {
	case d.Failures > was.Incoming.Failures:
		failures = "one more"
	case d.Failures < was.Incoming.Failures:
		failures = "none"
	}
	var codes []string
	for _, a := range alerts {
		codes = append(codes, a.Code)
	}
	return strings.Join([]string{phase, wait, enabled, failures, strings.Join(codes, ", ")}, " | ")
}

// MBX-4: only the transitions that docs/states.md draws happen.
func TestMBX4TheTableInTheDocsIsDrawnFromTheCode(t *testing.T) {
	const file = "../docs/states.md"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), "<!-- table -->\n")
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, "<!-- end -->")
	require.True(t, ok)
	want := before + "<!-- table -->\n" + table() + "<!-- end -->" + after
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text), "go test ./mailbox -run MBX4 -update draws it anew")
}

// M1 to M5 after any history: three thousand random ones of fifty events.
func TestM1ToM5AfterAnyHistory(t *testing.T) {
	events := happenings()
	sides := []Side{Incoming, Outgoing, ACT}
	histories := 3_000
	if testing.Short() {
		histories = 500
	}
	for seed := range histories {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		var s State
		now := start
		for step := range 50 {
			e := events[random.IntN(len(events))].event
			e.Side = sides[random.IntN(3)]
			e.Outcome.Revision = strconv.Itoa(random.IntN(2))
			e.Outcome.Wait = time.Duration(random.Int64N(int64(48 * time.Hour)))
			now = now.Add(time.Duration(random.Int64N(int64(20 * time.Minute))))
			was, kept := s, everything(s)
			var alerts []Alert
			s, alerts = s.Apply(e, now, retry, random.Float64())
			check(t, was, s, e, now)
			for _, a := range alerts {
				require.NotEmpty(t, a.Code)
				require.NotEmpty(t, a.Message)
				if a.ID == "" {
					s, a = s.Raise(a, fmt.Sprint(seed, step), now)
				}
			}
			checkOpen(t, s)
			require.Equal(t, kept, everything(was), "what was is as it was, to the last element that its slices have room for")
			if t.Failed() {
				t.Fatalf("seed %d, step %d: %v at %v", seed, step, e, now)
			}
		}
		doc, err := json.Marshal(s)
		require.NoError(t, err)
		var back State
		require.NoError(t, json.Unmarshal(doc, &back))
		require.Equal(t, s, back, "S15: it survives as a document")
	}
}

// everything copies a state with all that its slices have room for: what is written
// there shows in another state that began as this one.
func everything(s State) State {
	s.Refused = slices.Clone(s.Refused[:cap(s.Refused)])
	s.Open = slices.Clone(s.Open[:cap(s.Open)])
	s.Resets = slices.Clone(s.Resets[:cap(s.Resets)])
	return s
}

func check(t *testing.T, was, is State, e Event, now time.Time) {
	tried := e.Kind == EventCycle || e.Kind == EventTest
	for _, side := range []Side{Incoming, Outgoing, ACT} {
		d, before := is.Direction(side), was.Direction(side)
		if side != e.Side && e.Kind != EventChange {
			require.Equal(t, before, d, "the other sides are not touched")
		}
		switch d.Phase {
		case NotRun, Healthy, Stopped:
			require.Zero(t, d.Until, d.Phase)
		default:
			require.False(t, d.Until.IsZero(), d.Phase)
			require.LessOrEqual(t, d.Until.Sub(now), time.Hour, "M1, M2: no wait is longer")
		}
		if d.Phase == Healthy {
			require.Zero(t, d.Failures)
			require.Zero(t, d.Fault)
		}
		if d.Enabled && !before.Enabled {
			require.True(t, e.Kind == EventTest && e.Outcome.Class == Succeeded, "only a test enables")
		}
		if d.Phase == Stopped {
			require.NotEmpty(t, d.Fault.Code, "M5: a stop has a code")
			open, _, why := is.Gate(side, now.Add(10_000*time.Hour), Rules{Revision: d.Revision}, retry)
			require.False(t, open)
			require.NotZero(t, why)
		}
		if tried && side == e.Side && e.Outcome.Class == Throttled {
			require.LessOrEqual(t, d.Failures, before.Failures, "M2: throttling is no failure")
		}
		open, _, _ := is.Gate(side, now, Rules{Revision: "0", Enabled: true, Approval: true}, retry)
		require.False(t, open && (!d.Enabled || is.Approval.Status != Approved || is.Paused != Pause{}), "MBX-1")
	}
	if e.Kind == EventCycle && (e.Outcome.Class == Outage || e.Outcome.Class == ItemFailed) {
		require.Equal(t, was, is, "M3, M4")
	}
	require.LessOrEqual(t, len(is.Refused), len(was.Refused)+1)
}

func checkOpen(t *testing.T, s State) {
	require.LessOrEqual(t, len(s.Open), 12, "what is open is bounded")
	for i, a := range s.Open {
		require.Zero(t, a.Resolved)
		require.False(t, slices.ContainsFunc(s.Open[:i], func(o Alert) bool { return o.Code == a.Code && o.Side == a.Side }))
	}
}

// A gate that waits for a person says for which.
func TestGateSaysWhy(t *testing.T) {
	enabled := State{Incoming: Direction{Phase: Healthy, Enabled: true}, Approval: Approval{Status: Approved}}
	strict := Rules{Approval: true, Enabled: true}
	for want, tt := range map[string]struct {
		spoil func(*State)
		rules Rules
	}{
		"not-approved": {func(s *State) { s.Approval = Approval{} }, strict},
		"rejected":     {func(s *State) { s.Approval.Status = Rejected }, strict},
		"not-enabled":  {func(s *State) { s.Incoming.Enabled = false }, strict},
		"paused":       {func(s *State) { s.Paused = Pause{Since: start, By: "Eve"} }, Rules{}},
		"f":            {func(s *State) { s.Incoming.Enabled, s.Incoming.Fault = false, Fault{Code: "f"} }, strict},
		"inactive":     {func(*State) {}, Rules{Shut: Fault{Code: "inactive"}}},
	} {
		s := enabled
		open, _, _ := s.Gate(Incoming, start, strict, retry)
		require.True(t, open)
		s.Approval.Status = Rejected
		open, _, _ = s.Gate(Incoming, start, Rules{Enabled: true}, retry)
		require.True(t, open, "where nobody need approve, nobody's no counts")
		s = enabled
		tt.spoil(&s)
		open, until, why := s.Gate(Incoming, start, tt.rules, retry)
		require.False(t, open, want)
		require.Zero(t, until, want)
		require.Equal(t, want, why.Code)
	}
}

// A test that fails for now is repeated; one that fails for good disables.
func TestTestEnablesRepeatsAndDisables(t *testing.T) {
	test := func(class Class) Event {
		return Event{Kind: EventTest, Side: Incoming, Outcome: Outcome{Class: class, Revision: "1", Fault: Fault{Code: "f", Cause: "c"}}}
	}
	var s State
	now := start
	for n := 1; n < retry.Tries; n++ {
		s, _ = s.Apply(test(Transient), now, retry, 0.5)
		require.False(t, s.TestDue(Incoming, now))
		now = s.Incoming.Tested.Again
		require.True(t, s.TestDue(Incoming, now))
		require.Equal(t, Test{Status: StatusFailure, At: s.Incoming.Tested.At, Tries: n, Again: now}, s.Incoming.Tested)
	}
	s, alerts := s.Apply(test(Transient), now, retry, 0.5)
	require.Equal(t, Stopped, s.Incoming.Phase, "given up")
	require.Zero(t, s.Incoming.Until)
	require.Equal(t, now, s.Incoming.Tested.At)
	require.False(t, s.TestDue(Incoming, now.Add(1000*time.Hour)))
	require.Equal(t, "test-failed", alerts[len(alerts)-1].Code)
	s, alerts = s.Apply(test(Succeeded), now, retry, 0.5)
	require.True(t, s.Incoming.Enabled)
	require.Equal(t, Test{Status: StatusSuccess, At: now}, s.Incoming.Tested)
	require.Equal(t, "test-succeeded", alerts[len(alerts)-1].Code)
	status, since := s.Incoming.Status()
	require.Equal(t, StatusSuccess, status)
	require.Equal(t, now, since)
	s, _ = s.Apply(test(Permanent), now.Add(time.Hour), retry, 0.5)
	require.False(t, s.Incoming.Enabled)
	status, _ = s.Incoming.Status()
	require.Equal(t, StatusFailure, status)
	s, _ = s.Apply(Event{Kind: EventChange}, now, retry, 0)
	require.Equal(t, State{}, s)
}

func BenchmarkApply(b *testing.B) {
	cycle := func(c Class) Event {
		return Event{Kind: EventCycle, Side: Incoming, Outcome: Outcome{Class: c, Revision: "1", Fault: outage.Fault}}
	}
	for _, tt := range []struct {
		name   string
		events []Event
	}{
		{"succeeded", []Event{cycle(Succeeded)}},
		{"transient", []Event{cycle(Transient)}},
		{"refused", []Event{cycle(Refused)}},
		{"any", func() (all []Event) {
			for _, h := range happenings() {
				all = append(all, h.event)
			}
			return all
		}()},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			var s State
			now := start
			for i := 0; b.Loop(); i++ {
				now = now.Add(time.Minute)
				s, _ = s.Apply(tt.events[i%len(tt.events)], now, retry, 0.5)
			}
		})
	}
}
