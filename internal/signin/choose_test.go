package signin

import (
	"crypto/fips140"
	"crypto/tls"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// What is chosen: by what the server offers, the profile says, the policy allows.
func TestChoice(t *testing.T) {
	const most = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 NTLM GSSAPI OAUTHBEARER XOAUTH2 EXTERNAL command"
	cloud := profile.Policy{}
	fips := profile.Policy{Deployment: profile.SelfHosted, FIPS: true, AllowPlaintext: true, AllowBasicWithoutTLS: true}
	quiet := profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true}
	type changes []func(*provider.Account)
	for _, tt := range []struct {
		name    string
		offered string
		change  changes
		want    string
	}{
		{"the strongest first", most, nil, "SCRAM-SHA-256 PLAIN (command) LOGIN CRAM-MD5"},
		{"as the server has it", "LOGIN PLAIN", nil, "PLAIN LOGIN"},
		{"the command alone", "command", nil, "(command)"},
		{"CRAM-MD5 alone", "CRAM-MD5", nil, "CRAM-MD5"},
		{"Basic", most, changes{with(profile.Basic)}, "PLAIN (command) LOGIN"},
		{"SCRAM", most, changes{with(profile.SCRAM)}, "SCRAM-SHA-256"},
		{"CRAM-MD5", most, changes{with(profile.CRAMMD5)}, "CRAM-MD5"},
		{"NTLM", most, changes{with(profile.NTLM), hosts, under(open)}, "NTLM"},
		{"Negotiate", most, changes{with(profile.Negotiate), hosts, under(open)}, "GSSAPI NTLM"},
		{"a Windows identity", most, changes{from(profile.IntegratedWindows), hosts, under(open)}, "GSSAPI NTLM"},
		{"the host's come last", most, changes{hosts, under(open)}, "SCRAM-SHA-256 PLAIN (command) LOGIN CRAM-MD5 GSSAPI NTLM"},
		{"the cloud has no Active Directory", most, changes{hosts, under(cloud)}, "SCRAM-SHA-256 PLAIN (command) LOGIN CRAM-MD5"},
		{"a token", most, changes{from(profile.OAuth)}, "OAUTHBEARER XOAUTH2"},
		{"an application's", "PLAIN XOAUTH2", changes{from(profile.ServerToServer)}, "XOAUTH2"},
		{"a certificate", most, changes{from(profile.ClientCertificate)}, "EXTERNAL"},
		{"nothing", "", changes{from(profile.Anonymous)}, ""},
		{"without TLS what shows the password comes last", most, changes{plaintext, under(open)}, "SCRAM-SHA-256 CRAM-MD5 PLAIN (command) LOGIN"},
		{"without TLS SCRAM by name", most, changes{plaintext, under(quiet), with(profile.SCRAM)}, "SCRAM-SHA-256"},
		{"without TLS CRAM-MD5 by name", most, changes{plaintext, under(quiet), with(profile.CRAMMD5)}, "CRAM-MD5"},
		{"without TLS NTLM by name", most, changes{plaintext, under(quiet), with(profile.NTLM), hosts}, "NTLM"},
		{"FIPS 140", most, changes{hosts, under(fips)}, "SCRAM-SHA-256 PLAIN (command) LOGIN GSSAPI"},
		{"FIPS 140 and Negotiate", most, changes{with(profile.Negotiate), hosts, under(fips)}, "GSSAPI"},
		{"FIPS 140 without TLS", most, changes{plaintext, under(fips)}, "SCRAM-SHA-256 PLAIN (command) LOGIN"},
		{"-PLUS without anything to bind to", "SCRAM-SHA-256-PLUS PLAIN", nil, "PLAIN"},
	} {
		if fips140.Enabled() && (strings.Contains(tt.want, "MD5") || strings.Contains(tt.want, "NTLM")) {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			a := account(tt.change...)
			s, err := New("test: AUTH", a, every...)
			require.NoError(t, err)
			require.NoError(t, s.Choose(offer(tt.offered, a)))
			var got []string
			for _, m := range s.choice {
				got = append(got, m.name)
			}
			require.Equal(t, tt.want, strings.Join(got, " "))
			require.Equal(t, tt.want != "", s.Needed())
		})
	}
}

func offer(offered string, a provider.Account) Server {
	s := Server{Service: "imap", Secure: a.Endpoint.TLS != profile.Plaintext, Certificate: true}
	for _, m := range strings.Fields(offered) {
		if m == "command" {
			s.Command = true
		} else {
			s.Offered = append(s.Offered, m)
		}
	}
	return s
}

func hosts(a *provider.Account) {
	a.Mechanisms = []provider.Mechanism{&guest{name: "NTLM"}, &guest{name: "GSSAPI"}, &guest{name: "PLAIN"}}
}

// Why nobody can sign in, and what to do, in words; no word of the server's own.
func TestNoChoice(t *testing.T) {
	fips := profile.Policy{FIPS: true}
	noFIPS := !fips140.Enabled()
	for _, tt := range []struct {
		name    string
		offered string
		a       provider.Account
		kind    provider.Kind
		words   string
		ok      bool
	}{
		{"nothing is offered", "", account(), provider.ErrUnsupported, "offers no sign-in", true},
		{"OAuth is wanted", "XOAUTH2 OAUTHBEARER", account(), provider.ErrUnsupported, "wants OAuth (XOAUTH2, OAUTHBEARER)", true},
		{"something else", "DIGEST-MD5 " + canary, account(), provider.ErrUnsupported, "it has DIGEST-MD5", true},
		{"no SCRAM", "PLAIN", account(with(profile.SCRAM)), provider.ErrUnsupported, "needs to offer SCRAM-SHA-256-PLUS or SCRAM-SHA-256; it has PLAIN", true},
		{"no bearer", "PLAIN", account(from(profile.OAuth)), provider.ErrUnsupported, "takes no access tokens", true},
		{"no EXTERNAL", "PLAIN", account(from(profile.ClientCertificate)), provider.ErrUnsupported, "does not offer EXTERNAL", true},
		{"FIPS 140", "CRAM-MD5", account(under(fips)), provider.ErrUnsupported, "offers only mechanisms that are not FIPS 140 approved: CRAM-MD5", true},
		{"Windows", "PLAIN", account(from(profile.IntegratedWindows), hosts, under(open)), provider.ErrUnsupported, "needs to offer GSSAPI", true},
		{"a password without TLS", "PLAIN", account(with(profile.SCRAM), plaintext, under(profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true})), provider.ErrUnsafe, "unprotected", noFIPS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := New("test: AUTH", tt.a, every...)
			require.NoError(t, err)
			err = s.Choose(offer(tt.offered, tt.a))
			wantKind(t, tt.kind, err)
			e := err.(*provider.Error)
			require.Equal(t, "test: AUTH", e.Op)
			require.Contains(t, e.Error()+"; "+e.Remedy, tt.words)
			require.NotEmpty(t, e.Remedy)
			require.NotContains(t, strings.ToLower(e.Error()+e.Remedy), strings.ToLower(canary))
		})
	}
	s, err := New("test: AUTH", account(from(profile.ClientCertificate)), every...)
	require.NoError(t, err)
	err = s.Choose(Server{Offered: []string{"EXTERNAL"}, Secure: true})
	require.ErrorIs(t, err, errNoCertificate)
}

// What cannot be done with any server is refused before one is dialled.
func TestX4Impossible(t *testing.T) {
	for name, tt := range map[string]struct {
		a    provider.Account
		kind provider.Kind
		is   error
	}{
		"CRAM-MD5 under FIPS 140": {account(with(profile.CRAMMD5), under(profile.Policy{FIPS: true})), provider.ErrUnsupported, errFIPS},
		"NTLM under FIPS 140":     {account(with(profile.NTLM), hosts, under(profile.Policy{Deployment: profile.SelfHosted, FIPS: true})), provider.ErrUnsupported, errFIPS},
		"NTLM alone under FIPS 140": {account(from(profile.IntegratedWindows), func(a *provider.Account) { a.Mechanisms = []provider.Mechanism{&guest{name: "NTLM"}} },
			under(profile.Policy{Deployment: profile.SelfHosted, FIPS: true})), provider.ErrUnsupported, errFIPS},
		"NTLM in the cloud":            {account(with(profile.NTLM), hosts), provider.ErrUnsupported, errPolicy},
		"Negotiate without mechanisms": {account(with(profile.Negotiate), under(open)), provider.ErrUnsupported, errNoMechanism},
		"a token without TLS":          {account(from(profile.OAuth), plaintext, under(open)), provider.ErrUnsafe, nil},
		"a certificate without TLS":    {account(from(profile.ClientCertificate), plaintext, under(open)), provider.ErrUnsafe, nil},
		"a password without TLS":       {account(plaintext), provider.ErrUnsafe, nil},
		"no such credentials":          {account(from("magic")), provider.ErrUnsupported, nil},
	} {
		_, err := New("test: AUTH", tt.a, every...)
		wantKind(t, tt.kind, err)
		if tt.is != nil && !fips140.Enabled() {
			require.ErrorIs(t, err, tt.is, name)
		}
	}
}

// A certificate's own hash is what tls-server-end-point binds to (RFC 5929, section 4.1).
func TestChannelBindingNeedsAConnection(t *testing.T) {
	for _, state := range []*tls.ConnectionState{nil, {}, {HandshakeComplete: true, Version: tls.VersionTLS12}} {
		name, data := channelBinding(state)
		require.Empty(t, name)
		require.Nil(t, data)
	}
}
