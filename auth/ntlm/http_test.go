package ntlm_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/go-ntlmssp"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

var people = map[string]string{"alice": "the password of alice", "bob": "the password of bob"}

// newWeb starts an Apache whose NTLM is gss-ntlmssp's, and which, like Windows, signs
// connections in.
func newWeb(t *testing.T) (address string, base *http.Transport) {
	a := servertest.Apache(t, testserver.ApacheOptions{NTLM: people})
	base = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.CA.CertPool()}}
	t.Cleanup(base.CloseIdleConnections)
	return "https://localhost:" + a.HTTPSAddr[strings.LastIndexByte(a.HTTPSAddr, ':')+1:] + "/", base
}

func transport(t *testing.T, base *http.Transport, user, password string) *ntlm.Transport {
	tr := &ntlm.Transport{Username: `EXAMPLE\` + user, Password: secret.New(password), Base: base, Policy: selfHosted}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// who returns as whom a request is served, and how many bytes of it came.
func who(t *testing.T, rt http.RoundTripper, req *http.Request) (status int, user, length string) {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Error(err)
		return 0, "", ""
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	user = resp.Header.Get("X-User")
	return resp.StatusCode, strings.ToLower(user[strings.LastIndexByte(user, '\\')+1:]), resp.Header.Get("X-Length")
}

func post(t *testing.T, address, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestHTTPSignsIn(t *testing.T) {
	address, base := newWeb(t)
	tr := transport(t, base, "alice", people["alice"])
	large := strings.Repeat("x", 300_000)
	for i, body := range []string{"first", large, ""} {
		status, user, length := who(t, tr, post(t, address, body))
		if want := []string{"5", "300000", "0"}[i]; status != 404 || user != "alice" || length != want {
			t.Errorf("%d, %q, %s bytes, want alice and %s", status, user, length, want)
		}
	}
	// A body that can be had once is sent once.
	req := post(t, address, "")
	req.Body, req.ContentLength, req.GetBody = io.NopCloser(strings.NewReader("only once")), 9, nil
	if status, user, length := who(t, tr, req); status != 404 || user != "alice" || length != "9" {
		t.Errorf("%d, %q, %s bytes", status, user, length)
	}
	wrong := transport(t, base, "alice", "wrong")
	if status, user, _ := who(t, wrong, post(t, address, "x")); status != 401 || user != "" {
		t.Errorf("a wrong password: %d, %q", status, user)
	}
}

// Nobody is served as somebody else, whoever shares a Base and however many requests are
// under way. The control shows what happens on connections that are shared.
func TestHTTPNobodyIsServedAsAnother(t *testing.T) {
	address, base := newWeb(t)
	t.Run("control", func(t *testing.T) {
		shared := base.Clone()
		defer shared.CloseIdleConnections()
		for _, user := range []string{"alice", "bob"} {
			req := post(t, address, "x")
			req.SetBasicAuth(`EXAMPLE\`+user, people[user])
			_, got, _ := who(t, ntlmssp.Negotiator{RoundTripper: shared}, req)
			if got != "alice" { // bob too
				t.Errorf("%s was served as %q: the server does not show what is tested here", user, got)
			}
		}
	})
	var wg sync.WaitGroup
	for user, password := range people {
		tr := transport(t, base, user, password)
		for range 12 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 5 {
					if status, got, length := who(t, tr, post(t, address, "hello")); status != 404 || got != user || length != "5" {
						t.Errorf("%s was served as %q: %d, %s bytes", user, got, status, length)
					}
				}
			}()
		}
	}
	wg.Wait()
}

// A connection that the server has closed is signed in anew, and the request goes out
// with its body.
func TestHTTPSignsInAgain(t *testing.T) {
	a := servertest.Apache(t, testserver.ApacheOptions{NTLM: people})
	base := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.CA.CertPool()}}
	address := "https://localhost:" + a.HTTPSAddr[strings.LastIndexByte(a.HTTPSAddr, ':')+1:] + "/"
	tr := transport(t, base, "alice", people["alice"])
	tr.Conns = 1
	for range 2 {
		if status, user, length := who(t, tr, post(t, address, "hello")); status != 404 || user != "alice" || length != "5" {
			t.Errorf("%d, %q, %s bytes", status, user, length)
		}
		if err := a.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// NTLM-01 over HTTP: whatever the server says, the error is ours, and a body is closed.
func TestNTLM01OverHTTP(t *testing.T) {
	for name, header := range map[string]string{
		"nonsense":    "NTLM !!!",
		"an error":    "NTLM c29tZXRoaW5nIHdlbnQgd3Jvbmc=",
		"half of one": "NTLM TlRMTVNTUAACAAAA",
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("WWW-Authenticate", header)
				w.WriteHeader(http.StatusUnauthorized)
			}))
			defer s.Close()
			tr := transport(t, s.Client().Transport.(*http.Transport), "alice", "x")
			body := &closed{Reader: strings.NewReader("x")}
			req := post(t, s.URL, "")
			req.Body = body
			_, err := tr.RoundTrip(req)
			is(t, err, provider.ErrProtocol)
			if !body.yes {
				t.Error("the body is open")
			}
		})
	}
}

type closed struct {
	io.Reader
	yes bool
}

func (c *closed) Close() error { c.yes = true; return nil }

// What a server without NTLM says is the response.
func TestHTTPWithoutNTLM(t *testing.T) {
	var got []string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = append(got, string(b))
		if r.URL.Path == "/basic" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer s.Close()
	tr := transport(t, s.Client().Transport.(*http.Transport), "alice", "x")
	if status, _, _ := who(t, tr, post(t, s.URL+"/basic", "secret")); status != 401 || strings.Join(got, "") != "" {
		t.Errorf("%d, and the server got %q", status, got)
	}
	if status, _, _ := who(t, tr, post(t, s.URL+"/open", "body")); status != 200 || got[len(got)-1] != "body" {
		t.Errorf("%d, and the server got %q", status, got)
	}
}

// Nothing is sent where it must not be.
func TestHTTPRefuses(t *testing.T) {
	var requests int
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "https://other.example.test/", http.StatusFound)
	}))
	defer s.Close()
	tr := transport(t, nil, "alice", "x")
	_, err := tr.RoundTrip(post(t, s.URL, "x"))
	is(t, err, provider.ErrUnsafe)
	tr.Policy.FIPS = true
	_, err = tr.RoundTrip(post(t, s.URL, "x"))
	is(t, err, provider.ErrUnsupported)
	tr.Policy = profile.Policy{}
	_, err = tr.RoundTrip(post(t, s.URL, "x"))
	is(t, err, provider.ErrUnsupported)
	if requests != 0 {
		t.Errorf("%d requests came", requests)
	}
	open := transport(t, nil, "alice", "x")
	open.AllowHTTP = true
	_, err = (&http.Client{Transport: open}).Get(s.URL)
	is(t, err, provider.ErrUnsafe)
}

// P3: who waits for a connection waits no longer than its context.
func TestP3WaitEndsWithItsContext(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }))
	defer s.Close()
	tr := transport(t, s.Client().Transport.(*http.Transport), "alice", "x")
	tr.Conns = 1
	resp, err := tr.RoundTrip(post(t, s.URL, ""))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("enough")
	cancel(mine)
	if _, err := tr.RoundTrip(post(t, s.URL, "").WithContext(ctx)); err != mine {
		t.Errorf("got %v", err)
	}
	resp.Body.Close()
	resp, err = tr.RoundTrip(post(t, s.URL, ""))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}
