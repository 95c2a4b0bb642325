package certificate

import (
	"bytes"
	"encoding/pem"
	"strings"

	"github.com/go-serversync/serversync/secret"
)

// LoadPEM reads a certificate, those that vouch for it, and its key, from one file of PEM or from
// several, in any order, with or without text in between. Among several a certificate may be DER, as a .cer
// often is. Keys are PKCS #8, PKCS #1 or SEC 1, in clear or encrypted with a password: by PBES2 (which
// openssl writes), by the password-based encryption of PKCS #12, or as RFC 1423 has it.
func LoadPEM(password secret.Text, files ...[]byte) (*Certificate, error) {
	return (&opener{password: password}).pem(files...)
}

func (o *opener) pem(files ...[]byte) (*Certificate, error) {
	size, p := 0, &parts{}
	for _, file := range files {
		if size += len(file); size > maxData {
			return nil, fail(CodeTooLarge)
		}
		if err := p.addFile(file); err != nil {
			return nil, err
		}
	}
	return p.certificate(o)
}

var begin = []byte("-----BEGIN ")

// addFile adds what stands in one file.
func (p *parts) addFile(file []byte) error {
	if isDER(file) {
		return p.addCertificate(file)
	}
	text := asUTF8(file)
	marked, all := bytes.Count(text, begin), blocks(file)
	switch {
	case marked > maxParts:
		return fail(CodeTooLarge)
	case marked == 0:
		return fail(CodeMalformed)
	case marked != len(all):
		return fail(CodeMalformed, "a part of the PEM is cut off or damaged")
	}
	for _, block := range all {
		if err := p.addBlock(block); err != nil {
			return err
		}
	}
	return nil
}

// blocks returns the blocks of a PEM file that are whole, none if there are too many.
func blocks(file []byte) (all []*pem.Block) {
	text := asUTF8(file)
	if bytes.Count(text, begin) > maxParts {
		return nil
	}
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return all
		}
		all, text = append(all, block), rest
	}
}

// addBlock adds one block, if it is a certificate or a key. Others, such as EC PARAMETERS, are passed over.
func (p *parts) addBlock(block *pem.Block) error {
	switch {
	case block.Type == "CERTIFICATE", block.Type == "X509 CERTIFICATE":
		return p.addCertificate(block.Bytes)
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return p.addKey(block)
	}
	return nil
}
