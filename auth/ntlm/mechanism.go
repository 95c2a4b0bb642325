package ntlm

import (
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/go-ntlmssp"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Mechanism is SASL's mechanism NTLM. Its zero value is ready, and many goroutines use
// one at once.
//
// The user name is "anna", "EXAMPLE\anna" or "anna@example.com". What it was meant for, the
// server decides by its own domain where none is named.
type Mechanism struct{}

// Name returns NTLM.
func (Mechanism) Name() string { return "NTLM" }

// Begin begins to sign in, without asking anyone. The error is an *provider.Error or
// ctx's own: ErrUnsupported under FIPS 140, where the policy does not permit NTLM, and
// without a user name and a password; ErrUnsafe without TLS where the policy does not
// permit that.
//
// The exchange's errors are ErrProtocol for a challenge that is none, and ErrUnsupported
// for one that NTLMv2 is not enough for. It has no method Verified: a server that knows no
// password can end it as well as one that does.
func (Mechanism) Begin(ctx context.Context, p provider.Peer) (provider.Exchange, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := permitted(p.Policy, p.Username, p.Password); err != nil {
		return nil, err
	}
	if p.TLS == nil && !p.Policy.PlaintextAllowed() {
		return nil, failure(provider.ErrUnsafe, "begin", errBare, "use TLS in the profile")
	}
	return &exchange{username: p.Username, password: p.Password}, nil
}

var (
	errPolicy   = errors.New("the policy does not permit NTLM")
	errFIPS     = errors.New("NTLM rests on MD4, MD5 and RC4, which FIPS 140 does not approve")
	errIdentity = errors.New("the process itself has no identity in NTLM")
	errBare     = errors.New("NTLM would cross the network unprotected")
	errOrder    = errors.New("the server goes on where the exchange is over")
	errPanic    = errors.New("the NTLM library failed")
)

// permitted says why NTLM cannot be used, if it cannot.
func permitted(policy profile.Policy, username string, password secret.Text) error {
	switch {
	case policy.FIPS || fips140.Enabled():
		return failure(provider.ErrUnsupported, "begin", errFIPS, "use Kerberos, or OAuth")
	case !policy.NTLMAllowed():
		return failure(provider.ErrUnsupported, "begin", errPolicy, "allow it in the policy (ADAuthentication), or use other credentials in the profile")
	case username == "" || password.IsZero():
		return failure(provider.ErrUnsupported, "begin", errIdentity, "enter user name and password in the mailbox or the profile, or give the process a keytab for Kerberos")
	}
	return nil
}

func failure(kind provider.Kind, op string, err error, remedy string) *provider.Error {
	return &provider.Error{Op: "ntlm: " + op, Kind: kind, Remedy: remedy, Err: err}
}

// An exchange is negotiate, challenge, authenticate (MS-NLMP, section 1.3.1.1).
type exchange struct {
	username string
	password secret.Text
	begun    bool
	over     bool
}

// Start returns the mechanism's name and the negotiate message.
func (e *exchange) Start() (string, []byte, error) {
	first, err := negotiate()
	e.begun = err == nil
	return "NTLM", first, err
}

// Next answers the challenge.
func (e *exchange) Next(challenge []byte) ([]byte, error) {
	if !e.begun || e.over {
		return nil, failure(provider.ErrProtocol, "exchange", errOrder, "")
	}
	e.over = true
	return authenticate(challenge, e.username, e.password)
}

// negotiate returns the first message. It names neither domain nor machine: a server needs
// neither.
func negotiate() (message []byte, err error) {
	err = contain("negotiate", func() (err error) {
		message, err = ntlmssp.NewNegotiateMessage("", "")
		return err
	})
	return message, err
}

// authenticate returns the answer to a challenge.
func authenticate(challenge []byte, username string, password secret.Text) (message []byte, err error) {
	if err := check(challenge); err != nil {
		return nil, err
	}
	err = contain("challenge", func() (err error) {
		message, err = ntlmssp.NewAuthenticateMessage(challenge, username, password.Reveal(), nil)
		return err
	})
	return message, err
}

// contain runs a piece of the library, whose errors and panics are of the kind
// ErrProtocol. What it says of a challenge is the server's words.
func contain(op string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = failure(provider.ErrProtocol, op, fmt.Errorf("%w: %s", errPanic, wire.Quote(fmt.Sprint(r))), "")
		}
	}()
	if err := f(); err != nil {
		return failure(provider.ErrProtocol, op, errors.New(wire.Quote(strings.TrimSpace(err.Error()))), "")
	}
	return nil
}
