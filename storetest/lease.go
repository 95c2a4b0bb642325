package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync"
)

var leaseChecks = []check{
	{name: "each Acquire returns the next fence, and Load tells it", f: func(r *run) {
		l := capability[serversync.Leases](r)
		for want := int64(1); want <= 4; want++ {
			now := clock.Add(time.Duration(want) * time.Hour)
			equal(r, "fence", r.acquire(l, fmt.Sprint("node ", want), now, now.Add(time.Minute)), want)
			equal(r, "fence in the Snapshot", r.load(ann).Fence, want)
			r.record(ann)
		}
	}},
	{name: "a mailbox is leased to one", f: func(r *run) {
		l := capability[serversync.Leases](r)
		r.acquire(l, "node 1", clock, clock.Add(time.Minute))
		r.leased(l, "node 2", clock.Add(59*time.Second))
		equal(r, "fence after ErrLeased", r.load(ann).Fence, 1)
		r.acquire(l, "node 2", clock.Add(61*time.Second), clock.Add(time.Hour))
		r.leased(l, "node 1", clock.Add(2*time.Minute))
	}},
	{name: "the holder itself may acquire it again", f: func(r *run) {
		l := capability[serversync.Leases](r)
		first := r.acquire(l, "node 1", clock, clock.Add(time.Minute))
		equal(r, "fence", r.acquire(l, "node 1", clock.Add(time.Second), clock.Add(time.Hour)), first+1)
		r.leased(l, "node 2", clock.Add(2*time.Minute))
		if err := l.Renew(ctx, ann, first, clock.Add(time.Hour)); !errors.Is(err, serversync.ErrFenced) {
			r.Errorf("Renew of the holder's own older fence = %v, want ErrFenced", err)
		}
	}},
	{name: "of many at once one acquires it", f: func(r *run) {
		l := capability[serversync.Leases](r)
		for round := range 10 {
			now := clock.Add(time.Duration(round) * time.Hour)
			errs := make([]error, 6)
			together(len(errs), func(i int) {
				_, errs[i] = l.Acquire(ctx, ann, fmt.Sprint("node ", i), now, now.Add(time.Minute))
			})
			acquired := 0
			for _, err := range errs {
				switch {
				case err == nil:
					acquired++
				case !errors.Is(err, serversync.ErrLeased):
					r.Errorf("Acquire of a leased mailbox = %v, want ErrLeased", err)
				}
			}
			equal(r, "acquired at once", acquired, 1)
			equal(r, "fence", r.load(ann).Fence, int64(round+1))
		}
	}},
	{name: "Renew extends a lease", f: func(r *run) {
		l := capability[serversync.Leases](r)
		fence := r.acquire(l, "node 1", clock, clock.Add(time.Minute))
		if err := l.Renew(ctx, ann, fence, clock.Add(time.Hour)); err != nil {
			r.Fatalf("Renew = %v", err)
		}
		r.leased(l, "node 2", clock.Add(59*time.Minute))
		equal(r, "fence after Renew", r.load(ann).Fence, fence)
		r.acquire(l, "node 2", clock.Add(61*time.Minute), clock.Add(2*time.Hour))
	}},
	{name: "a lost lease cannot be renewed", f: func(r *run) {
		l := capability[serversync.Leases](r)
		lost := r.acquire(l, "node 1", clock, clock.Add(time.Minute))
		second := r.acquire(l, "node 2", clock.Add(time.Hour), clock.Add(2*time.Hour))
		refused := func(fence int64) {
			if err := l.Renew(ctx, ann, fence, clock.Add(9*time.Hour)); !errors.Is(err, serversync.ErrFenced) {
				r.Errorf("Renew(fence %d) = %v, want ErrFenced", fence, err)
			}
		}
		refused(lost)
		refused(second + 1)
		if err := l.Release(ctx, ann, second); err != nil {
			r.Fatalf("Release = %v", err)
		}
		refused(second)
		r.acquire(l, "node 3", clock.Add(time.Hour), clock.Add(2*time.Hour))
	}},
	{name: "Release ends a lease, and only one's own", f: func(r *run) {
		l := capability[serversync.Leases](r)
		first := r.acquire(l, "node 1", clock, clock.Add(time.Hour))
		release := func(fence int64) {
			if err := l.Release(ctx, ann, fence); err != nil {
				r.Errorf("Release(fence %d) = %v, want nil", fence, err)
			}
		}
		release(first)
		release(first)
		second := r.acquire(l, "node 2", clock, clock.Add(time.Hour))
		release(first)
		r.leased(l, "node 3", clock)
		release(second)
		equal(r, "fence", r.acquire(l, "node 3", clock, clock.Add(time.Hour)), 3)
	}},
	{name: "fences outlive the Store", f: func(r *run) {
		r.acquire(capability[serversync.Leases](r), "node 1", clock, clock.Add(time.Minute))
		r.reopen()
		l := capability[serversync.Leases](r)
		r.leased(l, "node 2", clock)
		equal(r, "fence", r.acquire(l, "node 2", clock.Add(time.Hour), clock.Add(2*time.Hour)), 2)
	}},
}

// acquire leases ann to holder, which must succeed.
func (r *run) acquire(l serversync.Leases, holder string, now, until time.Time) int64 {
	r.Helper()
	fence, err := l.Acquire(ctx, ann, holder, now, until)
	if err != nil {
		r.Fatalf("Acquire(%s) = %v", holder, err)
	}
	return fence
}

// leased checks that holder does not get ann.
func (r *run) leased(l serversync.Leases, holder string, now time.Time) {
	r.Helper()
	if _, err := l.Acquire(ctx, ann, holder, now, now.Add(time.Hour)); !errors.Is(err, serversync.ErrLeased) {
		r.Errorf("Acquire(%s) of a mailbox that is leased to another = %v, want ErrLeased", holder, err)
	}
}
