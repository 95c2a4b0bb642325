package signin

import (
	"slices"

	"github.com/go-serversync/serversync/provider"
)

// Choose finds the mechanisms that can be used with a server. The error is an
// *provider.Error of the kind ErrUnsupported or ErrUnsafe: what the server offers,
// what the profile allows and what to do.
func (s *SignIn) Choose(server Server) error {
	s.server, s.choice = server, nil
	if !s.Needed() {
		return nil
	}
	for _, m := range s.candidates() {
		if s.offered(m) {
			s.choice = append(s.choice, m)
		}
	}
	if len(s.choice) == 0 {
		return s.lacking()
	}
	return nil
}

// offered reports whether the server takes m and it can be run here.
func (s *SignIn) offered(m mechanism) bool {
	has := slices.Contains(s.server.Offered, m.name)
	switch m.name {
	case command:
		return s.server.Command
	case scramPlus:
		return has && s.binds()
	case scramBare:
		// Where both sides can bind, SCRAM without it would be a way down that
		// somebody in between may have chosen for us (RFC 5802, section 6).
		return has && !(s.binds() && slices.Contains(s.server.Offered, scramPlus))
	case external:
		return has && s.server.Certificate
	}
	return has
}

// binds reports whether a proof can be bound to the connection.
func (s *SignIn) binds() bool {
	name, _ := channelBinding(s.server.TLS)
	return name != ""
}

// protected returns an error if nothing secret may be sent over the connection.
func (s *SignIn) protected() error {
	if s.server.Secure || plaintextAllowed(s.account) {
		return nil
	}
	return s.fail(provider.ErrUnsafe, "use TLS in the profile", errBare)
}
