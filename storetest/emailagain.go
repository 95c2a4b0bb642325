package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// What comes again.
var againChecks = []check{
	{name: "a message that is there already is no second email, but may have more ids", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, answers("1", "one", index("one")))
		ref := r.byID(c, "one@example.com").Ref
		owner := track.Ref{Type: "user", ID: "9"}
		if err := c.SetRegarding(ctx, ann.Organization, ref, owner, owner); err != nil {
			r.Fatalf("SetRegarding = %v", err)
		}
		other := index("two")
		other.IDs = []string{"put.there@relay.example", "one@example.com", "put.there@relay.example"}
		receipt := r.record(bob, answers("1", "one", other))
		equal(r, "receipt", receipt, serversync.Receipt{Linked: 1})
		want := *index("one")
		want.Regarding, want.Owner = owner, owner
		want.IDs = append(want.IDs, "put.there@relay.example")
		equal(r, "Ref", r.foundAs(c, want), ref)
		other.IDs = []string{"none"}
		r.nowhere(c, ann.Organization, *other)
	}},
	{name: "a message that came without an Index gets one later", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, tracked("1", letter("one")))
		r.nowhere(c, ann.Organization, *index("one"))
		r.record(bob, answers("1", "one", index("one")))
		ref := r.foundAs(c, *index("one"))
		r.record(bob, in("Archive", epoch, tracked("1", letter("one"))))
		equal(r, "Ref", r.foundAs(c, *index("one")), ref)
	}},
	{name: "an id that is tracked already changes no email", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, answers("1", "one", index("one")))
		r.record(ann, answers("1", "one", index("two")))
		r.foundAs(c, *index("one"))
		r.nowhere(c, ann.Organization, *index("two"))
	}},
	{name: "one message twice in a batch is one email", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, answers("1", "one", index("one")), answers("2", "one", index("one")))
		r.foundAs(c, *index("one"))
	}},
	{name: "a batch committed again changes no email", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		b := r.step(ann, inbox, answers("1", "one", index("one")))
		r.commit(b)
		ref := r.byID(c, "one@example.com").Ref
		regarding := track.Ref{Type: "order", ID: "1"}
		if err := c.SetRegarding(ctx, ann.Organization, ref, regarding, track.Ref{}); err != nil {
			r.Fatalf("SetRegarding = %v", err)
		}
		r.commit(b)
		want := *index("one")
		want.Regarding, want.Owner = regarding, track.Ref{}
		equal(r, "Ref", r.foundAs(c, want), ref)
	}},
	{name: "one message in many mailboxes at once is one email", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		var batches []*serversync.Batch
		for i := range 8 {
			key := mailbox.Key{Organization: ann.Organization, Mailbox: fmt.Sprint(i)}
			batches = append(batches, r.step(key, inbox, answers("1", "one", index("one"))))
		}
		atOnce(r, batches...)
		r.foundAs(c, *index("one"))
	}},
}

func isNotFound(err error) bool { return errors.Is(err, serversync.ErrNotFound) }

// both returns the Store's Correlator and Outbox, or skips the check.
func both(r *run) (serversync.Correlator, serversync.Outbox) {
	r.Helper()
	return capability[serversync.Correlator](r), capability[serversync.Outbox](r)
}

// outgoing returns the index of an email that was sent.
func outgoing(name string) *track.Email {
	i := index(name)
	i.Direction = track.Outgoing
	return i
}

// What is enqueued.
var enqueuedChecks = []check{
	{name: "an enqueued email is found by each of its keys, with the Ref that it came with or one of its own", f: func(r *run) {
		c, o := both(r)
		named := outgoing("named")
		named.Ref = track.Ref{Type: "activity", ID: "O'Hara's “1”"}
		for _, i := range []*track.Email{named, outgoing("bare")} {
			id := i.IDs[0]
			r.enqueue(o, written(id, i))
			want := *i
			want.Ref = r.foundAs(c, want)
			got := r.entry(o, id).Index
			if got == nil {
				r.Fatalf("the entry comes back without its Index")
			}
			equal(r, "the entry's Index", emailLine(*got), emailLine(want))
		}
		r.enqueue(o, entry("none"))
		if i := r.entry(o, "none").Index; i != nil {
			r.Errorf("an entry without an Index comes back with %+v", i)
		}
	}},
	{name: "the Index is fixed when an entry is enqueued", f: func(r *run) {
		c, o := both(r)
		r.enqueue(o, written("1", outgoing("one")))
		_ = o.Enqueue(ctx, written("1", outgoing("two"))) // S11 says what it returns
		e := r.claim(o, "node", clock.Add(48*time.Hour))
		if e.Index == nil {
			r.Fatalf("the entry is claimed without its Index")
		}
		line := emailLine(*e.Index)
		for _, i := range []*track.Email{outgoing("two"), nil} {
			e.Index = i
			_ = o.Advance(ctx, e) // may be refused
			e = r.entry(o, "1")
			if e.Index == nil {
				r.Fatalf("the entry's Index is lost when it advances")
			}
			equal(r, "the entry's Index", emailLine(*e.Index), line)
		}
		r.foundAs(c, *outgoing("one"))
		r.nowhere(c, ann.Organization, *outgoing("two"))
	}},
	{name: "the copy of an enqueued email is the same email", f: func(r *run) {
		c, o := both(r)
		sentOut := outgoing("one")
		sentOut.Ref = track.Ref{Type: "activity", ID: "1"}
		r.enqueue(o, written("1", sentOut))
		for i, content := range []string{"the copy", "the copy as another server has it", "the copy"} {
			copied := outgoing("two")
			copied.IDs = []string{fmt.Sprintf("put.there.%d@relay.example", i), "one@example.com"}
			copied.Regarding = track.Ref{}
			r.commit(r.step(ann, sent, in(sent.Folder, epoch, answers(provider.ID(fmt.Sprint(i)), content, copied))))
		}
		want := *sentOut
		want.IDs = append(slices.Clone(want.IDs), "put.there.0@relay.example", "put.there.1@relay.example", "put.there.2@relay.example")
		r.foundAs(c, want)
		other := outgoing("two")
		other.IDs = []string{"two@example.com"}
		r.nowhere(c, ann.Organization, *other)
	}},
	{name: "what only claims the id of an enqueued email is another email", f: func(r *run) {
		c, o := both(r)
		r.enqueue(o, written("1", outgoing("one")))
		forged := index("forged")
		forged.IDs = append(forged.IDs, "one@example.com")
		r.record(ann, answers("1", "forged", forged))
		r.foundAs(c, *outgoing("one"))
		byToken := r.find(c, ann.Organization, track.Query{Tokens: []string{forged.Token}})
		if len(byToken) != 1 || byToken[0].Direction != track.Incoming {
			r.Errorf("the email that claims another's id is told as %+v, want it alone", byToken)
		}
		elsewhere := outgoing("elsewhere")
		elsewhere.IDs = append(elsewhere.IDs, "one@example.com")
		r.commit(r.step(eve, sent, answers("1", "elsewhere", elsewhere)))
		equal(r, "emails of the other organization", len(r.find(c, eve.Organization, track.Query{IDs: []string{"elsewhere@example.com"}})), 1)
		r.foundAs(c, *outgoing("one"))
	}},
	{name: "two messages that were not enqueued are two emails, whatever their ids", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		one, two := outgoing("one"), outgoing("two")
		two.IDs = append(two.IDs, one.IDs...)
		r.commit(r.step(ann, sent, answers("1", "one", one), answers("2", "two", two)))
		equal(r, "emails", len(r.find(c, ann.Organization, track.Query{Tokens: []string{one.Token, two.Token}})), 2)
	}},
	{name: "an entry with the Ref of another is the same email", f: func(r *run) {
		c, o := both(r)
		first, again := outgoing("one"), outgoing("two")
		first.Ref = track.Ref{Type: "activity", ID: "1"}
		again.Ref = first.Ref
		r.enqueue(o, written("1", first))
		r.enqueue(o, written("2", again))
		want := *first
		want.IDs = slices.Concat(first.IDs, again.IDs)
		r.foundAs(c, want)
		again.Ref.ID, again.IDs = "2", []string{"three@example.com"}
		r.enqueue(o, written("3", again))
		r.foundAs(c, *again)
	}},
	{name: "an entry with a Ref that the Store has given is refused", f: func(r *run) {
		c, o := both(r)
		r.record(ann, answers("1", "one", index("one")))
		taken := outgoing("two")
		taken.Ref = r.byID(c, "one@example.com").Ref
		if err := o.Enqueue(ctx, written("1", taken)); err == nil {
			r.Errorf("Enqueue with the Ref of an email that was committed = nil, want an error")
		}
		if _, err := o.Entry(ctx, ann, "1"); !isNotFound(err) {
			r.Errorf("Entry that was refused = %v, want ErrNotFound", err)
		}
		r.foundAs(c, *index("one"))
		r.nowhere(c, ann.Organization, *outgoing("two"))
	}},
	{name: "an email is found though its body cannot be kept only if it is kept", f: func(r *run) {
		c, o := both(r)
		e := written("1", outgoing("one"))
		e.Raw = brokenBlob(1000, errors.New("the spool file is gone"))
		if err := o.Enqueue(ctx, e); err == nil {
			r.Errorf("Enqueue of a body that cannot be read = nil, want an error")
		}
		r.nowhere(c, ann.Organization, *outgoing("one"))
		e.Raw = item.NewBlob([]byte("x"))
		r.enqueue(o, e)
		r.foundAs(c, *outgoing("one"))
	}},
}
