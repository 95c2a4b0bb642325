package smtp

import (
	"context"
	"errors"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

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
func (s *session) start(ctx context.Context) error {
	var greeting reply
	err := s.stage(ctx, provider.StageGreeting, func() (e provider.Evidence, err error) {
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
		return err
	}
	return s.stage(ctx, provider.StageCapabilities, func() (e provider.Evidence, err error) {
		// go-smtp waits for a greeting, and after STARTTLS there is no second one: it
		// gets the first.
		s.link.replay(greeting)
		s.client = gosmtp.NewClient(s.link)
		if err := s.client.Hello(s.name); err != nil {
			return e, s.failed(helloPhase, "EHLO", err)
		}
		return s.offered(ctx), s.canSignIn()
	})
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
