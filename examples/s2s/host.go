package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/store/memory"
)

// A network is how servers are reached. The zero network is the Internet.
type network struct {
	issuer http.RoundTripper // leads to who gives tokens
	tls    *tls.Config
	policy profile.Policy
	clock  serversync.Clock
}

func (n network) now() time.Time {
	if n.clock == nil {
		return time.Now()
	}
	return n.clock.Now()
}

func (n network) driver() *ews.Driver { return &ews.Driver{TLSConfig: n.tls} }

// An admission says, by organization, which tenants and realms it may use this host's application in. A host has a
// table of it, in which its operator enters what an organization has shown to be its own.
type admission map[string][]string

func (m admission) admit(_ context.Context, a provider.Account, tenant string) error {
	for _, t := range m[a.Mailbox.Key.Organization] {
		if strings.EqualFold(t, tenant) {
			return nil
		}
	}
	return fmt.Errorf("the operator has not entered %s for the organization %s", tenant, a.Mailbox.Key.Organization)
}

// source makes the source of tokens. A host has one, for as long as it runs.
func (s *setup) source() *s2s.Source {
	source := &s2s.Source{
		Certificates: s.certificates,
		Admit:        s.admit.admit,
		Transport:    s.network.issuer,
		Policy:       s.network.policy,
	}
	if s.network.clock != nil {
		source.Clock = s.network.clock
	}
	return source
}

// A host is the Syncer with its source of tokens.
type host struct {
	*serversync.Syncer
	source *s2s.Source
	store  *memory.Store
}

// host starts one. That it signs in as an application is what Tokens says.
func (s *setup) host() (*host, error) {
	source, store := s.source(), memory.New() // yours would be your database
	syncer, err := serversync.New(serversync.Config{
		Store:     store,
		Drivers:   map[profile.Protocol]provider.Driver{profile.EWS: s.network.driver()},
		Tokens:    map[profile.Credentials]provider.TokenSource{profile.ServerToServer: source},
		Mailboxes: serversync.Static(s.profile(), s.mailbox),
		Policy:    s.policy(),
		Clock:     s.network.clock,
	})
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return &host{syncer, source, store}, nil
}

// Close ends it.
func (h *host) Close() error { return errors.Join(h.Syncer.Close(), h.source.Close()) }
