package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// journalItem returns the journal's item of an id in the inbox.
func journalItem(id provider.ID) serversync.JournalItem {
	return serversync.JournalItem{
		ItemKey: serversync.ItemKey{Side: mailbox.Incoming, Folder: inbox.Folder, Epoch: epoch, ID: id},
		Kind:    serversync.Deferred, Code: "unavailable", Reason: "The server said “later” to O'Hara \U0001F4E7.",
		Tries: 3, First: clock, Last: clock.Add(time.Hour),
	}
}

// tried returns the item of an id as it was tried last so long after clock.
func tried(id provider.ID, after time.Duration) serversync.JournalItem {
	i := journalItem(id)
	i.Last = clock.Add(after)
	return i
}

// S19: a journal has one item for each key, which changes in the batch's transaction
// and keeps its First. Pruning forgets what was tried last before a time.
var journalChecks = []check{
	{name: "an item comes back as it was", f: func(r *run) {
		j := capability[serversync.Journal](r)
		sent := serversync.JournalItem{
			ItemKey: serversync.ItemKey{Side: mailbox.Outgoing, ID: "entry"}, Kind: serversync.Held,
			First: clock.In(time.FixedZone("", -8*3600)), Last: clock.UTC(),
		}
		bare := serversync.JournalItem{ItemKey: serversync.ItemKey{Side: mailbox.Outgoing, ID: "zero"}, Kind: serversync.Ignored}
		want := []serversync.JournalItem{journalItem("1"), sent, bare}
		r.write(ann, want...)
		journalIs(r, j, 10, want...)
	}},
	{name: "an item whose key is there is replaced, but keeps its First", f: func(r *run) {
		j := capability[serversync.Journal](r)
		first := journalItem("1")
		next := serversync.JournalItem{
			ItemKey: first.ItemKey, Kind: serversync.Tracked, Reason: "dealt with", Tries: 1,
			First: clock.Add(time.Minute), Last: clock.Add(2 * time.Hour),
		}
		kept := next
		kept.First = first.First
		r.write(ann, first)
		r.write(ann, next)
		journalIs(r, j, 10, kept)
		earlier := first
		earlier.First = clock.Add(-time.Hour)
		r.write(ann, earlier)
		journalIs(r, j, 10, first)

		first.ID, next.ID, kept.ID = "0", "0", "0" // both in one batch
		r.write(ann, first, next)
		journalIs(r, j, 10, kept, journalItem("1"))
	}},
	{name: "ids and folders are bytes, in their order", f: func(r *run) {
		j := capability[serversync.Journal](r)
		var want []serversync.JournalItem
		for _, s := range alike() {
			byID, byFolder := journalItem(provider.ID(s)), journalItem("1")
			byID.Reason, byFolder.Reason = "id", "folder"
			byFolder.Folder = "f" + provider.FolderID(s)
			want = append(want, byID, byFolder)
		}
		r.write(ann, want...)
		journalIs(r, j, 1000, want...)
		journalIs(r, j, 7, want...)
	}},
	{name: "items come in the order of side, folder, epoch and ID, in pages", f: func(r *run) {
		j := capability[serversync.Journal](r)
		var want []serversync.JournalItem
		for _, side := range []mailbox.Side{mailbox.Outgoing, mailbox.Incoming} {
			for _, folder := range []provider.FolderID{"", "a", "B", "aa", "\xff"} {
				for _, e := range []string{"2", "10", ""} {
					for _, id := range []provider.ID{"b", "A", "\xfe"} {
						i := journalItem(id)
						i.Side, i.Folder, i.Epoch = side, folder, e
						want = append(want, i)
					}
				}
			}
		}
		r.write(ann, want...)
		for _, limit := range []int{1, 4, 90, 1000} {
			journalIs(r, j, limit, want...)
		}
	}},
	{name: "after may be a key that is not there", f: func(r *run) {
		j := capability[serversync.Journal](r)
		r.write(ann, journalItem("a"), journalItem("c"))
		page, err := j.Items(ctx, ann, journalItem("b").ItemKey, 10)
		if err != nil || len(page) != 1 || page[0].ID != "c" {
			r.Errorf("Items after b = %d items, %v, want c alone", len(page), err)
		}
	}},
	{name: "a batch that is refused writes nothing", f: func(r *run) {
		j := capability[serversync.Journal](r)
		r.write(ann, journalItem("1"))
		b := r.step(ann, inbox)
		b.From, b.Journal = "another", []serversync.JournalItem{tried("1", 9*time.Hour), journalItem("2")}
		r.fenced(b)
		journalIs(r, j, 10, journalItem("1"))
	}},
	{name: "of two batches at once both are written, one item a key", f: func(r *run) {
		j := capability[serversync.Journal](r)
		for round := range 10 {
			var batches []*serversync.Batch
			for i, lane := range []serversync.LaneKey{inbox, backfill, sent} {
				b := r.step(ann, lane)
				b.Journal = []serversync.JournalItem{journalItem("same"), journalItem(provider.ID(fmt.Sprint(round, i)))}
				batches = append(batches, b)
			}
			atOnce(r, batches...)
			equal(r, "items", len(r.items(j, ann)), 1+3*(round+1))
		}
	}},
	{name: "dropping an epoch leaves its items", f: func(r *run) {
		j := capability[serversync.Journal](r)
		r.write(ann, journalItem("1"))
		b := r.step(ann, inbox)
		b.Drop = []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}}
		r.commit(b)
		journalIs(r, j, 10, journalItem("1"))
	}},
	{name: "pruning forgets what was tried last before a time", f: pruneItems},
	{name: "a journal outlives the Store", f: func(r *run) {
		capability[serversync.Journal](r)
		r.write(ann, journalItem("1"))
		r.reopen()
		journalIs(r, capability[serversync.Journal](r), 10, journalItem("1"))
	}},
}

// pruneItems prunes at a time when something was tried.
func pruneItems(r *run) {
	j := capability[serversync.Journal](r)
	at := time.Hour
	outbound, folder := tried("gone 2", 0), tried("gone 3", at-time.Microsecond)
	outbound.Side, outbound.Folder, outbound.Epoch, folder.Folder = mailbox.Outgoing, "", "", sent.Folder
	kept := []serversync.JournalItem{tried("1", at), tried("2", at+time.Microsecond)}
	for _, key := range []mailbox.Key{ann, bob, eve} {
		b := r.step(key, inbox, decided(serversync.Deferred, "gone 1"), decided(serversync.Quarantined, "gone 4"))
		b.Journal = append([]serversync.JournalItem{tried("gone 1", at-time.Microsecond), outbound, folder}, kept...)
		r.commit(b)
	}
	for i, want := range []int{6, 0} {
		n, err := j.PruneItems(ctx, ann.Organization, clock.Add(at).UTC())
		if n != want || err != nil {
			r.Errorf("PruneItems, time %d = %d, %v, want %d", i+1, n, err, want)
		}
		journalIs(r, j, 10, kept...)
		equal(r, "items of bob's", len(r.items(j, bob)), len(kept))
		equal(r, "items of another organization", len(r.items(j, eve)), len(kept)+3)
	}
	if n, err := j.PruneItems(ctx, ann.Organization, time.Time{}); n != 0 || err != nil {
		r.Errorf("PruneItems before the zero time = %d, %v, want 0", n, err)
	}
	equal(r, "what is recorded of the id", r.kind(ann, "gone 1").Kind, serversync.Deferred)
	equal(r, "what is recorded of the other", r.kind(ann, "gone 4").Kind, serversync.Quarantined)
	equal(r, "deferred", len(r.load(ann).Deferred), 1)

	anew := tried("gone 1", 2*at)
	anew.First = clock.Add(at)
	r.write(ann, anew)
	journalIs(r, j, 10, append(kept, anew)...)
}

// journalsApart writes one key in mailboxes that must not see each other.
func journalsApart(r *run) {
	j := capability[serversync.Journal](r)
	keys := []mailbox.Key{ann, bob, eve, {Organization: "a", Mailbox: "bc"}, {Organization: "ab", Mailbox: "c"}}
	for i, key := range keys {
		equal(r, "items of "+key.String(), len(r.items(j, key)), 0)
		item := journalItem("1")
		item.Reason = fmt.Sprint(i)
		r.write(key, item)
	}
	for i, key := range keys {
		if got := r.items(j, key); len(got) != 1 || got[0].Reason != fmt.Sprint(i) {
			r.Errorf("the journal of %v = %+v, want its own item alone", key, got)
		}
	}
}

// write commits journal items.
func (r *run) write(key mailbox.Key, items ...serversync.JournalItem) {
	r.Helper()
	b := r.step(key, inbox)
	b.Journal = items
	r.commit(b)
}

func (r *run) items(j serversync.Journal, key mailbox.Key) []serversync.JournalItem {
	r.Helper()
	items, err := j.Items(ctx, key, serversync.ItemKey{}, 1000)
	if err != nil {
		r.Fatalf("Items(%v) = %v", key, err)
	}
	return items
}

// journalIs reads ann's journal in pages of limit. The items wanted are in any order.
func journalIs(r *run, j serversync.Journal, limit int, want ...serversync.JournalItem) {
	r.Helper()
	want = slices.SortedFunc(slices.Values(want), func(a, b serversync.JournalItem) int {
		return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.ID, b.ID))
	})
	var got []serversync.JournalItem
	for after := (serversync.ItemKey{}); len(got) <= len(want); after = got[len(got)-1].ItemKey {
		page, err := j.Items(ctx, ann, after, limit)
		if err != nil || len(page) > limit {
			r.Fatalf("Items(after %.60q, limit %d) = %d items, %v", after, limit, len(page), err)
		}
		got = append(got, page...)
		if len(page) < limit {
			break
		}
	}
	if len(got) != len(want) {
		r.Errorf("%d items in pages of %d, want %d", len(got), limit, len(want))
	}
	for i := range min(len(got), len(want)) {
		equal(r, fmt.Sprintf("item %d in pages of %d", i, limit), itemLine(got[i]), itemLine(want[i]))
	}
}
