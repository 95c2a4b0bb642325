package signin

import (
	"context"
	"errors"
	"time"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// maxToken is how long an access token may be, in bytes.
const maxToken = 64 << 10

var (
	errNoTokens  = errors.New("the endpoint signs in with an access token, and the account has nobody to give one")
	errNoToken   = errors.New("the token is empty")
	errBigToken  = errors.New("the token has more than 64 KiB")
	errOddToken  = errors.New("the token has characters that no header can say")
	errSameAgain = errors.New("the token is the one that was refused")
)

// Prepare gets the token that the sign-in needs, if it needs one, and tells ctx's
// Trace of it. The error is an *provider.Error or ctx's own: the source's, ErrUnsupported
// if there is none, ErrUnsafe or ErrTooLarge for a token that cannot be sent.
func (s *SignIn) Prepare(ctx context.Context) error {
	if s.method != provider.WithToken {
		return nil
	}
	end := provider.BeginStage(ctx, provider.StageToken)
	err := s.fetch(ctx, secret.Text{})
	var e provider.Evidence
	if err == nil && provider.Traced(ctx) {
		e.Text = s.lifetime()
	}
	end(e, err)
	return err
}

// lifetime says in words how long the token is good. It is no NotAfter: that one
// is a certificate's, whose near end an administrator has to do something about.
func (s *SignIn) lifetime() string {
	expires := s.token().Expires
	if expires.IsZero() {
		return "a token without a known end"
	}
	return "a token good until " + expires.UTC().Format(time.RFC3339)
}

// token returns the token to sign in with.
func (s *SignIn) token() provider.Token {
	if len(s.tokens) == 0 {
		return provider.Token{}
	}
	return s.tokens[len(s.tokens)-1]
}

// fetch asks the source for a token, for another one if one was refused. What a
// token says is the issuer's and the server's affair: it is opaque (RFC 6749,
// section 1.4).
func (s *SignIn) fetch(ctx context.Context, refused secret.Text) error {
	source := s.account.Tokens
	if source == nil {
		return s.fail(provider.ErrUnsupported, "give the account a source of tokens, or take user name and password from the mailbox", errNoTokens)
	}
	token, err := source.Token(ctx, s.account, refused)
	if err != nil {
		return s.foreign(ctx, err)
	}
	switch value := token.Value.Reveal(); {
	case value == "":
		return s.fail(provider.ErrAuth, "have the mailbox's owner consent again", errNoToken)
	case len(value) > maxToken:
		return s.fail(provider.ErrTooLarge, "the issuer gives tokens that no mail server takes", errBigToken)
	case !visible(value):
		return s.fail(provider.ErrUnsafe, "this is no token of an issuer that can be trusted", errOddToken)
	case !refused.IsZero() && refused.Equal(token.Value):
		return errSameAgain
	}
	s.tokens = append(s.tokens, token)
	return nil
}

// visible reports whether a token has visible ASCII alone (RFC 6749, appendix A.12).
func visible(token string) bool {
	for i := range len(token) {
		if token[i] < 0x21 || token[i] > 0x7e {
			return false
		}
	}
	return true
}

// foreign returns an error of the host's as an *provider.Error, or as ctx's own.
func (s *SignIn) foreign(ctx context.Context, err error) error {
	var known *provider.Error
	switch {
	case ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err())):
		return context.Cause(ctx)
	case errors.As(err, &known):
		return s.own(known)
	case s.Repeats(err.Error()):
		err = errRepeats
	}
	return s.fail(provider.ErrUnavailable, "", err)
}
