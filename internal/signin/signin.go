// Package signin signs in to mail servers: it chooses a SASL mechanism (RFC 4422)
// among those that server, profile and policy have in common, the strongest first,
// and runs it in the words of whichever protocol a driver speaks.
//
// A driver asks [New] before it dials, [SignIn.Prepare] for what has to be had from
// others, [SignIn.Choose] once it knows what the server offers, and [SignIn.Run] with a
// [Carrier]. Nothing secret leaves before Run, and Run sends none over a connection that
// profile and policy do not allow it on.
package signin

import (
	"context"
	"crypto/tls"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A SignIn is one sign-in, from its beginning to its end. It belongs to one goroutine.
type SignIn struct {
	op      string
	account provider.Account
	method  provider.Method
	token   provider.Token
	server  Server
	choice  []candidate
}

// A Server is what a driver knows of a server when it is to sign in.
type Server struct {
	Service string   // as provider.Peer has it
	Offered []string // SASL mechanisms, in capitals

	// Command says that the protocol's own command for user name and password, IMAP's
	// LOGIN and POP3's USER and PASS, is taken.
	Command bool

	Secure bool                 // TLS is up
	TLS    *tls.ConnectionState // nil without it

	// Certificate says that we have shown a certificate of our own.
	Certificate bool
}

// A Carrier carries an exchange in the words of a protocol. An error is one of the
// connection, after which it is of no more use.
type Carrier interface {
	// Begin asks for a mechanism. first is the initial response, nil for none. Where
	// the protocol has no initial responses, the carrier gives it in answer to the
	// server's first, empty challenge.
	Begin(mechanism string, first []byte) (Step, error)

	// Answer answers a challenge.
	Answer(response []byte) (Step, error)

	// Cancel gives the exchange up (RFC 4422, section 3.5).
	Cancel() (Step, error)

	// Password signs in with the protocol's own command.
	Password(username, password string) (Step, error)
}

// A Step is what the server said.
type Step struct {
	Challenge []byte // if it goes on
	Done      bool   // it is over
	Refused   error  // why we are not signed in, an *provider.Error; nil if we are
}

// Result is how a sign-in ended.
type Result struct {
	Mechanism string // such as "PLAIN"; "LOGIN" or "USER" for a protocol's own command
	Username  string
}

// New returns the sign-in that a's endpoint asks for, or an *provider.Error with op
// that says why there can be none: ErrUnsupported or ErrUnsafe.
func New(op string, a provider.Account, known ...provider.Method) (*SignIn, error) {
	method, err := a.SignIn(op, known...)
	if err != nil {
		return nil, err
	}
	return &SignIn{op: op, account: a, method: method}, nil
}

// Secrets returns what no error, log line or evidence may repeat.
func (s *SignIn) Secrets() []secret.Text {
	_, password := s.account.Credentials()
	return []secret.Text{password, s.token.Value}
}

// Prepare gets the token that the sign-in needs, if it needs one, and tells ctx's
// Trace of it.
func (s *SignIn) Prepare(ctx context.Context) error { return nil }
