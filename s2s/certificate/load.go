package certificate

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/go-serversync/serversync/secret"
)

// The bounds of what is read. A certificate with its key and a chain has some 10 KiB.
const (
	maxData        = 1 << 20   // of all files together
	maxParts       = 64        // certificates, keys and the like
	maxCertificate = 64 << 10  // one certificate
	maxKey         = 16 << 10  // one key
	maxLegacy      = 256 << 10 // one part that the library decrypts, and takes apart as a whole
	maxIterations  = 1_000_000 // to make keys of a password, of all parts together
)

// Load reads a certificate with its key, from a PFX file (PKCS #12, also one in base64, as vaults give it)
// or from PEM: it sees which it is. password is the zero Text where there is none. The error is an
// *provider.Error with one of the package's codes. Whether it is good now [Certificate.Check] tells.
func Load(data []byte, password secret.Text) (*Certificate, error) {
	if len(data) > maxData {
		return nil, fail(CodeTooLarge)
	}
	if plain, ok := fromBase64(data); ok {
		data = plain
	}
	if !isDER(data) && len(blocks(data)) > 0 {
		return LoadPEM(password, data)
	}
	return LoadPFX(data, password)
}

// isDER says whether data begins as certificates, keys and PFX files do: with a SEQUENCE.
func isDER(data []byte) bool { return len(data) > 1 && data[0] == 0x30 && data[1] >= 0x80 }

// fromBase64 returns what data is the base64 of.
func fromBase64(data []byte) ([]byte, bool) {
	text := bytes.TrimRight(bytes.Join(bytes.Fields(asUTF8(data)), nil), "=")
	plain := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(plain, text)
	return plain[:n], err == nil && n > 0
}

// asUTF8 returns a text without its byte order mark, and in UTF-8 if it was in UTF-16, as PowerShell writes files.
func asUTF8(text []byte) []byte {
	order := map[string]binary.ByteOrder{"\xff\xfe": binary.LittleEndian, "\xfe\xff": binary.BigEndian}[string(text[:min(2, len(text))])]
	if order == nil {
		return bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	var units []uint16
	for text = text[2:]; len(text) > 1; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return []byte(string(utf16.Decode(units)))
}

// parts is what a file holds.
type parts struct {
	certificates []*x509.Certificate
	keys         []*pem.Block // as PEM has them, also those of a PFX
}

// addCertificate adds a certificate.
func (p *parts) addCertificate(der []byte) error {
	if len(der) > maxCertificate || len(p.certificates) == maxParts {
		return fail(CodeTooLarge)
	}
	c, err := x509.ParseCertificate(der)
	switch {
	case err != nil && strings.Contains(err.Error(), "negative serial number"):
		return fail(CodeMalformed, "a certificate has a negative serial number, which RFC 5280 forbids: leave it out, if it is not the one that is meant, or have it made anew")
	case err != nil:
		return fail(CodeMalformed, "a certificate cannot be read")
	}
	p.certificates = append(p.certificates, c)
	return nil
}

// addKey adds a key, which may be there several times.
func (p *parts) addKey(key *pem.Block) error {
	if len(key.Bytes) > maxKey {
		return fail(CodeTooLarge)
	}
	if !slices.ContainsFunc(p.keys, func(k *pem.Block) bool { return k.Type == key.Type && bytes.Equal(k.Bytes, key.Bytes) }) {
		p.keys = append(p.keys, key)
	}
	return nil
}

// certificate puts the parts together. No key is opened where it could not be used.
func (p *parts) certificate(with *opener) (*Certificate, error) {
	switch {
	case len(p.keys) == 0:
		return nil, fail(CodeNoKey)
	case len(p.keys) > 1:
		return nil, fail(CodeTwoKeys)
	case len(p.certificates) == 0:
		return nil, fail(CodeNone)
	}
	signer, err := with.key(p.keys[0], p.certificates[0])
	if err != nil {
		return nil, err
	}
	return FromSigner(signer, p.certificates...)
}
