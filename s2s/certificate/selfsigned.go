package certificate

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"time"
	"unicode"
	"unicode/utf8"
)

// SelfSignedOptions say what certificate [SelfSigned] makes. The zero value is good for evaluation.
type SelfSignedOptions struct {
	CommonName string        // the subject; "serversync evaluation" if empty
	Bits       int           // of the RSA key: 2,048 (which 0 means, and Microsoft's guides have), 3,072 or 4,096
	NotBefore  time.Time     // ten minutes ago if zero, for clocks that differ
	Valid      time.Duration // from NotBefore; a year if 0
}

// SelfSigned makes a certificate with a new RSA key, for evaluation: one that nobody vouches for, whose
// public part an administrator registers ([Certificate.Registration] says how). Keep it with
// [Certificate.PFX] or [Certificate.PEM], for a new one would have to be registered again. For production
// Microsoft advises against certificates that are self-signed.
func SelfSigned(o SelfSignedOptions) (*Certificate, error) {
	if o.CommonName == "" {
		o.CommonName = "serversync evaluation"
	}
	if o.Bits == 0 {
		o.Bits = leastRSA
	}
	if o.NotBefore.IsZero() {
		o.NotBefore = time.Now().Add(-10 * time.Minute)
	}
	from := o.NotBefore.UTC().Truncate(time.Second) // which is what a certificate can say
	to := from.AddDate(1, 0, 0)
	if o.Valid != 0 {
		to = from.Add(o.Valid).Truncate(time.Second)
	}
	switch {
	case o.Bits != 2048 && o.Bits != 3072 && o.Bits != 4096:
		return nil, fail(CodeOptions, "RSA with ", o.Bits, " bits instead of 2048, 3072 or 4096")
	case !to.After(from) || to.Year() > 9999 || from.Year() < 1950:
		return nil, fail(CodeOptions, "it would end before it begins, or in a year that certificates do not have")
	case !isName(o.CommonName):
		return nil, fail(CodeOptions, "its name is too long, or not printable")
	}
	key, err := rsa.GenerateKey(rand.Reader, o.Bits)
	if err != nil {
		return nil, fail(CodeUnsupported, "no key can be made")
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: o.CommonName},
		NotBefore:             from,
		NotAfter:              to,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		SignatureAlgorithm:    x509.SHA256WithRSA,
		BasicConstraintsValid: true, // it is no authority
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fail(CodeUnsupported, "no certificate can be made")
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fail(CodeUnsupported, "no certificate can be made")
	}
	return FromSigner(key, leaf)
}

// isName says whether a certificate can have a common name (ub-common-name of RFC 5280, appendix A).
func isName(name string) bool {
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(name) && utf8.RuneCountInString(name) <= 64
}
