package pop3

import (
	"context"
	"errors"

	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

var errNoStartTLS = errors.New("the server does not agree to TLS")

// stage runs f as do does and tells it.
func (s *session) stage(ctx context.Context, stage provider.Stage, op string, f func() (provider.Evidence, error)) error {
	end := provider.BeginStage(ctx, stage)
	var e provider.Evidence
	err := s.do(ctx, op, func() (err error) {
		e, err = f()
		return err
	})
	end(e, err)
	return err
}

// greet brings the connection from its first byte through greeting, TLS and
// capabilities.
func (s *session) greet(ctx context.Context) error {
	if err := s.stage(ctx, provider.StageGreeting, "greeting", func() (provider.Evidence, error) { return s.greeting(ctx) }); err != nil {
		return err
	}
	if s.account.Endpoint.TLS == profile.StartTLS {
		end := provider.BeginStage(ctx, provider.StageTLS)
		err := s.startTLS(ctx)
		end(s.conn.Protection(ctx, err), err)
		if err != nil {
			return err
		}
	}
	return s.stage(ctx, provider.StageCapabilities, "capabilities", func() (e provider.Evidence, err error) {
		if err := s.askCaps(); err != nil {
			return e, err
		}
		return s.offered(ctx), s.in.Choose(signin.Server{
			Service: "pop", Offered: s.caps.mechanisms, Command: s.caps.user || !s.caps.known,
			Secure: s.conn.Secure(), TLS: s.conn.TLSState(), Certificate: s.conn.ShownCertificate(),
		})
	})
}

// greeting reads the server's first line. A challenge for APOP in it is of no interest:
// MD5 of a password proves little to a server and much to whoever listens.
func (s *session) greeting(ctx context.Context) (e provider.Evidence, err error) {
	s.conn.Deadline(s.limits.Greeting)
	line, err := s.line()
	s.conn.Deadline(0)
	if err != nil {
		return e, err
	}
	a, ok := parseAnswer(line)
	switch {
	case !ok || a.more:
		return e, s.fail(malformed("a greeting that is none"))
	case !a.ok:
		return e, s.fail(s.refusal(a, greeting))
	}
	if provider.Traced(ctx) {
		e.Text = wire.Quote(a.text)
	}
	return e, nil
}

// startTLS is the only thing ever said in clear. CAPA is not asked before it: what
// somebody on the way may have written would not be believed, and STLS itself tells
// whether the server agrees. Nothing may follow its agreement.
func (s *session) startTLS(ctx context.Context) error {
	unsafe := func(err error) error {
		s.fail(err)
		return &provider.Error{Op: "pop3: STLS", Kind: provider.ErrUnsafe, Err: err, Remedy: "use TLS from the first byte (port 995); have the network between looked at"}
	}
	err := s.do(ctx, "STLS", func() error {
		a, err := s.ask("STLS")
		if err != nil {
			return err
		}
		if !a.ok {
			return unsafe(errNoStartTLS)
		}
		return nil
	})
	if kind := provider.KindOf(err); kind == provider.ErrProtocol || kind == provider.ErrTooLarge {
		return unsafe(err) // anything but an agreement is none
	}
	if err != nil {
		return err
	}
	if err := s.conn.StartTLS(ctx, s.rd.Buffered()); err != nil {
		return s.fail(err)
	}
	s.startReading()
	return nil
}
