package main

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
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"time"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// A network is a small Internet. Its names have addresses of loopback, and a proxy
// leads from the usual ports there to the ports that the servers really have.
type network struct {
	roots   *x509.CertPool
	proxy   *proxytest.Server
	names   map[string]string // addresses by name
	led     map[string]string // where servers are, by address:port
	closers []func()
}

func startNetwork() *network {
	n := &network{roots: x509.NewCertPool(), names: map[string]string{}, led: map[string]string{}}
	n.imap("mail.northwind.example")
	n.smtp("mail.northwind.example", 587, profile.StartTLS)
	n.imap("imap.hoster.example")
	n.smtp("smtp.hoster.example", 465, profile.ImplicitTLS)
	n.document("autoconfig.fabrikam.example", fabrikam)
	n.imap("mail.adatum.example")
	n.smtp("mail.adatum.example", 465, profile.ImplicitTLS)
	n.imap("attacker.example") // where every name in mallory.example leads
	n.proxy = proxytest.New(proxytest.Options{Lead: func(target string) (string, int) { return n.led[target], 5 }})
	n.closers = append(n.closers, n.proxy.Close)
	return n
}

const fabrikam = `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="hoster.example">
<incomingServer type="imap"><hostname>imap.hoster.example</hostname><port>993</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></incomingServer>
<outgoingServer type="smtp"><hostname>smtp.hoster.example</hostname><port>465</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></outgoingServer>
</emailProvider></clientConfig>`

func (n *network) close() {
	for _, c := range n.closers {
		c()
	}
}

// host gives a name an address and has port there lead to where.
func (n *network) host(name string, port int, where string) {
	if n.names[name] == "" {
		n.names[name] = fmt.Sprintf("127.0.1.%d", len(n.names)+1)
	}
	n.led[fmt.Sprintf("%s:%d", n.names[name], port)] = where
}

func (n *network) imap(name string) {
	s := imaptest.NewServer(imaptest.Options{Certificate: n.certificate(name)})
	n.host(name, 993, s.Addr())
	n.closers = append(n.closers, s.Close)
}

func (n *network) smtp(name string, port int, mode profile.TLS) {
	s := smtptest.NewServer(smtptest.Options{TLS: mode, Certificate: n.certificate(name), Users: map[string]string{"user": "secret"}})
	n.host(name, port, s.Addr)
	n.closers = append(n.closers, s.Close)
}

func (n *network) document(name, text string) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{*n.certificate(name)}}
	s.StartTLS()
	n.host(name, 443, s.Listener.Addr().String())
	n.closers = append(n.closers, s.Close)
}

// certificate makes a certificate for name that the network trusts.
func (n *network) certificate(name string) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	n.roots.AddCert(cert)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (n *network) tls() *tls.Config { return &tls.Config{RootCAs: n.roots} }

func (n *network) drivers() map[profile.Protocol]provider.Prober {
	return map[profile.Protocol]provider.Prober{
		profile.IMAP: &imap.Driver{TLSConfig: n.tls()},
		profile.SMTP: smtp.Driver{TLSConfig: n.tls()},
	}
}

// policy is a cloud host's that allows loopback, through a proxy.
func (n *network) policy() profile.Policy {
	return profile.Policy{
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Proxy:         profile.Proxy{URL: "socks5://" + n.proxy.Addr},
	}
}

// LookupSRV, LookupMX and LookupNetIP are the name service.
func (n *network) LookupSRV(_ context.Context, service, _, name string) (string, []*net.SRV, error) {
	switch service + " " + name {
	case "imaps northwind.example.":
		return "", []*net.SRV{{Target: "mail.northwind.example.", Port: 993}}, nil
	case "submission northwind.example.":
		return "", []*net.SRV{{Target: "mail.northwind.example.", Port: 587}}, nil
	}
	return "", nil, nobody(name)
}

func (n *network) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if name == "contoso.example." {
		return []*net.MX{{Host: "contoso-example.mail.protection.outlook.com.", Pref: 0}}, nil
	}
	return nil, nobody(name)
}

func (n *network) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	host = strings.TrimSuffix(host, ".")
	if strings.HasSuffix(host, "mallory.example") {
		host = "attacker.example"
	}
	if a, ok := n.names[host]; ok {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	return nil, nobody(host)
}

func nobody(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
