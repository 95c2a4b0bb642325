package websignin

import (
	"context"
	"errors"
	"time"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// maxToken is how long an access token may be, in bytes. IIS takes headers of 16 KiB, and of
// 64 KiB where it is told to.
const maxToken = 64 << 10

// tokensKept is how many tokens are remembered as secrets.
const tokensKept = 4

var (
	errNoTokens  = errors.New("the endpoint signs in with an access token, and the account has nobody to give one")
	errNoToken   = errors.New("the token is empty")
	errBigToken  = errors.New("the token has more than 64 KiB")
	errOddToken  = errors.New("the token has characters that no header can say")
	errSameAgain = errors.New("the token is the one that was refused")
)

// Prepare gets the token that the sign-in needs, if it needs one, and tells ctx's Trace of it.
// The next request uses it. The error is an *provider.Error or ctx's own: the source's,
// ErrUnsupported if there is none, ErrUnsafe or ErrTooLarge for a token that cannot be sent.
func (c *Client) Prepare(ctx context.Context) error {
	if c.method != provider.WithToken {
		return nil
	}
	end := provider.BeginStage(ctx, provider.StageToken)
	token, err := c.fetch(ctx, secret.Text{})
	var e provider.Evidence
	if err == nil {
		c.mu.Lock()
		c.prepared = true
		c.mu.Unlock()
		if provider.Traced(ctx) {
			e.Text = lifetime(token)
		}
	}
	end(e, err)
	return err
}

// lifetime says in words how long a token is good.
func lifetime(token provider.Token) string {
	if token.Expires.IsZero() {
		return "a token without a known end"
	}
	return "a token good until " + token.Expires.UTC().Format(time.RFC3339)
}

// token returns the token to sign in with. Its source knows which has expired.
func (c *Client) token(ctx context.Context) (provider.Token, error) {
	c.mu.Lock()
	if c.prepared {
		c.prepared = false
		token := c.tokens[len(c.tokens)-1]
		c.mu.Unlock()
		return token, nil
	}
	c.mu.Unlock()
	return c.fetch(ctx, secret.Text{})
}

// fetch asks the source for a token, for another one if one was refused. What a token says is
// the issuer's and the server's affair: it is opaque (RFC 6749, section 1.4).
func (c *Client) fetch(ctx context.Context, refused secret.Text) (provider.Token, error) {
	source := c.account.Tokens
	if source == nil {
		return provider.Token{}, c.fail(provider.ErrUnsupported, "give the account a source of tokens, or use other credentials", errNoTokens)
	}
	token, err := source.Token(ctx, c.account, refused)
	if err != nil {
		return provider.Token{}, c.foreign(ctx, err)
	}
	switch value := token.Value.Reveal(); {
	case value == "":
		return provider.Token{}, c.fail(provider.ErrAuth, "have consent given again", errNoToken)
	case len(value) > maxToken:
		return provider.Token{}, c.fail(provider.ErrTooLarge, "the issuer gives tokens that no server takes", errBigToken)
	case !visible(value):
		return provider.Token{}, c.fail(provider.ErrUnsafe, "this is no token of an issuer that can be trusted", errOddToken)
	case !refused.IsZero() && refused.Equal(token.Value):
		return provider.Token{}, errSameAgain
	}
	c.remember(token)
	return token, nil
}

// remember keeps a token among the secrets.
func (c *Client) remember(token provider.Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.tokens {
		if t.Value.Equal(token.Value) {
			return
		}
	}
	if len(c.tokens) == tokensKept {
		c.tokens = append(c.tokens[:0], c.tokens[1:]...)
	}
	c.tokens = append(c.tokens, token)
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
