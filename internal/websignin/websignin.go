// Package websignin signs in to web servers as an endpoint asks: with a password as it is
// (RFC 7617), with an access token (RFC 6750), or with an identity of Windows (RFC 4559, MS-NTHT)
// that a host's mechanism proves. Drivers and discovery that speak HTTP use it, as those that
// speak SASL use package signin.
//
// Where the profile leaves the authentication open, the server is asked once what it offers, with a
// request that holds nothing, and the strongest way of those that both have is taken from then
// on: Negotiate, NTLM, a password as it is over TLS. A profile that asks for a token is
// never signed in in another way, whatever a server offers.
package websignin

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Client makes requests as one identity. Its connections are nobody else's, but of
// Clients of one [Pool] for the same identity. Many goroutines use it at once.
type Client struct {
	op      string
	account provider.Account
	method  provider.Method
	lines   *lines
	close   func()

	mu       sync.Mutex
	tokens   []provider.Token // the last ones that were had
	prepared bool             // the last one is to be used
}

var known = []provider.Method{provider.WithPassword, provider.WithWindows, provider.WithToken}

// New returns a Client for a's endpoint, which it does not ask anything yet. The error is an
// *provider.Error with op: ErrUnsupported or ErrUnsafe where a's profile and policy allow no
// way to sign in.
func New(op string, o wire.HTTPOptions, a provider.Account) (*Client, error) {
	c, err := newClient(op, a)
	if err != nil {
		return nil, err
	}
	c.lines, err = c.newLines(o)
	if err != nil {
		return nil, err
	}
	c.close = c.lines.hangUp
	return c, nil
}

// newClient returns a Client without lines.
func newClient(op string, a provider.Account) (*Client, error) {
	method, err := a.SignIn(op, known...)
	if err != nil {
		return nil, err
	}
	c := &Client{op: op, account: a, method: method}
	if len(c.ways()) == 0 {
		return nil, c.impossible()
	}
	return c, nil
}

// Do makes a request, signed in, and returns the answer whatever its status, unless that
// is 401: then the error is ErrAuth, with a [Refusal] in it. A request with a body needs GetBody.
//
// A server that does not take a token is shown another one, if the account's source has one.
// Any other proof that is refused is the answer, for servers lock accounts.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	s := &sending{Client: c, request: r}
	answer, err := s.run()
	s.drop()
	return answer, err
}

// repeatable is by what net/http's Transport knows a request that may be made twice. Without a value it is not sent.
const repeatable = "X-Idempotency-Key"

// MayRepeat says of a request, by its header, that it changes nothing: where a connection that was kept ends before its
// answer begins, it is made again on another one, unless it is the connection that is signed in.
func MayRepeat(h http.Header) { h[repeatable] = nil }

// A sending is a request on its way.
type sending struct {
	*Client
	request *http.Request
	sent    bool // its body is gone
}

// drop closes the request's body if nobody has.
func (s *sending) drop() {
	if !s.sent && s.request.Body != nil {
		s.request.Body.Close()
	}
}

// run chooses a way to sign in and takes it. What cannot be used before anything was
// proven makes room for the next one.
func (s *sending) run() (*http.Response, error) {
	if err := cmp.Or(s.permit(s.request.URL), s.ready()); err != nil {
		return nil, err
	}
	w, answer, err := s.lines.choose(s.Client, s.request)
	if err != nil || answer != nil {
		return answer, err
	}
	if w == nil { // the server asks nobody, as it seems
		answer, err = s.finish(s.lines.plain, "", nil)
		var refused *Refusal
		if !errors.As(err, &refused) {
			return answer, err
		}
		if w, err = s.lines.take(s.Client, http.StatusUnauthorized, refused.Header); err != nil {
			return nil, err
		}
	}
	for {
		answer, err = s.by(w)
		if provider.KindOf(err) != provider.ErrUnsupported || w.mechanism == nil {
			return answer, err
		}
		if w = s.lines.behind(w); w == nil {
			return nil, err
		}
	}
}

// by sends the request in one way.
func (s *sending) by(w *way) (*http.Response, error) {
	switch {
	case w.mechanism != nil:
		t, err := s.lines.through(s.Client, w)
		if err != nil {
			return nil, err
		}
		return s.finish(t, w.name, nil)
	case s.method == provider.WithToken:
		return s.withToken()
	}
	username, password := s.account.Credentials()
	return s.finish(s.lines.plain, w.name, func(r *http.Request) { r.SetBasicAuth(username, password.Reveal()) })
}

// withToken sends the request with a token, and with another one if that is refused.
func (s *sending) withToken() (*http.Response, error) {
	ctx := s.request.Context()
	token, err := s.token(ctx)
	if err != nil {
		return nil, err
	}
	send := func(token provider.Token) (*http.Response, error) {
		return s.finish(s.lines.plain, bearer, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.Value.Reveal()) })
	}
	answer, refused := send(token)
	if provider.KindOf(refused) != provider.ErrAuth || s.request.Body != nil && s.request.GetBody == nil {
		return answer, refused
	}
	switch token, err = s.fetch(ctx, token.Value); {
	case errors.Is(err, hosted.ErrSame), hosted.KnowsNoMore(err) && diagnosed(refused):
		return nil, refused
	case err != nil:
		return nil, err
	}
	return send(token)
}

// finish sends the request through a transport. 401 is an error.
func (s *sending) finish(t *wire.Transport, by string, prove func(*http.Request)) (*http.Response, error) {
	r := s.request.Clone(s.request.Context())
	r.Header.Del("Authorization")
	if t != s.lines.plain {
		r.Header.Del(repeatable) // on another connection it would not be signed in
	}
	if s.sent && r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, s.fail(provider.ErrUnavailable, "", err)
		}
		r.Body = body
	}
	s.sent = true
	if prove != nil {
		prove(r)
	}
	answer, err := t.RoundTrip(r)
	if err != nil {
		return nil, s.foreign(r.Context(), err)
	}
	if answer.StatusCode != http.StatusUnauthorized {
		answer.Request = s.request
		return answer, nil
	}
	drain(answer)
	s.lines.forget()
	return nil, s.refused(answer.Header, by)
}

// drain reads what is left of a short answer, so that its connection can be used again.
func drain(answer *http.Response) {
	io.CopyN(io.Discard, answer.Body, 64<<10) // more than that is cheaper to cut off
	answer.Body.Close()
}

// Method says how the Client signs in: "Basic", "NTLM", "Negotiate" or "Bearer"; "" as long as
// the server has not been asked, or where it asks nobody to sign in.
func (c *Client) Method() string { return c.lines.method() }

// Username returns whom the Client signs in as, "" for the identity that the process runs
// under.
func (c *Client) Username() string {
	username, _ := c.account.Credentials()
	return username
}

// Secrets returns what no error, log line or evidence may repeat, as of now.
func (c *Client) Secrets() []secret.Text {
	_, password := c.account.Credentials()
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []secret.Text{password}
	for _, t := range c.tokens {
		all = append(all, t.Value)
	}
	return all
}

// Repeats reports whether text shows one of the Secrets, in any form.
func (c *Client) Repeats(text string) bool {
	return slices.ContainsFunc(c.Secrets(), func(t secret.Text) bool { return t.In(text) })
}

// Discreet returns a context whose Trace, if it has one, gets no evidence that shows one of
// the Secrets.
func (c *Client) Discreet(ctx context.Context) context.Context {
	return wire.Discreet(ctx, c.Secrets)
}

// Close closes the Client's connections, unless others of its Pool use them. Requests
// under way come to their end. A second Close does nothing.
func (c *Client) Close() {
	c.mu.Lock()
	shut := c.close
	c.close = nil
	c.mu.Unlock()
	if shut != nil {
		shut()
	}
}
