package ews

import (
	"context"

	"github.com/go-serversync/serversync/provider"
)

// maxTries is how often an item is asked for that the server has no time for, before it is
// told as one that could not be read.
const maxTries = 3

// guessedSize is what an item is taken to have that was not listed lately.
const guessedSize = 1 << 20

// tell makes changes of what waits, as many as a page has room for, with what r wants of
// them, and returns what waits then. An item that the server had no time for waits on, and with
// it what happened to it later; what comes behind goes before.
func (s *session) tell(ctx context.Context, r provider.Request, at place) (changes []provider.Change, rest []entry, err error) {
	n := fit(r, at.rest)
	page := at.rest[:n]
	results, err := s.contents(ctx, r, page)
	if err != nil {
		return nil, nil, err
	}
	late := 0
	for _, res := range results {
		if res.outcome == itemPending {
			late++
		}
	}
	waits := make(map[provider.ID]bool)
	var bytes int64
	for i, e := range page {
		res := results[i]
		if !waits[e.id] && res.outcome == itemPending && (late > maxTries || s.hasPatience(e.id)) {
			waits[e.id], err = true, res.err
		}
		if waits[e.id] || bytes > r.MaxBytes {
			waits[e.id] = true
			res.raw.Release()
			rest = append(rest, e)
			continue
		}
		c := res.put(e.change(r, at.full), e.kind)
		if c.Raw != nil {
			bytes += c.Raw.Size()
		}
		changes = append(changes, c)
	}
	if len(changes) == 0 && len(rest) > 0 { // the server has no time for any
		return nil, nil, err
	}
	return changes, append(rest, at.rest[n:]...), nil
}

// put returns a change with what was read of its item.
func (res result) put(c provider.Change, kind changeKind) provider.Change {
	switch res.outcome {
	case itemGone:
		return provider.Change{Kind: provider.Gone, ID: c.ID}
	case itemBad, itemPending:
		if kind == wasCreated {
			c.Err = res.err
		} // else it stays without flags, which are not known then
	case itemHad:
		if kind == wasRead {
			c.Flags, c.Version = res.flags, res.version
		}
		c.Raw, c.Header = res.raw, res.header
	}
	return c
}

// hasPatience counts the tries of an item that the server had no time for, while it had for
// others, and reports whether there will be another.
func (s *session) hasPatience(id provider.ID) bool {
	if s.tries == nil || len(s.tries) > maxChanges {
		s.tries = make(map[provider.ID]int)
	}
	s.tries[id]++
	return s.tries[id] < maxTries
}

// fit returns how many entries a page has room for: those up to the one with which their
// bodies exceed what it may have. What waits is spread evenly over the pages that it needs, for the
// last of them costs a request as well.
func fit(r provider.Request, rest []entry) int {
	pages := max((len(rest)+r.MaxItems-1)/r.MaxItems, 1)
	even := (len(rest) + pages - 1) / pages
	var bytes int64
	for i, e := range rest[:even] {
		if bytes > r.MaxBytes {
			return i
		}
		if r.Want == provider.WantBodies && e.kind == wasCreated {
			bytes += e.size
		}
	}
	return even
}

// contents reads what is wanted of the new ones of entries, and the flags of those of which
// the server said only that they were read. Each has its result at its place.
func (s *session) contents(ctx context.Context, r provider.Request, page []entry) ([]result, error) {
	results := make([]result, len(page))
	var items, flags []int
	dealt := make(map[provider.ID]bool)
	for i, e := range page {
		s.note(e)
		switch {
		case e.kind == wasRead:
			flags = append(flags, i)
		case e.kind != wasCreated || r.Want == provider.WantIDs || dealt[e.id] || e.isOlder(r):
		case r.Want == provider.WantBodies && e.size > s.limits.Message:
			results[i] = result{outcome: itemBad, err: tooLong("GetItem", s.limits.Message)}
		default:
			items, dealt[e.id] = append(items, i), true
		}
	}
	whole := headers
	if r.Want == provider.WantBodies {
		whole = bodies
	}
	for _, part := range []struct {
		mode mode
		at   []int
	}{{onlyFlags, flags}, {whole, items}} {
		if err := s.gather(ctx, part.mode, page, part.at, results); err != nil {
			releaseResults(results)
			return nil, err
		}
	}
	return results, nil
}

// gather reads the entries at some places, group by group. Where the server stops in the
// middle, what it has given stands, and the rest is pending.
func (s *session) gather(ctx context.Context, m mode, page []entry, at []int, results []result) error {
	came := false
	for len(at) > 0 {
		list := make([]asked, 0, len(at))
		for _, i := range at {
			list = append(list, asked{page[i].id, page[i].size})
		}
		got, err := s.group(ctx, m, list)
		if err != nil {
			if !came || ctx.Err() != nil {
				return err
			}
			for _, i := range at {
				results[i] = result{outcome: itemPending, err: err}
				delete(s.tries, page[i].id) // for it is not this one's fault
			}
			return nil
		}
		for i := range got {
			results[at[i]] = got[i]
			came = came || got[i].outcome != itemPending
		}
		at = at[len(got):]
	}
	return nil
}

// Fetch reads whole items, in groups of as many as the server can give at once.
func (s *session) Fetch(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
	now, _, err := s.epoch(folder)
	if err != nil {
		return err
	}
	if now != epoch {
		return expired("the ids are of another epoch")
	}
	list := make([]asked, 0, len(ids))
	for _, id := range ids {
		if !isItemID(id) { // no id of ours: there is no such item
			if err := got(provider.Change{Kind: provider.Gone, ID: id}); err != nil {
				return err
			}
			continue
		}
		size, ok := s.sizes[id]
		if !ok {
			size = guessedSize
		}
		if size > s.limits.Message {
			if err := got(provider.Change{Kind: provider.Upsert, ID: id, Err: tooLong("GetItem", s.limits.Message)}); err != nil {
				return err
			}
			continue
		}
		list = append(list, asked{id, size})
	}
	return s.fetch(ctx, list, got)
}

// fetch reads a list of items. Those that the server had no time for are asked for again as
// long as others come meanwhile.
func (s *session) fetch(ctx context.Context, list []asked, got func(provider.Change) error) error {
	came := false
	for len(list) > 0 {
		var late []asked
		var why error
		given := 0
		for len(list) > 0 {
			results, err := s.group(ctx, bodies, list)
			if err != nil {
				return err
			}
			for i, res := range results {
				if res.outcome == itemPending {
					late, why = append(late, list[i]), res.err
					continue
				}
				given++
				if err := got(res.fetched(list[i].id)); err != nil {
					releaseResults(results[i+1:])
					return err
				}
			}
			list = list[len(results):]
		}
		switch {
		case given > 0:
			came = true
		case !came || len(late) > maxTries:
			return why
		default: // the server has time for others, but not for these
			for _, a := range late {
				if err := got(provider.Change{Kind: provider.Upsert, ID: a.id, Err: why}); err != nil {
					return err
				}
			}
			return nil
		}
		list = late
	}
	return nil
}

// fetched returns a change for Fetch.
func (res result) fetched(id provider.ID) provider.Change {
	if res.outcome == itemGone {
		return provider.Change{Kind: provider.Gone, ID: id}
	}
	return provider.Change{Kind: provider.Upsert, ID: id, Version: res.version, Flags: res.flags, Received: res.received, Size: res.size, Raw: res.raw, Err: res.err}
}
