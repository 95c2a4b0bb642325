package provider

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/secret"
)

// Credentials returns the user name and password to sign in with, both empty for
// an endpoint whose credentials are no password.
func (a Account) Credentials() (username string, password secret.Text) {
	switch a.Endpoint.Credentials {
	case profile.FromProfile:
		return a.Endpoint.Username, a.Endpoint.Password
	case profile.FromMailbox:
		if a.Mailbox.Username != "" {
			return a.Mailbox.Username, a.Mailbox.Password
		}
		return a.Mailbox.Address, a.Mailbox.Password
	}
	return "", secret.Text{}
}

// A Method is a way to sign in.
type Method string

// The ways to sign in.
const (
	WithNothing  Method = "nothing"  // the server serves whoever asks
	WithPassword Method = "password" // user name and password, shown or proven without being shown
	WithWindows  Method = "windows"  // Negotiate or NTLM
	WithToken    Method = "token"    // an OAuth access token

	// WithCertificate is the client's certificate of TLS (SASL EXTERNAL).
	WithCertificate Method = "certificate"
)

var (
	errMethod = errors.New("the driver cannot sign in as the profile asks")
	errBare   = errors.New("the password would cross the network unprotected")
	errOpen   = errors.New("what proves us would cross the network unprotected")
)

// SignIn returns how a's endpoint asks to sign in. Before it dials, a driver asks
// for it with the ways that it knows, so that nothing is sent to a server that
// could not be served in the end. The error is an *Error with the driver's op:
// ErrUnsupported for another way, ErrUnsafe for one that may not be used without
// TLS: a token or a certificate never, a password as it is only if the policy says
// so, and what proves a password without showing it where plaintext is allowed.
func (a Account) SignIn(op string, known ...Method) (Method, error) {
	e := a.Endpoint
	method := methodOf(e)
	if !slices.Contains(known, method) {
		return "", &Error{Op: op, Kind: ErrUnsupported, Remedy: remedyOf(known), Err: fmt.Errorf("%w: credentials %q, authentication %q", errMethod, e.Credentials, e.Authentication)}
	}
	if e.TLS != profile.Plaintext {
		return method, nil
	}
	switch {
	case method == WithToken, method == WithCertificate,
		method != WithNothing && !a.Policy.PlaintextAllowed():
		return "", &Error{Op: op, Kind: ErrUnsafe, Remedy: "use TLS in the profile", Err: errOpen}
	case method == WithPassword && showsPassword(e) && !a.Policy.BasicWithoutTLSAllowed():
		return "", &Error{Op: op, Kind: ErrUnsafe, Remedy: "use TLS in the profile; a policy that allows plaintext must allow passwords without TLS as well", Err: errBare}
	}
	return method, nil
}

// showsPassword reports whether the password may be shown as it is.
func showsPassword(e profile.Endpoint) bool {
	return e.Authentication != profile.SCRAM && e.Authentication != profile.CRAMMD5
}

// methodOf returns the endpoint's method, "" for a combination that is none.
func methodOf(e profile.Endpoint) Method {
	switch e.Credentials {
	case profile.Anonymous:
		return WithNothing
	case profile.IntegratedWindows:
		return WithWindows
	case profile.ServerToServer, profile.OAuth:
		return WithToken
	case profile.ClientCertificate:
		return WithCertificate
	case profile.FromMailbox, profile.FromProfile:
		switch e.Authentication {
		case profile.AutoDetect, profile.Basic, profile.SCRAM, profile.CRAMMD5:
			return WithPassword
		case profile.Negotiate, profile.NTLM:
			return WithWindows
		case profile.Bearer:
			return WithToken
		}
	}
	return ""
}

func remedyOf(known []Method) string {
	remedy := "take user name and password from the mailbox or the profile, with the authentication left open or Basic"
	if slices.Contains(known, WithToken) {
		remedy += ", or an access token"
	}
	if slices.Contains(known, WithNothing) {
		remedy += ", or none for a relay without sign-in"
	}
	return remedy
}
