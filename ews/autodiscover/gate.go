package autodiscover

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// This file says who may see what.

// ofMicrosoft are the hosts of Exchange Online, world-wide and in the sovereign clouds (Microsoft:
// "Office 365 URLs and IP address ranges" and its pages for the sovereign clouds). Customers have no
// names in the domains among them.
var ofMicrosoft = []string{
	"office365.com", "outlook.office.com", "autodiscover-s.outlook.com", "autodiscover.outlook.com",
	"office365.us", "webmail.apps.mil", "partner.outlook.cn",
}

// within reports whether host is domain or a name in it.
func within(host, domain string) bool {
	host, domain = bare(host), bare(domain)
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}

func bare(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// listed reports whether host was allowed before the search began.
func (s *search) listed(host string) bool {
	in := func(domain string) bool { return within(host, domain) }
	return slices.ContainsFunc(s.Allowed, in) || s.online && (slices.ContainsFunc(ofMicrosoft, in) || bare(host) == bare(s.onlineHost()))
}

// maySee reports whether host may see the address.
func (s *search) maySee(host string) bool {
	return within(host, s.domain) || s.listed(host) || s.confirmed[bare(host)]
}

// mayProve reports whether host may see what proves us. The domain's own servers are none that
// tokens of Exchange Online are for: who runs the domain's web site could use them.
func (s *search) mayProve(host string) bool {
	if s.online && s.method == provider.WithToken {
		return s.listed(host) || s.confirmed[bare(host)]
	}
	return s.maySee(host)
}

// admit returns nil if may allows u's host, asking for its confirmation where
// it does not. Else what is returned says that it waits for that.
func (s *search) admit(ctx context.Context, u *url.URL, why string, may func(host string) bool) error {
	host := bare(u.Hostname())
	if may(host) {
		return nil
	}
	if _, asked := s.confirmed[host]; !asked && s.Confirm != nil {
		s.confirmed[host] = s.Confirm(ctx, host, why)
	}
	if s.confirmed[host] {
		return nil
	}
	if !slices.ContainsFunc(s.pending, func(p Pending) bool { return p.Host == host }) {
		s.pending = append(s.pending, Pending{host, why, shown(u)})
	}
	return fail(provider.ErrUnsafe, confirmRemedy, why+"; it must be confirmed before anything is shown to it")
}

const (
	confirmRemedy = "have somebody who knows the mail system confirm the host, or enter the location of the web services in the profile"
	answerRemedy  = "have the mail system's administrator look at the URLs of its web services, or enter the location in the profile"
)

// maxURL is as in package profile.
const maxURL = 2084

// parse reads a URL that a server names, relative to base if that is not nil. It takes an absolute
// https URL whose host is one beyond doubt and public, as far as its name tells, and nothing that could hide
// another or hold a secret. plaintext takes http as well.
func (s *search) parse(text string, base *url.URL, plaintext bool) (*url.URL, error) {
	unsafe := func(what string) (*url.URL, error) {
		return nil, fail(provider.ErrUnsafe, answerRemedy, "the server names "+what)
	}
	if len(text) > maxURL {
		return unsafe("a URL that is too long")
	}
	u, err := url.Parse(text)
	if err == nil && base != nil {
		u = base.ResolveReference(u)
	}
	switch {
	case err != nil || u.Opaque != "" || u.Host == "":
		return unsafe("what is no absolute URL")
	case u.Scheme == "http" && !plaintext:
		return unsafe("a URL that is not https")
	case u.Scheme != "https" && u.Scheme != "http":
		return unsafe("a URL that is not https")
	case u.User != nil || strings.ContainsAny(text, "@\\#?") && base == nil || u.Fragment != "":
		return unsafe("a URL that holds more than a location")
	}
	host := u.Hostname()
	if err := profile.CheckHost(host); err != nil {
		return unsafe("a host that cannot be: " + err.Error())
	}
	if port := u.Port(); strings.HasSuffix(u.Host, ":") || port != "" && !isPort(port) {
		return unsafe("a port that is none")
	}
	if inner(s.account.Policy, host) {
		return unsafe("a host of a private network, which the policy does not allow")
	}
	return u, nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// inner reports whether a host lies, by its name alone, where the policy lets nobody. Where a name leads is
// checked when it is dialled. A person is not asked to confirm such a host.
func inner(p profile.Policy, host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		switch addr = addr.Unmap(); {
		case p.NetworkAllowed(addr):
			return false
		case addr.IsLoopback(), addr.IsUnspecified(), addr.IsLinkLocalUnicast(), addr.IsMulticast():
			return true
		}
		return addr.IsPrivate() && !p.PrivateAllowed()
	}
	if p.InnerNamesAllowed() || len(p.AllowNetworks) > 0 {
		return false // and may lead into them, or the dial fails
	}
	name := bare(host)
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case name, "local", "internal", "svc", "localhost", "localdomain":
		return true
	}
	return false
}

// origin returns the beginning of a URL, with a port only if it is not https's own.
func origin(host string, port int) string {
	if port == 0 || port == 443 {
		return "https://" + host
	}
	return "https://" + net.JoinHostPort(host, strconv.Itoa(port))
}
