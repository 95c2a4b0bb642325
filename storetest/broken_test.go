package storetest

import (
	"slices"
	"strings"
	"testing"
)

// A fault is one thing that is wrong with a store.
type fault struct {
	name  string
	rule  string   // that must catch it
	also  []string // rules that may catch it too, as they rest on the first
	heavy bool     // it takes the rule's heavy checks to catch it
	make  func() methods
}

// anywhere stands for every rule: without the cursor, say, little works.
var anywhere = []string{"*"}

// TestBroken runs the suite on broken stores: each must be caught by its rule, and by
// none that has nothing to do with it.
func TestBroken(t *testing.T) {
	covered := map[string]bool{}
	for _, f := range slices.Concat(cursorFaults(), commitFaults(), contextFaults(), keyFaults(), ledgerFaults(),
		recordFaults(), owedFaults(), stateFaults(), outboxFaults(), bodyFaults(), wallFaults(), journalFaults(), emailFaults(), verdictFaults(), numberFaults(), listFaults(), leaseFaults()) {
		covered[f.rule] = true
		t.Run(f.rule+"/"+f.name, func(t *testing.T) {
			t.Parallel()
			f.test(t)
		})
	}
	for _, rule := range rules() {
		if !covered[rule.name] {
			t.Errorf("no broken store tells that %s is checked", rule.name)
		}
	}
}

func (f fault) test(t *testing.T) {
	if f.heavy && testing.Short() {
		t.Skip("it takes a check that -short leaves out")
	}
	caught := map[string][]string{}
	why := map[string]string{}
	try := func(name string, checks []check) {
		for _, c := range checks {
			if c.heavy && (!f.heavy || name != f.rule) {
				continue
			}
			told := observe(t, c, func(t *testing.T) Harness { return f.make().harness(t) })
			if told.failures != nil {
				caught[name] = append(caught[name], name+"/"+c.name)
				why[name] = told.failures[0]
			}
		}
	}
	for _, rule := range rules() {
		try(rule.name, rule.checks)
		for n := 0; rule.name == "S6" && f.rule == "S6" && caught["S6"] == nil && n < 50; n++ {
			try(rule.name, rule.checks) // whether goroutines meet is chance
		}
	}
	if caught[f.rule] == nil {
		t.Errorf("%s did not catch it", f.rule)
	}
	var by []string
	for _, rule := range rules() {
		by = append(by, caught[rule.name]...)
		if caught[rule.name] != nil && rule.name != f.rule && !slices.Contains(f.also, rule.name) && !slices.Contains(f.also, "*") {
			t.Errorf("%q caught it as well: %s", caught[rule.name], why[rule.name])
		}
	}
	t.Logf("caught by %s", strings.Join(by, "; "))
}
