// Package pop3test is a POP3 server on loopback for tests and examples. It speaks the
// real protocol with CAPA, STLS, AUTH, UIDL, TOP, PIPELINING and response codes, each of
// which can be left out. A session sees the mailbox as it was when it signed in. A test
// is the other side: it delivers and removes mail directly, and makes the server fail.
package pop3test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/internal/loopback"
	"github.com/go-serversync/serversync/profile"
)

// Options says what server is wanted. The zero Options is one with TLS, every
// extension, and the user "user" with the password "secret".
type Options struct {
	TLS       profile.TLS       // implicit, STLS or none
	Users     map[string]string // passwords by user name
	Without   []string          // capabilities that it lacks, such as "UIDL"; "CAPA" for no CAPA at all
	Exclusive bool              // one session a mailbox: others get [IN-USE]
	Delay     int               // LOGIN-DELAY in seconds, which it says and does not enforce
	Name      string            // the certificate is for this name alone. Default: for localhost and 127.0.0.1
	Expired   bool              // the certificate was good until an hour ago
	Valid     time.Duration     // for how long the certificate is good. Default: a day
	Fault     Fault             // as by SetFault
	Tokens    map[string]string // OAuth tokens by user name

	// Token, if not nil, is asked about each OAuth token in place of Tokens. It may be
	// called by many goroutines.
	Token func(username, token string) bool

	// Mechanisms are the SASL mechanisms that it offers, as those of imaptest. Default:
	// PLAIN and LOGIN.
	Mechanisms []string

	// Fail, if not nil, sees each command line as it came, responses to challenges
	// too. It may be called by many goroutines. What it returns goes to the client in
	// place of an answer, with CR LF behind it; "drop" closes the connection; "" lets
	// the command pass.
	Fail func(line string) string
}

// Server is a POP3 server. Its methods may be called by many goroutines.
type Server struct {
	options  Options
	listener net.Listener
	config   *tls.Config
	pool     *x509.CertPool

	in, out, commands, connections atomic.Int64
	stalled, refusing              atomic.Bool
	fault                          atomic.Pointer[Fault]
	fail                           atomic.Pointer[func(string) string]

	mu       sync.Mutex
	users    map[string]*user
	count    int // of messages and sessions, for UIDLs
	sessions map[*session]bool
	conns    map[net.Conn]bool
	shut     bool
	done     sync.WaitGroup
}

// A user is an account with its mailbox.
type user struct {
	password string
	mail     []*Message
	open     int // sessions
}

// NewServer starts a server on a port of its own. It panics if the system gives
// none.
func NewServer(o Options) *Server {
	if o.Users == nil {
		o.Users = map[string]string{"user": "secret"}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("pop3test: " + err.Error())
	}
	s := &Server{options: o, listener: l, users: map[string]*user{}, conns: map[net.Conn]bool{}, sessions: map[*session]bool{}}
	s.config, s.pool = loopback.Certificate{Issuer: "pop3test", Name: o.Name, Expired: o.Expired, Valid: o.Valid}.Config()
	if o.Token == nil {
		s.options.Token = func(username, token string) bool { return token != "" && o.Tokens[username] == token }
	}
	if o.Mechanisms == nil {
		s.options.Mechanisms = []string{"PLAIN", "LOGIN"}
	}
	if slices.Contains(s.options.Mechanisms, "EXTERNAL") {
		s.config.ClientAuth = tls.RequestClientCert
	}
	s.SetFault(o.Fault)
	s.SetFail(o.Fail)
	for name, password := range o.Users {
		s.users[name] = &user{password: password}
	}
	s.done.Go(s.accept)
	return s
}

// has reports whether the server has a capability.
func (s *Server) has(capability string) bool { return !slices.Contains(s.options.Without, capability) }

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.shut {
			conn.Close()
		} else {
			s.conns[conn] = true
			s.connections.Add(1)
			s.done.Go(func() { s.serve(conn) })
		}
		s.mu.Unlock()
	}
}

// Addr returns the server's host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Endpoint returns an endpoint of a profile that reaches the server. Its policy
// must allow 127.0.0.0/8.
func (s *Server) Endpoint() profile.Endpoint {
	a := s.listener.Addr().(*net.TCPAddr)
	return profile.Endpoint{Host: a.IP.String(), Port: a.Port, TLS: s.options.TLS}
}

// CertPool returns the root of the server's certificate, which is for 127.0.0.1
// and localhost.
func (s *Server) CertPool() *x509.CertPool { return s.pool }

// Close ends every connection and waits for all that the server runs.
func (s *Server) Close() {
	s.mu.Lock()
	s.shut = true
	s.mu.Unlock()
	s.listener.Close()
	s.Break()
	s.done.Wait()
}

// Break cuts every connection. New ones work.
func (s *Server) Break() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

// Stall makes the server answer nothing from now on.
func (s *Server) Stall() { s.stalled.Store(true) }

// Refuse makes the server refuse every sign-in from now on.
func (s *Server) Refuse() { s.refusing.Store(true) }

// SetFail sets Options.Fail.
func (s *Server) SetFail(fail func(line string) string) {
	if fail == nil {
		fail = func(string) string { return "" }
	}
	s.fail.Store(&fail)
}

// SetFault makes the server misbehave as f says, for what it sends from now on.
func (s *Server) SetFault(f Fault) { s.fault.Store(&f) }

// Counts is what went over the server's connections so far, TLS's own bytes not
// counted.
type Counts struct {
	In, Out     int64 // bytes from and to clients
	Commands    int64
	Connections int64
}

// Counts returns what went over the server's connections so far.
func (s *Server) Counts() Counts {
	return Counts{s.in.Load(), s.out.Load(), s.commands.Load(), s.connections.Load()}
}
