package imap

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

var (
	errNoStartTLS = errors.New("the server does not agree to TLS")
	errPreauth    = errors.New("the server claims that we are signed in already, before there is TLS")
)

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
func (s *session) greet(ctx context.Context, a provider.Account) error {
	if err := s.stage(ctx, provider.StageGreeting, "greeting", func() (provider.Evidence, error) { return s.greeting(ctx) }); err != nil {
		return err
	}
	if a.Endpoint.TLS == profile.StartTLS {
		end := provider.BeginStage(ctx, provider.StageTLS)
		err := s.startTLS(ctx)
		end(s.conn.Protection(ctx, err), err)
		if err != nil {
			return err
		}
	}
	return s.stage(ctx, provider.StageCapabilities, "capabilities", func() (e provider.Evidence, err error) {
		if s.caps == nil {
			if err := s.askCaps(); err != nil {
				return e, err
			}
		}
		return s.offered(ctx), s.canSignIn()
	})
}

// offered is the evidence of the capabilities that are known now.
func (s *session) offered(ctx context.Context) (e provider.Evidence) {
	if !provider.Traced(ctx) {
		return e
	}
	return wire.Offered(ctx, slices.Collect(maps.Keys(s.caps)))
}

// greeting reads the server's first line.
func (s *session) greeting(ctx context.Context) (e provider.Evidence, err error) {
	s.conn.Deadline(s.limits.Greeting)
	defer s.conn.Deadline(0)
	if err := s.in.Next(); err != nil {
		return e, s.fail(err)
	}
	if !s.in.Accept('*') {
		return e, s.fail(syntax.Malformed("a greeting that is none"))
	}
	s.in.Space()
	kind := strings.ToUpper(string(s.in.Word()))
	s.in.Space()
	switch kind {
	case "OK", "PREAUTH":
		s.preauth = kind == "PREAUTH"
		st := s.statusText(kind)
		if st.code == "CAPABILITY" {
			s.setCaps([]byte(st.args))
		}
		if provider.Traced(ctx) {
			e.Text = wire.Quote(st.text)
		}
		return e, nil
	case "BYE":
		return e, s.fail(refusal("", s.statusText(kind), signedIn))
	}
	return e, s.fail(syntax.Malformed("a greeting that is none"))
}

// startTLS is the only thing ever said in clear. Nothing that was learned before
// it is believed after it, and nothing may follow the server's agreement.
func (s *session) startTLS(ctx context.Context) error {
	const op = "imap: STARTTLS"
	unsafe := func(err error) error {
		s.fail(err)
		return &provider.Error{Op: op, Kind: provider.ErrUnsafe, Err: err, Remedy: "use TLS from the first byte (port 993); have the network between looked at"}
	}
	if s.preauth {
		return unsafe(errPreauth)
	}
	c := &command{text: "STARTTLS"}
	err := s.do(ctx, "STARTTLS", func() error {
		if err := s.run(c); err != nil {
			return err
		}
		if !c.status.ok() {
			return unsafe(errNoStartTLS)
		}
		return nil
	})
	if provider.KindOf(err) == provider.ErrProtocol {
		return unsafe(err) // anything but an agreement is none
	}
	if err != nil {
		return err
	}
	if err := s.conn.StartTLS(ctx, s.in.Buffered()); err != nil {
		return s.fail(err)
	}
	s.caps = nil
	s.startReading()
	return nil
}

func (s *session) askCaps() error {
	c := &command{text: "CAPABILITY"}
	if err := s.run(c); err != nil {
		return err
	}
	if s.caps == nil {
		return s.fail(syntax.Malformed("no capabilities when asked for them"))
	}
	return nil
}
