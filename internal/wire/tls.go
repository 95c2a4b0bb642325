package wire

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/provider"
)

var (
	errPlaintext = errors.New("mail and password would cross the network unprotected")
	errLeftover  = errors.New("the server sent plaintext behind its agreement to TLS, as somebody on the way would")
)

// weak says that what the server offers can be broken.
type weak struct{ what string }

func (w *weak) Error() string { return w.what }

// clientConfig returns config with our floor: TLS 1.2, verified, RSA keys of 2048
// bits. SHA-1 signatures are refused by crypto/x509 itself.
func clientConfig(config *tls.Config, host string) (*tls.Config, error) {
	if config == nil {
		config = &tls.Config{}
	}
	if config.InsecureSkipVerify {
		return nil, &refusal{what: "the TLS configuration skips verification; give it the server's root instead"}
	}
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	config.ServerName = strings.TrimSuffix(host, ".")
	config.Renegotiation = tls.RenegotiateNever
	verify := config.VerifyConnection
	config.VerifyConnection = func(s tls.ConnectionState) error {
		if verify != nil {
			if err := verify(s); err != nil {
				return err
			}
		}
		return strong(s)
	}
	return config, nil
}

// strong refuses RSA keys that are too short in the server's chain.
func strong(s tls.ConnectionState) error {
	for _, chain := range s.VerifiedChains {
		for _, cert := range chain {
			if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
				return &weak{fmt.Sprintf("the certificate has an RSA key of %d bits", key.N.BitLen())}
			}
		}
	}
	return nil
}

// StartTLS protects the connection after the server agreed to it. leftover is how
// many bytes the driver has read behind that agreement: they came in plaintext, so
// any at all is ErrUnsafe, and so are first bytes that are no TLS record.
//
// The error is an *provider.Error or ctx's own; the connection is then useless.
func (c *Conn) StartTLS(ctx context.Context, leftover int) error {
	if leftover > 0 {
		return &provider.Error{Op: c.op + ": STARTTLS", Kind: provider.ErrUnsafe, Code: codeTLS, Err: errLeftover,
			Remedy: "use TLS from the first byte (port 993 or 465); have the network between looked at"}
	}
	return c.handshake(ctx)
}

func (c *Conn) handshake(ctx context.Context) error {
	end := c.During(ctx)
	c.Deadline(c.limits.TLS)
	t := tls.Client(c.raw, c.noting())
	c.shaken = t
	c.arm()
	err := t.Handshake()
	err = end(c.settle(0, 0, err))
	if err == nil {
		c.mu.Lock()
		c.stream, c.secure = t, true
		c.mu.Unlock()
		return nil
	}
	if ctx.Err() != nil && err == context.Cause(ctx) {
		return err
	}
	return Error(c.op+": TLS", &handshakeError{err})
}

// noting returns the configuration for the handshake, in which it is noted whether a
// certificate of ours is shown. crypto/tls itself does not tell.
func (c *Conn) noting() *tls.Config {
	config := c.config.Clone()
	own := config.GetClientCertificate
	if own == nil {
		own = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			for i := range config.Certificates {
				if asked.SupportsCertificate(&config.Certificates[i]) == nil {
					return &config.Certificates[i], nil
				}
			}
			return new(tls.Certificate), nil // none
		}
	}
	config.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := own(asked)
		c.shown.Store(cert != nil && len(cert.Certificate) > 0)
		return cert, err
	}
	return config
}

// ShownCertificate reports whether the server asked for a certificate of ours and
// was shown one.
func (c *Conn) ShownCertificate() bool { return c.shown.Load() }

// handshakeError marks what went wrong before there was TLS.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }
