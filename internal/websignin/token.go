package websignin

import (
	"context"
	"slices"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// tokensKept is how many tokens are remembered as secrets.
const tokensKept = 4

// Prepare gets the token that the sign-in needs, if it needs one, and tells ctx's Trace of it, and
// of what it rests upon and permits.
// The next request uses it. The error is an *provider.Error or ctx's own: the source's,
// ErrUnsupported if there is none, ErrUnsafe or ErrTooLarge for a token that cannot be sent.
func (c *Client) Prepare(ctx context.Context) error {
	if c.method != provider.WithToken {
		return nil
	}
	token, err := c.caller().Prepare(ctx, c.account)
	if err == nil {
		c.remember(token)
		c.mu.Lock()
		c.prepared = true
		c.mu.Unlock()
	}
	return err
}

// PrepareProbe is Prepare for who wants to know what can be known without a mailbox.
func (c *Client) PrepareProbe(ctx context.Context) error {
	switch {
	case hosted.NeedsNobody(c.account):
		return c.Prepare(ctx)
	case c.method == provider.WithToken:
		return c.caller().Certificate(ctx, c.account)
	}
	return nil
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

// fetch asks the source for a token, for another one if one was refused.
func (c *Client) fetch(ctx context.Context, refused secret.Text) (provider.Token, error) {
	token, err := c.caller().Token(ctx, c.account, refused)
	if err == nil {
		c.remember(token)
	}
	return token, err
}

// caller is who deals with what is the host's.
func (c *Client) caller() hosted.Caller { return hosted.Caller{Op: c.op, Repeats: c.Repeats} }

// remember keeps a token among the secrets, as the last one that was had.
func (c *Client) remember(token provider.Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens = slices.DeleteFunc(c.tokens, func(t provider.Token) bool { return t.Value.Equal(token.Value) })
	if len(c.tokens) == tokensKept {
		c.tokens = slices.Delete(c.tokens, 0, 1)
	}
	c.tokens = append(c.tokens, token)
}
