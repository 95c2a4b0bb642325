package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// verdict returns a verdict with something in each field.
func verdict(evidence string) *track.Verdict {
	v := track.Verdict{Evidence: evidence}
	fill(reflect.ValueOf(&v).Elem())
	v.NeedsBody = false // it is not kept
	return &v
}

// judged returns r with a verdict on the message with this id, so long after clock.
func judged(r serversync.Record, messageID string, after time.Duration) serversync.Record {
	r.MessageID, r.Verdict, r.Decided = messageID, verdict(fmt.Sprint(r.ID, " after ", after)), clock.Add(after)
	return r
}

// verdictLine writes a stored verdict so that equal ones are equal.
func verdictLine(v serversync.StoredVerdict) string {
	text, err := json.Marshal(v.Verdict)
	var plain bytes.Buffer
	if err == nil {
		err = json.Compact(&plain, text)
	}
	return fmt.Sprintf("%.60q of %q is %s for %q at %s: %s %v", v.Place, v.Mailbox, v.Kind, v.Reason, instant(v.At), plain.String(), err)
}

// storedAsJudged returns the verdict that a record leaves.
func storedAsJudged(key mailbox.Key, r serversync.Record) serversync.StoredVerdict {
	return serversync.StoredVerdict{
		Mailbox: key, Place: provider.Place{Folder: r.Folder, Epoch: r.Epoch, ID: r.ID},
		Kind: r.Kind, Reason: r.Reason, Verdict: *r.Verdict, At: r.Decided,
	}
}

func (r *run) verdicts(v serversync.Verdicts, organization, messageID string, limit int) []serversync.StoredVerdict {
	r.Helper()
	all, err := v.Verdicts(ctx, organization, messageID, limit)
	if err != nil {
		r.Fatalf("Verdicts(%q, %q) = %v", organization, messageID, err)
	}
	return all
}

// verdictsAre checks what is told of the message in ann's organization, in order.
func verdictsAre(r *run, v serversync.Verdicts, messageID string, want ...serversync.StoredVerdict) {
	r.Helper()
	got := r.verdicts(v, ann.Organization, messageID, 1000)
	if len(got) != len(want) {
		r.Errorf("%d verdicts on %.60q, want %d", len(got), messageID, len(want))
	}
	for i := range min(len(got), len(want)) {
		equal(r, fmt.Sprintf("verdict %d", i), verdictLine(got[i]), verdictLine(want[i]))
	}
}

// S21: what a verdict says is kept with its id in the batch's transaction, and told by
// Message-ID. Pruning forgets what was decided before a time.
var verdictChecks = []check{
	{name: "a verdict on each decision comes back as it was", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		for i, kind := range decisions {
			id := fmt.Sprint(i, "@example.com")
			record := judged(decided(kind, provider.ID(fmt.Sprint(i))), id, time.Duration(i)*time.Minute)
			if kind == serversync.Ignored {
				record.Verdict = &track.Verdict{Rule: track.NotAccepted}
			}
			r.record(ann, record)
			verdictsAre(r, v, id, storedAsJudged(ann, record))
		}
		bare := decided(serversync.Ignored, "bare")
		bare.MessageID, bare.Decided = "bare@example.com", clock
		r.record(ann, bare)
		verdictsAre(r, v, "bare@example.com")
		never := judged(decided(serversync.Ignored, "never"), "never@example.com", 0)
		never.Decided, never.Reason = time.Time{}, ""
		r.record(ann, never)
		verdictsAre(r, v, "never@example.com", storedAsJudged(ann, never))
	}},
	{name: "what was decided last comes first, by place where two were decided at once", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		const id = "same@example.com"
		var want []serversync.StoredVerdict
		put := func(key mailbox.Key, record serversync.Record) {
			r.record(key, record)
			want = append(want, storedAsJudged(key, record))
		}
		put(ann, judged(decided(serversync.Ignored, "late"), id, time.Second+time.Microsecond))
		put(bob, judged(decided(serversync.Ignored, "then"), id, time.Second))
		at := len(want)
		for _, record := range []serversync.Record{
			in("B", "1", decided(serversync.Ignored, "b")), in("B", "1", decided(serversync.Ignored, "B")),
			in("B", "0", decided(serversync.Ignored, "c")), in("a", "0", decided(serversync.Ignored, "a")),
		} {
			put(bob, judged(record, id, 0))
			put(ann, judged(record, id, 0))
		}
		slices.SortFunc(want[at:], func(a, b serversync.StoredVerdict) int {
			return slices.Compare(
				[]string{a.Mailbox.Mailbox, string(a.Folder), a.Epoch, string(a.ID)},
				[]string{b.Mailbox.Mailbox, string(b.Folder), b.Epoch, string(b.ID)})
		})
		verdictsAre(r, v, id, want...)
		for _, limit := range []int{0, 1, 5} {
			got := r.verdicts(v, ann.Organization, id, limit)
			equal(r, "verdicts within a limit", len(got), limit)
			for i := range got {
				equal(r, "verdict within a limit", verdictLine(got[i]), verdictLine(want[i]))
			}
		}
	}},
	{name: "Message-IDs are bytes", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		all := alike()
		for i, id := range all {
			if i%2 == 0 {
				r.record(ann, judged(decided(serversync.Ignored, provider.ID(fmt.Sprint(i))), id, 0))
			}
		}
		for i, id := range all {
			want := (i + 1) % 2
			if got := r.verdicts(v, ann.Organization, id, 10); len(got) != want || want == 1 && string(got[0].ID) != fmt.Sprint(i) {
				r.Errorf("%d verdicts on %.40q, want %d of its own", len(got), id, want)
			}
		}
	}},
	{name: "a verdict is replaced when the id is decided anew", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		r.record(ann, judged(decided(serversync.Deferred, "1"), "guess@example.com", 0))
		again := judged(decided(serversync.Deferred, "1"), "one@example.com", time.Minute)
		r.record(ann, again)
		verdictsAre(r, v, "guess@example.com")
		verdictsAre(r, v, "one@example.com", storedAsJudged(ann, again))
		silent := decided(serversync.Quarantined, "1")
		r.record(ann, silent)
		verdictsAre(r, v, "one@example.com", storedAsJudged(ann, again))
		for _, kind := range []serversync.RecordKind{serversync.Quarantined, serversync.Ignored, serversync.Tracked} {
			record := judged(decided(kind, "1"), "one@example.com", -time.Hour)
			r.record(ann, record)
			verdictsAre(r, v, "one@example.com", storedAsJudged(ann, record))
		}
	}},
	{name: "a decision that changes nothing leaves the verdict", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		for _, stands := range []serversync.RecordKind{serversync.Tracked, serversync.Ignored} {
			id := provider.ID(stands)
			first := judged(decided(stands, id), string(id), 0)
			r.record(ann, first)
			for _, kind := range decisions {
				if kind == stands || stands == serversync.Tracked {
					r.record(ann, judged(decided(kind, id), string(id), time.Hour))
				}
			}
			verdictsAre(r, v, string(id), storedAsJudged(ann, first))
		}
	}},
	{name: "what happens to an id leaves its verdict where it was decided", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		record := judged(tracked("1", letter("one")), "one@example.com", 0)
		r.record(ann, record)
		moved := judged(decided(serversync.Moved, "1"), "one@example.com", time.Hour)
		moved.To, moved.ToID = "Archive", "2"
		r.record(ann, judged(flagged(decided(serversync.FlagsChanged, "1"), `\Seen`), "one@example.com", time.Hour),
			moved, judged(decided(serversync.Gone, "1"), "one@example.com", time.Hour))
		verdictsAre(r, v, "one@example.com", storedAsJudged(ann, record))
		drop := r.step(ann, inbox)
		drop.Drop = []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}}
		r.commit(drop)
		verdictsAre(r, v, "one@example.com", storedAsJudged(ann, record))
		anew := judged(decided(serversync.Ignored, "1"), "one@example.com", 2*time.Hour)
		r.record(ann, anew)
		verdictsAre(r, v, "one@example.com", storedAsJudged(ann, anew))
	}},
	{name: "organizations do not see each other's verdicts", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		record := judged(decided(serversync.Ignored, "1"), "one@example.com", 0)
		r.record(ann, record)
		equal(r, "verdicts elsewhere", len(r.verdicts(v, eve.Organization, "one@example.com", 10)), 0)
		r.record(eve, judged(decided(serversync.Ignored, "1"), "one@example.com", time.Hour))
		verdictsAre(r, v, "one@example.com", storedAsJudged(ann, record))
	}},
	{name: "a batch that is refused writes no verdict, a replay changes none", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		first := judged(decided(serversync.Deferred, "1"), "one@example.com", 0)
		r.record(ann, first)
		next := judged(decided(serversync.Ignored, "1"), "one@example.com", time.Hour)
		b := r.step(ann, inbox, next)
		from := b.From
		b.From = "another"
		r.fenced(b)
		verdictsAre(r, v, "one@example.com", storedAsJudged(ann, first))
		b.From = from
		r.commit(b)
		if n, err := v.PruneVerdicts(ctx, ann.Organization, clock.Add(2*time.Hour)); n != 1 || err != nil {
			r.Errorf("PruneVerdicts = %d, %v, want 1", n, err)
		}
		r.commit(b)
		verdictsAre(r, v, "one@example.com")
	}},
	{name: "pruning forgets what was decided before a time", f: func(r *run) {
		v := capability[serversync.Verdicts](r)
		at := time.Hour
		kept := judged(decided(serversync.Ignored, "kept"), "one@example.com", at)
		for _, key := range []mailbox.Key{ann, bob, eve} {
			r.record(key, judged(tracked("1", letter("one")), "one@example.com", at-time.Microsecond),
				judged(decided(serversync.Deferred, "2"), "two@example.com", 0), kept)
		}
		for i, want := range []int{4, 0} {
			n, err := v.PruneVerdicts(ctx, ann.Organization, clock.Add(at).UTC())
			if n != want || err != nil {
				r.Errorf("PruneVerdicts, time %d = %d, %v, want %d", i+1, n, err, want)
			}
		}
		verdictsAre(r, v, "one@example.com", storedAsJudged(ann, kept), storedAsJudged(bob, kept))
		verdictsAre(r, v, "two@example.com")
		equal(r, "verdicts of another organization", len(r.verdicts(v, eve.Organization, "one@example.com", 10)), 2)
		if n, err := v.PruneVerdicts(ctx, ann.Organization, time.Time{}); n != 0 || err != nil {
			r.Errorf("PruneVerdicts before the zero time = %d, %v, want 0", n, err)
		}
		equal(r, "what was decided", r.kind(ann, "1").Kind, serversync.Tracked)
		equal(r, "what is deferred", len(r.load(ann).Deferred), 1)
	}},
	{name: "verdicts outlive the Store", f: func(r *run) {
		capability[serversync.Verdicts](r)
		record := judged(decided(serversync.Ignored, "1"), "one@example.com", 0)
		r.record(ann, record)
		r.reopen()
		verdictsAre(r, capability[serversync.Verdicts](r), "one@example.com", storedAsJudged(ann, record))
	}},
}

// S22: a mailbox's numbers are 1, 2, 3 and so on, none of them twice.
var numberChecks = []check{
	{name: "each mailbox counts from 1", f: func(r *run) {
		n := capability[serversync.Numbers](r)
		for want := range int64(5) {
			for _, key := range []mailbox.Key{ann, bob, eve, {Organization: "a", Mailbox: "bc"}, {Organization: "ab", Mailbox: "c"}} {
				equal(r, "number of "+key.String(), r.number(n, key), want+1)
			}
			r.record(ann, decided(serversync.Ignored, provider.ID(fmt.Sprint(want))))
		}
		equal(r, "mailbox", r.load(ann).LastBatch != "", true)
		equal(r, "cursor of a mailbox that only counts", len(r.load(bob).Cursors), 0)
	}},
	{name: "many at once get each number once", f: func(r *run) {
		n := capability[serversync.Numbers](r)
		const callers, each = 8, 10
		got := make([][]int64, callers)
		errs := make([]error, callers)
		together(callers, func(i int) {
			for range each {
				number, err := n.NextNumber(ctx, ann)
				got[i], errs[i] = append(got[i], number), errors.Join(errs[i], err)
			}
		})
		if err := errors.Join(errs...); err != nil {
			r.Fatalf("NextNumber at once = %v", err)
		}
		all := slices.Sorted(slices.Values(slices.Concat(got...)))
		for i, number := range all {
			if number != int64(i+1) {
				r.Fatalf("the numbers given at once are %d, want 1 to %d", all, callers*each)
			}
		}
	}},
	{name: "the count outlives the Store", f: func(r *run) {
		n := capability[serversync.Numbers](r)
		r.number(n, ann)
		r.number(n, ann)
		r.reopen()
		equal(r, "number after a restart", r.number(capability[serversync.Numbers](r), ann), 3)
	}},
}

func (r *run) number(n serversync.Numbers, key mailbox.Key) int64 {
	r.Helper()
	number, err := n.NextNumber(ctx, key)
	if err != nil {
		r.Fatalf("NextNumber(%v) = %v", key, err)
	}
	return number
}
