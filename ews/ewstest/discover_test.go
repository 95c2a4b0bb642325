package ewstest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

func poxOf(address string) string {
	return `<Autodiscover xmlns="` + poxRequest + `"><Request><EMailAddress>` + address + `</EMailAddress><AcceptableResponseSchema>` + poxResponse + `</AcceptableResponseSchema></Request></Autodiscover>`
}

func (c *client) pox(body string) answered {
	c.t.Helper()
	return c.do(c.request(http.MethodPost, c.s.base()+"/Autodiscover/AutoDiscover.XML", body))
}

func tree(t *testing.T, a answered) *node {
	t.Helper()
	root, err := parse(a.body, blind{})
	require.NoError(t, err, a.body)
	return root
}

func TestAutodiscoverPOX(t *testing.T) {
	c := newClient(t, start(t, Options{
		Proxies: map[string]string{"u@example.com": "user@example.com"},
		Autodiscover: Autodiscover{Internal: "https://inner.example.com/EWS/Exchange.asmx", Protocols: []string{"EXCH", "EXPR", "EXHTTP", "WEB"},
			RedirectAddr: map[string]string{"moved@example.com": "user@other.example"},
			RedirectURL:  map[string]string{"far@example.com": "https://autodiscover.other.example/autodiscover/autodiscover.xml"},
			Errors:       map[string]string{"odd@example.com": "603"}},
	}))
	root := tree(t, c.pox(poxOf("U@example.com")))
	require.Equal(t, soap.Name{Space: poxRoot, Local: "Autodiscover"}, root.name)
	response := root.child("Response")
	require.Equal(t, poxResponse, response.name.Space)
	require.Equal(t, "user@example.com", response.at("User", "AutoDiscoverSMTPAddress").value())
	require.Equal(t, "settings", response.at("Account", "Action").value())
	var got []string
	for _, p := range response.child("Account").children {
		if p.name.Local == "Protocol" {
			got = append(got, p.child("Type").value()+" "+p.child("EwsUrl").value())
		}
	}
	inner, outer := "https://inner.example.com/EWS/Exchange.asmx", c.s.URL()
	require.Equal(t, []string{"EXCH " + inner, "EXPR " + outer, "EXHTTP " + inner, "EXHTTP " + outer, "WEB "}, got)

	account := tree(t, c.pox(poxOf("moved@example.com"))).at("Response", "Account")
	require.Equal(t, "redirectAddr user@other.example", account.child("Action").value()+" "+account.child("RedirectAddr").value())
	account = tree(t, c.pox(poxOf("far@example.com"))).at("Response", "Account")
	require.Equal(t, "redirectUrl https://autodiscover.other.example/autodiscover/autodiscover.xml", account.child("Action").value()+" "+account.child("RedirectUrl").value())
	for body, code := range map[string]string{
		poxOf("nobody@example.com"): "500", poxOf("odd@example.com"): "603", poxOf(""): "600", "nonsense": "600",
		strings.Replace(poxOf("u@example.com"), poxResponse, "http://schemas.microsoft.com/other", 1): "601",
	} {
		got := c.pox(body)
		require.Equal(t, 200, got.status)
		response := tree(t, got).child("Response")
		require.Equal(t, poxRoot, response.name.Space, "an error is in the root's namespace")
		require.Equal(t, code, response.at("Error", "ErrorCode").value(), body)
	}
	require.EqualValues(t, 8, c.s.Counts().Requests["Autodiscover"])
	c.header.Del("Authorization")
	require.Equal(t, 401, c.pox(poxOf("u@example.com")).status)
}

func settingsOf(action string, addresses ...string) string {
	var users strings.Builder
	for _, a := range addresses {
		users.WriteString("<User><Mailbox>" + a + "</Mailbox></User>")
	}
	return `<s:Envelope xmlns:s="` + soap.Envelope + `" xmlns:a="` + addressing + `"><s:Header><a:Action>` + action + `</a:Action></s:Header><s:Body><GetUserSettingsRequestMessage xmlns="` + discovery + `"><Request><Users>` + users.String() +
		`</Users><RequestedSettings><Setting>ExternalEwsUrl</Setting><Setting>InternalEwsUrl</Setting><Setting>EwsSupportedSchemas</Setting><Setting>GroupingInformation</Setting><Setting>PublicFolderServer</Setting></RequestedSettings></Request></GetUserSettingsRequestMessage></s:Body></s:Envelope>`
}

func (c *client) settings(body string) answered {
	c.t.Helper()
	return c.do(c.request(http.MethodPost, c.s.base()+"/autodiscover/autodiscover.svc", body))
}

const getUserSettings = discovery + "/Autodiscover/GetUserSettings"

func TestAutodiscoverSOAP(t *testing.T) {
	c := newClient(t, start(t, Options{Version: "2013_SP1", Autodiscover: Autodiscover{
		External: "https://mail.example.com/EWS/Exchange.asmx", Group: "site-2",
		RedirectAddr: map[string]string{"moved@example.com": "user@other.example"}, RedirectURL: map[string]string{"far@example.com": "https://other.example/x.svc"},
	}}))
	got := c.settings(settingsOf(getUserSettings, "user@example.com", "nobody@example.com", "moved@example.com", "far@example.com"))
	require.Equal(t, 200, got.status)
	root := tree(t, got)
	require.Equal(t, "15", root.at("Header", "ServerVersionInfo", "MajorVersion").value())
	users := root.at("Body", "GetUserSettingsResponseMessage", "Response", "UserResponses").children
	require.Len(t, users, 4)
	values := make(map[string]string)
	for _, n := range users[0].child("UserSettings").children {
		values[n.child("Name").value()] = n.child("Value").value()
	}
	require.Equal(t, map[string]string{
		"ExternalEwsUrl": "https://mail.example.com/EWS/Exchange.asmx", "InternalEwsUrl": c.s.URL(), "GroupingInformation": "site-2",
		"EwsSupportedSchemas": "Exchange2007, Exchange2007_SP1, Exchange2009, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, Exchange2012, Exchange2013, Exchange2013_SP1",
	}, values)
	require.Equal(t, "PublicFolderServer", users[0].at("UserSettingErrors", "UserSettingError", "SettingName").value())
	require.Equal(t, "InvalidUser", users[1].child("ErrorCode").value())
	require.Equal(t, "RedirectAddress user@other.example", users[2].child("ErrorCode").value()+" "+users[2].child("RedirectTarget").value())
	require.Equal(t, "RedirectUrl https://other.example/x.svc", users[3].child("ErrorCode").value()+" "+users[3].child("RedirectTarget").value())

	for _, body := range []string{settingsOf("", "user@example.com"), settingsOf("other", "user@example.com"), settingsOf(getUserSettings)} {
		got := c.settings(body)
		require.Equal(t, 500, got.status)
		require.NotEmpty(t, tree(t, got).at("Body", "Fault", "faultstring").value())
	}
}

func TestAutodiscoverJSON(t *testing.T) {
	c := newClient(t, start(t, Options{Autodiscover: Autodiscover{
		RedirectAddr: map[string]string{"moved@example.com": "user@example.com"}, RedirectURL: map[string]string{"far@example.com": "https://other.example/"},
	}}))
	c.header.Del("Authorization") // nobody is asked who they are
	get := func(rest string) answered {
		return c.do(c.request(http.MethodGet, c.s.base()+"/autodiscover/autodiscover.json"+rest, ""))
	}
	require.JSONEq(t, `{"Protocol":"EWS","Url":"`+c.s.URL()+`"}`, get("?Email=user@example.com&Protocol=EWS").body)
	require.JSONEq(t, `{"Protocol":"EWS","Url":"`+c.s.URL()+`"}`, get("/v1.0/user@example.com?Protocol=ews").body)
	for rest, want := range map[string]string{
		"?Email=nobody@example.com&Protocol=EWS": "UserNotFound", "?Email=user@example.com": "MandatoryParameterMissing",
		"?Email=user@example.com&Protocol=ActiveSync": "InvalidProtocol", "?Protocol=EWS": "InvalidUserId",
	} {
		got := get(rest)
		require.GreaterOrEqual(t, got.status, 400)
		require.Contains(t, got.body, `"ErrorCode":"`+want+`"`)
	}
	require.Equal(t, "https://other.example/", get("?Email=far@example.com&Protocol=EWS").header.Get("Location"))
	require.Equal(t, "/autodiscover/autodiscover.json?Email=user%40example.com&Protocol=EWS", get("?Email=moved@example.com&Protocol=EWS").header.Get("Location"))
}

func TestAutodiscoverLeadsAndFails(t *testing.T) {
	c := newClient(t, start(t, Options{Plain: true, Autodiscover: Autodiscover{Lead: "https://mail.example.com/autodiscover/autodiscover.xml", Without: []string{"svc"}}}))
	c.header.Del("Authorization")
	got := c.do(c.request(http.MethodGet, c.s.base()+"/autodiscover/autodiscover.xml", ""))
	require.Equal(t, "https://mail.example.com/autodiscover/autodiscover.xml", got.header.Get("Location"))
	require.Equal(t, 302, got.status)
	require.Equal(t, 404, c.settings(settingsOf(getUserSettings, "user@example.com")).status)
	c.signIn("user@example.com", "secret")
	c.s.SetFault(Fault{Op: "Autodiscover", Status: 503}, LoginPage())
	require.Equal(t, 503, c.pox(poxOf("user@example.com")).status)
	require.Contains(t, c.zones("").body, "sign in")
}

// What is said is said by the schemas of autodiscovery, where those are.
func TestAutodiscoverKeepsToItsSchemas(t *testing.T) {
	dir := os.Getenv("EWS_SCHEMA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "ews-schema")
	}
	check, err := exec.LookPath("xmllint")
	if _, gone := os.Stat(filepath.Join(dir, "autodiscover")); gone != nil || err != nil {
		t.Skip("the schemas of autodiscovery, or xmllint, are not here")
	}
	c := newClient(t, start(t, Options{Autodiscover: Autodiscover{Protocols: []string{"EXCH", "EXPR", "EXHTTP", "WEB"}, RedirectAddr: map[string]string{"moved@example.com": "user@other.example"}}}))
	for name, got := range map[string]answered{
		"settings": c.pox(poxOf("user@example.com")), "redirect": c.pox(poxOf("moved@example.com")), "error": c.pox(poxOf("nobody@example.com")),
	} {
		at := filepath.Join(t.TempDir(), "answer.xml")
		require.NoError(t, os.WriteFile(at, []byte(got.body), 0o600))
		out, err := exec.CommandContext(t.Context(), check, "--nonet", "--noout", "--schema", filepath.Join(dir, "autodiscover", "pox-response.xsd"), at).CombinedOutput()
		require.NoError(t, err, "%s: %s\n%s", name, out, got.body)
	}
}
