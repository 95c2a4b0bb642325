// Package signin signs in to mail servers: it chooses a SASL mechanism (RFC 4422)
// among those that server, profile and policy have in common, the strongest first,
// and runs it in the words of whichever protocol a driver speaks.
//
// A driver asks [New] before it dials, [SignIn.Prepare] for what has to be had from
// others, [SignIn.Choose] once it knows what the server offers, and [SignIn.Run] with a
// [Carrier]. Nothing secret leaves before Run, and Run sends none over a connection that
// profile and policy do not allow it on. docs/signin.md has the order and the reasons.
package signin

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"slices"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A SignIn is one sign-in, from its beginning to its end. It belongs to one goroutine.
type SignIn struct {
	op      string
	account provider.Account
	method  provider.Method
	fips    bool
	tokens  []provider.Token // all that were had, the last one to be used
	server  Server
	choice  []mechanism
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
	// Room returns how many bytes an initial response may have in the command that
	// asks for a mechanism, in base64; 0 if there is none for it.
	Room(mechanism string) int

	// Begin asks for a mechanism. initial is the initial response in base64, "" for
	// none.
	Begin(mechanism, initial string) (Step, error)

	// Say answers a challenge: with base64, or with "*", which gives the exchange up.
	Say(line string) (Step, error)

	// Password signs in with the protocol's own command.
	Password(username, password string) (Step, error)
}

// A Step is what the server said.
type Step struct {
	Challenge string // if it goes on, in base64
	Done      bool   // it is over
	Refused   error  // why we are not signed in, an *provider.Error; nil if we are
}

// Result is how a sign-in ended.
type Result struct {
	Mechanism string // such as "PLAIN"; "LOGIN" or "USER" for a protocol's own command
	Username  string
	Text      string // what else is worth telling, in words
}

// ofAll are the ways to sign in that every protocol knows.
var ofAll = []provider.Method{provider.WithPassword, provider.WithWindows, provider.WithToken, provider.WithCertificate}

// New returns the sign-in that a's endpoint asks for, or an *provider.Error with op
// that says why there can be none: ErrUnsupported or ErrUnsafe. also are ways that the
// protocol knows besides those of all.
func New(op string, a provider.Account, also ...provider.Method) (*SignIn, error) {
	method, err := a.SignIn(op, slices.Concat(ofAll, also)...)
	if err != nil {
		return nil, err
	}
	s := &SignIn{op: op, account: a, method: method, fips: a.Policy.FIPS || fips140.Enabled()}
	if len(s.candidates()) == 0 && s.Needed() {
		return nil, s.impossible()
	}
	return s, nil
}

// Needed reports whether there is anything to sign in with.
func (s *SignIn) Needed() bool { return s.method != provider.WithNothing }

// Secrets returns what no error, log line or evidence may repeat, as of now: a token
// that Run gets in place of a refused one is among them from then on.
func (s *SignIn) Secrets() []secret.Text {
	_, password := s.account.Credentials()
	all := []secret.Text{password}
	for _, token := range s.tokens {
		all = append(all, token.Value)
	}
	return all
}

// Repeats reports whether text shows one of the Secrets, in any form.
func (s *SignIn) Repeats(text string) bool {
	return slices.ContainsFunc(s.Secrets(), func(t secret.Text) bool { return t.In(text) })
}

// Discreet returns a context whose Trace, if it has one, gets no evidence that shows
// one of the Secrets.
func (s *SignIn) Discreet(ctx context.Context) context.Context {
	return wire.Discreet(ctx, s.Secrets)
}

// username returns whom to sign in as. Who has no user name of their own has the
// mailbox's; the identity that the process runs under has none.
func (s *SignIn) username() string {
	username, _ := s.account.Credentials()
	if username == "" && s.account.Endpoint.Credentials != profile.IntegratedWindows {
		if username = s.account.Mailbox.Username; username == "" {
			username = s.account.Mailbox.Address
		}
	}
	return username
}

func (s *SignIn) fail(kind provider.Kind, remedy string, err error) *provider.Error {
	return &provider.Error{Op: s.op, Kind: kind, Remedy: remedy, Err: err}
}
