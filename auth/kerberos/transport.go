package kerberos

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Transport is an http.RoundTripper that signs each request in with Kerberos (RFC 4559):
// with a ticket for HTTP/host, and before the server asks, so that a body goes out once.
// Many goroutines use one at once.
//
// If the server refuses a ticket with 401, the request is sent once more with a new one,
// where its body can be had again (GetBody). Another 401 is returned as the response that
// it is. If the response has the server's proof, it is checked. The errors are those of
// [Client.Begin], and of Base; and ErrUnsafe for a request without TLS, for a server that
// proves itself wrong, and for a request to which a redirect led from another host:
// a redirect is the caller's to follow, with another Transport if it means to.
type Transport struct {
	Client *Client           // who gets the tickets. Default: a zero Client
	Base   http.RoundTripper // Default: http.DefaultTransport

	// Username and Password are as in provider.Peer, without both for the process.
	Username string
	Password secret.Text

	Policy profile.Policy

	// AllowHTTP permits requests without TLS, on which whoever stands between could
	// use the sign-in for requests of their own.
	AllowHTTP bool

	own Client // where Client is nil
}

// Scheme returns Negotiate.
func (c *Client) Scheme() string { return "Negotiate" }

// Transport returns a [Transport] over base, so that a Client is a provider.HTTPMechanism.
// Without TLS it serves where the policy allows plaintext. The error is ErrUnsupported
// where the policy does not permit Kerberos.
func (c *Client) Transport(p provider.Peer, base *http.Transport) (http.RoundTripper, error) {
	if !p.Policy.ADAuthenticationAllowed() {
		return nil, unsupported("begin", errPolicy, "allow it in the policy (ADAuthentication), or use other credentials in the profile")
	}
	return &Transport{Client: c, Base: base, Username: p.Username, Password: p.Password, Policy: p.Policy, AllowHTTP: p.Policy.PlaintextAllowed()}, nil
}

var (
	errNoTLS    = errors.New("the sign-in would cross the network unprotected")
	errRedirect = errors.New("a redirect leads to another server")
)

// RoundTrip sends the request and returns its response.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.permitted(req); err != nil {
		closeBody(req)
		return nil, err
	}
	resp, p, s, err := t.send(req, req.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized && offersNegotiate(resp) {
		if body, ok := again(req); ok {
			drain(resp)
			p.ticket.tried.Store(maxTried) // it may be for a key that the server had once
			if resp, p, s, err = t.send(req, body); err != nil {
				return nil, err
			}
		}
	}
	if resp.StatusCode == http.StatusUnauthorized {
		return resp, nil
	}
	if err := verify(resp, p, s); err != nil {
		_ = resp.Body.Close() // what is in it is not to be believed
		return nil, err
	}
	return resp, nil
}

func (t *Transport) permitted(req *http.Request) error {
	if !t.Policy.ADAuthenticationAllowed() {
		return unsupported("request", errPolicy, "allow it in the policy (ADAuthentication), or use other credentials in the profile")
	}
	if req.URL.Scheme != "https" && !t.AllowHTTP {
		return failure(provider.ErrUnsafe, "request", errNoTLS, "use https")
	}
	if from := req.Response; from != nil && from.Request != nil && (from.Request.URL.Host != req.URL.Host || from.Request.URL.Scheme != req.URL.Scheme) {
		return failure(provider.ErrUnsafe, "request", errRedirect, "enter the address that the server wants to be called by")
	}
	return nil
}

// send sends the request with a ticket.
func (t *Transport) send(req *http.Request, body io.ReadCloser) (*http.Response, *proof, session, error) {
	client, base := t.Client, t.Base
	if client == nil {
		client = &t.own
	}
	if base == nil {
		base = http.DefaultTransport
	}
	s, err := client.negotiator(req.Context(), req.URL.Hostname(), t.Username, t.Password, t.Policy)
	var p *proof
	var token []byte
	if err == nil {
		p, token, err = s.show()
	}
	if err == nil {
		token, err = offer(token)
	}
	if err != nil {
		if body != nil {
			_ = body.Close() // as RoundTrippers have to
		}
		return nil, nil, s, err
	}
	req = req.Clone(req.Context())
	req.Body = body
	req.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
	resp, err := base.RoundTrip(req)
	return resp, p, s, err
}

// again returns the request's body once more.
func again(req *http.Request) (io.ReadCloser, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Body, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	return body, err == nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// drain reads what is left of a response, so that its connection can be used again.
func drain(resp *http.Response) {
	const most = 64 << 10
	_, _ = io.CopyN(io.Discard, resp.Body, most) // more than that is cheaper to cut off
	_ = resp.Body.Close()
}

// offersNegotiate reports whether the server would take a ticket.
func offersNegotiate(resp *http.Response) bool {
	_, ok := negotiate(resp)
	return ok
}

// negotiate returns what the server says with the scheme Negotiate.
func negotiate(resp *http.Response) (token string, ok bool) {
	for _, v := range resp.Header.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(v), " ")
		if strings.EqualFold(scheme, "Negotiate") {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

// verify checks the server's proof, if it has sent one.
func verify(resp *http.Response, p *proof, s session) error {
	text, _ := negotiate(resp)
	if text == "" {
		p.ticket.tried.Store(0)
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return protocol("token", errToken)
	}
	token, err := answerIn(b)
	if err != nil || token == nil {
		return err
	}
	return p.check(s, token)
}
