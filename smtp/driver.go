package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"

	gosmtp "github.com/emersion/go-smtp"
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

var _ provider.Driver = Driver{}

// Open connects to a's endpoint and signs in. Each phase has its deadline in
// Limits. The error is an *provider.Error of one of these kinds, or ctx's own:
//
//   - ErrAuth: the server refused user name and password
//   - ErrThrottled, ErrUnavailable: the server is busy, down or cannot be reached
//   - ErrUnsafe: the address, the certificate or the server's TLS is refused by us
//   - ErrUnsupported: the server offers no way to sign in that we know
//   - ErrProtocol, ErrTooLarge: it does not speak SMTP as it should
func (d Driver) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	if d.LocalName != "" && !validDomain(d.LocalName) {
		return nil, fail("EHLO", provider.ErrUnsafe, "set LocalName to this host's name", errors.New("LocalName is no host name"))
	}
	limits := d.Limits.WithDefaults()
	conn, err := wire.Dial(ctx, wire.DialOptions{
		Op: "smtp", Address: a.Endpoint.Address(profile.SMTP), TLS: a.Endpoint.TLS, TLSConfig: d.TLSConfig, Policy: a.Policy, Limits: limits,
	})
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, link: newLink(conn, limits), limits: limits, account: a, name: d.LocalName, log: d.Logger}
	if s.name == "" {
		s.name = addressLiteral(conn.LocalAddr())
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	end := conn.During(ctx)
	if err := end(s.start(ctx)); err != nil {
		conn.Close()
		return nil, err
	}
	s.log.DebugContext(ctx, "smtp: open", "host", a.Endpoint.Host, "tls", conn.Secure())
	return s, nil
}

// start brings a fresh connection to where mail can be sent.
func (s *session) start(ctx context.Context) error {
	s.conn.Deadline(s.limits.Greeting)
	greeting, err := s.link.reply()
	if err != nil {
		return s.broke("greeting", err)
	}
	if greeting.code != 220 {
		return s.refusal(greetingPhase, "greeting", greeting)
	}
	if s.account.Endpoint.TLS == profile.StartTLS {
		if err := s.startTLS(ctx); err != nil {
			return err
		}
	}
	// go-smtp waits for a greeting, and after STARTTLS there is no second one: it
	// gets the first.
	s.link.replay(greeting)
	s.client = gosmtp.NewClient(s.link)
	if err := s.client.Hello(s.name); err != nil {
		return s.failed(helloPhase, "EHLO", err)
	}
	return s.signIn()
}

// startTLS protects the connection or fails. What the server says before TLS is
// used for one thing, to see whether it offers TLS, and then forgotten.
func (s *session) startTLS(ctx context.Context) error {
	hello, err := s.link.command("EHLO " + s.name)
	if err != nil {
		return s.broke("EHLO", err)
	}
	if hello.class() == 4 {
		return s.refusal(helloPhase, "EHLO", hello)
	}
	if hello.code != 250 || !hello.offers("STARTTLS") {
		return fail("STARTTLS", provider.ErrUnsafe, "use TLS from the first byte, on port 465; if the server did offer STARTTLS before, have the network between looked at",
			errors.New("the server offers no STARTTLS, and the profile wants nothing less"))
	}
	agreed, err := s.link.command("STARTTLS")
	if err != nil {
		return s.broke("STARTTLS", err)
	}
	if agreed.code != 220 {
		return s.refusal(startTLSPhase, "STARTTLS", agreed)
	}
	if err := s.conn.StartTLS(ctx, s.link.leftover()); err != nil {
		return err
	}
	s.link = newLink(s.conn, s.limits)
	return nil
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
