package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-serversync/serversync"
)

// TestSound runs the suite on a store without a fault, with all that a Harness can
// have: nothing is skipped.
func TestSound(t *testing.T) {
	for _, rule := range rules() {
		for _, c := range rule.checks {
			told := observe(t, c, methods{}.harness)
			if told.failures != nil || told.skipped != "" && !testing.Short() {
				t.Errorf("%s/%s: %q, skipped %q", rule.name, c.name, told.failures, told.skipped)
			}
		}
	}
}

func TestRun(t *testing.T) { Run(t, methods{}.harness) }

// bare is a Store without a capability.
type bare struct{ serversync.Store }

// TestBare runs it on a store that has no more than the three methods: what is
// skipped says why.
func TestBare(t *testing.T) {
	open := func(t *testing.T) Harness {
		h := methods{}.harness(t)
		return Harness{Store: bare{h.Store}, Messages: h.Messages, Alerts: h.Alerts}
	}
	skipped := map[string]int{}
	for _, rule := range rules() {
		for _, c := range rule.checks {
			if c.heavy {
				continue
			}
			told := observe(t, c, open)
			if told.failures != nil {
				t.Errorf("%s/%s: %q", rule.name, c.name, told.failures)
			}
			if told.skipped != "" {
				skipped[told.skipped]++
			}
		}
	}
	want := []string{
		"not checked: Harness.FailNext is nil, so no Commit can be made to fail midway",
		"not checked: Harness.FailNext is nil, so no Commit can be made to fail unanswered",
		"not checked: Harness.Reopen is nil, so nothing outlives the Store",
		"not checked: the Store has no Correlator",
		"not checked: the Store has no Grants",
		"not checked: the Store has no Journal",
		"not checked: the Store has no Leases",
		"not checked: the Store has no Lister",
		"not checked: the Store has no Numbers",
		"not checked: the Store has no Outbox",
		"not checked: the Store has no Quarantine",
		"not checked: the Store has no Verdicts",
		"not checked: the Store has no Walls",
	}
	var got []string
	for reason := range skipped {
		got = append(got, reason)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("reasons for skipping:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wrapped is a Store behind which the capabilities are found.
type wrapped struct{ serversync.Store }

func (w wrapped) Unwrap() serversync.Store { return w.Store }

// TestWrapped finds the capabilities through a wrapper.
func TestWrapped(t *testing.T) {
	told := observe(t, leaseChecks[0], func(t *testing.T) Harness {
		h := methods{}.harness(t)
		h.Store = wrapped{h.Store}
		return h
	})
	if told.failures != nil || told.skipped != "" {
		t.Errorf("a wrapped Store: %q, skipped %q", told.failures, told.skipped)
	}
}

// TestHarness refuses a Harness without which nothing can be checked.
func TestHarness(t *testing.T) {
	for name, change := range map[string]func(*Harness){
		"Store":                       func(h *Harness) { h.Store = nil },
		"Messages":                    func(h *Harness) { h.Messages = nil },
		"Alerts, nor the Store Walls": func(h *Harness) { h.Store, h.Alerts = bare{h.Store}, nil },
	} {
		told := observe(t, zeroChecks[0], func(t *testing.T) Harness {
			h := methods{}.harness(t)
			change(&h)
			return h
		})
		if len(told.failures) != 1 {
			t.Errorf("a Harness without %s: %q, want one failure", name, told.failures)
		}
	}
}

// TestAlertsOnWalls finds the alerts on the Store's Walls if the Harness has none.
func TestAlertsOnWalls(t *testing.T) {
	for _, c := range stateChecks {
		told := observe(t, c, func(t *testing.T) Harness {
			h := methods{}.harness(t)
			h.Alerts = nil
			return h
		})
		if told.failures != nil || told.skipped != "" {
			t.Errorf("%s: %q, skipped %q", c.name, told.failures, told.skipped)
		}
	}
}

// TestNames checks that every check can be asked for by a name of its own.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for i, rule := range rules() {
		if i < 22 && rule.name != fmt.Sprintf("S%d", i+1) {
			t.Errorf("rule %d is called %s", i+1, rule.name)
		}
		if len(rule.checks) == 0 {
			t.Errorf("nothing is checked of %s", rule.name)
		}
		for _, c := range rule.checks {
			name := rule.name + "/" + c.name
			if seen[name] {
				t.Errorf("two checks are called %q", name)
			}
			seen[name] = true
		}
	}
}
