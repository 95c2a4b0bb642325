package oauth_test

import (
	"context"
	"crypto/tls"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

const redirect = "https://crm.example/back"

// A world is an issuer in memory, a Store and a clock that moves when it is told to.
type world struct {
	t      testing.TB
	clock  *clock
	issuer *oauthtest.Issuer
	store  *memory.Store
	source *oauth.Source
}

func newWorld(t testing.TB, o oauthtest.Options, change ...func(*oauth.Source)) *world {
	c := &clock{now: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)}
	o.Now = c.Now
	w := &world{t: t, clock: c, issuer: oauthtest.NewInMemory(o), store: memory.New()}
	w.source = w.another(change...)
	return w
}

// another returns a Source as another process has it.
func (w *world) another(change ...func(*oauth.Source)) *oauth.Source {
	s := &oauth.Source{Grants: w.store, Keyring: keyring(w.t), Issuers: []oauth.Issuer{w.issuer.Issuer()}, Transport: w.issuer, Clock: w.clock}
	for _, f := range change {
		f(s)
	}
	return s
}

func keyring(t testing.TB) *secret.Keyring {
	k, err := secret.NewKeyring("k", map[string][]byte{"k": []byte("an example's key, of 32 bytes ..")})
	require.NoError(t, err)
	return k
}

func account(i *oauthtest.Issuer, name string) provider.Account {
	p := profile.Profile{
		ID: "p", Kind: profile.IMAPSMTP, Application: i.Application(),
		Incoming: profile.Endpoint{Host: "127.0.0.1", Credentials: profile.OAuth}, Outgoing: profile.Endpoint{Host: "127.0.0.1"},
	}
	return provider.Account{
		Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "acme", Mailbox: name}, Address: name + "@example.com"},
		Profile: p, Endpoint: p.Endpoint(profile.Incoming),
	}
}

// ann is the mailbox of most tests.
func (w *world) ann() provider.Account { return account(w.issuer, "ann") }

// consent has an owner consent in a browser.
func (w *world) consent(s *oauth.Source, a provider.Account) {
	w.t.Helper()
	begun, err := s.Begin(context.Background(), a, redirect)
	require.NoError(w.t, err)
	require.NoError(w.t, s.Finish(context.Background(), a, begun.Session, w.browse(begun.URL, a.Mailbox.Address, "allow")))
}

// token asks for a token and requires one.
func (w *world) token(s *oauth.Source, refused string) string {
	w.t.Helper()
	t, err := s.Token(context.Background(), w.ann(), secret.New(refused))
	require.NoError(w.t, err)
	return t.Value.Reveal()
}

// refused asks for a token and requires an error.
func (w *world) refused(kind provider.Kind) *provider.Error {
	w.t.Helper()
	_, err := w.source.Token(context.Background(), w.ann(), secret.Text{})
	return isError(w.t, err, kind)
}

func isError(t testing.TB, err error, kind provider.Kind) *provider.Error {
	t.Helper()
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, "%v", err)
	return e
}

// overTLS is a Source that reaches an issuer on loopback by its own transport.
func overTLS(t testing.TB, i *oauthtest.Issuer, policy profile.Policy) *oauth.Source {
	return &oauth.Source{Grants: memory.New(), Keyring: keyring(t), Issuers: []oauth.Issuer{i.Issuer()}, TLSConfig: &tls.Config{RootCAs: i.CertPool()}, Policy: policy}
}

func loopback() profile.Policy {
	return profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// A clock moves when it is told to. Sleeping is one way to tell.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	sleeps func() // called before each Sleep
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	if c.sleeps != nil {
		c.sleeps()
	}
	c.pass(d)
	return ctx.Err()
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func query(t testing.TB, location string) url.Values {
	u, err := url.Parse(location)
	require.NoError(t, err)
	return u.Query()
}
