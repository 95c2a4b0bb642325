package storetest

import (
	"strings"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
)

// S1: a cursor that was never committed is zero.
var zeroChecks = []check{
	{name: "a mailbox that was never committed has the zero Snapshot", f: func(r *run) {
		s := r.load(ann)
		if len(s.Cursors) > 0 || len(s.Owed) > 0 || len(s.Deferred) > 0 {
			r.Errorf("Load of an unknown mailbox has %d cursors, %d acts, %d deferrals", len(s.Cursors), len(s.Owed), len(s.Deferred))
		}
		equal(r, "Version", s.Version, 0)
		equal(r, "Fence", s.Fence, 0)
		equal(r, "LastBatch", s.LastBatch, "")
		equal(r, "State", stateLine(s.State), stateLine(serversync.Snapshot{}.State))
	}},
	{name: "a lane that was never committed has the zero cursor", f: func(r *run) {
		r.record(ann)
		r.commit(r.step(ann, noLane, decided(serversync.Ignored, "1")))
		s := r.load(ann)
		for _, lane := range []serversync.LaneKey{backfill, sent, noLane} {
			equal(r, "cursor of another lane", s.Cursors[lane], "")
		}
	}},
}

// S2: after Commit returns nil, its cursor is what Load returns.
var cursorChecks = []check{
	{name: "each commit's cursor is what Load returns", f: func(r *run) {
		for range 3 {
			b := r.step(ann, inbox)
			r.commit(b)
			equal(r, "cursor", r.load(ann).Cursors[inbox], b.Next)
		}
	}},
	{name: "a cursor may become zero again", f: func(r *run) {
		r.record(ann)
		b := r.step(ann, inbox)
		b.Next = ""
		r.commit(b)
		equal(r, "cursor", r.load(ann).Cursors[inbox], "")
		r.record(ann)
	}},
	{name: "a batch without a lane moves no cursor", f: func(r *run) {
		b := r.step(ann, inbox)
		r.commit(b)
		r.commit(r.step(ann, noLane, decided(serversync.Ignored, "1")))
		equal(r, "cursor", r.load(ann).Cursors[inbox], b.Next)
		equal(r, "cursor of the zero lane", r.load(ann).Cursors[noLane], "")
	}},
	{name: "the cursor outlives the Store", f: func(r *run) {
		b := r.everything(ann)
		r.commit(b)
		before := r.image()
		r.reopen()
		equal(r, "cursor", r.load(ann).Cursors[inbox], b.Next)
		r.unchanged(before, "opening the Store again")
	}},
	{name: "what the caller changes afterwards changes nothing", f: func(r *run) {
		b := r.everything(ann)
		b.State.To.Resets = append(b.State.To.Resets, reset("INBOX"))
		r.commit(b)
		before := r.image()
		b.State.To.Resets[0].OldEpochs[0] = "changed"
		b.Records[0].Flags[0] = "changed"
		b.Records[0].Message.From[0].Addr = "changed"
		b.Owe[0].ID, b.Alerts[0].ID = "changed", "changed"
		r.unchanged(before, "changing a batch that was committed")

		s, known := r.load(ann), r.kind(ann, "t1")
		for i := range s.State.Resets {
			clear(s.State.Resets[i].OldEpochs)
		}
		clear(s.Cursors)
		clear(s.Owed)
		clear(s.Deferred)
		clear(known.Flags)
		r.unchanged(before, "changing what Load and Known returned")
	}},
}

// S10: a cursor may be 16 MB.
var sizeChecks = []check{
	{name: "every byte value comes back", f: func(r *run) {
		cursorOf(r, allBytes())
	}},
	{name: "spaces, line ends and zero bytes at the ends come back", f: func(r *run) {
		for _, s := range []string{" a ", "\n", "\x00", "a\x00", "\r\n", "\xff", "0", "null", `{"a":1}`, "'"} {
			cursorOf(r, s)
		}
	}},
	{name: "16 MB of every byte value come back", heavy: true, f: func(r *run) {
		long := strings.Repeat(allBytes(), 16<<20/256)
		cursorOf(r, long)
		cursorOf(r, long[:len(long)-1]+"x") // must be told from the one before
	}},
	{name: "16 MB outlive the Store", heavy: true, f: func(r *run) {
		long := strings.Repeat(allBytes(), 16<<20/256)
		cursorOf(r, long)
		r.reopen()
		equal(r, "cursor", short(r.load(ann).Cursors[inbox]), short(provider.Cursor(long)))
	}},
}

// cursorOf commits a cursor and reads it back.
func cursorOf(r *run, s string) {
	r.Helper()
	b := r.step(ann, inbox)
	b.Next = provider.Cursor(s)
	r.commit(b)
	equal(r, "cursor", short(r.load(ann).Cursors[inbox]), short(b.Next))
}

func allBytes() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}
