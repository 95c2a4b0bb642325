package ews

import (
	"bytes"
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
		"SOAP that is called a page":   {"text/html", folderList(), 200},
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
		io.WriteString(w, strings.TrimSuffix(scripted("@"), "@</s:Body></s:Envelope>"))
		spaces := []byte(strings.Repeat(" ", 1<<20))
		for range 256 {
			if _, err := w.Write(spaces); err != nil {
				return
			}
		}
	}
	var packed bytes.Buffer // 256 KiB that become 256 MiB
	zip(&packed, bomb)
	for name, tt := range map[string]struct {
		encoding string
		write    func(io.Writer)
		kind     provider.Kind
	}{
		"a bomb":            {"gzip", func(w io.Writer) { w.Write(packed.Bytes()) }, provider.ErrTooLarge},
		"gzip in gzip":      {"gzip, gzip", func(w io.Writer) { zip(w, func(w io.Writer) { w.Write(packed.Bytes()) }) }, provider.ErrProtocol},
		"gzip in one gzip":  {"gzip", func(w io.Writer) { zip(w, func(w io.Writer) { w.Write(packed.Bytes()) }) }, provider.ErrUnavailable},
		"deflate":           {"deflate", func(w io.Writer) { io.WriteString(w, folderList()) }, provider.ErrProtocol},
		"no gzip":           {"gzip", func(w io.Writer) { io.WriteString(w, folderList()) }, provider.ErrProtocol},
		"half of it":        {"gzip", func(w io.Writer) { zip(&half{w, 200}, func(w io.Writer) { io.WriteString(w, folderList()) }) }, provider.ErrUnavailable},
		"damage in between": {"gzip", func(w io.Writer) { zip(&spoiled{w}, func(w io.Writer) { io.WriteString(w, folderList()) }) }, provider.ErrProtocol},
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
		zip(w, func(w io.Writer) { io.WriteString(w, folderList()) })
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
	body := folderList()
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
	for name, begin := range map[string]string{"before it answers": "", "within its answer": scripted("")[:300]} {
		s := newScript(t, func(w http.ResponseWriter, r *http.Request, _ string) {
			if begin != "" {
				io.WriteString(w, begin)
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // an end of the answer could still be read
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
	good := folderList()
	answer := good[strings.Index(good, "<m:GetFolderResponse>"):strings.Index(good, "</s:Body>")]
	one := answer[strings.Index(answer, "<m:GetFolderResponseMessage"):strings.Index(answer, "</m:GetFolderResponseMessage>")] + "</m:GetFolderResponseMessage>"
	for name, body := range map[string]string{
		"a document type":         strings.Replace(good, "<s:Envelope", `<!DOCTYPE s:Envelope [<!ENTITY a "b"><!ENTITY x SYSTEM "file:///etc/passwd">]><s:Envelope`, 1),
		"two bodies":              strings.Replace(good, "</s:Envelope>", "<s:Body>"+answer+"</s:Body></s:Envelope>", 1),
		"two answers":             scripted(answer + answer),
		"no body":                 strings.Replace(strings.Replace(good, "<s:Body>", "<s:Other>", 1), "</s:Body>", "</s:Other>", 1),
		"an empty body":           scripted(""),
		"another answer":          strings.ReplaceAll(good, "GetFolderResponse>", "GetItemResponse>"),
		"the wrong namespace":     strings.Replace(good, "services/2006/messages", "services/2006/types", 1),
		"one message less":        scripted(strings.Replace(answer, one, "", 1)),
		"one message more":        scripted(strings.Replace(answer, one, one+one, 1)),
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
