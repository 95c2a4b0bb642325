package certificate

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"hash"
	"math/big"
)

// Of PKCS #5 (RFC 8018, appendices A and B).
var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidPBMAC1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
)

// hmacs are the functions that PBKDF2 is done with.
var hmacs = map[string]func() hash.Hash{
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// ciphers are the ciphers of PBES2, with the lengths of their keys.
var ciphers = map[string]struct {
	key int
	new func([]byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

// pbes2 is PBES2-params, and PBMAC1-params as well.
type pbes2 struct{ KDF, Scheme pkix.AlgorithmIdentifier }

// pbkdf2Params is PBKDF2-params.
type pbkdf2Params struct {
	Salt       asn1.RawValue
	Iterations *big.Int
	Length     int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// unmarshal reads DER that has nothing behind it.
func unmarshal(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	switch {
	case isBER(err):
		return fail(CodeMalformed, "it is BER with indefinite lengths, where DER is asked for")
	case err != nil:
		return fail(CodeMalformed)
	case len(rest) > 0:
		return fail(CodeMalformed, "something stands behind its end")
	}
	return nil
}

// isBER says whether what was read is of an encoding that some makers use and that is not DER.
func isBER(err error) bool {
	var e asn1.StructuralError
	var s asn1.SyntaxError
	const words = "indefinite length found (not DER)"
	return errors.As(err, &s) && s.Msg == words || errors.As(err, &e) && e.Msg == words
}

// spend counts iterations before they are done, and refuses what is too many.
func (o *opener) spend(iterations *big.Int) (int, error) {
	switch {
	case iterations == nil || iterations.Sign() <= 0:
		return 0, fail(CodeMalformed, "its count of iterations is none")
	case iterations.Cmp(big.NewInt(int64(maxIterations-o.done))) > 0:
		return 0, fail(CodeTooLarge, "it asks for more than ", maxIterations, " iterations")
	}
	n := int(iterations.Int64())
	o.done += n
	return n, nil
}

// stretch makes a key of the password, by PBKDF2.
func (o *opener) stretch(kdf pkix.AlgorithmIdentifier, length int) ([]byte, error) {
	if !kdf.Algorithm.Equal(oidPBKDF2) {
		return nil, fail(CodeUnsupported, "its password is not used by PBKDF2 (scrypt and Argon2 are not known)")
	}
	var p pbkdf2Params
	if err := unmarshal(kdf.Parameters.FullBytes, &p); err != nil {
		return nil, err
	}
	prf := sha1.New // which is what it is if nothing is said
	if len(p.PRF.Algorithm) > 0 {
		prf = hmacs[p.PRF.Algorithm.String()]
	}
	switch {
	case prf == nil || p.Salt.Class != asn1.ClassUniversal || p.Salt.Tag != asn1.TagOctetString:
		return nil, fail(CodeUnsupported)
	case length == 0:
		length = p.Length
	case p.Length != 0 && p.Length != length:
		return nil, fail(CodeMalformed)
	}
	iterations, err := o.spend(p.Iterations)
	if err != nil {
		return nil, err
	}
	var key []byte
	err = guarded(func() (err error) {
		key, err = pbkdf2.Key(prf, o.password.Reveal(), p.Salt.Bytes, iterations, length)
		return err
	})
	if err != nil { // lengths are right, so that only FIPS 140 is left
		return nil, fail(CodeUnsupported, "PBKDF2 with SHA-1, or with a salt of less than 16 bytes, may not be used")
	}
	return key, nil
}

// open decrypts what PBES2 protects.
func (o *opener) open(algorithm pkix.AlgorithmIdentifier, data []byte) ([]byte, error) {
	if !algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fail(CodeUnsupported)
	}
	var p pbes2
	if err := unmarshal(algorithm.Parameters.FullBytes, &p); err != nil {
		return nil, err
	}
	how, known := ciphers[p.Scheme.Algorithm.String()]
	if !known {
		return nil, fail(CodeUnsupported)
	}
	var iv []byte
	if err := unmarshal(p.Scheme.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	key, err := o.stretch(p.KDF, how.key)
	if err != nil {
		return nil, err
	}
	var plain []byte
	err = guarded(func() error {
		block, err := how.new(key)
		if err != nil {
			return fail(CodeUnsupported)
		}
		if len(iv) != block.BlockSize() || len(data) == 0 || len(data)%len(iv) != 0 {
			return fail(CodeMalformed)
		}
		plain = make([]byte, len(data))
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
		return nil
	})
	if err != nil {
		return nil, err
	}
	n := int(plain[len(plain)-1])
	if n == 0 || n > len(iv) || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, o.damaged()
	}
	return plain[:len(plain)-n], nil
}

// openRFC1423 decrypts a key that PEM itself protects, as OpenSSL did before 1.0.
func (o *opener) openRFC1423(block *pem.Block) (der []byte, err error) {
	err = guarded(func() (err error) {
		//lint:ignore SA1019 It is weak, as is said there. Keys that somebody has are read, not written.
		der, err = x509.DecryptPEMBlock(block, []byte(o.password.Reveal()))
		switch {
		case err == nil:
			return nil
		case errors.Is(err, x509.IncorrectPasswordError):
			return fail(CodePassword)
		}
		return fail(CodeUnsupported, "its encryption is none of RFC 1423 that is known")
	})
	return der, err
}

// guarded does something that panics where it may not be done under FIPS 140. What is said there is not
// repeated: it could quote what it was given.
func guarded(do func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = fail(CodeUnsupported)
		}
	}()
	return do()
}
