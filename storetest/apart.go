package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// S5: organizations, mailboxes, folders and lanes do not see each other.
var apartChecks = []check{
	{name: "organizations", f: func(r *run) { strangers(r, ann, eve, 2) }},
	{name: "mailboxes", f: func(r *run) { strangers(r, ann, bob, 0) }},
	{name: "folders and epochs", f: func(r *run) {
		r.record(ann, in("INBOX", "e1", flagged(decided(serversync.Tracked, "1"), `\Seen`)))
		r.commit(r.step(ann, sent, in("Sent", "e1", decided(serversync.Ignored, "1"))))
		equal(r, "INBOX", r.known(ann, "INBOX", "e1", "1")[0].Kind, serversync.Tracked)
		equal(r, "Sent", r.known(ann, "Sent", "e1", "1")[0].Kind, serversync.Ignored)
		equal(r, "other epoch", r.known(ann, "INBOX", "e2", "1")[0].Kind, "")
		r.record(ann, in("Sent", "e1", decided(serversync.Gone, "1")))
		equal(r, "gone in INBOX", r.known(ann, "INBOX", "e1", "1")[0].Gone, false)
		drop := r.step(ann, inbox)
		drop.Drop = []serversync.EpochKey{{Folder: "Sent", Epoch: "e1"}}
		r.commit(drop)
		equal(r, "INBOX after Sent was dropped", r.known(ann, "INBOX", "e1", "1")[0].Kind, serversync.Tracked)
	}},
	{name: "lanes", f: func(r *run) {
		cursors := map[serversync.LaneKey]provider.Cursor{}
		for _, lane := range []serversync.LaneKey{inbox, backfill, sent, {Folder: "Sent", Lane: provider.Backfill}, inbox, sent} {
			b := r.step(ann, lane)
			if b.From != cursors[lane] {
				r.Errorf("cursor of %v = %q, want %q", lane, b.From, cursors[lane])
			}
			cursors[lane] = b.Next
			r.commit(b)
		}
		for lane, want := range cursors {
			equal(r, fmt.Sprintf("cursor of %v", lane), r.load(ann).Cursors[lane], want)
		}
	}},
	{name: "lanes of a folder share its ids", f: func(r *run) {
		r.commit(r.step(ann, backfill, decided(serversync.Ignored, "1")))
		equal(r, "id after the other lane's commit", r.kind(ann, "1").Kind, serversync.Ignored)
	}},
	{name: "acts and alerts of one ID in two mailboxes", f: func(r *run) {
		for _, key := range []mailbox.Key{ann, bob, eve} {
			b := r.step(key, inbox)
			b.Owe, b.Alerts = []serversync.OwedAct{act("1")}, []mailbox.Alert{alert("1")}
			r.commit(b)
		}
		settle := r.step(ann, inbox)
		settle.Settled = []string{"1"}
		r.commit(settle)
		for key, want := range map[mailbox.Key]int{ann: 0, bob: 1, eve: 1} {
			equal(r, "acts owed by "+key.String(), len(r.load(key).Owed), want)
			equal(r, "alerts of "+key.String(), len(r.alerts(key)), 1)
		}
	}},
	{name: "outboxes", f: outboxesApart},
	{name: "walls", f: wallsApart},
	{name: "journals", f: journalsApart},
	{name: "grants", f: func(r *run) {
		g := capability[serversync.Grants](r)
		r.replaceGrant(g, ann, serversync.Grant{Sealed: []byte("ann's")})
		for _, key := range []mailbox.Key{bob, eve} {
			if _, err := g.Grant(ctx, key); !errors.Is(err, serversync.ErrNotFound) {
				r.Errorf("Grant(%v) = %v, want ErrNotFound: only %v has one", key, err, ann)
			}
			r.replaceGrant(g, key, serversync.Grant{Sealed: []byte("another")})
		}
		got, err := g.Grant(ctx, ann)
		equal(r, "ann's grant", fmt.Sprintf("%d %s %v", got.Version, got.Sealed, err), "1 ann's <nil>")
	}},
	{name: "leases", f: func(r *run) {
		l := capability[serversync.Leases](r)
		for _, key := range []mailbox.Key{ann, bob, eve} {
			if _, err := l.Acquire(ctx, key, "node of "+key.String(), clock, clock.Add(time.Hour)); err != nil {
				r.Errorf("Acquire(%v) = %v, want nil: nobody holds it", key, err)
			}
		}
	}},
}

// strangers checks that what is done to one mailbox does not show in another.
// messages is how many messages there are in b's organization for itself; 0 if a and
// b share one.
func strangers(r *run, a, b mailbox.Key, messages int) {
	r.Helper()
	view := &run{tb: r.tb, t: r.t, Harness: r.Harness} // of b alone
	view.watch(r.everything(b))
	before := view.image()
	first := r.everything(a)
	r.commit(first)
	if messages > 0 {
		view.unchanged(before, fmt.Sprintf("a commit of %v, looked at from %v,", a, b))
	} else if s := r.load(b); s.Version != 0 || s.LastBatch != "" || len(s.Owed)+len(s.Deferred) > 0 {
		r.Errorf("a commit of %v shows in Load(%v)", a, b)
	}
	for _, record := range first.Records {
		equal(r, fmt.Sprintf("id %q in %v", record.ID, b), r.known(b, record.Folder, record.Epoch, record.ID)[0].Kind, "")
	}
	equal(r, "cursor of "+b.String(), r.load(b).Cursors[inbox], "")
	equal(r, "alerts of "+b.String(), len(r.alerts(b)), 0)

	second := r.everything(b)
	if receipt := r.commit(second); receipt.Added != messages {
		r.Errorf("Commit of the same messages to %v added %d, want %d", b, receipt.Added, messages)
	}
	r.commit(r.follow(b))
	equal(r, "cursor of "+a.String(), r.load(a).Cursors[inbox], first.Next)
	equal(r, "failures of "+a.String(), r.load(a).State.Incoming.Failures, 3)
	equal(r, "flags in "+a.String(), fmt.Sprint(r.kind(a, "t1").Flags), `[\Seen]`)
	equal(r, "deferred in "+a.String(), r.kind(a, "d1").Kind, serversync.Deferred)
}

func outboxesApart(r *run) {
	o := capability[serversync.Outbox](r)
	for _, key := range []mailbox.Key{ann, bob, eve} {
		e := entry("1")
		e.Mailbox, e.Reason = key, "of "+key.String()
		r.enqueue(o, e)
	}
	claimed, err := o.Claim(ctx, bob, "node", clock, clock.Add(time.Hour))
	if err != nil || claimed.Mailbox != bob || claimed.Reason != "of acme/bob" {
		r.Errorf("Claim(%v) = the entry of %v, %v", bob, claimed.Mailbox, err)
	}
	for _, key := range []mailbox.Key{ann, eve} {
		pending, err := o.Entries(ctx, key, serversync.PhasePending, "", 10)
		if err != nil || len(pending) != 1 || pending[0].Mailbox != key {
			r.Errorf("Entries(%v) = %d entries, %v, want its own alone", key, len(pending), err)
		}
	}
}
