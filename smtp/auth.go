package smtp

import (
	"errors"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// signIn signs in with PLAIN or LOGIN, which are as safe as the connection is.
// Nothing is sent over an unprotected one, but for an endpoint that asks for
// plaintext by name under a policy that permits it.
func (s *session) signIn() error {
	if s.account.Endpoint.Credentials == profile.Anonymous {
		return nil
	}
	username, secret := s.account.Credentials()
	password := secret.Reveal()
	remedy := "enter user name and password again"
	switch {
	case !s.conn.Secure() && !(s.account.Endpoint.TLS == profile.Plaintext && s.account.Policy.AllowPlaintext):
		return fail("AUTH", provider.ErrUnsafe, "use TLS", errors.New("the password would cross the network unprotected"))
	case username == "" || password == "":
		return fail("AUTH", provider.ErrAuth, remedy, errors.New("there is no user name, or no password"))
	case strings.Contains(username, "\x00") || strings.Contains(password, "\x00"):
		return fail("AUTH", provider.ErrAuth, remedy, errors.New("user name or password has a NUL in it, which PLAIN cannot say"))
	}
	var mechanism sasl.Client
	switch {
	case s.client.SupportsAuth(sasl.Plain):
		mechanism = sasl.NewPlainClient("", username, password)
	case s.client.SupportsAuth(sasl.Login):
		mechanism = &login{answers: []string{username, password}}
	default:
		if offered, _ := s.client.Extension("AUTH"); !offered {
			return fail("AUTH", provider.ErrUnsupported, "check port and TLS: many servers offer sign-in on port 465 or 587 only; for a relay without sign-in say so in the profile", errors.New("the server offers no sign-in"))
		}
		return fail("AUTH", provider.ErrUnsupported, "the server needs PLAIN or LOGIN", errors.New("the server offers no sign-in with a password"))
	}
	if err := s.client.Auth(&bounded{Client: mechanism, left: 3}); err != nil {
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
