package providertest

import (
	"cmp"
	"fmt"

	"github.com/go-serversync/serversync/provider"
)

// A place is the state in a cursor. A lane may be listing the messages or
// following the log; a round is a listing, if there is one, and then the log.
type place struct {
	lane       provider.Lane
	generation int
	round      int  // the folder's rounds when it was made
	listing    bool // going through the messages
	full       bool // within a round that lists every message
	at         int  // the listing goes on after, or for newest first before, this num
	top        int  // the listing leaves out nums from here on; the log tells them
	log        int  // the log goes on from here
}

const placeForm = "%s %d %d %t %t %d %d %d"

func (p place) String() string {
	return fmt.Sprintf(placeForm, p.lane, p.generation, p.round, p.listing, p.full, p.at, p.top, p.log)
}

// cursor returns p as a cursor of f.
func (f *folder) cursor(m manner, p place, done bool) provider.Cursor {
	e := provider.Envelope{Driver: m.driver, Version: 1, Epoch: f.epoch, IDs: m.ids, Done: done}
	return provider.NewCursor(e, p.String())
}

// end returns the cursor of the Live lane at the end of a round, which is made
// once and then shared by all polls without news. It says that it is done, which
// in this lane means the round and never the lane.
func (f *folder) end(m manner) provider.Cursor {
	if f.now == "" {
		f.now = f.cursor(m, place{lane: provider.Live, generation: f.generation, round: f.rounds, log: len(f.log)}, true)
	}
	return f.now
}

// place returns where r goes on, and whether its lane has no more to give, ever.
func (f *folder) place(m manner, r provider.Request, keepRounds int) (p place, done bool, err error) {
	if r.Cursor == "" {
		return f.start(m, r), false, nil
	}
	e, state, ok := r.Cursor.Open()
	switch {
	case !ok:
		return p, false, failure(OpChanges, provider.ErrCursorExpired, "the cursor is damaged")
	case e.Driver != m.driver || e.Version != 1 || e.IDs != m.ids:
		return p, false, failure(OpChanges, provider.ErrCursorExpired, "the cursor is another driver's")
	case e.Epoch != f.epoch:
		return p, false, failure(OpChanges, provider.ErrCursorExpired, "the epoch has ended")
	}
	fmt.Sscanf(state, placeForm, &p.lane, &p.generation, &p.round, &p.listing, &p.full, &p.at, &p.top, &p.log)
	switch {
	case p.String() != state || p.lane != r.Lane || p.at < 0 || p.log < 0 || p.log > len(f.log):
		return p, false, failure(OpChanges, provider.ErrCursorExpired, "the cursor is damaged")
	case p.generation != f.generation:
		return p, false, failure(OpChanges, provider.ErrCursorExpired, "the cursor has been forgotten")
	case m.repeats && p.log < len(f.log) && f.rounds-p.round > cmp.Or(keepRounds, 10):
		return p, false, failure(OpChanges, provider.ErrCursorExpired, "the link has expired")
	}
	if p.lane == provider.Live && (m.listsAlways && !p.listing || r.Full && !p.full) {
		p = f.list(m, p)
		p.full = true
	}
	return p, e.Done && p.lane == provider.Backfill, nil
}

// start returns the place that r's zero cursor stands for.
func (f *folder) start(m manner, r provider.Request) place {
	p := place{lane: r.Lane, generation: f.generation, round: f.rounds, log: len(f.log)}
	switch {
	case r.Lane == provider.Backfill:
		p.listing, p.at = true, f.next
	case !m.traits.HasBackfill || r.Full:
		p = f.list(m, p)
		p.full = r.Full || m.undated || r.Since.IsZero()
	}
	return p
}

// list returns p at the beginning of a listing, after which the log goes on from
// now.
func (f *folder) list(m manner, p place) place {
	p.listing, p.at, p.top, p.log = true, 0, f.next, len(f.log)
	if m.newestFirst {
		p.at = f.next
	}
	return p
}
