package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
)

// S8: a batch names the cursor (From) and the fence it started from. If either has
// moved on, Commit changes nothing and returns ErrFenced, unless the batch is the last
// one applied, in which case it returns nil.
var fenceChecks = []check{
	{name: "a stale cursor is fenced", f: func(r *run) {
		stale := r.everything(ann)
		r.record(ann)
		r.fenced(stale)
	}},
	{name: "a cursor that never was is fenced", f: func(r *run) {
		b := r.everything(ann)
		b.From = "another"
		r.fenced(b)
		r.record(ann)
		b.From = "cursor-"
		r.fenced(b)
	}},
	{name: "an older batch is fenced and changes nothing", f: func(r *run) {
		old := r.everything(ann)
		r.commit(old)
		r.commit(r.follow(ann))
		r.fenced(old)
	}},
	{name: "the last batch again is nil", f: func(r *run) {
		b := r.step(ann, inbox, decided(serversync.Ignored, "1"))
		r.commit(b)
		r.commit(r.step(ann, backfill))
		b = r.step(ann, inbox, decided(serversync.Ignored, "2"))
		r.commit(b)
		if _, err := r.Store.Commit(ctx, b); err != nil {
			r.Errorf("Commit of the last batch again = %v, want nil", err)
		}
	}},
	{name: "of two from one cursor at once one is applied", f: oneWins},
	{name: "another lane's cursor does not fence", f: func(r *run) {
		live, back := r.step(ann, inbox), r.step(ann, backfill)
		r.commit(live)
		r.commit(back)
		equal(r, "live cursor", r.load(ann).Cursors[inbox], live.Next)
		equal(r, "backfill cursor", r.load(ann).Cursors[backfill], back.Next)
	}},
	{name: "no cursor fences a batch without a lane", f: func(r *run) {
		b := r.step(ann, noLane, decided(serversync.Ignored, "1"))
		r.record(ann)
		r.commit(b)
		equal(r, "record", r.kind(ann, "1").Kind, serversync.Ignored)
	}},
	{name: "a stale fence is fenced", f: func(r *run) {
		l := capability[serversync.Leases](r)
		unleased := r.everything(ann)
		r.acquire(l, "node 1", clock, clock.Add(time.Minute))
		r.fenced(unleased)
		first := r.everything(ann)
		withoutLane := r.step(ann, noLane, decided(serversync.Ignored, "1"))
		r.acquire(l, "node 2", clock.Add(time.Hour), clock.Add(2*time.Hour))
		r.fenced(first)
		r.fenced(withoutLane)
		r.commit(r.everything(ann))
	}},
	{name: "a fence that is yet to come is fenced", f: func(r *run) {
		l := capability[serversync.Leases](r)
		fence := r.acquire(l, "node 1", clock, clock.Add(time.Minute))
		b := r.everything(ann)
		b.Fence = fence + 1
		r.fenced(b)
	}},
	{name: "the last batch again is nil under a new fence", f: func(r *run) {
		l := capability[serversync.Leases](r)
		r.acquire(l, "node 1", clock, clock.Add(time.Minute))
		b := r.everything(ann)
		r.commit(b)
		r.acquire(l, "node 2", clock.Add(time.Hour), clock.Add(2*time.Hour))
		before := r.image()
		r.commit(b)
		r.unchanged(before, "committing the last batch again")
	}},
	{name: "a lease that has ended does not fence", f: func(r *run) {
		l := capability[serversync.Leases](r)
		fence := r.acquire(l, "node 1", clock, clock.Add(time.Minute))
		b := r.step(ann, inbox)
		if err := l.Release(ctx, ann, fence); err != nil {
			r.Fatalf("Release = %v", err)
		}
		r.commit(b)
	}},
}

// oneWins has four goroutines commit from the same cursor, some rounds long.
func oneWins(r *run) {
	for round := range 10 {
		batches, errs := make([]*serversync.Batch, 4), make([]error, 4)
		for i := range batches {
			id := provider.ID(fmt.Sprintf("%d in round %d", i, round))
			batches[i] = r.step(ann, inbox, decided(serversync.Tracked, id))
			r.watch(batches[i])
		}
		together(len(batches), func(i int) { _, errs[i] = r.Store.Commit(ctx, batches[i]) })
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				r.Errorf("two batches from one cursor at once were both applied")
			case !errors.Is(err, serversync.ErrFenced):
				r.Errorf("Commit from a cursor that moved on = %v, want ErrFenced", err)
			}
		}
		if winner < 0 {
			r.Fatalf("of %d batches from one cursor at once none was applied", len(batches))
		}
		equal(r, "cursor", r.load(ann).Cursors[inbox], batches[winner].Next)
		for i, b := range batches {
			equal(r, "the record of a batch shows", r.kind(ann, b.Records[0].ID).Kind != "", i == winner)
		}
		equal(r, "messages", len(r.messages("acme")), round+1)
	}
}
