package storetest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// index returns what an email of this name is found by, with something in each field.
func index(name string) *track.Email {
	hash := func(s string) uint64 {
		n, _ := strconv.ParseUint(string(digest(name + s))[2:18], 16, 64)
		return n
	}
	return &track.Email{
		Direction:    track.Incoming,
		Regarding:    track.Ref{Type: "case", ID: "of O'Hara " + name},
		Owner:        track.Ref{Type: "team", ID: "“7” " + name},
		Sent:         clock,
		IDs:          []string{name + "@example.com", name + ".replaced@relay.example"},
		Token:        "CRM:" + name,
		Conversation: "AdE+/x== " + name,
		Words:        []uint64{math.MaxUint64 - hash("a")%1000, hash("b"), 1<<63 | hash("c")},
		People:       []uint64{hash("d"), 1<<63 | hash("e"), hash("f") % 1000},
		Participants: []string{"bob@example.com", "ann@example.com", `"o'hara \\"@\U0001F4E7.example`},
		Recipients:   []string{"bob@example.com"},
	}
}

// answers returns the record of a message that is found by i.
func answers(id provider.ID, message string, i *track.Email) serversync.Record {
	r := tracked(id, letter(message))
	r.MessageID, r.Index = r.Message.MessageID, i
	return r
}

// written returns an entry that is found by i.
func written(id string, i *track.Email) serversync.Entry {
	e := entry(id)
	e.Index = i
	return e
}

// emailLine writes an email so that equal ones are equal: words and people are in no
// order.
func emailLine(e track.Email) string {
	slices.Sort(e.Words)
	slices.Sort(e.People)
	return fmt.Sprintf("%+q %s regarding %+q of %+q sent %s ids %q token %q conversation %q words %x people %x participants %q recipients %q",
		e.Ref, e.Direction, e.Regarding, e.Owner, instant(e.Sent), e.IDs, e.Token, e.Conversation, e.Words, e.People, e.Participants, e.Recipients)
}

func (r *run) find(c serversync.Correlator, organization string, q track.Query) []track.Email {
	r.Helper()
	found, err := c.FindEmails(ctx, organization, q)
	if err != nil {
		r.Fatalf("FindEmails(%q, %+v) = %v", organization, q, err)
	}
	seen := map[track.Ref]bool{}
	for _, e := range found {
		if e.Ref == (track.Ref{}) || seen[e.Ref] {
			r.Errorf("FindEmails(%+v) tells of %+q, which has no Ref or is told of twice", q, e.Ref)
		}
		seen[e.Ref] = true
	}
	return found
}

// byID returns the one email of ann's organization with this id.
func (r *run) byID(c serversync.Correlator, id string) track.Email {
	r.Helper()
	found := r.find(c, ann.Organization, track.Query{IDs: []string{id}})
	if len(found) != 1 {
		r.Fatalf("%d emails have the id %q, want 1", len(found), id)
	}
	return found[0]
}

// keysOf returns a query for each key of an email.
func keysOf(e track.Email) map[string]track.Query {
	smart := track.Query{
		Smart: []track.Hashes{like(e)},
		Since: e.Sent.Add(-time.Microsecond), MinPeople: len(e.People),
	}
	all := map[string]track.Query{
		"token":        {Tokens: []string{"CRM:none", e.Token}},
		"conversation": {Conversations: []string{e.Conversation, "none"}},
		"Ref":          {Emails: []track.Ref{{Type: e.Ref.Type, ID: "none"}, e.Ref}},
		"smart":        smart,
	}
	for _, id := range e.IDs {
		all["id "+id] = track.Query{IDs: []string{"none@example.com", id}}
	}
	return all
}

// like returns the hashes of an answer to e, in an order of their own.
func like(e track.Email) track.Hashes {
	h := track.Hashes{Words: slices.Clone(e.Words), People: slices.Clone(e.People)}
	slices.Reverse(h.Words)
	return h
}

// foundAs checks that the email is found by each of its keys, and is want but for a Ref
// that the Store has given.
func (r *run) foundAs(c serversync.Correlator, want track.Email) track.Ref {
	r.Helper()
	got := r.byID(c, want.IDs[0])
	if want.Ref == (track.Ref{}) {
		want.Ref = got.Ref
	}
	for key, q := range keysOf(want) {
		found := r.find(c, ann.Organization, q)
		if len(found) != 1 {
			r.Errorf("%d emails are found by %s, want 1", len(found), key)
			continue
		}
		equal(r, "email found by "+key, emailLine(found[0]), emailLine(want))
	}
	return got.Ref
}

// nowhere checks that no key of the email finds any.
func (r *run) nowhere(c serversync.Correlator, organization string, e track.Email) {
	r.Helper()
	for key, q := range keysOf(e) {
		if found := r.find(c, organization, q); len(found) > 0 {
			r.Errorf("%d emails of %s are found by %s, want none", len(found), organization, key)
		}
	}
}

// S20: an email that was committed or enqueued with an Index is found by each of its
// keys. What comes again is no second email.
func emailChecks() []check {
	return slices.Concat(foundChecks, againChecks, enqueuedChecks, likeChecks)
}

var foundChecks = []check{
	{name: "a committed email is found by each of its keys, as it was", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, answers("1", "one", index("one")), answers("2", "two", index("two")))
		r.record(bob, answers("1", "three", index("three")))
		refs := map[track.Ref]bool{}
		for _, name := range []string{"one", "two", "three"} {
			refs[r.foundAs(c, *index(name))] = true
		}
		equal(r, "Refs", len(refs), 3)
	}},
	{name: "what an email has not does not find it", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		bare := &track.Email{Direction: track.Outgoing, IDs: []string{"bare@example.com"}}
		r.record(ann, answers("1", "bare", bare), answers("2", "other", index("other")))
		got := r.byID(c, "bare@example.com")
		want := *bare
		want.Ref = got.Ref
		equal(r, "email", emailLine(got), emailLine(want))
		for _, q := range []track.Query{
			{},
			{IDs: []string{""}, Tokens: []string{""}, Conversations: []string{""}, Emails: []track.Ref{{}}},
			{IDs: []string{"CRM:other"}, Tokens: []string{"other@example.com"}, Conversations: []string{"CRM:other"}},
			{IDs: []string{"Other@example.com", "other@example.com "}, Tokens: []string{"crm:other"}},
			{Smart: []track.Hashes{{}}, MinPeople: 1},
		} {
			if found := r.find(c, ann.Organization, q); len(found) > 0 {
				r.Errorf("FindEmails(%+q) = %d emails, want none", q, len(found))
			}
		}
	}},
	{name: "each email is told once, whatever it is found by", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, answers("1", "one", index("one")), answers("2", "two", index("two")))
		one, two := r.byID(c, "one@example.com"), r.byID(c, "two@example.com")
		found := r.find(c, ann.Organization, track.Query{
			IDs: append(slices.Concat(one.IDs, two.IDs), one.IDs...), Tokens: []string{one.Token, one.Token, two.Token},
			Conversations: []string{two.Conversation, one.Conversation}, Emails: []track.Ref{one.Ref, two.Ref, one.Ref},
			Smart: []track.Hashes{like(one), like(one), like(two)}, MinPeople: 2,
		})
		equal(r, "emails", len(found), 2)
	}},
	{name: "a page asks for thousands at once", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		var records []serversync.Record
		var q track.Query
		for i := range 60 {
			name := fmt.Sprint("m", i)
			records = append(records, answers(provider.ID(name), name, index(name)))
		}
		r.record(ann, records...)
		for n := range 2500 {
			i := 2499 - n // what is there comes last
			q.IDs = append(q.IDs, fmt.Sprintf("m%d@example.com", i*3))
			q.Tokens = append(q.Tokens, fmt.Sprintf("CRM:m%d", i*3+1))
			q.Conversations = append(q.Conversations, "AdE+/x== "+fmt.Sprintf("m%d", i*3+2))
			q.Smart = append(q.Smart, track.Hashes{Words: []uint64{uint64(i)}, People: []uint64{uint64(i), uint64(i) + 1<<40}})
		}
		q.MinPeople = 2
		equal(r, "emails", len(r.find(c, ann.Organization, q)), 60)
	}},
	{name: "organizations do not see each other's emails", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, answers("1", "one", index("one")))
		r.nowhere(c, eve.Organization, *index("one"))
		r.nowhere(c, "", *index("one"))
		ref := r.byID(c, "one@example.com").Ref
		if found := r.find(c, eve.Organization, track.Query{Emails: []track.Ref{ref}}); len(found) > 0 {
			r.Errorf("the Ref of one organization finds %d emails in another", len(found))
		}
		if err := c.SetRegarding(ctx, eve.Organization, ref, track.Ref{}, track.Ref{}); !isNotFound(err) {
			r.Errorf("SetRegarding from another organization = %v, want ErrNotFound", err)
		}
		other := index("one")
		other.Regarding.ID = "of another"
		r.record(eve, answers("1", "one", other))
		r.foundAs(c, *index("one"))
		found := r.find(c, eve.Organization, track.Query{IDs: other.IDs})
		if len(found) != 1 || found[0].Regarding != other.Regarding {
			r.Errorf("the other organization's email is %+v, want its own", found)
		}
	}},
	{name: "of one id the email that was recorded first is told", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		first := index("first")
		first.Sent = clock.Add(time.Hour)
		r.record(ann, answers("1", "first", first))
		for i := range 3 {
			again := index(fmt.Sprint("again", i))
			again.IDs, again.Sent = first.IDs, clock.Add(time.Duration(2*i)*time.Hour)
			r.record(ann, answers(provider.ID(fmt.Sprint(i)), fmt.Sprint("again", i), again))
		}
		found := r.find(c, ann.Organization, track.Query{IDs: first.IDs[:1]})
		if !slices.ContainsFunc(found, func(e track.Email) bool { return e.Token == first.Token }) {
			r.Errorf("an id that is used again hides the email that had it first: %d others are told", len(found))
		}
	}},
	{name: "an Index is for what is tracked", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		for i, kind := range []serversync.RecordKind{serversync.Ignored, serversync.Deferred, serversync.Quarantined} {
			record := decided(kind, provider.ID(fmt.Sprint(i)))
			record.Index = index("one")
			r.record(ann, record)
		}
		r.nowhere(c, ann.Organization, *index("one"))
		r.record(ann, answers("0", "one", index("one"))) // it was ignored
		r.foundAs(c, *index("one"))
	}},
	{name: "SetRegarding changes what an email belongs to, and nothing else", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, answers("1", "one", index("one")), answers("2", "two", index("two")))
		ref := r.byID(c, "one@example.com").Ref
		for _, to := range []track.Ref{{Type: "order", ID: "O'Hara's"}, {}} {
			want := *index("one")
			want.Regarding, want.Owner = to, track.Ref{Type: "user", ID: to.ID}
			if err := c.SetRegarding(ctx, ann.Organization, ref, want.Regarding, want.Owner); err != nil {
				r.Fatalf("SetRegarding = %v", err)
			}
			equal(r, "Ref", r.foundAs(c, want), ref)
			r.foundAs(c, *index("two"))
		}
		none := track.Ref{Type: ref.Type, ID: "none"}
		for _, email := range []track.Ref{none, {}} {
			if err := c.SetRegarding(ctx, ann.Organization, email, ref, ref); !isNotFound(err) {
				r.Errorf("SetRegarding of an email that is not there = %v, want ErrNotFound", err)
			}
		}
	}},
	{name: "a batch that is refused is found by nothing", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		b := r.step(ann, inbox, answers("1", "one", index("one")))
		b.From = "another"
		r.fenced(b)
		r.nowhere(c, ann.Organization, *index("one"))
	}},
	{name: "nothing is found of a batch that fails midway", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		b := r.step(ann, inbox, answers("1", "one", index("one")))
		r.fail(Midway)
		_, err := r.Store.Commit(ctx, b)
		r.definite(err)
		r.nowhere(c, ann.Organization, *index("one"))
		r.commit(b)
		r.foundAs(c, *index("one"))
	}},
	{name: "what the caller changes afterwards changes no email", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		spoil := func(e *track.Email) {
			for _, list := range [][]string{e.IDs, e.Participants, e.Recipients} {
				clear(list)
			}
			clear(e.Words)
			clear(e.People)
		}
		mine := index("one")
		r.record(ann, answers("1", "one", mine))
		spoil(mine)
		got := r.byID(c, "one@example.com")
		spoil(&got)
		r.foundAs(c, *index("one"))
	}},
	{name: "dropping an epoch leaves its emails", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, answers("1", "one", index("one")))
		drop := r.step(ann, inbox)
		drop.Drop = []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}}
		r.commit(drop)
		r.foundAs(c, *index("one"))
	}},
	{name: "emails outlive the Store", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		r.record(ann, answers("1", "one", index("one")))
		ref := r.byID(c, "one@example.com").Ref
		r.reopen()
		c = capability[serversync.Correlator](r)
		equal(r, "Ref", r.foundAs(c, *index("one")), ref)
		r.record(ann, answers("2", "two", index("two")))
		if again := r.foundAs(c, *index("two")); again == ref {
			r.Errorf("two emails have the Ref %v", ref)
		}
	}},
}
