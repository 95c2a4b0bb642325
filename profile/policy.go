package profile

import "net/netip"

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
}
