// Package smtptest is a submission server on the loopback interface, for tests and
// examples. It speaks real SMTP with TLS and sign-in, keeps what it is sent, and
// does on demand what servers do wrong.
package smtptest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-serversync/serversync/internal/loopback"
	"github.com/go-serversync/serversync/profile"
)

// Options set a Server up. The zero value is a server with TLS from the first byte
// that takes mail without sign-in.
type Options struct {
	TLS profile.TLS // how connections are protected

	// Certificate is the server's. Default: a throw-away one for localhost and
	// 127.0.0.1, which Server.CertPool vouches for.
	Certificate *tls.Certificate

	// Name and Expired spoil the throw-away certificate: it is for this name alone,
	// or was good until an hour ago. Server.CertPool vouches for it all the same.
	Name    string
	Expired bool

	// Valid is for how long the throw-away certificate is good. Default: a day.
	Valid time.Duration

	// Users are passwords by user name, Tokens OAuth tokens. If there are any users,
	// mail needs a sign-in.
	Users, Tokens map[string]string

	// Token, if not nil, is asked about each OAuth token in place of Tokens. It is called
	// by many goroutines.
	Token func(username, token string) bool

	// Mechanisms are the SASL mechanisms that it offers, of PLAIN, LOGIN, CRAM-MD5,
	// SCRAM-SHA-256, SCRAM-SHA-256-PLUS, OAUTHBEARER, XOAUTH2 and EXTERNAL, which takes
	// any certificate. Default: PLAIN and LOGIN.
	Mechanisms []string

	// Extensions are the lines of the answer to EHLO, but for STARTTLS and AUTH.
	// Default: those of a usual server. An empty slice that is not nil: none.
	Extensions []string

	// Deliver, if not nil, gets each message that the server takes, before it says
	// so; with imaptest's Server.Add in it the message reaches a mailbox. It is
	// called by many goroutines.
	Deliver func(from string, to []string, raw []byte)

	// Pace is the time between the bytes of a slow answer. Default: 10 ms.
	Pace time.Duration

	// Fail, if not nil, sees each command line first, and can make the server do
	// something wrong: see Fault. It is called by many goroutines. What is no
	// command has a name as well: "" is the connection, which is answered with the
	// greeting, "." the end of a message.
	Fail func(cmd string) string
}

// A Message is a mail that the server took.
type Message struct {
	From   string   // what stood between MAIL FROM's angle brackets
	To     []string // those of each RCPT
	Params []string // what followed MAIL FROM's angle bracket, and each RCPT's
	Data   []byte   // as received, with doubled dots undone
	User   string   // who signed in, "" if nobody did
}

// A Server is a running server.
type Server struct {
	Addr string // host:port

	options  Options
	tls      *tls.Config
	pool     *x509.CertPool
	stop     context.CancelFunc
	ctx      context.Context
	wg       sync.WaitGroup
	mu       sync.Mutex
	messages []Message
	commands []string
	conns    int
}

// NewServer starts a server. The caller calls Close. It panics if the loopback
// interface has no free port.
func NewServer(o Options) *Server {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("smtptest: " + err.Error())
	}
	if o.Extensions == nil {
		o.Extensions = []string{"SIZE 52428800", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"}
	}
	if o.Token == nil {
		o.Token = func(username, token string) bool { return token != "" && o.Tokens[username] == token }
	}
	if o.Mechanisms == nil {
		o.Mechanisms = []string{"PLAIN", "LOGIN"}
	}
	if o.Pace == 0 {
		o.Pace = 10 * time.Millisecond
	}
	s := &Server{Addr: listener.Addr().String(), options: o}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.tls, s.pool = loopback.Certificate{Given: o.Certificate, Issuer: "smtptest", Name: o.Name, Expired: o.Expired, Valid: o.Valid}.Config()
	if slices.Contains(o.Mechanisms, "EXTERNAL") {
		s.tls.ClientAuth = tls.RequestClientCert
	}
	context.AfterFunc(s.ctx, func() { listener.Close() })
	s.wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serve(conn) })
		}
	})
	return s
}

// Close cuts every connection and returns when the server's goroutines have ended.
func (s *Server) Close() {
	s.stop()
	s.wg.Wait()
}

// CertPool vouches for the server's throw-away certificate.
func (s *Server) CertPool() *x509.CertPool { return s.pool }

// Messages returns what was taken so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Commands returns the lines received so far as commands, in order. What a client
// sends to sign in is among them.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Connections returns how many connections there were so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}
