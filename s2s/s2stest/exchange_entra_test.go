package s2stest_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/s2s/internal/selfissued"
	"github.com/go-serversync/serversync/s2s/s2stest"
)

// entra makes a token as Entra ID does, but for a signature: verify takes those that it is told of.
func entra(t testing.TB, more map[string]any) string {
	claims := map[string]any{
		"aud": "https://" + exchangeHost, "iss": "https://sts.windows.net/tenant/", "tid": "tenant", "appid": exchangeApp,
		"nbf": exchangeNow.Unix(), "exp": exchangeNow.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, more)
	token, err := jwt.Sign(jwt.RS256, map[string]any{"typ": "JWT"}, claims, exchangeCertificate(0).Signer())
	require.NoError(t, err)
	return token
}

func verified(token string) (map[string]any, error) {
	_, claims, err := jwt.Claims(token)
	if err == nil && claims["forged"] != nil {
		return nil, errors.New("the signature is wrong")
	}
	return claims, err
}

func TestExchangeAndTokensOfEntra(t *testing.T) {
	roles := func(names ...string) map[string]any { return map[string]any{"roles": names} }
	with := func(m map[string]any, name string, v any) map[string]any { m[name] = v; return m }
	for what, c := range map[string]struct {
		claims map[string]any
		at     func(*s2stest.Exchange)
		says   string
		of     string // "" for an application's own
	}{
		"full access":               {claims: roles("full_access_as_app")},
		"audience with a slash":     {claims: with(roles("full_access_as_app"), "aud", "https://MAIL.example.com/")},
		"Exchange as audience":      {claims: with(roles("full_access_as_app"), "aud", selfissued.Exchange)},
		"further audience":          {claims: with(roles("full_access_as_app"), "aud", "https://outlook.office365.com"), at: func(e *s2stest.Exchange) { e.Audiences = []string{"https://outlook.office365.com/"} }},
		"RBAC for Applications":     {at: func(e *s2stest.Exchange) { e.Principals = rbac("*") }},
		"no permission":             {says: "2000008;"},
		"other permission":          {claims: roles("IMAP.AccessAsApp", "Mail.Read"), says: `only has the following permissions granted: 'IMAP.AccessAsApp,Mail.Read'.";error_category="invalid_grant"`},
		"audience of another host":  {claims: with(roles("full_access_as_app"), "aud", "http://mail.example.com"), says: `2000003;reason="The hostname component of the audience claim value is invalid. Expected 'https://mail.example.com'. Actual 'http://mail.example.com'.";error_category="invalid_resource"`},
		"audience of another kind":  {claims: with(roles("full_access_as_app"), "aud", "00000003-0000-0000-c000-000000000000"), says: "2000003;"},
		"another tenant":            {claims: with(roles("full_access_as_app"), "tid", "other"), says: "2000009;"},
		"forged":                    {claims: with(roles("full_access_as_app"), "forged", true), says: "2000000;"},
		"expired":                   {claims: with(roles("full_access_as_app"), "exp", exchangeNow.Add(-6*time.Minute).Unix()), says: "begins and ends"},
		"expired long ago":          {claims: with(with(roles("full_access_as_app"), "nbf", 1), "exp", exchangeNow.Add(-6*time.Minute).Unix()), says: "has expired"},
		"not yet":                   {claims: with(roles("full_access_as_app"), "nbf", exchangeNow.Add(6*time.Minute).Unix()), says: "not good yet"},
		"Entra ID is not trusted":   {claims: roles("full_access_as_app"), at: func(e *s2stest.Exchange) { e.Verify = nil }, says: "2000009;"},
		"a user's":                  {claims: map[string]any{"scp": "EWS.AccessAsUser.All", "upn": "A.Smith@example.com"}, of: exchangeAnna},
		"a user's for other things": {claims: map[string]any{"scp": "Mail.Read", "upn": exchangeAnna}, says: "EWS.AccessAsUser.All"},
		"an unknown user's":         {claims: map[string]any{"scp": "EWS.AccessAsUser.All", "upn": "carol@example.com"}, says: "2000005;"},
	} {
		t.Run(what, func(t *testing.T) {
			e := newExchange()
			e.Verify, e.Tenant = verified, "tenant"
			if c.at != nil {
				c.at(e)
			}
			token := entra(t, c.claims)
			if c.says != "" {
				require.Contains(t, refuse(t, e, token), c.says)
				return
			}
			address, app, ok := e.Token(token)
			require.True(t, ok, e.Refusal(token))
			require.Equal(t, c.of, address)
			require.Equal(t, c.of == "", app)
		})
	}
}

func rbac(scope ...string) map[string]s2stest.ExchangePrincipal {
	return map[string]s2stest.ExchangePrincipal{strings.ToUpper(exchangeApp): {Roles: map[string][]string{"Application EWS.AccessAsApp": scope}}}
}

// What an application of Entra ID opens: with the permission of its token and what Exchange itself says.
func TestExchangeOpens(t *testing.T) {
	type principal = s2stest.ExchangePrincipal
	for _, c := range []struct {
		what       string
		roles      []string
		principal  *principal
		permission string
		anna, bob  bool
	}{
		{"full access", []string{"full_access_as_app"}, nil, "full_access_as_app", true, true},
		{"nothing", nil, nil, "full_access_as_app", false, false},
		{"access policy that restricts", []string{"full_access_as_app"}, &principal{RestrictTo: []string{exchangeAnna}}, "full_access_as_app", true, false},
		{"access policy that denies", []string{"full_access_as_app"}, &principal{Deny: []string{"anna@corp.example.com"}}, "full_access_as_app", false, true},
		{"RBAC with a scope", nil, &principal{Roles: map[string][]string{"Application EWS.AccessAsApp": {"bob@example.com"}}}, "full_access_as_app", false, true},
		{"RBAC besides full access", []string{"full_access_as_app"}, &principal{Roles: map[string][]string{"Application EWS.AccessAsApp": {"bob@example.com"}}}, "full_access_as_app", true, true},
		{"IMAP without registration", []string{"IMAP.AccessAsApp"}, nil, "IMAP.AccessAsApp", false, false},
		{"IMAP with a mailbox", []string{"IMAP.AccessAsApp"}, &principal{Mailboxes: []string{"Anna@example.com"}}, "IMAP.AccessAsApp", true, false},
		{"IMAP with all", []string{"IMAP.AccessAsApp"}, &principal{Mailboxes: []string{"*"}}, "IMAP.AccessAsApp", true, true},
		{"IMAP by EWS", []string{"full_access_as_app"}, &principal{Mailboxes: []string{"*"}}, "IMAP.AccessAsApp", false, false},
		{"POP by IMAP", []string{"IMAP.AccessAsApp"}, &principal{Mailboxes: []string{"*"}}, "POP.AccessAsApp", false, false},
		{"SMTP", []string{"SMTP.SendAsApp"}, &principal{Mailboxes: []string{"bob@example.com"}}, "SMTP.SendAsApp", false, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			e := newExchange()
			e.Verify = verified
			if c.principal != nil {
				e.Principals = map[string]principal{exchangeApp: *c.principal}
			}
			token := entra(t, map[string]any{"roles": c.roles})
			require.Equal(t, c.anna, e.Opens(token, c.permission, exchangeAnna))
			require.Equal(t, c.bob, e.Opens(token, c.permission, "bob@example.com"))
			require.False(t, e.Opens(token, c.permission, "carol@example.com"))
		})
	}
	e := newExchange()
	e.Verify = verified
	token := entra(t, map[string]any{"scp": "IMAP.AccessAsUser.All offline_access", "upn": exchangeAnna})
	require.True(t, e.Opens(token, "IMAP.AccessAsUser.All", "anna@corp.example.com"))
	require.False(t, e.Opens(token, "POP.AccessAsUser.All", exchangeAnna))
	require.False(t, e.Opens(token, "IMAP.AccessAsUser.All", "bob@example.com"))
}
