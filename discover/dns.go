package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/profile"
)

// maxTargets is how many servers of a protocol are tried that a domain names,
// however many it does.
const maxTargets = 4

// services are those of RFC 6186, section 3, and RFC 8314, sections 5.1 and 3.3, TLS
// from the first byte first (section 3).
func services() []struct {
	name     string
	protocol profile.Protocol
	tls      profile.TLS
} {
	return []struct {
		name     string
		protocol profile.Protocol
		tls      profile.TLS
	}{
		{"imaps", profile.IMAP, profile.ImplicitTLS},
		{"imap", profile.IMAP, profile.StartTLS},
		{"pop3s", profile.POP3, profile.ImplicitTLS},
		{"pop3", profile.POP3, profile.StartTLS},
		{"submissions", profile.SMTP, profile.ImplicitTLS},
		{"submission", profile.SMTP, profile.StartTLS},
	}
}

// srv returns the servers that SRV records name. The domain is asked as it is, and
// never what is above it.
func (s *search) srv(ctx context.Context) (found []Server) {
	count := make(map[profile.Protocol]int)
	for _, service := range services() {
		if !s.wants(service.protocol) {
			continue
		}
		_, records, err := s.Resolver.LookupSRV(ctx, service.name, "tcp", s.domain+".")
		s.heard(err)
		for _, r := range ordered(records) {
			if r.Target == "." { // RFC 6186, section 3.4: decidedly not offered
				s.mu.Lock()
				s.denied[service.protocol] = true
				s.mu.Unlock()
				break
			}
			if count[service.protocol]++; count[service.protocol] > maxTargets {
				break
			}
			server := Server{
				Protocol: service.protocol, Host: strings.TrimSuffix(r.Target, "."), Port: int(r.Port), TLS: service.tls, Source: FromSRV,
				Record: fmt.Sprintf("_%s._tcp.%s SRV %d %d %d %s", service.name, s.domain, r.Priority, r.Weight, r.Port, r.Target),
			}
			if s.mayBe(server) {
				found = append(found, server)
			}
		}
	}
	return found
}

// ordered returns records by priority, and those of one priority by weight, the
// heaviest first: who describes a server wants the same answer each time.
func ordered(records []*net.SRV) []*net.SRV {
	return slices.SortedStableFunc(slices.Values(records), func(a, b *net.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), -cmp.Compare(a.Weight, b.Weight), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Port, b.Port))
	})
}

// mayBe reports whether a server that a domain names has a name and a port. In
// AllowNetworks every port is open, which is known when it is dialled.
func (s *search) mayBe(server Server) bool {
	return profile.CheckHost(server.Host) == nil && strings.Contains(server.Host, ".") && server.Port > 0 && server.Port < 1<<16 &&
		(s.Policy.PortAllowed(server.Port) || len(s.Policy.AllowNetworks) > 0)
}

// exchangers returns who receives the domain's mail, the first first.
func (s *search) exchangers(ctx context.Context) (hosts []string) {
	records, err := s.Resolver.LookupMX(ctx, s.domain+".")
	s.heard(err)
	records = slices.SortedStableFunc(slices.Values(records), func(a, b *net.MX) int {
		return cmp.Or(cmp.Compare(a.Pref, b.Pref), cmp.Compare(a.Host, b.Host))
	})
	for _, r := range records {
		hosts = append(hosts, strings.TrimSuffix(r.Host, "."))
	}
	return hosts
}

// heard notes a question to the name service that has no answer.
func (s *search) heard(err error) {
	var dns *net.DNSError
	if err != nil && !(errors.As(err, &dns) && dns.IsNotFound) {
		s.doubt()
	}
}

// usual returns servers by the names that most have (RFC 6186 tells why that is no
// more than a guess). They lie in the domain, or are the domain itself.
func (s *search) usual() (all []Server) {
	add := func(p profile.Protocol, port int, tls profile.TLS, names ...string) {
		if !s.wants(p) || s.denied[p] {
			return
		}
		for _, name := range names {
			all = append(all, Server{Protocol: p, Host: strings.TrimPrefix(name+"."+s.domain, "."), Port: port, TLS: tls, Source: FromProbing, Record: "a usual name in the domain"})
		}
	}
	add(profile.IMAP, 993, profile.ImplicitTLS, "imap", "mail", "")
	add(profile.SMTP, 465, profile.ImplicitTLS, "smtp", "mail", "")
	add(profile.SMTP, 587, profile.StartTLS, "smtp", "mail", "")
	add(profile.IMAP, 143, profile.StartTLS, "imap", "mail", "")
	add(profile.POP3, 995, profile.ImplicitTLS, "pop", "pop3", "mail", "")
	add(profile.POP3, 110, profile.StartTLS, "pop", "pop3", "mail", "")
	return all
}
