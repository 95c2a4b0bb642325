package serversync_test

import (
	"context"
	"slices"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// useDriver has the world's mailboxes served by another driver.
func useDriver(w *world, d provider.Driver) {
	w.cfg.Drivers = map[profile.Protocol]provider.Driver{profile.IMAP: d, profile.SMTP: d}
}

// deaf opens sessions that do not hear of deletions, as with an IMAP server without
// QRESYNC: only a Full listing shows them.
type deaf struct{ provider.Driver }

func (d deaf) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	p, err := d.Driver.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	source, _ := provider.As[provider.Source](p)
	return deafSession{p, source}, nil
}

type deafSession struct {
	provider.Provider
	provider.Source
}

func (s deafSession) Unwrap() provider.Provider { return s.Provider }

func (s deafSession) Traits() provider.Traits {
	traits := s.Provider.Traits()
	traits.ReportsGone = false
	return traits
}

func (s deafSession) Changes(ctx context.Context, r provider.Request) (provider.Page, error) {
	page, err := s.Source.Changes(ctx, r)
	page.Changes = slices.DeleteFunc(page.Changes, func(c provider.Change) bool { return c.Kind == provider.Gone })
	return page, err
}
