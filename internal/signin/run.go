package signin

import (
	"context"
	"errors"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

var errBare = errors.New("the password would cross the network unprotected")

// Run signs in with what was chosen. The error is the carrier's, an *provider.Error, or
// ctx's own.
func (s *SignIn) Run(ctx context.Context, c Carrier) (Result, error) {
	username, password := s.account.Credentials()
	result := Result{Username: username}
	if !s.Needed() {
		return result, nil
	}
	if !s.server.Secure && !(s.account.Endpoint.TLS == profile.Plaintext && s.account.Policy.BasicWithoutTLSAllowed()) {
		return result, &provider.Error{Op: s.op, Kind: provider.ErrUnsafe, Remedy: "use TLS in the profile", Err: errBare}
	}
	var step Step
	var err error
	switch result.Mechanism = string(s.choice[0]); s.choice[0] {
	case command:
		step, err = c.Password(username, password.Reveal())
	default:
		step, err = c.Begin("PLAIN", []byte("\x00"+username+"\x00"+password.Reveal()))
	}
	if err == nil {
		err = step.Refused
	}
	return result, err
}
