package autodiscover_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
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

const (
	anna     = "anna@northwind.example"
	password = "canary-Pa55word-northwind"
	token    = "canary-T0ken-northwind"
	ewsPath  = "/EWS/Exchange.asmx"
	svc      = "/autodiscover/autodiscover.svc"
	xml      = "/autodiscover/autodiscover.xml"
)

// A world is a network of its own: it has a name service, and web servers, to which the
// operator's proxy leads. It notes what each server is shown.
type world struct {
	t     *testing.T
	roots *x509.CertPool
	proxy *proxytest.Server

	mu    sync.Mutex
	a     map[string]string // addresses by name
	any   string            // the address of every other name
	srv   map[string][]*net.SRV
	asked []string          // names
	at    map[string]string // where something listens, by address:port
	n     int
	seen  []string            // requests, as "method scheme://host/path"
	shown map[string][]string // Authorization headers by host
	told  map[string]bool     // hosts that were told the address
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, roots: x509.NewCertPool(), a: map[string]string{}, srv: map[string][]*net.SRV{}, at: map[string]string{}, shown: map[string][]string{}, told: map[string]bool{}}
	w.proxy = proxytest.New(proxytest.Options{Lead: func(target string) (string, int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.at[target], 5
	}})
	t.Cleanup(w.proxy.Close)
	return w
}

func (w *world) finder() *autodiscover.Finder {
	return &autodiscover.Finder{Resolver: w, TLSConfig: &tls.Config{RootCAs: w.roots}}
}

// account is anna's at an Exchange on premises, with her password.
func (w *world) account() provider.Account {
	return provider.Account{
		Mailbox:  mailbox.Mailbox{Key: mailbox.Key{Organization: "o", Mailbox: "anna"}, Address: anna, Password: secret.New(password)},
		Profile:  profile.Profile{ID: "p", Kind: profile.ExchangeServerHybrid, Autodiscover: true},
		Endpoint: profile.Endpoint{},
		Policy: profile.Policy{
			AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.1.0/24")},
			Proxy:         profile.Proxy{URL: "socks5://" + w.proxy.Addr},
		},
	}
}

// onlineAccount is anna's at Exchange Online, with an access token.
func (w *world) onlineAccount() provider.Account {
	a := w.account()
	a.Profile.Kind, a.Endpoint.Credentials, a.Tokens = profile.ExchangeOnline, profile.ServerToServer, tokens{}
	a.Mailbox.Password = secret.Text{}
	return a
}

type tokens struct{}

func (tokens) Token(_ context.Context, a provider.Account, _ secret.Text) (provider.Token, error) {
	return provider.Token{Value: secret.New(token)}, nil
}

// find finds, and holds what came to the rules that hold for every search: that no credential and no
// address was seen by a host that may not see it, and that no step shows a secret.
func (w *world) find(f *autodiscover.Finder, a provider.Account, may ...string) (autodiscover.Result, error) {
	w.t.Helper()
	result, err := f.Find(w.t.Context(), a)
	w.canary(may...)
	w.discreet(result, err)
	return result, err
}

// canary fails if a host outside of northwind.example, and none of may, has seen anything.
func (w *world) canary(may ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	own := func(host string) bool {
		for _, domain := range append(may, "northwind.example") {
			if host == domain || strings.HasSuffix(host, "."+domain) {
				return true
			}
		}
		return false
	}
	for host, headers := range w.shown {
		require.True(w.t, own(host), "%s was shown %q", host, headers)
	}
	for host := range w.told {
		require.True(w.t, own(host), "%s was told the address", host)
	}
	for _, request := range w.seen {
		require.False(w.t, strings.Contains(request, " http://") && strings.Contains(request, "@"), "the address went over http: %s", request)
	}
}

// discreet fails if the credential is in what is returned.
func (w *world) discreet(result autodiscover.Result, err error) {
	w.t.Helper()
	text := fmt.Sprintf("%+v %v %s", result, err, result.Trace())
	for _, s := range []string{password, token, base64.StdEncoding.EncodeToString([]byte(anna + ":" + password))} {
		require.NotContains(w.t, text, s)
	}
}

// shownTo returns how often host was shown the password or token.
func (w *world) shownTo(host string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, header := range w.shown[host] {
		if header != "Bearer" {
			n++
		}
	}
	return n
}

func (w *world) shownAll() (n int) {
	for host := range w.shown {
		n += w.shownTo(host)
	}
	return n
}

func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.seen...)
}

// host gives name an address, and leads port there to where.
func (w *world) host(name string, port int, where string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.a[name] == "" {
		w.n++
		w.a[name] = fmt.Sprintf("127.0.1.%d", w.n)
	}
	w.at[fmt.Sprintf("%s:%d", w.a[name], port)] = where
}

// certificate makes a certificate for names that the world trusts.
func (w *world) certificate(names ...string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(w.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(w.t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(w.t, err)
	w.roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// noting notes what a server of name sees.
func (w *world) noting(scheme, name string, h http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		w.mu.Lock()
		w.seen = append(w.seen, r.Method+" "+scheme+"://"+name+r.URL.String())
		if header := r.Header.Get("Authorization"); header != "" {
			w.shown[name] = append(w.shown[name], header)
		}
		if strings.Contains(fmt.Sprint(r.URL, r.Header, string(body)), "anna") {
			w.told[name] = true
		}
		w.mu.Unlock()
		h(rw, r)
	}
}

// web serves https under a name, with a certificate for it or for others.
func (w *world) web(name string, h http.HandlerFunc, certificate ...string) {
	if len(certificate) == 0 {
		certificate = []string{name}
	}
	s := httptest.NewUnstartedServer(w.noting("https", name, h))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{w.certificate(certificate...)}}
	s.StartTLS()
	w.t.Cleanup(s.Close)
	w.host(name, 443, s.Listener.Addr().String())
}

// http serves http under a name.
func (w *world) http(name string, h http.HandlerFunc) {
	s := httptest.NewServer(w.noting("http", name, h))
	w.t.Cleanup(s.Close)
	w.host(name, 80, s.Listener.Addr().String())
}

func (w *world) record(domain string, priority, weight uint16, host string, port uint16) {
	key := "_autodiscover._tcp." + domain + "."
	w.srv[key] = append(w.srv[key], &net.SRV{Target: host, Port: port, Priority: priority, Weight: weight})
}

func (w *world) note(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, name)
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (w *world) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	key := "_" + service + "._" + proto + "." + name
	err := w.note(key)
	if r := w.srv[key]; len(r) > 0 {
		return key, r, nil
	}
	return "", nil, err
}

func (w *world) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	err := w.note(host)
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.a[strings.ToLower(strings.TrimSuffix(host, "."))]
	if a == "" {
		a = w.any
	}
	if a == "" {
		return nil, err
	}
	return []netip.Addr{netip.MustParseAddr(a)}, nil
}

// What servers say.

func settings(external, internal string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>
<h:ServerVersionInfo xmlns:h="http://schemas.microsoft.com/exchange/2010/Autodiscover" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><h:MajorVersion>15</h:MajorVersion><h:MinorVersion>2</h:MinorVersion><h:MajorBuildNumber>1118</h:MajorBuildNumber><h:MinorBuildNumber>7</h:MinorBuildNumber><h:Version>Exchange2015</h:Version></h:ServerVersionInfo></s:Header>
<s:Body><GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses><UserResponse><ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage><RedirectTarget i:nil="true"/><UserSettingErrors/><UserSettings>` +
		setting("ExternalEwsUrl", external) + setting("InternalEwsUrl", internal) + setting("EwsSupportedSchemas", "Exchange2007, Exchange2010_SP2,Exchange2013_SP1") + setting("GroupingInformation", "Default-First-Site-Name") +
		`</UserSettings></UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`
}

func setting(name, value string) string {
	if value == "" {
		return ""
	}
	return `<UserSetting i:type="StringSetting"><Name>` + name + `</Name><Value>` + value + `</Value></UserSetting>`
}

// user is a UserResponse that is no success.
func user(code, target string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response><ErrorCode>NoError</ErrorCode><UserResponses><UserResponse><ErrorCode>` +
		code + `</ErrorCode><ErrorMessage>it says so</ErrorMessage><RedirectTarget>` + target + `</RedirectTarget></UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`
}

func pox(account string) string {
	return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><User><DisplayName>Anna</DisplayName></User><Account><AccountType>email</AccountType>` +
		account + `</Account></Response></Autodiscover>`
}

func poxError(code string) string {
	return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response><Error Time="12:00:00.0000000" Id="2698141342"><ErrorCode>` + code + `</ErrorCode><Message>it says so</Message><DebugData /></Error></Response></Autodiscover>`
}

func protocol(kind, fields string) string {
	return "<Protocol><Type>" + kind + "</Type>" + fields + "</Protocol>"
}

// says serves one text at one path, and 404 elsewhere, but for the web services.
func says(path, text string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case strings.EqualFold(r.URL.Path, ewsPath):
			rw.Header().Set("WWW-Authenticate", "Basic")
			rw.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path != path:
			http.NotFound(rw, r)
		default:
			io.WriteString(rw, text)
		}
	}
}

// guarded serves h to anna alone, and asks others for what it takes.
func guarded(h http.HandlerFunc, offers ...string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		_, given, _ := r.BasicAuth()
		if given != password && r.Header.Get("Authorization") != "Bearer "+token {
			for _, offer := range offers {
				rw.Header().Add("WWW-Authenticate", offer)
			}
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		h(rw, r)
	}
}

func sends(status int, to string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Location", to)
		rw.WriteHeader(status)
	}
}

// exchange is a server with SOAP and POX that asks for a password.
func exchange(external, internal string) http.HandlerFunc {
	soap := says(svc, settings(external, internal))
	plain := says(xml, pox("<Action>settings</Action>"+protocol("EXCH", "<EwsUrl>"+internal+"</EwsUrl>")+protocol("EXPR", "<EwsUrl>"+external+"</EwsUrl>")))
	return guarded(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == xml {
			plain(rw, r)
		} else {
			soap(rw, r)
		}
	}, "Negotiate", "NTLM", `Basic realm="x"`)
}

const mail = "https://mail.northwind.example" + ewsPath

// mailServer is where web services are.
func (w *world) mailServer(names ...string) {
	for _, name := range append(names, "mail.northwind.example") {
		w.web(name, says("", ""))
	}
}

func kind(t *testing.T, want provider.Kind, err error) *autodiscover.Error {
	t.Helper()
	require.Equal(t, want, provider.KindOf(err), "%v", err)
	var told *autodiscover.Error
	require.ErrorAs(t, err, &told)
	require.NotEmpty(t, told.Trace())
	return told
}
