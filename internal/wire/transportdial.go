package wire

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// Connect connects to a URL's server, ahead of the first request, which gets this
// connection. The stages DNS, TCP and, for https, TLS are told to ctx's Trace, which
// connections that requests make for themselves are not: they may outlive the request.
// The error is a *provider.Error, or ctx's cause.
func (t *Transport) Connect(ctx context.Context, u *url.URL) error {
	if ctx.Err() != nil {
		return provider.FailStage(ctx, provider.StageTCP, context.Cause(ctx))
	}
	if err := t.permit(u); err != nil {
		return provider.FailStage(ctx, provider.StageTCP, Error(t.o.Op, err))
	}
	address, secure := net.JoinHostPort(u.Hostname(), port(u)), u.Scheme == "https"
	conn, err := t.reach(ctx, address)
	if err != nil {
		return err
	}
	if secure {
		end := provider.BeginStage(ctx, provider.StageTLS)
		shaken, err := t.handshake(ctx, conn, u.Hostname())
		if err != nil {
			err = t.explain(ctx, ctx, err)
		}
		end(protection(ctx, shaken, err), err)
		if err != nil {
			return err
		}
		conn = shaken
	}
	t.ready.put(&spare{address, secure, conn})
	return nil
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// reach makes a connection without TLS.
func (t *Transport) reach(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &refusal{what: "the address has no port"}
	}
	d := DialOptions{Op: t.o.Op, TLSConfig: t.o.TLSConfig, Policy: t.o.Policy, Limits: t.o.Limits}
	conn, err := d.connect(ctx, host, port, lookupOf(ctx))
	if err != nil {
		return nil, err
	}
	return &paced{conn, t.o.Limits.Command}, nil
}

// dial is the way to a server without TLS. A connection may outlive the request that it
// was dialled for, so nothing is told to that one's Trace.
func (t *Transport) dial(ctx context.Context, _, address string) (net.Conn, error) {
	if conn := t.ready.take(address, false); conn != nil {
		return conn, nil
	}
	return t.reach(provider.WithTrace(ctx, nil), address)
}

// dialTLS is the way to a server with TLS.
func (t *Transport) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	if conn := t.ready.take(address, true); conn != nil {
		return conn, nil
	}
	conn, err := t.reach(provider.WithTrace(ctx, nil), address)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(address)
	shaken, err := t.handshake(ctx, conn, host)
	if err != nil {
		return nil, err
	}
	return shaken, nil
}

// handshake protects a connection, which it closes if it fails. The server that was talked to is returned
// then too, for what it has shown.
func (t *Transport) handshake(ctx context.Context, conn net.Conn, host string) (*tls.Conn, error) {
	config, err := clientConfig(t.config, host)
	if err != nil {
		conn.Close()
		return nil, err
	}
	config.NextProtos = []string{"http/1.1"}
	if !t.o.HTTP1 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	limited, cancel := context.WithTimeout(ctx, t.o.Limits.TLS)
	defer cancel()
	shaken := tls.Client(conn, config)
	if err := shaken.HandshakeContext(limited); err != nil {
		conn.Close()
		return shaken, err
	}
	return shaken, nil
}

// A spare connection waits for its request.
type spare struct {
	address string
	secure  bool
	net.Conn
}

// A shelf has a spare connection, if it has one.
type shelf struct {
	mu    sync.Mutex
	spare *spare
}

func (s *shelf) put(conn *spare) {
	s.mu.Lock()
	old := s.spare
	s.spare = conn
	s.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

func (s *shelf) take(address string, secure bool) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spare == nil || s.spare.address != address || s.spare.secure != secure {
		return nil
	}
	conn := s.spare.Conn
	s.spare = nil
	return conn
}

func (s *shelf) clear() { s.put(nil) }

// A paced connection lets no write wait longer than this. net/http bounds reads.
type paced struct {
	net.Conn
	within time.Duration
}

func (p *paced) Write(b []byte) (int, error) {
	p.SetWriteDeadline(time.Now().Add(p.within))
	return p.Conn.Write(b)
}
