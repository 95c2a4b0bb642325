package s2s_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
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

// An issuer gives tokens as Entra ID does, and is as strict about what proves an application.
type issuer struct {
	t   testing.TB
	now func() time.Time

	mu          sync.Mutex
	host        string
	life        any
	ahead       time.Duration // of its clock
	registered  map[string]*x509.Certificate
	secrets     map[string]string
	assertions  map[string]bool // or any of these, of a federated credential
	roles       []string
	tid         string // instead of the tenant that is asked
	answer      func(n int, form url.Values) (status int, h http.Header, body string)
	discoveries int
	requests    int
	used        map[string]bool
	headers     []map[string]any
	claims      []map[string]any
	given       []string
}

func newIssuer(t testing.TB, now func() time.Time, certificates ...*certificate.Certificate) *issuer {
	i := &issuer{t: t, now: now, host: "login.microsoftonline.com", life: 3600, registered: make(map[string]*x509.Certificate),
		secrets: make(map[string]string), assertions: make(map[string]bool), used: make(map[string]bool), roles: []string{"full_access_as_app"}}
	i.register(certificates...)
	return i
}

func (i *issuer) register(certificates ...*certificate.Certificate) {
	for _, c := range certificates {
		sum := c.SHA256()
		i.registered[base64.RawURLEncoding.EncodeToString(sum[:])] = c.Leaf()
	}
}

// set changes the issuer.
func (i *issuer) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

func (i *issuer) asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	res := w.Result()
	res.Request = r
	return res, nil
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	now := i.now().Add(i.ahead)
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	tenant, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method == http.MethodGet && path == "v2.0/.well-known/openid-configuration" {
		i.discoveries++
		base := "https://" + i.host + "/" + tenant
		i.mu.Unlock()
		json.NewEncoder(w).Encode(map[string]string{"issuer": base + "/v2.0", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token"})
		return
	}
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	i.requests++
	n, answer := i.requests, i.answer
	i.mu.Unlock()
	if answer != nil {
		if status, h, text := answer(n, form); status != 0 {
			for name := range h {
				w.Header().Set(name, h.Get(name))
			}
			w.WriteHeader(status)
			io.WriteString(w, text)
			return
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.Method != http.MethodPost || path != "oauth2/v2.0/token" || form.Get("grant_type") != "client_credentials" {
		i.refuse(w, 900144, "the request is none for a token")
		return
	}
	if code, why := i.proven(tenant, form, now); code != 0 {
		i.refuse(w, code, why)
		return
	}
	audience := strings.TrimSuffix(form.Get("scope"), "/.default")
	audience, _, _ = strings.Cut(audience, "/.default") // azidentity adds OpenID's own scopes
	if i.tid != "" {
		tenant = i.tid
	}
	life, _ := i.life.(int)
	token := i.token(tenant, audience, now.Add(time.Duration(life)*time.Second))
	json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": i.life, "access_token": token})
}

// token makes a token. i.mu is held.
func (i *issuer) token(tenant, audience string, expires time.Time) string {
	token, err := jwt.Sign(jwt.None, map[string]any{"typ": "JWT"}, map[string]any{"aud": audience, "tid": tenant, "appid": client, "roles": i.roles, "exp": expires.Unix(), "uti": rand.Text()}, nil)
	require.NoError(i.t, err)
	i.given = append(i.given, token)
	return token
}

func (i *issuer) refuse(w http.ResponseWriter, code int, why string) {
	w.WriteHeader(http.StatusUnauthorized)
	json.NewEncoder(w).Encode(map[string]any{"error": "invalid_client", "error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: 0", code, why), "error_codes": []int{code}})
}

// proven says why an application is not proven, 0 if it is. i.mu is held.
func (i *issuer) proven(tenant string, form url.Values, now time.Time) (code int, why string) {
	if s := form.Get("client_secret"); s != "" {
		if i.secrets[form.Get("client_id")] != s {
			return 7000215, "Invalid client secret provided."
		}
		return 0, ""
	}
	text := form.Get("client_assertion")
	if i.assertions[text] {
		return 0, ""
	}
	header, claims, err := jwt.Claims(text)
	if err != nil {
		return 50027, "Invalid JWT token."
	}
	i.headers, i.claims = append(i.headers, header), append(i.claims, claims)
	x5t, _ := header["x5t#S256"].(string)
	cert := i.registered[x5t]
	if cert == nil {
		return 700027, "The certificate with identifier used to sign the client assertion is not registered on application."
	}
	signed, signature, _ := cutLast(text, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(signed))
	if header["alg"] != "PS256" || rsa.VerifyPSS(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], raw, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) != nil {
		return 700027, "Client assertion failed signature validation."
	}
	from, until := time.Unix(int64(claims["nbf"].(float64)), 0), time.Unix(int64(claims["exp"].(float64)), 0)
	if now.Before(from) || !now.Before(until) || until.Sub(from) > 10*time.Minute {
		return 700024, "Client assertion is not within its valid time range."
	}
	if id := claims["jti"].(string); i.used[id] {
		return 50027, "Replay."
	} else {
		i.used[id] = true
	}
	if claims["aud"] != "https://"+i.host+"/"+tenant+"/oauth2/v2.0/token" || claims["iss"] != form.Get("client_id") || claims["sub"] != claims["iss"] {
		return 700023, "Client assertion audience claim does not match."
	}
	return 0, ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	n := strings.LastIndex(s, sep)
	if n < 0 {
		return s, "", false
	}
	return s[:n], s[n+1:], true
}

var keys = sync.OnceValue(func() (all []*rsa.PrivateKey) {
	for range 2 {
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
	key := keys()[n]
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
	i := newIssuer(t, c.Now, cert)
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

func said(status int, body string, header ...string) func(int, url.Values) (int, http.Header, string) {
	h := make(http.Header)
	for n := 0; n < len(header); n += 2 {
		h.Set(header[n], header[n+1])
	}
	return func(int, url.Values) (int, http.Header, string) { return status, h, body }
}
