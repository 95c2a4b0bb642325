package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// relay is the wall of a profile of ann's organization.
var relay = profileWall(ann, "relay")

func profileWall(key mailbox.Key, id profile.ID) mailbox.Wall {
	return mailbox.Wall{Organization: key.Organization, Profile: id}
}

// toldAt returns an alert that was told once, so long after clock.
func toldAt(id string, after time.Duration) mailbox.Alert {
	a := alert(id)
	a.At, a.Last, a.Count = clock.Add(after), time.Time{}, 1
	return a
}

// again returns a as it is told again, so long after clock.
func again(a mailbox.Alert, after time.Duration) mailbox.Alert {
	a.Last = clock.Add(after)
	a.Count++
	return a
}

func resolved(a mailbox.Alert) mailbox.Alert {
	a.Resolved = clock.Add(2 * time.Hour)
	return a
}

// S18: a wall shows the alerts raised on it and, if it is a mailbox's, those that
// batches and outbox entries told. Pruning forgets what was told last before a time.
var wallChecks = []check{
	{name: "what a batch told is on the mailbox's wall", f: func(r *run) {
		w := capability[serversync.Walls](r)
		wallIs(r, w, ann.Wall(), false, 10)
		r.alarm(toldAt("1", 0), toldAt("2", 1*time.Second))
		r.alarm(again(toldAt("1", 0), time.Hour), resolved(toldAt("3", time.Minute)))
		wallIs(r, w, ann.Wall(), false, 10, "1", "3", "2")
		wallIs(r, w, ann.Wall(), true, 10, "1", "2")
	}},
	{name: "what an outbox entry told is on the mailbox's wall", f: func(r *run) {
		w := capability[serversync.Walls](r)
		o, e := inPhase(r, serversync.PhaseSubmitting, "1")
		e.Phase = serversync.PhaseHeld
		e = r.advance(o, e, toldAt("1", 0), toldAt("2", time.Second))
		r.advance(o, e, again(toldAt("1", 0), time.Hour))
		wallIs(r, w, ann.Wall(), false, 10, "1", "2")
	}},
	{name: "an alert comes back as it was raised", f: func(r *run) {
		w := capability[serversync.Walls](r)
		for _, a := range alerts() {
			for _, wall := range []mailbox.Wall{ann.Wall(), relay} {
				r.raise(w, wall, a)
				for _, on := range r.wall(w, wall, false, 10) {
					if on.ID == a.ID {
						equal(r, "alert", alertLine(on), alertLine(a))
					}
				}
			}
		}
		equal(r, "alerts", len(r.wall(w, relay, false, 10)), len(alerts()))
	}},
	{name: "an alert whose ID is there is replaced", f: func(r *run) {
		w := capability[serversync.Walls](r)
		r.alarm(toldAt("1", 0))
		for _, wall := range []mailbox.Wall{ann.Wall(), relay} {
			now := resolved(again(toldAt("1", 0), time.Hour))
			now.Message, now.Remedy, now.Side, now.Level = "It is over.", "", "", "info"
			r.raise(w, wall, toldAt("1", 0), toldAt("2", 0), now)
			wallIs(r, w, wall, false, 10, "1", "2")
			for _, on := range r.wall(w, wall, false, 1) {
				equal(r, "alert", alertLine(on), alertLine(now))
			}
			wallIs(r, w, wall, true, 10, "2")
			r.raise(w, wall, toldAt("1", time.Minute))
			wallIs(r, w, wall, true, 10, "1", "2")
		}
		r.alarm(resolved(toldAt("1", time.Minute)))
		wallIs(r, w, ann.Wall(), true, 10, "2")
		wallIs(r, w, relay, true, 10, "1", "2")
	}},
	{name: "what was told last comes first", f: wallInOrder},
	{name: "open leaves out what is resolved, before the limit", f: func(r *run) {
		w := capability[serversync.Walls](r)
		for _, wall := range []mailbox.Wall{ann.Wall(), relay} {
			r.raise(w, wall, toldAt("1", 1), resolved(toldAt("2", time.Second)), toldAt("3", time.Minute), resolved(toldAt("4", time.Hour)))
			wallIs(r, w, wall, true, 1, "3")
			wallIs(r, w, wall, true, 2, "3", "1")
			wallIs(r, w, wall, false, 3, "4", "3", "2")
		}
	}},
	{name: "names of profiles and IDs of alerts are told apart", f: func(r *run) {
		w := capability[serversync.Walls](r)
		names := []string{"a", "A", "a ", "aa", "0", "00", "a'", "a%", "a_", "caf\u00e9", "cafe\u0301"}
		for i, name := range names {
			wall := profileWall(ann, profile.ID(name))
			wallIs(r, w, wall, false, 10)
			r.raise(w, wall, toldAt(fmt.Sprint(i), 0))
			r.raise(w, relay, toldAt(name, time.Duration(-i)*time.Second))
		}
		for i, name := range names {
			wallIs(r, w, profileWall(ann, profile.ID(name)), false, 10, fmt.Sprint(i))
		}
		wallIs(r, w, relay, false, 100, names...)
	}},
	{name: "raising on a mailbox's wall fences no batch", f: func(r *run) {
		w := capability[serversync.Walls](r)
		r.commit(r.everything(ann))
		b, before := r.follow(ann), r.load(ann)
		r.raise(w, ann.Wall(), toldAt("1", 0))
		after := r.load(ann)
		equal(r, "LastBatch, fence, version", fmt.Sprint(after.LastBatch, after.Fence, after.Version),
			fmt.Sprint(before.LastBatch, before.Fence, before.Version))
		r.commit(b)
	}},
	{name: "alerts raised at once are all there", f: func(r *run) {
		w := capability[serversync.Walls](r)
		for _, wall := range []mailbox.Wall{ann.Wall(), relay} {
			errs, want := make([]error, 8), []string{"same"}
			for i := range errs {
				want = append(want, fmt.Sprint(i))
			}
			together(len(errs), func(i int) {
				errs[i] = w.Raise(ctx, wall, toldAt(fmt.Sprint(i), time.Duration(-i-1)*time.Second), toldAt("same", 0))
			})
			if err := errors.Join(errs...); err != nil {
				r.Errorf("Raise at once = %v, want nil", err)
			}
			wallIs(r, w, wall, false, 100, want...)
		}
	}},
	{name: "pruning forgets what was told last before a time", f: pruneAlerts},
	{name: "walls outlive the Store", f: func(r *run) {
		w := capability[serversync.Walls](r)
		r.alarm(toldAt("1", 0))
		r.raise(w, ann.Wall(), toldAt("2", -1*time.Second))
		r.raise(w, relay, toldAt("3", 0))
		r.reopen()
		w = capability[serversync.Walls](r)
		wallIs(r, w, ann.Wall(), false, 10, "1", "2")
		wallIs(r, w, relay, false, 10, "3")
	}},
}

// wallInOrder raises alerts, some at once, and reads them with limits.
func wallInOrder(r *run) {
	w := capability[serversync.Walls](r)
	elsewhere := toldAt("d", 3*time.Second)
	elsewhere.At = elsewhere.At.In(time.FixedZone("", -8*3600)) // another date, the same instant
	never := toldAt("a", 0)
	never.At = time.Time{}
	for _, wall := range []mailbox.Wall{ann.Wall(), relay} {
		r.raise(w, wall, toldAt("f", 1*time.Microsecond), never, toldAt("e", 0), toldAt("c", 3*time.Second),
			elsewhere, again(toldAt("b", -1*time.Hour), time.Hour), again(toldAt("g", time.Minute), 2*time.Second))
		want := []string{"b", "c", "d", "g", "f", "e", "a"}
		for _, limit := range []int{1, 3, 7, 1000} {
			wallIs(r, w, wall, false, limit, want[:min(limit, len(want))]...)
		}
	}
}

// pruneAlerts prunes at a time when something was told.
func pruneAlerts(r *run) {
	w := capability[serversync.Walls](r)
	at, micro := time.Hour, time.Microsecond
	list := []mailbox.Alert{
		toldAt("kept at", at), toldAt("kept after", at+micro), again(toldAt("kept", 0), at), resolved(toldAt("kept too", at)),
		toldAt("gone", at-micro), resolved(toldAt("gone too", 0)), again(toldAt("gone as well", 0), at-micro),
	}
	r.alarm(list[0], list[4])
	theirs := profileWall(eve, "relay")
	for _, wall := range []mailbox.Wall{ann.Wall(), bob.Wall(), relay, eve.Wall(), theirs} {
		r.raise(w, wall, list...)
	}
	before := r.load(ann)
	for i, want := range []int{9, 0} {
		n, err := w.PruneAlerts(ctx, ann.Organization, clock.Add(at).UTC())
		if n != want || err != nil {
			r.Errorf("PruneAlerts, time %d = %d, %v, want %d", i+1, n, err, want)
		}
		for _, wall := range []mailbox.Wall{ann.Wall(), bob.Wall(), relay} {
			wallIs(r, w, wall, false, 10, "kept after", "kept", "kept at", "kept too")
		}
		for _, wall := range []mailbox.Wall{eve.Wall(), theirs} {
			equal(r, fmt.Sprintf("alerts on %q", wall), len(r.wall(w, wall, false, 10)), len(list))
		}
	}
	if n, err := w.PruneAlerts(ctx, ann.Organization, time.Time{}); n != 0 || err != nil {
		r.Errorf("PruneAlerts before the zero time = %d, %v, want 0", n, err)
	}
	equal(r, "LastBatch after pruning", r.load(ann).LastBatch, before.LastBatch)
	r.raise(w, relay, toldAt("gone", 0))
	wallIs(r, w, relay, false, 10, "kept after", "kept", "kept at", "kept too", "gone")
}

// wallsApart raises one ID on walls that must not see each other.
func wallsApart(r *run) {
	w := capability[serversync.Walls](r)
	walls := []mailbox.Wall{
		ann.Wall(), bob.Wall(), eve.Wall(), relay, profileWall(eve, "relay"),
		profileWall(ann, "ann"), // ann's namesake
		{Organization: "a", Profile: "bc"}, {Organization: "ab", Profile: "c"}, {Organization: "a", Mailbox: "bc"},
	}
	for i, wall := range walls {
		wallIs(r, w, wall, false, 10)
		r.raise(w, wall, toldAt("1", time.Duration(i)*time.Second))
	}
	for i, wall := range walls {
		var on []string
		for _, a := range r.wall(w, wall, false, 10) {
			on = append(on, instant(a.At))
		}
		if own := instant(clock.Add(time.Duration(i) * time.Second)); !slices.Equal(on, []string{own}) {
			r.Errorf("the wall %q shows what was told at %q, want its own alone, at %s", wall, on, own)
		}
	}
}

func (r *run) raise(w serversync.Walls, wall mailbox.Wall, alerts ...mailbox.Alert) {
	r.Helper()
	if err := w.Raise(ctx, wall, alerts...); err != nil {
		r.Fatalf("Raise on %q = %v", wall, err)
	}
}

func (r *run) wall(w serversync.Walls, wall mailbox.Wall, open bool, limit int) []mailbox.Alert {
	r.Helper()
	on, err := w.Alerts(ctx, wall, open, limit)
	if err != nil {
		r.Fatalf("Alerts(%q) = %v", wall, err)
	}
	return on
}

// wallIs checks which alerts are on a wall, by their IDs.
func wallIs(r *run, w serversync.Walls, wall mailbox.Wall, open bool, limit int, want ...string) {
	r.Helper()
	var got []string
	for _, a := range r.wall(w, wall, open, limit) {
		got = append(got, a.ID)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		r.Errorf("Alerts(%q, open %t, limit %d) = %q, want %q", wall, open, limit, got, want)
	}
}
