package ews

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews/autodiscover"
	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// names resolves every name of northwind.example, and no other.
type names struct{}

func (names) LookupSRV(_ context.Context, _, _, name string) (string, []*net.SRV, error) {
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if !strings.HasSuffix(strings.TrimSuffix(host, "."), "northwind.example") {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr("127.0.1.1")}, nil
}

// northwind is a network in which every name of northwind.example leads to one server, whose
// autodiscover names what at says. It returns a Driver and an account for it.
func northwind(t *testing.T, at *atomic.Value) (*Driver, provider.Account, *atomic.Int32) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "northwind"}, DNSNames: []string{"northwind.example", "*.northwind.example"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	asked := new(atomic.Int32)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, given, _ := r.BasicAuth()
		switch {
		case given != "pa55word":
			rw.Header().Set("WWW-Authenticate", "Basic")
			rw.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path != "/autodiscover/autodiscover.xml":
			http.NotFound(rw, r)
		default:
			asked.Add(1)
			io.WriteString(rw, `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><Account><Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>`+at.Load().(string)+`</EwsUrl></Protocol></Account></Response></Autodiscover>`)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	proxy := proxytest.New(proxytest.Options{Lead: func(string) (string, int) { return s.Listener.Addr().String(), 5 }})
	t.Cleanup(proxy.Close)
	return &Driver{Autodiscover: &autodiscover.Finder{TLSConfig: &tls.Config{RootCAs: roots}, Resolver: names{}}}, provider.Account{
		Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "o", Mailbox: "anna"}, Address: "anna@northwind.example", Password: secret.New("pa55word")},
		Profile: profile.Profile{ID: "p", Kind: profile.ExchangeServerHybrid, Autodiscover: true},
		Policy: profile.Policy{
			AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.1.0/24")}, Proxy: profile.Proxy{URL: "socks5://" + proxy.Addr},
		},
	}, asked
}

// stages collects what a Trace is told.
func stages(ctx context.Context, into *[]provider.Evidence, errs *[]error) context.Context {
	return provider.WithTrace(ctx, &provider.Trace{End: func(s provider.Stage, e provider.Evidence, err error) {
		if s != provider.StageAutodiscover {
			err = io.ErrUnexpectedEOF // no other stage is autodiscover's to tell
		}
		*into, *errs = append(*into, e), append(*errs, err)
	}})
}

func TestLocate(t *testing.T) {
	var at atomic.Value
	at.Store("https://mail.northwind.example/EWS/Exchange.asmx")
	d, a, asked := northwind(t, &at)
	var told []provider.Evidence
	var errs []error
	ctx := stages(t.Context(), &told, &errs)
	url, err := d.locate(ctx, a)
	require.NoError(t, err)
	require.Equal(t, "https://mail.northwind.example/EWS/Exchange.asmx", url)
	require.Equal(t, []error{nil}, errs)
	require.Equal(t, "mail.northwind.example", told[0].Host)
	require.Contains(t, told[0].Text, "pox https://northwind.example/autodiscover/autodiscover.xml: 200, names the web services; credential shown (Basic)")

	at.Store("https://new.northwind.example/EWS/Exchange.asmx")
	url, err = d.locate(ctx, a)
	require.NoError(t, err)
	require.Equal(t, "https://mail.northwind.example/EWS/Exchange.asmx", url)
	require.Equal(t, int32(1), asked.Load())
	require.Contains(t, told[1].Text, "remembered from")

	d.moved(a)
	url, err = d.locate(ctx, a)
	require.NoError(t, err)
	require.Equal(t, "https://new.northwind.example/EWS/Exchange.asmx", url)

	at.Store("https://mail.hoster.example/EWS/Exchange.asmx")
	d.moved(a)
	_, err = d.locate(ctx, a)
	require.Equal(t, provider.ErrUnsafe, provider.KindOf(err))
	require.Equal(t, err, errs[3])
	var why *autodiscover.Error
	require.ErrorAs(t, err, &why)
	require.Equal(t, "mail.hoster.example", why.Confirm[0].Host)
	require.NotContains(t, told[3].Text, "pa55word")
}

// A location in the profile is the last word, and where autodiscover has nothing to ask about it is not asked.
func TestLocateWithoutAutodiscover(t *testing.T) {
	const url = "https://mail.northwind.example/EWS/Exchange.asmx"
	for name, c := range map[string]struct {
		change func(*provider.Account)
		want   string
		kind   provider.Kind
	}{
		"given":                   {func(a *provider.Account) { a.Endpoint.URL = url }, url, ""},
		"given, online":           {func(a *provider.Account) { a.Endpoint.URL, a.Profile.Kind = url, profile.ExchangeOnline }, url, ""},
		"online":                  {func(a *provider.Account) { a.Profile.Kind, a.Profile.Autodiscover = profile.ExchangeOnline, false }, profile.ExchangeOnlineURL, ""},
		"online, without mailbox": {func(a *provider.Account) { a.Profile.Kind, a.Mailbox = profile.ExchangeOnline, mailbox.Mailbox{} }, profile.ExchangeOnlineURL, ""},
		"without mailbox":         {func(a *provider.Account) { a.Mailbox = mailbox.Mailbox{} }, "", provider.ErrUnsupported},
		"neither":                 {func(a *provider.Account) { a.Profile.Autodiscover = false }, "", provider.ErrUnsupported},
	} {
		var at atomic.Value
		d, a, asked := northwind(t, &at)
		c.change(&a)
		var told []provider.Evidence
		var errs []error
		got, err := d.locate(stages(t.Context(), &told, &errs), a)
		require.Equal(t, c.want, got, name)
		require.Equal(t, c.kind, provider.KindOf(err), name)
		require.Zero(t, asked.Load(), name)
		if c.kind == "" {
			require.Empty(t, errs, "%s: what is not done is not told", name)
		} else {
			require.Equal(t, []error{err}, errs, name)
		}
	}
}

// Two Drivers have a Finder each, made once, with what the Driver has.
func TestTheDriversOwnFinder(t *testing.T) {
	one, other := &Driver{UserAgent: "one", TLSConfig: &tls.Config{}}, &Driver{}
	require.Same(t, one.finder(), one.finder())
	require.NotSame(t, one.finder(), other.finder())
	require.Equal(t, "one", one.finder().UserAgent)
	require.Same(t, one.TLSConfig, one.finder().TLSConfig)
	one.moved(provider.Account{})
}
