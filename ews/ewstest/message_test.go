package ewstest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/schema"
	"github.com/go-serversync/serversync/ews/internal/soap"
)

func TestPathsAreNotCaseSensitive(t *testing.T) {
	c := newClient(t, start(t, Options{}))
	for path, want := range map[string]int{"/ews/exchange.asmx": 200, "/EWS/EXCHANGE.ASMX": 200, "/ews/other.asmx": 405, "/": 404} {
		require.Equal(t, want, c.do(c.request(http.MethodPost, c.s.base()+path, soapOf(asked, zonesRequest))).status, path)
	}
}

func TestHeaders(t *testing.T) {
	c := newClient(t, start(t, Options{}))
	c.header.Set("client-request-id", "of-mine")
	c.header.Set("return-client-request-id", "true")
	got := c.zones("<t:MailboxCulture>de-DE</t:MailboxCulture>" + `<t:TimeZoneContext><t:TimeZoneDefinition Id="UTC"/></t:TimeZoneContext>`)
	require.Equal(t, 200, got.status, got.body)
	require.Equal(t, "of-mine", got.header.Get("client-request-id"))
	require.NotEmpty(t, got.header.Get("request-id"))
	c.header.Set("Content-Type", "application/json")
	require.Equal(t, 415, c.zones("").status)
}

// What describes the service is what the schema's room says, for those who are signed in.
func TestDescription(t *testing.T) {
	c := newClient(t, start(t, Options{}))
	get := func(path string) answered { return c.do(c.request(http.MethodGet, c.s.base()+path, "")) }
	var want bytes.Buffer
	require.NoError(t, schema.WriteWSDL(&want, c.s.URL()))
	require.Equal(t, want.String(), get("/EWS/Exchange.asmx?wsdl").body)
	require.Equal(t, want.String(), get("/ews/Services.wsdl").body)
	for path, space := range map[string]string{"/ews/types.xsd": schema.Types, "/ews/messages.xsd": schema.Messages} {
		want.Reset()
		require.NoError(t, schema.WriteXSD(&want, space, schema.Newest))
		require.Equal(t, want.String(), get(path).body)
	}
	require.Equal(t, 200, get("/EWS/Exchange.asmx").status)
	require.Equal(t, 404, get("/ews/nothing").status)
	c.header.Del("Authorization")
	require.Equal(t, 401, get("/EWS/Exchange.asmx").status)
}

func TestGzipAndChunks(t *testing.T) {
	for _, plain := range []bool{false, true} {
		c := newClient(t, start(t, Options{NoGzip: plain}))
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(soapOf(asked, zonesRequest)))
		require.NoError(t, z.Close())
		r := c.request(http.MethodPost, c.s.URL(), "")
		r.Body, r.ContentLength = io.NopCloser(&b), -1
		r.Header.Set("Content-Encoding", "gzip")
		r.Header.Set("Accept-Encoding", "gzip")
		got := c.do(r)
		require.Equal(t, 200, got.status)
		if plain {
			require.Contains(t, got.body, "m:Echo")
			continue
		}
		require.Equal(t, "gzip", got.header.Get("Content-Encoding"))
		u, err := gzip.NewReader(strings.NewReader(got.body))
		require.NoError(t, err)
		body, err := io.ReadAll(u)
		require.NoError(t, err)
		require.Contains(t, string(body), "m:Echo")
	}
}

// What leaves the schema is refused in the words of Exchange, with its place.
func TestSchema(t *testing.T) {
	body := "<m:GetItem>\n <m:ItemIds><t:ItemId Id=\"x\"/></m:ItemIds></m:GetItem>"
	c := newClient(t, start(t, Options{}))
	got := c.post(soapOf(asked, body))
	require.Equal(t, 500, got.status)
	require.Equal(t, "ErrorSchemaValidation", got.code())
	require.Equal(t, "The request failed schema validation.", between(got.body, "<e:Message", "</"))
	require.Contains(t, got.body, `<t:LineNumber>2</t:LineNumber><t:LinePosition>3</t:LinePosition><t:Violation>The element 'GetItem' in namespace '`+soap.Messages+`' has invalid child element 'ItemIds'`)
	require.Contains(t, got.body, "a:ErrorSchemaValidation</faultcode>")
	require.NoError(t, schema.Check(strings.NewReader(got.body), schema.Newest))

	lenient := newClient(t, start(t, Options{Lenient: true}))
	lenient.s.table["GetItem"] = lenient.s.table["GetServerTimeZones"]
	require.Equal(t, 200, lenient.post(soapOf(asked, body)).status)
}

func TestHostileRequests(t *testing.T) {
	c := newClient(t, start(t, Options{MaxBytes: 1 << 20}))
	for name, body := range map[string]string{
		"nothing":       "",
		"no XML":        "hello",
		"half":          soapOf(asked, zonesRequest)[:300],
		"a declaration": `<!DOCTYPE x [<!ENTITY a "b">]>` + soapOf(asked, zonesRequest),
		"deep":          strings.Repeat("<a>", 5000),
		"two roots":     soapOf(asked, zonesRequest) + "<a/>",
		"text behind":   soapOf(asked, zonesRequest) + "x",
		"no operation":  soapOf(asked, ""),
		"two of them":   soapOf(asked, zonesRequest+zonesRequest),
		"an unknown":    soapOf(asked, "<m:Nonsense/>"),
		"attributes":    soapOf(asked, "<m:GetServerTimeZones "+strings.Repeat(`a="b" `, 100)+"/>"),
	} {
		for _, lenient := range []bool{false, true} {
			c.s.options.Lenient = lenient
			got := c.post(body)
			require.Equal(t, 500, got.status, name)
			require.Contains(t, []string{"ErrorSchemaValidation", "ErrorInvalidRequest"}, got.code(), name)
		}
	}
	require.Equal(t, 413, c.post(strings.Repeat(" ", 2<<20)).status)
	r := c.request(http.MethodPost, c.s.URL(), "this is no gzip")
	r.Header.Set("Content-Encoding", "gzip")
	require.Equal(t, 400, c.do(r).status)
	require.Equal(t, 200, c.zones("").status)
}

// Long base64 is held once: what the tree has is the request's own text.
func TestLongBase64IsHeldOnce(t *testing.T) {
	mime := strings.Repeat("QUJD", 8<<20/4)
	body := soapOf(asked, "\n<m:CreateItem><m:Items><t:Message><t:MimeContent>"+mime+"</t:MimeContent><t:Subject>a &amp; b</t:Subject></t:Message><t:Message><t:MimeContent>"+mime+"</t:MimeContent><t:Oops/></t:Message></m:Items></m:CreateItem>")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	root, err := parse(body, blind{})
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
	items := root.at("Body", "CreateItem", "Items").children
	for _, n := range items {
		require.True(t, mime == n.child("MimeContent").text)
	}
	require.Equal(t, "a & b", items[0].child("Subject").text)

	// What is wrong behind it is found where it is.
	_, err = parse(body, &strict{})
	var bad *badXML
	require.ErrorAs(t, err, &bad)
	require.Contains(t, bad.Error(), "'Oops'")
	line := body[strings.IndexByte(body, '\n')+1:]
	require.Equal(t, badXML{line: 2, column: strings.Index(line, "t:Oops") + 1, err: bad.err}, *bad)
}

func TestTextIsWhatWasMeant(t *testing.T) {
	for in, want := range map[string]string{
		"a&lt;b": "a<b", "a\r\nb": "a\nb", "<![CDATA[<x>]]>y": "<x>y", "&#x1F600;": "😀", "a<!-- b -->c": "ac", strings.Repeat("QUJD", 50_000): strings.Repeat("QUJD", 50_000),
		strings.Repeat("QUJD", 50_000) + "\n&amp;": strings.Repeat("QUJD", 50_000) + "\n&",
	} {
		root, err := parse("<a>"+in+"</a>", blind{})
		require.NoError(t, err)
		require.True(t, want == root.text, "%.50q", in)
	}
}

func TestVersions(t *testing.T) {
	ask := func(v string) string { return `<t:RequestServerVersion Version="` + v + `"/>` }
	for _, tt := range []struct {
		server, asked string
		ok            bool
	}{
		{"2010_SP2", "Exchange2007_SP1", true}, {"2010_SP2", "Exchange2010_SP2", true}, {"2010_SP2", "Exchange2013_SP1", false},
		{"2013_SP1", "Exchange2013_SP1", true}, {"2013_SP1", "Exchange2016", false}, {"2016", "Exchange2016", true},
		{"2019", "V2017_07_11", true}, {"SE", "V2018_01_08", false}, {"EXO", "V2018_01_08", true},
	} {
		c := newClient(t, start(t, Options{Version: tt.server}))
		got := c.post(soapOf(ask(tt.asked), zonesRequest))
		require.Equal(t, tt.ok, got.status == 200, "%v %s", tt, got.body)
		if !tt.ok {
			require.Equal(t, "ErrorInvalidServerVersion", got.code())
		}
		require.Contains(t, c.post(soapOf("", zonesRequest)).body, `Version="Exchange2007"`)
	}
	c := newClient(t, start(t, Options{Version: "2010_SP2", Plain500: true}))
	got := c.post(soapOf(ask("Exchange2013_SP1"), zonesRequest))
	require.Equal(t, answered{500, "The specified server version is invalid.", got.header, nil}, got)
	require.Contains(t, c.post(soapOf(ask("Exchange2010"), zonesRequest)).body, `MajorVersion="14" MinorVersion="2" MajorBuildNumber="247" MinorBuildNumber="1" Version="Exchange2010_SP2"`)
	require.Panics(t, func() { NewServer(Options{Version: "5.5"}) })
}

// Whatever the style, the answer says the same.
func TestStyles(t *testing.T) {
	for style, marks := range map[Style][]string{
		Usual: {"<s:Envelope", "<m:GetServerTimeZonesResponse", "h:ServerVersionInfo"}, Old: {"<soap:Envelope", "<t:ServerVersionInfo", "<m:"},
		DefaultNamespaces: {`<Envelope xmlns="` + soap.Envelope, `<GetServerTimeZonesResponse xmlns="` + soap.Messages},
		Odd:               {"<SOAP-ENV:Envelope", "<ns1:GetServerTimeZonesResponse", "nobody knows"},
	} {
		c := newClient(t, start(t, Options{Style: style}))
		got := c.zones("")
		for _, mark := range marks {
			require.Contains(t, got.body, mark)
		}
		root, err := parse(got.body, blind{})
		require.NoError(t, err, got.body)
		require.Equal(t, style == Odd, root.at("Header", "ServerVersionInfo") == nil)
		echo := root.at("Body", "GetServerTimeZonesResponse", "Echo")
		require.Equal(t, soap.Messages, echo.name.Space)
		require.Equal(t, "user@example.com", echo.attr("Acting"))

		got = c.post(soapOf(asked, "<m:Nonsense/>"))
		root, err = parse(got.body, blind{})
		require.NoError(t, err, got.body)
		detail := root.at("Body", "Fault", "detail")
		require.Equal(t, "ErrorSchemaValidation", detail.child("ResponseCode").value())
		if style == Old {
			require.Equal(t, "1", detail.child("Line").value())
			require.Contains(t, got.body, "<soap11:Fault><faultcode>soap11:Client</faultcode>")
		} else {
			require.Equal(t, "1", detail.at("MessageXml", "LineNumber").value())
		}
	}
}

// A test sees what came, as it came.
func TestRequestsAreSeen(t *testing.T) {
	c := newClient(t, start(t, Options{}))
	var ops, bodies []string
	c.s.Requests(func(op string, body []byte) { ops, bodies = append(ops, op), append(bodies, string(body)) })
	c.zones("")
	c.delete(2)
	c.post("nonsense")
	require.Equal(t, []string{"GetServerTimeZones", "DeleteItem", ""}, ops)
	require.Equal(t, soapOf(asked, zonesRequest), bodies[0])
}
