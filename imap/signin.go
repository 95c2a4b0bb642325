package imap

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

var (
	errBare     = errors.New("the password would cross the network unprotected")
	errControls = errors.New("user name or password has characters that no server takes")
)

const signInOp = "imap: sign in"

// canSignIn returns an error if the server takes no password: AUTHENTICATE PLAIN
// must be offered, or LOGIN not be disabled.
func (s *session) canSignIn(a provider.Account) error {
	if _, err := a.SignIn(signInOp, provider.WithPassword); err != nil {
		return err
	}
	if s.preauth || s.caps["AUTH=PLAIN"] || !s.caps["LOGINDISABLED"] {
		return nil
	}
	var offered []string
	for c := range s.caps {
		if mechanism, ok := strings.CutPrefix(c, "AUTH="); ok {
			offered = append(offered, mechanism)
		}
	}
	return wire.NoPassword(signInOp, offered)
}

// signIn has go-imap send the password: by AUTHENTICATE PLAIN with its initial
// response where the server takes one, which costs one round trip, else by LOGIN.
func (s *session) signIn(ctx context.Context, a provider.Account) error {
	return s.stage(ctx, provider.StageSignIn, "sign in", func() (e provider.Evidence, err error) {
		if !s.conn.Secure() && !(a.Endpoint.TLS == profile.Plaintext && a.Policy.BasicWithoutTLSAllowed()) {
			return e, s.fail(&provider.Error{Kind: provider.ErrUnsafe, Remedy: "use TLS in the profile", Err: errBare})
		}
		if s.preauth {
			s.signedIn = true
			return provider.Evidence{Text: "the server knows us without a sign-in (PREAUTH)"}, nil
		}
		username, password := a.Credentials()
		mechanism := "LOGIN"
		if s.caps["AUTH=PLAIN"] {
			mechanism = "PLAIN"
		}
		err = s.authenticate(mechanism, username, password.Reveal())
		if err == nil {
			e = s.offered(ctx)
		}
		e.Mechanism, e.Username = mechanism, wire.Quote(username)
		return e, err
	})
}

func (s *session) authenticate(mechanism, username, password string) error {
	if strings.ContainsAny(username+password, "\x00\r\n") {
		return s.fail(&provider.Error{Kind: provider.ErrAuth, Err: errControls, Remedy: "set another one"})
	}
	how := func(c *imapclient.Client) error {
		return c.Authenticate(sasl.NewPlainClient("", username, password))
	}
	if mechanism == "LOGIN" {
		how = func(c *imapclient.Client) error { return c.Login(username, password).Wait() }
	}
	s.log.Debug("imap: signing in", "secure", s.conn.Secure(), "mechanism", mechanism)
	before := s.caps
	s.caps = nil // they change by signing in
	st, err := s.lend(before, how)
	if err != nil {
		return err
	}
	if !st.ok() {
		return s.fail(refusal("", st, signingIn))
	}
	s.signedIn = true
	s.callIn() // the next loan is told the new capabilities
	if s.caps == nil {
		return s.askCaps()
	}
	return nil
}
