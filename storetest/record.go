package storetest

import (
	"fmt"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
)

// What each kind of record makes of an id: part of S12, for Known tells.
var recordChecks = []check{
	{name: "a deferred, quarantined or ignored id may become any other, a tracked one stays", f: transitions},
	{name: "a decision that comes again is no change", f: func(r *run) {
		r.record(ann, flagged(tracked("1", letter("one")), `\Seen`), flagged(decided(serversync.Ignored, "2"), `\Seen`))
		receipt := r.record(ann, flagged(tracked("1", letter("two")), `\Flagged`), flagged(decided(serversync.Ignored, "2")),
			decided(serversync.Ignored, "1"), flagged(decided(serversync.Deferred, "1")))
		equal(r, "receipt", receipt, serversync.Receipt{})
		equal(r, "tracked", place(r.kind(ann, "1")), `tracked false ["\\Seen"]`)
		equal(r, "ignored", place(r.kind(ann, "2")), `ignored false ["\\Seen"]`)
		equal(r, "messages", len(r.messages("acme")), 1)
	}},
	{name: "what was deferred or quarantined is added when it is tracked", f: func(r *run) {
		r.record(ann, decided(serversync.Deferred, "1"), decided(serversync.Quarantined, "2"))
		equal(r, "messages before", len(r.messages("acme")), 0)
		receipt := r.record(ann, tracked("1", letter("one")), tracked("2", letter("two")))
		equal(r, "receipt", receipt, serversync.Receipt{Added: 2})
		placesOf(r, "acme", letter("one"), "acme/ann")
		placesOf(r, "acme", letter("two"), "acme/ann")
	}},
	{name: "an ignored message is added when a person has it tracked", f: func(r *run) {
		r.record(ann, flagged(decided(serversync.Ignored, "1"), `\Seen`), decided(serversync.Ignored, "2"))
		r.record(ann, decided(serversync.Gone, "2"))
		receipt := r.record(ann, tracked("1", letter("one")), tracked("2", letter("one")))
		equal(r, "receipt", receipt, serversync.Receipt{Added: 1, Linked: 1})
		equal(r, "id", place(r.kind(ann, "1")), `tracked false ["\\Seen"]`)
		equal(r, "id that is gone", place(r.kind(ann, "2")), `tracked true []`)
		placesOf(r, "acme", letter("one"), "acme/ann")
		r.record(ann, decided(serversync.Ignored, "1"))
		equal(r, "id that was tracked", r.kind(ann, "1").Kind, serversync.Tracked)
	}},
	{name: "an ignored message that a person asks for waits like any other", f: func(r *run) {
		r.record(ann, flagged(decided(serversync.Ignored, "1"), `\Seen`))
		d := decided(serversync.Deferred, "1")
		d.Attempts, d.NotBefore = 1, clock
		r.record(ann, d)
		equal(r, "deferrals", len(r.load(ann).Deferred), 1)
		equal(r, "id", place(r.kind(ann, "1")), `deferred false ["\\Seen"]`)
		equal(r, "receipt", r.record(ann, tracked("1", letter("one"))), serversync.Receipt{Added: 1})
		equal(r, "deferrals after it was tracked", len(r.load(ann).Deferred), 0)
	}},
	{name: "nil flags leave the flags, none clear them", f: func(r *run) {
		r.record(ann, flagged(decided(serversync.Tracked, "1"), "b", "a"))
		r.record(ann, decided(serversync.FlagsChanged, "1"))
		equal(r, "after nil", place(r.kind(ann, "1")), `tracked false ["a" "b"]`)
		r.record(ann, flagged(decided(serversync.FlagsChanged, "1"), "c", "B", "a"))
		equal(r, "after others", place(r.kind(ann, "1")), `tracked false ["B" "a" "c"]`)
		r.record(ann, flagged(decided(serversync.FlagsChanged, "1")))
		equal(r, "after none", place(r.kind(ann, "1")), `tracked false []`)
	}},
	{name: "a gone id stays known", f: func(r *run) {
		for _, kind := range decisions {
			id := provider.ID(kind)
			r.record(ann, flagged(decided(kind, id), `\Seen`))
			r.record(ann, decided(serversync.Gone, id))
			equal(r, "gone", place(r.kind(ann, id)), fmt.Sprintf(`%s true ["\\Seen"]`, kind))
		}
		for _, m := range r.messages("acme") {
			equal(r, "places of a message that is gone", len(present(m)), 0)
		}
		equal(r, "messages", len(r.messages("acme")), 1)
	}},
	{name: "changed flags bring back what was gone", f: func(r *run) {
		m := letter("one")
		r.record(ann, flagged(tracked("1", m), `\Seen`))
		r.record(ann, decided(serversync.Gone, "1"))
		r.record(ann, flagged(decided(serversync.FlagsChanged, "1"), `\Flagged`))
		equal(r, "with flags", place(r.kind(ann, "1")), `tracked false ["\\Flagged"]`)
		r.record(ann, decided(serversync.Gone, "1"))
		r.record(ann, decided(serversync.FlagsChanged, "1"))
		equal(r, "without", place(r.kind(ann, "1")), `tracked false ["\\Flagged"]`)
		placesOf(r, "acme", m, "acme/ann")
	}},
	{name: "a moved id is gone, and known where it is now", f: movedKnown},
	{name: "a moved id whose new one is not known is gone", f: func(r *run) {
		r.record(ann, tracked("1", letter("one")))
		moved := decided(serversync.Moved, "1")
		moved.To = "Archive"
		r.record(ann, moved)
		equal(r, "old place", place(r.kind(ann, "1")), `tracked true []`)
		equal(r, "empty id there", r.known(ann, "Archive", epoch, "")[0].Kind, "")
		receipt := r.record(ann, in("Archive", "other epoch", tracked("9", letter("one"))))
		equal(r, "receipt when it comes there", receipt, serversync.Receipt{Linked: 1})
		placesOf(r, "acme", letter("one"), "acme/ann")
	}},
	{name: "what is told of an unknown id changes nothing", f: func(r *run) {
		moved := decided(serversync.Moved, "3")
		moved.To, moved.ToID = "Archive", "4"
		r.record(ann, decided(serversync.Gone, "1"), flagged(decided(serversync.FlagsChanged, "2"), `\Seen`), moved)
		for _, id := range []provider.ID{"1", "2", "3"} {
			equal(r, "id", place(r.kind(ann, id)), place(serversync.Place{}))
		}
		r.record(ann, flagged(decided(serversync.Tracked, "1"), `\Seen`))
		equal(r, "id tracked later", place(r.kind(ann, "1")), `tracked false ["\\Seen"]`)
	}},
	{name: "records of one id in a batch apply in their order", f: func(r *run) {
		r.record(ann,
			decided(serversync.Deferred, "1"),
			flagged(tracked("1", letter("one")), `\Seen`),
			decided(serversync.Gone, "1"),
			flagged(decided(serversync.FlagsChanged, "1"), `\Flagged`))
		equal(r, "id", place(r.kind(ann, "1")), `tracked false ["\\Flagged"]`)
		equal(r, "deferrals", len(r.load(ann).Deferred), 0)
	}},
}

// transitions records every decision after every other.
func transitions(r *run) {
	for _, from := range decisions {
		for _, to := range decisions {
			id := provider.ID(from + " to " + to)
			r.record(ann, decided(from, id))
			r.record(ann, decided(to, id))
			want := to
			if from == serversync.Tracked {
				want = from
			}
			equal(r, string(id), r.kind(ann, id).Kind, want)
		}
	}
}

// movedKnown moves a message away and back.
func movedKnown(r *run) {
	m := letter("one")
	r.record(ann, flagged(tracked("1", m), `\Seen`))
	away := decided(serversync.Moved, "1")
	away.To, away.ToID = "Archive", "2"
	equal(r, "receipt", r.record(ann, away).Added, 0)
	equal(r, "old place", place(r.kind(ann, "1")), `tracked true ["\\Seen"]`)
	equal(r, "new place", place(r.known(ann, "Archive", epoch, "2")[0]), `tracked false ["\\Seen"]`)
	placesOf(r, "acme", m, "acme/ann")
	equal(r, "receipt of the new id", r.record(ann, in("Archive", epoch, tracked("2", m))), serversync.Receipt{})

	back := in("Archive", epoch, decided(serversync.Moved, "2"))
	back.To, back.ToID = inbox.Folder, "1"
	r.record(ann, back)
	equal(r, "place moved back to", place(r.kind(ann, "1")), `tracked false ["\\Seen"]`)
	equal(r, "place moved back from", place(r.known(ann, "Archive", epoch, "2")[0]), `tracked true ["\\Seen"]`)
	placesOf(r, "acme", m, "acme/ann")
}

// What Load tells of the deferred: part of S12 too.
var deferralChecks = []check{
	{name: "a deferred item is returned by Load until it is decided", f: func(r *run) {
		d := decided(serversync.Deferred, "1")
		d.Attempts, d.NotBefore, d.Reason = 3, clock.Add(time.Hour), "the server said “later”"
		now := decided(serversync.Deferred, "2")
		now.NotBefore = time.Time{}
		r.record(ann, d, now)
		deferredAre(r, d, now)
		deferredAre(r, d, now)
		r.record(ann)
		deferredAre(r, d, now)
		d.Attempts, d.NotBefore, d.Reason = 4, clock.Add(2*time.Hour), "again"
		r.record(ann, d, decided(serversync.Ignored, "2"))
		deferredAre(r, d)
		r.record(ann, tracked("1", letter("one")))
		deferredAre(r)
	}},
	{name: "a deferred item that is quarantined is not tried again", f: func(r *run) {
		r.record(ann, decided(serversync.Deferred, "1"))
		r.record(ann, decided(serversync.Quarantined, "1"))
		deferredAre(r)
	}},
	{name: "a deferred item that is gone is not tried again", f: func(r *run) {
		r.record(ann, decided(serversync.Deferred, "1"), decided(serversync.Deferred, "2"))
		r.record(ann, decided(serversync.Gone, "1"))
		deferredAre(r, decided(serversync.Deferred, "2"))
	}},
	{name: "at most 1,000 are returned, the oldest", f: func(r *run) {
		var all []serversync.Record
		for i := range 1100 {
			all = append(all, decided(serversync.Deferred, provider.ID(fmt.Sprint((i*7)%1100))))
		}
		for from := 0; from < len(all); from += 275 {
			r.record(ann, all[from:from+275]...)
		}
		deferredAre(r, all[:1000]...)
	}},
	{name: "deferred items outlive the Store", f: func(r *run) {
		d := decided(serversync.Deferred, "1")
		r.record(ann, d)
		r.reopen()
		deferredAre(r, d)
	}},
}

// deferredAre checks what Load returns, oldest first.
func deferredAre(r *run, want ...serversync.Record) {
	r.Helper()
	got := r.load(ann).Deferred
	if len(got) != len(want) {
		r.Fatalf("Load has %d deferrals, want %d", len(got), len(want))
	}
	for i, w := range want {
		d := serversync.Deferral{Folder: w.Folder, Epoch: w.Epoch, ID: w.ID, Attempts: w.Attempts, NotBefore: w.NotBefore, Reason: w.Reason}
		equal(r, "deferral", deferralLine(got[i]), deferralLine(d))
	}
}
