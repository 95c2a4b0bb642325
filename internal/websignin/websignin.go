// Package websignin signs in to web servers as an endpoint asks: with a password as it is
// (RFC 7617), with an access token (RFC 6750), or with an identity of Windows (RFC 4559, MS-NTHT)
// that a host's mechanism proves. Drivers and discovery that speak HTTP use it, as those that
// speak SASL use package signin.
package websignin

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Client makes requests as one identity. Its connections are nobody else's. Many
// goroutines use it at once.
type Client struct {
	op        string
	account   provider.Account
	method    provider.Method
	transport *wire.Transport
}

var known = []provider.Method{provider.WithPassword, provider.WithWindows, provider.WithToken}

// New returns a Client for a's endpoint, which it does not ask anything yet. The error is an
// *provider.Error with op: ErrUnsupported or ErrUnsafe where a's profile and policy allow no
// way to sign in.
func New(op string, o wire.HTTPOptions, a provider.Account) (*Client, error) {
	method, err := a.SignIn(op, known...)
	if err != nil {
		return nil, err
	}
	transport, err := wire.NewTransport(o)
	if err != nil {
		return nil, err
	}
	return &Client{op: op, account: a, method: method, transport: transport}, nil
}

// Do makes a request, signed in, and returns the answer whatever its status, unless that
// is 401: then the error is ErrAuth. A request with a body needs GetBody.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	if err := c.prove(r, secret.Text{}); err != nil {
		return nil, err
	}
	answer, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusUnauthorized {
		answer.Body.Close()
		return nil, &provider.Error{Op: c.op, Kind: provider.ErrAuth, Code: "401", Remedy: "check user name and password", Err: errors.New("the server refused the sign-in")}
	}
	return answer, nil
}

// prove adds to r what proves us.
func (c *Client) prove(r *http.Request, refused secret.Text) error {
	switch c.method {
	case provider.WithPassword:
		username, password := c.account.Credentials()
		r.SetBasicAuth(username, password.Reveal())
	case provider.WithToken:
		token, err := c.account.Tokens.Token(r.Context(), c.account, refused)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token.Value.Reveal())
	}
	return nil
}

// Method says how the Client signs in: "Basic", "NTLM", "Negotiate" or "Bearer"; "" as long as
// the server has not been asked.
func (c *Client) Method() string {
	return map[provider.Method]string{provider.WithPassword: "Basic", provider.WithToken: "Bearer"}[c.method]
}

// Prepare gets the token that the sign-in needs, if it needs one, and tells ctx's Trace of it.
func (c *Client) Prepare(ctx context.Context) error { return nil }

// Close closes the Client's connections. Requests under way come to their end.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

var _ = profile.Basic
