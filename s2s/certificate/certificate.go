// Package certificate holds certificates that prove a host, with their keys: read from PFX or PEM, made
// around a key that a key store or a vault keeps, or made anew for evaluation.
//
// What is read may come from anywhere, so that size, number and iterations are bounded before work is
// done, and what could not prove anything is refused at once, with a reason: see the codes.
package certificate

import (
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
)

// A Certificate is a certificate with its key and those that vouch for it. It does not change, and many
// goroutines use it at once. Printed, logged or marshalled it shows its subject, thumbprint and end,
// and never the key.
type Certificate struct {
	chain []*x509.Certificate // the certificate first
	// signer gives up what has the key. It is a function because fmt looks into unexported fields of what
	// holds a Certificate, and calls no method there: it would show what a host's signer is made of.
	signer func() crypto.Signer
}

// FromSigner returns the certificate of a key that is kept elsewhere, such as in a key store, a security
// module or a vault. chain is the certificate itself and those that vouch for it, in any order. The
// error is an *provider.Error with one of the package's codes: the key must be the certificate's, and
// both such as an issuer takes. Whether it is good now [Certificate.Check] tells.
func FromSigner(signer crypto.Signer, chain ...*x509.Certificate) (*Certificate, error) {
	if signer == nil {
		return nil, fail(CodeNoKey)
	}
	ordered, err := order(signer.Public(), chain)
	if err != nil {
		return nil, err
	}
	return &Certificate{ordered, func() crypto.Signer { return signer }}, nil
}

// Leaf returns the certificate itself.
func (c *Certificate) Leaf() *x509.Certificate { return c.chain[0] }

// Chain returns the certificate and those that vouch for it, each one before who vouches for it.
func (c *Certificate) Chain() []*x509.Certificate { return slices.Clone(c.chain) }

// Signer returns what signs with the key.
func (c *Certificate) Signer() crypto.Signer { return c.signer() }

// NotAfter is when the certificate ends.
func (c *Certificate) NotAfter() time.Time { return c.chain[0].NotAfter }

// DER returns the certificate without its key, as it stands in a .cer file, which is what an administrator registers.
func (c *Certificate) DER() []byte { return slices.Clone(c.chain[0].Raw) }

// SHA256 returns the certificate's thumbprint, the SHA-256 of its DER (x5t#S256 of RFC 7515, section 4.1.8).
func (c *Certificate) SHA256() [sha256.Size]byte { return sha256.Sum256(c.chain[0].Raw) }

// SHA1 returns the thumbprint that Entra's and Windows' pages show, the SHA-1 of its DER (x5t of RFC
// 7515, section 4.1.7). It is a name and protects nothing. ok is false in a process that may not
// compute SHA-1 (GODEBUG=fips140=only).
func (c *Certificate) SHA1() (print [sha1.Size]byte, ok bool) {
	defer func() {
		if recover() != nil { // which is how it is refused there
			ok = false
		}
	}()
	return sha1.Sum(c.chain[0].Raw), true
}

// Thumbprints returns both in words, as "SHA-1 0A1B…", without the one that may not be computed.
func (c *Certificate) Thumbprints() []string {
	of256 := c.SHA256()
	all := []string{"SHA-256 " + strings.ToUpper(hex.EncodeToString(of256[:]))}
	if of1, ok := c.SHA1(); ok {
		all = append([]string{"SHA-1 " + strings.ToUpper(hex.EncodeToString(of1[:]))}, all...)
	}
	return all
}

// String names the certificate.
func (c *Certificate) String() string {
	if c == nil || len(c.chain) == 0 {
		return "no certificate"
	}
	return fmt.Sprintf("%s (%s, good until %s)", c.subject(), c.Thumbprints()[0], c.NotAfter().UTC().Format(time.DateOnly))
}

// subject returns who the certificate is about, on one line and not too long: whoever made it chose the words.
func (c *Certificate) subject() string {
	const enough = 128
	words := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(c.chain[0].Subject.String(), "?"))
	if runes := []rune(words); len(runes) > enough {
		words = string(runes[:enough]) + "…"
	}
	return words
}

// Format writes what String returns, whatever the verb.
func (c *Certificate) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// LogValue returns what String returns.
func (c *Certificate) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText returns what String returns.
func (c *Certificate) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
