package discover

import (
	"context"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A Preset is what is known of a provider: its servers and its quirks, as data. A
// host adds to them in Finder.Presets.
type Preset struct {
	Name    string
	Domains []string // of its addresses, in ASCII
	MX      []string // the domains of the hosts that receive mail of its customers' domains

	// Servers in the order of preference. Protocol, Host, Port, TLS, OAuth and
	// Username are used; "%" in Username is the address's local part.
	Servers []Server

	// Exchange says that it is Exchange Online, which has a kind of profile of its
	// own.
	Exchange bool

	// Notes are what a person must know before it works, such as where IMAP is
	// switched on.
	Notes []string

	// Refuses says why no program gets in; then nothing else is looked for.
	Refuses string
}

func (s *search) presetOf(domain string) (Preset, bool) {
	return s.known(func(p Preset) bool { return slices.Contains(p.Domains, domain) })
}

// presetByMX goes by who receives mail first. Who is only a reserve says nothing
// about where the mailboxes are.
func (s *search) presetByMX(exchangers []string) (Preset, bool) {
	if len(exchangers) == 0 {
		return Preset{}, false
	}
	return s.known(func(p Preset) bool {
		return slices.ContainsFunc(p.MX, func(domain string) bool { return within(exchangers[0], domain) })
	})
}

func (s *search) known(fits func(Preset) bool) (Preset, bool) {
	if i := slices.IndexFunc(s.Presets, fits); i >= 0 {
		return s.Presets[i], true
	}
	return Preset{}, false
}

// wellKnown returns a provider's profiles. Its servers are asked what they can, and
// stand if they do not answer just now.
func (s *search) wellKnown(ctx context.Context, p Preset, source Source) (results []Result, err error) {
	if p.Refuses != "" {
		return nil, fail(provider.ErrUnsupported, p.Refuses, p.Name+" lets no program in")
	}
	var servers []Server
	for _, server := range p.Servers {
		if !s.wants(server.Protocol) {
			continue
		}
		server.Source, server.Record = source, "what is known of "+p.Name
		server.Username = strings.ReplaceAll(server.Username, "%", s.local)
		servers = append(servers, server)
	}
	s.checkAll(ctx, servers)
	results = s.pair(source, servers, nil)
	if p.Exchange && s.wants(profile.EWS) {
		r := Result{Source: source, Profile: profile.New(profile.ExchangeOnline, profile.ID(s.domain)), Confirmed: true}
		if s.Policy.Deployment == profile.SelfHosted {
			r.Profile = profile.New(profile.ExchangeOnlineHybrid, profile.ID(s.domain))
		}
		r.Issues = r.Profile.Validate(s.Policy)
		r.Notes = []string{"Microsoft ends Exchange Web Services of Exchange Online for good on 1 April 2027"}
		results = append([]Result{r}, results...)
	}
	for i := range results {
		results[i].Profile.Name = p.Name
		results[i].Notes = append(slices.Clone(p.Notes), results[i].Notes...)
	}
	rank(results)
	return results, nil
}
