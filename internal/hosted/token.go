package hosted

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// MaxToken is how long an access token may be, in bytes.
const MaxToken = 64 << 10

var (
	// ErrNoTokens says that the account has no source.
	ErrNoTokens = errors.New("the endpoint signs in with an access token, and the account has nobody to give one")
	errNoToken  = errors.New("the token is empty")
	errBigToken = errors.New("the token has more than 64 KiB")
	errOddToken = errors.New("the token has characters that no header can say")
)

// ErrSame says that a source has no other token than the one that was refused.
var ErrSame = errors.New("the token is the one that was refused")

// codeRefused is what sources call it that a server refuses tokens which are new.
const codeRefused = "token_refused"

// KnowsNoMore reports whether an error of a source says only that a server refuses tokens which are new, so that
// what the server has said is the better answer, if it told why.
func KnowsNoMore(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.Kind == provider.ErrAuth && e.Code == codeRefused
}

// Token asks a's source for a token, for another one if one was refused. What a token says is the
// issuer's and the server's affair: it is opaque (RFC 6749, section 1.4). The error is an
// *provider.Error, ctx's own, or ErrSame: the source's, ErrUnsupported if there is none,
// ErrUnsafe or ErrTooLarge for a token that cannot be sent.
func (c Caller) Token(ctx context.Context, a provider.Account, refused secret.Text) (provider.Token, error) {
	if a.Tokens == nil {
		return provider.Token{}, c.fail(provider.ErrUnsupported, "give the account a source of tokens, or take user name and password from the mailbox", ErrNoTokens)
	}
	token, err := a.Tokens.Token(ctx, a, refused)
	if err != nil {
		return provider.Token{}, c.Foreign(ctx, err)
	}
	switch value := token.Value.Reveal(); {
	case value == "":
		err = c.fail(provider.ErrAuth, "have the mailbox's owner consent again", errNoToken)
	case len(value) > MaxToken:
		err = c.fail(provider.ErrTooLarge, "the issuer gives tokens that no mail server takes", errBigToken)
	case !Visible(value):
		err = c.fail(provider.ErrUnsafe, "this is no token of an issuer that can be trusted", errOddToken)
	case !refused.IsZero() && refused.Equal(token.Value):
		err = ErrSame
	}
	if err != nil {
		return provider.Token{}, err
	}
	return token, nil
}

// Prepare looks at what a's tokens rest upon, asks for one, and looks at what it permits. It tells ctx's Trace of
// each as a stage. The error is as Token's, but never ErrSame, or the source's about what it has looked at.
func (c Caller) Prepare(ctx context.Context, a provider.Account) (provider.Token, error) {
	if err := c.Certificate(ctx, a); err != nil {
		return provider.Token{}, err
	}
	end := provider.BeginStage(ctx, provider.StageToken)
	token, err := c.Token(ctx, a, secret.Text{})
	var e provider.Evidence
	if err == nil && provider.Traced(ctx) {
		e.Text = lifetime(token)
	}
	end(e, err)
	inspector, looks := a.Tokens.(provider.TokenInspector)
	if err != nil || !looks {
		return token, err
	}
	return token, c.inspect(ctx, provider.StagePermission, func() (provider.Evidence, error) { return inspector.Permission(a, token) })
}

// Certificate looks at the certificate that a's tokens rest upon, if they do, and tells ctx's Trace of it. It needs no
// mailbox, also where a token does.
func (c Caller) Certificate(ctx context.Context, a provider.Account) error {
	inspector, looks := a.Tokens.(provider.TokenInspector)
	if !looks {
		return nil
	}
	return c.inspect(ctx, provider.StageCertificate, func() (provider.Evidence, error) { return inspector.Certificate(a) })
}

// NeedsNobody reports whether a's token can be had without a mailbox, as an application's own can: so a
// profile that is tested alone learns whether its issuer gives any.
func NeedsNobody(a provider.Account) bool {
	return a.Endpoint.Credentials == profile.ServerToServer && !a.Profile.IssuesTokens(profile.ServerToServer)
}

// inspect tells a stage at which the source has looked at something, if there was anything to look at.
func (c Caller) inspect(ctx context.Context, stage provider.Stage, look func() (provider.Evidence, error)) error {
	e, err := look()
	if err != nil {
		err = c.Foreign(ctx, err)
	}
	if err == nil && reflect.ValueOf(e).IsZero() {
		return nil
	}
	provider.BeginStage(ctx, stage)(e, err)
	return err
}

// Visible reports whether a text has visible ASCII alone (RFC 6749, appendix A.12).
func Visible(text string) bool {
	for i := range len(text) {
		if text[i] < 0x21 || text[i] > 0x7e {
			return false
		}
	}
	return true
}

// lifetime says in words how long a token is good. It is no NotAfter: that one is a
// certificate's, whose near end an administrator has to do something about.
func lifetime(token provider.Token) string {
	if token.Expires.IsZero() {
		return "a token without a known end"
	}
	return "a token good until " + token.Expires.UTC().Format(time.RFC3339)
}
