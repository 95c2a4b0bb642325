package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"

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
//   - ErrAuth: the server refused user name and password
//   - ErrThrottled, ErrUnavailable: the server is busy, down or cannot be reached
//   - ErrUnsafe: the address, the certificate or the server's TLS is refused by us
//   - ErrUnsupported: the server offers no way to sign in that we know, or the
//     endpoint asks for another than a password or none
//   - ErrProtocol, ErrTooLarge: it does not speak SMTP as it should
func (d Driver) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	if _, err := a.SignIn(authOp, methods...); err != nil {
		return nil, provider.FailStage(ctx, provider.StageSignIn, err)
	}
	ctx = discreet(ctx, a)
	s, mechanism, err := d.connect(ctx, a)
	if err != nil {
		return nil, err
	}
	if mechanism != "" {
		if err := s.signIn(ctx, mechanism); err != nil {
			s.conn.Close()
			return nil, err
		}
	}
	s.log.DebugContext(ctx, "smtp: open", "host", a.Endpoint.Host, "tls", s.conn.Secure())
	return s, nil
}

// Probe goes as far as Open without signing in, and says goodbye.
func (d Driver) Probe(ctx context.Context, a provider.Account) error {
	s, _, err := d.connect(discreet(ctx, a), a)
	if err != nil {
		return err
	}
	return s.Close()
}

func discreet(ctx context.Context, a provider.Account) context.Context {
	_, password := a.Credentials()
	return wire.Discreet(ctx, password)
}

// connect brings a connection to where one can sign in, and returns the mechanism
// to do it with, "" if none is needed.
func (d Driver) connect(ctx context.Context, a provider.Account) (s *session, mechanism string, err error) {
	if d.LocalName != "" && !validDomain(d.LocalName) {
		return nil, "", provider.FailStage(ctx, provider.StageCapabilities,
			fail("EHLO", provider.ErrUnsafe, "set LocalName to this host's name", errors.New("LocalName is no host name")))
	}
	limits := d.Limits.WithDefaults()
	conn, err := wire.Dial(ctx, wire.DialOptions{
		Op: "smtp", Address: a.Endpoint.Address(profile.SMTP), TLS: a.Endpoint.TLS, TLSConfig: d.TLSConfig, Policy: a.Policy, Limits: limits,
	})
	if err != nil {
		return nil, "", err
	}
	s = &session{conn: conn, link: newLink(conn, limits), limits: limits, account: a, name: d.LocalName, log: d.Logger}
	if s.name == "" {
		s.name = addressLiteral(conn.LocalAddr())
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if mechanism, err = s.start(ctx); err != nil {
		if provider.KindOf(err) != provider.ErrUnsupported { // else both are well, and part as friends
			s.dead = true
		}
		s.Close()
		return nil, "", err
	}
	return s, mechanism, nil
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
