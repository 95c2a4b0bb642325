package discover

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/profile"
)

// pair makes profiles of the servers that a source has named: one that brings mail
// in by IMAP and one by POP3. If it names none for outgoing mail, another's is taken.
func (s *search) pair(source Source, servers, others []Server) (results []Result) {
	out, _ := first(slices.Concat(servers, others), profile.SMTP)
	for _, kind := range []profile.Kind{profile.IMAPSMTP, profile.POP3SMTP} {
		in, ok := first(servers, kind.Incoming())
		if !ok {
			continue
		}
		r := Result{Source: source, Profile: profile.New(kind, profile.ID(s.domain)), Incoming: in, Outgoing: out, Username: in.Username}
		r.Profile.Name = s.domain
		results = append(results, s.finish(r))
	}
	return results
}

// first returns the first server of a protocol, one with TLS from the first byte if
// there is one.
func first(servers []Server, p profile.Protocol) (best Server, ok bool) {
	for _, server := range servers {
		if server.Protocol == p && (!ok || best.TLS != profile.ImplicitTLS && server.TLS == profile.ImplicitTLS && server.Source == best.Source) {
			best, ok = server, true
		}
	}
	return best, ok
}

// finish fills in what follows from a result's servers.
func (s *search) finish(r Result) Result {
	p := &r.Profile
	for _, side := range []struct {
		server   Server
		endpoint *profile.Endpoint
		name     string
	}{{r.Incoming, &p.Incoming, "incoming"}, {r.Outgoing, &p.Outgoing, "outgoing"}} {
		if side.server.Host == "" {
			r.Notes = append(r.Notes, "no server for "+side.name+" mail was found")
			continue
		}
		*side.endpoint = side.server.endpoint()
		side.endpoint.Credentials = ""
		if side.server.tokensOnly() {
			side.endpoint.Credentials = profile.OAuth
		}
		if side.server.Verified == "" {
			r.Notes = append(r.Notes, "the certificate of the server for "+side.name+" mail was not seen")
		}
		if !s.trusts(side.server) && !slices.Contains(r.Confirm, side.server.Host) {
			r.Confirm = append(r.Confirm, side.server.Host)
		}
	}
	switch in, out := p.Incoming.Credentials, p.Outgoing.Credentials; {
	case r.Outgoing.Host == "" || in == out:
		p.Outgoing.Credentials = "" // Incoming's
	default:
		p.OwnOutgoing = true
	}
	r.Confirmed = len(r.Confirm) == 0
	r.Issues = p.Validate(s.Policy)
	return r
}

// trusts reports whether nobody needs to confirm a server.
func (s *search) trusts(server Server) bool {
	if server.Source == FromDomain || server.Source == FromMX || within(server.Host, s.domain) {
		return true
	}
	return slices.ContainsFunc(s.Trusted, func(domain string) bool { return within(server.Host, domain) })
}

// within reports whether host is domain or a name in it.
func within(host, domain string) bool {
	host, domain = strings.ToLower(strings.TrimSuffix(host, ".")), strings.ToLower(strings.TrimSuffix(domain, "."))
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}

// rank puts the best first: what a person need not confirm, what goes both ways,
// what can be had by IMAP; and then as the sources are believed.
func rank(results []Result) {
	less := func(a, b bool) int { // what is so comes first
		switch {
		case a && !b:
			return -1
		case b && !a:
			return 1
		}
		return 0
	}
	order := []Source{FromDomain, FromMX, FromSRV, FromAutoconfig, FromProbing}
	slices.SortStableFunc(results, func(a, b Result) int {
		return cmp.Or(
			less(a.Confirmed, b.Confirmed),
			less(a.complete(), b.complete()),
			less(a.Profile.Kind != profile.POP3SMTP, b.Profile.Kind != profile.POP3SMTP),
			cmp.Compare(slices.Index(order, a.Source), slices.Index(order, b.Source)),
		)
	})
}
