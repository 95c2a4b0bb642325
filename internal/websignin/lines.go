package websignin

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/go-serversync/serversync/internal/wire"
)

// lines are the connections of one identity, and what is known of how its server is
// signed in to.
type lines struct {
	options wire.HTTPOptions
	plain   *wire.Transport // for what is proven in the request itself, and for questions
	turn    chan struct{}   // held by who asks the server

	mu   sync.Mutex
	ways []*way // those that are left, the strongest first
	is   *way   // the one that is taken; nil as long as that is not known
	open bool   // the server asks nobody to sign in

	offered []string // by the server, when it was asked
	used    []*wire.Transport
}

// newLines returns lines that are connected to nobody.
func (c *Client) newLines(o wire.HTTPOptions) (*lines, error) {
	l := &lines{turn: make(chan struct{}, 1), ways: c.ways()}
	for _, w := range l.ways {
		if w.mechanism != nil {
			o.HTTP1 = true // a connection is signed in
		}
	}
	var err error
	if l.plain, err = wire.NewTransport(o); err != nil {
		return nil, err
	}
	l.options, l.used = o, []*wire.Transport{l.plain}
	if len(l.ways) == 1 && !c.open() {
		l.is = l.ways[0]
	}
	return l, nil
}

// through returns the transport of a mechanism.
func (l *lines) through(c *Client, w *way) (*wire.Transport, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.transport != nil {
		return w.transport, nil
	}
	o := l.options
	o.Through = func(base *http.Transport) (rt http.RoundTripper, err error) {
		err = c.contain(func() (err error) {
			rt, err = w.mechanism.Transport(c.peer(""), base)
			return err
		})
		if err == nil && rt == nil {
			err = c.broken(errNothing)
		}
		return contained{c, rt}, err
	}
	t, err := wire.NewTransport(o)
	if err != nil {
		return nil, c.foreign(context.Background(), err)
	}
	w.transport, l.used = t, append(l.used, t)
	return t, nil
}

// choose returns the way to take with a request, nil where the server asks nobody to sign in. It
// asks the server if need be; an answer that has nothing to do with signing in is the
// request's own.
func (l *lines) choose(c *Client, r *http.Request) (*way, *http.Response, error) {
	if w, known := l.chosen(); known {
		return w, nil, nil
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-r.Context().Done():
		return nil, nil, context.Cause(r.Context())
	}
	if w, known := l.chosen(); known {
		return w, nil, nil
	}
	answer, err := l.ask(r)
	if err != nil {
		return nil, nil, c.foreign(r.Context(), err)
	}
	if answer.StatusCode != http.StatusUnauthorized && !asksNobody(answer.StatusCode) {
		return nil, answer, nil
	}
	drain(answer)
	w, err := l.take(c, answer.StatusCode, answer.Header)
	return w, nil, err
}

// chosen returns the way that is taken, and whether it is known yet.
func (l *lines) chosen() (*way, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.is, l.is != nil || l.open
}

// ask asks a server what it offers, with a request like r that holds nothing.
func (l *lines) ask(r *http.Request) (*http.Response, error) {
	q, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Accept", "Content-Type", "User-Agent"} {
		if v := r.Header.Get(name); v != "" {
			q.Header.Set(name, v)
		}
	}
	return l.plain.RoundTrip(q)
}

// asksNobody reports whether a server that answers an empty request so may well serve whoever
// asks. What else it says is about the address, or about how it fares.
func asksNobody(status int) bool {
	switch status {
	case http.StatusOK, http.StatusBadRequest, http.StatusLengthRequired, http.StatusUnsupportedMediaType, http.StatusInternalServerError:
		return true
	}
	return false
}

// take chooses by what a server has answered.
func (l *lines) take(c *Client, status int, h http.Header) (*way, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open = status != http.StatusUnauthorized; l.open {
		return nil, nil
	}
	l.offered = offeredIn(h)
	for _, w := range l.ways {
		if w.offeredBy(l.offered) {
			l.is = w
			return w, nil
		}
	}
	return nil, c.lacking(l.offered, l.ways)
}

// behind returns the way that is to be taken where w cannot be, nil if there is none.
func (l *lines) behind(w *way) *way {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, next := range l.ways[slices.Index(l.ways, w)+1:] {
		if next.offeredBy(l.offered) {
			l.is = next
			return next
		}
	}
	return nil
}

// forget has the server asked again after it has refused what was chosen by what it
// offered.
func (l *lines) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.offered != nil || l.open {
		l.is, l.open, l.offered = nil, false, nil
	}
}

func (l *lines) method() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.is == nil {
		return ""
	}
	return l.is.name
}

// hangUp closes all connections.
func (l *lines) hangUp() {
	l.mu.Lock()
	used := slices.Clone(l.used)
	l.mu.Unlock()
	for _, t := range used {
		t.CloseIdleConnections()
	}
}

// A contained mechanism is the host's, which the library did not write: a panic is an
// error, for it must not end a process that serves others.
type contained struct {
	c     *Client
	inner http.RoundTripper
}

// RoundTrip makes a request.
func (g contained) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	err = g.c.contain(func() (err error) {
		answer, err = g.inner.RoundTrip(r)
		return err
	})
	if err == nil && answer == nil {
		err = g.c.broken(errNothing)
	}
	return answer, err
}

// CloseIdleConnections closes what is kept for later requests.
func (g contained) CloseIdleConnections() {
	if own, ok := g.inner.(interface{ CloseIdleConnections() }); ok {
		g.c.contain(func() error { own.CloseIdleConnections(); return nil })
	}
}
