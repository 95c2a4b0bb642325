package imap

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

var (
	errNoStartTLS = errors.New("the server does not agree to TLS")
	errPreauth    = errors.New("the server claims that we are signed in already, before there is TLS")
	errNoSignIn   = errors.New("the server offers no way to sign in that we know")
	errDisabled   = errors.New("the server takes no password on this connection")
	errControls   = errors.New("user name or password has characters that no server takes")
)

// greet brings the connection from its first byte to being signed in.
func (s *session) greet(ctx context.Context, a provider.Account) error {
	pre, err := s.greeting(ctx)
	if err != nil {
		return err
	}
	if a.Endpoint.TLS == profile.StartTLS {
		if err := s.startTLS(ctx, pre); err != nil {
			return err
		}
		pre = false
	}
	return s.do(ctx, "sign in", func() error {
		if !s.conn.Secure() && !(a.Endpoint.TLS == profile.Plaintext && a.Policy.AllowPlaintext) {
			return s.fail(&provider.Error{Kind: provider.ErrUnsafe, Remedy: "use TLS in the profile", Err: errDisabled})
		}
		if s.caps == nil {
			if err := s.askCaps(); err != nil {
				return err
			}
		}
		if pre {
			s.signedIn = true
			return nil
		}
		return s.signIn(a)
	})
}

// greeting reads the server's first line. It reports whether it says PREAUTH.
func (s *session) greeting(ctx context.Context) (pre bool, err error) {
	err = s.do(ctx, "greeting", func() error {
		s.conn.Deadline(s.limits.Greeting)
		defer s.conn.Deadline(0)
		if err := s.in.Next(); err != nil {
			return s.fail(err)
		}
		if !s.in.Accept('*') {
			return s.fail(syntax.Malformed("a greeting that is none"))
		}
		s.in.Space()
		kind := strings.ToUpper(string(s.in.Word()))
		s.in.Space()
		switch kind {
		case "OK", "PREAUTH":
			pre = kind == "PREAUTH"
			if st := s.statusText(kind); st.code == "CAPABILITY" {
				s.setCaps([]byte(st.args))
			}
			return nil
		case "BYE":
			return s.fail(refusal("", s.statusText(kind), signedIn))
		}
		return s.fail(syntax.Malformed("a greeting that is none"))
	})
	return pre, err
}

// startTLS is the only thing ever said in clear. Nothing that was learned before
// it is believed after it, and nothing may follow the server's agreement.
func (s *session) startTLS(ctx context.Context, pre bool) error {
	const op = "imap: STARTTLS"
	unsafe := func(err error) error {
		s.fail(err)
		return &provider.Error{Op: op, Kind: provider.ErrUnsafe, Err: err, Remedy: "use TLS from the first byte (port 993); have the network between looked at"}
	}
	if pre {
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

// signIn has go-imap send the password: by AUTHENTICATE PLAIN with its initial
// response where the server takes one, which costs one round trip, else by LOGIN.
func (s *session) signIn(a provider.Account) error {
	username, password := a.Credentials()
	if strings.ContainsAny(username+password.Reveal(), "\x00\r\n") {
		return s.fail(&provider.Error{Kind: provider.ErrAuth, Err: errControls, Remedy: "set another one"})
	}
	how := func(c *imapclient.Client) error {
		return c.Authenticate(sasl.NewPlainClient("", username, password.Reveal()))
	}
	if !s.caps["AUTH=PLAIN"] {
		if s.caps["LOGINDISABLED"] {
			err := errNoSignIn
			if !s.conn.Secure() {
				err = errDisabled
			}
			return s.fail(&provider.Error{Kind: provider.ErrUnsupported, Err: err, Remedy: "the server needs to allow passwords for this account"})
		}
		how = func(c *imapclient.Client) error { return c.Login(username, password.Reveal()).Wait() }
	}
	s.log.Debug("imap: signing in", "secure", s.conn.Secure(), "plain", s.caps["AUTH=PLAIN"])
	before := s.caps
	s.caps = nil // they change by signing in
	st, err := s.lend(before, how)
	if err != nil {
		return err
	}
	if !st.ok() {
		return s.fail(refusal("", st, signingIn))
	}
	s.signedIn = true
	s.callIn() // the next loan is told the new capabilities
	if s.caps == nil {
		return s.askCaps()
	}
	return nil
}
