package ewstest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/internal/loopback"
	"github.com/go-serversync/serversync/profile"
)

// A Server is a running Exchange. Its methods may be called by many goroutines.
type Server struct {
	options   Options
	directory *directory
	version   serverVersion
	table     map[string]operation
	listener  net.Listener
	pool      *x509.CertPool
	binding   []byte // of channels, nil if it is not asked for
	http      http.Server

	stalled, refusing atomic.Bool
	seen              atomic.Pointer[func(op string, body []byte)]

	zips   sync.Pool // of *gzip.Writer
	faults *loopback.Faults[Fault]
	load   load

	mu        sync.Mutex // guards all that the mailboxes hold
	model     *model
	listeners map[string]*listener // by subscription
	homes     map[string]string    // the back end of each subscription

	meta   sync.Mutex // guards what follows
	conns  map[net.Conn]bool
	counts Counts
	shut   chan struct{}
	once   sync.Once
	done   sync.WaitGroup // connections
}

// NewServer starts a server on a port of its own. It panics if the system gives none, and
// where the options contradict themselves.
func NewServer(o Options) *Server {
	o = o.withDefaults()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("ewstest: " + err.Error())
	}
	s := &Server{options: o, listener: l, conns: make(map[net.Conn]bool), shut: make(chan struct{}), listeners: make(map[string]*listener), homes: make(map[string]string)}
	s.directory = newDirectory(o)
	s.version = versionOf(o.Version)
	s.table = operations()
	s.model = newModel(o.Behavior)
	for _, address := range s.directory.order {
		s.model.addMailbox(address, "", s.directory.proxiesOf(address)...)
	}
	s.faults = loopback.NewFaults(o.Seed, (*Fault).turns)
	s.SetFault(o.Faults...)
	for owner, users := range o.Delegates {
		for _, user := range users {
			s.Grant(owner, user, "FullAccess")
		}
	}
	s.counts.Requests = make(map[string]int64)
	config, pool := loopback.Certificate{Given: o.Certificate, Issuer: "ewstest", Name: o.Name, Expired: o.Expired, Valid: o.Valid}.Config()
	s.pool = pool
	if o.Binding && !o.Plain {
		s.binding = bindingOf(config.Certificates[0].Certificate[0])
	}
	s.http = http.Server{
		Handler:   http.HandlerFunc(s.serve),
		ConnState: s.track,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, &conn{})
		},
		ErrorLog:    silent(),
		IdleTimeout: 2 * time.Minute, // as IIS has it
		Protocols:   new(http.Protocols),
	}
	s.http.Protocols.SetHTTP1(true) // NTLM signs a connection in, which HTTP/2 shares
	if !o.Plain {
		config.NextProtos = []string{"http/1.1"}
		l = tls.NewListener(l, config)
	}
	s.done.Go(func() { s.http.Serve(l) })
	return s
}

// track keeps the connections that there are.
func (s *Server) track(c net.Conn, state http.ConnState) {
	s.meta.Lock()
	defer s.meta.Unlock()
	switch state {
	case http.StateNew:
		s.done.Add(1)
		s.conns[c] = true
		s.counts.Connections++
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, c)
		s.done.Done()
	}
}

// Addr returns the server's host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL returns the address of the web services, such as
// https://127.0.0.1:12345/EWS/Exchange.asmx. A policy must allow 127.0.0.0/8 for it.
func (s *Server) URL() string { return s.base() + "/EWS/Exchange.asmx" }

// Endpoint returns an endpoint of a profile that reaches the server. Its policy must allow
// 127.0.0.0/8, and http where the options ask for that.
func (s *Server) Endpoint() profile.Endpoint { return profile.Endpoint{URL: s.URL()} }

func (s *Server) base() string {
	if s.options.Plain {
		return "http://" + s.Addr()
	}
	return "https://" + s.Addr()
}

// CertPool returns the root of the server's certificate, which is for 127.0.0.1 and
// localhost.
func (s *Server) CertPool() *x509.CertPool { return s.pool }

// Close ends every connection and waits for all that the server runs.
func (s *Server) Close() {
	s.once.Do(func() { close(s.shut) })
	s.http.Close()
	s.Break()
	s.done.Wait()
}

// Break cuts every connection. New ones work.
func (s *Server) Break() {
	s.meta.Lock()
	cut := maps.Clone(s.conns)
	s.meta.Unlock()
	for c := range cut {
		c.Close()
	}
}

// Stall makes the server answer nothing from now on.
func (s *Server) Stall() { s.stalled.Store(true) }

// Refuse makes the server refuse every sign-in from now on. Connections that are signed in
// are no longer.
func (s *Server) Refuse() { s.refusing.Store(true) }

// Requests has see called with each request for a web service that a body came with, before
// it is answered: its operation, "" if it has none, and the body as it was before compression. Many
// goroutines call it. nil ends that.
func (s *Server) Requests(see func(op string, body []byte)) {
	if see == nil {
		s.seen.Store(nil)
		return
	}
	s.seen.Store(&see)
}

// Counts is what came to the server so far.
type Counts struct {
	Requests    map[string]int64 // that were signed in, by operation, such as "GetItem"
	All         int64            // requests of HTTP, those of sign-ins and of autodiscover too
	Connections int64
	SignIns     int64 // proofs that were good: one a request with Basic and tokens, one a connection with NTLM
	Refused     int64 // proofs that were not
}

// Counts returns what came to the server so far.
func (s *Server) Counts() Counts {
	s.meta.Lock()
	defer s.meta.Unlock()
	c := s.counts
	c.Requests = maps.Clone(c.Requests)
	return c
}

func (s *Server) count(f func(*Counts)) {
	s.meta.Lock()
	f(&s.counts)
	s.meta.Unlock()
}
