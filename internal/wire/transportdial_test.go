package wire

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-serversync/serversync/provider"
)

// Connect tells the stages, and the first request goes over its connection, with HTTP/2 and
// without. One that nobody uses is closed with the others.
func TestTransportConnect(t *testing.T) {
	for _, http1 := range []bool{false, true} {
		var from atomic.Value // where the request came from
		s, tr := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			from.Store(r.RemoteAddr)
			io.WriteString(w, r.Proto)
		}, func(o *HTTPOptions) { o.HTTP1 = http1 })
		at, err := url.Parse(strings.Replace(s.URL, "127.0.0.1", "localhost", 1))
		if err != nil {
			t.Fatal(err)
		}
		var stages []provider.Stage
		ctx := provider.WithTrace(t.Context(), &provider.Trace{End: func(s provider.Stage, _ provider.Evidence, err error) {
			if err != nil {
				t.Errorf("%s: %v", s, err)
			}
			stages = append(stages, s)
		}})
		if err := tr.Connect(ctx, at); err != nil {
			t.Fatal(err)
		}
		if want := []provider.Stage{provider.StageDNS, provider.StageTCP, provider.StageTLS}; !slices.Equal(stages, want) {
			t.Errorf("stages %v, want %v", stages, want)
		}
		local := tr.ready.spare.LocalAddr().String()
		answer, err := get(t, tr, at.String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := tr.ReadBody(answer, 100)
		if want := map[bool]string{false: "HTTP/2.0", true: "HTTP/1.1"}[http1]; err != nil || string(body) != want || from.Load() != local {
			t.Errorf("body = %q, %v, want %q; from %v, want %s", body, err, want, from.Load(), local)
		}
		if err := tr.Connect(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		tr.CloseIdleConnections()
		if tr.ready.take(net.JoinHostPort(at.Hostname(), at.Port()), true) != nil {
			t.Error("a connection is left")
		}
	}
}

// X1 and X3 hold ahead of a request as well, and P3.
func TestTransportConnectRefuses(t *testing.T) {
	stranger := newAuthority(t)
	s, tr := serveHTTP(t, nil, func(o *HTTPOptions) { o.TLSConfig = &tls.Config{RootCAs: stranger.pool()} })
	for _, location := range []string{s.URL, "http" + strings.TrimPrefix(s.URL, "https"), "https://169.254.169.254/", "https://u:canary@127.0.0.1/"} {
		at, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		ctx := provider.WithTrace(t.Context(), &provider.Trace{End: func(_ provider.Stage, _ provider.Evidence, err error) {
			if err != nil {
				failed++
			}
		}})
		err = tr.Connect(ctx, at)
		wantKind(t, err, provider.ErrUnsafe)
		if failed != 1 || strings.Contains(err.Error(), "canary") {
			t.Errorf("%d stages failed with %v", failed, err)
		}
	}
	at, _ := url.Parse(s.URL)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tr.Connect(ctx, at); err != context.Canceled {
		t.Errorf("error = %v", err)
	}
}
