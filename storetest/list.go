package storetest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

var listerChecks = []check{
	{name: "ids come in the order of their bytes, in pages", f: func(r *run) {
		l := capability[serversync.Lister](r)
		var want []provider.ID
		var records []serversync.Record
		for _, s := range alike() {
			if s != "" { // an id after which the first page begins
				want = append(want, provider.ID(s))
				records = append(records, decided(serversync.Ignored, provider.ID(s)))
			}
		}
		r.record(ann, records...)
		slices.Sort(want)
		for _, limit := range []int{1, 7, len(want), 1000} {
			listIs(r, l, limit, want...)
		}
	}},
	{name: "every decision is listed, in this folder and epoch alone", f: func(r *run) {
		l := capability[serversync.Lister](r)
		var want []provider.ID
		for _, kind := range decisions {
			want = append(want, provider.ID(kind))
			r.record(ann, decided(kind, provider.ID(kind)))
		}
		r.record(ann, in(inbox.Folder, "e2", decided(serversync.Ignored, "x")), in("Sent", epoch, decided(serversync.Ignored, "y")))
		r.record(bob, decided(serversync.Ignored, "z"))
		slices.Sort(want)
		listIs(r, l, 10, want...)
	}},
	{name: "what is gone is not listed", f: func(r *run) {
		l := capability[serversync.Lister](r)
		r.record(ann, decided(serversync.Ignored, "1"), decided(serversync.Tracked, "2"), decided(serversync.Tracked, "3"), decided(serversync.Ignored, "4"))
		moved := decided(serversync.Moved, "2")
		moved.To, moved.ToID = "Archive", "5"
		r.record(ann, decided(serversync.Gone, "1"), moved)
		for _, limit := range []int{1, 2, 10} {
			listIs(r, l, limit, "3", "4")
		}
		got, err := l.List(ctx, ann, "Archive", epoch, "", 10)
		equal(r, "List of where it was moved", fmt.Sprint(got, err), "[5] <nil>")
		r.record(ann, decided(serversync.FlagsChanged, "1"))
		listIs(r, l, 10, "1", "3", "4")
	}},
	{name: "after may be an id that is not there", f: func(r *run) {
		l := capability[serversync.Lister](r)
		r.record(ann, decided(serversync.Ignored, "a"), decided(serversync.Ignored, "c"))
		got, err := l.List(ctx, ann, inbox.Folder, epoch, "b", 10)
		equal(r, "List after b", fmt.Sprint(got, err), "[c] <nil>")
	}},
	{name: "a dropped epoch lists nothing", f: func(r *run) {
		l := capability[serversync.Lister](r)
		listIs(r, l, 10)
		r.record(ann, decided(serversync.Ignored, "1"))
		b := r.step(ann, inbox)
		b.Drop = []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}}
		r.commit(b)
		listIs(r, l, 10)
	}},
}

// listIs lists the inbox in pages of limit.
func listIs(r *run, l serversync.Lister, limit int, want ...provider.ID) {
	r.Helper()
	var got []provider.ID
	for after := provider.ID(""); len(got) <= len(want); after = got[len(got)-1] {
		page, err := l.List(ctx, ann, inbox.Folder, epoch, after, limit)
		if err != nil || len(page) > limit {
			r.Fatalf("List(after %.40q, limit %d) = %d ids, %v", after, limit, len(page), err)
		}
		got = append(got, page...)
		if len(page) < limit {
			break
		}
	}
	if !slices.Equal(got, want) {
		r.Errorf("List in pages of %d = %.60q, want %.60q", limit, got, want)
	}
}

var quarantineChecks = []check{
	{name: "an item comes back as it was", f: func(r *run) {
		q := capability[serversync.Quarantine](r)
		bad := decided(serversync.Quarantined, "1")
		bad.Reason = "the charset “x-unknown” is not known"
		none := decided(serversync.Quarantined, "2")
		none.Message = nil
		r.record(ann, bad, none, decided(serversync.Deferred, "3"), decided(serversync.Tracked, "4"), decided(serversync.Ignored, "5"))
		got := r.quarantined(q, ann)
		if len(got) != 2 {
			r.Fatalf("%d quarantined items, want 2", len(got))
		}
		raw, _ := bad.Message.Raw.Bytes()
		sameBytes(r, got[0].Raw, raw)
		if got[1].Raw != nil {
			r.Errorf("an item whose bytes could not be had has %d of them", got[1].Raw.Size())
		}
		equal(r, "reason", got[0].Reason, bad.Reason)
		equal(r, "received", instant(got[0].Received), instant(clock))
		equal(r, "messages", len(r.messages("acme")), 1)
	}},
	{name: "items come in the order of folder, epoch and id, in pages", f: func(r *run) {
		q := capability[serversync.Quarantine](r)
		var want []provider.Place
		for _, s := range []string{"B", "a", "a\x00", "\xff", "aa"} {
			for _, e := range []string{"2", "10"} {
				for _, id := range []string{"b", "A", "\xfe"} {
					p := provider.Place{Folder: provider.FolderID(s), Epoch: e, ID: provider.ID(id)}
					want = append(want, p)
					r.record(ann, in(p.Folder, p.Epoch, decided(serversync.Quarantined, p.ID)))
				}
			}
		}
		r.record(bob, decided(serversync.Quarantined, "bob's"))
		slices.SortFunc(want, func(a, b provider.Place) int {
			return cmp.Or(cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.ID, b.ID))
		})
		for _, limit := range []int{1, 4, 100} {
			quarantineIs(r, q, limit, want)
		}
	}},
	{name: "an item that is decided is not listed any more", f: func(r *run) {
		q := capability[serversync.Quarantine](r)
		for _, kind := range decisions {
			r.record(ann, decided(serversync.Quarantined, provider.ID(kind)))
		}
		for _, kind := range decisions {
			if kind != serversync.Quarantined {
				r.record(ann, decided(kind, provider.ID(kind)))
			}
		}
		quarantineIs(r, q, 10, []provider.Place{{Folder: inbox.Folder, Epoch: epoch, ID: "quarantined"}})
	}},
	{name: "an item that is gone is still listed", f: func(r *run) {
		q := capability[serversync.Quarantine](r)
		r.record(ann, decided(serversync.Quarantined, "1"))
		r.record(ann, decided(serversync.Gone, "1"))
		quarantineIs(r, q, 10, []provider.Place{{Folder: inbox.Folder, Epoch: epoch, ID: "1"}})
	}},
	{name: "items outlive the Store", f: func(r *run) {
		capability[serversync.Quarantine](r)
		bad := decided(serversync.Quarantined, "1")
		r.record(ann, bad)
		r.reopen()
		got := r.quarantined(capability[serversync.Quarantine](r), ann)
		if len(got) != 1 {
			r.Fatalf("%d quarantined items, want 1", len(got))
		}
		raw, _ := bad.Message.Raw.Bytes()
		sameBytes(r, got[0].Raw, raw)
	}},
}

func (r *run) quarantined(q serversync.Quarantine, key mailbox.Key) []serversync.QuarantinedItem {
	r.Helper()
	got, err := q.Quarantined(ctx, key, provider.Place{}, 100)
	if err != nil {
		r.Fatalf("Quarantined(%v) = %v", key, err)
	}
	return got
}

// quarantineIs lists what is quarantined of ann in pages of limit.
func quarantineIs(r *run, q serversync.Quarantine, limit int, want []provider.Place) {
	r.Helper()
	var got []provider.Place
	for after := (provider.Place{}); len(got) <= len(want); after = got[len(got)-1] {
		page, err := q.Quarantined(ctx, ann, after, limit)
		if err != nil || len(page) > limit {
			r.Fatalf("Quarantined(after %q, limit %d) = %d items, %v", after, limit, len(page), err)
		}
		for _, i := range page {
			got = append(got, i.Place)
		}
		if len(page) < limit {
			break
		}
	}
	if !slices.Equal(got, want) {
		r.Errorf("Quarantined in pages of %d = %q, want %q", limit, got, want)
	}
}
