package ewstest

import (
	"crypto/fips140"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	alice = "alice@example.com"
	svc   = "svc@example.com"
)

func as(kind, who string) string {
	return "<t:ExchangeImpersonation><t:ConnectingSID><t:" + kind + ">" + who + "</t:" + kind + "></t:ConnectingSID></t:ExchangeImpersonation>"
}

func tokens(token string) (string, bool, bool) {
	switch token {
	case "of-alice":
		return alice, false, true
	case "of-an-app":
		return "", true, true
	}
	return "", false, false
}

func TestTokens(t *testing.T) {
	c := newClient(t, start(t, Options{Mailboxes: []string{alice, bob}, Token: tokens, Apps: []string{alice}}))
	if schemes := []string{"Bearer", "NTLM", "Basic"}; fips140.Enabled() {
		require.Equal(t, []string{"Bearer", "Basic"}, c.s.options.Schemes)
	} else {
		require.Equal(t, schemes, c.s.options.Schemes)
	}
	c.header.Set("Authorization", "Bearer of-alice")
	require.Contains(t, c.zones("").body, `Acting="alice@example.com" Caller="alice@example.com"`)
	c.header.Set("Authorization", "Bearer of-an-app")
	got := c.zones("")
	require.Equal(t, 500, got.status)
	require.Equal(t, "ErrorInvalidExchangeImpersonationHeaderData", got.code())
	require.Contains(t, got.body, "must be present for this type of OAuth token.")
	require.Contains(t, c.zones(as("PrimarySmtpAddress", alice)).body, `Acting="alice@example.com" Caller=""`)
	require.Equal(t, "ErrorImpersonateUserDenied", c.zones(as("SmtpAddress", bob)).code())
	c.header.Set("Authorization", "Bearer old")
	got = c.zones("")
	require.Equal(t, 401, got.status)
	require.Contains(t, got.header.Get("WWW-Authenticate"), `error="invalid_token"`)
	require.NotEmpty(t, got.header.Get("x-ms-diagnostics"))
}

func TestRefusalsOfTokensAreInTheirOwnWords(t *testing.T) {
	asked := make(map[string]bool)
	c := newClient(t, start(t, Options{Mailboxes: []string{alice}, Token: tokens, Refusal: func(token string) string {
		asked[token] = true
		if token == "old" {
			return `2000009;reason="The issuer of the token is unknown.";error_category="invalid_issuer"`
		}
		return ""
	}}))
	c.header.Set("Authorization", "Bearer old")
	got := c.zones("")
	require.Equal(t, 401, got.status)
	require.Equal(t, `2000009;reason="The issuer of the token is unknown.";error_category="invalid_issuer"`, got.header.Get("x-ms-diagnostics"))
	c.header.Set("Authorization", "Bearer other")
	got = c.zones("")
	require.Contains(t, got.header.Get("WWW-Authenticate"), `error="invalid_token"`)
	require.Empty(t, got.header.Values("x-ms-diagnostics"))
	c.header.Set("Authorization", "Bearer of-alice")
	require.Equal(t, 200, c.zones("").status)
	require.Equal(t, map[string]bool{"old": true, "other": true}, asked)
}

func TestSchemesThatAreNotOfferedAreRefused(t *testing.T) {
	c := newClient(t, start(t, Options{Schemes: []string{"Bearer"}, Token: tokens}))
	got := c.zones("")
	require.Equal(t, 401, got.status)
	require.Len(t, got.header.Values("WWW-Authenticate"), 1)
}

func TestNegotiate(t *testing.T) {
	c := newClient(t, start(t, Options{Negotiate: func(token []byte) ([]byte, string) {
		switch string(token) {
		case "one":
			return []byte("go on"), ""
		case "two":
			return []byte("done"), "user@example.com"
		}
		return nil, ""
	}}))
	c.header.Del("Authorization")
	say := func(s string) answered {
		r := c.request(http.MethodPost, c.s.URL(), soapOf(asked, zonesRequest))
		r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString([]byte(s)))
		return c.do(r)
	}
	got := say("nonsense")
	require.Equal(t, 401, got.status)
	require.Len(t, got.header.Values("WWW-Authenticate"), len(c.s.options.Schemes))
	got = say("one")
	require.Equal(t, 401, got.status)
	require.Equal(t, "Negotiate "+base64.StdEncoding.EncodeToString([]byte("go on")), got.header.Get("WWW-Authenticate"))
	got = say("two")
	require.Equal(t, 200, got.status)
	require.Equal(t, "Negotiate "+base64.StdEncoding.EncodeToString([]byte("done")), got.header.Get("WWW-Authenticate"))
	require.Equal(t, 200, c.zones("").status)
}

func TestRefuse(t *testing.T) {
	c := newClient(t, start(t, Options{}))
	require.Equal(t, 200, c.zones("").status)
	c.s.Refuse()
	require.Equal(t, 401, c.zones("").status)
}

func TestImpersonation(t *testing.T) {
	c := newClient(t, start(t, Options{
		Users: map[string]string{svc: "s", alice: "a"}, Mailboxes: []string{bob}, NoMailbox: []string{svc},
		Proxies: map[string]string{"al@example.com": alice}, Logins: map[string]string{`CORP\service`: svc},
		Impersonators: map[string][]string{svc: {alice}},
	}))
	c.signIn(`CORP\service`, "s")
	for kind, who := range map[string]string{
		"PrimarySmtpAddress": "Alice@Example.com", "SmtpAddress": "al@example.com", "PrincipalName": alice, "SID": c.s.directory.find(alice).sid(),
	} {
		require.Contains(t, c.zones(as(kind, who)).body, `Acting="alice@example.com" Caller="svc@example.com"`, kind)
	}
	for _, tt := range []struct{ kind, who, code string }{
		{"PrimarySmtpAddress", bob, "ErrorImpersonateUserDenied"},
		{"PrimarySmtpAddress", "nobody@example.com", "ErrorNonExistentMailbox"},
		{"PrimarySmtpAddress", "al@example.com", "ErrorNonPrimarySmtpAddress"},
		{"SmtpAddress", svc, "ErrorNonExistentMailbox"},
		{"PrincipalName", "nobody@example.com", "ErrorInvalidUserPrincipalName"},
		{"SID", "S-1-5-21-1", "ErrorInvalidUserSid"},
	} {
		got := c.zones(as(tt.kind, tt.who))
		require.Equal(t, 500, got.status)
		require.Equal(t, tt.code, got.code(), tt)
	}
	require.Contains(t, c.zones(as("PrimarySmtpAddress", "al@example.com")).body, `<t:Value Name="Primary">alice@example.com</t:Value>`)
	c.signIn(alice, "a")
	require.Equal(t, "ErrorImpersonateUserDenied", c.zones(as("SmtpAddress", bob)).code())
	require.Contains(t, c.zones("").body, `Acting="alice@example.com"`)
}

// A delegate gets at what is granted, and others at nothing.
func TestDelegatesOverHTTP(t *testing.T) {
	c := newClient(t, start(t, Options{Users: map[string]string{alice: "a", bob: "b"}, Mailboxes: []string{svc}, Delegates: map[string][]string{svc: {alice}}}))
	c.s.AddMailbox("late@example.com", "Late", "later@example.com")
	c.s.Grant("late@example.com", bob, "inbox=Reviewer")
	ask := func(name, password, owner string) string {
		c.signIn(name, password)
		body := `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>` + owner + `</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>`
		return between(c.post(soapOf(asked, body)).body, "<m:ResponseCode", "</")
	}
	require.Equal(t, "NoError", ask(alice, "a", svc))
	require.Equal(t, "NoError", ask(bob, "b", "later@example.com"))
	require.Equal(t, "NoError", ask(bob, "b", bob))
	for _, no := range []string{ask(bob, "b", svc), ask(alice, "a", "late@example.com")} {
		require.Contains(t, []string{"ErrorFolderNotFound", "ErrorAccessDenied"}, no)
	}
	require.Equal(t, "ErrorNonExistentMailbox", ask(bob, "b", "nobody@example.com"))
}

func TestAnchor(t *testing.T) {
	o := Options{Mailboxes: []string{alice, bob}, Impersonators: map[string][]string{"user@example.com": {"*"}}, Anchor: AnchorFault}
	c := newClient(t, start(t, o))
	require.Equal(t, "ErrorProxyRequestNotAllowed", c.zones("").code())
	c.header.Set("X-AnchorMailbox", alice)
	require.Equal(t, "ErrorProxyRequestNotAllowed", c.zones("").code())
	require.Equal(t, 200, c.zones(as("SmtpAddress", alice)).status)
	// A delegate's request is where the mailbox is that it names.
	c.s.table["GetFolder"] = c.s.table["GetServerTimeZones"]
	folder := `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>%s</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>`
	require.Equal(t, 200, c.post(soapOf(asked, fmt.Sprintf(folder, alice))).status)
	require.Equal(t, 500, c.post(soapOf(asked, fmt.Sprintf(folder, bob))).status)
	c.header.Set("X-AnchorMailbox", "User@example.com")
	require.Equal(t, 200, c.zones("").status)
	o.Anchor = Anchor449
	c = newClient(t, start(t, o))
	require.Equal(t, 449, c.zones("").status)
}
