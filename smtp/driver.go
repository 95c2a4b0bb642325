package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"

	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A Driver opens connections to submission servers. The zero value is ready for
// use; the zero value of a field means its default.
type Driver struct {
	// TLSConfig gives roots and client certificates. The server's name is taken
	// from the profile and TLS 1.2 is the least. Default: the system's roots.
	TLSConfig *tls.Config

	// Limits bounds what a server may make us hold and wait.
	Limits provider.Limits

	// LocalName is what we call ourselves in EHLO, a host name. Default: our
	// address on the connection, as RFC 5321, section 4.1.4 has it for a client
	// without a name.
	LocalName string

	// Logger gets a line for each connection at level debug, without secrets or
	// content. Default: none.
	Logger *slog.Logger
}

var (
	_ provider.Driver = Driver{}
	_ provider.Prober = Driver{}
)

// Open connects to a's endpoint and signs in. Each phase has its deadline in
// Limits and is told to ctx's Trace. The error is an *provider.Error of one of
// these kinds, or ctx's own:
//
//   - ErrAuth: the server refused what proves us, or there is no consent for a token
//   - ErrThrottled, ErrUnavailable: the server is busy, down or cannot be reached
//   - ErrUnsafe: the address, the certificate or the server's TLS is refused by us
//   - ErrUnsupported: the server offers no way to sign in that profile and policy
//     allow (docs/signin.md), or the account lacks what the endpoint asks for
//   - ErrProtocol, ErrTooLarge: it does not speak SMTP as it should
func (d Driver) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	login, err := signin.New(authOp, a, provider.WithNothing)
	if err != nil {
		return nil, provider.FailStage(ctx, provider.StageSignIn, err)
	}
	ctx = login.Discreet(ctx)
	if err := login.Prepare(ctx); err != nil {
		return nil, err
	}
	s, err := d.connect(ctx, a, login)
	if err != nil {
		return nil, err
	}
	if login.Needed() {
		if err := s.signIn(ctx); err != nil {
			return nil, err
		}
	}
	s.log.DebugContext(ctx, "smtp: open", "host", a.Endpoint.Host, "tls", s.conn.Secure())
	return s, nil
}

// Probe goes as far as Open without signing in, and says goodbye.
func (d Driver) Probe(ctx context.Context, a provider.Account) error {
	login, err := signin.New(authOp, a, provider.WithNothing)
	if err != nil {
		return provider.FailStage(ctx, provider.StageSignIn, err)
	}
	ctx = login.Discreet(ctx)
	if err := login.PrepareProbe(ctx); err != nil {
		return err
	}
	s, err := d.connect(ctx, a, login)
	if err != nil {
		return err
	}
	return s.Close()
}

// connect brings a connection to where one can sign in.
func (d Driver) connect(ctx context.Context, a provider.Account, login *signin.SignIn) (*session, error) {
	if d.LocalName != "" && !validDomain(d.LocalName) {
		return nil, provider.FailStage(ctx, provider.StageCapabilities,
			fail("EHLO", provider.ErrUnsafe, "set LocalName to this host's name", errors.New("LocalName is no host name")))
	}
	limits := d.Limits.WithDefaults()
	conn, err := wire.Dial(ctx, wire.DialOptions{
		Op: "smtp", Address: a.Endpoint.Address(profile.SMTP), TLS: a.Endpoint.TLS, TLSConfig: d.TLSConfig, Policy: a.Policy, Limits: limits,
	})
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, link: newLink(conn, limits), limits: limits, account: a, login: login, name: d.LocalName, log: d.Logger}
	if s.name == "" {
		s.name = addressLiteral(conn.LocalAddr())
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.start(ctx); err != nil {
		if provider.KindOf(err) != provider.ErrUnsupported { // else both are well, and part as friends
			s.dead = true
		}
		s.Close()
		return nil, err
	}
	return s, nil
}

// addressLiteral returns our own address as RFC 5321, section 4.1.3 writes it.
func addressLiteral(a net.Addr) string {
	host, _, _ := net.SplitHostPort(a.String())
	host, _, _ = strings.Cut(host, "%")
	if strings.Contains(host, ":") {
		return "[IPv6:" + host + "]"
	}
	return "[" + host + "]"
}

func fail(op string, kind provider.Kind, remedy string, err error) *provider.Error {
	return &provider.Error{Op: "smtp: " + op, Kind: kind, Remedy: remedy, Err: err}
}
