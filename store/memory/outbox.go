package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

// outbox is what a mailbox sends.
type outbox struct {
	entries map[string]*serversync.Entry
	live    map[string]*serversync.Entry // those that may be due some day
}

// put saves e and sorts it among the live ones or out of them.
func (o *outbox) put(e *serversync.Entry) {
	o.entries[e.ID] = e
	switch e.Phase {
	case serversync.PhaseHeld, serversync.PhaseDone, serversync.PhaseCanceled:
		delete(o.live, e.ID)
	default:
		o.live[e.ID] = e
	}
}

// Enqueue adds an entry in PhasePending.
func (s *Store) Enqueue(ctx context.Context, e serversync.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e = cloneEntry(&e)
	if e.Raw != nil {
		raw, err := copyBlob(ctx, e.Raw)
		if err != nil {
			return fmt.Errorf("memory: entry %q: %w", e.ID, err)
		}
		e.Raw = raw
	}
	e.Phase, e.Version = serversync.PhasePending, 1
	e.Claimer, e.ClaimedUntil = "", time.Time{}

	x := s.open(e.Mailbox)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.outbox == nil {
		x.outbox = &outbox{map[string]*serversync.Entry{}, map[string]*serversync.Entry{}}
	}
	if x.outbox.entries[e.ID] != nil {
		return nil
	}
	if e.Index != nil {
		ref, err := x.org.enqueue(e.Index)
		if err != nil {
			return err
		}
		e.Index.Ref = ref
	}
	x.outbox.put(&e)
	s.writes.Add(1)
	return nil
}

// Claim takes one entry of the mailbox that is due at now.
func (s *Store) Claim(ctx context.Context, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
	if err := ctx.Err(); err != nil {
		return serversync.Entry{}, err
	}
	x := s.lookup(key)
	if x == nil {
		return serversync.Entry{}, serversync.ErrNotFound
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.outbox == nil {
		return serversync.Entry{}, serversync.ErrNotFound
	}
	var first *serversync.Entry
	for _, e := range x.outbox.live {
		if due(e, now) && (first == nil || earlier(e, first)) {
			first = e
		}
	}
	if first == nil {
		return serversync.Entry{}, serversync.ErrNotFound
	}
	switch first.Phase {
	case serversync.PhasePending:
		first.Phase = serversync.PhaseClaimed
	case serversync.PhaseSubmitting:
		first.Phase = serversync.PhaseUncertain
	}
	first.Claimer, first.ClaimedUntil = by, until
	first.Version++
	s.writes.Add(1)
	return cloneEntry(first), nil
}

// due reports whether e may be claimed at now.
func due(e *serversync.Entry, now time.Time) bool {
	if e.ClaimedUntil.After(now) {
		return false
	}
	switch e.Phase {
	case serversync.PhaseClaimed, serversync.PhaseSubmitting:
		return true
	case serversync.PhasePending, serversync.PhaseAccepted, serversync.PhaseUncertain:
		return !e.NotBefore.After(now)
	}
	return false
}

// earlier reports whether a is to be claimed before b.
func earlier(a, b *serversync.Entry) bool {
	return cmp.Or(a.NotBefore.Compare(b.NotBefore), cmp.Compare(a.ID, b.ID)) < 0
}

// Advance replaces the entry with e and adds the alerts. What is fixed stays as it
// was enqueued, whatever e says.
func (s *Store) Advance(ctx context.Context, e serversync.Entry, list ...mailbox.Alert) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x := s.lookup(e.Mailbox)
	if x == nil {
		return serversync.ErrNotFound
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.outbox.get(e.ID)
	switch {
	case old == nil:
		return serversync.ErrNotFound
	case old.Version != e.Version:
		return serversync.ErrFenced
	case len(old.Recipients) != len(e.Recipients):
		return errors.New("memory: the recipients of an entry are fixed when it is enqueued")
	}
	e = cloneEntry(&e)
	e.Version++
	e.MessageID, e.Raw, e.From, e.Index = old.MessageID, old.Raw, old.From, old.Index
	for i := range e.Recipients {
		e.Recipients[i].Address = old.Recipients[i].Address
	}
	x.outbox.put(&e)
	x.alerts.put(list)
	s.writes.Add(1)
	return nil
}

// Entry returns one entry, or ErrNotFound.
func (s *Store) Entry(ctx context.Context, key mailbox.Key, id string) (serversync.Entry, error) {
	if err := ctx.Err(); err != nil {
		return serversync.Entry{}, err
	}
	x := s.lookup(key)
	if x == nil {
		return serversync.Entry{}, serversync.ErrNotFound
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.outbox.get(id)
	if e == nil {
		return serversync.Entry{}, serversync.ErrNotFound
	}
	return cloneEntry(e), nil
}

// Entries returns the entries of the mailbox in this phase.
func (s *Store) Entries(ctx context.Context, key mailbox.Key, phase serversync.Phase, after string, limit int) ([]serversync.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x := s.lookup(key)
	if x == nil {
		return nil, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.outbox == nil {
		return nil, nil
	}
	var ids []string
	for id, e := range x.outbox.entries {
		if e.Phase == phase && id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var found []serversync.Entry
	for _, id := range ids[:max(0, min(len(ids), limit))] {
		found = append(found, cloneEntry(x.outbox.entries[id]))
	}
	return found, nil
}

// get returns the entry, or nil. A nil outbox has none.
func (o *outbox) get(id string) *serversync.Entry {
	if o == nil {
		return nil
	}
	return o.entries[id]
}

func cloneEntry(e *serversync.Entry) serversync.Entry {
	c := *e
	c.Recipients = slices.Clone(e.Recipients)
	if e.Index != nil {
		index := cloneEmail(*e.Index)
		c.Index = &index
	}
	return c
}
