package ewstest

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// start starts a server two of whose operations tell what came to them: GetServerTimeZones who
// asks, DeleteItem which ids there were.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	s := NewServer(o)
	t.Cleanup(s.Close)
	s.table["GetServerTimeZones"] = func(q *request, w *soap.Writer) error {
		w.Elem("m:ResponseCode", "NoError")
		w.Empty("m:Echo", "Acting", q.acting, "Caller", q.caller, "Version", q.version)
		return nil
	}
	s.table["DeleteItem"] = func(q *request, w *soap.Writer) error {
		w.Start("m:ResponseMessages")
		for _, n := range q.body.child("ItemIds").children {
			done.Add(1)
			w.Start("m:DeleteItemResponseMessage", "ResponseClass", "Success")
			w.Elem("m:MessageText", "deleted "+n.attr("Id"))
			w.Elem("m:ResponseCode", "NoError")
			w.End()
		}
		w.End()
		return nil
	}
	return s
}

// done is how many items were deleted by all tests so far.
var done atomic.Int64

// A client asks a server with net/http alone.
type client struct {
	t      *testing.T
	s      *Server
	http   *http.Client
	header http.Header
}

func newClient(t *testing.T, s *Server) *client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CertPool()}}
	t.Cleanup(tr.CloseIdleConnections)
	c := &client{t: t, s: s, http: &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}}}
	c.signIn("user@example.com", "secret")
	return c
}

func (c *client) signIn(name, password string) {
	r := http.Request{Header: c.header}
	r.SetBasicAuth(name, password)
}

// soapOf is a message with a header and a body.
func soapOf(header, body string) string {
	return `<s:Envelope xmlns:s="` + soap.Envelope + `" xmlns:m="` + soap.Messages + `" xmlns:t="` + soap.Types + `"><s:Header>` + header + `</s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

const (
	asked        = `<t:RequestServerVersion Version="Exchange2013_SP1"/>`
	zonesRequest = `<m:GetServerTimeZones/>`
)

// An answered request.
type answered struct {
	status int
	body   string
	header http.Header
	err    error // of reading the body
}

// code is the response code of a fault.
func (a answered) code() string { return between(a.body, "ResponseCode", "</") }

// between returns what stands behind an element's tag, up to the next end.
func between(s, element, end string) string {
	_, s, _ = strings.Cut(s, element)
	_, s, _ = strings.Cut(s, ">")
	s, _, _ = strings.Cut(s, end)
	return s
}

func (c *client) do(r *http.Request) answered {
	c.t.Helper()
	for name, values := range c.header {
		if r.Header.Get(name) == "" {
			r.Header[name] = values
		}
	}
	got, err := c.http.Do(r)
	require.NoError(c.t, err)
	defer got.Body.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, got.Body)
	return answered{got.StatusCode, b.String(), got.Header, err}
}

func (c *client) request(method, url, body string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	require.NoError(c.t, err)
	return r
}

func (c *client) post(body string) answered {
	c.t.Helper()
	return c.do(c.request(http.MethodPost, c.s.URL(), body))
}

// zones asks who is asking.
func (c *client) zones(header string) answered {
	c.t.Helper()
	return c.post(soapOf(asked+header, zonesRequest))
}

// delete deletes as many items, whose ids are 1, 2 and so on.
func (c *client) delete(n int) answered {
	c.t.Helper()
	var ids strings.Builder
	for i := range n {
		ids.WriteString(`<t:ItemId Id="` + string(rune('1'+i)) + `"/>`)
	}
	return c.post(soapOf(asked, `<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>`+ids.String()+`</m:ItemIds></m:DeleteItem>`))
}

func TestZeroOptions(t *testing.T) {
	for _, plain := range []bool{false, true} {
		c := newClient(t, start(t, Options{Plain: plain}))
		got := c.zones("")
		require.Equal(t, 200, got.status, got.body)
		require.Equal(t, "text/xml; charset=utf-8", got.header.Get("Content-Type"))
		require.Contains(t, got.body, `<h:ServerVersionInfo MajorVersion="15" MinorVersion="1" `)
		require.Contains(t, got.body, `Acting="user@example.com" Caller="user@example.com" Version="Exchange2013_SP1"/></m:GetServerTimeZonesResponse>`)
		c.signIn("user@example.com", "wrong")
		require.Equal(t, 401, c.zones("").status)
		c.signIn(`EXAMPLE\User`, "secret")
		require.Equal(t, 200, c.zones("").status)
		require.Equal(t, Counts{Requests: map[string]int64{"GetServerTimeZones": 2}, All: 3, Connections: 1, SignIns: 2, Refused: 1}, c.s.Counts())
	}
}
