package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

// S15: mailbox state changes by compare-and-set, and alerts are added, in the batch's
// transaction. An alert whose ID is there replaces it.
var stateChecks = []check{
	{name: "a state comes back as it was", f: func(r *run) {
		for n, s := range states() {
			b := r.step(ann, inbox)
			b.State = &serversync.StateChange{From: int64(n), To: s}
			r.commit(b)
			got := r.load(ann)
			equal(r, "version", got.Version, int64(n+1))
			equal(r, "state", stateLine(got.State), stateLine(s))
		}
	}},
	{name: "a batch without a state leaves it", f: func(r *run) {
		r.commit(r.everything(ann))
		r.record(ann)
		equal(r, "version", r.load(ann).Version, 1)
		equal(r, "state", stateLine(r.load(ann).State), stateLine(failing(3)))
	}},
	{name: "a stale version is fenced", f: func(r *run) {
		r.commit(r.everything(ann))
		for _, from := range []int64{0, 2, -1} {
			b := r.step(ann, backfill)
			b.State = &serversync.StateChange{From: from, To: failing(9)}
			r.fenced(b)
		}
	}},
	{name: "of two from one version at once one is applied", f: func(r *run) {
		for round := range 10 {
			batches := []*serversync.Batch{r.step(ann, inbox), r.step(ann, backfill), r.step(ann, noLane)}
			errs := make([]error, len(batches))
			for i, b := range batches {
				b.State = &serversync.StateChange{From: int64(round), To: failing(10*round + i)}
				b.Alerts = []mailbox.Alert{alert(b.ID)}
			}
			together(len(batches), func(i int) { _, errs[i] = r.Store.Commit(ctx, batches[i]) })
			applied := 0
			for i, err := range errs {
				switch {
				case err == nil:
					applied++
					equal(r, "state", stateLine(r.load(ann).State), stateLine(batches[i].State.To))
				case !errors.Is(err, serversync.ErrFenced):
					r.Errorf("Commit from a version that moved on = %v, want ErrFenced", err)
				}
			}
			equal(r, "applied at once", applied, 1)
			equal(r, "alerts", len(r.alerts(ann)), round+1)
		}
	}},
	{name: "an alert comes back as it was", f: func(r *run) {
		r.alarm(alerts()...)
		alertsAre(r, alerts()...)
	}},
	{name: "an alert committed twice is one", f: func(r *run) {
		r.alarm(alert("1"), alert("1"))
		r.alarm(alert("2"), alert("1"))
		r.alarm(alert("2"))
		equal(r, "alerts", len(r.alerts(ann)), 2)
	}},
	{name: "an alert whose ID is there is replaced", f: func(r *run) {
		for _, a := range alerts() {
			now := mailbox.Alert{ID: a.ID, At: clock.Add(time.Minute), Last: clock.Add(time.Hour), Count: 9, Level: "info", Code: "other", Message: "other"}
			over := now
			over.Resolved = clock.Add(2 * time.Hour)
			for _, next := range []mailbox.Alert{now, over, a} { // resolved, and told again
				r.alarm(next)
				alertsAre(r, next)
			}
			r.alarm(now, a, over)
			alertsAre(r, over)
			r.alarm(a)
			if o, ok := serversync.StoreAs[serversync.Outbox](r.Store); ok {
				r.enqueue(o, entry(a.ID))
				e := r.entry(o, a.ID)
				for _, next := range []mailbox.Alert{now, over, a} {
					e = r.advance(o, e, next)
					alertsAre(r, next)
				}
			}
		}
		equal(r, "alerts", len(r.alerts(ann)), len(alerts()))
	}},
	{name: "a batch that is fenced adds and replaces no alert", f: func(r *run) {
		r.alarm(alert("1"))
		b := r.step(ann, inbox)
		b.Alerts, b.From = []mailbox.Alert{alert("2"), resolved(alert("1"))}, "another"
		r.fenced(b)
		b = r.step(ann, inbox)
		b.Alerts, b.State = []mailbox.Alert{alert("3")}, &serversync.StateChange{From: 5}
		r.fenced(b)
	}},
	{name: "states and alerts outlive the Store", f: func(r *run) {
		b := r.everything(ann)
		b.State.To = states()[0]
		r.commit(b)
		before := r.image()
		r.reopen()
		r.unchanged(before, "opening the Store again")
	}},
}

// alerts returns alerts that differ in what they leave out.
func alerts() []mailbox.Alert {
	return []mailbox.Alert{alert("1"), resolved(alert("2")), {ID: "3", At: clock, Count: 1, Code: "c", Message: "m"}}
}

// alertsAre checks that the alerts are among ann's as they are wanted.
func alertsAre(r *run, want ...mailbox.Alert) {
	r.Helper()
	for _, w := range want {
		var got []string
		for _, a := range r.alerts(ann) {
			if a.ID == w.ID {
				got = append(got, alertLine(a))
			}
		}
		equal(r, "alerts of the ID "+w.ID, strings.Join(got, "; "), alertLine(w))
	}
}

// alarm commits alerts.
func (r *run) alarm(alerts ...mailbox.Alert) {
	r.Helper()
	b := r.step(ann, inbox)
	b.Alerts = alerts
	r.commit(b)
}

// states returns states with something in every field, the last one zero.
func states() []mailbox.State {
	everywhere := mailbox.State{
		Incoming: mailbox.Direction{
			Phase: mailbox.Stopped, Since: clock, Failures: 12, Until: clock.Add(time.Hour).UTC(), Revision: "r'1",
			Fault: mailbox.Fault{Code: "sign-in-refused", Cause: "The server said “no” <5.7.8> \U0001F4E7", Remedy: `Enter "it" again \ ask.`},
		},
		Outgoing: mailbox.Direction{Phase: mailbox.Waiting, Since: clock.In(time.FixedZone("", -8*3600))},
		Refused:  []mailbox.Refusal{{At: clock, Side: mailbox.Incoming}, {At: clock.Add(time.Minute).UTC(), Side: mailbox.Outgoing}, {At: clock.Add(time.Hour), Side: mailbox.Incoming}},
		Resets:   []mailbox.Reset{reset("INBOX"), reset("Sent")},
	}
	fill(reflect.ValueOf(&everywhere).Elem())
	var all []mailbox.State
	for i, zone := range []*time.Location{time.UTC, time.FixedZone("", 14*3600), time.FixedZone("", -(3*3600 + 30*60))} {
		s := failing(i)
		s.Incoming.Since = time.Date(2024, 10, 27, 2, 30, 0, 999999000, zone)
		all = append(all, s)
	}
	return append([]mailbox.State{everywhere}, append(all, mailbox.State{})...)
}

func reset(folder string) mailbox.Reset {
	return mailbox.Reset{
		Folder: folder, Reason: "UIDVALIDITY changed", Since: clock, Started: true,
		Relisted: 3, Matched: 2, New: 1, OldEpochs: []string{"e0", "e 1"},
	}
}

// S16: OAuth grants are replaced by compare-and-set.
var grantChecks = []check{
	{name: "a mailbox without a grant has ErrNotFound", f: func(r *run) {
		g := capability[serversync.Grants](r)
		r.record(ann)
		if got, err := g.Grant(ctx, ann); !errors.Is(err, serversync.ErrNotFound) {
			r.Errorf("Grant of a mailbox without one = %+v, %v, want ErrNotFound", got, err)
		}
	}},
	{name: "a grant comes back as it was", f: func(r *run) {
		g := capability[serversync.Grants](r)
		for n, sealed := range []string{allBytes(), "short", string(make([]byte, 100<<10))} {
			r.replaceGrant(g, ann, serversync.Grant{Version: int64(n), Sealed: []byte(sealed)})
			grantIs(r, g, int64(n+1), sealed)
		}
	}},
	{name: "a stale version is fenced", f: func(r *run) {
		g := capability[serversync.Grants](r)
		refused := func(version int64) {
			err := g.ReplaceGrant(ctx, ann, serversync.Grant{Version: version, Sealed: []byte("stale")})
			if !errors.Is(err, serversync.ErrFenced) {
				r.Errorf("ReplaceGrant of version %d = %v, want ErrFenced", version, err)
			}
		}
		refused(1)
		if _, err := g.Grant(ctx, ann); !errors.Is(err, serversync.ErrNotFound) {
			r.Errorf("Grant after a ReplaceGrant that was fenced = %v, want ErrNotFound", err)
		}
		r.replaceGrant(g, ann, serversync.Grant{Sealed: []byte("first")})
		r.replaceGrant(g, ann, serversync.Grant{Version: 1, Sealed: []byte("second")})
		for _, version := range []int64{0, 1, 3} {
			refused(version)
			grantIs(r, g, 2, "second")
		}
	}},
	{name: "of two from one version at once one is saved", f: func(r *run) {
		g := capability[serversync.Grants](r)
		for round := range 10 {
			errs := make([]error, 4)
			together(len(errs), func(i int) {
				errs[i] = g.ReplaceGrant(ctx, ann, serversync.Grant{Version: int64(round), Sealed: []byte(fmt.Sprint(round, i))})
			})
			saved := 0
			for i, err := range errs {
				switch {
				case err == nil:
					saved++
					grantIs(r, g, int64(round+1), fmt.Sprint(round, i))
				case !errors.Is(err, serversync.ErrFenced):
					r.Errorf("ReplaceGrant from a version that moved on = %v, want ErrFenced", err)
				}
			}
			equal(r, "saved at once", saved, 1)
		}
	}},
	{name: "what the caller changes afterwards changes nothing", f: func(r *run) {
		g := capability[serversync.Grants](r)
		mine := serversync.Grant{Sealed: []byte("sealed")}
		r.replaceGrant(g, ann, mine)
		mine.Sealed[0] = 'X'
		got, err := g.Grant(ctx, ann)
		if err != nil || len(got.Sealed) == 0 {
			r.Fatalf("Grant = %+v, %v", got, err)
		}
		got.Sealed[0] = 'Y'
		grantIs(r, g, 1, "sealed")
	}},
	{name: "a grant outlives the Store", f: func(r *run) {
		r.replaceGrant(capability[serversync.Grants](r), ann, serversync.Grant{Sealed: []byte("sealed")})
		r.reopen()
		grantIs(r, capability[serversync.Grants](r), 1, "sealed")
	}},
}

func (r *run) replaceGrant(g serversync.Grants, key mailbox.Key, grant serversync.Grant) {
	r.Helper()
	if err := g.ReplaceGrant(ctx, key, grant); err != nil {
		r.Fatalf("ReplaceGrant(%v, version %d) = %v", key, grant.Version, err)
	}
}

func grantIs(r *run, g serversync.Grants, version int64, sealed string) {
	r.Helper()
	got, err := g.Grant(ctx, ann)
	if err != nil || got.Version != version || string(got.Sealed) != sealed {
		r.Errorf("Grant = version %d, %.40q, %v, want version %d, %.40q", got.Version, got.Sealed, err, version, sealed)
	}
}
