package s2s_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

const (
	annAddress = "ann@contoso.example"
	bobAddress = "bob@contoso.example"
	realm      = "contoso.example"
	loopbackIP = "127.0.0.1"
)

var (
	annKey = mailbox.Key{Organization: "acme", Mailbox: "ann"}
	annBox = mailbox.Mailbox{Key: annKey, Address: annAddress}
)

// A site is an issuer, an Exchange, and a host between them whose application the issuer knows. What a test
// changes it changes before start.
type site struct {
	t        *testing.T
	issuer   *s2stest.Issuer
	exchange *s2stest.Exchange
	options  ewstest.Options
	source   *s2s.Source
	profile  profile.Profile
	box      mailbox.Mailbox
	policy   profile.Policy
	drivers  map[profile.Protocol]provider.Driver // besides that of Exchange
	poll     time.Duration

	server *ewstest.Server
	store  *memory.Store
	syncer *serversync.Syncer
	told   diary
	proofs proofs
}

// newSite returns one whose mailboxes are in Exchange Online, in the host's own tenant.
func newSite(t *testing.T) *site {
	s := &site{t: t, box: annBox, store: memory.New(), drivers: make(map[profile.Protocol]provider.Driver)}
	own := s.proofs.certificate(t, 0, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	var err error
	s.issuer, err = s2stest.NewIssuer(s2stest.Options{Key: keys()[2], Applications: []s2stest.Application{
		{ID: client, Name: "crm", Multitenant: true, Certificates: []*x509.Certificate{own.Leaf()}}}})
	require.NoError(t, err)
	t.Cleanup(s.issuer.Close)
	require.NoError(t, s.issuer.Grant(s2stest.Contoso, client, s2stest.ExchangeOnline, "full_access_as_app"))
	s.exchange = &s2stest.Exchange{
		Users: map[string][]string{annAddress: nil, bobAddress: nil}, Audiences: []string{outlook},
		Verify: s.issuer.Verify, Tenant: s2stest.Contoso,
	}
	s.options = ewstest.Options{Mailboxes: []string{annAddress, bobAddress}, Users: map[string]string{}, Version: "EXO",
		Schemes: []string{"Bearer"}, Token: func(token string) (string, bool, bool) { return s.exchange.Token(token) }, Refusal: func(token string) string { return s.exchange.Refusal(token) }}
	s.policy = profile.Policy{TenantID: s2stest.Contoso, AllowNetworks: loopback().AllowNetworks}
	s.source = &s2s.Source{
		Certificates: []*certificate.Certificate{own}, Policy: s.policy, TLSConfig: &tls.Config{RootCAs: s.issuer.CertPool()},
		Cloud: s2s.Cloud{Authority: s.issuer.URL, Resource: outlook, Hosts: []string{"outlook.office365.com", "smtp.office365.com", loopbackIP}},
	}
	s.profile = profile.Profile{ID: "p", Kind: profile.ExchangeOnline, Application: profile.Application{ClientID: client}, Incoming: profile.Endpoint{Credentials: profile.ServerToServer}}
	return s
}

// The ways of docs/s2s.md to an Exchange.
var ways = map[string]func(*site){
	"online": func(*site) {},
	"hybrid": func(s *site) {
		s.profile.Kind, s.policy.Deployment = profile.ExchangeOnlineHybrid, profile.SelfHosted
	},
	"cross-tenant": func(s *site) {
		s.profile.TenantID, s.exchange.Tenant = s2stest.Fabrikam, s2stest.Fabrikam
		s.source.Admit = func(_ context.Context, a provider.Account, tenant string) error {
			if a.Mailbox.Key.Organization != "acme" || tenant != s2stest.Fabrikam {
				return fmt.Errorf("%s has not proven that %s is its own", a.Mailbox.Key.Organization, tenant)
			}
			return nil
		}
		require.NoError(s.t, s.issuer.Consent(s2stest.Fabrikam, client))
		require.NoError(s.t, s.issuer.Grant(s2stest.Fabrikam, client, s2stest.ExchangeOnline, "full_access_as_app"))
	},
	"on premises": func(s *site) {
		hybridModern(s)
		require.NoError(s.t, s.issuer.AddServer(s2stest.Contoso, "https://"+loopbackIP))
	},
	"on premises, host in the cloud": func(s *site) {
		hybridModern(s)
		s.profile.Kind, s.policy.Deployment = profile.ExchangeServerHybrid, profile.Cloud
		require.NoError(s.t, s.issuer.AddServer(s2stest.Contoso, "https://"+loopbackIP))
	},
	"self-issued": func(s *site) {
		s.profile.Kind, s.policy.Deployment = profile.ExchangeServer, profile.SelfHosted
		s.profile.Application.Realm = realm
		s.options.Version = "2016"
		*s.exchange = s2stest.Exchange{Hosts: []string{loopbackIP}, Realm: realm, Users: s.exchange.Users, Partners: map[string]s2stest.ExchangePartner{
			client: {Certificates: []*x509.Certificate{s.source.Certificates[0].Leaf()}, Roles: []string{"UserApplication"}}}}
	},
}

// hybridModern is hybrid modern authentication, where the tenant does not know the server yet.
func hybridModern(s *site) {
	s.profile.Kind, s.policy.Deployment = profile.ExchangeServer, profile.SelfHosted
	s.exchange.Hosts, s.exchange.Audiences, s.options.Version = []string{loopbackIP}, nil, "2019"
}

// needSHA1 skips what finds certificates by SHA-1, which a process under FIPS 140 alone may not compute.
func needSHA1(t *testing.T, way string) {
	if _, ok := goodCertificate(t, 0).SHA1(); way == "self-issued" && !ok {
		t.Skip("Exchange Server finds the certificate of a self-issued token by its SHA-1 thumbprint, which this process may not compute")
	}
}

// start starts Exchange and the host.
func (s *site) start() *site {
	s.t.Helper()
	s.server = ewstest.NewServer(s.options)
	s.t.Cleanup(s.server.Close)
	if s.profile.Kind.IsExchange() {
		s.profile.Incoming.URL = s.server.URL()
	}
	s.drivers[profile.EWS] = &ews.Driver{TLSConfig: &tls.Config{RootCAs: s.server.CertPool()}, SpoolDir: s.t.TempDir()}
	var err error
	s.syncer, err = serversync.New(s.config())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { s.syncer.Close() })
	s.t.Cleanup(func() { s.source.Close() })
	return s
}

func (s *site) config() serversync.Config {
	return serversync.Config{
		Store: s.store, Mailboxes: serversync.Static(s.profile, s.box), Drivers: s.drivers, Policy: s.policy,
		Tokens:  map[profile.Credentials]provider.TokenSource{profile.ServerToServer: &noting{s.source, &s.proofs}},
		Logger:  slog.New(slog.NewJSONHandler(&s.told, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Sending: serversync.Sending{Settle: time.Millisecond}, PollInterval: s.poll, IdleSessions: -1,
	}
}

// connection tests the profile alone.
func (s *site) connection() serversync.TestReport {
	s.t.Helper()
	r, err := s.syncer.TestConnection(s.t.Context(), annKey.Organization, s.profile, serversync.TestOptions{})
	require.NoError(s.t, err)
	s.hush(r)
	return r
}

// test tests the mailbox, with a message to itself.
func (s *site) test() serversync.TestReport {
	s.t.Helper()
	r, err := s.syncer.TestMailbox(s.t.Context(), annKey, serversync.TestOptions{})
	require.NoError(s.t, err)
	s.hush(r)
	return r
}

// sync does a cycle.
func (s *site) sync() (serversync.Report, error) {
	s.t.Helper()
	r, err := s.syncer.SyncMailbox(s.t.Context(), annKey)
	s.hush(r, err)
	return r, err
}

// stages are those of a side that did not fail or were not left out.
func stages(r serversync.TestReport, side mailbox.Side) (all []provider.Stage) {
	for _, st := range r.Stages {
		if st.Side == side && st.Status == serversync.StagePassed {
			all = append(all, st.Stage)
		}
	}
	return all
}

// hush requires that neither values nor the log show what proves anybody.
func (s *site) hush(values ...any) {
	s.t.Helper()
	var all bytes.Buffer
	for _, v := range values {
		text, err := json.Marshal(v)
		require.NoError(s.t, err)
		fmt.Fprintf(&all, "%s %v %+v %#v\n", text, v, v, v)
	}
	s.proofs.hush(s.t, all.String()+s.told.String())
}

// A diary is a log that may be read while it is written.
type diary struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *diary) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *diary) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// proofs are what nobody may be shown: tokens, signatures of assertions, and keys.
type proofs struct {
	mu     sync.Mutex
	all    []secret.Text
	tokens int
}

func (p *proofs) add(texts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range texts {
		p.all = append(p.all, secret.New(text))
	}
}

func (p *proofs) hush(t *testing.T, shown string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.NotContains(t, shown, "eyJ", "what begins like a token")
	for n, text := range p.all {
		require.False(t, text.In(shown), "proof %d is shown", n)
	}
}

// certificate makes a certificate whose signatures are noted.
func (p *proofs) certificate(t testing.TB, n int, from, until time.Time) *certificate.Certificate {
	key := keys()[n]
	p.add(key.D.String(), fmt.Sprintf("%x", key.D), base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key)))
	c, err := certificate.FromSigner(notingSigner{key, p}, newCertificate(t, n, fmt.Sprint("crm.example ", n), from, until).Leaf())
	require.NoError(t, err)
	return c
}

type notingSigner struct {
	crypto.Signer
	to *proofs
}

func (s notingSigner) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	signature, err := s.Signer.Sign(r, digest, o)
	s.to.add(base64.RawURLEncoding.EncodeToString(signature))
	return signature, err
}

// A noting source notes the tokens that it gives.
type noting struct {
	*s2s.Source
	to *proofs
}

func (n *noting) Token(ctx context.Context, a provider.Account, refused secret.Text) (provider.Token, error) {
	token, err := n.Source.Token(ctx, a, refused)
	if err == nil {
		n.to.add(token.Value.Reveal())
		n.to.mu.Lock()
		n.to.tokens++
		n.to.mu.Unlock()
	}
	return token, err
}
