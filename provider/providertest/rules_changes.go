package providertest

import (
	"maps"
	"slices"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// This file holds the rules of P1: no change is ever skipped.

func liveBeginsNow(p *probe) {
	session, source := p.source()
	if !session.Traits().HasBackfill {
		p.Skipf("%s is not checked: live and backfill are one lane", p.Name())
	}
	p.deliver(3)
	page := p.changes(source, provider.Request{Folder: p.Folder, Lane: provider.Live})
	if len(page.Changes) > 0 || page.More {
		p.Errorf("the first page of the live lane has %d changes, more %t, want none", len(page.Changes), page.More)
	}
	before := p.ids()
	p.deliver(2)
	changes, _ := p.round(source, provider.Request{Folder: p.Folder, Lane: provider.Live, Cursor: page.Next})
	p.wantTold("live lane", changes, p.ids()[len(before):])
	for _, c := range changes {
		if slices.Contains(before, c.ID) && c.Kind == provider.Upsert {
			p.Errorf("the live lane told %q, which was there before it began", c.ID)
		}
	}
}

func backfillNewestFirst(p *probe) {
	session, source := p.source()
	if !session.Traits().HasBackfill {
		p.Skipf("%s is not checked: live and backfill are one lane", p.Name())
	}
	p.deliver(7)
	r := provider.Request{Folder: p.Folder, Lane: provider.Backfill, MaxItems: 3}
	changes, last := p.round(source, r)
	var got []provider.ID
	for _, c := range changes {
		got = append(got, c.ID)
	}
	want := p.ids()
	slices.Reverse(want)
	if !slices.Equal(got, want) {
		p.Errorf("the backfill lane told %q, want %q", got, want)
	}
	if !last.Next.Done() || last.More {
		p.Errorf("after the last page of the backfill lane the cursor is done %t, more %t", last.Next.Done(), last.More)
	}
	r.Cursor = last.Next
	if again, _ := p.round(source, r); len(again) > 0 {
		p.Errorf("the done backfill lane told %d more changes", len(again))
	}
}

func askedTwice(p *probe) {
	_, source := p.source()
	_, other := p.source()
	r := p.begin(source)
	p.deliver(7)
	r.MaxItems = 3
	for range 100 {
		first := p.changes(source, r)
		release(first)
		again, _ := p.round(source, r)
		p.wantTold("asked twice", again, slices.Sorted(maps.Keys(told(first.Changes))))
		p.deliver(1)
		again, _ = p.round(other, r)
		p.wantTold("asked again by another session, with more mail", again, slices.Sorted(maps.Keys(told(first.Changes))))
		if first.RoundEnd {
			return
		}
		r.Cursor = first.Next
	}
	p.Fatalf("pages of 3 changes do not catch up with one message a page")
}

func betweenLanes(p *probe) {
	session, source := p.source()
	p.deliver(5)
	live := provider.Request{Folder: p.Folder, Lane: provider.Live, MaxItems: 2}
	var all []provider.Change
	step := func(r *provider.Request) bool {
		page := p.changes(source, *r)
		release(page)
		all = append(all, page.Changes...)
		r.Cursor = page.Next
		return page.RoundEnd
	}
	step(&live)
	p.deliver(1)
	if session.Traits().HasBackfill {
		back := provider.Request{Folder: p.Folder, Lane: provider.Backfill, MaxItems: 2}
		for range 3 {
			step(&back)
			p.deliver(1)
		}
		for !step(&back) {
		}
	}
	p.deliver(3)
	changes, _ := p.round(source, live)
	p.wantTold("both lanes together", append(all, changes...), p.ids())
}

func fullRound(p *probe) {
	_, source := p.source()
	p.deliver(4)
	r := p.begin(source)
	p.deliver(3)
	r.Full, r.MaxItems = true, 3
	var all []provider.Change
	for range 1000 {
		page := p.changes(source, r)
		all = append(all, page.Changes...)
		if !page.Full {
			p.Fatalf("a page of a full round does not say that it is one")
		}
		r.Cursor = page.Next
		if page.RoundEnd != page.Next.Done() {
			p.Fatalf("round end is %t, but its cursor says %t: a caller could not tell where the next round begins", page.RoundEnd, page.Next.Done())
		}
		if page.RoundEnd {
			break
		}
	}
	p.wantTold("full round", all, p.ids())
	r.Full = false
	p.deliver(1)
	changes, _ := p.round(source, r)
	p.wantTold("after the full round", changes, p.ids()[7:])
}

func sinceInThePast(p *probe) {
	session, source := p.source()
	p.deliver(3)
	r := p.everything(session)
	r.Since = time.Now().Add(-48 * time.Hour)
	changes, _ := p.round(source, r)
	p.wantTold("since two days ago", changes, p.ids())
}
