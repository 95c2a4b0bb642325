package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

var claimChecks = []check{
	{name: "a pending entry that is due is claimed", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		r.enqueue(o, entry("1"))
		r.nothingDue(o, clock.Add(-time.Second))
		want := r.entry(o, "1")
		got := r.claim(o, "node 1", clock)
		want.Phase, want.Version = serversync.PhaseClaimed, 2
		want.Claimer, want.ClaimedUntil = "node 1", clock.Add(time.Minute)
		equal(r, "claimed entry", entryLine(got), entryLine(want))
		equal(r, "entry", entryLine(r.entry(o, "1")), entryLine(want))
		r.nothingDue(o, clock)
	}},
	{name: "an entry without NotBefore is due", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		e := entry("1")
		e.NotBefore = time.Time{}
		r.enqueue(o, e)
		r.claim(o, "node 1", clock)
	}},
	{name: "the oldest NotBefore comes first", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		for id, age := range map[string]int{"a": 2, "b": 5, "c": 1, "d": 4, "e": 3} {
			e := entry(id)
			e.NotBefore = clock.Add(-time.Duration(age) * time.Second).In(time.FixedZone("", age*3600))
			r.enqueue(o, e)
		}
		for _, want := range []string{"b", "d", "e", "a", "c"} {
			equal(r, "claimed entry", r.claim(o, "node", clock).ID, want)
		}
	}},
	{name: "an entry is not due before its claim has lapsed", f: func(r *run) {
		eachPhase(r, func(o serversync.Outbox, e serversync.Entry) {
			r.nothingDue(o, e.ClaimedUntil.Add(-time.Second))
		})
	}},
	{name: "a claim that lapsed while submitting comes back as uncertain", f: func(r *run) {
		for _, by := range []string{"node 1", "node 2"} {
			o, e := inPhase(r, serversync.PhaseSubmitting, by)
			got := r.claim(o, by, e.ClaimedUntil.Add(time.Second))
			equal(r, "phase", got.Phase, serversync.PhaseUncertain)
			equal(r, "phase in the Store", r.entry(o, e.ID).Phase, serversync.PhaseUncertain)
			equal(r, "version", got.Version, e.Version+1)
			equal(r, "claimer", got.Claimer, by)
			got.Phase = serversync.PhaseDone
			r.advance(o, got)
		}
	}},
	{name: "a claim that lapsed is claimed again", f: func(r *run) {
		eachPhase(r, func(o serversync.Outbox, e serversync.Entry) {
			want := e
			switch e.Phase {
			case serversync.PhasePending:
				want.Phase = serversync.PhaseClaimed
			case serversync.PhaseSubmitting:
				want.Phase = serversync.PhaseUncertain
			case serversync.PhaseHeld, serversync.PhaseDone, serversync.PhaseCanceled:
				r.nothingDue(o, e.ClaimedUntil.Add(time.Hour))
				return
			}
			now := e.ClaimedUntil.Add(time.Second)
			want.Version, want.Claimer, want.ClaimedUntil = e.Version+1, "node 2", now.Add(time.Minute)
			equal(r, "entry in phase "+string(e.Phase), entryLine(r.claim(o, "node 2", now)), entryLine(want))
			r.nothingDue(o, now.Add(time.Second))
		})
	}},
	{name: "an entry to be tried later is not due before", f: func(r *run) {
		for _, phase := range []serversync.Phase{serversync.PhasePending, serversync.PhaseAccepted, serversync.PhaseUncertain} {
			o, e := inPhase(r, phase, "node 1")
			e.NotBefore, e.Claimer, e.ClaimedUntil = clock.Add(time.Hour), "", time.Time{}
			r.advance(o, e)
			r.nothingDue(o, clock.Add(59*time.Minute))
			e = r.claim(o, "node 1", clock.Add(time.Hour))
			e.Phase = serversync.PhaseDone
			r.advance(o, e)
		}
	}},
	{name: "many claimers at once get each entry once", f: manyClaimers},
}

// inPhase returns an entry in the phase, with a claim of node 1 that lasts a minute
// from clock on.
func inPhase(r *run, phase serversync.Phase, id string) (serversync.Outbox, serversync.Entry) {
	r.Helper()
	o := capability[serversync.Outbox](r)
	r.enqueue(o, entry(id+" "+string(phase)))
	e := r.claim(o, "node 1", clock)
	if e.Phase != phase {
		e.Phase = phase
		e = r.advance(o, e)
	}
	return o, e
}

// eachPhase calls f with an entry in each phase, one after the other.
func eachPhase(r *run, f func(serversync.Outbox, serversync.Entry)) {
	r.Helper()
	for _, phase := range []serversync.Phase{
		serversync.PhasePending, serversync.PhaseClaimed, serversync.PhaseSubmitting, serversync.PhaseAccepted,
		serversync.PhaseUncertain, serversync.PhaseHeld, serversync.PhaseDone, serversync.PhaseCanceled,
	} {
		o, e := inPhase(r, phase, "1")
		f(o, e)
		e = r.entry(o, e.ID)
		e.Phase, e.Claimer, e.ClaimedUntil = serversync.PhaseDone, "", time.Time{}
		r.advance(o, e)
	}
}

// manyClaimers claims 60 entries with eight claimers.
func manyClaimers(r *run) {
	o := capability[serversync.Outbox](r)
	const entries = 60
	for i := range entries {
		r.enqueue(o, entry(fmt.Sprint(i)))
	}
	var mu sync.Mutex
	claims := map[string]int{}
	together(8, func(i int) {
		for {
			e, err := o.Claim(ctx, ann, fmt.Sprint("node ", i), clock, clock.Add(time.Minute))
			if errors.Is(err, serversync.ErrNotFound) {
				return
			}
			if err != nil {
				r.Errorf("Claim = %v", err)
				return
			}
			mu.Lock()
			claims[e.ID]++
			again := claims[e.ID] > 1
			mu.Unlock()
			if again {
				r.Errorf("entry %q was claimed twice", e.ID)
				return
			}
		}
	})
	equal(r, "entries claimed", len(claims), entries)
}

var advanceChecks = []check{
	{name: "Advance replaces what is not fixed", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		r.enqueue(o, entry("1"))
		e := r.claim(o, "node 1", clock)
		e.Phase, e.Attempts, e.Submitted, e.Reason = serversync.PhaseSubmitting, 1, clock.Add(time.Second), "now"
		e.NotBefore, e.Claimer, e.ClaimedUntil = clock.Add(time.Hour), "node 3", clock.Add(2*time.Minute)
		e.Recipients[0] = provider.Recipient{Address: "bob@example.com", Status: provider.StatusSent, Code: 250, Text: "2.0.0 “Ok”"}
		e.Recipients[1] = provider.Recipient{Address: "Carl@Example.com", Status: provider.StatusRejected, Code: 550, Text: "no"}
		got := r.advance(o, e)
		e.Version++
		equal(r, "entry", entryLine(got), entryLine(e))
	}},
	{name: "a claim that was given up is free", f: func(r *run) {
		o, e := inPhase(r, serversync.PhaseClaimed, "1")
		e.Phase, e.Claimer, e.ClaimedUntil = serversync.PhasePending, "", time.Time{}
		r.advance(o, e)
		equal(r, "claimer", r.claim(o, "node 2", clock).Claimer, "node 2")
	}},
	{name: "what is fixed stays as it was enqueued", f: func(r *run) {
		o, e := inPhase(r, serversync.PhaseSubmitting, "1")
		want := e
		for _, change := range []func(*serversync.Entry){
			func(e *serversync.Entry) { e.MessageID = "another@example.com" },
			func(e *serversync.Entry) { e.From = "another@example.com" },
			func(e *serversync.Entry) { e.Raw = item.NewBlob([]byte("another")) },
			func(e *serversync.Entry) { e.Raw = nil },
			func(e *serversync.Entry) { e.Recipients[0].Address = "another@example.com" },
		} {
			changed := r.entry(o, e.ID)
			change(&changed)
			_ = o.Advance(ctx, changed) // may be refused
			want.Version = r.entry(o, e.ID).Version
			equal(r, "entry", entryLine(r.entry(o, e.ID)), entryLine(want))
		}
	}},
	{name: "a stale version is fenced", f: func(r *run) {
		o, e := inPhase(r, serversync.PhaseClaimed, "1")
		current := r.advance(o, e)
		want := entryLine(current)
		for _, version := range []int64{0, 1, e.Version, current.Version + 1} {
			stale := current
			stale.Version, stale.Phase = version, serversync.PhaseDone
			if err := o.Advance(ctx, stale, alert("stale")); !errors.Is(err, serversync.ErrFenced) {
				r.Errorf("Advance of version %d, where %d is current, = %v, want ErrFenced", version, current.Version, err)
			}
			equal(r, "entry", entryLine(r.entry(o, e.ID)), want)
		}
		equal(r, "alerts of what was fenced", len(r.alerts(ann)), 0)
	}},
	{name: "an entry that is not there cannot be advanced", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		e := entry("1")
		e.Version = 1
		if err := o.Advance(ctx, e); !errors.Is(err, serversync.ErrFenced) && !errors.Is(err, serversync.ErrNotFound) {
			r.Errorf("Advance of an entry that is not there = %v, want ErrFenced or ErrNotFound", err)
		}
	}},
	{name: "of two from one version at once one is applied", f: func(r *run) {
		o, e := inPhase(r, serversync.PhaseClaimed, "1")
		for range 10 {
			errs := make([]error, 4)
			together(len(errs), func(i int) {
				mine := e
				mine.Reason = fmt.Sprint(i)
				errs[i] = o.Advance(ctx, mine)
			})
			applied := 0
			for i, err := range errs {
				switch {
				case err == nil:
					applied++
					equal(r, "reason", r.entry(o, e.ID).Reason, fmt.Sprint(i))
				case !errors.Is(err, serversync.ErrFenced):
					r.Errorf("Advance from a version that moved on = %v, want ErrFenced", err)
				}
			}
			equal(r, "applied at once", applied, 1)
			e = r.entry(o, e.ID)
		}
	}},
	{name: "alerts are added with it, each once", f: func(r *run) {
		o, e := inPhase(r, serversync.PhaseSubmitting, "1")
		e.Phase = serversync.PhaseHeld
		e = r.advance(o, e, alert("1"), alert("2"))
		r.advance(o, e, alert("2"), alert("3"))
		equal(r, "alerts", len(r.alerts(ann)), 3)
	}},
}
