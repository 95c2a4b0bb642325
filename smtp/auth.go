package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

const authOp = "smtp: AUTH"

var errNoCommand = errors.New("SMTP has no command for user name and password")

// methods are the ways to sign in that the driver knows.
var methods = []provider.Method{provider.WithPassword, provider.WithWindows, provider.WithToken, provider.WithCertificate, provider.WithNothing}

// canSignIn returns an error if there is no way to sign in that the server offers and
// the profile allows.
func (s *session) canSignIn() error {
	_, offered := s.client.Extension("AUTH")
	return s.login.Choose(signin.Server{
		Service: "smtp", Offered: strings.Fields(offered), Secure: s.conn.Secure(), TLS: s.conn.TLSState(), Certificate: s.conn.ShownCertificate(),
	})
}

// signIn signs in, and hangs up if that fails.
func (s *session) signIn(ctx context.Context) error {
	return s.stage(ctx, provider.StageSignIn, func() (provider.Evidence, error) {
		result, err := s.login.Run(ctx, &carrier{s})
		if err != nil {
			s.hangUp()
		}
		return provider.Evidence{Mechanism: result.Mechanism, Username: wire.Quote(result.Username), Text: result.Text}, err
	})
}

// maxCommand is how long a command may be, its line end included (RFC 5321, section
// 4.5.3.1.4). An initial response that does not fit is given when the server asks for
// it (RFC 4954, section 4), as access tokens are.
const maxCommand = 512

// A carrier carries a sign-in in AUTH (RFC 4954).
type carrier struct{ s *session }

var _ signin.Carrier = (*carrier)(nil)

func (c *carrier) Begin(mechanism string, first []byte) (signin.Step, error) {
	line := "AUTH " + mechanism
	initial := encoded(first)
	if initial == "" {
		initial = "="
	}
	switch {
	case first == nil:
		return c.say(line, false)
	case len(line)+len(initial)+len(" \r\n") <= maxCommand:
		return c.say(line+" "+initial, false)
	}
	step, err := c.say(line, true)
	if err != nil || step.Done {
		return step, err
	}
	return c.Answer(first)
}

func (c *carrier) Answer(response []byte) (signin.Step, error) {
	return c.say(encoded(response), false)
}

func (c *carrier) Cancel() (signin.Step, error) { return c.say("*", false) }

// Password is for protocols that have a command of their own.
func (c *carrier) Password(string, string) (signin.Step, error) {
	return signin.Step{}, fail("AUTH", provider.ErrUnsupported, "", errNoCommand)
}

// say sends a line and reads what the server says to it. invited says that a request
// to go on has nothing to tell, whatever it says.
func (c *carrier) say(line string, invited bool) (signin.Step, error) {
	r, err := c.s.link.command(line)
	if err != nil {
		return signin.Step{}, c.s.broke("AUTH", err)
	}
	switch r.code {
	case 235:
		return signin.Step{Done: true}, nil
	case 334:
		challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.text()))
		if err != nil && !invited {
			return signin.Step{}, c.s.broke("AUTH", err)
		}
		return signin.Step{Challenge: challenge}, nil
	}
	return signin.Step{Done: true, Refused: c.s.refusal(authPhase, "AUTH", r)}, nil
}

func encoded(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
