package profile_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/secret"
)

// good is outside the support matrix, which is worth a warning and no more.
func good() profile.Profile {
	return profile.Profile{
		ID: "office", Kind: profile.IMAPSMTP,
		Incoming: profile.Endpoint{Host: "imap.example.com"},
		Outgoing: profile.Endpoint{Host: "smtp.example.com", TLS: profile.StartTLS},
	}
}

func codes(issues profile.Issues) (all []string) {
	for _, i := range issues {
		all = append(all, i.Code)
	}
	return all
}

// All faults are told at once, and X1: plaintext needs profile and policy.
func TestValidateTellsAll(t *testing.T) {
	p := good()
	p.Incoming, p.Outgoing.TLS, p.Outgoing.Port = profile.Endpoint{}, profile.Plaintext, -1
	require.Equal(t, []string{"incoming-host-missing", "outgoing-port-range", "outgoing-plaintext-cloud", "system-untested"}, codes(p.Validate(profile.Policy{})))
	unsafe := profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true}
	require.Equal(t, []string{"incoming-host-missing", "outgoing-port-range", "system-untested"}, codes(p.Validate(unsafe)))
	err := p.Err(profile.Policy{})
	require.ErrorContains(t, err, `profile "office"`)
	var issue profile.Issue
	require.True(t, errors.As(err, &issue))
}

// Warnings stop nothing.
func TestWarningsAreNoErrors(t *testing.T) {
	p := good()
	p.Incoming.Credentials, p.Incoming.Username, p.Incoming.Password = profile.FromProfile, "crm", secret.New("x")
	require.Equal(t, []string{"system-untested", "incoming-credentials-shared"}, codes(p.Validate(profile.Policy{})))
	require.NoError(t, p.Err(profile.Policy{}))
	require.NoError(t, good().Err(profile.Policy{}))
}

// A mailbox that uses one side only does not suffer from the other.
func TestIssuesOfOneSide(t *testing.T) {
	p := good()
	p.Outgoing = profile.Endpoint{}
	issues := p.Validate(profile.Policy{})
	require.NoError(t, issues.Of(profile.Incoming).Err())
	require.Error(t, issues.Of(profile.Outgoing).Err())
	require.Error(t, p.Err(profile.Policy{}))

	// What Outgoing takes from Incoming is told once, for both.
	p = good()
	p.Incoming.Credentials = profile.FromProfile
	issues = p.Validate(profile.Policy{})
	require.Equal(t, []string{"system-untested", "incoming-credentials-shared", "incoming-username-missing", "incoming-password-missing"}, codes(issues))
	require.Error(t, issues.Of(profile.Outgoing).Err())
}

// Nothing that is told repeats what is in the profile: it may be a secret in the
// wrong field.
func TestIssuesRepeatNothing(t *testing.T) {
	const canary = "s3cr3t-canary\x00"
	p := profile.Profile{
		Kind: canary, Name: canary, Description: canary, Exchange: canary, TenantID: canary,
		Application: profile.Application{ClientID: canary, Resource: canary},
		Owner:       profile.Owner{Address: canary}, OwnOutgoing: true,
	}
	p.Incoming = profile.Endpoint{Host: canary, URL: canary, TLS: canary, Authentication: canary, Credentials: canary, Username: canary, Password: secret.New(canary)}
	p.Outgoing = p.Incoming
	for _, kind := range []profile.Kind{p.Kind, profile.IMAPSMTP, profile.ExchangeServer} {
		p.Kind = kind
		issues := p.Validate(profile.Policy{})
		require.Greater(t, len(issues), 10)
		require.NotContains(t, fmt.Sprintf("%+v", issues), "canary")
	}
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
	require.Equal(t, "h:25", profile.Endpoint{Host: "h", TLS: profile.Plaintext}.Address(profile.SMTP))
	require.Equal(t, "h:995", profile.Endpoint{Host: "h"}.Address(profile.POP3))
	require.Equal(t, "h:110", profile.Endpoint{Host: "h", TLS: profile.StartTLS}.Address(profile.POP3))
	require.Equal(t, "h:110", profile.Endpoint{Host: "h", TLS: profile.Plaintext}.Address(profile.POP3))
	require.Equal(t, "h:143", profile.Endpoint{Host: "h", TLS: profile.Plaintext}.Address(profile.IMAP))
}

func TestKinds(t *testing.T) {
	type facts struct {
		in, out                       profile.Protocol
		exchange, online, server, act bool
	}
	for kind, want := range map[profile.Kind]facts{
		profile.ExchangeServer:       {profile.EWS, profile.EWS, true, false, true, true},
		profile.ExchangeServerHybrid: {profile.EWS, profile.EWS, true, false, true, true},
		profile.ExchangeOnline:       {profile.EWS, profile.EWS, true, true, false, true},
		profile.ExchangeOnlineHybrid: {profile.EWS, profile.EWS, true, true, false, true},
		profile.IMAPSMTP:             {in: profile.IMAP, out: profile.SMTP},
		profile.POP3SMTP:             {in: profile.POP3, out: profile.SMTP},
		"x400":                       {},
	} {
		require.Equal(t, want, facts{kind.Protocol(profile.Incoming), kind.Protocol(profile.Outgoing), kind.IsExchange(), kind.IsExchangeOnline(), kind.IsExchangeServer(), kind.HasACT()}, kind)
	}
}

// An administrator's mistakes are found before a connection is opened.
func ExampleProfile_Validate() {
	p := profile.Profile{
		Kind:     profile.IMAPSMTP,
		Incoming: profile.Endpoint{Host: "imap://mail.yahoo.com"},
		Outgoing: profile.Endpoint{Host: "smtp.mail.yahoo.com", TLS: profile.Plaintext},
	}
	for _, issue := range p.Validate(profile.Policy{}) {
		fmt.Println(issue)
	}
	// Output:
	// Incoming.Host: it is not a bare host name; enter the name alone, without user, path or scheme
	// Outgoing.TLS: mail and password would cross the network unprotected, which a cloud host never allows; use TLS
}

// A program acts on codes; people read what is wrong, and what it may cost to go on.
func ExampleIssues_Of() {
	p := profile.Yahoo("yahoo")
	p.Outgoing = profile.Endpoint{} // for mailboxes that only receive
	p.Incoming.Port = 143
	issues := p.Validate(profile.Policy{})
	for _, side := range []profile.Side{profile.Incoming, profile.Outgoing} {
		for _, issue := range issues.Of(side) {
			fmt.Println(side, issue.Level, issue.Field, issue.Code)
		}
	}
	// Output:
	// incoming warning Incoming.Port incoming-port-crossed
	// outgoing error Outgoing.Host outgoing-host-missing
}

// The original's own first profile, and one for a system that it does not know.
func ExampleMicrosoftExchangeOnline() {
	policy := profile.Policy{TenantID: "11111111-2222-3333-4444-555555555555"}
	p := profile.MicrosoftExchangeOnline("exchange", profile.Application{ClientID: "99999999-2222-3333-4444-555555555555"})
	fmt.Println(p.Name, p.Err(policy))
	p.Autodiscover = false
	fmt.Println(p.Endpoint(profile.Outgoing).URL)
	for _, issue := range p.Validate(policy) {
		fmt.Println(issue.Level, issue.Rule, issue.Code)
	}
	// Output:
	// Microsoft Exchange Online <nil>
	// https://outlook.office365.com/EWS/Exchange.asmx
	// warning V1 autodiscover-off
}

func ExampleProfile_WithDefaults() {
	p := profile.Profile{ID: "office", Kind: profile.IMAPSMTP, Incoming: profile.Endpoint{Host: "imap.example.com"}, Outgoing: profile.Endpoint{Host: "smtp.example.com", TLS: profile.StartTLS}}
	d := p.WithDefaults()
	fmt.Println(d.Incoming.Port, d.Outgoing.Port, d.MaxConnections)
	// Output:
	// 993 587 10
}

// Validating is cheap enough to do before every cycle.
func BenchmarkValidate(b *testing.B) {
	for _, row := range []struct {
		name string
		p    profile.Profile
	}{
		{"good", profile.YahooPOP3("yahoo")},
		{"imap", full(profile.IMAPSMTP)},
		{"exchange", full(profile.ExchangeServer)},
	} {
		b.Run(row.name, func(b *testing.B) {
			policy := profile.Policy{Deployment: profile.SelfHosted}
			if issues := row.p.Validate(policy); issues.Err() != nil {
				b.Fatal(issues)
			}
			b.ReportAllocs()
			for b.Loop() {
				row.p.Validate(policy)
			}
		})
	}
}

// full returns a profile with every field filled in that its kind has.
func full(kind profile.Kind) profile.Profile {
	p := profile.New(kind, "full")
	p.Name, p.Description = "Full", "everything is said"
	p.Owner = profile.Owner{ID: "7", Address: "admin@example.com"}
	p.TenantID = "11111111-2222-3333-4444-555555555555"
	p.Application = profile.Application{ClientID: "66666666-2222-3333-4444-555555555555", Secret: secret.New("x"), Resource: "https://mail.example.com"}
	p.AlertOwner, p.OwnOutgoing = true, true
	e := profile.Endpoint{Credentials: profile.FromProfile, Authentication: profile.Basic, Username: "service@example.com", Password: secret.New("x")}
	if kind.IsExchange() {
		e.URL, e.Impersonate, p.Exchange, p.MoveUndeliverable = "https://mail.example.com/EWS/Exchange.asmx", true, profile.Exchange2019, true
	} else {
		e.Host, e.Port = "mail.yahoo.com", 993
	}
	p.Incoming, p.Outgoing = e, e
	if !kind.IsExchange() {
		p.Outgoing.Port = 465
	}
	return p
}
