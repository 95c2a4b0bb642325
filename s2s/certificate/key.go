package certificate

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"

	"github.com/go-serversync/serversync/secret"
)

// The types of keys in PEM.
const (
	typePKCS8     = "PRIVATE KEY"
	typeEncrypted = "ENCRYPTED PRIVATE KEY"
	typePKCS1     = "RSA PRIVATE KEY"
	typeSEC1      = "EC PRIVATE KEY"
)

// An opener opens the protected parts of one file.
type opener struct {
	password secret.Text
	verified bool // the password is known to be right
	done     int  // the iterations that were done
}

// damaged is the error of something that does not look as it should after it was decrypted.
func (o *opener) damaged() error {
	if o.verified {
		return fail(CodeMalformed)
	}
	return fail(CodePassword)
}

// key opens and reads a key. some is any certificate.
func (o *opener) key(block *pem.Block, some *x509.Certificate) (crypto.Signer, error) {
	if _, there := block.Headers["DEK-Info"]; there {
		der, err := o.openRFC1423(block)
		if err != nil {
			return nil, err
		}
		return o.decrypted(parseKey(block.Type, der))
	}
	if block.Type != typeEncrypted {
		return parseKey(block.Type, block.Bytes)
	}
	var sealed encryptedKey
	if err := unmarshal(block.Bytes, &sealed); err != nil {
		return nil, err
	}
	if isLegacy(sealed.Algorithm) {
		return o.legacyKey(sealed, some)
	}
	der, err := o.open(sealed.Algorithm, sealed.Data)
	if err != nil {
		return nil, err
	}
	return o.decrypted(parseKey(typePKCS8, der))
}

// decrypted says of a key that cannot be read that the password was wrong: what is decrypted with a wrong
// one can look as if it were padded well.
func (o *opener) decrypted(key crypto.Signer, err error) (crypto.Signer, error) {
	if codeOf(err) == CodeMalformed {
		return nil, o.damaged()
	}
	return key, err
}

// encryptedKey is EncryptedPrivateKeyInfo (RFC 5958, section 3).
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// privateKey is PrivateKeyInfo (RFC 5958, section 2), as far as it says what key it is.
type privateKey struct {
	Version   int
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

// rsaKey is RSAPrivateKey (RFC 8017, appendix A.1.2), as far as it says how large it is.
type rsaKey struct {
	Version int
	N, E    *big.Int
}

// ecKey is ECPrivateKey (RFC 5915, section 3), as far as it says which curve it is on.
type ecKey struct {
	Version int
	Key     []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
}

const otherCurve = "an elliptic curve other than P-256 and P-384"

var (
	oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEC  = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	curves = []string{"1.2.840.10045.3.1.7", "1.3.132.0.34"} // P-256 and P-384
)

// parseKey reads a key that is in clear. What it is, is looked at first: checking a key that is too large
// takes long, and the standard library's words for one that it does not know help nobody.
func parseKey(kind string, der []byte) (crypto.Signer, error) {
	var key any
	var err error
	switch kind {
	case typePKCS1:
		if err := strongRSA(der); err != nil {
			return nil, err
		}
		key, err = x509.ParsePKCS1PrivateKey(der)
	case typeSEC1:
		var ec ecKey
		if _, err := asn1.Unmarshal(der, &ec); err != nil {
			return nil, fail(CodeMalformed, "the key cannot be read")
		}
		if !slices.Contains(curves, ec.Curve.String()) {
			return nil, fail(CodeWeak, otherCurve)
		}
		key, err = x509.ParseECPrivateKey(der)
	case typePKCS8:
		if err := strongPKCS8(der); err != nil {
			return nil, err
		}
		key, err = x509.ParsePKCS8PrivateKey(der)
	case "OPENSSH PRIVATE KEY":
		return nil, fail(CodeUnsupported, "it is a key of SSH")
	default:
		return nil, fail(CodeWeak, "neither RSA nor ECDSA")
	}
	if err != nil {
		return nil, fail(CodeMalformed, "the key cannot be read")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fail(CodeWeak, "it does not sign")
	}
	return signer, strong(signer.Public())
}

// strongPKCS8 says whether a key is one that issuers take.
func strongPKCS8(der []byte) error {
	var key privateKey
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return fail(CodeMalformed, "the key cannot be read")
	}
	switch {
	case key.Algorithm.Algorithm.Equal(oidRSA):
		return strongRSA(key.Key)
	case key.Algorithm.Algorithm.Equal(oidEC):
		var curve asn1.ObjectIdentifier
		if err := unmarshal(key.Algorithm.Parameters.FullBytes, &curve); err != nil || !slices.Contains(curves, curve.String()) {
			return fail(CodeWeak, otherCurve)
		}
		return nil
	}
	return fail(CodeWeak, "neither RSA nor ECDSA")
}

// strongRSA says whether a key of RSA is one that issuers take.
func strongRSA(der []byte) error {
	var key rsaKey
	if _, err := asn1.Unmarshal(der, &key); err != nil || key.N == nil || key.E == nil {
		return fail(CodeMalformed, "the key cannot be read")
	}
	if !key.E.IsInt64() || int64(int(key.E.Int64())) != key.E.Int64() {
		return fail(CodeWeak, "RSA with an exponent of ", key.E.BitLen(), " bits")
	}
	return strongNumbers(key.N, int(key.E.Int64()))
}
