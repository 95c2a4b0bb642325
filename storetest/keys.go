package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// S9: ids are opaque, case-sensitive bytes. The delivery key and, within an
// organization, the content key are unique constraints, not look-ups.
var keyChecks = []check{
	{name: "ids are bytes", f: func(r *run) {
		idsAreBytes(r, func(s string) provider.Place { return provider.Place{Folder: "INBOX", Epoch: "e1", ID: provider.ID(s)} })
	}},
	{name: "folders are bytes", f: func(r *run) {
		idsAreBytes(r, func(s string) provider.Place {
			return provider.Place{Folder: provider.FolderID(s), Epoch: "e1", ID: "1"}
		})
	}},
	{name: "epochs are told apart", f: func(r *run) {
		for i, e := range []string{"", "a", "A", "a ", "aa", "0", "00"} {
			equal(r, fmt.Sprintf("id in the new epoch %q", e), r.known(ann, "INBOX", e, "1")[0].Kind, "")
			r.record(ann, in("INBOX", e, flagged(decided(serversync.Ignored, "1"), fmt.Sprint(i))))
			equal(r, fmt.Sprintf("flags in the epoch %q", e), fmt.Sprint(r.known(ann, "INBOX", e, "1")[0].Flags), fmt.Sprintf("[%d]", i))
		}
	}},
	{name: "folders of cursors are bytes", f: func(r *run) {
		want := map[serversync.LaneKey]provider.Cursor{}
		for _, s := range alike() {
			lane := serversync.LaneKey{Folder: provider.FolderID(s), Lane: provider.Live}
			b := r.step(ann, lane)
			equal(r, fmt.Sprintf("first cursor of %q", s), b.From, "")
			want[lane] = b.Next
			r.commit(b)
		}
		got := r.load(ann).Cursors
		for lane, cursor := range want {
			equal(r, fmt.Sprintf("cursor of %q", lane), got[lane], cursor)
		}
	}},
	{name: "ids of acts and deferrals are bytes", f: actIDsAreBytes},
	{name: "names that run together are told apart", f: runTogether},
	{name: "one message in two mailboxes is one with two places", f: func(r *run) {
		equal(r, "first receipt", r.record(ann, tracked("1", letter("same"))), serversync.Receipt{Added: 1})
		equal(r, "second receipt", r.record(bob, tracked("1", letter("same"))), serversync.Receipt{Linked: 1})
		placesOf(r, "acme", letter("same"), "acme/ann", "acme/bob")
	}},
	{name: "one message twice in a batch is one with two places", f: func(r *run) {
		got := r.record(ann, tracked("1", letter("same")), tracked("2", letter("same")))
		equal(r, "receipt", got, serversync.Receipt{Added: 1, Linked: 1})
		placesOf(r, "acme", letter("same"), "acme/ann", "acme/ann")
	}},
	{name: "one message in two mailboxes at once is one with two places", f: func(r *run) {
		for round := range 10 {
			m := letter(fmt.Sprint("round ", round))
			added := atOnce(r,
				r.step(ann, inbox, tracked(provider.ID(m.MessageID), m)),
				r.step(bob, inbox, tracked(provider.ID(m.MessageID), m)))
			equal(r, "receipts of both", added, serversync.Receipt{Added: 1, Linked: 1})
			placesOf(r, "acme", m, "acme/ann", "acme/bob")
		}
	}},
	{name: "one id in two lanes at once is recorded once", f: func(r *run) {
		for round := range 10 {
			id := provider.ID(fmt.Sprint(round))
			one, two := letter(fmt.Sprint("one ", round)), letter(fmt.Sprint("two ", round))
			got := atOnce(r, r.step(ann, inbox, tracked(id, one)), r.step(ann, backfill, tracked(id, two)))
			equal(r, "receipts of both", got, serversync.Receipt{Added: 1})
			equal(r, "messages", len(r.messages("acme")), round+1)
		}
	}},
	{name: "one message in two organizations is two", f: func(r *run) {
		equal(r, "first receipt", r.record(ann, tracked("1", letter("same"))), serversync.Receipt{Added: 1})
		equal(r, "second receipt", r.record(eve, tracked("1", letter("same"))), serversync.Receipt{Added: 1})
		placesOf(r, ann.Organization, letter("same"), "acme/ann")
		placesOf(r, eve.Organization, letter("same"), "other/ann")
	}},
	{name: "Message-ID and digest make a message together", f: togetherMessage},
}

// alike returns byte strings, no two the same, that databases are known to confuse.
func alike() []string {
	long := strings.Repeat("x", 1023)
	return []string{
		"", " ", "a", "A", "a ", "a  ", " a", "a\x00", "a\x00b", "a\x00c", "\x00", "\x00\x00", "a\n", "a\r\n", "\ta",
		"\xff", "\xfe", "\xff\xfe", "\xef\xbf\xbd", "caf\u00e9", "cafe\u0301", "CAF\u00c9", "stra\u00dfe", "strasse", "\u0131", "i", "I",
		"1", "01", "1.0", "1e0", "+1", "%", "_", "a%", "a_", "*", "a'", `a"`, `a\`, `a\\`, "NULL", "null", "a/b", "a|b", "a:b",
		long + "y", long + "z", long,
	}
}

// idsAreBytes records every other of them, and checks that the rest is not known.
func idsAreBytes(r *run, at func(string) provider.Place) {
	r.Helper()
	var records []serversync.Record
	for i, s := range alike() {
		if p := at(s); i%2 == 0 {
			records = append(records, in(p.Folder, p.Epoch, flagged(decided(serversync.Ignored, p.ID), fmt.Sprint(i))))
		}
	}
	r.record(ann, records...)
	for i, s := range alike() {
		p := at(s)
		got := r.known(ann, p.Folder, p.Epoch, p.ID)[0]
		switch {
		case i%2 == 1 && got.Kind != "":
			r.Errorf("%.40q is taken for %v, which was committed; it was not", s, got.Flags)
		case i%2 == 0 && (got.Kind != serversync.Ignored || !slices.Equal(got.Flags, []string{fmt.Sprint(i)})):
			r.Errorf("Known(%.40q) = %+v, want ignored with the flag %d", s, got, i)
		}
	}
}

// actIDsAreBytes checks the ids that Load gives back.
func actIDsAreBytes(r *run) {
	b := r.step(ann, inbox)
	for i, s := range alike() {
		a := act(fmt.Sprint("act-", i))
		a.Folder, a.Act.ID, a.To = provider.FolderID(s), provider.ID(s), provider.FolderID(s)
		b.Owe = append(b.Owe, a)
		b.Records = append(b.Records, in(provider.FolderID(s), epoch, decided(serversync.Deferred, provider.ID(s))))
	}
	r.commit(b)
	s := r.load(ann)
	if len(s.Owed) != len(alike()) || len(s.Deferred) != len(alike()) {
		r.Fatalf("Load has %d acts and %d deferrals, want %d of each", len(s.Owed), len(s.Deferred), len(alike()))
	}
	for i := range s.Owed {
		equal(r, "act", actLine(s.Owed[i]), actLine(b.Owe[i]))
		d := s.Deferred[i]
		equal(r, "deferral", fmt.Sprintf("%q %q", d.Folder, d.ID), fmt.Sprintf("%q %q", b.Records[i].Folder, b.Records[i].ID))
	}
}

// runTogether uses names whose concatenations are the same.
func runTogether(r *run) {
	seen := 0
	for _, sep := range []string{"", "/", ":", "|", " ", "\x00"} {
		for _, split := range [][2]string{{"a", "b" + sep + "c"}, {"a" + sep + "b", "c"}} {
			seen++
			place := provider.Place{Folder: provider.FolderID(split[0]), Epoch: "e", ID: provider.ID(split[1])}
			equal(r, fmt.Sprintf("%q", place), r.known(ann, place.Folder, place.Epoch, place.ID)[0].Kind, "")
			r.record(ann, in(place.Folder, place.Epoch, decided(serversync.Ignored, place.ID)))
			if sep == "\x00" {
				continue // in the names of hosts, epochs and Message-IDs there is none
			}
			place = provider.Place{Folder: "f" + provider.FolderID(split[0]), Epoch: split[1], ID: "1"}
			equal(r, fmt.Sprintf("%q", place), r.known(ann, place.Folder, place.Epoch, place.ID)[0].Kind, "")
			r.record(ann, in(place.Folder, place.Epoch, decided(serversync.Ignored, place.ID)))

			key := mailbox.Key{Organization: split[0], Mailbox: split[1]}
			equal(r, fmt.Sprintf("LastBatch of %q", key), r.load(key).LastBatch, "")
			r.record(key)

			m := letter("")
			m.MessageID, m.Digest = split[0], item.Digest(split[1])
			receipt := r.record(bob, tracked(provider.ID(fmt.Sprint(seen)), m))
			equal(r, fmt.Sprintf("receipt of %q", m.Content()), receipt, serversync.Receipt{Added: 1})
		}
	}
}

// atOnce commits batches that do not fence each other, and adds up their receipts.
func atOnce(r *run, batches ...*serversync.Batch) serversync.Receipt {
	r.Helper()
	receipts, errs := make([]serversync.Receipt, len(batches)), make([]error, len(batches))
	together(len(batches), func(i int) { receipts[i], errs[i] = r.Store.Commit(ctx, batches[i]) })
	if err := errors.Join(errs...); err != nil {
		r.Fatalf("Commits that do not fence each other, at once = %v", err)
	}
	var sum serversync.Receipt
	for _, got := range receipts {
		sum.Added += got.Added
		sum.Linked += got.Linked
	}
	return sum
}

// placesOf checks that the organization has one message with m's content, in these
// mailboxes.
func placesOf(r *run, organization string, m *item.Message, mailboxes ...string) {
	r.Helper()
	var found [][]string
	for _, s := range r.messages(organization) {
		if s.Content == m.Content() {
			var in []string
			for _, p := range present(s) {
				in = append(in, p.mailbox.String())
			}
			found = append(found, in)
		}
	}
	equal(r, fmt.Sprintf("messages with the content of %s, by their places,", m.MessageID), fmt.Sprint(found), fmt.Sprint([][]string{mailboxes}))
}

// togetherMessage varies one part of the content key at a time.
func togetherMessage(r *run) {
	for i, c := range []item.Content{
		{MessageID: "a@example.com", Digest: "1:00"},
		{MessageID: "a@example.com", Digest: "1:01"},
		{MessageID: "b@example.com", Digest: "1:00"},
		{MessageID: "A@example.com", Digest: "1:00"},
		{MessageID: "a@example.com ", Digest: "1:00"},
		{MessageID: "a@example.com", Digest: "2:00"},
		{MessageID: "a@example.com" + strings.Repeat("x", 2000), Digest: "1:00"},
		{MessageID: "\u00e4@example.com", Digest: "1:00"},
	} {
		m := letter("")
		m.MessageID, m.Digest = c.MessageID, c.Digest
		got := r.record(ann, tracked(provider.ID(fmt.Sprint(i)), m))
		equal(r, fmt.Sprintf("receipt of %.40q", c), got, serversync.Receipt{Added: 1})
	}
	for _, m := range r.messages("acme") {
		equal(r, "places of a message of its own", len(present(m)), 1)
	}
}
