package certificate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/canarytest"
	"github.com/go-serversync/serversync/secret"
)

// The password of tests, which is a canary, and one that is wrong.
const canary = "Kanarienvogel-7731-geheim"

var right, wrong = secret.New(canary), secret.New("falsch")

// Keys are made once: that takes a while.
var (
	rsaKeyOf = sync.OnceValue(func() *rsa.PrivateKey { return made(rsa.GenerateKey(rand.Reader, 2048)) })
	otherKey = sync.OnceValue(func() *rsa.PrivateKey { return made(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKeyOf  = sync.OnceValue(func() *ecdsa.PrivateKey { return made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A maker makes a certificate of a key; who signs it is the key itself if by is nil.
type maker struct {
	name     string
	from, to time.Time
	use      x509.KeyUsage
	by       *x509.Certificate
	byKey    crypto.Signer
}

func (m maker) of(key crypto.Signer) *x509.Certificate {
	template := &x509.Certificate{SerialNumber: made(rand.Int(rand.Reader, big.NewInt(1<<62))), Subject: pkix.Name{CommonName: m.name},
		NotBefore: m.from, NotAfter: m.to, KeyUsage: m.use, BasicConstraintsValid: true, IsCA: m.use&x509.KeyUsageCertSign != 0}
	if m.from.IsZero() {
		template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(time.Hour)
	}
	if m.by == nil {
		m.by, m.byKey = template, key
	}
	return made(x509.ParseCertificate(made(x509.CreateCertificate(rand.Reader, template, m.by, key.Public(), m.byKey))))
}

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// onlyFIPS says whether the process may do only what FIPS 140 approves (GODEBUG=fips140=only).
func onlyFIPS() (only bool) {
	defer func() { only = recover() != nil }()
	sha1.Sum(nil)
	return false
}

func notUnderFIPS(t *testing.T, why string) {
	if onlyFIPS() {
		t.Skip("under fips140=only: " + why)
	}
}

// refused requires an error with a code, that shows no password.
func refused(t *testing.T, code string, err error, what ...any) {
	t.Helper()
	require.Error(t, err, what...)
	require.Equal(t, code, codeOf(err), what...)
	told := canarytest.Told(err)
	canarytest.None(t, canary, "the error", told)
	require.NotContains(t, told, "pkcs12:", "words of the library")
}

// within requires that f allocates no more than so many bytes, all that it frees again included.
func within(t *testing.T, most uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, most)
}

// inPEMOf writes blocks.
func inPEMOf(kind string, der ...[]byte) []byte {
	var b bytes.Buffer
	for _, d := range der {
		pem.Encode(&b, &pem.Block{Type: kind, Bytes: d})
	}
	return b.Bytes()
}

func pkcs8(key any) []byte { return made(x509.MarshalPKCS8PrivateKey(key)) }

// The algorithms of protection, with so many iterations.
func modern(iterations *big.Int) pkix.AlgorithmIdentifier {
	prf := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}}
	kdf := der(pbkdf2Params{Salt: asn1.RawValue{Tag: asn1.TagOctetString, Bytes: make([]byte, 16)}, Iterations: iterations, PRF: prf})
	scheme := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, Parameters: asn1.RawValue{FullBytes: der(make([]byte, 16))}}
	return algorithm(oidPBES2, pbes2{pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2, Parameters: asn1.RawValue{FullBytes: kdf}}, scheme})
}

func tripleDES(iterations *big.Int) pkix.AlgorithmIdentifier {
	return algorithm(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}, legacyParams{make([]byte, 8), iterations})
}

func rc2(iterations *big.Int) pkix.AlgorithmIdentifier {
	return algorithm(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 6}, legacyParams{make([]byte, 8), iterations})
}

func algorithm(id asn1.ObjectIdentifier, parameters any) pkix.AlgorithmIdentifier {
	return pkix.AlgorithmIdentifier{Algorithm: id, Parameters: asn1.RawValue{FullBytes: der(parameters)}}
}

// Parts of a PFX.
func certificateBag(c *x509.Certificate) safeBag {
	return bag(oidCertBag, der(certBag{oidX509, c.Raw}))
}

func shrouded(a pkix.AlgorithmIdentifier, sealed []byte) safeBag {
	return bag(oidShroudedBag, der(encryptedKey{a, sealed}))
}

func encryptedPart(a pkix.AlgorithmIdentifier, sealed []byte) contentInfo {
	return contentInfo{oidEncryptedData, explicit(der(encryptedData{0, encryptedContent{oidData, a, sealed}}))}
}

func part(bags ...safeBag) contentInfo { return content(der(bags)) }

// pfxOf returns a PFX with a code of one iteration for a password in UTF-16.
func pfxOf(_ *testing.T, password secret.Text, contents ...contentInfo) []byte {
	return sealed(der(contents), (&opener{password: password}).passwords()[0])
}

// openssl runs openssl in a folder of its own.
type openssl struct {
	t      *testing.T
	folder string
}

func newOpenSSL(t *testing.T) openssl {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("there is no openssl")
	}
	return openssl{t, t.TempDir()}
}

// try runs it and says whether it could do that.
func (o openssl) try(args ...string) bool {
	c := exec.Command("openssl", args...)
	c.Dir = o.folder
	out, err := c.CombinedOutput()
	if err != nil {
		o.t.Logf("openssl %v: %v: %.300s", args, err, out)
	}
	return err == nil
}

func (o openssl) run(args ...string) {
	o.t.Helper()
	require.True(o.t, o.try(args...), "openssl %v", args)
}

func (o openssl) read(name string) []byte {
	o.t.Helper()
	data, err := os.ReadFile(filepath.Join(o.folder, name))
	require.NoError(o.t, err)
	return data
}

func (o openssl) write(name string, data []byte) {
	o.t.Helper()
	require.NoError(o.t, os.WriteFile(filepath.Join(o.folder, name), data, 0o600))
}
