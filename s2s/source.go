package s2s

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/secret"
)

// A Source gives tokens of this host's application, or of a profile's own. A Source with Certificates and
// nothing else works. It is used by many goroutines, as a pointer, and not changed after first use. A process has one.
type Source struct {
	// Certificates prove this host, the preferred first. Two are there while one takes over from the
	// other: the first that is good is used, and where the issuer does not know it the next. SetCertificates
	// puts others in their place later.
	Certificates []*certificate.Certificate

	// Proof proves this host to Entra ID instead of Certificates.
	Proof Proof

	// SendChain sends the certificate and those that vouch for it with each assertion, for applications that
	// trust it by its subject name and issuer.
	SendChain bool

	// Cloud is who gives tokens, and for whom. Default: WorldWide
	Cloud Cloud

	// Admit says whether a's organization may use this host's application in a tenant, or in a
	// realm for tokens that the host issues itself. It decides by the organization and not by the mailbox.
	//
	// It is asked when an organization's profile is new or has changed, and once an hour. It is not asked for an
	// application of the profile's own, which its secret proves. Its error is shown as the cause of an
	// ErrUnsafe; but an ErrUnavailable or ErrThrottled, which says that it could not be found out, as it is.
	//
	// Where it is nil, the host's own tenant is admitted (Policy.TenantID). On a self-hosted deployment, which is
	// one organization's, any is. Where Policy.OrganizationsEnterHosts none is.
	Admit func(ctx context.Context, a provider.Account, tenant string) error

	// Transport carries requests to the issuer. Default: one that dials under Policy,
	// through its proxy if it has one, with TLSConfig's roots, and follows neither
	// redirects nor the environment's proxies.
	Transport http.RoundTripper
	TLSConfig *tls.Config
	Policy    profile.Policy

	Timeout time.Duration // for a request to the issuer. Default: 20 s

	// Clock tells the time. Default: the system's
	Clock Clock

	once sync.Once
	in   *inner
}

var _ provider.TokenInspector = (*Source)(nil)

// An inner is what a Source keeps. It stands behind a pointer, where no print of a Source shows it.
type inner struct {
	wrong  error
	own    http.RoundTripper
	cloud  Cloud
	salt   string
	proofs atomic.Pointer[[]*proving] // of the certificates that there are now
	offset atomic.Int64               // of the issuer's clock to ours
	stats  stats

	mu        sync.RWMutex
	entries   map[entryKey]*entry
	askings   map[entryKey]*asking
	cells     map[cellKey]*cell
	endpoints map[string]endpoints // of the authority, by tenant
	swept     time.Time

	life    context.Context // of flights
	end     context.CancelFunc
	closing sync.RWMutex
	closed  bool
	flights sync.WaitGroup
}

// Token returns a token for a's endpoint, from memory as long as it has a minute left. The rest is as
// [provider.TokenSource] has it; ErrUnsafe is also returned where a's organization may not use this host's
// application in the tenant.
func (s *Source) Token(ctx context.Context, a provider.Account, refused secret.Text) (provider.Token, error) {
	if err := ctx.Err(); err != nil {
		return provider.Token{}, err
	}
	if err := s.Check(); err != nil {
		return provider.Token{}, err
	}
	e, err := s.entry(ctx, &a)
	if err != nil {
		return provider.Token{}, err
	}
	if e.want.realm != "" {
		return s.issued(ctx, a, e, refused)
	}
	c, err := s.current(ctx, e.cell, refused)
	if err != nil {
		return provider.Token{}, err
	}
	return c.token, nil
}

// Check returns what is wrong with s, nil if nothing is. A host that asks when it
// starts learns then what every call would tell.
func (s *Source) Check() error {
	s.once.Do(func() {
		in := &inner{
			cloud: s.Cloud, salt: rand.Text(), entries: make(map[entryKey]*entry), askings: make(map[entryKey]*asking),
			cells: make(map[cellKey]*cell), endpoints: make(map[string]endpoints),
		}
		in.life, in.end = context.WithCancel(context.Background())
		if in.cloud.isZero() {
			in.cloud = WorldWide()
		}
		all := []error{in.cloud.Check()}
		if s.Timeout < 0 || s.Timeout > mostTimeout {
			all = append(all, fmt.Errorf("the Timeout of %s is none that an issuer could keep: it is from 0, for the default, to %s", s.Timeout, mostTimeout))
		}
		proofs, err := provings(s.Certificates)
		all = append(all, err)
		in.proofs.Store(&proofs)
		switch p := s.Proof.(type) {
		case ownCredential:
			if p.TokenCredential == nil {
				all = append(all, errors.New("the Credential of Proof is nil"))
			}
		case ownAssertion:
			if p.assert == nil {
				all = append(all, errors.New("the Assertion of Proof is nil"))
			}
		}
		if in.own = s.Transport; in.own == nil {
			t, err := wire.NewTransport(wire.HTTPOptions{
				Op: "s2s", TLSConfig: s.TLSConfig, Policy: s.Policy,
				Limits: provider.Limits{Dial: s.timeout(), TLS: s.timeout(), Command: s.timeout()},
			})
			all = append(all, err)
			in.own = t
		}
		if err := errors.Join(all...); err != nil {
			in.wrong = misconfigured(err)
		}
		s.in = in
	})
	return s.in.wrong
}

// Close ends the requests that are under way and closes idle connections. Nothing may be asked of s any more.
func (s *Source) Close() error {
	_ = s.Check()
	s.in.closing.Lock()
	s.in.closed = true
	s.in.closing.Unlock()
	s.in.end()
	s.in.flights.Wait()
	if t, ok := s.in.own.(*wire.Transport); ok && s.Transport == nil && t != nil {
		t.CloseIdleConnections()
	}
	return nil
}

// mostTimeout is longer than any issuer takes.
const mostTimeout = time.Hour

func (s *Source) timeout() time.Duration { return cmp.Or(s.Timeout, 20*time.Second) }

// Format names the source, whatever the verb: what it holds is nobody's to read.
func (s *Source) Format(f fmt.State, _ rune) { io.WriteString(f, s.words()) }

// LogValue returns what Format writes.
func (s *Source) LogValue() slog.Value { return slog.StringValue(s.words()) }

// MarshalText returns what Format writes.
func (s *Source) MarshalText() ([]byte, error) { return []byte(s.words()), nil }

func (s *Source) words() string {
	if s == nil {
		return "no source of tokens"
	}
	return "a source of tokens"
}
