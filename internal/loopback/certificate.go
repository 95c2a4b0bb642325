// Package loopback holds what the servers that run inside a test have in common.
package loopback

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// Certificate says what certificate a server has. The zero value is a throw-away one for
// localhost and 127.0.0.1, good for a day.
type Certificate struct {
	Given   *tls.Certificate // in place of a throw-away one
	Issuer  string           // whose it is, for people
	Name    string           // it is for this name alone
	Expired bool             // it was good until an hour ago
	Valid   time.Duration    // for how long it is good. Default: a day
}

// Config returns the server's configuration, and the pool that vouches for a throw-away
// certificate. It panics if the system has no chance to give.
func (c Certificate) Config() (*tls.Config, *x509.CertPool) {
	pool := x509.NewCertPool()
	if c.Given != nil {
		return &tls.Config{Certificates: []tls.Certificate{*c.Given}}, pool
	}
	if c.Valid == 0 {
		c.Valid = 24 * time.Hour
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: c.Issuer},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(c.Valid),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:                  true,
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if c.Name != "" {
		template.DNSNames, template.IPAddresses = []string{c.Name}, nil
	}
	if c.Expired {
		template.NotBefore, template.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	pool.AddCert(must(x509.ParseCertificate(der)))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("loopback: " + err.Error())
	}
	return v
}
