package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// S11: an outbox entry is claimed by one claimer at a time. A claim that lapsed while
// submitting comes back as uncertain, never as pending.
func outboxChecks() []check {
	return slices.Concat(enqueueChecks, claimChecks, advanceChecks, entriesChecks)
}

// entry returns an entry of ann's, due at clock.
func entry(id string) serversync.Entry {
	return serversync.Entry{
		ID:         id,
		Mailbox:    ann,
		From:       "ann@example.com",
		Recipients: []provider.Recipient{{Address: "bob@example.com"}, {Address: "Carl@Example.com"}},
		MessageID:  id + ".out@example.com",
		Raw:        item.NewBlob([]byte("Message-ID: <" + id + ".out@example.com>\r\n\r\nHello.\r\n")),
		Report:     true,
		NotBefore:  clock,
		Queued:     clock.Add(-time.Minute),
		Reason:     "asked for by O'Hara",
	}
}

var enqueueChecks = []check{
	{name: "an entry comes back as it was enqueued", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		bare := serversync.Entry{ID: "bare", Mailbox: ann, MessageID: "bare@example.com", Raw: item.NewBlob([]byte("x"))}
		for _, e := range []serversync.Entry{entry("1"), bare} {
			r.enqueue(o, e)
			e.Phase, e.Version = serversync.PhasePending, 1
			equal(r, "entry", entryLine(r.entry(o, e.ID)), entryLine(e))
		}
	}},
	{name: "an entry is enqueued in PhasePending", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		e := entry("1")
		e.Phase, e.Version = serversync.PhaseDone, 9
		r.enqueue(o, e)
		got := r.entry(o, "1")
		equal(r, "phase", got.Phase, serversync.PhasePending)
		equal(r, "version", got.Version, 1)
	}},
	{name: "an entry is enqueued once", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		r.enqueue(o, entry("1"))
		r.claim(o, "node", clock)
		want := entryLine(r.entry(o, "1"))
		again := entry("1")
		again.From, again.Reason = "else@example.com", "again"
		r.enqueue(o, again)
		equal(r, "entry", entryLine(r.entry(o, "1")), want)
	}},
	{name: "an entry enqueued by many at once is enqueued once", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		errs := make([]error, 8)
		together(len(errs), func(i int) { errs[i] = o.Enqueue(ctx, entry("1")) })
		if err := errors.Join(errs...); err != nil {
			r.Errorf("Enqueue of one entry at once = %v, want nil", err)
		}
		r.claim(o, "node", clock)
		r.nothingDue(o, clock)
	}},
	{name: "an entry that is not there has ErrNotFound", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		r.nothingDue(o, clock)
		r.enqueue(o, entry("1"))
		if _, err := o.Entry(ctx, ann, "2"); !errors.Is(err, serversync.ErrNotFound) {
			r.Errorf("Entry that is not there = %v, want ErrNotFound", err)
		}
		if _, err := o.Entry(ctx, bob, "1"); !errors.Is(err, serversync.ErrNotFound) {
			r.Errorf("Entry of another mailbox = %v, want ErrNotFound", err)
		}
	}},
	{name: "what the caller changes afterwards changes nothing", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		e := entry("1")
		r.enqueue(o, e)
		e.Recipients[0].Address = "changed"
		r.entry(o, "1").Recipients[0].Address = "changed"
		equal(r, "recipient", r.entry(o, "1").Recipients[0].Address, "bob@example.com")
	}},
}

var entriesChecks = []check{
	{name: "Entries are of one phase, in the order of their IDs, in pages", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		for _, id := range []string{"c", "a", "e", "b", "d", "f"} {
			e := entry(id)
			if id == "f" {
				e.NotBefore = clock.Add(-time.Hour)
			}
			r.enqueue(o, e)
		}
		r.claim(o, "node", clock) // takes f
		other := entry("bb")
		other.Mailbox = bob
		r.enqueue(o, other)
		for _, limit := range []int{1, 2, 5, 100} {
			entriesAre(r, o, serversync.PhasePending, limit, "a", "b", "c", "d", "e")
		}
		entriesAre(r, o, serversync.PhaseClaimed, 10, "f")
		entriesAre(r, o, serversync.PhaseHeld, 10)
	}},
	{name: "entries outlive the Store", f: func(r *run) {
		o := capability[serversync.Outbox](r)
		r.enqueue(o, entry("1"))
		r.enqueue(o, entry("2"))
		claimed := r.claim(o, "node", clock)
		r.reopen()
		o = capability[serversync.Outbox](r)
		equal(r, "claimed entry", entryLine(r.entry(o, claimed.ID)), entryLine(claimed))
		if next := r.claim(o, "node 2", clock); next.ID == claimed.ID {
			r.Errorf("entry %q was claimed twice, before and after a restart", next.ID)
		}
		r.nothingDue(o, clock)
	}},
}

func entriesAre(r *run, o serversync.Outbox, phase serversync.Phase, limit int, want ...string) {
	r.Helper()
	var got []string
	for after := ""; len(got) <= len(want); after = got[len(got)-1] {
		page, err := o.Entries(ctx, ann, phase, after, limit)
		if err != nil || len(page) > limit {
			r.Fatalf("Entries(%s, after %q, limit %d) = %d entries, %v", phase, after, limit, len(page), err)
		}
		for _, e := range page {
			got = append(got, e.ID)
		}
		if len(page) < limit {
			break
		}
	}
	if !slices.Equal(got, want) {
		r.Errorf("Entries(%s) in pages of %d = %q, want %q", phase, limit, got, want)
	}
}

func (r *run) enqueue(o serversync.Outbox, e serversync.Entry) {
	r.Helper()
	r.watchEntry(e)
	if err := o.Enqueue(ctx, e); err != nil {
		r.Fatalf("Enqueue(%q) = %v", e.ID, err)
	}
}

func (r *run) entry(o serversync.Outbox, id string) serversync.Entry {
	r.Helper()
	e, err := o.Entry(ctx, ann, id)
	if err != nil {
		r.Fatalf("Entry(%q) = %v", id, err)
	}
	return e
}

// claim claims an entry of ann's for a minute.
func (r *run) claim(o serversync.Outbox, by string, now time.Time) serversync.Entry {
	r.Helper()
	e, err := o.Claim(ctx, ann, by, now, now.Add(time.Minute))
	if err != nil {
		r.Fatalf("Claim(%s) = %v, want an entry", by, err)
	}
	return e
}

// nothingDue checks that there is nothing to claim.
func (r *run) nothingDue(o serversync.Outbox, now time.Time) {
	r.Helper()
	if e, err := o.Claim(ctx, ann, "nobody", now, now.Add(time.Minute)); !errors.Is(err, serversync.ErrNotFound) {
		r.Errorf("Claim = entry %q in phase %q, %v, want ErrNotFound: none is due", e.ID, e.Phase, err)
	}
}

// advance replaces the entry, which must succeed, and returns it as it is then.
func (r *run) advance(o serversync.Outbox, e serversync.Entry, alerts ...mailbox.Alert) serversync.Entry {
	r.Helper()
	if err := o.Advance(ctx, e, alerts...); err != nil {
		r.Fatalf("Advance(%q to %s) = %v", e.ID, e.Phase, err)
	}
	return r.entry(o, e.ID)
}
