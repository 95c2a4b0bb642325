package ewstest

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// start starts a server that echoes: Ping answers with how long its text was.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	s := NewServer(o)
	t.Cleanup(s.Close)
	s.table["Ping"] = func(q *request, w *soap.Writer) error {
		w.Elem("m:Echo", q.body.value(), "Acting", q.acting, "Caller", q.caller, "Version", q.version)
		return nil
	}
	return s
}

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

const version = `<t:RequestServerVersion Version="Exchange2013_SP1"/>`

func (c *client) post(body string) (status int, answer string, header http.Header) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.s.URL(), strings.NewReader(body))
	require.NoError(c.t, err)
	r.Header = c.header.Clone()
	answered, err := c.http.Do(r)
	require.NoError(c.t, err)
	defer answered.Body.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, answered.Body)
	require.NoError(c.t, err)
	return answered.StatusCode, b.String(), answered.Header
}

func (c *client) ping(header string) (status int, answer string) {
	c.t.Helper()
	status, answer, _ = c.post(soapOf(version+header, "<m:Ping>x</m:Ping>"))
	return status, answer
}

func TestZeroOptions(t *testing.T) {
	for _, plain := range []bool{false, true} {
		c := newClient(t, start(t, Options{Plain: plain}))
		status, answer := c.ping("")
		require.Equal(t, 200, status)
		require.Contains(t, answer, `<h:ServerVersionInfo MajorVersion="15" MinorVersion="1" `)
		require.Contains(t, answer, `Acting="user@example.com" Caller="user@example.com" Version="Exchange2013_SP1">x</m:Echo></m:PingResponse>`)
		c.signIn("user@example.com", "wrong")
		status, _ = c.ping("")
		require.Equal(t, 401, status)
		counts := c.s.Counts()
		require.Equal(t, Counts{Requests: map[string]int64{"Ping": 1}, All: 2, Connections: 1, SignIns: 1, Refused: 1}, counts)
	}
}
