package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
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
// The stages DNS, TCP and, with ImplicitTLS, TLS are told to ctx's Trace. The
// error is an *provider.Error or ctx's own.
func Dial(ctx context.Context, o DialOptions) (*Conn, error) {
	return dial(ctx, o, net.DefaultResolver.LookupNetIP)
}

type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

func dial(ctx context.Context, o DialOptions, look lookup) (*Conn, error) {
	o.Limits = o.Limits.WithDefaults()
	host, port, err := net.SplitHostPort(o.Address)
	switch {
	case ctx.Err() != nil:
		return nil, provider.FailStage(ctx, provider.StageTCP, context.Cause(ctx))
	case o.TLS == profile.Plaintext && !o.Policy.PlaintextAllowed():
		return nil, provider.FailStage(ctx, provider.StageTLS, &provider.Error{Op: o.Op + ": dial", Kind: provider.ErrUnsafe, Remedy: "use TLS in the profile", Err: errPlaintext})
	case err != nil:
		return nil, provider.FailStage(ctx, provider.StageDNS, o.explain(ctx, &refusal{what: "the address has no port"}))
	}
	config, err := clientConfig(o.TLSConfig, host)
	if err != nil {
		return nil, provider.FailStage(ctx, provider.StageTLS, o.explain(ctx, err))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, provider.FailStage(ctx, provider.StageTCP, o.explain(ctx, &refusal{what: "the port is not between 1 and 65535"}))
	}
	raw, err := o.connect(ctx, host, port, look)
	if err != nil {
		return nil, err
	}
	c := newConn(raw, o.Op, config, o.Limits)
	if o.TLS == profile.ImplicitTLS {
		end := provider.BeginStage(ctx, provider.StageTLS)
		err := c.handshake(ctx)
		end(c.Protection(ctx, err), err)
		if err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// explain returns what an error of dialling means.
func (o DialOptions) explain(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return Error(o.Op+": dial", err)
}

// connect resolves host and returns the first connection that comes about. All
// of it together takes at most Limits.Dial.
func (o DialOptions) connect(ctx context.Context, host, port string, look lookup) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, o.Limits.Dial)
	defer cancel()
	addrs, err := o.resolve(ctx, limited, host, look)
	if err != nil {
		return nil, err
	}
	end := provider.BeginStage(ctx, provider.StageTCP)
	conn, err := o.try(limited, addrs, port)
	err = o.explain(ctx, err)
	end(reached(ctx, conn, addrs, port), err)
	return conn, err
}

// resolve returns the addresses to try. An address needs no stage.
func (o DialOptions) resolve(ctx, limited context.Context, host string, look lookup) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	end := provider.BeginStage(ctx, provider.StageDNS)
	err := plainHost(host)
	var addrs []netip.Addr
	if err == nil {
		addrs, err = lookUp(limited, host, look)
	}
	addrs = addrs[:min(len(addrs), maxAddresses)]
	err = o.explain(ctx, err)
	end(found(ctx, host, addrs), err)
	return addrs, err
}

func lookUp(ctx context.Context, host string, look lookup) ([]netip.Addr, error) {
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

// try dials one address after another.
func (o DialOptions) try(ctx context.Context, addrs []netip.Addr, port string) (net.Conn, error) {
	var first error
	for i, addr := range addrs {
		conn, err := dialOne(ctx, o.Policy, net.JoinHostPort(addr.String(), port), len(addrs)-i)
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
				return &refusal{what: "an address that cannot be read"}
			}
			return allowed(policy, ap)
		},
	}
	return d.DialContext(ctx, "tcp", address)
}
