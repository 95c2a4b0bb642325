package s2stest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/selfissued"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// A host issues its tokens itself.
type host struct {
	certificate *certificate.Certificate
	now         time.Time

	mu    sync.Mutex
	given []secret.Text
}

func (h *host) Token(_ context.Context, a provider.Account, _ secret.Text) (provider.Token, error) {
	at, err := url.Parse(a.Endpoint.URL)
	if err != nil {
		return provider.Token{}, err
	}
	app := a.Profile.Application
	actor, expires, err := selfissued.Issuer{Certificate: h.certificate, ClientID: app.ClientID, Realm: app.Realm}.Actor(at.Hostname(), h.now)
	if err != nil {
		return provider.Token{}, err
	}
	token, err := selfissued.For(actor, selfissued.User{Address: a.Mailbox.Address})
	if err != nil {
		return provider.Token{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.given = append(h.given, secret.New(token), secret.New(actor))
	return provider.Token{Value: secret.New(token), Expires: expires}, nil
}

// A site is an Exchange Server with a driver, and an account of anna's for it.
type site struct {
	exchange *s2stest.Exchange
	host     *host
	account  provider.Account
	log      bytes.Buffer
}

func newSite() *site {
	s := &site{exchange: newExchange(), host: &host{certificate: exchangeCertificate(0), now: exchangeNow}}
	s.exchange.Hosts = []string{"127.0.0.1"}
	s.account = provider.Account{
		Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "anna"}, Address: exchangeAnna},
		Profile: profile.Profile{ID: "p", Kind: profile.ExchangeServer, Application: profile.Application{ClientID: exchangeApp, Realm: exchangeRealm}},
		Policy:  profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	}
	return s
}

// open opens anna's mailbox, with and without a message in it.
func (s *site) open(t *testing.T) (provider.Provider, error) {
	server := ewstest.NewServer(ewstest.Options{
		Mailboxes: []string{exchangeAnna, "bob@example.com"}, Users: map[string]string{},
		Schemes: []string{"Bearer"}, Token: s.exchange.Token, Refusal: s.exchange.Refusal,
	})
	t.Cleanup(server.Close)
	server.Add(exchangeAnna, "inbox", []byte("Subject: Hello\r\n\r\nHow are you?\r\n"))
	s.account.Endpoint = server.Endpoint()
	s.account.Endpoint.Credentials = profile.ServerToServer
	s.account.Profile.Incoming = s.account.Endpoint
	s.account.Tokens = s.host
	driver := &ews.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, SpoolDir: t.TempDir()}
	session, err := driver.Open(context.Background(), s.account)
	if err == nil {
		t.Cleanup(func() { session.Close() })
	}
	return session, err
}

// A self-issued token opens the mailbox of the user that it names, without impersonation: without
// a header that says whom, an application's own token would be refused.
func TestSelfIssuedTokenOpensAMailbox(t *testing.T) {
	needSHA1(t)
	session, err := newSite().open(t)
	require.NoError(t, err)
	source, ok := provider.As[provider.Source](session)
	require.True(t, ok)
	page, err := source.Changes(t.Context(), provider.Request{Folder: "inbox", Lane: provider.Live, Want: provider.WantBodies})
	require.NoError(t, err)
	require.Len(t, page.Changes, 1)
	raw, ok := page.Changes[0].Raw.Bytes()
	require.True(t, ok)
	require.Contains(t, string(raw), "Subject: Hello")
	page.Changes[0].Raw.Release()
}

// Each refusal says what is wrong, and none shows a token or a key.
func TestSelfIssuedRefusalsAreClear(t *testing.T) {
	needSHA1(t)
	for what, c := range map[string]struct {
		change func(*site)
		says   string
	}{
		"wrong certificate": {func(s *site) { s.host.certificate = exchangeCertificate(1) }, "invalid signature"},
		"certificate taken over and not registered": {func(s *site) {
			alter(func(p *s2stest.ExchangePartner) { p.Certificates = []*x509.Certificate{exchangeCertificate(1).Leaf()} })(s.exchange)
		}, "invalid signature"},
		"not a partner":     {func(s *site) { s.exchange.Partners = nil }, "issuer of the token is unknown"},
		"partner disabled":  {func(s *site) { alter(func(p *s2stest.ExchangePartner) { p.Disabled = true })(s.exchange) }, "issuer of the token is unknown"},
		"no linked account": {func(s *site) { alter(func(p *s2stest.ExchangePartner) { p.Roles = nil })(s.exchange) }, "linked account"},
		"wrong realm":       {func(s *site) { s.account.Profile.Application.Realm = "other.example" }, "issuer of the token is unknown"},
		"realm of another tenant": {func(s *site) {
			s.account.Profile.Application.Realm = "other.example"
			alter(func(p *s2stest.ExchangePartner) { p.Realm = "other.example" })(s.exchange)
		}, "tenant for tenant guid 'other.example' does not exist"},
		"wrong audience": {func(s *site) { s.exchange.Hosts = []string{"mail.example.com"} }, "Expected 'mail.example.com'. Actual '127.0.0.1'."},
		"expired":        {func(s *site) { s.host.now = exchangeNow.Add(-2 * time.Hour) }, "has expired"},
		"clock ahead":    {func(s *site) { s.host.now = exchangeNow.Add(11 * time.Minute) }, "not good yet"},
		"user unknown":   {func(s *site) { s.account.Mailbox.Address = "carol@example.com" }, "does not exist"},
		"user ambiguous": {func(s *site) { s.exchange.Users["bob@example.com"] = []string{exchangeAnna} }, "ambiguous"},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite()
			c.change(s)
			_, err := s.open(t)
			var e *provider.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, provider.ErrAuth, e.Kind, err)
			require.Contains(t, err.Error(), c.says)
			require.NotEmpty(t, e.Remedy)
			s.hush(t, err, e)
		})
	}
}

// What cannot be issued is said without asking the server.
func TestSelfIssuedTokensThatCannotBe(t *testing.T) {
	needSHA1(t)
	for says, change := range map[string]func(*site){
		"no certificate":          func(s *site) { s.host.certificate = nil },
		"GUID":                    func(s *site) { s.account.Profile.Application.ClientID = "serversync" },
		"realm":                   func(s *site) { s.account.Profile.Application.Realm = "a@b" },
		"the mailbox's address":   func(s *site) { s.account.Mailbox.Address = `anna"@example.com` },
		"certificate has expired": func(s *site) { s.host.now = time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		s := newSite()
		change(s)
		_, err := s.open(t)
		require.ErrorContains(t, err, says)
		require.Empty(t, s.host.given)
	}
}

// A clock that is wrong by less than ten minutes does no harm: tokens are backdated by five, and
// Exchange allows for five more.
func TestSelfIssuedTokensAndSkewedClocks(t *testing.T) {
	needSHA1(t)
	for _, skew := range []time.Duration{9 * time.Minute, 5 * time.Minute, -time.Hour} {
		s := newSite()
		s.host.now = exchangeNow.Add(skew)
		_, err := s.open(t)
		require.NoError(t, err, skew)
	}
}

// hush verifies that an error shows nothing that proves anybody.
func (s *site) hush(t *testing.T, err error, e *provider.Error) {
	t.Helper()
	slog.New(slog.NewTextHandler(&s.log, nil)).Error("open", "error", err, "account", s.account, "host", s.host.certificate)
	shown := err.Error() + e.Remedy + e.Code + s.log.String()
	require.NotEmpty(t, s.host.given)
	for _, token := range s.host.given {
		require.False(t, token.In(shown))
	}
	require.NotContains(t, shown, "eyJ")
}
