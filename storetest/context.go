package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// S7: a method called with a context that has ended changes nothing and returns the
// context's error.
var contextChecks = []check{
	{name: "Load", f: func(r *run) {
		r.ended(func(c context.Context) error { _, err := r.Store.Load(c, ann); return err })
	}},
	{name: "Known", f: func(r *run) {
		r.ended(func(c context.Context) error {
			_, err := r.Store.Known(c, ann, inbox.Folder, epoch, []provider.ID{"t1"})
			return err
		})
	}},
	{name: "Commit", f: func(r *run) {
		r.commit(r.everything(ann))
		b := r.follow(ann)
		r.watch(b)
		r.ended(func(c context.Context) error { _, err := r.Store.Commit(c, b); return err })
	}},
	{name: "Outbox", f: endedOutbox},
	{name: "Lister", f: func(r *run) {
		l := capability[serversync.Lister](r)
		r.commit(r.everything(ann))
		r.ended(func(c context.Context) error { _, err := l.List(c, ann, inbox.Folder, epoch, "", 10); return err })
	}},
	{name: "Quarantine", f: func(r *run) {
		q := capability[serversync.Quarantine](r)
		r.commit(r.everything(ann))
		r.ended(func(c context.Context) error { _, err := q.Quarantined(c, ann, provider.Place{}, 10); return err })
	}},
	{name: "Grants", f: func(r *run) {
		g := capability[serversync.Grants](r)
		r.replaceGrant(g, ann, serversync.Grant{Sealed: []byte("first")})
		r.ended(func(c context.Context) error { _, err := g.Grant(c, ann); return err })
		r.ended(func(c context.Context) error {
			return g.ReplaceGrant(c, ann, serversync.Grant{Version: 1, Sealed: []byte("second")})
		})
	}},
	{name: "Walls", f: func(r *run) {
		w := capability[serversync.Walls](r)
		r.raise(w, ann.Wall(), alert("1"))
		r.raise(w, relay, alert("1"))
		for _, wall := range []mailbox.Wall{ann.Wall(), relay} {
			r.ended(func(c context.Context) error { return w.Raise(c, wall, alert("2")) })
			r.ended(func(c context.Context) error { _, err := w.Alerts(c, wall, false, 10); return err })
		}
		r.ended(func(c context.Context) error {
			_, err := w.PruneAlerts(c, ann.Organization, clock.AddDate(1, 0, 0))
			return err
		})
	}},
	{name: "Journal", f: func(r *run) {
		j := capability[serversync.Journal](r)
		r.commit(r.everything(ann))
		r.ended(func(c context.Context) error { _, err := j.Items(c, ann, serversync.ItemKey{}, 10); return err })
		r.ended(func(c context.Context) error {
			_, err := j.PruneItems(c, ann.Organization, clock.AddDate(1, 0, 0))
			return err
		})
	}},
	{name: "Correlator", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.commit(r.everything(ann))
		ref := r.byID(c, "one@example.com").Ref
		r.ended(func(ctx context.Context) error {
			_, err := c.FindEmails(ctx, ann.Organization, track.Query{Emails: []track.Ref{ref}})
			return err
		})
		r.ended(func(ctx context.Context) error {
			return c.SetRegarding(ctx, ann.Organization, ref, track.Ref{}, track.Ref{})
		})
	}},
	{name: "Verdicts", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		r.commit(r.everything(ann))
		r.ended(func(c context.Context) error {
			_, err := v.Verdicts(c, ann.Organization, "one@example.com", 10)
			return err
		})
		r.ended(func(c context.Context) error {
			_, err := v.PruneVerdicts(c, ann.Organization, clock.AddDate(1, 0, 0))
			return err
		})
	}},
	{name: "Numbers", f: func(r *run) {
		n := capability[serversync.Numbers](r)
		r.ended(func(c context.Context) error { _, err := n.NextNumber(c, ann); return err })
		equal(r, "number", r.number(n, ann), 1)
	}},
	{name: "Leases", f: func(r *run) {
		l := capability[serversync.Leases](r)
		until := clock.Add(time.Hour)
		fence := r.acquire(l, "node 1", clock, until)
		r.ended(func(c context.Context) error {
			_, err := l.Acquire(c, ann, "node 1", clock, until)
			return err
		})
		r.ended(func(c context.Context) error { return l.Renew(c, ann, fence, clock) })
		r.ended(func(c context.Context) error { return l.Release(c, ann, fence) })
		if _, err := l.Acquire(ctx, ann, "node 2", clock.Add(time.Minute), until); !errors.Is(err, serversync.ErrLeased) {
			r.Errorf("Acquire after a Renew and a Release that came too late = %v, want ErrLeased", err)
		}
	}},
}

func endedOutbox(r *run) {
	o := capability[serversync.Outbox](r)
	r.enqueue(o, entry("1"))
	r.watchEntry(entry("2"))
	until := clock.Add(time.Hour)
	r.ended(func(c context.Context) error { return o.Enqueue(c, entry("2")) })
	r.ended(func(c context.Context) error { _, err := o.Claim(c, ann, "node", clock, until); return err })
	r.ended(func(c context.Context) error {
		e := r.entry(o, "1")
		e.Phase = serversync.PhaseHeld
		return o.Advance(c, e, alert("1"))
	})
	r.ended(func(c context.Context) error { _, err := o.Entry(c, ann, "1"); return err })
	r.ended(func(c context.Context) error {
		_, err := o.Entries(c, ann, serversync.PhasePending, "", 10)
		return err
	})
}

// ended calls f with contexts that have ended in both ways.
func (r *run) ended(f func(context.Context) error) {
	r.Helper()
	r.watchMailbox(ann)
	before := r.image()
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	late, cancel := context.WithDeadline(ctx, time.Unix(1, 0))
	defer cancel()
	for _, c := range []context.Context{canceled, late} {
		if err := f(c); !errors.Is(err, c.Err()) {
			r.Errorf("with a context that has ended: %v, want %v", err, c.Err())
		}
	}
	r.unchanged(before, "a call with a context that had ended")
}
