package serversync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// ErrTooLate says that an entry is past the phase in which this can be done.
var ErrTooLate = errors.New("serversync: the entry is past the phase in which this can be done")

// Cancel withdraws an entry. It can be done until the entry is being submitted,
// whoever has claimed it: with nil nothing of it is sent from then on, with
// [ErrTooLate] it was or is being sent. An entry that some recipients have got already
// is withdrawn for the others.
func (s *Syncer) Cancel(ctx context.Context, key mailbox.Key, id string) error {
	return s.edit(ctx, key, id, reversible, func(e *Entry) {
		e.Claimer, e.ClaimedUntil = "", time.Time{}
		e.Phase, e.Reason = PhaseCanceled, "canceled"
		if has(*e, provider.StatusSent) {
			setStatus(e, provider.StatusRetry, provider.StatusRejected, "canceled")
			e.Phase, e.NotBefore, e.Attempts = PhaseAccepted, s.cfg.Clock.Now(), 0
		}
	})
}

// Postpone has an entry sent not before until, be that later or earlier than before.
// It can be done as long as Cancel can. The message stays as it is, its Date too.
func (s *Syncer) Postpone(ctx context.Context, key mailbox.Key, id string, until time.Time) error {
	err := s.edit(ctx, key, id, reversible, func(e *Entry) {
		now := s.cfg.Clock.Now()
		e.Claimer, e.ClaimedUntil = "", time.Time{}
		e.Phase, e.NotBefore, e.Reason = PhasePending, later(now, until), "postponed"
		e.Queued = later(e.Queued, e.NotBefore)
	})
	if err == nil {
		s.Nudge(key)
	}
	return err
}

// reversible reports whether nothing was done to an entry that cannot be undone.
func reversible(p Phase) bool { return p == PhasePending || p == PhaseClaimed }

// edit changes an entry that is in a phase which may be. Where somebody else changes
// it at the same time, it is looked at again.
func (s *Syncer) edit(ctx context.Context, key mailbox.Key, id string, may func(Phase) bool, change func(*Entry)) error {
	if s.outbox == nil {
		return errNoOutbox
	}
	for {
		e, err := s.outbox.Entry(ctx, key, id)
		if err != nil {
			return err
		}
		if !may(e.Phase) {
			return errors.Join(fmt.Errorf("outbox entry %q is %s: %w", id, e.Phase, ErrTooLate), e.Raw.Release())
		}
		change(&e)
		err = s.outbox.Advance(ctx, e)
		e.Raw.Release()
		if !errors.Is(err, ErrFenced) {
			return err
		}
	}
}

// schedules knows when the next entry of each mailbox is to be sent that is not due
// yet, so that a scheduled email need not wait for a poll. It is read from the Store
// once, and again when that has passed or something was put into the outbox.
type schedules struct {
	mu   sync.Mutex
	next map[mailbox.Key]scheduled
}

// scheduled is when a mailbox's next entry is to be sent, zero for none.
type scheduled struct {
	at   time.Time
	read bool // else that is being read
}

// forget has the schedule of a mailbox read anew.
func (s *schedules) forget(key mailbox.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.next, key)
}

// of returns when the next entry of a mailbox is to be sent, zero for none, and
// whether that is known.
func (s *schedules) of(key mailbox.Key, now time.Time) (at time.Time, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next[key]
	return next.at, next.read && (next.at.IsZero() || next.at.After(now))
}

// reading says that the schedule of a mailbox is being read.
func (s *schedules) reading(key mailbox.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = make(map[mailbox.Key]scheduled)
	}
	s.next[key] = scheduled{}
}

// set notes what was read, unless it was forgotten meanwhile.
func (s *schedules) set(key mailbox.Key, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, reading := s.next[key]; reading {
		s.next[key] = scheduled{at, true}
	}
}

// lookAtOnce and lookPages bound how many entries of a phase are looked through.
const (
	lookAtOnce = 100
	lookPages  = 20
)

// eachEntry calls do with the entries that are in a phase, in the order of their IDs,
// until it says that it has enough.
func (c *cycle) eachEntry(ctx context.Context, phase Phase, do func(Entry) (enough bool, err error)) error {
	after := ""
	for range lookPages {
		entries, err := store(ctx, c, "Outbox.Entries", func(ctx context.Context) ([]Entry, error) {
			return c.s.outbox.Entries(ctx, c.key, phase, after, lookAtOnce)
		})
		last := len(entries) < lookAtOnce
		enough := false
		for _, e := range entries { // to its end, for each is to be released
			if err == nil && !enough {
				enough, err = do(e)
			}
			after = e.ID
			e.Raw.Release()
		}
		if err != nil || enough || last {
			return err
		}
	}
	return nil
}

// lookAhead finds out when the next scheduled entry is to be sent.
func (c *cycle) lookAhead(ctx context.Context) error {
	if _, known := c.s.schedules.of(c.key, c.s.cfg.Clock.Now()); known {
		return nil
	}
	c.s.schedules.reading(c.key)
	var next time.Time
	err := c.eachEntry(ctx, PhasePending, func(e Entry) (bool, error) {
		if next.IsZero() || e.NotBefore.Before(next) {
			next = e.NotBefore
		}
		return false, nil
	})
	if err == nil {
		c.s.schedules.set(c.key, next)
	}
	return err
}
