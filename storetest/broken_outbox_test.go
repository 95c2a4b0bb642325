package storetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

type claimFunc = func(context.Context, *memory.Store, mailbox.Key, string, time.Time, time.Time) (serversync.Entry, error)

// before returns a Claim in front of which change alters the entries in a phase.
func before(phase serversync.Phase, change func(e *serversync.Entry, now time.Time)) claimFunc {
	return func(c context.Context, m *memory.Store, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
		found, _ := m.Entries(c, key, phase, "", 100)
		for _, e := range found {
			change(&e, now)
			m.Advance(c, e)
		}
		return m.Claim(c, key, by, now, until)
	}
}

func free(e *serversync.Entry) { e.Claimer, e.ClaimedUntil = "", time.Time{} }

func outboxFaults() []fault {
	claims := func(name string, claim claimFunc) fault {
		return fault{name: name, rule: "S11", make: func() methods { return methods{claim: claim} }}
	}
	advances := func(name string, advance func(context.Context, *memory.Store, serversync.Entry, []mailbox.Alert) error) fault {
		return fault{name: name, rule: "S11", make: func() methods { return methods{advance: advance} }}
	}
	enqueues := func(name string, enqueue func(context.Context, *memory.Store, serversync.Entry) error) fault {
		return fault{name: name, rule: "S11", make: func() methods { return methods{enqueue: enqueue} }}
	}
	return []fault{
		claims("a claim does not hold", func(c context.Context, m *memory.Store, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
			e, err := m.Claim(c, key, by, now, now)
			e.ClaimedUntil = until
			return e, err
		}),
		claims("an entry is looked up, then claimed", func(c context.Context, m *memory.Store, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
			found, err := m.Entries(c, key, serversync.PhasePending, "", 1)
			if err != nil || len(found) == 0 || found[0].NotBefore.After(now) || found[0].ClaimedUntil.After(now) {
				return m.Claim(c, key, by, now, until)
			}
			time.Sleep(while)
			e := found[0]
			e.Phase, e.Claimer, e.ClaimedUntil = serversync.PhaseClaimed, by, until
			m.Advance(c, e)
			return m.Entry(c, key, e.ID)
		}),
		claims("a claim that lapsed while submitting comes back as pending", before(serversync.PhaseSubmitting, func(e *serversync.Entry, now time.Time) {
			if !e.ClaimedUntil.After(now) {
				e.Phase = serversync.PhasePending
				free(e)
			}
		})),
		claims("a claim that lapsed while submitting is its claimer's again", func(c context.Context, m *memory.Store, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
			found, _ := m.Entries(c, key, serversync.PhaseSubmitting, "", 1)
			if len(found) == 1 && found[0].Claimer == by && !found[0].ClaimedUntil.After(now) {
				e := found[0]
				e.ClaimedUntil = until
				m.Advance(c, e)
				return m.Entry(c, key, e.ID)
			}
			return m.Claim(c, key, by, now, until)
		}),
		claims("a claim that lapsed is lost", before(serversync.PhaseClaimed, func(e *serversync.Entry, now time.Time) {
			if !e.ClaimedUntil.After(now) {
				e.Phase = serversync.PhaseHeld
			}
		})),
		claims("a held entry is due again", before(serversync.PhaseHeld, func(e *serversync.Entry, _ time.Time) {
			e.Phase = serversync.PhasePending
			free(e)
		})),
		claims("an accepted entry is never due", before(serversync.PhaseAccepted, func(e *serversync.Entry, _ time.Time) { e.Phase = serversync.PhaseDone })),
		claims("an uncertain entry becomes claimed", before(serversync.PhaseUncertain, func(e *serversync.Entry, now time.Time) {
			if !e.ClaimedUntil.After(now) {
				e.Phase = serversync.PhasePending
			}
		})),
		claims("an entry is due a minute early", func(c context.Context, m *memory.Store, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
			return m.Claim(c, key, by, now.Add(time.Minute), until)
		}),
		claims("an entry's claim holds in some phases alone", before(serversync.PhaseAccepted, func(e *serversync.Entry, _ time.Time) { free(e) })),
		claims("entries are claimed in the order of their IDs", inOrder),
		claims("nothing due is no error", func(c context.Context, m *memory.Store, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
			e, err := m.Claim(c, key, by, now, until)
			if errors.Is(err, serversync.ErrNotFound) {
				err = nil
			}
			return e, err
		}),

		advances("an entry's version does not fence", func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error {
			old, err := m.Entry(c, e.Mailbox, e.ID)
			if err == nil {
				e.Version = old.Version
			}
			return m.Advance(c, e, alerts...)
		}),
		advances("an entry's version is looked up, then set", func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error {
			if old, _ := m.Entry(c, e.Mailbox, e.ID); old.Version != e.Version {
				return m.Advance(c, e, alerts...)
			}
			time.Sleep(while)
			for {
				err := m.Advance(c, e, alerts...)
				if !errors.Is(err, serversync.ErrFenced) {
					return err
				}
				old, _ := m.Entry(c, e.Mailbox, e.ID)
				e.Version = old.Version
			}
		}),
		{name: "an entry's alerts are dropped", rule: "S11", also: []string{"S15", "S18"}, make: func() methods {
			return methods{advance: func(c context.Context, m *memory.Store, e serversync.Entry, _ []mailbox.Alert) error {
				return m.Advance(c, e)
			}}
		}},
		advances("an entry's alerts are added though it is fenced", func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error {
			err := m.Advance(c, e, alerts...)
			if errors.Is(err, serversync.ErrFenced) {
				m.Commit(c, &serversync.Batch{ID: "alerts", Mailbox: e.Mailbox, Alerts: alerts})
			}
			return err
		}),
		advances("a recipient's status is lost", func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error {
			e.Recipients = slices.Clone(e.Recipients)
			for i := range e.Recipients {
				e.Recipients[i].Status = ""
			}
			return m.Advance(c, e, alerts...)
		}),
		advances("a claim cannot be given up", func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error {
			if old, err := m.Entry(c, e.Mailbox, e.ID); err == nil && e.Claimer == "" {
				e.Claimer, e.ClaimedUntil = old.Claimer, old.ClaimedUntil
			}
			return m.Advance(c, e, alerts...)
		}),
		{name: "Advance changes the Message-ID", rule: "S11", make: func() methods {
			var changed sync.Map
			return methods{
				advance: func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error {
					err := m.Advance(c, e, alerts...)
					if err == nil {
						changed.Store(e.ID, e.MessageID)
					}
					return err
				},
				entry: func(c context.Context, m *memory.Store, key mailbox.Key, id string) (serversync.Entry, error) {
					e, err := m.Entry(c, key, id)
					if to, ok := changed.Load(id); ok && err == nil {
						e.MessageID = to.(string)
					}
					return e, err
				},
			}
		}},

		enqueues("an entry enqueued again begins again", func(c context.Context, m *memory.Store, e serversync.Entry) error {
			if old, err := m.Entry(c, e.Mailbox, e.ID); err == nil {
				old.Phase = serversync.PhasePending
				free(&old)
				return m.Advance(c, old)
			}
			return m.Enqueue(c, e)
		}),
		enqueues("an entry enqueued again is an error", func(c context.Context, m *memory.Store, e serversync.Entry) error {
			if _, err := m.Entry(c, e.Mailbox, e.ID); err == nil {
				return errors.New("duplicate key")
			}
			return m.Enqueue(c, e)
		}),
		{name: "an entry's times lose their zone", rule: "S11", also: []string{"S5", "S18"}, make: func() methods {
			return methods{enqueue: func(c context.Context, m *memory.Store, e serversync.Entry) error {
				e.NotBefore, e.Queued = wall(e.NotBefore), wall(e.Queued)
				return m.Enqueue(c, e)
			}}
		}},
		enqueues("an entry without a time waits for 1970", func(c context.Context, m *memory.Store, e serversync.Entry) error {
			if e.NotBefore.IsZero() {
				e.NotBefore = time.Unix(0, 0)
			}
			return m.Enqueue(c, e)
		}),
		enqueues("an entry's addresses are in lower case", func(c context.Context, m *memory.Store, e serversync.Entry) error {
			e.Recipients = slices.Clone(e.Recipients)
			for i := range e.Recipients {
				e.Recipients[i] = provider.Recipient{Address: asciiLower(e.Recipients[i].Address)}
			}
			return m.Enqueue(c, e)
		}),
		{name: "Entries begins at after", rule: "S11", make: func() methods {
			return methods{entries: func(c context.Context, m *memory.Store, key mailbox.Key, phase serversync.Phase, after string, limit int) ([]serversync.Entry, error) {
				found, err := m.Entries(c, key, phase, "", 1000)
				found = slices.DeleteFunc(found, func(e serversync.Entry) bool { return e.ID < after })
				return found[:min(len(found), limit)], err
			}}
		}},
		{name: "Entries is in the order of NotBefore", rule: "S11", make: func() methods {
			return methods{entries: func(c context.Context, m *memory.Store, key mailbox.Key, phase serversync.Phase, after string, limit int) ([]serversync.Entry, error) {
				found, err := m.Entries(c, key, phase, after, limit)
				slices.SortFunc(found, func(a, b serversync.Entry) int { return -cmp.Compare(a.ID, b.ID) })
				return found, err
			}}
		}},
	}
}

// inOrder claims the pending entry with the smallest ID that is due.
func inOrder(c context.Context, m *memory.Store, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
	found, err := m.Entries(c, key, serversync.PhasePending, "", 100)
	if err != nil {
		return serversync.Entry{}, err
	}
	for _, e := range found {
		if e.NotBefore.After(now) || e.ClaimedUntil.After(now) {
			continue
		}
		e.Phase, e.Claimer, e.ClaimedUntil = serversync.PhaseClaimed, by, until
		if m.Advance(c, e) == nil {
			return m.Entry(c, key, e.ID)
		}
		return inOrder(c, m, key, by, now, until)
	}
	return m.Claim(c, key, by, now, until)
}
