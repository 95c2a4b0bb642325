package certificate

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math/big"
	"slices"
	"unicode/utf16"

	"software.sslmate.com/src/go-pkcs12"
)

// The password-based encryption that PKCS #12 alone has (RFC 7292, appendix C), as far as it is known: with
// Triple DES, and with RC2 of 128 and of 40 bits.
var legacy = []string{"1.2.840.113549.1.12.1.3", "1.2.840.113549.1.12.1.5", "1.2.840.113549.1.12.1.6"}

func isLegacy(a pkix.AlgorithmIdentifier) bool {
	return slices.Contains(legacy, a.Algorithm.String())
}

// digests are the digests that protect a PFX, with the lengths of their blocks.
var digests = map[string]struct {
	new   func() hash.Hash
	block int
}{
	"1.3.14.3.2.26":          {sha1.New, 64},
	"2.16.840.1.101.3.4.2.4": {sha256.New224, 64},
	"2.16.840.1.101.3.4.2.1": {sha256.New, 64},
	"2.16.840.1.101.3.4.2.2": {sha512.New384, 128},
	"2.16.840.1.101.3.4.2.3": {sha512.New, 128},
}

// passwords returns what the password may be as PKCS #12 has it (RFC 7292, appendix B.1): in UCS-2 with two
// zeros behind it, or in UTF-16, as Windows and OpenSSL take it. Some write an empty one without the zeros, as if there
// were none.
func (o *opener) passwords() (all [][]byte) {
	var wide []byte
	for _, unit := range utf16.Encode([]rune(o.password.Reveal())) {
		wide = binary.BigEndian.AppendUint16(wide, unit)
	}
	if all = [][]byte{append(wide, 0, 0)}; len(wide) == 0 {
		all = append(all, nil)
	}
	return all
}

// ucs2 returns an error if the library cannot take the password: it has UCS-2 alone.
func (o *opener) ucs2() error {
	for _, r := range o.password.Reveal() {
		if r > 0xffff {
			return fail(CodeUnsupported, "the password has characters, such as emoji, that are not taken with RC2 and Triple DES, or in a file that is written")
		}
	}
	return nil
}

// verify checks the code that protects a PFX as a whole, if it has one. It tells at once if the password is wrong.
func (o *opener) verify(mac macData, safe []byte) error {
	if len(mac.MAC.Algorithm.Algorithm) == 0 {
		return nil
	}
	if mac.MAC.Algorithm.Algorithm.Equal(oidPBMAC1) {
		return o.verifyPBMAC1(mac, safe)
	}
	how, known := digests[mac.MAC.Algorithm.Algorithm.String()]
	if !known {
		return fail(CodeUnsupported)
	}
	if mac.Iterations == nil {
		mac.Iterations = big.NewInt(1)
	}
	for _, password := range o.passwords() {
		n, err := o.spend(mac.Iterations)
		if err != nil {
			return err
		}
		err = guarded(func() error {
			code := hmac.New(how.new, macKey(how.new, how.block, mac.Salt, password, n))
			code.Write(safe)
			o.verified = hmac.Equal(code.Sum(nil), mac.MAC.Digest)
			return nil
		})
		if err != nil || o.verified {
			return err
		}
	}
	return fail(CodePassword)
}

// verifyPBMAC1 does it as RFC 9579 has it.
func (o *opener) verifyPBMAC1(mac macData, safe []byte) error {
	var p pbes2
	var kdf pbkdf2Params
	if err := unmarshal(mac.MAC.Algorithm.Parameters.FullBytes, &p); err != nil {
		return err
	}
	how := hmacs[p.Scheme.Algorithm.String()]
	if how == nil || !p.KDF.Algorithm.Equal(oidPBKDF2) {
		return fail(CodeUnsupported)
	}
	if err := unmarshal(p.KDF.Parameters.FullBytes, &kdf); err != nil {
		return err
	}
	if kdf.Length < 20 || kdf.Length > sha512.Size { // section 5: a short key could be guessed
		return fail(CodeMalformed)
	}
	key, err := o.stretch(p.KDF, 0)
	if err != nil {
		return err
	}
	err = guarded(func() error {
		code := hmac.New(how, key)
		code.Write(safe)
		o.verified = hmac.Equal(code.Sum(nil), mac.MAC.Digest)
		return nil
	})
	if err == nil && !o.verified {
		err = fail(CodePassword)
	}
	return err
}

// macKey makes the key of a code out of a password (RFC 7292, appendix B.2). It is as long as the digest,
// so that one round makes the whole of it.
func macKey(digest func() hash.Hash, block int, salt, password []byte, iterations int) []byte {
	h := digest()
	h.Write(bytes.Repeat([]byte{3}, block)) // which is what keys of codes begin with
	h.Write(fill(salt, block))
	h.Write(fill(password, block))
	key := h.Sum(nil)
	for range iterations - 1 {
		h.Reset()
		h.Write(key)
		key = h.Sum(key[:0])
	}
	return key
}

// fill repeats what fills whole blocks.
func fill(with []byte, block int) []byte {
	if len(with) == 0 {
		return nil
	}
	n := (len(with) + block - 1) / block * block
	return bytes.Repeat(with, n/len(with)+1)[:n]
}

// legacyParams is pkcs-12PbeParams.
type legacyParams struct {
	Salt       []byte
	Iterations *big.Int
}

// through has the library decrypt. It takes whole files only and opens all that it finds in them, so that it
// gets a file of ours that has one part and what else the library asks for, with a code of one iteration.
// The iterations of that part are counted before, once for each form of the password.
func (o *opener) through(algorithm pkix.AlgorithmIdentifier, contents ...contentInfo) (key any, certificates []*x509.Certificate, err error) {
	var p legacyParams
	if err := unmarshal(algorithm.Parameters.FullBytes, &p); err != nil {
		return nil, nil, err
	}
	if err := o.ucs2(); err != nil {
		return nil, nil, err
	}
	safe := der(contents)
	for _, password := range o.passwords() {
		if _, err = o.spend(p.Iterations); err != nil {
			return nil, nil, err
		}
		err = guarded(func() error {
			k, leaf, others, err := pkcs12.DecodeChain(sealed(safe, password), o.password.Reveal())
			key, certificates = k, append([]*x509.Certificate{leaf}, others...)
			return err
		})
		if err == nil || codeOf(err) != "" {
			return key, certificates, err
		}
	}
	return nil, nil, err
}

// sealed returns a PFX with a code of one iteration, whatever the digest of the file itself.
func sealed(safe, password []byte) []byte {
	salt := make([]byte, 64)
	code := hmac.New(sha256.New, macKey(sha256.New, 64, salt, password, 1))
	code.Write(safe)
	mac := digestInfo{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}}, code.Sum(nil)}
	return der(pfxPDU{3, content(safe), macData{mac, salt, big.NewInt(1)}})
}

// legacyKey opens and reads a key. some is any certificate, without which the library gives none.
func (o *opener) legacyKey(sealed encryptedKey, some *x509.Certificate) (crypto.Signer, error) {
	bags := []safeBag{bag(oidShroudedBag, der(sealed)), bag(oidCertBag, der(certBag{oidX509, some.Raw}))}
	key, _, err := o.through(sealed.Algorithm, content(der(bags)))
	switch {
	case codeOf(err) != "":
		return nil, err
	case err != nil:
		return nil, o.damaged()
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fail(CodeWeak, "neither RSA nor ECDSA")
	}
	return signer, strong(signer.Public())
}

// legacyCertificates reads the certificates of an encrypted part. The library refuses a second key before it
// opens it, so that a key of ours stands before: one in that part is not opened, whose iterations we
// could not count before.
func (o *opener) legacyCertificates(sealed encryptedContent, p *parts) error {
	if len(sealed.Data) > maxLegacy {
		return fail(CodeTooLarge)
	}
	theirs := contentInfo{oidEncryptedData, explicit(der(encryptedData{0, sealed}))}
	_, all, err := o.through(sealed.Algorithm, content(der([]safeBag{bag(oidKeyBag, nobodysKey())})), theirs)
	switch {
	case codeOf(err) != "":
		return err
	case err != nil && err.Error() == "pkcs12: expected exactly one key bag":
		return fail(CodeUnsupported, "its key is within an encrypted part")
	case err != nil && err.Error() == "pkcs12: certificate missing":
		return nil
	case err != nil:
		return o.damaged()
	}
	for _, c := range all {
		if err := p.addCertificate(c.Raw); err != nil {
			return err
		}
	}
	return nil
}

// nobodysKey is a key of Ed25519 that is all zeros (RFC 8410, section 7).
func nobodysKey() []byte {
	head, _ := hex.DecodeString("302e020100300506032b657004220420")
	return append(head, make([]byte, 32)...)
}

// content and bag write parts of a PFX.
func content(safe []byte) contentInfo { return contentInfo{oidData, explicit(der(safe))} }

func bag(id asn1.ObjectIdentifier, value []byte) safeBag {
	return safeBag{ID: id, Value: explicit(value)}
}

// explicit returns a value of the tag [0].
func explicit(value []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: value}
}

// der writes DER of what was read or is ours, which cannot fail.
func der(v any) []byte {
	b, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
