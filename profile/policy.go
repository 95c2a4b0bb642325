package profile

import "net/netip"

// A Policy is what a host allows its organizations' administrators to set. The
// zero Policy is a cloud host's: TLS always, public addresses only.
type Policy struct {
	// AllowPlaintext permits endpoints without TLS. A profile must ask for it by
	// name as well.
	AllowPlaintext bool

	// AllowPrivate permits servers on private networks (RFC 1918, RFC 4193, shared
	// address space), for a host that runs beside them.
	AllowPrivate bool

	// AllowNetworks permits these ranges whatever else is said, such as
	// 127.0.0.0/8 for a test server.
	AllowNetworks []netip.Prefix
}
