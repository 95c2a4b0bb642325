package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// HTTPOptions say under which rules requests are made.
type HTTPOptions struct {
	Op        string      // in front of error ops, such as "oauth"
	TLSConfig *tls.Config // as DialOptions.TLSConfig
	Policy    profile.Policy
	Limits    provider.Limits
	HTTP1     bool // no HTTP/2, for what is bound to a connection, as NTLM is

	// Conns is how many connections there may be to one server, all of which may be kept
	// for later requests. Default: 16, of which 4 are kept.
	Conns int

	// Through, if set, returns what makes the requests over base, such as to sign them
	// in. The Transport's rules are around it.
	Through func(base *http.Transport) (http.RoundTripper, error)
}

// The bounds of a Transport.
const (
	maxHeader    = 64 << 10 // bytes of an answer's header; net/http would take 10 MiB
	maxIdle      = 16
	maxIdleAHost = 4
	maxAHost     = 16
	idleTime     = 90 * time.Second
)

// A Transport makes HTTP requests under the rules that Dial has for mail: the same
// policy on the address that is dialled, the same floor of TLS, the operator's proxy
// and no other. It is an http.RoundTripper, follows no redirect and keeps no cookie.
// Many goroutines use it at once.
//
// A request must be for https, or for http under a policy that allows plaintext, and
// may have no user in its URL. Time is bounded as in Limits: Dial, TLS, and Command
// for what an answer takes to begin and to go on, with Floor for how fast it does.
type Transport struct {
	o      HTTPOptions
	config *tls.Config
	base   *http.Transport
	inner  http.RoundTripper // base, or what goes through it
	ready  shelf
}

// NewTransport returns a Transport. The error is a *provider.Error, of ErrUnsafe for
// a configuration that skips verification, or Through's.
func NewTransport(o HTTPOptions) (*Transport, error) {
	o.Limits = o.Limits.WithDefaults()
	config, err := clientConfig(o.TLSConfig, "") // the name is each request's
	if err != nil {
		return nil, Error(o.Op, err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!o.HTTP1)
	t := &Transport{o: o, config: config}
	t.base = &http.Transport{
		Proxy:                  nil, // not even the environment's
		DialContext:            t.dial,
		DialTLSContext:         t.dialTLS,
		TLSClientConfig:        config.Clone(), // net/http writes to it
		ResponseHeaderTimeout:  o.Limits.Command,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           max(maxIdle, o.Conns),
		MaxIdleConnsPerHost:    cmp.Or(o.Conns, maxIdleAHost),
		MaxConnsPerHost:        cmp.Or(o.Conns, maxAHost),
		IdleConnTimeout:        idleTime,
		Protocols:              protocols,
	}
	t.inner = t.base
	if o.Through != nil {
		if t.inner, err = o.Through(t.base); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// RoundTrip makes one request, as http.RoundTripper has it. The error is a
// *provider.Error, or the cause of the request's context. None shows the URL.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.permit(r.URL); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, Error(t.o.Op, err)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	answer, err := t.inner.RoundTrip(r.WithContext(ctx))
	if err != nil {
		err = t.explain(r.Context(), ctx, err)
		cancel(nil)
		return nil, err
	}
	answer.Request = r
	answer.Body = &progress{t: t, of: r.Context(), ctx: ctx, cancel: cancel, body: answer.Body, unhurried: r.Context().Value(unhurriedKey{}) != nil}
	return answer, nil
}

// permit refuses what would show something to somebody.
func (t *Transport) permit(u *url.URL) error {
	switch {
	case u.User != nil:
		return &refusal{what: "the URL holds a user name or password", remedy: "leave them out"}
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && t.o.Policy.PlaintextAllowed():
		return nil
	}
	return &refusal{what: "the URL is not https", remedy: "begin it with https"}
}

// explain says what an error of net/http means. of is the request's own context.
func (t *Transport) explain(of, ctx context.Context, err error) error {
	if ended(of) {
		return context.Cause(of)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var known *provider.Error
	if errors.As(err, &known) {
		return known // without what net/http has put around it
	}
	if strings.Contains(err.Error(), "server response headers exceeded") {
		return &provider.Error{Op: t.o.Op, Kind: provider.ErrTooLarge, Err: fmt.Errorf("the answer's header is longer than %d bytes", maxHeader)}
	}
	if ofContext(err) { // of the dial, which has a bound of its own
		err = os.ErrDeadlineExceeded
	}
	return Error(t.o.Op, &handshakeError{err})
}

// Do makes one request. An answer that points elsewhere is ErrUnsafe: what a request
// carries is for the server that it was made for.
func (t *Transport) Do(r *http.Request) (*http.Response, error) {
	answer, err := t.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 == 3 && answer.StatusCode != http.StatusNotModified {
		answer.Body.Close()
		return nil, &provider.Error{Op: t.o.Op, Kind: provider.ErrUnsafe, Code: HTTPCode(answer.StatusCode),
			Remedy: "enter the address that is meant itself", Err: errors.New("the server points to another address, and redirects are not followed")}
	}
	return answer, nil
}

// Client returns a client for libraries that want one. It follows no redirect: an
// answer of 3xx is returned as it is. Its errors hold the URL; the *provider.Error in
// them does not.
func (t *Transport) Client() *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// CloseIdleConnections closes what is kept for later requests.
func (t *Transport) CloseIdleConnections() {
	t.ready.clear()
	if own, ok := t.inner.(interface{ CloseIdleConnections() }); ok {
		own.CloseIdleConnections()
	}
	t.base.CloseIdleConnections()
}

// ReadBody reads an answer's body, unpacked where it was packed, and closes it. One
// of more than most bytes is ErrTooLarge.
func (t *Transport) ReadBody(answer *http.Response, most int64) ([]byte, error) {
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(body)) > most:
		return nil, &provider.Error{Op: t.o.Op, Kind: provider.ErrTooLarge, Err: fmt.Errorf("the answer is longer than %d bytes", most)}
	}
	return body, nil
}

type unhurriedKey struct{}

// Unhurried returns a context for requests whose answers come in drops, such as news: what
// bounds them is Limits.Command between two of them, and not Limits.Floor.
func Unhurried(ctx context.Context) context.Context {
	return context.WithValue(ctx, unhurriedKey{}, true)
}

// A progress is a body each read of which must come about within Limits.Command, and which
// must come with Limits.Floor.
type progress struct {
	t         *Transport
	of, ctx   context.Context
	cancel    context.CancelCauseFunc
	body      io.ReadCloser
	unhurried bool
	window    window
}

func (p *progress) Read(b []byte) (int, error) {
	late := time.AfterFunc(p.t.o.Limits.Command, func() { p.cancel(errSlow) })
	start := time.Now()
	n, err := p.body.Read(b)
	late.Stop()
	if err == nil && !p.unhurried && p.window.slow(n, time.Since(start), p.t.o.Limits.Floor) {
		p.cancel(errSlow)
		err = errSlow
	}
	if err != nil && err != io.EOF {
		err = p.t.explain(p.of, p.ctx, err)
	}
	return n, err
}

func (p *progress) Close() error {
	p.cancel(nil)
	return p.body.Close()
}
