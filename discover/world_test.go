package discover_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
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

	"github.com/go-serversync/serversync/discover"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// A world is a network of its own: it has a name service, and servers on the ports
// of mail, to which the operator's proxy leads.
type world struct {
	t     *testing.T
	roots *x509.CertPool
	proxy *proxytest.Server

	mu    sync.Mutex
	a     map[string]string // addresses by name
	any   string            // the address of every other name
	srv   map[string][]*net.SRV
	mx    map[string][]*net.MX
	asked []string
	at    map[string]string // where something listens, by address:port
	n     int
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, roots: x509.NewCertPool(), a: map[string]string{}, srv: map[string][]*net.SRV{}, mx: map[string][]*net.MX{}, at: map[string]string{}}
	w.proxy = proxytest.New(proxytest.Options{Lead: func(target string) (string, int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.at[target], 5
	}})
	t.Cleanup(w.proxy.Close)
	return w
}

func (w *world) finder() discover.Finder {
	return discover.Finder{
		Policy: profile.Policy{
			AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			Proxy:         profile.Proxy{URL: "socks5://" + w.proxy.Addr},
		},
		Resolver:  w,
		TLSConfig: &tls.Config{RootCAs: w.roots},
		Timeout:   time.Minute,
		Probers: map[profile.Protocol]provider.Prober{
			profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: w.roots}},
			profile.SMTP: smtp.Driver{TLSConfig: &tls.Config{RootCAs: w.roots}},
		},
	}
}

// host gives name an address, and leads port there to where.
func (w *world) host(name string, port int, where string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.a[name] == "" {
		w.n++
		w.a[name] = fmt.Sprintf("127.0.1.%d", w.n)
	}
	if port != 0 {
		w.at[fmt.Sprintf("%s:%d", w.a[name], port)] = where
	}
}

func (w *world) imap(name string, port int, o imaptest.Options) *imaptest.Server {
	if o.Certificate == nil {
		certificate := w.certificate(name)
		o.Certificate = &certificate
	}
	s := imaptest.NewServer(o)
	w.t.Cleanup(s.Close)
	w.host(name, port, s.Addr())
	return s
}

func (w *world) smtp(name string, port int, o smtptest.Options) *smtptest.Server {
	certificate := w.certificate(name)
	o.Certificate = &certificate
	o.Users = map[string]string{"user": "secret"}
	s := smtptest.NewServer(o)
	w.t.Cleanup(s.Close)
	w.host(name, port, s.Addr)
	return s
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

// web serves https under a name.
func (w *world) web(name string, h http.HandlerFunc) {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{w.certificate(name)}}
	s.StartTLS()
	w.t.Cleanup(s.Close)
	w.host(name, 443, s.Listener.Addr().String())
}

func (w *world) record(service, domain string, priority, weight uint16, host string, port uint16) {
	key := "_" + service + "._tcp." + domain + "."
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

func (w *world) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	err := w.note(name)
	if r := w.mx[name]; len(r) > 0 {
		return r, nil
	}
	return nil, err
}

func (w *world) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	err := w.note(host)
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.a[strings.TrimSuffix(host, ".")]
	if a == "" {
		a = w.any
	}
	if a == "" {
		return nil, err
	}
	return []netip.Addr{netip.MustParseAddr(a)}, nil
}
