package providertest

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/go-serversync/serversync/provider"
)

// A follower does with a folder's changes what the contract asks of a caller, and
// so has at the end what the server has. It keeps what it was told, not what a
// later look would show, so that a change which was not told leaves it wrong.
type follower struct {
	p       *probe
	random  *rand.Rand
	folder  provider.FolderID
	cursors map[provider.Lane]provider.Cursor
	ended   map[provider.Lane]bool // at the end of a round
	items   map[provider.ID]*copied
	listed  map[provider.ID]bool // in the full round under way, nil outside of one
	resets  int
}

// copied is what a follower has of an item.
type copied struct {
	flags []string
	raw   []byte
}

func newFollower(p *probe, random *rand.Rand, folder provider.FolderID) *follower {
	f := &follower{p: p, random: random, folder: folder}
	f.reset()
	return f
}

// reset begins again from zero, in what may be another epoch.
func (f *follower) reset() {
	f.cursors, f.ended = make(map[provider.Lane]provider.Cursor), make(map[provider.Lane]bool)
	f.items, f.listed = make(map[provider.ID]*copied), nil
	f.resets++
}

// lanes returns the lanes that there are, the live one first, for what arrives
// between the zero cursors of the two must be live.
func (f *follower) lanes(session provider.Provider) []provider.Lane {
	if session.Traits().HasBackfill {
		return []provider.Lane{provider.Live, provider.Backfill}
	}
	return []provider.Lane{provider.Live}
}

// step asks for one page of a lane and takes it in. Now and then it asks twice, or
// loses the page as a crash before the commit would. It returns what makes the
// session useless.
func (f *follower) step(session provider.Provider, lane provider.Lane, full bool) error {
	f.p.Helper()
	source, _ := provider.As[provider.Source](session)
	r := provider.Request{Folder: f.folder, Lane: lane, Cursor: f.cursors[lane], Full: full,
		MaxItems: 1 + f.random.IntN(5), Want: provider.Want(f.random.IntN(3))}
	chance := f.random.IntN(8)
	page, err := source.Changes(f.p.ctx, r)
	if err == nil && chance < 2 {
		release(page)
		if chance == 0 {
			return nil
		}
		page, err = source.Changes(f.p.ctx, r)
	}
	switch {
	case provider.KindOf(err) == provider.ErrCursorExpired && r.Cursor != "":
		f.reset()
		return nil
	case err != nil:
		return err
	}
	if n := len(page.Changes); n > r.MaxItems {
		f.p.Errorf("a page for %d items at most has %d", r.MaxItems, n)
	}
	if err := f.complete(source, page); err != nil {
		release(page)
		return err
	}
	f.take(page, lane, full)
	return nil
}

// complete fetches the content of what the page brings without its body.
func (f *follower) complete(source provider.Source, page provider.Page) error {
	f.p.Helper()
	missing := make(map[provider.ID]bool)
	for _, c := range page.Changes {
		if c.Err != nil {
			f.p.Errorf("the good item %q has error %v", c.ID, c.Err)
		}
		if c.Kind == provider.Upsert && c.Raw == nil {
			missing[c.ID] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	got := make(map[provider.ID]provider.Change)
	err := source.Fetch(f.p.ctx, f.folder, page.Next.Epoch(), slices.Sorted(maps.Keys(missing)), func(c provider.Change) error {
		got[c.ID] = c
		return nil
	})
	if err != nil {
		return err
	}
	for i := range page.Changes {
		c := &page.Changes[i]
		if fetched := got[c.ID]; missing[c.ID] && fetched.Raw != nil {
			c.Raw = fetched.Raw
		} else if missing[c.ID] && fetched.Err != nil {
			f.p.Errorf("Fetch of the good item %q gave error %v", c.ID, fetched.Err)
		}
	}
	return nil
}

// take commits a page.
func (f *follower) take(page provider.Page, lane provider.Lane, full bool) {
	f.p.Helper()
	if page.Full && lane == provider.Backfill {
		f.p.Errorf("a page of the backfill lane says that its round is full, but what has arrived since it began is not in it")
	}
	if page.Full && f.listed == nil {
		f.listed = make(map[provider.ID]bool)
	}
	for _, c := range page.Changes {
		switch has := f.items[c.ID]; c.Kind {
		case provider.Upsert:
			if f.listed != nil && lane == provider.Live {
				f.listed[c.ID] = true
			}
			if c.Raw == nil {
				continue // gone since; that is told later
			}
			f.items[c.ID] = &copied{c.Flags, f.p.content(c.Raw)}
		case provider.Flags:
			if has != nil {
				has.flags = c.Flags
			}
		case provider.Gone, provider.Moved:
			delete(f.items, c.ID)
		default:
			f.p.Errorf("%q is no kind of change", c.Kind)
		}
	}
	if page.Full && page.RoundEnd {
		maps.DeleteFunc(f.items, func(id provider.ID, _ *copied) bool { return !f.listed[id] })
	}
	if page.RoundEnd && lane == provider.Live {
		f.listed = nil
	}
	f.cursors[lane], f.ended[lane] = page.Next, page.RoundEnd && (page.Full || !full)
}

// compare fails the rule where the follower's view is not the server's.
func (f *follower) compare(traits provider.Traits) {
	f.p.Helper()
	truth := f.p.truth(f.folder)
	for _, id := range slices.Sorted(maps.Keys(truth)) {
		has, m := f.items[id], truth[id]
		switch {
		case has == nil:
			f.p.Errorf("%q in %q was never told", id, f.folder)
		case !bytes.Equal(has.raw, m.Raw):
			f.p.Errorf("the follower's %q in %q has %d bytes, which are not the server's %d", id, f.folder, len(has.raw), len(m.Raw))
		case (traits.ReportsFlags || has.flags != nil) && !slices.Equal(settled(has.flags), settled(m.Flags)):
			f.p.Errorf("the follower's %q in %q has the flags %q, the server's has %q", id, f.folder, has.flags, m.Flags)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(f.items)) {
		if _, ok := truth[id]; !ok {
			f.p.Errorf("%q is no longer in %q, which was never told", id, f.folder)
		}
	}
}

// settled returns flags without the one that a server gives and takes by itself.
func settled(flags []string) []string {
	return slices.DeleteFunc(sortedFlags(flags), func(flag string) bool { return flag == `\Recent` })
}
