// Package jwt writes JSON Web Tokens (RFC 7519) in their compact form, and reads the claims of those that
// we were given, without judging them: who issued a token and who takes it do that.
package jwt

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-serversync/serversync/internal/tokens"
)

// The algorithms (RFC 7518, section 3.1).
const (
	PS256 = "PS256" // RSASSA-PSS, as Entra ID wants it
	RS256 = "RS256" // RSASSA-PKCS1-v1_5, as Exchange Server knows it
	None  = "none"  // no signature
)

var encoding = base64.RawURLEncoding

var (
	errKey  = errors.New("tokens are signed with RSA keys only")
	errForm = errors.New("the token is no JWT")
)

// Sign returns a token with a header and claims. alg, one of those above, is set in header. key is not
// needed for None.
func Sign(alg string, header, claims map[string]any, key crypto.Signer) (string, error) {
	header["alg"] = alg
	signed, err := part(header)
	if err != nil {
		return "", err
	}
	body, err := part(claims)
	if err != nil {
		return "", err
	}
	signed += "." + body
	if alg == None {
		return signed + ".", nil
	}
	if _, ok := key.Public().(*rsa.PublicKey); !ok {
		return "", errKey
	}
	var how crypto.SignerOpts = crypto.SHA256
	if alg == PS256 {
		how = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	digest := sha256.Sum256([]byte(signed))
	signature, err := key.Sign(rand.Reader, digest[:], how)
	if err != nil {
		return "", fmt.Errorf("the key does not sign: %w", err)
	}
	return signed + "." + encoding.EncodeToString(signature), nil
}

// part encodes one part.
func part(v map[string]any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return encoding.EncodeToString(bytes.TrimRight(b.Bytes(), "\n")), nil
}

// The bounds of a token that is read.
const (
	maxToken = 64 << 10
	maxDepth = 20
)

// Claims returns the header and the claims of a token that is within bounds. Nothing is verified. The
// error quotes nothing.
func Claims(token string) (header, claims map[string]any, err error) {
	if len(token) > maxToken || strings.Count(token, ".") != 2 {
		return nil, nil, errForm
	}
	parts := strings.Split(token, ".")
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := encoding.DecodeString(strings.TrimRight(parts[i], "="))
		if err != nil || tokens.Shallow(text) != nil || json.Unmarshal(text, into) != nil || *into == nil {
			return nil, nil, errForm
		}
	}
	return header, claims, nil
}
