package signin

import (
	"context"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// The mechanisms that are built in, by their registered names.
const (
	scramPlus = "SCRAM-SHA-256-PLUS"
	scramBare = "SCRAM-SHA-256"
	plainName = "PLAIN"
	loginName = "LOGIN"
	cramMD5   = "CRAM-MD5"
	oauth     = "OAUTHBEARER"
	xoauth2   = "XOAUTH2"
	external  = "EXTERNAL"
	ntlm      = "NTLM"

	// command stands for the protocol's own command. No mechanism has such a name.
	command = "(command)"
)

// A mechanism is a way to sign in that may be used.
type mechanism struct {
	name string
	host provider.Mechanism // of the host's; nil for our own

	// bare says that the password is shown as it is.
	bare bool

	// proof is how many of our messages there are without anything in them that
	// the server can tell a wrong password by. A refusal after them is the answer.
	proof int
}

// own are the built-in ones for passwords, the strongest first.
var own = []mechanism{
	{name: scramPlus, proof: 1}, {name: scramBare, proof: 1},
	{name: plainName, bare: true}, {name: command, bare: true}, {name: loginName, bare: true, proof: 1},
	{name: cramMD5},
}

// candidates returns the mechanisms that profile and policy allow, in the order in
// which they are to be used.
func (s *SignIn) candidates() []mechanism {
	var all []mechanism
	switch s.method {
	case provider.WithToken:
		return []mechanism{{name: oauth}, {name: xoauth2}}
	case provider.WithCertificate:
		return []mechanism{{name: external}}
	case provider.WithWindows:
		all = s.hosts(s.account.Endpoint.Authentication)
	case provider.WithPassword:
		for _, m := range own {
			if s.asked(m) {
				all = append(all, m)
			}
		}
		if s.server.Service == "pop" {
			all = userLast(all)
		}
		if s.account.Endpoint.Authentication == profile.AutoDetect {
			all = append(all, s.hosts(profile.AutoDetect)...)
		}
	}
	if s.fips {
		all = slices.DeleteFunc(all, func(m mechanism) bool { return !approved(m.name) })
	}
	if s.account.Endpoint.TLS == profile.Plaintext {
		all = s.withoutTLS(all)
	}
	return all
}

// userLast puts POP3's USER and PASS behind LOGIN: some servers say that they take
// them, and refuse them where PLAIN is switched off.
func userLast(all []mechanism) []mechanism {
	for i := range len(all) - 1 {
		if all[i].name == command && all[i+1].name == loginName {
			all[i], all[i+1] = all[i+1], all[i]
		}
	}
	return all
}

// asked reports whether the endpoint's authentication means m, which is for passwords.
func (s *SignIn) asked(m mechanism) bool {
	switch s.account.Endpoint.Authentication {
	case profile.AutoDetect:
		return true
	case profile.Basic:
		return m.bare
	case profile.SCRAM:
		return m.name == scramPlus || m.name == scramBare
	case profile.CRAMMD5:
		return m.name == cramMD5
	}
	return false
}

// withoutTLS leaves out what shows the password, unless the policy allows it, and
// puts what proves it without showing it first.
func (s *SignIn) withoutTLS(all []mechanism) []mechanism {
	var proves, shows []mechanism
	for _, m := range all {
		if m.bare {
			shows = append(shows, m)
		} else {
			proves = append(proves, m)
		}
	}
	if !s.account.Policy.BasicWithoutTLSAllowed() {
		shows = nil
	}
	return append(proves, shows...)
}

// kerberos are the mechanisms that Negotiate means before NTLM.
var kerberos = []string{"GSSAPI", "GSS-SPNEGO"}

// hosts returns the host's mechanisms that an authentication means and the policy
// allows: Kerberos's, NTLM, and with AutoDetect whatever else the host knows.
func (s *SignIn) hosts(a profile.Authentication) []mechanism {
	allowed := func(name string) bool {
		switch {
		case slices.Contains(kerberos, name):
			return a != profile.NTLM && s.account.Policy.ADAuthenticationAllowed()
		case name == ntlm:
			return s.account.Policy.NTLMAllowed()
		}
		return a == profile.AutoDetect && s.method == provider.WithPassword
	}
	var all []mechanism
	for _, m := range s.account.Mechanisms {
		if name := m.Name(); allowed(name) && !slices.ContainsFunc(own, func(o mechanism) bool { return o.name == name }) {
			all = append(all, mechanism{name: name, host: m, proof: 1})
		}
	}
	slices.SortStableFunc(all, func(x, y mechanism) int { return strength(x) - strength(y) })
	return all
}

// strength orders the host's mechanisms: Kerberos's, NTLM, any other.
func strength(m mechanism) int {
	switch {
	case slices.Contains(kerberos, m.name):
		return 0
	case m.name == ntlm:
		return 1
	}
	return 2
}

// approved reports whether a mechanism rests on FIPS 140 approved cryptography: MD4,
// MD5 and RC4 are none.
func approved(name string) bool { return name != ntlm && !strings.Contains(name, "MD5") }

// begin returns the exchange of a mechanism. The error is an *provider.Error or
// ctx's own; ErrUnsupported says that the next mechanism may be used.
func (s *SignIn) begin(ctx context.Context, m mechanism) (provider.Exchange, error) {
	username := s.username()
	_, text := s.account.Credentials()
	password := text.Reveal()
	switch m.name {
	case scramPlus, scramBare:
		return s.scram(m.name, username, password)
	case plainName:
		return &plain{username, password}, nil
	case loginName:
		return &login{answers: []string{username, password}}, nil
	case cramMD5:
		return &cram{username, password}, nil
	case oauth:
		return &bearer{username: username, token: s.token().Value.Reveal()}, nil
	case xoauth2:
		return &xoauth{username: username, token: s.token().Value.Reveal()}, nil
	case external:
		return &certificate{username}, nil
	}
	return s.host(ctx, m)
}

// peer is the server as the host's mechanisms see it. The identity that the process runs
// under reads the mailbox of the user whom the mailbox names, if it names one.
func (s *SignIn) peer() provider.Peer {
	username, password := s.account.Credentials()
	if s.account.Endpoint.Credentials == profile.IntegratedWindows && s.server.Service != "smtp" {
		username = s.account.Mailbox.Username
	}
	policy := s.account.Policy
	policy.FIPS = s.fips
	return provider.Peer{Service: s.server.Service, Host: s.account.Endpoint.Host, Username: username, Password: password, TLS: s.server.TLS, Policy: policy}
}
