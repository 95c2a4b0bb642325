package certificate

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/go-serversync/serversync/secret"
)

// exportIterations is how often passwords are hashed in what is written. A PFX has it three times, and
// Windows takes 600,000 of all together.
const exportIterations = 100_000

// CertificatePEM returns the certificate in PEM, without its key, which is what an administrator registers.
func (c *Certificate) CertificatePEM() []byte { return inPEM(c.chain[:1]) }

func inPEM(certificates []*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certificates {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a Buffer takes everything
	}
	return b.Bytes()
}

// PFX returns the certificate, those that vouch for it and its key as a PFX file, protected by a password with
// AES-256 and SHA-256. It fails with CodeKept if the key is kept where it cannot be copied from, and with
// CodeUnsupported in a process that may not compute SHA-1 (GODEBUG=fips140=only), by which such a
// file says which certificate its key belongs to: there is PEM for that. An empty password protects nothing.
func (c *Certificate) PFX(password secret.Text) (file []byte, err error) {
	if err := c.copied(); err != nil {
		return nil, err
	}
	if err := (&opener{password: password}).ucs2(); err != nil {
		return nil, err
	}
	err = guarded(func() (err error) {
		file, err = pkcs12.Modern2023.WithIterations(exportIterations).Encode(c.Signer(), c.chain[0], c.chain[1:], password.Reveal())
		return err
	})
	if err != nil {
		return nil, fail(CodeUnsupported, "it cannot be written as PFX")
	}
	return file, nil
}

// PEM returns the key, the certificate and those that vouch for it in PEM. With a password the key is
// encrypted, with AES-256 and SHA-256; without one it is in clear. It fails as PFX does.
func (c *Certificate) PEM(password secret.Text) ([]byte, error) {
	if err := c.copied(); err != nil {
		return nil, err
	}
	plain, err := x509.MarshalPKCS8PrivateKey(c.Signer())
	if err != nil {
		return nil, fail(CodeUnsupported, "the key cannot be written")
	}
	block := &pem.Block{Type: typePKCS8, Bytes: plain}
	if !password.IsZero() {
		sealed, err := seal(plain, password)
		if err != nil {
			return nil, err
		}
		block = &pem.Block{Type: typeEncrypted, Bytes: sealed}
	}
	return append(pem.EncodeToMemory(block), inPEM(c.chain)...), nil
}

// copied says whether the key can be copied.
func (c *Certificate) copied() error {
	switch c.Signer().(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey:
		return nil
	}
	return fail(CodeKept)
}

// seal encrypts a key (PBES2, with PBKDF2 of HMAC-SHA-256, and AES-256-CBC).
func seal(plain []byte, password secret.Text) ([]byte, error) {
	salt, iv := make([]byte, 16), make([]byte, aes.BlockSize)
	rand.Read(salt) // it never fails
	rand.Read(iv)
	key, err := pbkdf2.Key(sha256.New, password.Reveal(), salt, exportIterations, 32)
	if err != nil {
		return nil, fail(CodeUnsupported)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fail(CodeUnsupported)
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	prf := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}, Parameters: asn1.NullRawValue}
	kdf := der(pbkdf2Params{Salt: asn1.RawValue{Tag: asn1.TagOctetString, Bytes: salt}, Iterations: big.NewInt(exportIterations), PRF: prf})
	scheme := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, Parameters: asn1.RawValue{FullBytes: der(iv)}}
	how := der(pbes2{pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2, Parameters: asn1.RawValue{FullBytes: kdf}}, scheme})
	return der(encryptedKey{pkix.AlgorithmIdentifier{Algorithm: oidPBES2, Parameters: asn1.RawValue{FullBytes: how}}, padded}), nil
}
