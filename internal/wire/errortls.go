package wire

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// diagnoseTLS tells apart what a person must do different things about.
func diagnoseTLS(err error) (diagnosis, bool) {
	var (
		record  tls.RecordHeaderError
		alert   tls.AlertError
		feeble  *weak
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		sha1    x509.InsecureAlgorithmError
		verify  *tls.CertificateVerificationError
		shaking *handshakeError
	)
	unsafe := func(words, remedy string) (diagnosis, bool) {
		return diagnosis{kind: provider.ErrUnsafe, words: words, remedy: remedy}, true
	}
	switch {
	case errors.As(err, &record):
		return unsafe("the server does not speak TLS where it should", "check the port, and whether the profile should say STARTTLS")
	case errors.As(err, &feeble):
		return unsafe(feeble.what, "the server needs a certificate with a stronger key")
	case errors.As(err, &sha1), errors.As(err, &unknown) && forgeable(unknown.Cert):
		return unsafe("the certificate is signed in a way that can be forged", "the server needs a new certificate")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore):
		return unsafe("the certificate is valid only from "+invalid.Cert.NotBefore.UTC().Format(time.DateOnly)+" on", "check this machine's clock; else the server needs another certificate")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return unsafe("the certificate expired on "+invalid.Cert.NotAfter.UTC().Format(time.DateOnly), "the server needs a new certificate; check this machine's clock as well")
	case errors.As(err, &name):
		return unsafe("the certificate is for another name than "+Quote(name.Host), "enter the name that the certificate has; it has "+names(name.Certificate))
	case errors.As(err, &unknown):
		return unsafe("nobody we trust vouches for the certificate", "give the server's root certificate to whoever runs this service"+fingerprint(err))
	case errors.As(err, &verify):
		return unsafe(Quote(verify.Err.Error()), "the server needs another certificate"+fingerprint(err))
	case alertIn(err, &alert):
		return diagnoseAlert(alert)
	case errors.As(err, &shaking) && strings.Contains(err.Error(), "protocol version"):
		return unsafe("the server offers no TLS that is strong enough", "the server needs TLS 1.2 or later, or what the operator's configuration asks for")
	case errors.As(err, &shaking) && strings.HasPrefix(err.Error(), "tls: "):
		return diagnosis{kind: provider.ErrProtocol, words: Quote(err.Error())}, true
	}
	return diagnosis{}, false
}

// forgeable reports whether cert is signed with SHA-1 or less. crypto/x509 does not
// look on then, and says that it knows no authority.
func forgeable(cert *x509.Certificate) bool {
	if cert == nil || bytes.Equal(cert.RawIssuer, cert.RawSubject) {
		return false // nobody looks at the signature of a root
	}
	switch cert.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

// alertIn finds the server's alert in err. crypto/tls has a type for it that can be
// matched for QUIC alone; elsewhere only its words tell.
func alertIn(err error, alert *tls.AlertError) bool {
	var op *net.OpError
	if errors.As(err, alert) {
		return true
	}
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return false
	}
	for n := range 256 {
		if *alert = tls.AlertError(n); alert.Error() == op.Err.Error() {
			return true
		}
	}
	return false
}

// diagnoseAlert reads the server's last word (RFC 8446, section 6.2).
func diagnoseAlert(alert tls.AlertError) (diagnosis, bool) {
	switch uint8(alert) {
	case 40: // handshake_failure, which with TLS 1.2 may be about a certificate that we lack
		return diagnosis{kind: provider.ErrUnsafe, words: "the server offers no TLS that is strong enough, or wants a client certificate", remedy: "the server needs TLS 1.2 or later with usual ciphers; else have the operator show it a client certificate"}, true
	case 70, 71, 86: // protocol_version, insufficient_security, inappropriate_fallback
		return diagnosis{kind: provider.ErrUnsafe, words: "the server offers no TLS that is strong enough", remedy: "the server needs TLS 1.2 or later with usual ciphers"}, true
	case 42, 43, 44, 45, 46, 48, 49, 116: // bad, unsupported, revoked, expired, unknown, untrusted, denied, missing
		return diagnosis{kind: provider.ErrAuth, words: "the server refused our certificate, or wants one", remedy: "check the client certificate"}, true
	}
	return diagnosis{kind: provider.ErrProtocol, words: Quote(alert.Error())}, true
}

// names returns the first names that cert is for.
func names(cert *x509.Certificate) string {
	if cert == nil {
		return "none"
	}
	all := cert.DNSNames
	for _, ip := range cert.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "none"
	}
	return Quote(strings.Join(all[:min(len(all), 5)], ", "))
}

// fingerprint names the server's certificate, so that an operator can compare it
// with the one that should be there.
func fingerprint(err error) string {
	var verify *tls.CertificateVerificationError
	if !errors.As(err, &verify) || len(verify.UnverifiedCertificates) == 0 {
		return ""
	}
	return fmt.Sprintf("; its certificate has the SHA-256 %x", sha256.Sum256(verify.UnverifiedCertificates[0].Raw))
}
