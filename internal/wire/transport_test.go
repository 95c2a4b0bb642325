package wire

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// serveHTTP starts a server with a good certificate, and returns a transport that
// trusts it, after change.
func serveHTTP(t *testing.T, h http.HandlerFunc, change func(*HTTPOptions)) (*httptest.Server, *Transport) {
	t.Helper()
	root := newAuthority(t)
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}}
	s.StartTLS()
	t.Cleanup(s.Close)
	o := HTTPOptions{Op: "test", Policy: cloudLoopback, TLSConfig: &tls.Config{RootCAs: root.pool()}}
	if change != nil {
		change(&o)
	}
	tr, err := NewTransport(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return s, tr
}

func get(t *testing.T, tr *Transport, url string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tr.Do(r)
}

func TestTransport(t *testing.T) {
	for _, http1 := range []bool{false, true} {
		s, tr := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }, func(o *HTTPOptions) { o.HTTP1 = http1 })
		answer, err := get(t, tr, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := tr.ReadBody(answer, 100)
		if want := map[bool]string{false: "HTTP/2.0", true: "HTTP/1.1"}[http1]; err != nil || string(body) != want {
			t.Errorf("body = %q, %v, want %q", body, err, want)
		}
		if answer.TLS == nil || answer.TLS.Version < tls.VersionTLS12 {
			t.Error("no TLS 1.2")
		}
	}
}

// X3 and SSRF-01: HTTP is dialled under the policy of mail.
func TestSSRF01Transport(t *testing.T) {
	var asked atomic.Int64
	s, tr := serveHTTP(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) }, func(o *HTTPOptions) { o.Policy = profile.Policy{} })
	for _, url := range []string{s.URL, "https://localhost/", "https://169.254.169.254/", "https://8.8.8.8:6379/", "https://[::ffff:127.0.0.1]/"} {
		_, err := get(t, tr, url)
		wantKind(t, err, provider.ErrUnsafe)
	}
	if asked.Load() != 0 {
		t.Error("the server was asked")
	}
}

// X4 and SEC-4: no redirect is followed, and nothing goes without TLS.
func TestX4TransportFollowsNothing(t *testing.T) {
	var asked atomic.Int64
	s, tr := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/elsewhere?token=canary", http.StatusFound)
	}, nil)
	_, err := get(t, tr, s.URL)
	wantKind(t, err, provider.ErrUnsafe)
	if e := new(provider.Error); !errors.As(err, &e) || e.Code != "HTTP 302" {
		t.Errorf("the code of %v is not HTTP's", err)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the redirect's query is shown: %v", err)
	}
	answer, err := tr.Client().Get(s.URL)
	if err != nil || answer.StatusCode != http.StatusFound {
		t.Fatalf("the client got %v, %v", answer, err)
	}
	answer.Body.Close()
	if asked.Load() != 2 {
		t.Errorf("the server was asked %d times", asked.Load())
	}
	for _, url := range []string{"http" + strings.TrimPrefix(s.URL, "https"), "https://u:canary@" + strings.TrimPrefix(s.URL, "https://"), "ftp://127.0.0.1/"} {
		_, err := get(t, tr, url)
		wantKind(t, err, provider.ErrUnsafe)
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("the URL is shown: %v", err)
		}
	}
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	_, tr = serveHTTP(t, nil, func(o *HTTPOptions) { o.Policy = loopback })
	answer, err = get(t, tr, plain.URL)
	if err != nil {
		t.Fatalf("a policy that allows plaintext: %v", err)
	}
	answer.Body.Close()
}

// silence says nothing until the client is gone, and nothing then: it could still be read.
func silence(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

func TestTransportErrors(t *testing.T) {
	stranger := newAuthority(t)
	packed := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		z.Write(make([]byte, 10<<20))
		z.Close()
	}
	within := func(limit time.Duration) func(*HTTPOptions) {
		return func(o *HTTPOptions) { o.Limits.Command = limit }
	}
	gone := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		change  func(*HTTPOptions)
		kind    provider.Kind
		words   string
	}{
		{"a long header", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 100_000)) }, func(o *HTTPOptions) { o.HTTP1 = true }, provider.ErrTooLarge, "header"},
		{"a long body", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1001)) }, nil, provider.ErrTooLarge, "1000 bytes"},
		{"a packed body", packed, nil, provider.ErrTooLarge, "1000 bytes"},
		{"no answer", silence, within(200 * time.Millisecond), provider.ErrUnavailable, "in time"},
		{"half an answer", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			silence(w, r)
		}, within(soon), provider.ErrUnavailable, "too slowly"},
		{"hung up", gone, func(o *HTTPOptions) { o.HTTP1 = true }, provider.ErrUnavailable, "closed"},
		{"a stranger's certificate", nil, func(o *HTTPOptions) { o.TLSConfig = &tls.Config{RootCAs: stranger.pool()} }, provider.ErrUnsafe, "vouches"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, tr := serveHTTP(t, tt.handler, tt.change)
			answer, err := get(t, tr, s.URL+"/?token=canary")
			if err == nil {
				if tt.name == "half an answer" { // the other half is waited for
					tr.o.Limits.Command = 200 * time.Millisecond
				}
				_, err = tr.ReadBody(answer, 1000)
			}
			wantKind(t, err, tt.kind)
			if !strings.Contains(err.Error(), tt.words) || strings.Contains(err.Error(), "canary") {
				t.Errorf("words = %q, want %q in them", err, tt.words)
			}
		})
	}
	_, err := NewTransport(HTTPOptions{Op: "test", TLSConfig: &tls.Config{InsecureSkipVerify: true}})
	wantKind(t, err, provider.ErrUnsafe)
}

func TestTransportWeakServers(t *testing.T) {
	root := newAuthority(t)
	for words, config := range map[string]*tls.Config{
		"another name": {Certificates: []tls.Certificate{root.issue(t, nil, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"other.example"}, nil })}},
		"TLS":          {Certificates: []tls.Certificate{root.issue(t, nil, nil)}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
	} {
		address, received := serveTLS(t, config)
		tr, err := NewTransport(HTTPOptions{Op: "test", Policy: cloudLoopback, TLSConfig: &tls.Config{RootCAs: root.pool()}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = get(t, tr, "https://"+address)
		wantKind(t, err, provider.ErrUnsafe)
		if !strings.Contains(err.Error(), words) || received.Load() != 0 {
			t.Errorf("words = %q, %d bytes", err, received.Load())
		}
	}
}

func TestP3ContextEndsARequest(t *testing.T) {
	s, tr := serveHTTP(t, silence, nil)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if _, err := tr.Do(r); err != why {
		t.Errorf("error = %v, want the context's cause", err)
	}
}

// The transport uses the operator's proxy, and no other.
func TestSSRF10TransportEnvironment(t *testing.T) {
	environment := proxytest.New(proxytest.Options{})
	defer environment.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"} {
		t.Setenv(name, "http://"+environment.Addr)
	}
	operators := proxytest.New(proxytest.Options{})
	defer operators.Close()
	for _, proxied := range []bool{false, true} {
		s, tr := serveHTTP(t, func(http.ResponseWriter, *http.Request) {}, func(o *HTTPOptions) {
			if proxied {
				o.Policy.Proxy.URL = "http://" + operators.Addr
			}
		})
		answer, err := get(t, tr, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		tr.CloseIdleConnections()
	}
	if e, o := environment.Targets(), operators.Targets(); len(e) != 0 || len(o) != 1 {
		t.Errorf("asked were the environment's proxy for %v, the operator's for %v", e, o)
	}
}

// P9: an answer that comes in drops is given up when it is slower than the floor, unless it is
// meant to.
func TestP9TransportFloor(t *testing.T) {
	_, tr := serveHTTP(t, nil, nil)
	for _, unhurried := range []bool{false, true} {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		p := &progress{t: tr, of: t.Context(), ctx: ctx, cancel: cancel, body: io.NopCloser(drops{}), unhurried: unhurried,
			window: window{spent: windowSize - time.Millisecond, bytes: 29}}
		n, err := p.Read(make([]byte, 10))
		if n != 1 {
			t.Errorf("%d bytes", n)
		}
		if unhurried && err != nil {
			t.Errorf("unhurried: %v", err)
		}
		if !unhurried {
			wantKind(t, err, provider.ErrUnavailable)
		}
	}
	if Unhurried(t.Context()).Value(unhurriedKey{}) == nil {
		t.Error("a context does not say so")
	}
}

// drops gives one byte now and then.
type drops struct{}

func (drops) Read(p []byte) (int, error) {
	time.Sleep(2 * time.Millisecond)
	p[0] = 'x'
	return 1, nil
}
