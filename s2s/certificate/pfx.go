package certificate

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"

	"github.com/go-serversync/serversync/secret"
)

// Of PKCS #12 (RFC 7292) and PKCS #7.
var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidKeyBag        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
)

// The parts of a PFX, in the words of RFC 7292. A count of iterations is a big.Int: it is judged before it is a number.
type (
	pfxPDU struct {
		Version  int
		AuthSafe contentInfo
		MAC      macData `asn1:"optional"`
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	macData struct {
		MAC        digestInfo
		Salt       []byte
		Iterations *big.Int `asn1:"optional"`
	}
	digestInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	encryptedData struct {
		Version int
		Info    encryptedContent
	}
	encryptedContent struct {
		Type      asn1.ObjectIdentifier
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte `asn1:"tag:0,optional"`
	}
	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue `asn1:"tag:0,explicit"`
		Attributes asn1.RawValue `asn1:"optional"`
	}
	certBag struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}
)

// LoadPFX reads a certificate, those that vouch for it, and its key, from a PFX file (PKCS #12) or its
// base64: AES and SHA-2 as well as what older Windows and OpenSSL write, RC2 and Triple DES with SHA-1.
func LoadPFX(data []byte, password secret.Text) (*Certificate, error) {
	return (&opener{password: password}).pfx(data)
}

func (o *opener) pfx(data []byte) (*Certificate, error) {
	if len(data) > maxData {
		return nil, fail(CodeTooLarge)
	}
	if plain, ok := fromBase64(data); ok {
		data = plain
	}
	var pdu pfxPDU
	var safe []byte
	if err := unmarshal(data, &pdu); err != nil {
		if (&parts{}).addCertificate(data) == nil {
			return nil, fail(CodeNoKey, "it is a certificate alone")
		}
		return nil, err
	}
	if pdu.Version != 3 || !pdu.AuthSafe.Type.Equal(oidData) {
		return nil, fail(CodeUnsupported, "it is protected with a certificate instead of a password")
	}
	if err := unmarshal(pdu.AuthSafe.Content.Bytes, &safe); err != nil {
		return nil, err
	}
	p := &parts{}
	if err := o.verify(pdu.MAC, safe); err != nil {
		return nil, err
	}
	left := maxParts
	if err := each(safe, &left, func(der []byte) error { return p.addContent(der, o, &left) }); err != nil {
		return nil, err
	}
	return p.certificate(o)
}

// each calls do with the parts of a SEQUENCE, one after the other: read as a whole they would be a
// hundred times as large as they are. left counts them.
func each(der []byte, left *int, do func(der []byte) error) error {
	var sequence asn1.RawValue
	if err := unmarshal(der, &sequence); err != nil {
		return err
	}
	if sequence.Class != asn1.ClassUniversal || sequence.Tag != asn1.TagSequence || !sequence.IsCompound {
		return fail(CodeMalformed)
	}
	for rest := sequence.Bytes; len(rest) > 0; {
		var part asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &part); err != nil {
			return fail(CodeMalformed)
		}
		if *left--; *left < 0 {
			return fail(CodeTooLarge)
		}
		if err := do(part.FullBytes); err != nil {
			return err
		}
	}
	return nil
}

// addContent adds what stands in a part of the PFX, which may be encrypted.
func (p *parts) addContent(der []byte, o *opener, left *int) error {
	var content contentInfo
	if err := unmarshal(der, &content); err != nil {
		return err
	}
	var bags []byte
	switch {
	case content.Type.Equal(oidData):
		if err := unmarshal(content.Content.Bytes, &bags); err != nil {
			return err
		}
	case content.Type.Equal(oidEncryptedData):
		var sealed encryptedData
		if err := unmarshal(content.Content.Bytes, &sealed); err != nil {
			return err
		}
		if isLegacy(sealed.Info.Algorithm) {
			return o.legacyCertificates(sealed.Info, p)
		}
		var err error
		if bags, err = o.open(sealed.Info.Algorithm, sealed.Info.Data); err != nil {
			return err
		}
		var whole asn1.RawValue
		if unmarshal(bags, &whole) != nil {
			return o.damaged()
		}
	default:
		return fail(CodeUnsupported, "a part of it is protected with a certificate instead of a password")
	}
	return each(bags, left, p.addBag)
}

// addBag adds a certificate or a key. What else a PFX can hold, such as revocation lists, is passed over.
func (p *parts) addBag(der []byte) error {
	var bag safeBag
	if err := unmarshal(der, &bag); err != nil {
		return err
	}
	switch {
	case bag.ID.Equal(oidKeyBag):
		return p.addKey(&pem.Block{Type: typePKCS8, Bytes: bag.Value.Bytes})
	case bag.ID.Equal(oidShroudedBag):
		return p.addKey(&pem.Block{Type: typeEncrypted, Bytes: bag.Value.Bytes})
	case bag.ID.Equal(oidCertBag):
		var c certBag
		if err := unmarshal(bag.Value.Bytes, &c); err != nil {
			return err
		}
		if c.ID.Equal(oidX509) {
			return p.addCertificate(c.Data)
		}
	}
	return nil
}
