// Package discover finds the mail servers of an address, so that an administrator
// types no host names: by what is known of big providers, by SRV records (RFC 6186,
// RFC 8314), by the domain's autoconfig document, and by trying usual names.
//
// It sends no credential and no address, and believes nothing: every server that it
// returns was dialled under the host's policy, and a server whose certificate is not
// for its name is none. What is found outside of the mailbox's domain, and is no
// well-known provider, says so: a person must confirm it before any credential goes
// there. docs/discovery.md tells the steps.
package discover

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A Resolver looks names up. *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A Finder finds servers. The zero Finder is ready for use, under a cloud host's
// policy. Many goroutines use it at once.
type Finder struct {
	// Policy is what the host allows: addresses, ports, and the operator's proxy.
	Policy profile.Policy

	// Resolver looks names up. Default: the system's. A proxy that resolves is no
	// help for SRV and MX records, which are looked up here in any case.
	Resolver Resolver

	// TLSConfig gives roots for the autoconfig document, and for servers without a
	// Prober. Default: the system's roots.
	TLSConfig *tls.Config

	// Limits bounds what a server may make us hold and wait.
	Limits provider.Limits

	// Protocols are what is looked for. Default: IMAP, POP3 and SMTP. With EWS,
	// Exchange Online is found as a profile of its own kind as well.
	Protocols []profile.Protocol

	// Probers ask servers what they can, by protocol: the host's drivers. Without
	// one a server is only dialled, and greets; what STARTTLS would show is unknown
	// then.
	Probers map[profile.Protocol]provider.Prober

	// Presets are the providers that are known; the first that fits is taken, so
	// that a host puts its own in front: append(mine, discover.Presets()...). Nil
	// means Presets(); an empty slice means none.
	Presets []Preset

	// Trusted are domains in which hosts need nobody's confirmation, such as that
	// of the organization's own hoster.
	Trusted []string

	// Timeout bounds all of it. Default: 20 seconds.
	Timeout time.Duration
}

// A Source is the step by which something was found.
type Source string

// The sources, in the order in which they are believed.
const (
	FromDomain     Source = "domain"     // the address is a well-known provider's
	FromMX         Source = "mx"         // the domain's mail is received by one
	FromSRV        Source = "srv"        // SRV records of the domain
	FromAutoconfig Source = "autoconfig" // the domain's autoconfig document
	FromProbing    Source = "probing"    // a usual name in the domain
)

// A Result is one way to reach the mailbox: a profile to show to a person, and why.
type Result struct {
	// Profile is the candidate, named after the domain. What has to be filled in,
	// such as an Application for OAuth, is in Issues.
	Profile profile.Profile

	// Username is what the mailbox signs in with; empty for its address.
	Username string

	Source             Source
	Incoming, Outgoing Server // zero for Exchange, and where there is none

	// Confirmed reports whether every host lies in the mailbox's domain or a
	// Trusted one, or is a well-known provider's. Else Confirm names those that a
	// person must confirm before any credential goes there.
	Confirmed bool
	Confirm   []string

	Notes  []string       // what a person must know, such as that an app password is needed
	Issues profile.Issues // what Profile.Validate says under the Finder's policy
}

// Discover returns the ways to reach the mailbox of address, the best first. The
// error is ctx's own or an *provider.Error: ErrUnsafe for what is no address,
// ErrUnsupported for a provider that lets no program in, ErrNotFound if nothing was
// found, ErrUnavailable if it could not be found out now.
func (f Finder) Discover(ctx context.Context, address string) ([]Result, error) {
	s, err := f.search(address)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(wire.WithLookup(ctx, s.Resolver.LookupNetIP), s.Timeout)
	defer cancel()
	results, err := s.run(limited)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case len(results) > 0:
		return results, nil
	case s.doubtful || limited.Err() != nil:
		return nil, fail(provider.ErrUnavailable, "try again later, or enter the servers", "not everything could be asked about the domain")
	}
	return nil, fail(provider.ErrNotFound, "enter the servers as the mail system's operator names them", "the domain names no mail server, and none answers by a usual name with a good certificate")
}

// A search is one call of Discover.
type search struct {
	Finder
	address, local, domain string

	mu       sync.Mutex
	doubtful bool                      // somebody gave no answer
	denied   map[profile.Protocol]bool // the domain says that it is not offered
}

func (f Finder) search(address string) (*search, error) {
	s := &search{Finder: f, denied: map[profile.Protocol]bool{}, address: address}
	if s.Resolver == nil {
		s.Resolver = net.DefaultResolver
	}
	if s.Timeout == 0 {
		s.Timeout = 20 * time.Second
	}
	if s.Presets == nil {
		s.Presets = Presets()
	}
	if len(s.Protocols) == 0 {
		s.Protocols = []profile.Protocol{profile.IMAP, profile.POP3, profile.SMTP}
	}
	s.Limits = s.Limits.WithDefaults()
	at := strings.LastIndexByte(address, '@')
	if at < 1 || len(address) > 320 || strings.ContainsAny(address, " <>,;\"\\\r\n\t\x00") {
		return nil, fail(provider.ErrUnsafe, "enter it as name@example.com", "it is no email address")
	}
	s.local, s.domain = address[:at], strings.ToLower(strings.TrimSuffix(address[at+1:], "."))
	if _, err := netip.ParseAddr(strings.Trim(s.domain, "[]")); err == nil {
		return nil, fail(provider.ErrUnsafe, "enter it as name@example.com", "the address has no domain")
	}
	if err := profile.CheckHost(s.domain); err != nil {
		return nil, fail(provider.ErrUnsafe, "enter the part behind the @ in ASCII, as xn--... where its script is another", "the domain: "+err.Error())
	}
	if !strings.Contains(s.domain, ".") {
		return nil, fail(provider.ErrUnsafe, "enter it as name@example.com", "the domain has no dot")
	}
	return s, nil
}

// run takes the steps. Those that ask the domain go at once.
func (s *search) run(ctx context.Context) ([]Result, error) {
	if p, ok := s.presetOf(s.domain); ok {
		return s.wellKnown(ctx, p, FromDomain)
	}
	var exchangers []string
	var bySRV, byAutoconfig []Server
	var wg sync.WaitGroup
	wg.Go(func() { exchangers = s.exchangers(ctx) })
	wg.Go(func() { bySRV = s.checkAll(ctx, s.srv(ctx)) })
	wg.Go(func() { byAutoconfig = s.checkAll(ctx, s.autoconfig(ctx)) })
	wg.Wait()
	results := s.pair(FromSRV, bySRV, byAutoconfig)
	results = append(results, s.pair(FromAutoconfig, byAutoconfig, bySRV)...)
	if p, ok := s.presetByMX(exchangers); ok {
		known, err := s.wellKnown(ctx, p, FromMX)
		if err != nil && len(results) == 0 {
			return nil, err
		}
		results = append(known, results...)
	}
	if !slices.ContainsFunc(results, Result.complete) {
		found := s.checkAll(ctx, s.usual())
		results = append(results, s.pair(FromProbing, found, append(bySRV, byAutoconfig...))...)
	}
	rank(results)
	return results, nil
}

func (r Result) complete() bool {
	return r.Profile.Kind.IsExchange() || r.Incoming.Host != "" && r.Outgoing.Host != ""
}

// doubt notes that a question has no answer.
func (s *search) doubt() {
	s.mu.Lock()
	s.doubtful = true
	s.mu.Unlock()
}

// wants reports whether a protocol is looked for.
func (s *search) wants(p profile.Protocol) bool { return slices.Contains(s.Protocols, p) }

func fail(kind provider.Kind, remedy, words string) *provider.Error {
	return &provider.Error{Op: "discover", Kind: kind, Remedy: remedy, Err: errors.New(words)}
}
