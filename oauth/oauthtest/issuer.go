package oauthtest

import (
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/secret"
)

// Options says what an issuer is like. The zero value of a field means its default.
type Options struct {
	ClientID string        // Default: "app"
	Secret   string        // Default: "app-secret"
	Life     time.Duration // of access tokens. Default: 1 h
	Keeps    bool          // refresh tokens are not rotated

	// Grace allows a refresh token to be used again while none that was given for it
	// has been used, as issuers do that allow for a lost answer. Otherwise a second use
	// revokes the whole grant.
	Grace bool

	Hosts []string         // of mail servers. Default: 127.0.0.1
	Now   func() time.Time // Default: time.Now
}

// An Issuer is a running issuer.
type Issuer struct {
	URL string // such as https://127.0.0.1:12345

	o      Options
	server *httptest.Server // nil for one that is reached in memory
	fault  atomic.Pointer[Fault]

	mu      sync.Mutex
	codes   map[string]*pending
	devices map[string]*pending // by device code
	refresh map[string]*refreshToken
	access  map[string]*accessToken
	counts  map[string]int
	reuses  int
}

// pending is a consent under way.
type pending struct {
	client, redirect, scope, challenge, user string
	userCode                                 string
	decided, granted                         bool
	asked                                    time.Time
	interval                                 time.Duration
}

// A family is a grant: what an owner consented to once.
type family struct {
	user, client, scope string
	revoked             bool
}

type refreshToken struct {
	of     *family
	before *refreshToken // that it was given for
	used   bool
	after  bool // one that was given for it has been used
}

type accessToken struct {
	of      *family
	expires time.Time
}

// New starts an issuer on loopback, over TLS with a certificate of its own.
func New(o Options) *Issuer {
	i := NewInMemory(o)
	i.server = httptest.NewTLSServer(i)
	i.URL = i.server.URL
	return i
}

// NewInMemory returns an issuer that is reached through [Issuer.RoundTrip] only.
func NewInMemory(o Options) *Issuer {
	o.ClientID, o.Secret, o.Life = cmp.Or(o.ClientID, "app"), cmp.Or(o.Secret, "app-secret"), cmp.Or(o.Life, time.Hour)
	if o.Hosts == nil {
		o.Hosts = []string{"127.0.0.1"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Issuer{URL: "https://issuer.example", o: o,
		codes: make(map[string]*pending), devices: make(map[string]*pending), refresh: make(map[string]*refreshToken),
		access: make(map[string]*accessToken), counts: make(map[string]int)}
}

// Close stops it.
func (i *Issuer) Close() {
	if i.server != nil {
		i.server.Close()
	}
}

// Certificate is its certificate. An issuer in memory has none.
func (i *Issuer) Certificate() *x509.Certificate { return i.server.Certificate() }

// CertPool trusts its certificate.
func (i *Issuer) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.Certificate())
	return pool
}

// Issuer returns what an operator would write about it.
func (i *Issuer) Issuer() oauth.Issuer {
	return oauth.Issuer{
		Name: "test", AuthURL: i.URL + "/authorize", TokenURL: i.URL + "/token", DeviceURL: i.URL + "/device_authorization", RevokeURL: i.URL + "/revoke",
		Scopes: map[profile.Protocol][]string{profile.IMAP: {"mail.read"}, profile.POP3: {"mail.read"}, profile.SMTP: {"mail.send"}, profile.EWS: {"mail.all"}},
		Always: []string{"offline_access"}, Hosts: i.o.Hosts, OwnerField: "owner",
	}
}

// Application returns what a host is registered as.
func (i *Issuer) Application() profile.Application {
	return profile.Application{ClientID: i.o.ClientID, Secret: secret.New(i.o.Secret)}
}

// Calls returns how often something was asked for: a grant type, or "authorize",
// "device", "revoke" or "introspect".
func (i *Issuer) Calls(what string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.counts[what]
}

// Reuses returns how often a refresh token was used again that must not be.
func (i *Issuer) Reuses() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reuses
}

// Grant returns tokens for a user who has consented, without asking them.
func (i *Issuer) Grant(user string) (access, refresh string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tokens(&family{user: user, client: i.o.ClientID, scope: "mail.read mail.send"}, nil)
}

// RevokeUser takes back what a user has consented to, as they do in their account.
func (i *Issuer) RevokeUser(user string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, r := range i.refresh {
		if r.of.user == user {
			r.of.revoked = true
		}
	}
}

// User returns whose an access token is, "" if it is of no use.
func (i *Issuer) User(access string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	t := i.access[access]
	if t == nil || t.of.revoked || !i.o.Now().Before(t.expires) {
		return ""
	}
	return t.of.user
}

// tokens makes a pair of tokens. i.mu is held.
func (i *Issuer) tokens(f *family, before *refreshToken) (access, refresh string) {
	access, refresh = "at-"+rand.Text(), "rt-"+rand.Text()
	i.access[access] = &accessToken{of: f, expires: i.o.Now().Add(i.o.Life)}
	i.refresh[refresh] = &refreshToken{of: f, before: before}
	return access, refresh
}

// RoundTrip answers a request in memory.
func (i *Issuer) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	if !i.answers(w, req) {
		return nil, cmp.Or(req.Context().Err(), io.ErrUnexpectedEOF)
	}
	res := w.Result()
	res.Request = req
	return res, nil
}

// answers serves a request, and reports whether the connection stays open.
func (i *Issuer) answers(w http.ResponseWriter, req *http.Request) (is bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	i.ServeHTTP(w, req)
	return true
}

func (i *Issuer) count(what string) {
	i.mu.Lock()
	i.counts[what]++
	i.mu.Unlock()
}

// bearer returns the part of an Authorization header behind Bearer.
func bearer(h string) string {
	kind, value, _ := strings.Cut(h, " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return value
}
