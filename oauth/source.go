package oauth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Source gives tokens for what owners consented to. Grants, Keyring and Issuers are
// needed; the zero value of every other field means its default. It is used by many
// goroutines, as a pointer, and not changed after first use. Every process that shares a
// Store has one; the application's id and secret stand in each mailbox's profile.
type Source struct {
	Grants  serversync.Grants // the Store's: see serversync.StoreAs
	Keyring *secret.Keyring   // seals grants, and what is kept of a consent under way
	Issuers []Issuer          // the first one whose Hosts a mailbox's server is in

	// Transport carries requests to issuers. Default: one that dials under Policy,
	// through its proxy if it has one, with TLSConfig's roots, and follows neither
	// redirects nor the environment's proxies.
	Transport http.RoundTripper
	TLSConfig *tls.Config
	Policy    profile.Policy

	Timeout      time.Duration // for a request to an issuer. Default: 20 s
	RefusedAfter time.Duration // how old a token must be to be replaced because a server refused it. Default: 1 min

	// Claim is how long a process that refreshes a grant keeps others from it if it
	// dies, at least Timeout and what saving takes. The clocks of processes may differ
	// by what is left, until each has learnt the issuer's. Default: Timeout and 40 s
	Claim time.Duration

	// Clock tells the time. Default: the system's
	Clock serversync.Clock

	once      sync.Once
	wrong     error
	own       http.RoundTripper
	name      string   // of this Source in claims
	entries   sync.Map // mailbox.Key to *entry
	paces     sync.Map // paceKey to *pace
	offsets   sync.Map // issuer's name to time.Duration
	refreshes sync.WaitGroup
}

var _ provider.TokenSource = (*Source)(nil)

// An entry is what a Source knows of a mailbox.
type entry struct {
	now atomic.Pointer[current]

	mu      sync.Mutex
	flight  *flight
	unsaved *unsaved // only the flight touches it
}

// A current is the token that is handed out, with times as our clock has them.
type current struct {
	token  provider.Token
	issuer *Issuer
	client string
	pace   *pace

	early time.Time // it may be refreshed, in a crowd
	ahead time.Time // it is to be refreshed
	last  time.Time // it is not handed out any more
}

type paceKey struct{ issuer, client string }

// The ops of errors.
const (
	opToken   = "token"
	opRefresh = "refresh"
	opConsent = "consent"
	opDevice  = "device consent"
	opRevoke  = "revoke"
)

var (
	errPlaintext = errors.New("an access token would cross the network unprotected (RFC 6750, section 5.3)")
	errHost      = errors.New("the server is none that the issuer's tokens are for")
	errNoIssuer  = errors.New("no issuer is known for the server")
)

// Token returns a token for a's endpoint, from memory as long as it has a minute left
// and is not to be refreshed. A token that still serves is returned although it could
// not be refreshed. The rest is as [provider.TokenSource] has it; ErrThrottled is also
// returned where so many mailboxes want a token at once that this one has to wait for
// its turn.
func (s *Source) Token(ctx context.Context, a provider.Account, refused secret.Text) (provider.Token, error) {
	if err := s.ready(ctx); err != nil {
		return provider.Token{}, err
	}
	if tokens.Bare(a) {
		return provider.Token{}, fail(opToken, provider.ErrUnsafe, "", "use TLS in the profile", errPlaintext)
	}
	e := s.entry(a.Mailbox.Key)
	if c := e.now.Load(); c.fits(a, refused) {
		now := s.now()
		switch {
		case now.Before(c.early), now.Before(c.ahead) && !c.pace.crowded(now, c.ahead):
			return c.token, nil
		case now.Before(c.last):
			if !c.pace.ahead(now) {
				return c.token, nil
			}
			t, err := s.renewed(ctx, a, e, want{old: c.token.Value, ahead: true, turn: true})
			if err != nil && s.now().Before(c.last) {
				return c.token, nil
			}
			return t, err
		}
	}
	return s.renewed(ctx, a, e, want{old: refused})
}

// fits reports whether c is a token for a that no server has refused.
func (c *current) fits(a provider.Account, refused secret.Text) bool {
	return c != nil && c.client == a.Profile.Application.ClientID && c.issuer.isFor(tokens.Server(a)) && (refused.IsZero() || !refused.Equal(c.token.Value))
}

// renewed has the mailbox's token renewed, or waits for whoever does so already.
func (s *Source) renewed(ctx context.Context, a provider.Account, e *entry, w want) (provider.Token, error) {
	for range 3 {
		g, err := s.join(ctx, e, func(ctx context.Context) (grant, error) { return s.renew(ctx, a, e, w) })
		if errors.Is(err, errBusy) && !w.ahead && ctx.Err() == nil {
			continue // it was the flight for a token that still serves, which waits for nobody
		}
		if err != nil {
			if never := (*provider.Error)(nil); errors.As(err, &never) && never.Err == errNever && s.issuerFor(tokens.Server(a)) == nil {
				err = fail(opToken, provider.ErrUnsupported, "", "use a mail server of an issuer that this host knows, or have the operator add its issuer", errNoIssuer)
			}
			return provider.Token{}, err
		}
		issuer := s.issuer(g.Issuer)
		if issuer == nil || !issuer.isFor(tokens.Server(a)) {
			return provider.Token{}, fail(opToken, provider.ErrUnsafe, "", "enter the mail server that the owner's consent is for, or have the owner consent at this server's issuer", errHost)
		}
		if c := s.settle(a.Mailbox.Key, e, issuer, g); !c.token.Value.Equal(w.old) && s.now().Before(c.last) {
			return c.token, nil
		}
		// It was renewed before the server refused it.
	}
	if w.old.IsZero() {
		return provider.Token{}, fail(opToken, provider.ErrUnavailable, "", remedyWait, errBusy)
	}
	return provider.Token{}, fail(opToken, provider.ErrAuth, CodeRefused, remedyRefused, errRefused)
}

// settle makes g's token the current one.
func (s *Source) settle(key mailbox.Key, e *entry, issuer *Issuer, g grant) *current {
	ours := s.now().Sub(s.issuerNow(issuer))
	p := s.pace(issuer.Name, g.Client)
	ahead := refreshAt(key, g.Got, g.Expires)
	c := &current{
		token: provider.Token{Value: g.Access, Expires: g.Expires.Add(ours)}, issuer: issuer, client: g.Client, pace: p,
		early: earlyFrom(g.Got, g.Expires).Add(ours), ahead: ahead.Add(ours), last: g.Expires.Add(ours - tokens.LeastLeft),
	}
	p.expect(key, c.ahead, ahead.Sub(g.Got))
	e.now.Store(c)
	return c
}

// Check returns what is wrong with s, nil if nothing is. A host that asks when it
// starts learns then what every call would tell.
func (s *Source) Check() error {
	s.once.Do(func() {
		s.name = rand.Text()
		var all []error
		if s.own = s.Transport; s.own == nil {
			all = append(all, s.dialOurselves())
		}
		if s.Grants == nil {
			all = append(all, errors.New("there are no Grants"))
		}
		if s.Keyring == nil {
			all = append(all, errors.New("there is no Keyring"))
		}
		names := make(map[string]bool)
		for _, i := range s.Issuers {
			if names[i.Name] {
				all = append(all, fmt.Errorf("two issuers are named %q", i.Name))
			}
			names[i.Name] = true
			all = append(all, i.Check())
		}
		if s.claimFor() <= s.timeout() {
			all = append(all, errors.New("a Claim must be longer than Timeout"))
		}
		if err := errors.Join(all...); err != nil {
			s.wrong = fail("configuration", provider.ErrUnsupported, "", "have the operator mend it", err)
		}
	})
	return s.wrong
}

// dialOurselves has requests go under the rules that there are for mail.
func (s *Source) dialOurselves() error {
	t, err := wire.NewTransport(wire.HTTPOptions{
		Op: "oauth", TLSConfig: s.TLSConfig, Policy: s.Policy,
		Limits: provider.Limits{Dial: s.timeout(), TLS: s.timeout(), Command: s.timeout()},
	})
	if err == nil {
		s.own = t
	}
	return err
}

func (s *Source) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Check()
}

// Close waits until refreshes that are under way are saved, so that no refresh token is
// lost when the process ends, and closes idle connections. Nothing may be asked of s
// any more. The error is of a grant that could not be saved.
func (s *Source) Close() error {
	s.refreshes.Wait()
	var all []error
	s.entries.Range(func(key, value any) bool {
		all = append(all, s.saveUnsaved(context.Background(), key.(mailbox.Key), value.(*entry)))
		return true
	})
	if t, ok := s.own.(*wire.Transport); ok && s.Transport == nil {
		t.CloseIdleConnections()
	}
	return errors.Join(all...)
}

func (s *Source) entry(key mailbox.Key) *entry {
	if e, known := s.entries.Load(key); known {
		return e.(*entry)
	}
	e, _ := s.entries.LoadOrStore(key, new(entry))
	return e.(*entry)
}

func (s *Source) pace(issuer, client string) *pace {
	p, _ := s.paces.LoadOrStore(paceKey{issuer, client}, new(pace))
	return p.(*pace)
}

// issuer returns the issuer of a name, nil if there is none.
func (s *Source) issuer(name string) *Issuer {
	for i := range s.Issuers {
		if s.Issuers[i].Name == name {
			return &s.Issuers[i]
		}
	}
	return nil
}

// issuerFor returns the issuer for a mail server, nil if there is none.
func (s *Source) issuerFor(host string) *Issuer {
	for i := range s.Issuers {
		if s.Issuers[i].isFor(host) {
			return &s.Issuers[i]
		}
	}
	return nil
}

func (s *Source) timeout() time.Duration      { return cmp.Or(s.Timeout, 20*time.Second) }
func (s *Source) claimFor() time.Duration     { return cmp.Or(s.Claim, s.timeout()+40*time.Second) }
func (s *Source) refusedAfter() time.Duration { return cmp.Or(s.RefusedAfter, time.Minute) }

func (s *Source) now() time.Time {
	if s.Clock != nil {
		return s.Clock.Now()
	}
	return time.Now()
}

func (s *Source) sleep(ctx context.Context, d time.Duration) error {
	if s.Clock != nil {
		return s.Clock.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
