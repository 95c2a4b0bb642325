package signin

import (
	"context"
	"errors"
	"strings"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

var (
	errMissing  = errors.New("there is no user name, or no password")
	errNobody   = errors.New("there is no user name to sign in as")
	errControls = errors.New("user name or password has a line end or a NUL in it, which no protocol can say")
	errUnchosen = errors.New("no mechanism was chosen")
)

// Run signs in with what was chosen. A mechanism that fails before anything of the
// password was proven makes room for the next one; the refusal of a proof is the
// answer, for servers lock accounts that are refused often. A refused token is
// replaced once, if its source has another one.
//
// The error is the carrier's, an *provider.Error, or ctx's own. The connection is
// then to be closed.
func (s *SignIn) Run(ctx context.Context, c Carrier) (Result, error) {
	if !s.Needed() {
		return Result{}, nil
	}
	result := Result{Username: s.username()}
	if err := s.ready(); err != nil {
		return result, err
	}
	var refused error // the last of a server that may take another mechanism
	for _, m := range s.choice {
		v := s.try(ctx, c, m, &result)
		if v.lost && refused != nil {
			return result, refused // it hung up after its refusal
		}
		if !v.another() {
			return result, v.err
		}
		if refused == nil || v.refused {
			refused = v.err
		}
	}
	return result, refused
}

// ready returns an error if nothing can or may be sent.
func (s *SignIn) ready() error {
	if err := s.protected(); err != nil {
		return err
	}
	username := s.username()
	_, password := s.account.Credentials()
	const remedy = "enter user name and password again"
	usesPassword := s.account.Endpoint.Credentials == profile.FromMailbox || s.account.Endpoint.Credentials == profile.FromProfile
	switch {
	case len(s.choice) == 0:
		return s.fail(provider.ErrUnsupported, "", errUnchosen)
	case usesPassword && s.method != provider.WithToken && (username == "" || password.IsZero()):
		return s.fail(provider.ErrAuth, remedy, errMissing)
	case username == "" && s.account.Endpoint.Credentials != profile.IntegratedWindows:
		return s.fail(provider.ErrAuth, "give the mailbox an address or a user name", errNobody)
	case strings.ContainsAny(username+password.Reveal(), "\x00\r\n"):
		return s.fail(provider.ErrAuth, remedy, errControls)
	}
	return nil
}

// A verdict is how one mechanism ended.
type verdict struct {
	err     error // nil if we are signed in
	refused bool  // the server said no
	proven  bool  // after something that a wrong password can be told by
	lost    bool  // the connection is of no more use
}

// another reports whether the next mechanism may be used.
func (v verdict) another() bool {
	if v.err == nil || v.lost || v.proven {
		return false
	}
	switch provider.KindOf(v.err) {
	case provider.ErrUnsupported:
		return true
	case provider.ErrAuth, provider.ErrProtocol:
		return v.refused
	}
	return false
}

// try signs in with one mechanism.
func (s *SignIn) try(ctx context.Context, c Carrier, m mechanism, result *Result) verdict {
	v := s.once(ctx, c, m, result)
	if !v.refused || s.method != provider.WithToken || provider.KindOf(v.err) != provider.ErrAuth {
		return v
	}
	// A token may be revoked before it ends (TOK-3): the source is told, and if it
	// has another one, that is tried, once.
	switch err := s.fetch(ctx, s.token().Value); {
	case err == hosted.ErrSame, hosted.KnowsNoMore(err) && s.application():
		return v
	case err != nil:
		return verdict{err: err, proven: true}
	}
	again := s.once(ctx, c, m, result)
	if again.lost {
		return v // it hung up after its refusal
	}
	result.Text = "the first token was refused, and another one was used"
	return again
}

// once runs a mechanism from its beginning to its end.
func (s *SignIn) once(ctx context.Context, c Carrier, m mechanism, result *Result) verdict {
	result.Mechanism = m.name
	if m.name == command {
		result.Mechanism = commandName(s.server.Service)
		_, password := s.account.Credentials()
		step, err := c.Password(s.username(), password.Reveal())
		if err != nil {
			return verdict{err: err, lost: true}
		}
		return verdict{err: step.Refused, refused: step.Refused != nil, proven: true}
	}
	x, err := s.begin(ctx, m)
	if err != nil {
		return verdict{err: err}
	}
	v := s.converse(ctx, c, m, x)
	if b, ok := x.(*scram); ok && v.err == nil {
		result.Text = b.bound()
	}
	return v
}

// commandName is what a protocol calls its own command.
func commandName(service string) string {
	if service == "pop" {
		return "USER"
	}
	return "LOGIN"
}
