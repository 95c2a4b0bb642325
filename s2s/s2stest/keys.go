package s2stest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"net"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A Key is a public key that tokens are signed with.
type Key struct {
	ID          string // kid
	Public      *rsa.PublicKey
	Certificate *x509.Certificate
}

type signingKey struct {
	Key
	private *rsa.PrivateKey
	x5t     string // "" where SHA-1 may not be computed
}

var base64url = base64.RawURLEncoding

// newSigningKey makes what signs tokens with a key, a new one for nil. Entra's kid is the SHA-1 thumbprint of the key's certificate; where that may
// not be computed it is the SHA-256 one.
func newSigningKey(now time.Time, private *rsa.PrivateKey) (*signingKey, error) {
	if private == nil {
		var err error
		if private, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return nil, err
		}
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "accounts.issuer.example"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	k := &signingKey{Key: Key{Public: &private.PublicKey, Certificate: certificate}, private: private}
	if sum, ok := sha1Of(der); ok {
		k.x5t = base64url.EncodeToString(sum)
		k.ID = k.x5t
	} else {
		sum := sha256.Sum256(der)
		k.ID = base64url.EncodeToString(sum[:])
	}
	return k, nil
}

// sha1Of returns a SHA-1 thumbprint. ok is false in a process that may not compute it.
func sha1Of(der []byte) (sum []byte, ok bool) {
	defer func() {
		if recover() != nil { // which is how it is refused there
			sum, ok = nil, false
		}
	}()
	of := sha1.Sum(der)
	return of[:], true
}

func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	return new(big.Int).SetBytes(b[:])
}

// serverCertificate makes what the issuer shows in TLS, for loopback and further names.
func serverCertificate(hosts []string) (tls.Certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "s2stest"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
		DNSNames: append([]string{"localhost"}, hosts...), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}, err
}

// RotateKeys makes a new key sign tokens from now on. The one before stays known, and none that is older.
func (i *Issuer) RotateKeys() error {
	key, err := newSigningKey(i.now(), nil)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = []*signingKey{key, i.keys[0]}
	return nil
}

// Keys returns the keys that its tokens are verified with, the current one first.
func (i *Issuer) Keys() []Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	keys := make([]Key, len(i.keys))
	for n, k := range i.keys {
		keys[n] = k.Key
	}
	return keys
}

// Verify returns the claims of a token of its own that is good now, by its own clock. Whom it is for and
// what it permits is the caller's to judge. The error quotes nothing of the token.
func (i *Issuer) Verify(token string) (map[string]any, error) {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(i.now), jwt.WithExpirationRequired())
	_, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		for _, k := range i.Keys() {
			if k.ID == t.Header["kid"] {
				return k.Public, nil
			}
		}
		return nil, errors.New("it is signed with a key that is not known")
	})
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, errors.New("s2stest: the token has expired")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return nil, errors.New("s2stest: the token is not good yet")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, errors.New("s2stest: the token's signature is wrong")
	case err != nil:
		return nil, errors.New("s2stest: the token is none of this issuer's")
	}
	return claims, nil
}
