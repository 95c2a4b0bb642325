package wire

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// Error says what an error of dialling, TLS or the connection means: it returns an
// *provider.Error with its kind, words and remedy. A nil err, an *provider.Error
// and a context's own error are returned as they are.
func Error(op string, err error) error {
	var known *provider.Error
	if err == nil || errors.As(err, &known) || ofContext(err) {
		return err
	}
	d := diagnose(err)
	return &provider.Error{Op: op, Kind: d.kind, Code: d.code, Remedy: d.remedy, Err: &cause{d.words, err}}
}

// ofContext reports whether err is a context's own error. errors.Is would also say
// so of a dialler's time-out.
func ofContext(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err == context.Canceled || err == context.DeadlineExceeded {
			return true
		}
	}
	return false
}

// A cause says in our words what went wrong, and has the error itself behind it,
// whose text a server may have written.
type cause struct {
	words string
	err   error
}

func (c *cause) Error() string {
	if c.words == "" {
		return Quote(c.err.Error())
	}
	return c.words
}

func (c *cause) Unwrap() error { return c.err }

// The codes of failures below a protocol, in words that administrators look up.
const (
	codeHost    = "HostNotFound"
	codeConnect = "ConnectFailure"
	codeTime    = "TimedOut"
	codeTLS     = "SecureConnection"
	codeClosed  = "ConnectionClosed"
)

type diagnosis struct {
	kind   provider.Kind
	code   string
	words  string // "" for the error's own
	remedy string
}

func diagnose(err error) diagnosis {
	var refused *refusal
	var dns *net.DNSError
	switch {
	case errors.As(err, &refused):
		return diagnosis{provider.ErrUnsafe, "", Quote(refused.what), cmp.Or(refused.remedy, "enter the mail server's public name; if it does stand there, whoever runs this service can allow its network")}
	case errors.As(err, &dns) && dns.IsNotFound:
		return diagnosis{provider.ErrUnavailable, codeHost, "there is no server named " + Quote(dns.Name), "check the server's name in the profile"}
	case errors.As(err, &dns):
		return diagnosis{provider.ErrUnavailable, timedOut(dns.IsTimeout), "the name service gave no answer for " + Quote(dns.Name), "check the server's name and this machine's name service"}
	}
	if d, ok := diagnoseTLS(err); ok {
		d.code = codeTLS
		return d
	}
	var timeout net.Error
	switch {
	case errors.Is(err, errSlow):
		return diagnosis{provider.ErrUnavailable, codeTime, "the server takes or gives data too slowly", ""}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return diagnosis{provider.ErrUnavailable, codeTime, "the server did not answer in time", "check host and port, and any firewall between"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return diagnosis{provider.ErrUnavailable, codeConnect, "nothing listens there", "check host and port; the server may be down"}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return diagnosis{provider.ErrUnavailable, codeConnect, "there is no way to that network", "check the host, and this machine's network"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED), errors.Is(err, net.ErrClosed):
		return diagnosis{provider.ErrUnavailable, codeClosed, "the connection was closed", ""}
	case errors.Is(err, ErrEarly):
		return diagnosis{kind: provider.ErrProtocol}
	}
	return diagnosis{kind: provider.ErrUnavailable}
}

func timedOut(yes bool) string {
	if yes {
		return codeTime
	}
	return ""
}

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
	case errors.As(err, &sha1):
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
	case errors.As(err, &alert):
		return diagnoseAlert(alert)
	case errors.As(err, &shaking) && strings.Contains(err.Error(), "protocol version"):
		return unsafe("the server offers no TLS later than 1.1", "the server needs TLS 1.2 or later")
	case errors.As(err, &shaking) && strings.HasPrefix(err.Error(), "tls: "):
		return diagnosis{kind: provider.ErrProtocol, words: Quote(err.Error())}, true
	}
	return diagnosis{}, false
}

// diagnoseAlert reads the server's last word (RFC 8446, section 6.2).
func diagnoseAlert(alert tls.AlertError) (diagnosis, bool) {
	switch uint8(alert) {
	case 40, 70, 71, 86: // handshake_failure, protocol_version, insufficient_security, inappropriate_fallback
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
