package wire

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/profile"
)

// A span is a range of addresses that organizations may not name.
type span struct {
	prefix  netip.Prefix
	what    string
	private bool // opened by Policy.PrivateAllowed
}

// metadata are services of clouds that hand credentials to whoever asks. They
// stay refused where private networks are allowed, for three of them lie in one.
func metadata() []netip.Addr {
	return []netip.Addr{
		netip.MustParseAddr("169.254.169.254"), // most clouds
		netip.MustParseAddr("100.100.100.200"), // Alibaba
		netip.MustParseAddr("192.0.0.192"),     // Oracle
		netip.MustParseAddr("168.63.129.16"),   // Azure, on a public address
		netip.MustParseAddr("fd00:ec2::254"),   // Amazon
		netip.MustParseAddr("fd20:ce::254"),    // Google
	}
}

// spans is our own table, since netip.Addr.IsPrivate is false for shared address
// space, benchmarking and IPv6 forms that carry an IPv4 address. The source is
// IANA's special-purpose address registries (RFC 6890).
func spans() []span {
	p := netip.MustParsePrefix
	return []span{
		{p("0.0.0.0/8"), "this host", false}, // dialling it reaches loopback
		{p("10.0.0.0/8"), "a private network", true},
		{p("100.64.0.0/10"), "shared address space", true},
		{p("127.0.0.0/8"), "loopback", false},
		{p("169.254.0.0/16"), "link-local", false},
		{p("172.16.0.0/12"), "a private network", true},
		{p("192.0.0.0/24"), "protocol assignments", false},
		{p("192.0.2.0/24"), "documentation", false},
		{p("192.88.99.0/24"), "6to4 relays", false},
		{p("192.168.0.0/16"), "a private network", true},
		{p("198.18.0.0/15"), "benchmarking", false},
		{p("198.51.100.0/24"), "documentation", false},
		{p("203.0.113.0/24"), "documentation", false},
		{p("224.0.0.0/4"), "multicast", false},
		{p("240.0.0.0/4"), "reserved", false},
		{p("::/96"), "this host", false}, // with ::, ::1 and IPv4-compatible addresses
		{p("64:ff9b:1::/48"), "local translation", true},
		{p("100::/64"), "discard-only", false},
		{p("2001:db8::/32"), "documentation", false},
		{p("3fff::/20"), "documentation", false},
		{p("fc00::/7"), "a private network", true},
		{p("fe80::/10"), "link-local", false},
		{p("fec0::/10"), "site-local", false},
		{p("ff00::/8"), "multicast", false},
	}
}

// A refusal says that the policy refuses an address, a port or a name.
type refusal struct{ what, remedy string }

func (r *refusal) Error() string { return r.what }

// allowed returns a *refusal if policy does not let organizations reach ap. What
// lies in a network that the policy names is open to them on every port.
func allowed(policy profile.Policy, ap netip.AddrPort) error {
	if !plainZone(ap.Addr()) {
		return &refusal{what: "the address has a zone that is none"}
	}
	if policy.NetworkAllowed(ap.Addr()) {
		return nil
	}
	if err := allowedAddress(policy, ap.Addr()); err != nil {
		return err
	}
	if !policy.PortAllowed(int(ap.Port())) {
		return refusePort(int(ap.Port()))
	}
	return nil
}

// plainZone reports whether an address has no zone (RFC 4007, section 11), or one that is
// an interface's name. To netip any text is one, also such as would end the line in
// which a proxy is asked for the address.
func plainZone(addr netip.Addr) bool {
	for _, c := range []byte(strings.ToLower(addr.Zone())) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("-._", c) < 0 {
			return false
		}
	}
	return true
}

func allowedAddress(policy profile.Policy, addr netip.Addr) error {
	if policy.NetworkAllowed(addr) {
		return nil
	}
	addr = addr.Unmap().WithZone("")
	for _, m := range metadata() {
		if addr == m {
			return &refusal{what: fmt.Sprintf("%s is a cloud's metadata service", addr)}
		}
	}
	for _, s := range spans() {
		if s.prefix.Contains(addr) && !(s.private && policy.PrivateAllowed()) {
			return &refusal{what: fmt.Sprintf("%s is %s", addr, s.what)}
		}
	}
	for _, inner := range embedded(addr) {
		if err := allowedAddress(policy, inner); err != nil {
			return &refusal{what: fmt.Sprintf("%s leads to %s", addr, err)}
		}
	}
	return nil
}

// allowedName returns a *refusal for what a proxy that resolves may not be asked
// for. Where the name leads only the proxy can tell.
func allowedName(policy profile.Policy, host, port string) error {
	n, _ := strconv.ParseUint(port, 10, 16)
	if addr, err := netip.ParseAddr(host); err == nil {
		return allowed(policy, netip.AddrPortFrom(addr, uint16(n)))
	}
	if err := plainHost(host); err != nil {
		return err
	}
	if innerName(host) && !policy.InnerNamesAllowed() {
		return refuseInner()
	}
	if !policy.PortAllowed(int(n)) {
		return refusePort(int(n))
	}
	return nil
}

// innerName reports whether a name is one of a private network: it has no dot, or
// ends as such names do (RFC 6761, section 6.3; RFC 6762, section 3; ICANN's
// .internal; Kubernetes' .svc, with and without the cluster's own name).
func innerName(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch last {
	case name, "local", "internal", "svc", "localhost", "localdomain":
		return true
	}
	return strings.HasSuffix(name, ".home.arpa")
}

func refuseInner() error { return &refusal{what: "it is a name of a private network"} }

func refusePort(port int) error {
	return &refusal{fmt.Sprintf("port %d is none of mail's", port), "enter the port of the mail server, or leave it empty for the usual one; whoever runs this service can allow another"}
}

// embedded returns the IPv4 addresses that a transition address leads to: NAT64
// (RFC 6052), 6to4 (RFC 3056) and Teredo, which holds its server and its client
// (RFC 4380, section 4).
func embedded(addr netip.Addr) []netip.Addr {
	b := addr.As16()
	v4 := func(at int, mask byte) netip.Addr {
		return netip.AddrFrom4([4]byte{b[at] ^ mask, b[at+1] ^ mask, b[at+2] ^ mask, b[at+3] ^ mask})
	}
	switch {
	case addr.Is4():
		return nil
	case netip.MustParsePrefix("64:ff9b::/96").Contains(addr):
		return []netip.Addr{v4(12, 0)}
	case netip.MustParsePrefix("2002::/16").Contains(addr):
		return []netip.Addr{v4(2, 0)}
	case netip.MustParsePrefix("2001::/32").Contains(addr):
		return []netip.Addr{v4(4, 0), v4(12, 0xff)}
	}
	return nil
}

// plainHost returns a *refusal for what is longer than a name (RFC 1035, section
// 2.3.4) or neither an IP address nor a host name,
// such as "2130706433" or "0x7f.1", which some resolvers take for an address.
func plainHost(host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	if len(host) > 254 {
		return &refusal{what: "the host name is too long"}
	}
	for i := range len(host) {
		c := host[i]
		if c >= 0x80 {
			return &refusal{what: "the host name is not ASCII"}
		}
		if c <= ' ' || strings.IndexByte(`/\@#?%:[]"<>`, c) >= 0 || c == 0x7f {
			return &refusal{what: "the host name has characters that no host name has"}
		}
	}
	name := strings.TrimSuffix(host, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	digits := strings.Trim(last, "0123456789") == ""
	if digits || strings.HasPrefix(strings.ToLower(last), "0x") {
		return &refusal{what: "it is neither a host name nor an IP address"}
	}
	return nil
}
