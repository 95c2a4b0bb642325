package signin

import (
	"context"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// Prepare gets the token that the sign-in needs, if it needs one, and tells ctx's
// Trace of it, and of what it rests upon and permits. The error is an *provider.Error or ctx's own: the source's, ErrUnsupported
// if there is none, ErrUnsafe or ErrTooLarge for a token that cannot be sent.
func (s *SignIn) Prepare(ctx context.Context) error {
	if s.method != provider.WithToken {
		return nil
	}
	token, err := s.caller().Prepare(ctx, s.account)
	if err == nil {
		s.tokens = append(s.tokens, token)
	}
	return err
}

// PrepareProbe is Prepare for who wants to know what can be known without a mailbox.
func (s *SignIn) PrepareProbe(ctx context.Context) error {
	switch {
	case hosted.NeedsNobody(s.account):
		return s.Prepare(ctx)
	case s.method == provider.WithToken:
		return s.caller().Certificate(ctx, s.account)
	}
	return nil
}

// token returns the token to sign in with.
func (s *SignIn) token() provider.Token {
	if len(s.tokens) == 0 {
		return provider.Token{}
	}
	return s.tokens[len(s.tokens)-1]
}

// fetch asks the source for a token, for another one if one was refused.
func (s *SignIn) fetch(ctx context.Context, refused secret.Text) error {
	token, err := s.caller().Token(ctx, s.account, refused)
	if err == nil {
		s.tokens = append(s.tokens, token)
	}
	return err
}

// caller is who deals with what is the host's.
func (s *SignIn) caller() hosted.Caller { return hosted.Caller{Op: s.op, Repeats: s.Repeats} }

// foreign returns an error of the host's as an *provider.Error, or as ctx's own.
func (s *SignIn) foreign(ctx context.Context, err error) error { return s.caller().Foreign(ctx, err) }
