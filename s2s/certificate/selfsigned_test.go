package certificate

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/canarytest"
	"github.com/go-serversync/serversync/secret"
)

// A certificate for evaluation is what Entra ID takes, and is good from now on.
func TestSelfSigned(t *testing.T) {
	c, err := SelfSigned(SelfSignedOptions{})
	require.NoError(t, err)
	leaf := c.Leaf()
	require.NoError(t, c.Check(time.Now()))
	require.NoError(t, leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature))
	require.Equal(t, x509.SHA256WithRSA, leaf.SignatureAlgorithm)
	require.Equal(t, x509.KeyUsageDigitalSignature, leaf.KeyUsage)
	require.False(t, leaf.IsCA)
	require.Equal(t, "CN=serversync evaluation", leaf.Subject.String())
	require.Equal(t, 2048, leaf.PublicKey.(*rsa.PublicKey).N.BitLen())
	require.Equal(t, leaf.NotBefore.AddDate(1, 0, 0), leaf.NotAfter)
	require.Positive(t, leaf.SerialNumber.Sign())
	digest := sha256.Sum256([]byte("x"))
	_, err = c.Signer().Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	require.NoError(t, err)

	c, err = SelfSigned(SelfSignedOptions{CommonName: "Müller", Bits: 3072, NotBefore: now, Valid: 48 * time.Hour})
	require.NoError(t, err)
	require.Equal(t, now, c.Leaf().NotBefore)
	require.Equal(t, now.Add(48*time.Hour), c.NotAfter())
	require.Equal(t, "Müller", c.Leaf().Subject.CommonName)

	for name, o := range map[string]SelfSignedOptions{
		"short": {Bits: 1024}, "odd": {Bits: 2049}, "long": {Bits: 1 << 20}, "negative": {Bits: -1}, "ends before": {Valid: -time.Hour}, "no time": {Valid: time.Nanosecond},
		"far": {NotBefore: now.AddDate(9000, 0, 0)}, "name": {CommonName: strings.Repeat("x", 65)}, "lines": {CommonName: "a\nb"}, "bytes": {CommonName: "\xff"},
	} {
		_, err := SelfSigned(o)
		refused(t, CodeOptions, err, name)
	}
}

// What was made can be kept, and comes back as it was.
func TestExportsComeBack(t *testing.T) {
	ca := maker{name: "CA", use: x509.KeyUsageCertSign}.of(otherKey())
	for _, key := range []crypto.Signer{rsaKeyOf(), ecKeyOf()} {
		c, err := FromSigner(key, maker{name: "leaf", by: ca, byKey: otherKey()}.of(key), ca)
		require.NoError(t, err)
		same := func(file []byte, password secret.Text) {
			back, err := Load(file, password)
			require.NoError(t, err)
			require.Equal(t, c.Chain(), back.Chain())
			require.True(t, key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(back.Signer()))
		}
		for _, password := range []secret.Text{right, {}, secret.New("ß€"), secret.New("a\x00b")} {
			file, err := c.PEM(password)
			require.NoError(t, err)
			same(file, password)
			if !password.IsZero() {
				require.Contains(t, string(file), typeEncrypted)
				_, err = Load(file, wrong)
				refused(t, CodePassword, err)
			}
			file, err = c.PFX(password)
			if onlyFIPS() {
				refused(t, CodeUnsupported, err)
				continue
			}
			require.NoError(t, err)
			same(file, password)
		}
		_, err = c.PFX(secret.New("😀"))
		refused(t, CodeUnsupported, err)
		file, err := c.PEM(secret.New("😀"))
		require.NoError(t, err)
		same(file, secret.New("😀"))

		block, rest := pem.Decode(c.CertificatePEM())
		require.Equal(t, c.DER(), block.Bytes)
		require.Empty(t, rest)
	}
}

// kept signs with a key that it does not give up, as a vault does.
type kept struct{ key crypto.Signer }

func (k kept) Public() crypto.PublicKey { return k.key.Public() }
func (k kept) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return k.key.Sign(r, digest, o)
}

// odd is a signer whose key is none.
type odd struct{ kept }

func (odd) Public() crypto.PublicKey { return (*rsa.PublicKey)(nil) }

// A key that somebody else keeps serves as well, and cannot be exported.
func TestFromSigner(t *testing.T) {
	leaf := maker{name: "leaf"}.of(rsaKeyOf())
	c, err := FromSigner(kept{rsaKeyOf()}, nil, leaf)
	require.NoError(t, err)
	_, err = c.PFX(right)
	refused(t, CodeKept, err)
	_, err = c.PEM(right)
	refused(t, CodeKept, err)
	require.NotEmpty(t, c.CertificatePEM())
	canarytest.None(t, rsaKeyOf().D.String(), "the certificate", canarytest.Printed(struct{ C Certificate }{*c}))

	for code, f := range map[string]func() (*Certificate, error){
		CodeNoKey:    func() (*Certificate, error) { return FromSigner(nil, leaf) },
		CodeNone:     func() (*Certificate, error) { return FromSigner(rsaKeyOf()) },
		CodeMismatch: func() (*Certificate, error) { return FromSigner(otherKey(), leaf) },
		CodeWeak:     func() (*Certificate, error) { return FromSigner(odd{}, leaf) },
	} {
		_, err := f()
		refused(t, code, err)
	}
	require.Error(t, strong(nil))
	require.Error(t, strong(&rsa.PublicKey{N: new(big.Int)}))
}

// Registration says what to do and puts nothing into a command that could end it.
func TestRegistration(t *testing.T) {
	c, err := FromSigner(rsaKeyOf(), maker{name: "leaf"}.of(rsaKeyOf()))
	require.NoError(t, err)
	const id = "00000000-1111-2222-3333-44445555aaaa"
	text := c.Registration(id).String()
	for _, print := range c.Thumbprints() {
		require.Contains(t, text, print)
	}
	require.Contains(t, text, "2026-11-27")
	require.Contains(t, text, "az ad app credential reset --id "+id+` --cert "@serversync.cer" --append`)
	require.Contains(t, text, "Update-MgApplication")
	for _, hostile := range []string{"", "x; rm -rf /", "$(reboot)", "a' or 1 eq 1", "a\nb"} {
		text := c.Registration(hostile).String()
		require.Contains(t, text, `"<application (client) id>"`)
		if hostile != "" {
			require.NotContains(t, text, hostile)
		}
	}
}
