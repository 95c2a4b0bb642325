package s2s_test

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

const hostsSecret = "xJ8~Qw2ZpVf4Lk9TtRb7Ny3Hs6Dm1Gc5.of-host"

// A hostile is an issuer that misbehaves, a Source, and all that went between them.
type hostile struct {
	t      testing.TB
	clock  *clock
	issuer *s2stest.Issuer
	source *s2s.Source

	mu    sync.Mutex
	hosts map[string]int // that were asked
	sent  []string       // what proved us
}

// newHostile returns an issuer that is reached in memory, with an application whose certificate and secret it knows.
func newHostile(t testing.TB, change ...func(*s2s.Source)) *hostile {
	h := &hostile{t: t, clock: &clock{now: epoch}, hosts: make(map[string]int)}
	cert := goodCertificate(t, 0)
	var err error
	h.issuer, err = s2stest.NewInMemory(s2stest.Options{
		Hosts: []string{"login.microsoftonline.com"}, Life: time.Hour, Now: h.clock.Now,
		Tenants: []s2stest.Tenant{{ID: contoso, Domains: []string{"contoso.example"}, Servers: []string{"https://mail.contoso.example"}}, {ID: fabrikam, Domains: []string{"fabrikam.example"}}},
		Applications: []s2stest.Application{{
			ID: client, Multitenant: true, Certificates: []*x509.Certificate{cert.Leaf(), goodCertificate(t, 1).Leaf()},
			Secrets: []s2stest.Secret{{Value: hostsSecret}},
		}},
	})
	require.NoError(t, err)
	t.Cleanup(h.issuer.Close)
	require.NoError(t, h.issuer.Grant(contoso, client, s2stest.ExchangeOnline, "full_access_as_app"))
	h.source = &s2s.Source{Certificates: []*certificate.Certificate{cert}, Transport: h, Clock: h.clock}
	for _, f := range change {
		f(h.source)
	}
	t.Cleanup(func() { h.source.Close() })
	return h
}

// RoundTrip notes who is asked and what for, and asks.
func (h *hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	h.mu.Lock()
	h.hosts[r.URL.Host]++
	if form := string(body); form != "" {
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(strings.NewReader(form))
		values := parse(form)
		h.sent = append(h.sent, values.Get("client_assertion"), values.Get("client_secret"))
	}
	h.mu.Unlock()
	return h.issuer.RoundTrip(r)
}

func (h *hostile) ask(a provider.Account) (provider.Token, error) {
	return h.source.Token(context.Background(), a, secret.Text{})
}

// bySecret returns a mailbox whose profile has the application's secret.
func bySecret() provider.Account {
	a := account("ann")
	a.Profile.Application.Secret = secret.New(hostsSecret)
	return a
}

// silent requires that nothing that proves us stands in a text, in any form.
func (h *hostile) silent(text string) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range append(h.sent, hostsSecret) {
		for _, part := range append(strings.Split(s, "."), s) {
			if len(part) >= 32 {
				require.False(h.t, secret.New(part).In(text), "%q", text)
			}
		}
	}
}

// onlyAuthority requires that nobody else was asked.
func (h *hostile) onlyAuthority() {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for host := range h.hosts {
		require.Equal(h.t, "login.microsoftonline.com", host)
	}
}

// told is all that an error says.
func told(err error) string {
	e, ok := err.(*provider.Error)
	if !ok {
		return err.Error()
	}
	return e.Error() + " " + e.Remedy + " " + e.Code + " " + e.Op
}

// server returns an account of a kind at a server.
func server(kind profile.Kind, at string) provider.Account {
	a := account("ann")
	a.Profile.Kind = kind
	if kind.IsExchange() {
		a.Profile.Incoming.URL = at
	} else {
		a.Profile.Incoming.Host = at
	}
	return on(a, profile.Incoming)
}
