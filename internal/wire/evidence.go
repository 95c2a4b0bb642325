package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"

	"github.com/go-serversync/serversync/provider"
)

// What a server can make evidence hold.
const (
	maxChain        = 10
	maxCapabilities = 100
)

// found is the evidence of a look-up.
func found(ctx context.Context, host string, addrs []netip.Addr) (e provider.Evidence) {
	if !provider.Traced(ctx) {
		return e
	}
	e.Host = Quote(host)
	for _, addr := range addrs {
		e.Addresses = append(e.Addresses, addr.String())
	}
	return e
}

// reached is the evidence of dialling: who answered, or who was tried.
func reached(ctx context.Context, conn net.Conn, via *proxy, addrs []netip.Addr, port string) (e provider.Evidence) {
	if !provider.Traced(ctx) {
		return e
	}
	if via != nil {
		e.Text = throughProxy
	}
	if t, ok := conn.(*tunnel); ok {
		e.Addresses = []string{Quote(t.target)}
		return e
	}
	if conn != nil {
		e.Addresses = []string{conn.RemoteAddr().String()}
		return e
	}
	for _, addr := range addrs {
		e.Addresses = append(e.Addresses, net.JoinHostPort(addr.String(), port))
	}
	return e
}

// Protection is the evidence of TLS, of a handshake that failed with err too: the
// certificates that were shown are what an administrator has to look at.
func (c *Conn) Protection(ctx context.Context, err error) (e provider.Evidence) {
	return protection(ctx, c.shaken, err)
}

func protection(ctx context.Context, shaken *tls.Conn, err error) (e provider.Evidence) {
	if !provider.Traced(ctx) || shaken == nil {
		return e
	}
	state := shaken.ConnectionState()
	if state.Version != 0 {
		e.TLSVersion = tls.VersionName(state.Version)
	}
	if state.CipherSuite != 0 {
		e.CipherSuite = tls.CipherSuiteName(state.CipherSuite)
	}
	chain := state.PeerCertificates
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) {
		chain = unverified.UnverifiedCertificates
	}
	for _, cert := range chain[:min(len(chain), maxChain)] {
		e.Chain = append(e.Chain, subject(cert))
	}
	if len(chain) > 0 {
		e.NotAfter = chain[0].NotAfter
	}
	return e
}

// subject names a certificate for people. Many have their names elsewhere.
func subject(cert *x509.Certificate) string {
	if name := Quote(cert.Subject.String()); name != "" {
		return name
	}
	return names(cert)
}

// Offered returns a server's capabilities as evidence: sorted, bounded and quoted.
func Offered(ctx context.Context, capabilities []string) (e provider.Evidence) {
	if !provider.Traced(ctx) {
		return e
	}
	all := slices.Sorted(slices.Values(capabilities))
	for _, c := range all[:min(len(all), maxCapabilities)] {
		e.Capabilities = append(e.Capabilities, Quote(c))
	}
	return e
}
