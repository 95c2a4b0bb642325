package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/s2s/s2stest"
)

// A scene is Entra ID and Exchange on this machine, under their own names, with their administrators.
type scene struct {
	*s2stest.Issuer
	mail  *ewstest.Server
	proxy *proxytest.Server // leads from the names to the servers
	roots *x509.CertPool
	day   *day

	impersonations atomic.Int64 // requests that said whose mailbox is meant

	mu       sync.Mutex
	exchange s2stest.Exchange // as it is now
}

// The servers and the mailboxes of a scene.
const (
	online     = "outlook.office365.com"
	onPremises = "mail.contoso.example"
	anna       = "anna@contoso.example"
	ben        = "ben@fabrikam.example"
)

// begin is when each path begins, so that each run prints the same.
var begin = time.Date(2026, time.November, 27, 9, 0, 0, 0, time.UTC)

// life is for how long tokens are good.
const life = time.Hour

// client is the application's id.
const client = "c0ffee00-1111-4222-8333-444455556666"

func newScene(kind profile.Kind) (*scene, error) {
	s := &scene{day: &day{now: begin}, roots: x509.NewCertPool()}
	var err error
	s.Issuer, err = s2stest.NewInMemory(s2stest.Options{
		Now: s.day.Now, Life: life, Hosts: []string{"login.microsoftonline.com"},
		Tenants: []s2stest.Tenant{
			{ID: s2stest.Contoso, Domains: []string{s2stest.ContosoDomain}, Name: "Contoso"},
			{ID: s2stest.Fabrikam, Domains: []string{s2stest.FabrikamDomain}, Name: "Fabrikam"},
		},
		Applications: []s2stest.Application{{ID: client, Name: "serversync", Multitenant: true}},
	})
	if err != nil {
		return nil, err
	}
	s.exchange = s2stest.Exchange{
		Hosts: []string{online, onPremises}, Realm: s2stest.ContosoDomain, Users: map[string][]string{anna: nil, ben: nil},
		Verify: s.Verify, Clock: s.day.Now,
	}
	certificate, err := s.certificate()
	if err != nil {
		return nil, err
	}
	version := "SE"
	if kind.IsExchangeOnline() {
		version = "EXO"
	}
	s.mail = ewstest.NewServer(ewstest.Options{
		Version: version, Mailboxes: []string{anna, ben}, Schemes: []string{"Bearer"}, Certificate: certificate,
		Token:   func(token string) (string, bool, bool) { return s.now().Token(token) },
		Refusal: func(token string) string { return s.now().Refusal(token) },
	})
	s.mail.Requests(func(_ string, body []byte) {
		if bytes.Contains(body, []byte("ExchangeImpersonation")) {
			s.impersonations.Add(1)
		}
	})
	for _, address := range []string{anna, ben} {
		s.deliver(address, "Where is my order?")
	}
	s.proxy = proxytest.New(proxytest.Options{Lead: func(target string) (string, int) {
		switch target {
		case online + ":443", onPremises + ":443":
			return s.mail.Addr(), 0
		}
		return "", 4 // host unreachable
	}})
	return s, nil
}

func (s *scene) close() {
	s.proxy.Close()
	s.mail.Close()
	s.Issuer.Close()
}

func (s *scene) deliver(address, subject string) {
	s.mail.Add(address, "inbox", []byte("From: marta@lindqvist.example\r\nTo: "+address+"\r\nSubject: "+subject+"\r\n\r\nGood morning\r\n"))
}

// now is what Exchange checks now.
func (s *scene) now() *s2stest.Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.exchange
	return &e
}

// network leads to the scene.
func (s *scene) network() network {
	return network{
		issuer: s.Issuer,
		tls:    &tls.Config{RootCAs: s.roots, Time: s.day.Now},
		policy: profile.Policy{
			AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			Proxy:         profile.Proxy{URL: "socks5://" + s.proxy.Addr, Resolves: true},
		},
		clock: s.day,
	}
}

// certificate makes one for the servers that the scene trusts.
func (s *scene) certificate() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: online}, DNSNames: []string{online, onPremises}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: s.day.Now().Add(-time.Hour), NotAfter: s.day.Now().AddDate(0, 6, 0), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	s.roots.AddCert(c)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
