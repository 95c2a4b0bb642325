package smtp

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

const authOp = "smtp: AUTH"

// methods are the ways to sign in that the driver knows.
var methods = []provider.Method{provider.WithPassword, provider.WithNothing}

// mechanism returns what to sign in with among what the server offers, "" if there
// is no need.
func (s *session) mechanism() (string, error) {
	switch method, err := s.account.SignIn(authOp, methods...); {
	case err != nil:
		return "", err
	case method == provider.WithNothing:
		return "", nil
	}
	for _, m := range []string{sasl.Plain, sasl.Login} {
		if s.client.SupportsAuth(m) {
			return m, nil
		}
	}
	_, offered := s.client.Extension("AUTH")
	return "", wire.NoPassword(authOp, strings.Fields(offered))
}

// signIn signs in with PLAIN or LOGIN, which are as safe as the connection is.
// Nothing is sent over an unprotected one, but for an endpoint that asks for
// plaintext by name under a policy that permits it.
func (s *session) signIn(ctx context.Context, mechanism string) error {
	return s.stage(ctx, provider.StageSignIn, func() (provider.Evidence, error) {
		username, password := s.account.Credentials()
		e := provider.Evidence{Mechanism: mechanism, Username: wire.Quote(username)}
		return e, s.authenticate(mechanism, username, password.Reveal())
	})
}

func (s *session) authenticate(mechanism, username, password string) error {
	remedy := "enter user name and password again"
	switch {
	case !s.conn.Secure() && !(s.account.Endpoint.TLS == profile.Plaintext && s.account.Policy.BasicWithoutTLSAllowed()):
		return fail("AUTH", provider.ErrUnsafe, "use TLS", errors.New("the password would cross the network unprotected"))
	case username == "" || password == "":
		return fail("AUTH", provider.ErrAuth, remedy, errors.New("there is no user name, or no password"))
	case strings.Contains(username, "\x00") || strings.Contains(password, "\x00"):
		return fail("AUTH", provider.ErrAuth, remedy, errors.New("user name or password has a NUL in it, which PLAIN cannot say"))
	}
	client := sasl.Client(&login{answers: []string{username, password}})
	if mechanism == sasl.Plain {
		client = sasl.NewPlainClient("", username, password)
	}
	if err := s.client.Auth(&bounded{Client: client, left: 3}); err != nil {
		return s.failed(authPhase, "AUTH", err)
	}
	return nil
}

// A bounded mechanism answers no more than so many challenges, for a server may
// send them for ever.
type bounded struct {
	sasl.Client
	left int
}

var errRounds = errors.New("the server asks for ever")

func (b *bounded) Next(challenge []byte) ([]byte, error) {
	if b.left--; b.left < 0 {
		return nil, errRounds
	}
	return b.Client.Next(challenge)
}

// login is LOGIN as servers speak it, by the order of the questions. go-sasl's own
// wants one of them worded exactly, and no two servers word it alike.
type login struct{ answers []string }

func (l *login) Start() (mechanism string, first []byte, err error) { return sasl.Login, nil, nil }

func (l *login) Next([]byte) ([]byte, error) {
	if len(l.answers) == 0 {
		return nil, errRounds
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(answer), nil
}
