package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

const proxyPassword = "canary-Zx9!q7"

// startProxy starts a proxy that leads everything to address, and returns a policy
// that goes through it.
func startProxy(t *testing.T, scheme, address string, o proxytest.Options) (*proxytest.Server, profile.Policy) {
	t.Helper()
	if o.Lead == nil {
		o.Lead = func(string) (string, int) { return address, 0 }
	}
	p := proxytest.New(o)
	t.Cleanup(p.Close)
	policy := profile.Policy{Proxy: profile.Proxy{URL: scheme + "://" + p.Addr}}
	if o.Username != "" {
		policy.Proxy.Username, policy.Proxy.Password = o.Username, secret.New(o.Password)
	}
	return p, policy
}

func TestProxyCarriesAConnection(t *testing.T) {
	root := newAuthority(t)
	// The server speaks in the same breath as the proxy, which must not swallow it.
	address := listen(t, func(c net.Conn) { io.WriteString(c, "220 hi\r\n"); io.Copy(c, c) })
	for _, scheme := range []string{"socks5", "http", "https"} {
		for _, user := range []string{"", "anna"} {
			t.Run(scheme+" "+user, func(t *testing.T) {
				o := proxytest.Options{Username: user}
				if user != "" {
					o.Password = proxyPassword
				}
				if scheme == "https" {
					o.TLS = &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}}
				}
				p, policy := startProxy(t, scheme, address, o)
				d := DialOptions{Op: "test", Address: "mail.example:143", TLS: profile.StartTLS, Policy: policy, TLSConfig: &tls.Config{RootCAs: root.pool()}}
				ctx, told := follow(t.Context())
				c, err := dial(ctx, d, to("192.0.3.1"))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				told.want(t, nil, provider.StageDNS, provider.StageTCP)
				if e := told.evidence[provider.StageTCP]; e.Text != throughProxy || fmt.Sprint(e.Addresses) != "[192.0.3.1:143]" {
					t.Errorf("evidence = %+v", e)
				}
				if got := p.Targets(); len(got) != 1 || got[0] != "192.0.3.1:143" {
					t.Errorf("the proxy was asked for %v, want the checked address", got)
				}
				end := c.During(t.Context())
				line := make([]byte, 8)
				if _, err := io.ReadFull(c, line); err != nil || string(line) != "220 hi\r\n" {
					t.Fatalf("greeting = %q, %v", line, err)
				}
				if err := c.Silent(); err != nil {
					t.Errorf("Silent() = %v", err)
				}
				io.WriteString(c, "x")
				for err = nil; err == nil; err = c.Silent() { // until the echo is there
				}
				if err != ErrEarly {
					t.Errorf("Silent() = %v, want ErrEarly", err)
				}
				end(nil)
			})
		}
	}
}

// X1 holds behind a proxy: it is the server's certificate that counts, and nothing
// goes through before TLS.
func TestX1TLSThroughAProxy(t *testing.T) {
	root, stranger := newAuthority(t), newAuthority(t)
	good, _ := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}})
	bad, received := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{stranger.issue(t, nil, nil)}})
	for address, kind := range map[string]provider.Kind{good: "", bad: provider.ErrUnsafe} {
		_, policy := startProxy(t, "socks5", address, proxytest.Options{})
		o := DialOptions{Op: "test", Address: "localhost.example:993", Policy: policy, TLSConfig: &tls.Config{RootCAs: root.pool()}}
		o.Address, o.Policy.AllowNetworks = "localhost:993", loopback.AllowNetworks
		c, err := dial(t.Context(), o, to("127.0.0.1"))
		wantKind(t, err, kind)
		if err == nil {
			c.Close()
		} else if e := err.(*provider.Error); e.Code != codeTLS || strings.Contains(err.Error(), "proxy") {
			t.Errorf("error = %v, %q: it is the server's", err, e.Code)
		}
	}
	if received.Load() != 0 {
		t.Errorf("a server with a bad certificate got %d bytes", received.Load())
	}
	_, policy := startProxy(t, "http", good, proxytest.Options{})
	_, err := dial(t.Context(), DialOptions{Op: "test", Address: "mail.example:143", TLS: profile.Plaintext, Policy: policy}, to("192.0.3.1"))
	wantKind(t, err, provider.ErrUnsafe)
}

// A proxy does not undo the policy.
func TestSSRF03AddressesAreCheckedBeforeTheProxy(t *testing.T) {
	p, policy := startProxy(t, "socks5", listen(t, stall), proxytest.Options{})
	for _, tt := range []struct {
		address string
		look    Lookup
	}{
		{"127.0.0.1:143", nil}, {"[::ffff:169.254.169.254]:143", nil},
		{"mail.example:143", to("10.0.0.1")}, {"mail.example:143", to("127.0.0.1")},
		{"mail.example:22", to("192.0.3.1")}, {"0x7f.1:143", to("192.0.3.1")},
	} {
		_, err := dial(t.Context(), DialOptions{Op: "test", Address: tt.address, Policy: policy}, tt.look)
		wantKind(t, err, provider.ErrUnsafe)
	}
	if got := p.Targets(); len(got) != 0 {
		t.Errorf("the proxy was asked for %v", got)
	}
}

func TestProxyResolves(t *testing.T) {
	p, policy := startProxy(t, "socks5", listen(t, stall), proxytest.Options{})
	policy.Proxy.Resolves = true
	never := func(context.Context, string, string) ([]netip.Addr, error) {
		t.Error("the name was looked up here")
		return nil, errors.New("no")
	}
	for address, good := range map[string]bool{
		"mail.example:143": true, "mail.example.:143": true, "192.0.3.1:143": true, "[2a00:1450:4001::1]:143": true,
		"mail.example:22": false, "localhost:143": false, "kubernetes.default.svc:443": false, "0x7f.1:143": false, "127.0.0.1:143": false,
		"a b:143": false, strings.Repeat("a.", 200) + "example:143": false,
	} {
		c, err := dial(t.Context(), DialOptions{Op: "test", Address: address, TLS: profile.StartTLS, Policy: policy}, never)
		if good {
			if err != nil {
				t.Errorf("%s: %v", address, err)
				continue
			}
			c.Close()
			continue
		}
		wantKind(t, err, provider.ErrUnsafe)
	}
	for _, target := range p.Targets() {
		if target != "mail.example:143" && target != "192.0.3.1:143" && target != "[2a00:1450:4001::1]:143" {
			t.Errorf("the proxy was asked for %s", target)
		}
	}
}

// What a proxy does wrong is told apart from what a server does, is never a failed
// sign-in, and shows no password.
func TestProxyErrorsInWords(t *testing.T) {
	answers := func(answer int) proxytest.Options {
		return proxytest.Options{Username: "anna", Password: proxyPassword, Lead: func(string) (string, int) { return "", answer }}
	}
	says := func(text string) string {
		return listen(t, func(c net.Conn) { c.Read(make([]byte, 1000)); io.WriteString(c, text) })
	}
	for _, tt := range []struct {
		name, scheme, at string // at is where something else than a proxy answers
		o                proxytest.Options
		wrong            bool // the password
		code, words      string
	}{
		{name: "password", scheme: "socks5", o: answers(0), wrong: true, code: codeProxy, words: "user name and password"},
		{name: "password", scheme: "http", o: answers(0), wrong: true, code: codeProxy, words: "user name and password"},
		{name: "ruleset", scheme: "socks5", o: answers(2), code: codeProxy, words: "does not let us"},
		{name: "network", scheme: "socks5", o: answers(3), code: codeConnect, words: "no way"},
		{name: "refused", scheme: "socks5", o: answers(5), code: codeConnect, words: "nothing listens"},
		{name: "time", scheme: "socks5", o: answers(6), code: codeTime, words: "in time"},
		{name: "command", scheme: "socks5", o: answers(7), code: codeProxy, words: "as it is asked"},
		{name: "failure", scheme: "socks5", o: answers(1), code: codeProxy, words: "failed"},
		{name: "403", scheme: "http", o: answers(403), code: codeProxy, words: "does not let us"},
		{name: "502", scheme: "http", o: answers(502), code: codeConnect, words: "cannot reach"},
		{name: "504", scheme: "http", o: answers(504), code: codeTime, words: "in time"},
		{name: "418", scheme: "http", o: answers(418), code: codeProxy, words: "418"},
		{name: "nobody", scheme: "http", at: "127.0.0.1:1", code: codeProxy, words: "nothing listens there"},
		{name: "hangs up", scheme: "http", at: says(""), code: codeProxy, words: "closed"},
		{name: "no proxy", scheme: "socks5", at: says("HTTP/1.1 400 Bad Request\r\n\r\n"), code: codeProxy, words: "no SOCKS5"},
		{name: "no proxy", scheme: "http", at: says("* OK IMAP4rev1\r\n"), code: codeProxy, words: "no HTTP"},
		{name: "endless", scheme: "http", at: says("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 10_000)), code: codeProxy, words: "no HTTP"},
		{name: "no TLS", scheme: "https", at: says("HTTP/1.1 400 x\r\n\r\n"), code: codeProxy, words: "does not speak TLS"},
		{name: "silent", scheme: "socks5", at: listen(t, stall), code: codeProxy, words: "in time"},
	} {
		t.Run(tt.scheme+" "+tt.name, func(t *testing.T) {
			var policy profile.Policy
			if tt.at == "" {
				_, policy = startProxy(t, tt.scheme, "", tt.o)
			} else {
				policy.Proxy = profile.Proxy{URL: tt.scheme + "://" + tt.at, Username: "anna", Password: secret.New(proxyPassword)}
			}
			if tt.wrong {
				policy.Proxy.Password = secret.New(proxyPassword + "?")
			}
			o := DialOptions{Op: "test", Address: "mail.example:143", TLS: profile.StartTLS, Policy: policy}
			if tt.name == "silent" {
				o.Limits.Dial = 300 * time.Millisecond
			}
			ctx, told := follow(t.Context())
			_, err := dial(ctx, o, to("192.0.3.1"))
			told.want(t, err, provider.StageDNS, provider.StageTCP)
			var e *provider.Error
			if !errors.As(err, &e) || e.Kind != provider.ErrUnavailable || e.Code != tt.code || e.Remedy == "" {
				t.Fatalf("error = %#v (%v)", err, err)
			}
			if !strings.Contains(err.Error(), "proxy") || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("words = %q, want %q in them", err, tt.words)
			}
			all := fmt.Sprintf("%v %+v %#v %v %s", err, told.evidence, e, errors.Unwrap(e.Err), e.Remedy)
			if policy.Proxy.Password.In(all) {
				t.Errorf("the password is shown: %s", all)
			}
		})
	}
}

func TestP3ContextEndsAProxy(t *testing.T) {
	at := listen(t, stall)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	policy := profile.Policy{Proxy: profile.Proxy{URL: "socks5://" + at}}
	_, err := dial(ctx, DialOptions{Op: "test", Address: "mail.example:143", Policy: policy}, to("192.0.3.1"))
	if err != context.Canceled {
		t.Errorf("error = %v, want the context's", err)
	}
}

func TestAWrongProxyIsRefused(t *testing.T) {
	policy := profile.Policy{Proxy: profile.Proxy{URL: "http://u:" + proxyPassword + "@proxy.example:80"}}
	_, err := dial(t.Context(), DialOptions{Op: "test", Address: "mail.example:143", Policy: policy}, to("192.0.3.1"))
	wantKind(t, err, provider.ErrUnsafe)
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the password is shown: %v", err)
	}
}

// The environment names no proxy.
func TestSSRF10Environment(t *testing.T) {
	p := proxytest.New(proxytest.Options{})
	defer p.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SOCKS_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://"+p.Addr)
	}
	root := newAuthority(t)
	address, _ := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}})
	o := options(address)
	o.TLS, o.TLSConfig = profile.ImplicitTLS, &tls.Config{RootCAs: root.pool()}
	mustDial(t, o)
	if got := p.Targets(); len(got) != 0 {
		t.Errorf("the environment's proxy was asked for %v", got)
	}
}
