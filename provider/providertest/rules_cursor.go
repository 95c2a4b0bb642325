package providertest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/provider"
)

// This file holds the rules of P2: a cursor that does not fit is ErrCursorExpired.

// lanes returns a request of each lane at the end of its round.
func (p *probe) lanes(session provider.Provider, source provider.Source) []provider.Request {
	p.Helper()
	live := p.begin(source)
	requests := []provider.Request{live}
	if session.Traits().HasBackfill {
		back := provider.Request{Folder: p.Folder, Lane: provider.Backfill, MaxItems: 1}
		back.Cursor = p.changes(source, back).Next
		requests = append(requests, back)
	}
	return requests
}

// wantExpired asks each request with its cursor changed by each of change.
func (p *probe) wantExpired(source provider.Source, requests []provider.Request, change func(provider.Cursor) map[string]provider.Cursor) {
	p.Helper()
	for _, r := range requests {
		bad, cursors := r, change(r.Cursor)
		for _, kind := range slices.Sorted(maps.Keys(cursors)) {
			bad.Cursor = cursors[kind]
			_, err := p.unpanicked(source, bad)
			p.wantKind(fmt.Sprintf("Changes(%s lane, %s)", r.Lane, kind), err, provider.ErrCursorExpired)
		}
	}
}

// unpanicked is Changes, of which a panic fails the rule alone and not the process.
func (p *probe) unpanicked(source provider.Source, r provider.Request) (page provider.Page, err error) {
	p.Helper()
	defer func() {
		if v := recover(); v != nil {
			p.Fatalf("Changes(%s lane) with a cursor that does not fit panicked: %v", r.Lane, v)
		}
	}()
	return source.Changes(p.ctx, r)
}

func foreignCursor(p *probe) {
	session, source := p.source()
	p.deliver(3)
	p.wantExpired(source, p.lanes(session, source), func(c provider.Cursor) map[string]provider.Cursor {
		e, state, _ := c.Open()
		driver, version, ids := e, e, e
		driver.Driver = "nobody"
		version.Version = 1 << 20
		ids.IDs = "nothing"
		return map[string]provider.Cursor{
			"another driver's cursor":      provider.NewCursor(driver, state),
			"a later version's cursor":     provider.NewCursor(version, state),
			"a cursor of another id form":  provider.NewCursor(ids, state),
			"a cursor of another epoch":    provider.NewCursor(otherEpochOf(e), state),
			"another driver's done cursor": provider.NewCursor(provider.Envelope{Driver: "nobody", Version: 1, Done: true}, ""),
		}
	})
}

func otherEpochOf(e provider.Envelope) provider.Envelope {
	e.Epoch = "9" + e.Epoch
	return e
}

func damagedCursor(p *probe) {
	session, source := p.source()
	p.deliver(3)
	requests := p.lanes(session, source)
	p.wantExpired(source, requests, func(c provider.Cursor) map[string]provider.Cursor {
		e, _, _ := c.Open()
		return map[string]provider.Cursor{
			"no envelope":             "12345",
			"zeros":                   provider.Cursor(strings.Repeat("\x00", 300)),
			"an envelope of nothing":  "////\n",
			"a state of noise":        provider.NewCursor(e, "\xff\xfe\x00 noise {]:%n"),
			"a state of a megabyte":   provider.NewCursor(e, strings.Repeat("{[(9", 1<<18)),
			"a state of huge numbers": provider.NewCursor(e, strings.Repeat("99999999999999999999999 ", 20)),
		}
	})
	// A cut or flipped cursor may by chance be one that the driver could have made.
	for _, r := range requests {
		for i := range len(r.Cursor) {
			for _, c := range []provider.Cursor{r.Cursor[:i], r.Cursor[:i] + "\x7f" + r.Cursor[i+1:]} {
				if c == "" {
					continue
				}
				bad := r
				bad.Cursor = c
				if page, err := p.unpanicked(source, bad); err == nil {
					release(page)
				} else {
					p.wantKind(fmt.Sprintf("Changes(%s lane, cursor damaged at byte %d)", r.Lane, i), err, provider.ErrCursorExpired)
				}
			}
		}
	}
}

func expiredCursor(p *probe) {
	session, source := p.source()
	p.need("ExpireCursors", p.ExpireCursors != nil)
	p.deliver(3)
	requests := p.lanes(session, source)
	p.ExpireCursors()
	session = p.open()
	source = ability[provider.Source](p, session)
	p.wantExpired(source, requests, func(c provider.Cursor) map[string]provider.Cursor {
		return map[string]provider.Cursor{"an old cursor": c}
	})
	changes, _ := p.round(source, p.everything(session))
	p.wantTold("from zero again", changes, p.ids())
}

func otherEpoch(p *probe) {
	session, source := p.source()
	p.need("NewEpoch", p.NewEpoch != nil)
	p.deliver(3)
	requests := p.lanes(session, source)
	old := requests[0].Cursor.Epoch()
	p.NewEpoch(p.Folder)
	session = p.open()
	source = ability[provider.Source](p, session)
	p.wantExpired(source, requests, func(c provider.Cursor) map[string]provider.Cursor {
		return map[string]provider.Cursor{"a cursor of the ended epoch": c}
	})
	changes, last := p.round(source, p.everything(session))
	p.wantTold("from zero again", changes, p.ids())
	if epoch := last.Next.Epoch(); epoch == old {
		p.Errorf("the epoch is %q, as it was before it ended", epoch)
	}
}

func fetchInOtherEpoch(p *probe) {
	_, source := p.source()
	p.need("NewEpoch", p.NewEpoch != nil)
	p.deliver(3)
	old, ids := p.begin(source).Cursor.Epoch(), p.ids()
	p.NewEpoch(p.Folder)
	_, source = p.source()
	err := source.Fetch(p.ctx, p.Folder, old, ids, func(c provider.Change) error {
		defer c.Raw.Release()
		if c.Kind != provider.Gone && c.Err == nil {
			p.Errorf("Fetch in the ended epoch gave content for %q, an id that means nothing now", c.ID)
		}
		return nil
	})
	if err != nil {
		p.wantKind("Fetch in the ended epoch", err, provider.ErrCursorExpired, provider.ErrNotFound)
	}
}
