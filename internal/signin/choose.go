package signin

import (
	"slices"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// A candidate is a mechanism that may be used.
type candidate string

// command stands for the protocol's own command.
const command candidate = "command"

// Choose finds the mechanisms that can be used with a server. The error is an
// *provider.Error of the kind ErrUnsupported or ErrUnsafe.
func (s *SignIn) Choose(server Server) error {
	s.server, s.choice = server, nil
	if s.method == provider.WithNothing {
		return nil
	}
	for _, c := range []candidate{"PLAIN", command, "LOGIN"} {
		if c == command && server.Command || slices.Contains(server.Offered, string(c)) {
			s.choice = append(s.choice, c)
		}
	}
	if len(s.choice) == 0 {
		return wire.NoPassword(s.op, server.Offered)
	}
	return nil
}

// Needed reports whether there is anything to sign in with.
func (s *SignIn) Needed() bool { return s.method != provider.WithNothing }
