package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"slices"
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
		if k == nil || k.N == nil {
			return fail(CodeWeak, "there is nothing in it")
		}
		return strongNumbers(k.N, k.E)
	case *ecdsa.PublicKey:
		if k != nil && (k.Curve == elliptic.P256() || k.Curve == elliptic.P384()) {
			return nil
		}
		return fail(CodeWeak, otherCurve)
	}
	return fail(CodeWeak, "neither RSA nor ECDSA")
}

// strongNumbers says whether issuers take a key of RSA with a modulus and an exponent.
func strongNumbers(n *big.Int, e int) error {
	switch bits := n.BitLen(); {
	case bits < leastRSA || bits > mostRSA:
		return fail(CodeWeak, "RSA with ", bits, " bits")
	case e < 3 || e&1 == 0:
		return fail(CodeWeak, "RSA with an exponent of ", e)
	}
	return nil
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

// What stands behind a certificate is looked for with so many verified signatures at most. A file can hold
// many certificates of one name, whose keys are as slow as can be.
const mostVerified = 32

// behind returns c and those of all that vouch for it, one behind the other, each once.
func behind(c *x509.Certificate, all []*x509.Certificate) []*x509.Certificate {
	chain, verified := []*x509.Certificate{c}, 0
	for last := c; last != nil; {
		of := last
		last = nil
		for _, by := range all {
			if by == nil || string(by.RawSubject) != string(of.RawIssuer) || slices.ContainsFunc(chain, by.Equal) || !quick(by.PublicKey) {
				continue
			}
			if verified++; verified > mostVerified {
				return chain
			}
			if by.CheckSignature(of.SignatureAlgorithm, of.RawTBSCertificate, of.Signature) == nil {
				chain, last = append(chain, by), by
				break
			}
		}
	}
	return chain
}

// quick says that signatures of a key are verified in a millisecond or so.
func quick(key crypto.PublicKey) bool {
	k, ok := key.(*rsa.PublicKey)
	return !ok || k.N.BitLen() <= mostRSA
}
