package profile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/secret"
)

func good() profile.Profile {
	return profile.Profile{
		ID: "office", Kind: profile.IMAPSMTP,
		Incoming: profile.Endpoint{Host: "imap.example.com"},
		Outgoing: profile.Endpoint{Host: "smtp.example.com", TLS: profile.StartTLS},
	}
}

func TestValidate(t *testing.T) {
	require.NoError(t, good().Err(profile.Policy{}))
	for code, spoil := range map[string]func(*profile.Profile){
		"kind-unknown":                 func(p *profile.Profile) { p.Kind = "x400" },
		"name-long":                    func(p *profile.Profile) { p.Name = strings.Repeat("ü", 101) },
		"connections-range":            func(p *profile.Profile) { p.MaxConnections = 301 },
		"poll-interval-range":          func(p *profile.Profile) { p.MinPollInterval = 25 * time.Hour },
		"incoming-host-missing":        func(p *profile.Profile) { p.Incoming.Host = " " },
		"incoming-host-form":           func(p *profile.Profile) { p.Incoming.Host = "https://mail/" },
		"incoming-port-range":          func(p *profile.Profile) { p.Incoming.Port = 65536 },
		"incoming-plaintext":           func(p *profile.Profile) { p.Incoming.TLS = profile.Plaintext },
		"incoming-tls-unknown":         func(p *profile.Profile) { p.Incoming.TLS = "ssl" },
		"incoming-anonymous":           func(p *profile.Profile) { p.Incoming.Credentials = profile.Anonymous },
		"incoming-credentials-unknown": func(p *profile.Profile) { p.Incoming.Credentials = "magic" },
		"outgoing-username-missing": func(p *profile.Profile) {
			p.Outgoing.Credentials, p.Outgoing.Password = profile.FromProfile, secret.New("x")
		},
		"outgoing-password-missing": func(p *profile.Profile) {
			p.Outgoing.Credentials, p.Outgoing.Username = profile.FromProfile, "crm"
		},
		"outgoing-host-missing": func(p *profile.Profile) { p.Outgoing.Host = "" },
	} {
		t.Run(code, func(t *testing.T) {
			p := good()
			spoil(&p)
			issues := p.Validate(profile.Policy{})
			require.Len(t, issues, 1)
			require.Equal(t, code, issues[0].Code)
			require.NotEmpty(t, issues[0].Remedy)
			var issue profile.Issue
			require.True(t, errors.As(p.Err(profile.Policy{}), &issue))
		})
	}
}

// All faults are told at once, and X1: plaintext needs profile and policy.
func TestValidateTellsAll(t *testing.T) {
	p := good()
	p.Incoming, p.Outgoing.TLS, p.Outgoing.Port = profile.Endpoint{}, profile.Plaintext, -1
	require.Len(t, p.Validate(profile.Policy{}), 3)
	require.Len(t, p.Validate(profile.Policy{AllowPlaintext: true}), 2)
}

func TestAddress(t *testing.T) {
	for want, e := range map[string]profile.Endpoint{
		"h:993":             {Host: "h"},
		"h:143":             {Host: "h", TLS: profile.StartTLS},
		"h:1143":            {Host: "h", Port: 1143},
		"[2001:db8::1]:993": {Host: "2001:db8::1"},
		"192.0.2.1:993":     {Host: "192.0.2.1"},
	} {
		require.Equal(t, want, e.Address(profile.IMAP))
	}
	require.Equal(t, "h:465", profile.Endpoint{Host: "h"}.Address(profile.SMTP))
	require.Equal(t, "h:587", profile.Endpoint{Host: "h", TLS: profile.StartTLS}.Address(profile.SMTP))
	require.Equal(t, profile.IMAP, profile.IMAPSMTP.Incoming())
	require.Equal(t, profile.SMTP, profile.IMAPSMTP.Outgoing())
	require.Empty(t, profile.Kind("x").Incoming())
	require.Empty(t, profile.Kind("x").Outgoing())
}

// An administrator's mistakes are found before a connection is opened.
func ExampleProfile_Validate() {
	p := profile.Profile{
		Kind:     profile.IMAPSMTP,
		Incoming: profile.Endpoint{Host: "imap://mail.example.com"},
		Outgoing: profile.Endpoint{Host: "mail.example.com", TLS: profile.Plaintext},
	}
	for _, issue := range p.Validate(profile.Policy{}) {
		fmt.Println(issue)
	}
	// Output:
	// Incoming.Host: it is not a bare host name; enter the name alone, without user, path or scheme
	// Outgoing.TLS: mail and password would cross the network unprotected, which this host does not allow; use TLS
}
