package main

import (
	"context"
	"crypto/tls"
	"errors"
	"sync/atomic"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A guess is a driver for a port that does not tell how TLS begins there. Where the
// server speaks first, in clear, STARTTLS is demanded of it instead: one way or the
// other there is TLS, and the certificate is verified.
type guess struct {
	provider.Driver
	clear atomic.Bool // the server speaks first, in clear
}

// Open tries TLS from the first byte, and then STARTTLS. A test that follows its
// stages is told of the one that it came to.
func (g *guess) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	if p, ok := g.Driver.(provider.Prober); ok && provider.Traced(ctx) && a.Endpoint.TLS == profile.ImplicitTLS && !g.clear.Load() {
		var record tls.RecordHeaderError
		g.clear.Store(errors.As(p.Probe(provider.WithTrace(ctx, nil), a), &record))
	}
	if g.clear.Load() {
		a.Endpoint.TLS = profile.StartTLS
	}
	p, err := g.Driver.Open(ctx, a)
	var record tls.RecordHeaderError
	if a.Endpoint.TLS != profile.ImplicitTLS || !errors.As(err, &record) {
		return p, err
	}
	g.clear.Store(true)
	a.Endpoint.TLS = profile.StartTLS
	return g.Driver.Open(ctx, a)
}

// Notify passes on to a driver that can.
func (g *guess) Notify(ctx context.Context, accounts []provider.Account, news func(mailbox.Key)) error {
	n, ok := g.Driver.(provider.Notifier)
	if !ok {
		return nil
	}
	for i := range accounts {
		if g.clear.Load() {
			accounts[i].Endpoint.TLS = profile.StartTLS
		}
	}
	return n.Notify(ctx, accounts, news)
}
