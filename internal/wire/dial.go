package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// maxAddresses is how many of a name's addresses are tried, so that a name with
// many of them cannot make us knock everywhere.
const maxAddresses = 4

// DialOptions says where to connect to and under which rules.
type DialOptions struct {
	Op      string // the driver's name, in front of error ops, such as "imap"
	Address string // host:port
	TLS     profile.TLS

	// TLSConfig gives roots and client certificates; may be nil. It is cloned.
	// The server's name is taken from Address and TLS 1.2 is the least, whatever
	// it says; a config that skips verification is refused.
	TLSConfig *tls.Config

	Policy profile.Policy
	Limits provider.Limits
}

// Dial connects to o.Address. The policy is checked on each address that is
// really dialled, after the name was resolved, so that a name whose address
// changes between two look-ups gains nothing. No proxy is used.
//
// With ImplicitTLS the connection is protected when Dial returns. With StartTLS
// and Plaintext it is not yet; Plaintext needs the policy's leave.
//
// The error is an *provider.Error or ctx's own.
func Dial(ctx context.Context, o DialOptions) (*Conn, error) {
	return dial(ctx, o, net.DefaultResolver.LookupNetIP)
}

type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

func dial(ctx context.Context, o DialOptions, look lookup) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	o.Limits = o.Limits.WithDefaults()
	op := o.Op + ": dial"
	if o.TLS == profile.Plaintext && !o.Policy.AllowPlaintext {
		return nil, &provider.Error{Op: op, Kind: provider.ErrUnsafe, Remedy: "use TLS in the profile", Err: errPlaintext}
	}
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, Error(op, &refusal{"the address has no port"})
	}
	config, err := clientConfig(o.TLSConfig, host)
	if err != nil {
		return nil, Error(op, err)
	}
	raw, err := connect(ctx, o, host, port, look)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, Error(op, err)
	}
	c := newConn(raw, o.Op, config, o.Limits)
	if o.TLS == profile.ImplicitTLS {
		if err := c.handshake(ctx); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// connect resolves host and returns the first connection that comes about. All
// of it together takes at most Limits.Dial.
func connect(ctx context.Context, o DialOptions, host, port string, look lookup) (net.Conn, error) {
	if err := plainHost(host); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Limits.Dial)
	defer cancel()
	addrs, err := resolve(ctx, host, look)
	if err != nil {
		return nil, err
	}
	addrs = addrs[:min(len(addrs), maxAddresses)]
	var first error
	for i, addr := range addrs {
		var conn net.Conn
		conn, err = dialOne(ctx, o.Policy, net.JoinHostPort(addr.String(), port), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		// What the network said tells more than what we refused beside it.
		if refused := new(refusal); first == nil || errors.As(first, &refused) {
			first = err
		}
	}
	return nil, first
}

func resolve(ctx context.Context, host string, look lookup) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	addrs, err := look(ctx, "ip", strings.TrimSuffix(host, ".")+".")
	if err != nil {
		// Without the final dot a search domain may apply, which a host beside its
		// own servers needs; the address is checked in any case.
		addrs, err = look(ctx, "ip", host)
	}
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	return addrs, err
}

// dialOne gives each of the addresses that are left its share of the time, so
// that one that swallows packets leaves some for the others.
func dialOne(ctx context.Context, policy profile.Policy, address string, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(left), time.Second))
		defer cancel()
	}
	d := net.Dialer{
		// Go's own second attempt would only ever see one address here.
		FallbackDelay: -1,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return &refusal{"an address that cannot be read"}
			}
			return allowed(policy, ap.Addr())
		},
	}
	return d.DialContext(ctx, "tcp", address)
}
