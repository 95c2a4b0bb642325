package wire

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/provider"
)

var (
	errNoSignIn   = errors.New("the server offers no sign-in on this connection")
	errNoPassword = errors.New("the server offers neither PLAIN nor LOGIN")
)

// NoPassword says that a server takes no password and what to do about it, by the
// SASL mechanisms that it does offer, in capitals.
func NoPassword(op string, offered []string) *provider.Error {
	e := &provider.Error{Op: op, Kind: provider.ErrUnsupported, Err: errNoPassword}
	has := known(offered)
	switch {
	case len(offered) == 0:
		e.Err = errNoSignIn
		e.Remedy = "check port and TLS: many servers offer sign-in on some ports only; or passwords are switched off for this server or account"
	case strings.Contains(has, "OAUTH"):
		e.Remedy = "the server wants OAuth (" + has + "): have its operator allow passwords or app passwords, or use a profile with OAuth"
	default:
		e.Remedy = "the server needs to offer PLAIN or LOGIN"
		if has != "" {
			e.Remedy += "; it has " + has
		}
	}
	return e
}

// known returns the mechanisms among offered that have a name of old. Any other
// word is the server's own, and could be the password.
func known(offered []string) string {
	var has []string
	for _, m := range []string{"XOAUTH2", "OAUTHBEARER", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "NTLM", "GSSAPI", "EXTERNAL"} {
		if slices.Contains(offered, m) {
			has = append(has, m)
		}
	}
	return strings.Join(has, ", ")
}
