package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
)

// S12: ids that were committed are known until their epoch is dropped, at the cost of
// the ids asked for, not of the mailbox.
func ledgerChecks() []check {
	return slices.Concat(knownChecks, recordChecks, deferralChecks, dropChecks)
}

var decisions = []serversync.RecordKind{serversync.Tracked, serversync.Ignored, serversync.Deferred, serversync.Quarantined}

var knownChecks = []check{
	{name: "every decision is known", f: func(r *run) {
		for _, kind := range decisions {
			id := provider.ID(kind)
			equal(r, "an id never committed", place(r.kind(ann, id)), place(serversync.Place{}))
			r.record(ann, flagged(decided(kind, id), `\Seen`, `\Answered`, "Custom"))
			equal(r, "a committed id", place(r.kind(ann, id)), fmt.Sprintf(`%s false ["Custom" "\\Answered" "\\Seen"]`, kind))
		}
	}},
	{name: "ids stay known over many commits", f: func(r *run) {
		var ids []provider.ID
		for i := range 30 {
			ids = append(ids, provider.ID(fmt.Sprint(i)))
			r.record(ann, decided(serversync.Ignored, ids[i]))
		}
		for i, p := range r.known(ann, inbox.Folder, epoch, ids...) {
			equal(r, fmt.Sprintf("id %q", ids[i]), p.Kind, serversync.Ignored)
		}
	}},
	{name: "the answer is in the order asked for, also twice for one id", f: func(r *run) {
		r.record(ann, decided(serversync.Tracked, "1"), decided(serversync.Ignored, "2"))
		var kinds []serversync.RecordKind
		for _, p := range r.known(ann, inbox.Folder, epoch, "2", "no", "1", "2", "no", "0") {
			kinds = append(kinds, p.Kind)
		}
		equal(r, "kinds", fmt.Sprintf("%q", kinds), `["ignored" "" "tracked" "ignored" "" ""]`)
		r.known(ann, inbox.Folder, epoch)
		r.known(bob, inbox.Folder, epoch)
	}},
	{name: "a thousand ids at once", f: func(r *run) {
		var ids []provider.ID
		var records []serversync.Record
		for i := range 1000 {
			ids = append(ids, provider.ID(fmt.Sprint(i)))
			records = append(records, decided(serversync.Ignored, ids[i]))
		}
		r.record(ann, records...)
		for i, p := range r.known(ann, inbox.Folder, epoch, ids...) {
			if p.Kind != serversync.Ignored {
				r.Fatalf("id %q of a thousand is %+v, want ignored", ids[i], p)
			}
		}
	}},
	{name: "ids outlive the Store", f: func(r *run) {
		r.commit(r.everything(ann))
		r.commit(r.follow(ann))
		before := r.image()
		r.reopen()
		r.unchanged(before, "opening the Store again")
	}},
	{name: "the cost is of the ids asked for", f: knownCost, heavy: true},
}

// place writes what is recorded so that it can be compared. No flags are the same as
// none.
func place(p serversync.Place) string {
	return fmt.Sprintf("%s %t %q", p.Kind, p.Gone, p.Flags)
}

// knownCost asks for 50 ids when 1,000 are recorded, and when 100,000 are. Reading all
// of them would take a hundred times as long; half-way to that is too slow. The clock
// of a busy machine is rough, so the fastest of many calls counts, and several tries.
func knownCost(r *run) {
	if testing.Short() {
		r.Skipf("not checked with -short: it writes 100,000 records")
	}
	const bound = 20
	few := 1000
	record := func(from, to int) {
		for ; from < to; from += few {
			records := make([]serversync.Record, few)
			for i := range records {
				records[i] = decided(serversync.Ignored, provider.ID(fmt.Sprint(from+i)))
			}
			r.record(ann, records...)
			r.watched = watched{}
		}
	}
	fastest := func(total int) time.Duration {
		ids := make([]provider.ID, 50)
		for i := range ids {
			ids[i] = provider.ID(fmt.Sprint(i * total / len(ids)))
		}
		best := time.Hour
		for range 30 {
			start := time.Now()
			r.known(ann, inbox.Folder, epoch, ids...)
			best = min(best, time.Since(start))
		}
		return best
	}
	record(0, few)
	first := fastest(few)
	record(few, 100*few)
	var last time.Duration
	for range 3 {
		if last = fastest(100 * few); last <= bound*max(first, 10*time.Microsecond) {
			return
		}
	}
	r.Errorf("Known of 50 ids takes %v with %d recorded and %v with %d: it costs the mailbox, not the ids asked for", first, few, last, 100*few)
}

var dropChecks = []check{
	{name: "the ids of a dropped epoch are forgotten, its messages stay", f: func(r *run) {
		r.record(ann, tracked("1", letter("one")), decided(serversync.Ignored, "2"), decided(serversync.Deferred, "3"))
		r.record(ann, in(inbox.Folder, "e2", decided(serversync.Ignored, "1")))
		r.commit(r.step(ann, sent, in(sent.Folder, epoch, tracked("1", letter("two")))))
		b := r.step(ann, inbox)
		b.Drop = []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}, {Folder: "never", Epoch: "seen"}}
		r.commit(b)
		for _, id := range []provider.ID{"1", "2", "3"} {
			equal(r, "an id of the dropped epoch", place(r.kind(ann, id)), place(serversync.Place{}))
		}
		equal(r, "the other epoch", r.known(ann, inbox.Folder, "e2", "1")[0].Kind, serversync.Ignored)
		equal(r, "the other folder", r.known(ann, sent.Folder, epoch, "1")[0].Kind, serversync.Tracked)
		placesOf(r, "acme", letter("one"))
		placesOf(r, "acme", letter("two"), "acme/ann")
		equal(r, "deferrals", len(r.load(ann).Deferred), 0)
	}},
	{name: "a message found again in a new epoch is linked", f: func(r *run) {
		r.record(ann, tracked("1", letter("one")))
		b := r.step(ann, inbox, in(inbox.Folder, "e2", tracked("8", letter("one"))))
		b.Drop = []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}}
		equal(r, "receipt", r.commit(b), serversync.Receipt{Linked: 1})
		placesOf(r, "acme", letter("one"), "acme/ann")
		equal(r, "the new id", r.known(ann, inbox.Folder, "e2", "8")[0].Kind, serversync.Tracked)
	}},
	{name: "dropping one mailbox's epoch leaves another's", f: func(r *run) {
		r.record(ann, tracked("1", letter("one")))
		r.record(bob, tracked("1", letter("one")))
		b := r.step(ann, inbox)
		b.Drop = []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}}
		r.commit(b)
		equal(r, "the other mailbox", r.kind(bob, "1").Kind, serversync.Tracked)
		placesOf(r, "acme", letter("one"), "acme/bob")
	}},
}
