package smtp

import (
	"context"
	"errors"
	"strings"

	"github.com/go-serversync/serversync/internal/signin"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

const authOp = "smtp: AUTH"

var errNoCommand = errors.New("SMTP has no command for user name and password")

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

func (c *carrier) Room(mechanism string) int {
	return maxCommand - len("AUTH "+mechanism+" \r\n")
}

func (c *carrier) Begin(mechanism, initial string) (signin.Step, error) {
	return c.Say(strings.TrimSpace("AUTH " + mechanism + " " + initial))
}

// Say sends a line and reads what the server says to it.
func (c *carrier) Say(line string) (signin.Step, error) {
	r, err := c.s.link.command(line)
	if err != nil {
		return signin.Step{}, c.s.broke("AUTH", err)
	}
	switch r.code {
	case 235:
		return signin.Step{Done: true}, nil
	case 334:
		return signin.Step{Challenge: r.text()}, nil
	}
	return signin.Step{Done: true, Refused: c.s.refusal(authPhase, "AUTH", r)}, nil
}

// Password is for protocols that have a command of their own.
func (c *carrier) Password(string, string) (signin.Step, error) {
	return signin.Step{}, fail("AUTH", provider.ErrUnsupported, "", errNoCommand)
}
