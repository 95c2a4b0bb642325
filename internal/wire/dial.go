package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
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
// changes between two look-ups gains nothing. Where the policy names a proxy, it is
// given the checked address; the environment names none.
//
// With ImplicitTLS the connection is protected when Dial returns. With StartTLS
// and Plaintext it is not yet; Plaintext needs the policy's leave.
//
// The stages DNS, TCP and, with ImplicitTLS, TLS are told to ctx's Trace. The
// error is an *provider.Error or ctx's own.
func Dial(ctx context.Context, o DialOptions) (*Conn, error) {
	return dial(ctx, o, lookupOf(ctx))
}

// A Lookup returns a host's addresses, as net.Resolver.LookupNetIP does.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

type lookupKey struct{}

// WithLookup returns a context under which names are looked up by look and not by
// the system, also by drivers. What it answers is checked as ever.
func WithLookup(ctx context.Context, look Lookup) context.Context {
	return context.WithValue(ctx, lookupKey{}, look)
}

func lookupOf(ctx context.Context) Lookup {
	if look, ok := ctx.Value(lookupKey{}).(Lookup); ok {
		return look
	}
	return net.DefaultResolver.LookupNetIP
}

func dial(ctx context.Context, o DialOptions, look Lookup) (*Conn, error) {
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
	if err != nil && ended(ctx) {
		return context.Cause(ctx)
	}
	return Error(o.Op+": dial", err)
}

// ended reports whether ctx has ended. A connection that is given ctx's deadline may fail
// for it an instant before ctx says so, which is then waited for.
func ended(ctx context.Context) bool {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second): // a host's own context need not keep to what it says
		}
	}
	return ctx.Err() != nil
}

// connect resolves host and returns the first connection that comes about. All
// of it together takes at most Limits.Dial.
func (o DialOptions) connect(ctx context.Context, host, port string, look Lookup) (net.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, o.Limits.Dial)
	defer cancel()
	via, err := o.via()
	if err != nil {
		return nil, provider.FailStage(ctx, provider.StageTCP, o.explain(ctx, err))
	}
	if via != nil && via.Resolves {
		return o.byName(ctx, limited, via, host, port)
	}
	addrs, err := o.resolve(ctx, limited, host, look)
	if err != nil {
		return nil, err
	}
	end := provider.BeginStage(ctx, provider.StageTCP)
	conn, err := o.try(limited, via, addrs, port)
	err = o.explain(ctx, err)
	end(reached(ctx, conn, via, addrs, port), err)
	return conn, err
}

// byName has the proxy look host up. The rules about names and ports hold; an
// address is checked as ever.
func (o DialOptions) byName(ctx, limited context.Context, via *proxy, host, port string) (net.Conn, error) {
	end := provider.BeginStage(ctx, provider.StageTCP)
	conn, err := net.Conn(nil), allowedName(o.Policy, host, port)
	if err == nil {
		conn, err = via.dial(limited, net.JoinHostPort(strings.TrimSuffix(host, "."), port))
	}
	err = o.explain(ctx, err)
	end(reached(ctx, conn, via, nil, port), err)
	return conn, err
}

// resolve returns the addresses to try. An address needs no stage.
func (o DialOptions) resolve(ctx, limited context.Context, host string, look Lookup) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	end := provider.BeginStage(ctx, provider.StageDNS)
	addrs, err := lookUp(limited, o.Policy, host, look)
	addrs = addrs[:min(len(addrs), maxAddresses)]
	err = o.explain(ctx, err)
	end(found(ctx, host, addrs), err)
	return addrs, err
}

func lookUp(ctx context.Context, policy profile.Policy, host string, look Lookup) ([]netip.Addr, error) {
	if err := plainHost(host); err != nil {
		return nil, err
	}
	within := policy.InnerNamesAllowed() || len(policy.AllowNetworks) > 0
	inner := innerName(host)
	if inner && !within {
		return nil, refuseInner()
	}
	addrs, err := look(ctx, "ip", strings.TrimSuffix(host, ".")+".")
	if err != nil && within {
		// Without the final dot a search domain may apply, which a host beside its
		// own servers needs. Elsewhere it would lead into the inner zone.
		addrs, err = look(ctx, "ip", host)
		inner = true
	}
	if err == nil && inner && !policy.InnerNamesAllowed() {
		addrs = slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool { return !policy.NetworkAllowed(a) })
		if len(addrs) == 0 {
			return nil, refuseInner()
		}
	}
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	return addrs, err
}

// try dials one address after another.
func (o DialOptions) try(ctx context.Context, via *proxy, addrs []netip.Addr, port string) (net.Conn, error) {
	var first error
	for i, addr := range addrs {
		conn, err := dialOne(ctx, o.Policy, via, net.JoinHostPort(addr.String(), port), len(addrs)-i)
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
func dialOne(ctx context.Context, policy profile.Policy, via *proxy, address string, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(left), time.Second))
		defer cancel()
	}
	check := func(address string) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return &refusal{what: "an address that cannot be read"}
		}
		return allowed(policy, ap)
	}
	if via != nil {
		if err := check(address); err != nil {
			return nil, err
		}
		return via.dial(ctx, address)
	}
	d := net.Dialer{
		// Go's own second attempt would only ever see one address here.
		FallbackDelay: -1,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return check(address)
		},
	}
	return d.DialContext(ctx, "tcp", address)
}
