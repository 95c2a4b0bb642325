package s2stest

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Everything else that a request may lack, or that administrators have not done.
func TestRequestsRefused(t *testing.T) {
	i, _ := withApp(t, Options{})
	const lone, hidden = "c0ffee00-1111-4222-8333-00000000000a", "c0ffee00-1111-4222-8333-00000000000b"
	require.NoError(t, i.Register(Application{ID: lone, Secrets: []Secret{{Value: "s"}}}))
	require.NoError(t, i.Register(Application{ID: hidden, NoPrincipal: true, Secrets: []Secret{{Value: "s"}}}))
	require.NoError(t, i.AddSecret(app, Secret{Value: "old", Expires: time.Now().Add(-time.Hour)}))
	with := func(changes ...string) url.Values {
		form := maps.Clone(bySecret("correct horse"))
		for n := 0; n < len(changes); n += 2 {
			if form.Del(changes[n]); changes[n+1] != "" {
				form.Set(changes[n], changes[n+1])
			}
		}
		return form
	}
	for name, w := range map[string]struct {
		path   string
		form   url.Values
		code   int
		status int
		error  string
	}{
		"wrong secret":            {tokenPath, bySecret("wrong"), 7000215, 401, "invalid_client"},
		"expired secret":          {tokenPath, bySecret("old"), 7000222, 401, "invalid_client"},
		"no proof":                {tokenPath, bySecret(""), 7000216, 401, "invalid_client"},
		"unknown application":     {tokenPath, with("client_id", Fabrikam), 700016, 400, "unauthorized_client"},
		"single-tenant elsewhere": {"/" + Fabrikam + "/oauth2/v2.0/token", with("client_id", lone, "client_secret", "s"), 700016, 400, "unauthorized_client"},
		"no consent":              {"/" + FabrikamDomain + "/oauth2/v2.0/token", with(), 7000229, 401, "invalid_client"},
		"no principal at home":    {tokenPath, with("client_id", hidden, "client_secret", "s"), 7000229, 401, "invalid_client"},
		"unknown tenant":          {"/a1b2c3d4-0000-4000-8000-ffffffffffff/oauth2/v2.0/token", with(), 90002, 400, "invalid_request"},
		"unknown domain":          {"/adatum.example/oauth2/v2.0/token", with(), 90002, 400, "invalid_request"},
		"no tenant":               {"/adatum/oauth2/v2.0/token", with(), 900023, 400, "invalid_request"},
		"common":                  {"/common/oauth2/v2.0/token", with(), 9001023, 400, "invalid_request"},
		"unknown resource":        {tokenPath, with("scope", "https://example.com/.default"), 500011, 400, "invalid_resource"},
		"another's server":        {"/" + Contoso + "/oauth2/v2.0/token", with("scope", "https://mail.fabrikam.example/.default"), 500011, 400, "invalid_resource"},
		"no .default":             {tokenPath, with("scope", "https://outlook.office365.com/IMAP.AccessAsApp"), 1002012, 400, "invalid_scope"},
		"no resource":             {tokenPath, with("scope", "/.default"), 70011, 400, "invalid_scope"},
		"openid alone":            {tokenPath, with("scope", "openid profile"), 70011, 400, "invalid_scope"},
		"two resources":           {tokenPath, with("scope", exoScope+" https://graph.microsoft.com/.default"), 28000, 400, "invalid_scope"},
		"no scope":                {tokenPath, with("scope", ""), 900144, 400, "invalid_request"},
		"no client":               {tokenPath, with("client_id", ""), 900144, 400, "invalid_request"},
		"no grant type":           {tokenPath, with("grant_type", ""), 900144, 400, "invalid_request"},
		"other grant type":        {tokenPath, with("grant_type", "password"), 70003, 400, "unsupported_grant_type"},
		"resource":                {tokenPath, with("resource", "https://outlook.office365.com"), 901002, 400, "invalid_request"},
		"no assertion type":       {tokenPath, with("client_assertion", "x"), 900144, 400, "invalid_request"},
		"no JWT":                  {tokenPath, asserted("x"), 50027, 400, "invalid_request"},
		"v1 without resource":     {"/" + Contoso + "/oauth2/token", with("scope", ""), 900144, 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, i, ask(t, i, w.path, w.form), w.code, w.status, w.error) })
	}
	require.NoError(t, i.Disable(Contoso, app, true))
	refused(t, i, ask(t, i, tokenPath, with()), 7000112, 400, "unauthorized_client")
	a := ask(t, i, tokenPath, with("client_secret", "", "client_assertion", "x", "client_assertion_type", "urn:other"))
	assert.Equal(t, "invalid_client", a.Error)
	assert.Empty(t, a.Codes)
	req, err := http.NewRequest(http.MethodGet, i.URL+tokenPath, nil)
	require.NoError(t, err)
	assert.Equal(t, []int{900561}, do(t, i, req).Codes)
}

// What administrators do takes effect with the next token.
func TestAdministration(t *testing.T) {
	i, c := withApp(t, Options{})
	fabrikam := "/" + Fabrikam + "/oauth2/v2.0/token"
	roles := func(path, scope string) any {
		t.Helper()
		form := bySecret("correct horse")
		form.Set("scope", scope)
		a := ask(t, i, path, form)
		require.Equal(t, http.StatusOK, a.status, a.Text)
		claims, err := i.Verify(a.Token)
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSuffix(scope, "/.default"), claims["aud"])
		return claims["roles"]
	}
	assert.ErrorIs(t, i.Grant(Fabrikam, app, Graph, "Mail.Read"), errPrincipal)
	require.NoError(t, i.Consent(FabrikamDomain, app))
	assert.Nil(t, roles(fabrikam, exoScope))
	require.NoError(t, i.Grant(Fabrikam, app, "https://outlook.office.com", "IMAP.AccessAsApp", "SMTP.SendAsApp"))
	for _, s := range []string{exoScope, "https://outlook.office.com/.default", "https://ps.outlook.com/.default", ExchangeOnline + "/.default", "https://outlook.office365.com//.default"} {
		assert.Equal(t, []any{"IMAP.AccessAsApp", "SMTP.SendAsApp"}, roles(fabrikam, s))
	}
	assert.Nil(t, roles(fabrikam, "https://graph.microsoft.com/.default"))
	require.NoError(t, i.Revoke(Fabrikam, app, ExchangeOnline, "IMAP.AccessAsApp"))
	assert.Equal(t, []any{"SMTP.SendAsApp"}, roles(fabrikam, exoScope))
	require.NoError(t, i.Revoke(Fabrikam, app, ExchangeOnline))
	assert.Nil(t, roles(fabrikam, exoScope))
	assert.Error(t, i.Grant(Fabrikam, app, ExchangeOnline, "no.such.role"))

	assert.Equal(t, []any{"full_access_as_app"}, roles(tokenPath, ContosoServer+"/.default"))
	assert.ErrorIs(t, i.Grant(Fabrikam, app, "https://mail.fabrikam.example", "full_access_as_app"), errResource)
	require.NoError(t, i.AddServer(Fabrikam, "https://mail.fabrikam.example"))
	require.NoError(t, i.Grant(Fabrikam, app, "https://mail.fabrikam.example", "full_access_as_app"))
	assert.Equal(t, []any{"full_access_as_app"}, roles(fabrikam, "https://mail.fabrikam.example/.default"))

	require.NoError(t, i.RemoveCertificate(app, c.Certificate))
	refused(t, i, ask(t, i, tokenPath, right(i, c).form(t)), 700027, 401, "invalid_client")
	require.NoError(t, i.AddCertificate(app, c.Certificate))
	assert.Equal(t, http.StatusOK, ask(t, i, tokenPath, right(i, c).form(t)).status)
	require.NoError(t, i.RemoveSecrets(app))
	refused(t, i, ask(t, i, tokenPath, bySecret("correct horse")), 7000215, 401, "invalid_client")
	require.NoError(t, i.Withdraw(Fabrikam, app))
	require.NoError(t, i.AddSecret(app, Secret{Value: "correct horse"}))
	refused(t, i, ask(t, i, fabrikam, bySecret("correct horse")), 7000229, 401, "invalid_client")
	assert.ErrorIs(t, i.Consent("adatum.example", app), errTenant)
	assert.ErrorIs(t, i.Consent(Fabrikam, Contoso), errApplication)
}

// The endpoint of version 1 names the resource, and says its numbers as texts. A secret may come with
// Basic, form-encoded.
func TestVersion1AndBasic(t *testing.T) {
	i, _ := withApp(t, Options{Life: time.Hour})
	require.NoError(t, i.AddSecret(app, Secret{Value: "a:b c%+"}))
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {"https://outlook.office365.com/"}}
	req, err := http.NewRequest(http.MethodPost, i.URL+"/"+ContosoDomain+"/oauth2/token", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(app), url.QueryEscape("a:b c%+"))
	a := do(t, i, req)
	require.Equal(t, http.StatusOK, a.status, a.Text)
	assert.Equal(t, "3599", a.In)
	assert.NotEmpty(t, a.On)
	claims, err := i.Verify(a.Token)
	require.NoError(t, err)
	assert.Equal(t, "https://outlook.office365.com/", claims["aud"])
}
