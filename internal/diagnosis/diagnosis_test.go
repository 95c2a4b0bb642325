package diagnosis

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
)

// Peers 3.E, row 72, and its like: each of Exchange's reasons has its own cause and remedy.
func TestOfToken(t *testing.T) {
	const bearer = `Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="00000001-0000-0000-c000-000000000000@*", token_types="app_asserted_user_v1 service_asserted_app_v1", authorization_uri="https://login.windows.net/common/oauth2/authorize"`
	for name, row := range map[string]struct {
		diagnostics, challenge string
		code                   string // "" for nothing that is known
		cause, remedy          string
	}{
		"the host in the audience":   {`2000003;reason="The hostname component of the audience claim value is invalid. Expected 'https://mail.contoso.com'. Actual 'http://mail.contoso.com'.";error_category="invalid_resource"`, "", "token_audience", "another service", "SSL offloading"},
		"the audience":               {`2000003;reason="The audience claim value is invalid 'aud'.";error_category="invalid_resource"`, "", "token_audience", "another service", "Resource empty"},
		"the audience by words":      {`reason="The audience of the token does not match the endpoint"`, "", "token_audience", "another service", "Resource empty"},
		"the audience by category":   {`9;reason="x";error_category="invalid_resource"`, "", "token_audience", "another service", "Resource empty"},
		"no permissions":             {`2000008;reason="The token contains no permissions, or permissions can not be understood.";error_category="invalid_grant"`, "", "token_permission", "permits nothing", "Application EWS.AccessAsApp"},
		"other permissions":          {`2000008;reason="Access to this API requires the following permissions: 'x'. However, the application only has the following permissions granted: 'full_access_as_app'.";error_category="invalid_grant"`, "", "token_permission", "permits nothing", "full_access_as_app"},
		"2000008 of tomorrow":        {`2000008;reason="No.";error_category="x"`, "", "token_permission", "permits nothing", "full_access_as_app"},
		"no roles":                   {`2000001;reason="The token has invalid value 'roles' for the claim type ''.";error_category="invalid_token"`, "", "token_permission", "permits nothing", "full_access_as_app"},
		"a partner without rights":   {`2000008;reason="The token should have valid permissions or linked account associated with partner application '00000003-0000-0000-c000-000000000000'.";error_category="invalid_grant"`, "", "token_permission", "gives it no rights", "LinkedAccount"},
		"RFC 6750 scope":             {"", `Bearer realm="x", error="insufficient_scope", error_description="more is needed"`, "token_permission", "permits nothing", "full_access_as_app"},
		"nobody":                     {`2000005;reason="The user specified by the user-context in the token does not exist.";error_category="invalid_user"`, "", "token_user", "no account, or several", "mailbox's address"},
		"several":                    {`2000005;reason= "The user specified by the user-context in the token is ambiguous." ;error_category="invalid_user"`, "", "token_user", "no account, or several", "mailbox's address"},
		"NoUserFoundWithGivenClaims": {`x;reason="NoUserFoundWithGivenClaims"`, "", "token_user", "no account, or several", "72 hours"},
		"no such tenant":             {`2000004;reason="The tenant for tenant guid 'contoso.com' does not exist.";error_category="invalid_tenant"`, "", "token_tenant", "no organization", "accepted domains"},
		"who issued it":              {`2000009;reason="The issuer of the token is unknown. Issuer was '00000001-0000-0000-c000-000000000000@x'.";error_category="invalid_issuer"`, "", "token_issuer", "does not trust who issued", "New-AuthServer"},
		"its signature":              {`2000000; reason="The token has an invalid signature.";error_category="invalid_signature"`, "", "token_signature", "cannot verify", "partner application"},
		"expired":                    {`7;reason="The token has expired.";error_category="y"`, "", "token_time", "has expired", "NTP"},
		"RFC 6750 expired":           {"", `Bearer realm="x", error="invalid_token", error_description="The access token expired"`, "token_time", "has expired", "NTP"},
		"not read":                   {`2000001;reason="OAuth token submitted with the request cannot be parsed.";error_category="invalid_token"`, "", "token_malformed", "cannot read", "hybrid modern authentication"},
		"claims":                     {"", bearer + `, error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`, "token_claims", "claims challenge", "Conditional Access"},
		"claims behind a number":     {`2000001;reason="x"`, bearer + `, error="invalid_token", claims="eyJ9"`, "token_claims", "claims challenge", "Conditional Access"},
		"no reason":                  {"", bearer + `, error="invalid_token"`, "", "", ""},
		"nothing":                    {"", "", "", "", ""},
		"Basic":                      {"", `Basic realm="the audience expired"`, "", "", ""},
		"a number in other words":    {`12000003;reason="x"`, "", "", "", ""},
		"a category in a word":       {`1;reason="y";xerror_category="invalid_user"`, "", "", "", ""},
		"another's claims":           {"", `Bearer xclaims="a", error="invalid_token"`, "", "", ""},
		"an open quotation":          {`1;reason="`, `Bearer error="`, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if row.diagnostics != "" {
				h.Set("x-ms-diagnostics", row.diagnostics)
			}
			h.Add("WWW-Authenticate", `Basic realm="mail.contoso.com"`)
			h.Add("WWW-Authenticate", row.challenge)
			m, words := OfToken(h)
			if row.diagnostics != "" {
				require.Equal(t, row.diagnostics, words)
			}
			if row.code == "" {
				require.Nil(t, m)
				return
			}
			require.NotNil(t, m)
			require.Equal(t, row.code, m.Code)
			require.Contains(t, m.Cause, row.cause)
			require.Contains(t, m.Remedy(true), row.remedy)
			require.NotContains(t, m.Remedy(true), "ApplicationImpersonation", "a self-issued token names its user, so that nobody needs a role that opens all mailboxes")
			require.NotEmpty(t, m.Remedy(false))
			require.NotContains(t, m.Remedy(false), "full_access_as_app", "an owner has nothing to do with it")
		})
	}
}

// Each meaning is in the catalogue, and fits in what is kept.
func TestEachMeaningIsInTheCatalogue(t *testing.T) {
	for _, m := range append(meanings[:], challenged) {
		k, known := mailbox.Lookup(m.Code)
		require.True(t, known, m.Code)
		require.Equal(t, mailbox.SourceOAuth, k.Source)
		require.Contains(t, []mailbox.Class{mailbox.Transient, mailbox.Refused}, k.Class, m.Code)
		for _, words := range []string{m.Remedy(true), m.Remedy(false)} {
			require.NotEmpty(t, words)
			require.Less(t, len(words), 500, "more is cut: %s", m.Code)
			require.False(t, strings.HasSuffix(words, "."))
		}
		for _, part := range m.says {
			require.Equal(t, strings.ToLower(part), part)
		}
	}
}

// HTTP-15: a header as long as may be is looked through once for each name.
func TestOfTokenHostile(t *testing.T) {
	for _, text := range []string{strings.Repeat(`xerror="`, 8<<10), strings.Repeat(`error="" `, 7<<10), strings.Repeat(";", 64<<10), strings.Repeat("claims=", 9<<10), "\x00\xff\u202e"} {
		m, _ := OfToken(http.Header{"X-Ms-Diagnostics": {text}, "Www-Authenticate": {text, text}})
		require.Nil(t, m)
	}
}

// Peers 3.E, rows 71 and 77: what an application needs at Exchange Online is named, by the protocol.
func TestOfMail(t *testing.T) {
	for service, words := range map[string][]string{
		"imap": {"IMAP.AccessAsApp", "Set-CASMailbox -ImapEnabled $true", "IMAP is on"},
		"pop":  {"POP.AccessAsApp", "Set-CASMailbox -PopEnabled $true", "POP3 is on"},
		"smtp": {"SMTP.SendAsApp", "Set-CASMailbox -SmtpClientAuthenticationDisabled $false", "SMTP AUTH is on"},
	} {
		for _, said := range []string{"the server said NO AUTHENTICATE failed.", "535 5.7.3 Authentication unsuccessful", "LOGIN failed.", "BasicAuthBlocked", "-ERR Authentication failure: unknown user name or bad password.", ""} {
			code, remedy := OfMail(service, said, true)
			require.Equal(t, CodeRefused, code, "what the server says speaks of passwords")
			for _, w := range append(words, "New-ServicePrincipal", "object id of the enterprise application, not of the registration", "Add-MailboxPermission", "administrator's consent") {
				require.Contains(t, remedy, w)
			}
			require.Less(t, len(remedy), 500)
			_, remedy = OfMail(service, said, false)
			require.Empty(t, remedy, "%q is of no sign-in", said)
		}
		for _, refused := range []bool{true, false} {
			code, remedy := OfMail(service, "BAD User is authenticated but not connected.", refused)
			require.Equal(t, CodeMailbox, code)
			require.Contains(t, remedy, "not into this mailbox")
			require.Contains(t, remedy, "Add-MailboxPermission")
			require.Less(t, len(remedy), 500)
			_, remedy = OfMail(service, "BAD Command Error. 10", refused)
			require.Contains(t, remedy, "New-ServicePrincipal")
			code, remedy = OfMail(service, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", refused)
			require.Empty(t, code)
			require.Contains(t, remedy, "Set-TransportConfig -SmtpClientAuthenticationDisabled $false")
			require.NotContains(t, remedy, "New-ServicePrincipal")
		}
	}
	code, _ := OfMail("imap", "BAD Command Error. 10", false)
	require.Empty(t, code)
	for _, service := range []string{"", "HTTP", "sieve"} {
		code, remedy := OfMail(service, "AUTHENTICATE failed.", true)
		require.Empty(t, code+remedy)
	}
	_, known := mailbox.Lookup(CodeMailbox)
	require.True(t, known)
}

// Whose a host is decides what is told of it, and nothing else.
func TestOnline(t *testing.T) {
	for host, want := range map[string]bool{
		"outlook.office365.com": true, "SMTP.Office365.COM.": true, "outlook.office365.us": true, "webmail.apps.mil": true, "partner.outlook.cn": true, "outlook.office.com": true,
		"mail.example.com": false, "office365.com.evil.example": false, "notoffice365.com": false, "": false, "office.com": false,
	} {
		require.Equal(t, want, Online(host), host)
	}
}
