package serversync

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// A profile is failing when, of its mailboxes that were worked on within the last
// hour, at least two, more than half fail: either of their directions is retrying,
// suspended or stopped. It is well again when fewer than half do. An outage is
// told by itself, and the mailboxes that it holds back are not counted as failing.
//
// It is judged from a quarter of an hour after its first mailbox on, when all of
// them had their turn once: the first few after a start say nothing.
const (
	healthWindow = time.Hour
	healthWarmUp = 15 * time.Minute
	healthSweep  = 5 * time.Minute // between two looks for mailboxes that were not worked on any more
	healthLeast  = 2               // mailboxes
)

// A verdict is a change in the health of a profile.
type verdict string

const (
	unchanged verdict = ""
	isFailing verdict = "failing"
	isWell    verdict = "well"
)

// A profileHealth counts the mailboxes of one profile. It is pure: a mailbox costs
// its entry in a map, and those that were not worked on for an hour are forgotten.
type profileHealth struct {
	began   time.Time
	swept   time.Time
	seen    map[string]sighting // by mailbox
	bad     int                 // of these
	verdict verdict             // the last one
}

// A sighting is when a mailbox was worked on last, in minutes since began, and
// whether it failed.
type sighting struct {
	minute uint32
	failed bool
}

// note counts a cycle of a mailbox, and returns how the profile's health changed.
// The first verdict is told whatever it is.
func (h *profileHealth) note(name string, failed bool, now time.Time) verdict {
	if h.seen == nil {
		h.began, h.swept, h.seen = now, now, make(map[string]sighting)
	}
	if h.seen[name].failed {
		h.bad--
	}
	if failed {
		h.bad++
	}
	h.seen[name] = sighting{h.minute(now), failed}
	h.sweep(now)
	if now.Sub(h.began) < healthWarmUp {
		return unchanged
	}
	is := h.verdict
	switch all := len(h.seen); {
	case all >= healthLeast && 2*h.bad > all:
		is = isFailing
	case 2*h.bad < all, is == unchanged:
		is = isWell
	}
	if is == h.verdict {
		return unchanged
	}
	h.verdict = is
	return is
}

func (h *profileHealth) minute(now time.Time) uint32 { return uint32(now.Sub(h.began) / time.Minute) }

// sweep forgets the mailboxes that were not worked on for an hour.
func (h *profileHealth) sweep(now time.Time) {
	if now.Sub(h.swept) < healthSweep {
		return
	}
	h.swept = now
	if now.Sub(h.began) < healthWindow {
		return
	}
	oldest := h.minute(now.Add(-healthWindow))
	for name, at := range h.seen { // the order does not matter: each goes on its own
		if at.minute < oldest {
			delete(h.seen, name)
			if at.failed {
				h.bad--
			}
		}
	}
}

// health watches all profiles.
type health struct {
	s  *Syncer
	mu sync.Mutex
	of map[profileKey]*profileHealth
}

func (h *health) init(s *Syncer) { h.s, h.of = s, make(map[profileKey]*profileHealth) }

// note counts a cycle that has come as far as its mailbox's state.
func (h *health) note(ctx context.Context, c *cycle) {
	if c.profile.ID == "" || c.s.walls == nil && c.s.cfg.Hooks.ProfileAlert == nil {
		return
	}
	key := c.profileKey()
	h.mu.Lock()
	at := h.of[key]
	if at == nil {
		at = new(profileHealth)
		h.of[key] = at
	}
	is := at.note(c.key.Mailbox, c.fails(mailbox.Incoming) || c.fails(mailbox.Outgoing), c.s.cfg.Clock.Now())
	bad, all := at.bad, len(at.seen)
	h.mu.Unlock()
	switch is {
	case isFailing:
		h.s.herald.raise(ctx, c, mailbox.Alert{Code: codeFailing,
			Message: fmt.Sprintf("%d of the %d mailboxes of profile %q that were worked on within the last hour fail", bad, all, key.profile),
			Remedy:  "look at the alerts of the mailboxes; what they have in common is most likely in the profile"})
	case isWell:
		h.s.herald.resolve(ctx, c, "", codeFailing)
	}
}

// fails reports whether a side fails for a reason of its own.
func (c *cycle) fails(side mailbox.Side) bool {
	switch c.state.Direction(side).Phase {
	case mailbox.Retrying, mailbox.Suspended, mailbox.Stopped:
		return !c.held[number(side)] && !c.s.outages.down(c, side)
	}
	return false
}
