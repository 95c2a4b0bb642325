package signin

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/internal/diagnosis"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

var (
	errBare          = errors.New("the password would cross the network unprotected")
	errNoSignIn      = errors.New("the server offers no sign-in on this connection")
	errNoBearer      = errors.New("the server takes no access tokens: it offers neither OAUTHBEARER nor XOAUTH2")
	errNoExternal    = errors.New("the server takes no certificate for a sign-in: it does not offer EXTERNAL")
	errNoCertificate = errors.New("no certificate of ours was shown: the driver has none, or the server asked for none")
	errNoPassword    = errors.New("the server offers no way to sign in that the profile allows")
	errNoMechanism   = errors.New("the account has no mechanism for the profile's authentication")
	errPolicy        = errors.New("this host does not allow Negotiate and NTLM")
	errFIPS          = errors.New("the profile's authentication is not FIPS 140 approved, which this host requires")
)

// plaintextAllowed reports whether a's endpoint and policy both ask for a connection
// without TLS.
func plaintextAllowed(a provider.Account) bool {
	return a.Endpoint.TLS == profile.Plaintext && a.Policy.PlaintextAllowed()
}

// impossible says why no server could be signed in to.
func (s *SignIn) impossible() error {
	authentication := s.account.Endpoint.Authentication
	unapproved := slices.ContainsFunc(s.account.Mechanisms, func(m provider.Mechanism) bool { return !approved(m.Name()) })
	switch {
	case s.fips && (authentication == profile.CRAMMD5 || authentication == profile.NTLM || s.method == provider.WithWindows && unapproved):
		return s.fail(provider.ErrUnsupported, "use SCRAM, or leave the authentication open, over TLS", errFIPS)
	case s.method == provider.WithWindows && !s.account.Policy.ADAuthenticationAllowed():
		return s.fail(provider.ErrUnsupported, "have the operator set Policy.ADAuthentication, or use another authentication", errPolicy)
	case s.method == provider.WithWindows:
		return s.fail(provider.ErrUnsupported, "give the account the mechanism (packages auth/kerberos and auth/ntlm), or use another authentication", errNoMechanism)
	}
	return s.fail(provider.ErrUnsafe, "use TLS in the profile; a policy that allows plaintext must allow passwords without TLS as well", errBare)
}

// lacking says why a server cannot be signed in to.
func (s *SignIn) lacking() error {
	offered := s.server.Offered
	has := known(offered)
	unsupported := func(err error, remedy string) error { return s.fail(provider.ErrUnsupported, remedy, err) }
	switch {
	case len(offered) == 0 && !s.server.Command:
		return unsupported(errNoSignIn, "check port and TLS: many servers offer sign-in on some ports only; or passwords are switched off for this server or account")
	case s.method == provider.WithToken:
		return unsupported(errNoBearer, "take user name and password from the mailbox, or have the server's operator offer them"+having(has))
	case s.method == provider.WithCertificate && !slices.Contains(offered, external):
		return unsupported(errNoExternal, "have the server's operator offer it, or take user name and password from the mailbox"+having(has))
	case s.method == provider.WithCertificate:
		return unsupported(errNoCertificate, "give the driver's TLSConfig the certificate, and have the server ask for one")
	case s.fips && len(s.barred()) > 0:
		return unsupported(fmt.Errorf("the server offers only mechanisms that are not FIPS 140 approved: %s", strings.Join(s.barred(), ", ")), "have the server's operator offer SCRAM-SHA-256, or PLAIN over TLS")
	case strings.Contains(has, "OAUTH") && s.method == provider.WithPassword:
		return unsupported(errNoPassword, "the server wants OAuth ("+has+"): have its operator allow passwords or app passwords, or use a profile with OAuth")
	case !s.server.Secure && s.shows():
		return s.fail(provider.ErrUnsafe, "use TLS in the profile; or have the server's operator offer SCRAM-SHA-256", errBare)
	}
	return unsupported(errNoPassword, "the server needs to offer "+s.wanted()+having(has))
}

func having(has string) string {
	if has == "" {
		return ""
	}
	return "; it has " + has
}

// barred returns what the server offers and FIPS 140 alone forbids.
func (s *SignIn) barred() []string {
	free := *s
	free.fips = false
	free.account.Policy.FIPS = false
	var names []string
	for _, m := range free.candidates() {
		if !approved(m.name) && slices.Contains(s.server.Offered, m.name) {
			names = append(names, m.name)
		}
	}
	return names
}

// shows reports whether the server would have the password shown to it as it is.
func (s *SignIn) shows() bool {
	return s.server.Command || slices.ContainsFunc(own, func(m mechanism) bool { return m.bare && slices.Contains(s.server.Offered, m.name) })
}

// wanted names what profile and policy allow.
func (s *SignIn) wanted() string {
	var names []string
	for _, m := range s.candidates() {
		if m.name != command && !slices.Contains(names, m.name) {
			names = append(names, m.name)
		}
	}
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// registered are the mechanisms that are spoken of, by their names at IANA.
var registered = []string{
	xoauth2, oauth, plainName, loginName, cramMD5, "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", scramBare, scramPlus,
	"SCRAM-SHA-512", ntlm, "GSSAPI", "GSS-SPNEGO", external, "ANONYMOUS",
}

// Registered reports whether a mechanism has a name of old. Any other word of a
// server's is its own, and could be the password.
func Registered(mechanism string) bool { return slices.Contains(registered, mechanism) }

// known returns those among offered that are registered.
func known(offered []string) string {
	var has []string
	for _, m := range registered {
		if slices.Contains(offered, m) {
			has = append(has, m)
		}
	}
	return strings.Join(has, ", ")
}

// explained returns a refusal with what to do, where the driver, which knows of
// passwords alone, would have said something else.
func (s *SignIn) explained(refused error) error {
	var e *provider.Error
	switch {
	case !errors.As(refused, &e):
		return refused
	case s.application():
		return s.ofApplication(e, e.Kind == provider.ErrAuth)
	case e.Kind != provider.ErrAuth:
		return refused
	}
	told := *e
	switch s.method {
	case provider.WithToken:
		told.Remedy = "have the mailbox's owner or an administrator consent again, and see whether this protocol is allowed for the mailbox"
	case provider.WithCertificate:
		told.Remedy = "check that the server knows the certificate, and lets it sign in as this user"
	case provider.WithWindows:
		told.Remedy = "check user name and password, or the identity that this process runs under, and the server's name in the profile"
	default:
		return refused
	}
	return &told
}

// Explain returns an error of what follows a sign-in with what to do about it, if it is of Exchange Online to an
// application: to one that may sign in, and not open the mailbox, it says yes first, and no to what follows.
func (s *SignIn) Explain(err error) error {
	var e *provider.Error
	if s == nil || !s.application() || !errors.As(err, &e) {
		return err
	}
	if told := s.ofApplication(e, false); told != e {
		return told
	}
	return err
}

// application reports whether an application signs in to Exchange Online, as itself.
func (s *SignIn) application() bool {
	return s.method == provider.WithToken && s.account.Endpoint.Credentials == profile.ServerToServer && diagnosis.Online(s.account.Endpoint.Host)
}

// ofApplication returns an error of Exchange Online's with the steps without which it refuses every application.
func (s *SignIn) ofApplication(e *provider.Error, refused bool) *provider.Error {
	said := e.Code
	if e.Err != nil {
		said += " " + e.Err.Error()
	}
	code, remedy := diagnosis.OfMail(s.server.Service, said, refused)
	if remedy == "" {
		return e
	}
	told := *e
	told.Code, told.Remedy = cmp.Or(code, e.Code), remedy
	return &told
}
