package ews

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// HTTP-09: what is not the service is told as such, by its type and by its first bytes.
func TestHTTP09NotTheService(t *testing.T) {
	login := "<!DOCTYPE html><html><body><form action=logon><input name=password></form></body></html>"
	for name, tt := range map[string]struct {
		contentType, body string
		status            int
	}{
		"a page":                       {"text/html; charset=utf-8", login, 200},
		"a page that is called XML":    {"text/xml", "\r\n\ufeff " + login, 200},
		"a page without a doctype":     {"text/xml", "<HTML><head/></HTML>", 200},
		"XHTML":                        {"text/xml", `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>`, 200},
		"JSON":                         {"application/json", `{"error":"x"}`, 200},
		"JSON that is called XML":      {"text/xml", `{"error":"x"}`, 200},
		"nothing":                      {"text/xml", "", 200},
		"SOAP that is called a page":   {"text/html", folders(), 200},
		"another XML":                  {"text/xml", `<Autodiscover/>`, 200},
		"SOAP of another version":      {"text/xml", `<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"/>`, 200},
		"a page, where nothing stands": {"text/html", login, 502},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			e := s.fails(t, provider.ErrUnavailable)
			if tt.status == 200 {
				require.ErrorIs(t, e, errNoService)
				require.NotEmpty(t, e.Remedy)
			}
		})
	}
}

// HTTP-01 to HTTP-04: no redirect is followed, whatever it leads to.
func TestHTTP01RedirectsAreNotFollowed(t *testing.T) {
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	for _, to := range []string{other.URL, "http://169.254.169.254/latest?x=canary", "/EWS/Exchange.asmx", "https://user:" + word + "@other.example.test/", "::", ""} {
		for _, status := range []int{301, 302, 307, 308} {
			s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			})
			e := s.fails(t, provider.ErrUnsafe, application(new(tokens)))
			require.NotContains(t, e.Error(), "canary")
			require.Len(t, s.all(), 1)
			e = s.fails(t, provider.ErrUnavailable, autodiscovering) // which is asked again
			require.Equal(t, fmt.Sprint("HTTP ", status), e.Code)
		}
	}
	require.Zero(t, elsewhere)
}

// HTTP-06: what is packed is unpacked within bounds, and no other way.
func TestHTTP06Packed(t *testing.T) {
	zip := func(w io.Writer, f func(io.Writer)) {
		z := gzip.NewWriter(w)
		f(z)
		z.Close()
	}
	bomb := func(w io.Writer) {
		io.WriteString(w, strings.TrimSuffix(soapOf("@"), "@</s:Body></s:Envelope>"))
		spaces := []byte(strings.Repeat(" ", 1<<20))
		for range 256 {
			w.Write(spaces)
		}
	}
	for name, tt := range map[string]struct {
		encoding string
		write    func(io.Writer)
		kind     provider.Kind
	}{
		"a bomb":            {"gzip", func(w io.Writer) { zip(w, bomb) }, provider.ErrTooLarge},
		"gzip in gzip":      {"gzip, gzip", func(w io.Writer) { zip(w, func(w io.Writer) { zip(w, bomb) }) }, provider.ErrProtocol},
		"gzip in one gzip":  {"gzip", func(w io.Writer) { zip(w, func(w io.Writer) { zip(w, bomb) }) }, provider.ErrUnavailable},
		"deflate":           {"deflate", func(w io.Writer) { io.WriteString(w, folders()) }, provider.ErrProtocol},
		"no gzip":           {"gzip", func(w io.Writer) { io.WriteString(w, folders()) }, provider.ErrProtocol},
		"half of it":        {"gzip", func(w io.Writer) { zip(&half{w, 200}, func(w io.Writer) { io.WriteString(w, folders()) }) }, provider.ErrUnavailable},
		"damage in between": {"gzip", func(w io.Writer) { zip(&spoiled{w}, func(w io.Writer) { io.WriteString(w, folders()) }) }, provider.ErrProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
				w.Header().Set("Content-Type", "text/xml")
				w.Header().Set("Content-Encoding", tt.encoding)
				tt.write(w)
			})
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			s.fails(t, tt.kind)
			runtime.GC()
			runtime.ReadMemStats(&after)
			require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(16<<20))
		})
	}
	s := newScript(t, func(w http.ResponseWriter, r *http.Request, _ string) {
		require.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "text/xml")
		zip(w, func(w io.Writer) { io.WriteString(w, folders()) })
	})
	_, err := s.openWith(t, s.driver(), s.account())
	require.NoError(t, err)
}

// half lets so many bytes through, and spoiled changes some in the middle.
type half struct {
	w    io.Writer
	left int
}

func (h *half) Write(p []byte) (int, error) {
	n := min(len(p), h.left)
	h.left -= n
	h.w.Write(p[:n])
	return len(p), nil
}

type spoiled struct{ w io.Writer }

func (s *spoiled) Write(p []byte) (int, error) {
	if len(p) > 64 {
		p = append([]byte(nil), p...)
		for i := 40; i < 60; i++ {
			p[i] ^= 0xff
		}
	}
	return s.w.Write(p)
}

// raw answers a signed-in request with bytes of HTTP as they are.
func raw(t *testing.T, text string) *script {
	return newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			io.WriteString(conn, text)
			conn.Close()
		}
	})
}

// HTTP-07, HTTP-08, HTTP-10 and EWS-04: what is no proper HTTP, or ends before its end.
func TestHTTP07Framing(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
	body := folders()
	for name, tt := range map[string]struct {
		text  string
		kinds []provider.Kind
	}{
		"a header of 10 MB":        {ok + "X: " + strings.Repeat("x", 10<<20) + "\r\n\r\n", []provider.Kind{provider.ErrTooLarge}},
		"100,000 header fields":    {ok + strings.Repeat("X: y\r\n", 100_000) + "\r\n", []provider.Kind{provider.ErrTooLarge}},
		"a header with NUL":        {ok + "X: \x00\r\nContent-Length: 0\r\n\r\n", []provider.Kind{provider.ErrUnavailable, provider.ErrProtocol}},
		"two lengths":              {ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n<>", []provider.Kind{provider.ErrUnavailable, provider.ErrProtocol}},
		"a negative length":        {ok + "Content-Length: -1\r\n\r\n", []provider.Kind{provider.ErrUnavailable, provider.ErrProtocol}},
		"a chunk without end":      {ok + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n" + body[:200], []provider.Kind{provider.ErrUnavailable, provider.ErrProtocol}},
		"shorter than it says":     {ok + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body[:len(body)-40], []provider.Kind{provider.ErrUnavailable}},
		"cut in half, as a whole":  {ok + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)/2) + body[:len(body)/2], []provider.Kind{provider.ErrUnavailable}},
		"information without end":  {strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 100_000), []provider.Kind{provider.ErrUnavailable, provider.ErrTooLarge}},
		"nothing but a connection": {"", []provider.Kind{provider.ErrUnavailable}},
	} {
		t.Run(name, func(t *testing.T) {
			s := raw(t, tt.text)
			_, err := s.openWith(t, s.driver(), s.account())
			require.Contains(t, tt.kinds, provider.KindOf(err), "%v", err)
		})
	}
}

// HTTP-11 and P9: a server that does not go on is given up after Limits.Command.
func TestHTTP11Stalls(t *testing.T) {
	for name, begin := range map[string]string{"before it answers": "", "within its answer": soapOf("")[:300]} {
		s := newScript(t, func(w http.ResponseWriter, r *http.Request, _ string) {
			if begin != "" {
				io.WriteString(w, begin)
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		d := s.driver()
		d.Limits.Command = 200 * time.Millisecond
		_, err := s.openWith(t, d, s.account())
		require.Equal(t, provider.ErrUnavailable, provider.KindOf(err), "%s: %v", name, err)
		mine := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(mine) })
		_, err = s.driver().Open(ctx, s.account())
		require.Equal(t, mine, err, "P3: %v", err)
	}
}

// EWS-01, EWS-03 and EWS-12: what is SOAP and yet no answer is ErrProtocol.
func TestEWS03NoAnswer(t *testing.T) {
	good := folders()
	answer := good[strings.Index(good, "<m:GetFolderResponse>"):strings.Index(good, "</s:Body>")]
	one := answer[strings.Index(answer, "<m:GetFolderResponseMessage"):strings.Index(answer, "</m:GetFolderResponseMessage>")] + "</m:GetFolderResponseMessage>"
	for name, body := range map[string]string{
		"a document type":         strings.Replace(good, "<s:Envelope", `<!DOCTYPE s:Envelope [<!ENTITY a "b"><!ENTITY x SYSTEM "file:///etc/passwd">]><s:Envelope`, 1),
		"two bodies":              strings.Replace(good, "</s:Envelope>", "<s:Body>"+answer+"</s:Body></s:Envelope>", 1),
		"two answers":             soapOf(answer + answer),
		"no body":                 strings.Replace(strings.Replace(good, "<s:Body>", "<s:Other>", 1), "</s:Body>", "</s:Other>", 1),
		"an empty body":           soapOf(""),
		"another answer":          strings.ReplaceAll(good, "GetFolderResponse>", "GetItemResponse>"),
		"the wrong namespace":     strings.Replace(good, "services/2006/messages", "services/2006/types", 1),
		"one message less":        soapOf(strings.Replace(answer, one, "", 1)),
		"one message more":        soapOf(strings.Replace(answer, one, one+one, 1)),
		"content that is not in":  strings.Replace(good, `<t:Folder>`, `<t:Folder><x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="http://inner.example.test/"/>`, 1),
		"an end without its name": strings.Replace(good, "</t:Folder>", "</t:File>", 1),
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, good, body)
			s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) { give(w, 200, body) })
			s.fails(t, provider.ErrProtocol)
		})
	}
	s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Content-Type", `multipart/related; type="application/xop+xml"; boundary=x`)
		io.WriteString(w, "--x\r\nContent-Type: application/xop+xml\r\n\r\n"+good+"\r\n--x--\r\n")
	})
	require.ErrorIs(t, s.fails(t, provider.ErrProtocol), errParts)
}

// What a request says in its header, HTTP's and SOAP's.
func TestRequestHeaders(t *testing.T) {
	s := newScript(t, well)
	d := s.driver()
	d.UserAgent = "CRM/1.0"
	_, err := s.openWith(t, d, s.account(service, impersonating, mailboxOf("bob")))
	require.NoError(t, err)
	got := s.last()
	for name, want := range map[string]string{
		"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml", "User-Agent": "CRM/1.0", "X-Anchormailbox": "bob@example.test",
		"Return-Client-Request-Id": "true", "Accept-Encoding": "gzip",
	} {
		require.Equal(t, want, got.header.Get(name), name)
	}
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, got.header.Get("Client-Request-Id"))
	require.Contains(t, got.body, `<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/><t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>bob@example.test</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation><t:TimeZoneContext><t:TimeZoneDefinition Id="UTC"/></t:TimeZoneContext></s:Header>`)
	require.NotContains(t, got.body, "t:Mailbox")

	_, err = s.openWith(t, d, s.account(service, mailboxOf("bob")))
	require.NoError(t, err)
	got = s.last()
	require.NotContains(t, got.body, "Impersonation")
	require.Contains(t, got.body, `<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`)
	require.Equal(t, "bob@example.test", got.header.Get("X-Anchormailbox"))

	_, err = s.openWith(t, d, s.account()) // its own mailbox
	require.NoError(t, err)
	require.NotContains(t, s.last().body, "t:Mailbox")
	require.NotContains(t, s.last().body, "Impersonation")

	_, err = s.openWith(t, d, s.account(application(new(tokens))))
	require.NoError(t, err)
	require.Contains(t, s.last().body, "<t:PrimarySmtpAddress>anna@example.test<", "an application has no mailbox of its own")

	_, err = s.openWith(t, d, s.account(func(a *provider.Account) { a.Mailbox.Address = "anna@example.test\r\nX-Evil: 1" }))
	require.Equal(t, provider.ErrUnsafe, provider.KindOf(err))
}

// The side that the account was opened for says whether it is a delegate's, not the incoming one.
func TestDelegationIsOfTheSide(t *testing.T) {
	s := newScript(t, well)
	a := s.account(service, func(a *provider.Account) {
		a.Profile.OwnOutgoing = true
		a.Profile.Incoming = profile.Endpoint{URL: a.Endpoint.URL, Impersonate: true, Credentials: profile.FromProfile}
		a.Profile.Outgoing = a.Endpoint
	})
	_, err := s.openWith(t, s.driver(), a)
	require.NoError(t, err)
	require.Contains(t, s.last().body, "<t:Mailbox>")
}

// Cookies are the mailbox's and the host's, and bounded.
func TestCookies(t *testing.T) {
	n := 0
	s := newScript(t, func(w http.ResponseWriter, r *http.Request, op string) {
		n++
		switch n {
		case 1:
			http.SetCookie(w, &http.Cookie{Name: "X-BackEndCookie", Value: "one", Secure: true, HttpOnly: true, Path: "/EWS"})
			http.SetCookie(w, &http.Cookie{Name: "strange", Value: "x", Domain: "example.org"})
			http.SetCookie(w, &http.Cookie{Name: "large", Value: strings.Repeat("x", 5000)})
			for i := range 30 {
				http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("n", i), Value: "v"})
			}
		case 2:
			http.SetCookie(w, &http.Cookie{Name: "X-BackEndCookie", Value: "two"})
			for i := range 30 {
				http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("n", i), MaxAge: -1})
			}
		}
		well(w, r, op)
	})
	d := s.driver()
	anna, err := s.openWith(t, d, s.account(service, impersonating))
	require.NoError(t, err)
	require.Empty(t, s.last().header.Get("Cookie"))
	require.NoError(t, anna.Check(t.Context()))
	cookie := s.last().header.Get("Cookie")
	require.Contains(t, cookie, "X-BackEndCookie=one")
	require.NotContains(t, cookie, "strange")
	require.NotContains(t, cookie, "large")
	require.Equal(t, maxCookies, strings.Count(cookie, "="))
	_, err = s.openWith(t, d, s.account(service, impersonating, mailboxOf("bob")))
	require.NoError(t, err)
	require.Empty(t, s.last().header.Get("Cookie"), "another mailbox's")
	require.NoError(t, anna.Check(t.Context()))
	require.Equal(t, "X-BackEndCookie=two", s.last().header.Get("Cookie"))
	other := *anna.client
	other.account.Mailbox.Key.Mailbox = "bob"
	require.NoError(t, other.do(t.Context(), ping))
	require.Empty(t, s.last().header.Get("Cookie"), "a client that acts for another mailbox")
}

// ping asks for nothing that is looked at.
var ping = call{op: "GetFolder", write: func(w *soap.Writer) { w.Start("m:GetFolder"); w.End() }, read: func(r *soap.Reader, e soap.Element) error { r.Skip(e); return nil }}

// An error names the request as an administrator finds it in Exchange's logs.
func TestErrorsNameTheRequest(t *testing.T) {
	s := newScript(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
		give(w, 500, faultOf("ErrorInternalServerError", ""))
	})
	e := s.fails(t, provider.ErrUnavailable)
	require.Contains(t, e.Error(), "request-id request-1")
	require.Contains(t, e.Error(), "x-feserver FRONT1")
	require.Contains(t, e.Error(), "client-request-id "+s.last().header.Get("Client-Request-Id"))
	require.Equal(t, "ews: GetFolder", e.Op)
	require.Equal(t, "ErrorInternalServerError", e.Code)
}

// P5 and P7 of connections: the sessions of one identity have a few between them, and none is left.
func TestP5SharedConnections(t *testing.T) {
	s := newScript(t, well)
	d := s.driver()
	var all []provider.Provider
	for i := range 100 {
		p, err := d.Open(t.Context(), s.account(service, impersonating, mailboxOf(fmt.Sprint("m", i))))
		require.NoError(t, err)
		all = append(all, p)
	}
	require.Equal(t, 1, s.conns, "a hundred mailboxes, one after the other")
	require.Equal(t, 1, s.asked, "the server was asked once what it offers")
	p, err := d.Open(t.Context(), s.account(service, impersonating, func(a *provider.Account) { a.Endpoint.Username = "another" }))
	require.NoError(t, err)
	require.Equal(t, 2, s.conns, "another identity has its own")
	require.NoError(t, p.Close())
	for _, p := range all {
		require.NoError(t, p.Close())
		require.NoError(t, p.Close(), "P4")
	}
	_, err = s.openWith(t, d, s.account(service, impersonating))
	require.NoError(t, err)
	require.Equal(t, 3, s.conns, "the last one to leave has closed it")
}
