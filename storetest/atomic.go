package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-serversync/serversync"
)

// S3: Commit is all or nothing: after a definite error nothing of it shows.
var atomicChecks = []check{
	{name: "nothing shows of a first batch with a wrong state version", f: func(r *run) {
		b := r.everything(ann)
		b.State.From = 7
		r.fenced(b)
	}},
	{name: "nothing shows of a later batch with a stale state version", f: func(r *run) {
		r.commit(r.everything(ann))
		b := r.follow(ann)
		b.State.From--
		r.fenced(b)
		b.State.From++
		r.commit(b)
	}},
	{name: "nothing shows of a batch whose last body cannot be read", f: func(r *run) {
		r.commit(r.everything(ann))
		b := r.follow(ann)
		bad := letter("bad")
		bad.Raw = brokenBlob(1000, errors.New("the spool file is gone"))
		b.Records = append(b.Records, tracked("t9", bad))
		r.watch(b)
		before := r.image()
		_, err := r.Store.Commit(ctx, b)
		r.definite(err)
		r.unchanged(before, "a batch whose last body could not be read")
		b.Records[len(b.Records)-1].Message.Raw = letter("bad").Raw
		r.commit(b)
	}},
	{name: "nothing shows of a first batch that fails midway", f: func(r *run) {
		failMidway(r, r.everything(ann))
	}},
	{name: "nothing shows of a later batch that fails midway", f: func(r *run) {
		r.commit(r.everything(ann))
		failMidway(r, r.follow(ann))
	}},
	{name: "a context that ends in the middle leaves all or nothing", f: endMidway},
}

// failMidway fails b and then commits it.
func failMidway(r *run, b *serversync.Batch) {
	r.Helper()
	r.watch(b)
	before := r.image()
	r.fail(Midway)
	_, err := r.Store.Commit(ctx, b)
	r.definite(err)
	r.unchanged(before, "a batch that failed midway")
	r.commit(b)
	equal(r, "LastBatch", r.load(ann).LastBatch, b.ID)
	equal(r, "cursor", r.load(ann).Cursors[inbox], b.Next)
}

// endMidway ends the context while a body is read.
func endMidway(r *run) {
	r.commit(r.everything(ann))
	b := r.follow(ann)
	ending, cancel := context.WithCancel(ctx)
	defer cancel()
	last := letter("last")
	last.Raw = watchedBlob(last.Raw, func(int) error { cancel(); return nil })
	b.Records = append(b.Records, tracked("t9", last))
	r.watch(b)
	before := r.image()
	_, err := r.Store.Commit(ending, b)
	if err == nil || errors.Is(err, serversync.ErrUnknown) && r.load(ann).LastBatch == b.ID {
		equal(r, "cursor", r.load(ann).Cursors[inbox], b.Next)
		equal(r, "last record", r.kind(ann, "t9").Kind, serversync.Tracked)
		return
	}
	r.unchanged(before, "a batch whose context ended in the middle")
}

// S4: committing one batch twice leaves what committing it once left.
var replayChecks = []check{
	{name: "right away", f: func(r *run) {
		for _, next := range []func() *serversync.Batch{
			func() *serversync.Batch { return r.everything(ann) },
			func() *serversync.Batch { return r.follow(ann) },
		} {
			b := next()
			r.commit(b)
			before := r.image()
			r.commit(b)
			r.unchanged(before, "committing a batch again")
		}
	}},
	{name: "without a lane", f: func(r *run) {
		r.commit(r.everything(ann))
		b := r.follow(ann)
		b.Lane, b.From, b.Next = noLane, "", ""
		r.commit(b)
		before := r.image()
		r.commit(b)
		r.unchanged(before, "committing a batch without a lane again")
	}},
	{name: "after another mailbox was committed", f: func(r *run) {
		b := r.everything(ann)
		r.commit(b)
		r.commit(r.everything(bob))
		before := r.image()
		r.commit(b)
		r.unchanged(before, "committing a batch again")
	}},
	{name: "after a restart", f: func(r *run) {
		b := r.everything(ann)
		r.commit(b)
		before := r.image()
		r.reopen()
		r.commit(b)
		r.unchanged(before, "committing a batch again after a restart")
	}},
	{name: "many times at once", f: func(r *run) {
		b := r.everything(ann)
		r.watch(b)
		errs := make([]error, 8)
		together(len(errs), func(i int) { _, errs[i] = r.Store.Commit(ctx, b) })
		if err := errors.Join(errs...); err != nil {
			r.Errorf("Commit of one batch at once = %v, want nil", err)
		}
		once(r, b)
	}},
}

// once checks that what everything leaves is there once.
func once(r *run, b *serversync.Batch) {
	r.Helper()
	s := r.load(ann)
	equal(r, "cursor", s.Cursors[inbox], b.Next)
	equal(r, "version", s.Version, 1)
	equal(r, "acts, deferrals", fmt.Sprint(len(s.Owed), len(s.Deferred)), "2 1")
	equal(r, "alerts", len(r.alerts(ann)), 1)
	if j, ok := serversync.StoreAs[serversync.Journal](r.Store); ok {
		equal(r, "journal items", len(r.items(j, ann)), 2)
	}
	messages := r.messages(ann.Organization)
	equal(r, "messages", len(messages), 2)
	for _, m := range messages {
		equal(r, "places of a message", len(present(m)), 1)
	}
}

// S13: Commit may return ErrUnknown when it cannot tell whether it took effect. Load
// tells afterwards.
var unknownChecks = []check{
	{name: "LastBatch is the batch committed last", f: func(r *run) {
		for range 3 {
			b := r.step(ann, inbox)
			r.commit(b)
			equal(r, "LastBatch", r.load(ann).LastBatch, b.ID)
		}
		b := r.step(ann, noLane, decided(serversync.Ignored, "1"))
		r.commit(b)
		equal(r, "LastBatch after a batch without a lane", r.load(ann).LastBatch, b.ID)
		r.record(bob)
		equal(r, "LastBatch after another mailbox's", r.load(ann).LastBatch, b.ID)
	}},
	{name: "LastBatch is not a batch that was refused", f: func(r *run) {
		first := r.step(ann, inbox)
		r.commit(first)
		b := r.step(ann, inbox)
		b.From = "another"
		if _, err := r.Store.Commit(ctx, b); err == nil {
			r.Errorf("Commit(%s) = nil, want ErrFenced", b.ID)
		}
		equal(r, "LastBatch", r.load(ann).LastBatch, first.ID)
	}},
	{name: "LastBatch outlives the Store", f: func(r *run) {
		b := r.step(ann, inbox)
		r.commit(b)
		r.reopen()
		equal(r, "LastBatch", r.load(ann).LastBatch, b.ID)
	}},
	{name: "after an answer that was lost Load tells and a replay is harmless", f: func(r *run) {
		r.commit(r.everything(ann))
		b := r.follow(ann)
		r.watch(b)
		r.fail(Unanswered)
		if _, err := r.Store.Commit(ctx, b); !errors.Is(err, serversync.ErrUnknown) {
			r.Errorf("Commit whose answer is lost = %v, want ErrUnknown", err)
		}
		s := r.load(ann)
		equal(r, "LastBatch", s.LastBatch, b.ID)
		equal(r, "cursor", s.Cursors[inbox], b.Next)
		equal(r, "new record", r.kind(ann, "t3").Kind, serversync.Tracked)
		before := r.image()
		r.commit(b)
		r.unchanged(before, "committing again what took effect")
	}},
	{name: "after a failure Load tells that nothing took effect", f: func(r *run) {
		first := r.everything(ann)
		r.commit(first)
		b := r.follow(ann)
		r.fail(Midway)
		if _, err := r.Store.Commit(ctx, b); err == nil {
			r.Errorf("Commit that was made to fail = nil")
		}
		s := r.load(ann)
		equal(r, "LastBatch", s.LastBatch, first.ID)
		equal(r, "cursor", s.Cursors[inbox], first.Next)
	}},
}
