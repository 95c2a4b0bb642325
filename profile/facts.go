package profile

import (
	"net/netip"
	"strings"
)

// facts are a profile and a policy as the rules look at them, worked out once.
type facts struct {
	p        *Profile
	policy   *Policy
	cloud    bool
	tenancy  Tenancy
	incoming end
	outgoing end

	sameLocation bool // Outgoing's location is Incoming's
}

// An end is one side of a profile.
type end struct {
	Endpoint // as it is used
	side     Side
	protocol Protocol
	written  *Endpoint // as it is written in the profile

	badURL bool
	place  // where the server is, as far as can be told
	system system
	atEXO  bool // it is Exchange Online, by kind or by host
}

func (p Profile) facts(policy Policy) *facts {
	// Rules are called through variables, so what they look at is on the heap: all in one.
	f := &struct {
		facts
		p      Profile
		policy Policy
	}{p: p, policy: policy}
	f.facts = facts{p: &f.p, policy: &f.policy, cloud: policy.Deployment != SelfHosted, tenancy: p.Tenancy(policy)}
	f.incoming = end{side: Incoming, written: &f.p.Incoming}
	f.outgoing = end{side: Outgoing, written: &f.p.Outgoing}
	for _, e := range [...]*end{&f.incoming, &f.outgoing} {
		e.Endpoint, e.protocol = p.Endpoint(e.side), p.Kind.Protocol(e.side)
		e.locate()
		e.atEXO = p.Kind.IsExchangeOnline() || e.system == exchangeOnline
	}
	in, out := &f.incoming, &f.outgoing
	f.sameLocation = p.Kind.IsExchange() && !p.OwnOutgoing && in.URL == out.URL && in.TLS == out.TLS
	return &f.facts
}

func (e *end) locate() {
	if e.protocol == EWS {
		if e.URL != "" {
			at, ok := parseURL(e.URL)
			e.place, e.badURL = at, !ok
		}
	} else {
		e.place = place{host: e.Host, port: e.Port}
	}
	e.system = systemOf(e.host)
}

// inherits reports whether Outgoing takes a part from Incoming.
func (f *facts) inherits(p part) bool {
	return p == signIn && !f.p.OwnOutgoing || p == location && f.sameLocation
}

// usesPassword reports whether e signs in with a user name and a password.
func (e *end) usesPassword() bool {
	return e.Credentials == FromMailbox || e.Credentials == FromProfile
}

// usesToken reports whether e signs in with an access token.
func (e *end) usesToken() bool { return e.Credentials == OAuth || e.Credentials == ServerToServer }

// isMail reports whether e speaks POP3, IMAP or SMTP.
func (e *end) isMail() bool { return e.protocol != "" && e.protocol != EWS }

// portRefused reports whether the policy lets nobody reach e's port. In
// AllowNetworks every port is open; where a name leads is known only once it is
// looked up, so it is left to dialling where there are such networks.
func (f *facts) portRefused(e *end) bool {
	if e.port <= 0 || e.port > 65535 || f.policy.PortAllowed(e.port) {
		return false
	}
	if len(f.policy.AllowNetworks) == 0 {
		return true
	}
	addr, err := netip.ParseAddr(e.host)
	return err == nil && !f.policy.NetworkAllowed(addr)
}

// crossed reports whether the port is another protection's than the one asked for,
// by the well-known numbers: the two sides would wait for each other.
func (e *end) crossed() bool {
	switch e.Port {
	case 465, 993, 995:
		return e.TLS == StartTLS || e.TLS == Plaintext
	case 25, 110, 143, 587:
		return e.TLS == ImplicitTLS
	}
	return false
}

// outsideMatrix reports whether mail comes from or goes to a system that the
// support matrix does not name: it has Gmail and Yahoo, and on premises Outlook.com
// too, by POP3 and SMTP alone.
func (f *facts) outsideMatrix() bool {
	if !f.incoming.isMail() {
		return false
	}
	return f.incoming.system == someSystem && !isBlank(f.incoming.Host) ||
		f.outgoing.system == someSystem && !isBlank(f.outgoing.Host) ||
		!f.cloud && f.p.Kind == IMAPSMTP
}

// setsLocked reports whether Outgoing says something of its own about signing in
// although it takes Incoming's.
func (p *Profile) setsLocked() bool {
	in, out := &p.Incoming, &p.Outgoing
	return !p.OwnOutgoing && (out.Credentials != "" && out.Credentials != in.Credentials ||
		out.Authentication != "" && out.Authentication != in.Authentication ||
		out.Username != "" && out.Username != in.Username ||
		!out.Password.IsZero() && !out.Password.Equal(in.Password) ||
		out.Impersonate && !in.Impersonate)
}

// isBlank reports whether a text is missing.
func isBlank(s string) bool { return strings.TrimSpace(s) == "" }
