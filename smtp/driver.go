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

// stage does f as one operation tied to ctx and tells it.
func (s *session) stage(ctx context.Context, stage provider.Stage, f func() (provider.Evidence, error)) error {
	tell := provider.BeginStage(ctx, stage)
	end := s.conn.During(ctx)
	e, err := f()
	err = end(err)
	tell(e, err)
	return err
}

// start brings a fresh connection through greeting, TLS and capabilities.
func (s *session) start(ctx context.Context) (mechanism string, err error) {
	var greeting reply
	err = s.stage(ctx, provider.StageGreeting, func() (e provider.Evidence, err error) {
		s.conn.Deadline(s.limits.Greeting)
		if greeting, err = s.link.reply(); err != nil {
			return e, s.broke("greeting", err)
		}
		if greeting.code != 220 {
			return e, s.refusal(greetingPhase, "greeting", greeting)
		}
		return s.told(ctx, greeting), nil
	})
	if err == nil && s.account.Endpoint.TLS == profile.StartTLS {
		err = s.stage(ctx, provider.StageTLS, func() (provider.Evidence, error) {
			err := s.startTLS(ctx)
			return s.conn.Protection(ctx, err), err
		})
	}
	if err != nil {
		return "", err
	}
	err = s.stage(ctx, provider.StageCapabilities, func() (e provider.Evidence, err error) {
		// go-smtp waits for a greeting, and after STARTTLS there is no second one: it
		// gets the first.
		s.link.replay(greeting)
		s.client = gosmtp.NewClient(s.link)
		if err := s.client.Hello(s.name); err != nil {
			return e, s.failed(helloPhase, "EHLO", err)
		}
		mechanism, err = s.mechanism()
		return s.offered(ctx), err
	})
	return mechanism, err
}

// told is the evidence of a reply's words.
func (s *session) told(ctx context.Context, r reply) (e provider.Evidence) {
	if provider.Traced(ctx) {
		e.Text = s.words(r)
	}
	return e
}

// offered is the evidence of what the server can, by its last reply.
func (s *session) offered(ctx context.Context) (e provider.Evidence) {
	if !provider.Traced(ctx) {
		return e
	}
	if !s.link.hello {
		e.Text = "the server knows HELO only"
		return e
	}
	return wire.Offered(ctx, capitals(s.link.last.lines)[1:])
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
