package autodiscover

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

const address = "anna&<co>@northwind.example"

func TestRequests(t *testing.T) {
	require.Equal(t, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:a="http://schemas.microsoft.com/exchange/2010/Autodiscover">`+
		`<s:Header><a:RequestedServerVersion>Exchange2013</a:RequestedServerVersion><wsa:Action>http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings</wsa:Action><wsa:To>https://x.example/?a&amp;b</wsa:To></s:Header>`+
		`<s:Body><a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>anna&amp;&lt;co&gt;@northwind.example</a:Mailbox></a:User></a:Users>`+
		`<a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting><a:Setting>InternalEwsUrl</a:Setting><a:Setting>EwsSupportedSchemas</a:Setting><a:Setting>GroupingInformation</a:Setting></a:RequestedSettings>`+
		`</a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>`, string(soapRequest("https://x.example/?a&b", address)))
	require.Equal(t, `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>anna&amp;&lt;co&gt;@northwind.example</EMailAddress>`+
		`<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`, string(poxRequest(address)))
}

// The requests are what the published schemas say.
func TestRequestsAgainstTheSchemas(t *testing.T) {
	dir := os.Getenv("EWS_SCHEMA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "ews-schema")
	}
	lint, err := exec.LookPath("xmllint")
	if _, missing := os.Stat(filepath.Join(dir, "autodiscover")); err != nil || missing != nil {
		t.Skip("no schemas, or no xmllint")
	}
	for schema, body := range map[string][]byte{"soap.xsd": soapRequest("https://x.example/", address), "pox-request.xsd": poxRequest(address)} {
		lint := exec.CommandContext(t.Context(), lint, "--noout", "--nonet", "--schema", filepath.Join(dir, "autodiscover", schema), "-")
		lint.Stdin = bytes.NewReader(body)
		out, err := lint.CombinedOutput()
		require.NoError(t, err, "%s: %s", schema, out)
	}
}

func TestVersionsOfPOX(t *testing.T) {
	for text, want := range map[string]string{"72008287": "8.0.647", "738180DA": "14.1.218", "73C18880": "15.1.2176", "": "", "x": "", "0": "", "FFFFFFFFFFFF": ""} {
		require.Equal(t, want, poxVersion(text), text)
	}
}

// SSRF-01, SSRF-04: what lies within a private network by its name alone.
func TestInnerHosts(t *testing.T) {
	cloud, allows := profile.Policy{}, profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	beside := profile.Policy{Deployment: profile.SelfHosted}
	for host, want := range map[string][3]bool{ // by policy: cloud, allows, beside
		"mail.northwind.example": {}, "203.0.114.5": {}, "2a00::1": {},
		"localhost": {true, false, false}, "mail": {true, false, false}, "x.internal.": {true, false, false}, "x.LOCAL": {true, false, false}, "kubernetes.default.svc": {true, false, false},
		"10.0.0.5": {true, false, false}, "::ffff:10.0.0.5": {true, false, false}, "192.168.0.1": {true, true, false}, "fd00::1": {true, true, false},
		"127.0.0.1": {true, true, true}, "::1": {true, true, true}, "0.0.0.0": {true, true, true}, "169.254.169.254": {true, true, true},
	} {
		require.Equal(t, want, [3]bool{inner(cloud, host), inner(allows, host), inner(beside, host)}, host)
	}
}

// FuzzRead has every reader read anything: it ends, and what it returns is bounded and an error of ours.
func FuzzRead(f *testing.F) {
	soapText := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><ServerVersionInfo xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><MajorVersion>15</MajorVersion><MinorVersion>2</MinorVersion><MajorBuildNumber>1</MajorBuildNumber></ServerVersionInfo></s:Header><s:Body><GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response><ErrorCode>NoError</ErrorCode><UserResponses><UserResponse><ErrorCode>NoError</ErrorCode><RedirectTarget/><UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>https://x.example/</Value></UserSetting></UserSettings></UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`
	f.Add(0, []byte(soapText))
	f.Add(0, []byte(strings.ReplaceAll(soapText, "NoError", "RedirectAddress")))
	f.Add(0, []byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>a:b</faultcode><faultstring>x</faultstring></s:Fault></s:Body></s:Envelope>`))
	f.Add(1, []byte(`<Autodiscover xmlns="`+poxRoot+`"><Response xmlns="`+poxAnswer+`"><Account><Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>https://x.example/</EwsUrl><ServerVersion>72008287</ServerVersion></Protocol></Account></Response></Autodiscover>`))
	f.Add(1, []byte(`<Autodiscover xmlns="`+poxRoot+`"><Response><Error Time="1" Id="2"><ErrorCode>500</ErrorCode><Message>x</Message></Error></Response></Autodiscover>`))
	f.Add(2, []byte(`{"Protocol":"EWS","Url":"https://x.example/"}`))
	f.Add(2, []byte(`{"ErrorCode":"UserNotFound","ErrorMessage":"x"}`))
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		p := []Protocol{SOAP, POX, JSON}[uint(which)%3]
		a, err := read(p, body[:min(len(body), maxAnswer)])
		switch {
		case err != nil && (provider.KindOf(err) == "" || a != nil):
			t.Fatalf("%v, %+v", err, a)
		case err == nil && a.address == "" && a.url == "" && len(a.locations(true)) == 0:
			t.Fatalf("an answer without one: %+v", a)
		case err == nil && (len(a.locations(true)) > maxCandidates || len(a.schemas) > 32 || p != JSON && len(a.address)+len(a.url)+len(a.grouping)+len(a.version) > 4*3*maxText):
			t.Fatalf("more than its bounds: %+v", a)
		case err != nil && len(err.Error()) > 2048:
			t.Fatalf("a long error: %v", err)
		}
	})
}
