package signin

import (
	"context"
	"crypto/fips140"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/signin/signintest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// canary is the password of every test. It must never show.
const canary = "canary-Zx9!q7"

var every = []provider.Method{provider.WithPassword, provider.WithWindows, provider.WithToken, provider.WithCertificate, provider.WithNothing}

// open is a policy that permits all.
var open = profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true}

func account(change ...func(*provider.Account)) provider.Account {
	a := provider.Account{
		Mailbox:  mailbox.Mailbox{Address: "anna@example.test", Username: "anna", Password: secret.New(canary)},
		Endpoint: profile.Endpoint{Host: "mail.example.test"},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func with(a profile.Authentication) func(*provider.Account) {
	return func(account *provider.Account) { account.Endpoint.Authentication = a }
}

func from(c profile.Credentials) func(*provider.Account) {
	return func(account *provider.Account) { account.Endpoint.Credentials = c }
}

func under(p profile.Policy) func(*provider.Account) {
	return func(account *provider.Account) { account.Policy = p }
}

func plaintext(account *provider.Account) { account.Endpoint.TLS = profile.Plaintext }

// A fake is a server without a network, and what went over the line.
type fake struct {
	sasl     signintest.Server
	offered  []string
	hidden   []string // spoken, but not offered
	refuse   map[string]error
	drops    bool // hangs up after a refusal
	command  bool
	dialogue *signintest.Dialogue

	begun     []string
	refusals  int
	cancelled int
	dead      bool
	challenge func([]byte) []byte
}

var (
	errNo   = &provider.Error{Op: "test: AUTH", Kind: provider.ErrAuth, Remedy: "check user name and password", Err: errors.New("the server said no")}
	errGone = &provider.Error{Op: "test: AUTH", Kind: provider.ErrUnavailable, Err: errors.New("the connection was closed")}
)

func server(offered ...string) *fake {
	return &fake{offered: offered, sasl: signintest.Server{
		Password: func(name string) (string, bool) { return canary, name == "anna" },
		Token:    func(name, token string) bool { return strings.HasPrefix(name, "anna") && token == "good" },
	}}
}

func (f *fake) end(refused error) (Step, error) {
	if refused != nil {
		f.refusals++
		f.dead = f.drops
	}
	return Step{Done: true, Refused: refused}, nil
}

// Room has every initial response go with the command.
func (f *fake) Room(string) int { return 1 << 20 }

func (f *fake) Begin(mechanism, initial string) (Step, error) {
	f.begun = append(f.begun, mechanism)
	if f.dead {
		return Step{}, errGone
	}
	if err := f.refuse[mechanism]; err != nil {
		return f.end(err)
	}
	f.dialogue = f.sasl.Begin(mechanism, append(f.offered, f.hidden...), nil)
	if f.dialogue == nil {
		return f.end(errNo)
	}
	return f.next(given(initial))
}

// given is an initial response: "" is none, and "=" an empty one.
func given(initial string) []byte {
	switch initial {
	case "":
		return nil
	case "=":
		return []byte{}
	}
	return said(initial)
}

// said is an answer.
func said(line string) []byte {
	b, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		panic(err)
	}
	return append([]byte{}, b...)
}

func (f *fake) Say(line string) (Step, error) {
	if line == "*" {
		f.cancelled++
		return f.end(errNo)
	}
	return f.next(said(line))
}

func (f *fake) next(response []byte) (Step, error) {
	challenge, done := f.dialogue.Next(response)
	switch {
	case done && f.dialogue.User == "":
		return f.end(errNo)
	case done:
		return Step{Done: true}, nil
	case f.challenge != nil:
		challenge = f.challenge(challenge)
	}
	return Step{Challenge: encoded(challenge)}, nil
}

func (f *fake) Password(username, password string) (Step, error) {
	f.begun = append(f.begun, command)
	if f.dead {
		return Step{}, errGone
	}
	if want, ok := f.sasl.Password(username); !ok || want != password {
		return f.end(errNo)
	}
	return Step{Done: true}, nil
}

// signIn goes all the way, over TLS without anything to bind to unless the endpoint
// has none.
func (f *fake) signIn(t testing.TB, a provider.Account) (Result, error) {
	t.Helper()
	s, err := New("test: AUTH", a, every...)
	if err != nil {
		return Result{}, err
	}
	if err := s.Prepare(context.Background()); err != nil {
		return Result{}, err
	}
	if err := s.Choose(Server{Service: "imap", Offered: f.offered, Command: f.command, Secure: a.Endpoint.TLS != profile.Plaintext, Certificate: true}); err != nil {
		return Result{}, err
	}
	result, err := s.Run(context.Background(), f)
	if err != nil {
		require.NotContains(t, strings.ToLower(err.Error()), strings.ToLower(canary))
		var e *provider.Error
		require.True(t, errors.As(err, &e) || errors.Is(err, context.Canceled), "%v", err)
	}
	return result, err
}

func wantKind(t testing.TB, kind provider.Kind, err error) {
	t.Helper()
	require.Equal(t, kind, provider.KindOf(err), "%v", err)
}

// notUnderFIPS leaves out a test of what FIPS 140 forbids.
func notUnderFIPS(t testing.TB) {
	if fips140.Enabled() {
		t.Skip("in FIPS 140 mode the mechanism is never chosen")
	}
}

func newText(s string) secret.Text { return secret.New(s) }
