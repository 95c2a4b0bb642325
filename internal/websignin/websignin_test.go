package websignin

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// word is the password of every test here. It must never show.
const word = "canary-Qp4!m8"

// A site is a server that asks for a sign-in.
type site struct {
	*httptest.Server
	offers []string

	mu      sync.Mutex
	proofs  []string // what came in Authorization, by its scheme; "" for none
	bodies  []string
	refuses bool
}

func newSite(t *testing.T, offers ...string) *site {
	s := &site{offers: offers}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		s.mu.Lock()
		defer s.mu.Unlock()
		s.proofs, s.bodies = append(s.proofs, scheme), append(s.bodies, string(b))
		if scheme == "" && len(s.offers) > 0 || s.refuses {
			for _, o := range s.offers {
				w.Header().Add("WWW-Authenticate", o)
			}
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "well")
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.proofs, " ")
}

func (s *site) options() wire.HTTPOptions {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return wire.HTTPOptions{Op: "test", TLSConfig: &tls.Config{RootCAs: roots}, Policy: policy}
}

var policy = profile.Policy{Deployment: profile.SelfHosted, ADAuthentication: profile.Allowed, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

func account(change ...func(*provider.Account)) provider.Account {
	a := provider.Account{
		Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "anna"}, Address: "anna@example.test", Username: "anna", Password: secret.New(word)},
		Policy:  policy,
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func with(ms ...provider.Mechanism) func(*provider.Account) {
	return func(a *provider.Account) { a.Mechanisms = ms }
}

func by(m profile.Authentication) func(*provider.Account) {
	return func(a *provider.Account) { a.Endpoint.Authentication = m }
}

func from(c profile.Credentials) func(*provider.Account) {
	return func(a *provider.Account) { a.Endpoint.Credentials = c }
}

// A guest is a mechanism of a host's.
type guest struct {
	name, scheme string
	err          error // of each request
	panics       bool
	bases        []*http.Transport
	peers        []provider.Peer
}

func (g *guest) Name() string   { return g.name }
func (g *guest) Scheme() string { return g.scheme }
func (g *guest) Begin(context.Context, provider.Peer) (provider.Exchange, error) {
	return nil, errors.New("it is for the web")
}

func (g *guest) Transport(p provider.Peer, base *http.Transport) (http.RoundTripper, error) {
	g.bases, g.peers = append(g.bases, base), append(g.peers, p)
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if g.panics {
			panic("the guest fell over " + p.Password.Reveal())
		}
		if g.err != nil {
			r.Body.Close()
			return nil, g.err
		}
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", g.scheme+" cHJvb2Y=")
		return base.RoundTrip(r)
	}), nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// withNTLM skips a test of what is never chosen in FIPS 140 mode.
func withNTLM(t *testing.T) {
	t.Helper()
	if fips140.Enabled() {
		t.Skip("FIPS 140 does not approve NTLM")
	}
}

func kerberos() *guest { return &guest{name: "GSSAPI", scheme: "Negotiate"} }
func windows() *guest  { return &guest{name: "NTLM", scheme: "NTLM"} }

// post makes a request and returns how it went.
func post(t *testing.T, c *Client, s *site) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader("hello"))
	require.NoError(t, err)
	answer, err := c.Do(r)
	if err != nil {
		require.NotContains(t, err.Error(), word)
		return err
	}
	b, _ := io.ReadAll(answer.Body)
	require.Equal(t, "well", string(b))
	return answer.Body.Close()
}

func client(t *testing.T, s *site, a provider.Account) *Client {
	t.Helper()
	c, err := New("test", s.options(), a)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// The strongest way that server, profile and policy have in common is taken, once it is known,
// without a question; what is asked holds nothing.
func TestChoice(t *testing.T) {
	unable := &provider.Error{Op: "guest", Kind: provider.ErrUnsupported, Err: errors.New("no realm")}
	strict := func(a *provider.Account) { a.Policy.FIPS = true }
	cloud := func(a *provider.Account) {
		a.Policy.Deployment, a.Policy.ADAuthentication = profile.Cloud, profile.Refused
	}
	for name, tt := range map[string]struct {
		offers []string
		a      provider.Account
		seen   string
		method string
	}{
		"all there is":              {[]string{"Negotiate, NTLM", `Basic realm="a, b"`}, account(with(windows(), kerberos())), " Negotiate Negotiate", "Negotiate"},
		"in one field":              {[]string{`Basic realm="Negotiate, x", ntlm`}, account(with(windows(), kerberos())), " NTLM NTLM", "NTLM"},
		"NTLM alone, as Negotiate":  {[]string{"Negotiate"}, account(with(windows())), " NTLM NTLM", "NTLM"},
		"Kerberos cannot be used":   {[]string{"Negotiate", "NTLM"}, account(with(&guest{name: "GSSAPI", scheme: "Negotiate", err: unable}, windows())), " NTLM NTLM", "NTLM"},
		"neither can be":            {[]string{"Negotiate", "Basic"}, account(with(&guest{name: "GSSAPI", scheme: "Negotiate", err: unable})), " Basic Basic", "Basic"},
		"no mechanism":              {[]string{"Negotiate", "NTLM", "Basic"}, account(), " Basic Basic", "Basic"},
		"FIPS 140":                  {[]string{"NTLM", "Basic"}, account(with(windows()), strict), " Basic Basic", "Basic"},
		"a cloud's policy":          {[]string{"Negotiate", "NTLM", "Basic"}, account(with(windows(), kerberos()), cloud), " Basic Basic", "Basic"},
		"Basic, as the profile has": {[]string{"Negotiate", "Basic"}, account(with(kerberos()), by(profile.Basic)), "Basic Basic", "Basic"},
		"NTLM, as the profile has":  {[]string{"Negotiate", "NTLM"}, account(with(kerberos(), windows()), by(profile.NTLM)), "NTLM NTLM", "NTLM"},
		"Negotiate, as it has":      {[]string{"NTLM"}, account(with(kerberos(), windows()), by(profile.Negotiate)), " NTLM NTLM", "NTLM"},
		"the process":               {[]string{"Negotiate"}, account(with(kerberos(), windows()), from(profile.IntegratedWindows)), " Negotiate Negotiate", "Negotiate"},
		"nobody is asked":           {nil, account(), "  ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.method == "NTLM" {
				withNTLM(t)
			}
			s := newSite(t, tt.offers...)
			c := client(t, s, tt.a)
			require.NoError(t, post(t, c, s))
			require.NoError(t, post(t, c, s))
			require.Equal(t, tt.seen, s.seen())
			require.Equal(t, tt.method, c.Method())
			for i, scheme := range s.proofs {
				if scheme == "" && len(tt.offers) > 0 {
					require.Empty(t, s.bodies[i], "the body came with a question")
				} else if i > 0 {
					require.Equal(t, "hello", s.bodies[i])
				}
			}
		})
	}
}

// What cannot be is refused, with what to do: without a question where it can never be.
func TestX4Impossible(t *testing.T) {
	s := newSite(t, "NTLM")
	for name, tt := range map[string]struct {
		a    provider.Account
		kind provider.Kind
	}{
		"Negotiate without a mechanism": {account(by(profile.Negotiate)), provider.ErrUnsupported},
		"one for SASL alone":            {account(by(profile.NTLM), func(a *provider.Account) { a.Mechanisms = []provider.Mechanism{saslOnly{}} }), provider.ErrUnsupported},
		"the policy is against it": {account(by(profile.NTLM), with(windows()), func(a *provider.Account) {
			a.Policy.Deployment, a.Policy.ADAuthentication = profile.Cloud, profile.Refused
		}), provider.ErrUnsupported},
		"NTLM under FIPS 140": {account(by(profile.NTLM), with(windows()), func(a *provider.Account) { a.Policy.FIPS = true }), provider.ErrUnsupported},
		"SASL's own":          {account(by(profile.SCRAM), with(kerberos())), provider.ErrUnsupported},
		"a certificate":       {account(from(profile.ClientCertificate)), provider.ErrUnsupported},
		"without TLS":         {account(func(a *provider.Account) { a.Endpoint.TLS = profile.Plaintext }), provider.ErrUnsafe},
	} {
		_, err := New("test", s.options(), tt.a)
		require.ErrorIs(t, err, tt.kind, name)
	}
	require.Empty(t, s.seen())
	err := post(t, client(t, s, account()), s)
	require.ErrorIs(t, err, provider.ErrUnsupported)
	require.ErrorContains(t, err, "no way to sign in")
	for _, a := range []provider.Account{
		account(func(a *provider.Account) { a.Mailbox.Password = secret.Text{} }),
		account(func(a *provider.Account) { a.Mailbox.Username = "anna\r\nX: y" }),
		account(by(profile.Basic), func(a *provider.Account) { a.Mailbox.Username = "an:na" }),
	} {
		before := s.seen()
		require.ErrorIs(t, post(t, client(t, s, a), s), provider.ErrAuth)
		require.Equal(t, before, s.seen(), "it was asked all the same")
	}
}

type saslOnly struct{}

func (saslOnly) Name() string { return "NTLM" }
func (saslOnly) Begin(context.Context, provider.Peer) (provider.Exchange, error) {
	return nil, errors.New("no")
}

// X4: a password goes over TLS alone, whatever the address is, unless profile and policy both say
// otherwise.
func TestX4BasicOverTLSOnly(t *testing.T) {
	var seen []string
	plain := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r.Header.Get("Authorization")) }))
	defer plain.Close()
	lax := policy
	lax.AllowPlaintext, lax.AllowBasicWithoutTLS = true, true
	ask := func(a provider.Account) error {
		c, err := New("test", wire.HTTPOptions{Op: "test", Policy: lax}, a)
		require.NoError(t, err)
		defer c.Close()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, plain.URL, nil)
		answer, err := c.Do(r)
		if err == nil {
			answer.Body.Close()
		}
		return err
	}
	require.ErrorIs(t, ask(account(by(profile.Basic), func(a *provider.Account) { a.Policy = lax })), provider.ErrUnsafe)
	require.Empty(t, seen)
	require.NoError(t, ask(account(by(profile.Basic), func(a *provider.Account) { a.Policy, a.Endpoint.TLS = lax, profile.Plaintext })))
	require.Len(t, seen, 1)
	require.NotEmpty(t, seen[0])
}

// One proof that is refused is the answer, for servers lock accounts.
func TestOneRefusedProof(t *testing.T) {
	s := newSite(t, "Negotiate", "NTLM", "Basic")
	s.refuses = true
	for _, a := range []provider.Account{account(), account(with(windows())), account(with(kerberos(), windows()))} {
		s.proofs = nil
		err := post(t, client(t, s, a), s)
		require.ErrorIs(t, err, provider.ErrAuth)
		require.Len(t, s.proofs, 2, "a question and a proof")
		var refused *Refusal
		require.ErrorAs(t, err, &refused)
		require.Equal(t, []string{"Negotiate", "NTLM", "Basic"}, refused.Offered)
	}
	s.offers = []string{"NTLM"}
	var e *provider.Error
	require.ErrorAs(t, post(t, client(t, s, account(by(profile.Basic))), s), &e)
	require.Contains(t, e.Remedy, "does not offer Basic, but NTLM")
}

// What a server has told the caller it is not asked for again, and what is known is not unlearned.
func TestLearn(t *testing.T) {
	s := newSite(t, "Negotiate", "NTLM", "Basic")
	said := http.Header{"Www-Authenticate": {"Negotiate", "Basic"}}
	c := client(t, s, account(with(kerberos())))
	require.NoError(t, c.Learn(http.StatusUnauthorized, said))
	require.NoError(t, c.Learn(http.StatusOK, nil), "which is too late")
	require.NoError(t, post(t, c, s))
	require.Equal(t, "Negotiate", s.seen())
	require.Equal(t, "Negotiate", c.Method())

	unlike := client(t, s, account(from(profile.IntegratedWindows), with(kerberos())))
	require.ErrorIs(t, unlike.Learn(http.StatusUnauthorized, http.Header{"Www-Authenticate": {"Basic"}}), provider.ErrUnsupported)
	ill := client(t, s, account())
	require.NoError(t, ill.Learn(http.StatusServiceUnavailable, nil), "which is nothing about signing in")
	s.proofs = nil
	require.NoError(t, post(t, ill, s))
	require.Equal(t, " Basic", s.seen())
}

// A mechanism of the host's may fail as it likes.
func TestHostsMechanismIsContained(t *testing.T) {
	s := newSite(t, "Negotiate")
	for _, g := range []*guest{
		{name: "GSSAPI", scheme: "Negotiate", panics: true},
		{name: "GSSAPI", scheme: "Negotiate", err: errors.New("it repeats " + word)},
	} {
		err := post(t, client(t, s, account(with(g))), s)
		require.ErrorIs(t, err, provider.ErrUnavailable)
	}
	g := kerberos()
	require.NoError(t, post(t, client(t, s, account(with(g), from(profile.IntegratedWindows))), s))
	want := provider.Peer{Service: "HTTP", Policy: policy}
	want.Policy.FIPS = fips140.Enabled()
	require.Equal(t, want, g.peers[0], "the process is nobody by name")
}

// P3: who waits for another's question waits no longer than its context.
func TestP3WaitingForAQuestion(t *testing.T) {
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	slow := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-answer
	}))
	defer slow.Close()
	defer close(answer)
	roots := x509.NewCertPool()
	roots.AddCert(slow.Certificate())
	c, err := New("test", wire.HTTPOptions{Op: "test", TLSConfig: &tls.Config{RootCAs: roots}, Policy: policy}, account())
	require.NoError(t, err)
	defer c.Close()
	first, stop := context.WithCancel(t.Context())
	done := make(chan error)
	do := func(ctx context.Context) {
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, slow.URL, nil)
		_, err := c.Do(r)
		done <- err
	}
	go do(first)
	<-asked
	mine := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, mine)
	defer cancel()
	go do(ctx)
	require.Equal(t, mine, <-done)
	stop()
	require.ErrorIs(t, <-done, context.Canceled)
}
