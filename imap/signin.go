package imap

import (
	"context"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/go-serversync/serversync/imap/internal/syntax"
	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

const signInOp = "imap: sign in"

// canSignIn returns an error if there is no way to sign in that the server offers and
// the profile allows.
func (s *session) canSignIn() error {
	if s.preauth {
		return nil
	}
	server := signin.Server{Service: "imap", Command: !s.caps["LOGINDISABLED"], Secure: s.conn.Secure(), TLS: s.conn.TLSState(), Certificate: s.conn.ShownCertificate()}
	for c := range s.caps {
		if mechanism, ok := strings.CutPrefix(c, "AUTH="); ok {
			server.Offered = append(server.Offered, mechanism)
		}
	}
	return s.login.Choose(server)
}

// signIn signs in, with its initial response in the command where the server takes
// one (RFC 4959), which makes one round trip of most mechanisms.
func (s *session) signIn(ctx context.Context) error {
	return s.stage(ctx, provider.StageSignIn, "sign in", func() (e provider.Evidence, err error) {
		if s.preauth {
			s.signedIn = true
			return provider.Evidence{Text: "the server knows us without a sign-in (PREAUTH)"}, nil
		}
		before := s.caps
		result, err := s.login.Run(ctx, &carrier{s: s, caps: before})
		s.log.Debug("imap: signed in", "secure", s.conn.Secure(), "mechanism", result.Mechanism, "ok", err == nil)
		if err == nil {
			err = s.welcome()
		} else {
			s.fail(err) // nobody knows what the server thinks of us now
		}
		if err == nil {
			e = s.offered(ctx)
		}
		e.Mechanism, e.Username, e.Text = result.Mechanism, wire.Quote(result.Username), result.Text
		return e, err
	})
}

// welcome learns what the server can since we are signed in.
func (s *session) welcome() error {
	s.signedIn = true
	s.callIn() // the next loan is told the new capabilities
	if s.caps == nil {
		return s.askCaps()
	}
	return nil
}

// maxInitial is how long an initial response may be to go into the command, in
// base64: RFC 7162, section 4 has servers take lines of 8,192 bytes.
const maxInitial = 8000

// A carrier carries a sign-in in AUTHENTICATE (RFC 3501, section 6.2.2).
type carrier struct {
	s        *session
	caps     map[string]bool // from before the sign-in, which changes them
	command  *command
	patience patience
}

var _ signin.Carrier = (*carrier)(nil)

func (c *carrier) Room(string) int {
	if c.caps["SASL-IR"] {
		return maxInitial
	}
	return 0
}

func (c *carrier) Begin(mechanism, initial string) (signin.Step, error) {
	s := c.s
	c.command = &command{text: strings.TrimSpace("AUTHENTICATE " + mechanism + " " + initial)}
	c.patience = patience{limit: s.limits.Command, since: time.Now()}
	if err := s.ready(); err != nil {
		return signin.Step{}, err
	}
	s.caps = nil
	if err := s.send(c.command); err != nil {
		return signin.Step{}, err
	}
	return c.read()
}

func (c *carrier) Say(line string) (signin.Step, error) {
	if _, err := c.s.conn.Write([]byte(line + "\r\n")); err != nil {
		return signin.Step{}, c.s.fail(err)
	}
	return c.read()
}

// Password signs in with LOGIN, whose quoting and literals go-imap knows.
func (c *carrier) Password(username, password string) (signin.Step, error) {
	c.s.caps = nil
	st, err := c.s.lend(c.caps, func(client *imapclient.Client) error { return client.Login(username, password).Wait() })
	if err != nil {
		return signin.Step{}, err
	}
	return c.done(st), nil
}

// read reads until the server asks for more or is done.
func (c *carrier) read() (signin.Step, error) {
	s := c.s
	for range s.limits.Responses {
		if err := s.in.Next(); err != nil {
			return signin.Step{}, s.fail(err)
		}
		if s.in.Accept('+') {
			return signin.Step{Challenge: string(s.in.Rest())}, nil
		}
		done, err := s.take([]*command{c.command}, &c.patience)
		if err != nil {
			return signin.Step{}, s.fail(err)
		}
		if done {
			return c.done(c.command.status), nil
		}
	}
	return signin.Step{}, s.fail(syntax.TooLarge("more than %d responses to one command", s.limits.Responses))
}

// done is the end that the tagged answer is. With it most servers tell what they can
// from now on (RFC 3501, section 7.1), which need not be asked for then.
func (c *carrier) done(st status) signin.Step {
	step := signin.Step{Done: true}
	switch {
	case !st.ok():
		step.Refused = refusal(signInOp, st, signingIn)
		c.s.caps = nil
	case st.code == "CAPABILITY":
		c.s.setCaps([]byte(st.args))
	}
	return step
}
