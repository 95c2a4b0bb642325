package ntlm

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Transport is an http.RoundTripper that signs in with NTLM (MS-NTHT). NTLM signs a
// connection in, not a request: whatever comes over it next is served as whoever signed
// in. So a Transport is for one user and has connections that nobody else uses, each for one request
// at a time; HTTP/2, in which requests share a connection, is off. Many goroutines use one
// Transport at once.
//
// A connection that is new is signed in to with requests that have the request's method and
// address and no body, as curl does; then the request itself goes out, once. If the server
// has forgotten who a connection's user is, the connection is given up, and the request is
// sent once more where its body can be had again (GetBody). A refused sign-in is the
// response with status 401 that it is, and is not repeated, for servers count.
//
// The errors are those of [Mechanism], those of the network, and ErrUnsafe for a request without TLS
// and for one to which a redirect led from another server.
type Transport struct {
	Username string
	Password secret.Text

	// Base is cloned for each connection; it gives TLS, dialling and time limits. Default:
	// http.DefaultTransport's clone, without a proxy. A Base that has been used
	// keeps its connections to itself.
	Base *http.Transport

	// Conns is how many connections there may be. Default: 4.
	Conns int

	Policy profile.Policy

	// AllowHTTP permits requests without TLS, on which whoever stands between could use the
	// sign-in for requests of their own.
	AllowHTTP bool

	once    sync.Once
	turns   chan struct{} // one for each line that nobody uses
	closing atomic.Bool   // lines are not kept

	mu   sync.Mutex
	free []*line // the one that was used last at the end, which is most likely signed in
}

const usualConns = 4

// Scheme returns NTLM.
func (Mechanism) Scheme() string { return "NTLM" }

// Transport returns a [Transport] over base, with as many connections as base may have to
// one server, so that a Mechanism is a provider.HTTPMechanism. Without TLS it serves where the policy
// allows plaintext. The error is as Begin's.
func (Mechanism) Transport(p provider.Peer, base *http.Transport) (http.RoundTripper, error) {
	if err := permitted(p.Policy, p.Username, p.Password); err != nil {
		return nil, err
	}
	return &Transport{Username: p.Username, Password: p.Password, Base: base, Conns: base.MaxConnsPerHost, Policy: p.Policy, AllowHTTP: p.Policy.PlaintextAllowed()}, nil
}

var (
	errNoTLS    = errors.New("the sign-in would cross the network unprotected")
	errRedirect = errors.New("a redirect leads to another server")
)

// start says how many lines there may be. They are made when they are wanted.
func (t *Transport) start() {
	n := t.Conns
	if n <= 0 {
		n = usualConns
	}
	t.turns = make(chan struct{}, n)
	for range n {
		t.turns <- struct{}{}
	}
}

// take takes a line, when there is one.
func (t *Transport) take(ctx context.Context) (*line, error) {
	select {
	case <-t.turns:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := len(t.free) - 1; last >= 0 {
		l := t.free[last]
		t.free = t.free[:last]
		return l, nil
	}
	return &line{transport: t.private()}, nil
}

// giveBack has a line used by the next one.
func (t *Transport) giveBack(l *line) {
	t.mu.Lock()
	if t.closing.Load() {
		l.hangUp()
	}
	t.free = append(t.free, l)
	t.mu.Unlock()
	t.turns <- struct{}{}
}

// private returns a transport that has one connection, and it HTTP/1.1.
func (t *Transport) private() *http.Transport {
	var own *http.Transport
	if t.Base != nil {
		own = t.Base.Clone()
	} else if usual, ok := http.DefaultTransport.(*http.Transport); ok {
		own = usual.Clone()
		own.Proxy = nil
	} else {
		own = &http.Transport{}
	}
	own.MaxConnsPerHost, own.MaxIdleConnsPerHost = 1, 1
	own.DisableKeepAlives = false
	own.ForceAttemptHTTP2 = false
	own.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	own.Protocols = new(http.Protocols)
	own.Protocols.SetHTTP1(true)
	if own.TLSClientConfig != nil {
		own.TLSClientConfig.NextProtos = nil // cloned with it
	}
	return own
}

// RoundTrip sends the request and returns its response. The connection is free again when
// the response's body is closed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.permitted(req); err != nil {
		closeBody(req.Body)
		return nil, err
	}
	t.once.Do(t.start)
	t.closing.Store(false)
	l, err := t.take(req.Context())
	if err != nil {
		closeBody(req.Body)
		return nil, err
	}
	resp, err := l.roundTrip(req, t.Username, t.Password)
	if err != nil {
		l.hangUp()
		t.giveBack(l)
		return nil, err
	}
	resp.Body = &lent{ReadCloser: resp.Body, short: resp.ContentLength >= 0 && resp.ContentLength < 256<<10, back: func() { t.giveBack(l) }}
	return resp, nil
}

// CloseIdleConnections closes the connections that nobody uses now, and has those in use
// closed when their requests have ended, unless another one begins.
func (t *Transport) CloseIdleConnections() {
	t.once.Do(t.start)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing.Store(true)
	for _, l := range t.free {
		l.hangUp()
	}
}

func (t *Transport) permitted(req *http.Request) error {
	if err := permitted(t.Policy, t.Username, t.Password); err != nil {
		return err
	}
	if req.URL.Scheme != "https" && !t.AllowHTTP {
		return failure(provider.ErrUnsafe, "request", errNoTLS, "use https")
	}
	if from := req.Response; from != nil && from.Request != nil && (from.Request.URL.Host != req.URL.Host || from.Request.URL.Scheme != req.URL.Scheme) {
		return failure(provider.ErrUnsafe, "request", errRedirect, "enter the address that the server wants to be called by")
	}
	return nil
}

// A lent body gives its connection back when it is closed.
type lent struct {
	io.ReadCloser
	short bool // and so on its way already
	once  sync.Once
	back  func()
}

// Close closes the body. What was not read of a short one is read, for the connection
// would be lost with it.
func (b *lent) Close() error {
	if b.short {
		_, _ = io.Copy(io.Discard, b.ReadCloser) // its end is all that is wanted
	}
	err := b.ReadCloser.Close()
	b.once.Do(b.back)
	return err
}

func closeBody(body io.ReadCloser) {
	if body != nil {
		_ = body.Close() // as RoundTrippers have to
	}
}

// offered returns the scheme by which the server takes NTLM, and what it says with it.
// A raw message of NTLM is taken with Negotiate too.
func offered(resp *http.Response) (scheme string, message []byte, ok bool) {
	for _, want := range []string{"NTLM", "Negotiate"} {
		for _, v := range resp.Header.Values("WWW-Authenticate") {
			name, rest, _ := strings.Cut(strings.TrimSpace(v), " ")
			if !strings.EqualFold(name, want) {
				continue
			}
			b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
			if err != nil {
				b = []byte(rest) // it is no challenge, as will be found
			}
			return want, b, true
		}
	}
	return "", nil, false
}
