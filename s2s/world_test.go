package s2s_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

const (
	contoso  = "11111111-aaaa-4bbb-8ccc-222222222222"
	fabrikam = "33333333-aaaa-4bbb-8ccc-444444444444"
	client   = "55555555-aaaa-4bbb-8ccc-666666666666"
	outlook  = "https://outlook.office365.com"
)

// A clock moves when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var epoch = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// An issuer is s2stest's, in memory, and keeps what it is asked with.
type issuer struct {
	*s2stest.Issuer
	t testing.TB

	mu     sync.Mutex
	forms  []url.Values // of requests for tokens
	before int          // requests that do not count
}

// newIssuer returns an issuer that knows the client in contoso and fabrikam, and in further tenants.
func newIssuer(t testing.TB, now func() time.Time, certificates []*certificate.Certificate, tenants ...string) *issuer {
	o := s2stest.Options{Now: now, Key: keys()[2], Life: life(time.Hour), Hosts: []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}}
	app := s2stest.Application{ID: client, Name: "crm", Multitenant: true}
	for _, c := range certificates {
		app.Certificates = append(app.Certificates, c.Leaf())
	}
	o.Applications = []s2stest.Application{app}
	tenants = append([]string{contoso, fabrikam}, tenants...)
	for _, id := range tenants {
		o.Tenants = append(o.Tenants, s2stest.Tenant{ID: id, Servers: []string{"https://mail.contoso.example"}})
	}
	inner, err := s2stest.NewInMemory(o)
	require.NoError(t, err)
	i := &issuer{Issuer: inner, t: t}
	for _, id := range tenants {
		require.NoError(t, i.Consent(id, client))
		require.NoError(t, i.Grant(id, client, s2stest.ExchangeOnline, "full_access_as_app"))
	}
	return i
}

// life is what makes expires_in say d: Entra ID takes a second off.
func life(d time.Duration) time.Duration { return d + time.Second }

func (i *issuer) register(c *certificate.Certificate) {
	require.NoError(i.t, i.AddCertificate(client, c.Leaf()))
}

func (i *issuer) remove(c *certificate.Certificate) {
	require.NoError(i.t, i.RemoveCertificate(client, c.Leaf()))
}

func (i *issuer) secret(s string) {
	require.NoError(i.t, i.AddSecret(client, s2stest.Secret{Value: s}))
}

// federated returns an assertion of another issuer that proves the client.
func (i *issuer) federated(subject string) string {
	require.NoError(i.t, i.AddFederation(client, s2stest.Federation{Subject: subject}))
	text, err := i.Federated(subject, "", 0)
	require.NoError(i.t, err)
	return text
}

// asked returns how many requests for tokens there were since forget.
func (i *issuer) asked() int { return i.Counts().Requests - i.before }

func (i *issuer) forget() { i.before = i.Counts().Requests }

// proof returns the form of the nth request for a token, and what is in its assertion.
func (i *issuer) proof(n int) (form url.Values, header, claims map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	require.Greater(i.t, len(i.forms), n)
	form = i.forms[n]
	header, claims, _ = jwt.Claims(form.Get("client_assertion"))
	return form, header, claims
}

// arrived waits until a request for a token is under way.
func (i *issuer) arrived() {
	i.t.Helper()
	require.Eventually(i.t, func() bool { return i.Counts().InFlight > 0 }, time.Minute, time.Millisecond)
}

// RoundTrip answers, and keeps the form.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		i.mu.Lock()
		i.forms = append(i.forms, form)
		i.mu.Unlock()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return i.Issuer.RoundTrip(r)
}

// unsigned returns a token that nobody has signed, of a host's own credential.
func unsigned(t testing.TB, tenant, audience string, expires time.Time) string {
	token, err := jwt.Sign(jwt.None, map[string]any{"typ": "JWT"}, map[string]any{"aud": audience, "tid": tenant, "appid": client, "roles": []string{"full_access_as_app"}, "exp": expires.Unix(), "uti": rand.Text()}, nil)
	require.NoError(t, err)
	return token
}

var keys = sync.OnceValue(func() (all []*rsa.PrivateKey) {
	for range 3 { // of two certificates, and an issuer
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		all = append(all, key)
	}
	return all
})

// newCertificate makes a certificate with the nth key.
func newCertificate(t testing.TB, n int, name string, from, until time.Time) *certificate.Certificate {
	return certify(t, keys()[n], n, name, from, until)
}

// onCurve makes a certificate whose key no issuer takes.
func onCurve(t testing.TB) *certificate.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return certify(t, key, 0, "curve", epoch, epoch.AddDate(1, 0, 0))
}

func certify(t testing.TB, key crypto.Signer, n int, name string, from, until time.Time) *certificate.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(n + 1)), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	c, err := certificate.FromSigner(key, leaf)
	require.NoError(t, err)
	return c
}

func goodCertificate(t testing.TB, n int) *certificate.Certificate {
	return newCertificate(t, n, fmt.Sprint("crm.example ", n), epoch.Add(-24*time.Hour), epoch.AddDate(2, 0, 0))
}

// A world is an issuer, a Source and a clock.
type world struct {
	t      testing.TB
	clock  *clock
	issuer *issuer
	source *s2s.Source
}

func newWorld(t testing.TB, change ...func(*s2s.Source)) *world {
	c := &clock{now: epoch}
	cert := goodCertificate(t, 0)
	i := newIssuer(t, c.Now, []*certificate.Certificate{cert})
	s := &s2s.Source{Certificates: []*certificate.Certificate{cert}, Transport: i, Clock: c}
	for _, f := range change {
		f(s)
	}
	t.Cleanup(func() { s.Close() })
	return &world{t, c, i, s}
}

// account returns a mailbox of Exchange Online in the host's own tenant.
func account(name string) provider.Account {
	p := profile.Profile{ID: "p", Kind: profile.ExchangeOnline, Application: profile.Application{ClientID: client},
		Incoming: profile.Endpoint{Credentials: profile.ServerToServer}}
	a := provider.Account{Profile: p, Policy: profile.Policy{TenantID: contoso}}
	a.Mailbox.Key.Organization, a.Mailbox.Key.Mailbox, a.Mailbox.Address = "acme", name, name+"@contoso.example"
	return on(a, profile.Incoming)
}

// on returns the account for a side of its profile.
func on(a provider.Account, side profile.Side) provider.Account {
	a.Endpoint = a.Profile.Endpoint(side)
	return a
}

func (w *world) token() string {
	w.t.Helper()
	t, err := w.source.Token(context.Background(), account("ann"), secret.Text{})
	require.NoError(w.t, err)
	return t.Value.Reveal()
}

// refused asks for a token and requires an error.
func (w *world) refused(kind provider.Kind) *provider.Error {
	w.t.Helper()
	_, err := w.source.Token(context.Background(), account("ann"), secret.Text{})
	return isError(w.t, err, kind)
}

func isError(t testing.TB, err error, kind provider.Kind) *provider.Error {
	t.Helper()
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, "%v", err)
	return e
}

// settle waits until nothing is under way.
func (w *world) settle() { s2s.Settle(w.source) }

// traced is the context of a test of a profile.
func traced() context.Context { return provider.WithTrace(context.Background(), new(provider.Trace)) }

// said is an answer of the issuer's.
func said(status int, body string, header ...string) s2stest.Fault {
	h := http.Header{"Content-Type": {"application/json"}}
	for n := 0; n < len(header); n += 2 {
		h.Set(header[n], header[n+1])
	}
	return s2stest.Fault{Status: status, Header: h, Body: body}
}
