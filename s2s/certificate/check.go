package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"time"
)

// The keys that are taken. Longer ones cost more work with each token than they are worth.
const (
	leastRSA = 2048
	mostRSA  = 8192
)

// Check says whether the certificate is good at a time. The error is an *provider.Error with
// CodeExpired or CodeNotYet.
func (c *Certificate) Check(now time.Time) error {
	switch leaf := c.chain[0]; {
	case now.After(leaf.NotAfter):
		return fail(CodeExpired, "it was good until ", leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fail(CodeNotYet, "it is good from ", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// strong says whether issuers take a key.
func strong(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		switch bits := k.N.BitLen(); {
		case bits < leastRSA || bits > mostRSA:
			return fail(CodeWeak, "RSA with ", bits, " bits")
		case k.E < 3 || k.E&1 == 0:
			return fail(CodeWeak, "RSA with an exponent of ", k.E)
		}
		return nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return nil
		}
		return fail(CodeWeak, "an elliptic curve other than P-256 and P-384")
	}
	return fail(CodeWeak, "neither RSA nor ECDSA")
}

// order finds the certificate of a key among others, and puts those that vouch for it behind it.
func order(key crypto.PublicKey, all []*x509.Certificate) ([]*x509.Certificate, error) {
	if err := strong(key); err != nil {
		return nil, err
	}
	public, ok := key.(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, fail(CodeWeak)
	}
	var leaf *x509.Certificate
	for _, c := range all {
		// Of a certificate that was renewed with the same key the newest counts.
		if c != nil && public.Equal(c.PublicKey) && (leaf == nil || c.NotAfter.After(leaf.NotAfter)) {
			leaf = c
		}
	}
	switch {
	case len(all) == 0:
		return nil, fail(CodeNone)
	case leaf == nil:
		return nil, fail(CodeMismatch)
	case leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return nil, fail(CodeUse)
	}
	return behind(leaf, all), nil
}

// behind returns c and those of all that vouch for it, one behind the other.
func behind(c *x509.Certificate, all []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{c}
	for len(chain) <= len(all) {
		next := issuerOf(chain[len(chain)-1], all)
		if next == nil {
			break
		}
		chain = append(chain, next)
	}
	return chain
}

// issuerOf returns who has signed c, nil if it is not among all, or c itself.
func issuerOf(c *x509.Certificate, all []*x509.Certificate) *x509.Certificate {
	for _, by := range all {
		if by != nil && !by.Equal(c) && string(by.RawSubject) == string(c.RawIssuer) && by.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil {
			return by
		}
	}
	return nil
}
