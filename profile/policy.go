package profile

import (
	"net/netip"
	"slices"
)

// A Deployment says where the host runs.
type Deployment string

// The deployments.
const (
	Cloud      Deployment = ""            // for many organizations, on the Internet
	SelfHosted Deployment = "self-hosted" // by one organization for itself
)

// A Permission is a switch whose default depends on the deployment.
type Permission string

// The values of a Permission.
const (
	ByDeployment Permission = ""
	Allowed      Permission = "allowed"
	Refused      Permission = "refused"
)

// A Policy is what a host allows its organizations' administrators to set. The
// zero Policy is a cloud host's: TLS always, public addresses and the ports of
// mail only.
type Policy struct {
	Deployment Deployment

	// TenantID is the host's own Entra ID tenant, a GUID, which profiles without
	// a tenant mean. Empty if it has none.
	TenantID string

	// AllowPlaintext permits endpoints without TLS (AllowNonSSLEmail). A profile
	// must ask for it by name as well. A cloud host cannot.
	AllowPlaintext bool

	// AllowUnprotectedEntry permits user names and passwords that were entered
	// over an unencrypted channel (AllowCredentialsEntryViaNonSecureChannels).
	AllowUnprotectedEntry bool

	// AllowBasicWithoutTLS permits a password to be shown to a server as it is
	// over a connection without TLS (AllowBasicAuthenticationOnNonSecureChannel).
	AllowBasicWithoutTLS bool

	// ADAuthentication permits Negotiate and NTLM
	// (AllowADBasedAuthenticationProtocols). By deployment: self-hosted only.
	ADAuthentication Permission

	// FIPS says that only FIPS 140 approved cryptography may be used.
	FIPS bool

	// OrganizationsEnterHosts says that people of the organizations, not the
	// operator, enter server names. What a failed test tells them is then a class
	// only, after a fixed time, so that testing is no port scanner.
	OrganizationsEnterHosts bool

	// AllowPrivate permits servers on private networks (RFC 1918, RFC 4193, shared
	// address space), for a host that runs beside them.
	AllowPrivate bool

	// AllowNetworks permits these ranges whatever else is said, such as
	// 127.0.0.0/8 for a test server, on any port.
	AllowNetworks []netip.Prefix

	// AllowPorts permits these ports besides those of mail: 25, 110, 143, 443,
	// 465, 587, 993 and 995. A self-hosted policy allows every port.
	AllowPorts []int

	// Proxy is how servers are reached. The zero Proxy is none.
	Proxy Proxy
}

// InnerNamesAllowed reports whether names of private networks are looked up: names
// without a dot, and those in .local, .internal, .svc and .localhost. Where they are
// not, but AllowNetworks is set, they may lead there and nowhere else.
func (p Policy) InnerNamesAllowed() bool { return p.PrivateAllowed() }

// PlaintextAllowed reports whether an endpoint that asks for it by name may go
// without TLS: on a self-hosted deployment that sets AllowPlaintext.
func (p Policy) PlaintextAllowed() bool {
	return p.Deployment == SelfHosted && p.AllowPlaintext
}

// BasicWithoutTLSAllowed reports whether a password may be shown as it is over a
// connection without TLS.
func (p Policy) BasicWithoutTLSAllowed() bool {
	return p.PlaintextAllowed() && p.AllowBasicWithoutTLS
}

// ADAuthenticationAllowed reports whether Negotiate is permitted, and NTLM too
// unless FIPS is set: see [Policy.NTLMAllowed].
func (p Policy) ADAuthenticationAllowed() bool {
	switch p.ADAuthentication {
	case Allowed:
		return true
	case ByDeployment:
		return p.Deployment == SelfHosted
	}
	return false
}

// NTLMAllowed reports whether NTLM is permitted. It never is under FIPS, for it
// rests on MD4, MD5 and RC4.
func (p Policy) NTLMAllowed() bool {
	return p.ADAuthenticationAllowed() && !p.FIPS
}

// PrivateAllowed reports whether servers on private networks are permitted: a
// self-hosted deployment runs beside them.
func (p Policy) PrivateAllowed() bool {
	return p.AllowPrivate || p.Deployment == SelfHosted
}

// NetworkAllowed reports whether addr lies in AllowNetworks, where every address
// and every port is permitted.
func (p Policy) NetworkAllowed(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, network := range p.AllowNetworks {
		if network.Masked().Contains(addr) {
			return true
		}
	}
	return false
}

// PortAllowed reports whether a server may be reached on port, wherever it is.
// Besides, NetworkAllowed permits every port of the networks it permits.
func (p Policy) PortAllowed(port int) bool {
	switch port {
	case 25, 110, 143, 443, 465, 587, 993, 995:
		return true
	}
	return p.Deployment == SelfHosted && port > 0 && port < 1<<16 || slices.Contains(p.AllowPorts, port)
}
