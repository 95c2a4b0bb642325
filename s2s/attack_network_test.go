package s2s_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// listening is an issuer on loopback, and a Source with a transport of its own.
func listening(t testing.TB, change ...func(*s2s.Source)) (*s2stest.Issuer, *s2s.Source) {
	now := time.Now()
	cert := newCertificate(t, 0, "crm.example", now.Add(-time.Hour), now.Add(24*time.Hour))
	i, err := s2stest.NewIssuer(s2stest.Options{
		Tenants:      []s2stest.Tenant{{ID: contoso, Domains: []string{"contoso.example"}}},
		Applications: []s2stest.Application{{ID: client, Certificates: []*x509.Certificate{cert.Leaf()}, Secrets: []s2stest.Secret{{Value: hostsSecret}}}},
	})
	require.NoError(t, err)
	t.Cleanup(i.Close)
	s := &s2s.Source{
		Certificates: []*certificate.Certificate{cert}, TLSConfig: &tls.Config{RootCAs: i.CertPool()}, Timeout: time.Minute,
		Policy: profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		Cloud:  s2s.Cloud{Authority: i.URL, Resource: outlook, Hosts: s2s.WorldWide().Hosts},
	}
	for _, f := range change {
		f(s)
	}
	t.Cleanup(func() { s.Close() })
	return i, s
}

// TOK-C: a network that is hostile gets nothing that proves us, and holds nobody up.
func TestHostileNetwork(t *testing.T) {
	brief := func(s *s2s.Source) { s.Timeout = 3 * time.Second }
	drip := func(head, piece string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			fmt.Fprint(w, head)
			for {
				if _, err := fmt.Fprint(w, piece); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(time.Millisecond)
			}
		}
	}
	for name, row := range map[string]struct {
		change func(*s2s.Source)
		fault  s2stest.Fault
		kind   provider.Kind
		asked  int  // requests that had a proof in them
		brief  bool // on a slow machine they may not get there in time
	}{
		"a name that is set": {change: func(s *s2s.Source) { s.TLSConfig.ServerName = "evil.example" }, asked: 1}, // it is the URL's that counts
		"another name":       {change: wrongName(t), kind: provider.ErrUnsafe},
		"nothing wrong":      {asked: 1},
		"another authority":  {change: func(s *s2s.Source) { s.TLSConfig = &tls.Config{RootCAs: x509.NewCertPool()} }, kind: provider.ErrUnsafe},
		"another name in URL": {change: func(s *s2s.Source) {
			s.Cloud.Authority = strings.Replace(s.Cloud.Authority, "127.0.0.1", "127.0.0.2", 1)
		}, kind: provider.ErrUnavailable},
		"without TLS":  {change: func(s *s2s.Source) { s.Cloud.Authority = strings.Replace(s.Cloud.Authority, "https", "http", 1) }, kind: provider.ErrUnsupported},
		"not allowed":  {change: func(s *s2s.Source) { s.Policy = profile.Policy{} }, kind: provider.ErrUnsafe},
		"slowly":       {change: brief, fault: s2stest.Fault{Write: drip(`{"access_token":"`, "x")}, kind: provider.ErrUnavailable, asked: 1, brief: true},
		"without end":  {fault: s2stest.Large(1 << 40), kind: provider.ErrTooLarge, asked: 1},
		"held":         {change: brief, fault: s2stest.Fault{Hang: true}, kind: provider.ErrUnavailable, asked: 1, brief: true},
		"lost":         {fault: s2stest.Fault{Lose: true}, kind: provider.ErrUnavailable, asked: 1},
		"headers":      {fault: s2stest.Fault{Status: 200, Header: http.Header{"X-Long": {strings.Repeat("x", 16<<20)}}}, asked: 1, kind: "any"},
		"many headers": {fault: s2stest.Fault{Status: 200, Header: many100k()}, asked: 1, kind: "any"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var changes []func(*s2s.Source)
			if row.change != nil {
				changes = append(changes, row.change)
			}
			i, s := listening(t, changes...)
			i.SetFault(row.fault)
			for _, a := range []provider.Account{account("ann"), bySecret()} {
				_, err := s.Token(context.Background(), a, secret.Text{})
				if row.kind == "" {
					require.NoError(t, err)
					continue
				}
				var e *provider.Error
				require.ErrorAs(t, err, &e)
				require.False(t, secret.New(hostsSecret).In(told(e)))
				require.Less(t, len(told(e)), 2000)
				if row.kind != "any" {
					require.Equal(t, row.kind, e.Kind, "%v", err)
				}
			}
			if got := i.Counts().Requests; row.brief {
				require.LessOrEqual(t, got, 2*row.asked)
			} else {
				require.Equal(t, 2*row.asked, got)
			}
		})
	}
}

// wrongName has the issuer be another host, by the certificate that it shows.
func wrongName(t testing.TB) func(*s2s.Source) {
	pool := x509.NewCertPool()
	key := keys()[1]
	template := &x509.Certificate{SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: "127.0.0.1"}, DNSNames: []string{"evil.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	leaf, _ := x509.ParseCertificate(der)
	pool.AddCert(leaf)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		for ; err == nil; c, err = l.Accept() {
			c.Read(make([]byte, 1)) // which shakes hands
			c.Close()
		}
	}()
	return func(s *s2s.Source) {
		s.Cloud.Authority, s.TLSConfig = "https://"+l.Addr().String(), &tls.Config{RootCAs: pool}
	}
}

func many100k() http.Header {
	h := http.Header{}
	for n := range 100_000 {
		h.Set(fmt.Sprint("X-", n), "x")
	}
	return h
}

// TOK-C: a proxy that the environment names sees nothing of a Source's own transport.
func TestProxyOfTheEnvironment(t *testing.T) {
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer proxy.Close()
	var seen atomic.Int32
	go func() {
		for {
			c, err := proxy.Accept()
			if err != nil {
				return
			}
			seen.Add(1)
			c.Close()
		}
	}()
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"} {
		t.Setenv(name, (&url.URL{Scheme: "http", Host: proxy.Addr().String()}).String())
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	i, s := listening(t)
	_, err = s.Token(context.Background(), bySecret(), secret.Text{})
	require.NoError(t, err)
	require.Equal(t, 1, i.Counts().Requests)
	require.Zero(t, seen.Load())
}

// P6: what stands on the stacks while a request is under way, and what is printed of whatever leads to a Source, is no secret.
func TestNothingIsShown(t *testing.T) {
	h := newHostile(t)
	hold := make(chan struct{})
	h.issuer.SetFault(s2stest.Fault{Until: hold})
	type result struct {
		token provider.Token
		err   error
	}
	got := make(chan result)
	a := bySecret()
	a.Tokens = h.source
	go func() {
		token, err := h.ask(a)
		got <- result{token, err}
	}()
	for h.issuer.Counts().InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	h.silent(string(stacks[:runtime.Stack(stacks, true)]))
	close(hold)
	r := <-got
	require.NoError(t, r.err)
	_, err := h.ask(account("ann"))
	require.NoError(t, err)
	e, err := h.source.Permission(a, r.token)
	require.NoError(t, err)
	var out strings.Builder
	logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, v := range []any{h.source, a, &a, []any{a, h.source}, map[string]any{"a": a}, struct{ S *s2s.Source }{h.source}, r.token, &r.token, e, h.source.Stats(), h.source.Expiries(epoch), h.source.Certificates, h.source.Cloud} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		text, _ := json.Marshal(v)
		out.Write(text)
		logger.Info("said", "v", v)
	}
	h.silent(out.String())
	require.False(t, r.token.Value.In(out.String()))
	key := keys()[0]
	for _, s := range []string{key.D.String(), fmt.Sprintf("%x", key.D), key.Primes[0].String(), fmt.Sprintf("%x", key.Primes[0])} {
		require.False(t, secret.New(s).In(out.String()))
	}
}
