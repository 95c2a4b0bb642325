package storetest

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// S6: a Store is safe for use by many goroutines.
var concurrentChecks = []check{
	{name: "many mailboxes at once", f: manyMailboxes},
	{name: "many committers of one mailbox lose nothing", f: manyCommitters},
	{name: "a Load beside commits is of one moment", f: oneMoment},
}

// manyMailboxes commits to eight mailboxes at once, each in its own order.
func manyMailboxes(r *run) {
	const steps = 10
	key := func(i int) mailbox.Key { return mailbox.Key{Organization: "acme", Mailbox: strconv.Itoa(i)} }
	id := func(step int) provider.ID { return provider.ID(strconv.Itoa(step)) }
	together(8, func(i int) {
		for n := range steps {
			b := counted(key(i), inbox, n, tracked(id(n), letter(fmt.Sprintf("%d of %d", n, i))))
			if _, err := r.Store.Commit(ctx, b); err != nil {
				r.Errorf("Commit(%s) = %v", b.ID, err)
				return
			}
			if _, err := r.Store.Load(ctx, key(i+1)); err != nil {
				r.Errorf("Load beside commits = %v", err)
			}
		}
	})
	for i := range 8 {
		equal(r, "cursor", r.load(key(i)).Cursors[inbox], cursorAt(steps))
		for n := range steps {
			if k := r.kind(key(i), id(n)); k.Kind != serversync.Tracked {
				r.Errorf("%v lost id %q to commits of other mailboxes", key(i), id(n))
			}
		}
	}
	equal(r, "messages", len(r.messages("acme")), 8*steps)
}

// counted returns the batch that moves the lane from cursorAt(n) to cursorAt(n+1).
func counted(key mailbox.Key, lane serversync.LaneKey, n int, records ...serversync.Record) *serversync.Batch {
	return &serversync.Batch{
		ID:      fmt.Sprintf("%v %v %d", key, lane, n),
		Mailbox: key,
		Lane:    lane,
		From:    cursorAt(n),
		Next:    cursorAt(n + 1),
		Records: records,
	}
}

func cursorAt(n int) provider.Cursor {
	if n == 0 {
		return ""
	}
	return provider.Cursor(strconv.Itoa(n))
}

// manyCommitters has eight goroutines count one cursor up, each trying again when
// another was faster.
func manyCommitters(r *run) {
	const each = 5
	committers := 8
	together(committers, func(i int) {
		for n := 0; n < each; {
			s, err := r.Store.Load(ctx, ann)
			if err != nil {
				r.Errorf("Load = %v", err)
				return
			}
			at, _ := strconv.Atoi(string(s.Cursors[inbox]))
			id := fmt.Sprintf("%d of %d", n, i)
			b := counted(ann, inbox, at, decided(serversync.Ignored, provider.ID(id)))
			b.ID = fmt.Sprintf("%s at %d", id, at)
			switch _, err := r.Store.Commit(ctx, b); {
			case err == nil:
				n++
			case !errors.Is(err, serversync.ErrFenced):
				r.Errorf("Commit(%s) = %v, want nil or ErrFenced", b.ID, err)
				return
			}
		}
	})
	equal(r, "cursor", r.load(ann).Cursors[inbox], cursorAt(each*committers))
	for i := range committers {
		for n := range each {
			if id := provider.ID(fmt.Sprintf("%d of %d", n, i)); r.kind(ann, id).Kind == "" {
				r.Errorf("the record of id %q was lost: its commit returned nil", id)
			}
		}
	}
}

// oneMoment reads while the cursor, the state and the acts owed move together.
func oneMoment(r *run) {
	const steps = 40
	together(3, func(i int) {
		for n := range steps {
			if i > 0 {
				s, err := r.Store.Load(ctx, ann)
				at := s.Cursors[inbox]
				if err != nil || at != cursorAt(int(s.Version)) || s.State.Incoming.Failures != int(s.Version) || int64(len(s.Owed)) != min(s.Version, 1) {
					r.Errorf("Load beside commits: cursor %q, version %d, %d failures, %d acts, %v: not of one moment",
						at, s.Version, s.State.Incoming.Failures, len(s.Owed), err)
					return
				}
				continue
			}
			b := counted(ann, inbox, n)
			b.State = &serversync.StateChange{From: int64(n), To: failing(n + 1)}
			b.Owe = []serversync.OwedAct{act(fmt.Sprint(n + 1))}
			b.Settled = []string{fmt.Sprint(n)}
			if _, err := r.Store.Commit(ctx, b); err != nil {
				r.Errorf("Commit = %v", err)
				return
			}
		}
	})
}
