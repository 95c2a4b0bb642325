package memory

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// alerts are the alerts on one wall, by their IDs.
type alerts map[string]mailbox.Alert

// put adds the alerts. One whose ID is there replaces it.
func (a *alerts) put(list []mailbox.Alert) {
	if *a == nil && len(list) > 0 {
		*a = alerts{}
	}
	for _, alert := range list {
		(*a)[alert.ID] = alert
	}
}

// shown returns the alerts in the order of a wall.
func (a alerts) shown(open bool, limit int) []mailbox.Alert {
	var all []mailbox.Alert
	for _, alert := range a {
		if !open || alert.Resolved.IsZero() {
			all = append(all, alert)
		}
	}
	slices.SortFunc(all, func(a, b mailbox.Alert) int {
		return cmp.Or(told(b).Compare(told(a)), cmp.Compare(a.ID, b.ID))
	})
	return slices.Clip(all[:max(0, min(len(all), limit))])
}

// prune forgets the alerts told last before the time and returns how many.
func (a alerts) prune(before time.Time) int {
	n := len(a)
	maps.DeleteFunc(a, func(_ string, alert mailbox.Alert) bool { return told(alert).Before(before) })
	return n - len(a)
}

// told returns when the alert was told last.
func told(a mailbox.Alert) time.Time {
	if a.Last.IsZero() {
		return a.At
	}
	return a.Last
}

// errWall refuses a wall that cannot be.
var errWall = errors.New("memory: a wall is a mailbox's or a profile's, not both")

// Raise puts alerts on a wall. That of a mailbox shows them beside those of its
// batches.
func (s *Store) Raise(ctx context.Context, wall mailbox.Wall, list ...mailbox.Alert) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if wall.Mailbox != "" && wall.Profile != "" {
		return errWall
	}
	if len(list) == 0 {
		return nil
	}
	s.writes.Add(1)
	if wall.Profile == "" {
		x := s.open(mailbox.Key{Organization: wall.Organization, Mailbox: wall.Mailbox})
		x.mu.Lock()
		defer x.mu.Unlock()
		x.alerts.put(list)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.profiles == nil {
		s.profiles = map[mailbox.Wall]alerts{}
	}
	on := s.profiles[wall]
	on.put(list)
	s.profiles[wall] = on
	return nil
}

// Alerts returns the alerts on a wall, the one that was told last first.
func (s *Store) Alerts(ctx context.Context, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if wall.Mailbox != "" && wall.Profile != "" {
		return nil, errWall
	}
	if wall.Profile != "" {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.profiles[wall].shown(open, limit), nil
	}
	x := s.lookup(mailbox.Key{Organization: wall.Organization, Mailbox: wall.Mailbox})
	if x == nil {
		return nil, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.alerts.shown(open, limit), nil
}

// PruneAlerts forgets the organization's alerts that were told last before a time,
// open ones too.
func (s *Store) PruneAlerts(ctx context.Context, organization string, before time.Time) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n := 0
	s.each(organization, func(_ mailbox.Key, x *box) { n += x.alerts.prune(before) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for wall, on := range s.profiles {
		if wall.Organization == organization {
			n += on.prune(before)
		}
	}
	return n, nil
}
