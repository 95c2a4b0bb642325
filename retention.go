package serversync

import (
	"context"
	"slices"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// pruneEvery is how often what is older than it is to be kept is forgotten.
const pruneEvery = time.Hour

// A retention is how long an organization's alerts, the items of its journal and its
// verdicts are kept.
type retention struct{ alerts, items, verdicts time.Duration }

func (s *Syncer) retention(ctx context.Context, organization string) retention {
	c := &cycle{s: s, key: mailbox.Key{Organization: organization}}
	if err := c.heedSettings(ctx); err != nil {
		s.cfg.Logger.Error("could not read the settings of an organization; its walls, journal and verdicts are kept as by default", "organization", organization, "error", err)
		c.settings = mailbox.Settings{}
	}
	settings := c.settings.WithDefaults()
	return retention{max(settings.AlertRetention, 0), max(settings.JournalRetention, 0), max(settings.VerdictRetention, 0)}
}

// keepHouse prunes walls, journals and verdicts once an hour, the first time at a moment of
// chance within it, so that several nodes do not all do so at once.
func (s *Syncer) keepHouse(ctx context.Context) {
	for wait := time.Duration(s.spread() * float64(pruneEvery)); s.cfg.Clock.Sleep(ctx, wait) == nil; wait = pruneEvery {
		for _, organization := range s.plan.organizations() {
			if ctx.Err() == nil {
				s.prune(ctx, organization)
			}
		}
	}
}

// prune forgets what is old of one organization. What fails is tried again in an hour.
func (s *Syncer) prune(ctx context.Context, organization string) {
	now := s.cfg.Clock.Now()
	kept := s.retention(ctx, organization)
	prune := func(name string, keep time.Duration, do func(context.Context, string, time.Time) (int, error)) {
		n, err := through(ctx, &s.seam, mailbox.Key{Organization: organization}, name, func(ctx context.Context) (int, error) {
			return do(ctx, organization, now.Add(-keep))
		})
		switch {
		case err != nil && ctx.Err() == nil:
			s.cfg.Logger.Error("could not forget what is old", "organization", organization, "call", name, "error", err)
		case n > 0:
			s.cfg.Logger.Debug("forgot what is old", "organization", organization, "call", name, "count", n)
		}
	}
	if s.walls != nil {
		prune("Walls.PruneAlerts", kept.alerts, s.walls.PruneAlerts)
	}
	if s.journal != nil {
		prune("Journal.PruneItems", kept.items, s.journal.PruneItems)
	}
	if verdicts, ok := StoreAs[Verdicts](s.cfg.Store); ok {
		prune("Verdicts.PruneVerdicts", kept.verdicts, verdicts.PruneVerdicts)
	}
}

// organizations returns the organizations of the planned mailboxes, in order.
func (p *plan) organizations() []string {
	p.mu.Lock()
	seen := make(map[string]bool)
	for key := range p.entries { // the order does not matter: they are sorted
		seen[key.Organization] = true
	}
	p.mu.Unlock()
	var list []string
	for organization := range seen {
		list = append(list, organization)
	}
	slices.Sort(list)
	return list
}
