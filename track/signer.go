package track

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"

	"github.com/go-serversync/serversync/secret"
)

// A Signer makes references to emails that nobody else can make, and recognizes
// them: as part of a Message-ID or of an address. A nil Signer recognizes none.
//
// A reference is the key's ID, a hyphen and, in base32, the name of the email and the
// first 128 bits of an HMAC-SHA256 (RFC 2104, section 5; RFC 4868) over it, the
// organization and the use. It is of small letters and digits and outlives a change
// of case, for mail systems lower the case of local parts.
type Signer struct{ keys []*signingKey }

// A SigningKey is one of a Signer's keys.
type SigningKey struct {
	ID  string      // 1 to 8 letters and digits, in lower case
	Key secret.Text // 32 bytes or more
}

const (
	minSigningKey = 32 // bytes
	macSize       = 16 // bytes

	maxLocalPart = 64  // octets (RFC 5321, section 4.5.3.1.1)
	maxPath      = 254 // octets of an address (RFC 5321, section 4.5.3.1.3, less the angle brackets)
	maxMessageID = 320 // octets that package item, and databases, keep of a Message-ID
)

// NewSigner returns a Signer that signs with the first key and believes all of them,
// so that keys can be rotated.
func NewSigner(keys ...SigningKey) (*Signer, error) {
	if len(keys) == 0 {
		return nil, errors.New("track: a signer needs a key")
	}
	seen := make(map[string]bool, len(keys))
	for i, k := range keys {
		switch {
		case len(k.ID) < 1 || len(k.ID) > 8 || strings.Trim(k.ID, "abcdefghijklmnopqrstuvwxyz0123456789") != "":
			return nil, fmt.Errorf("track: the ID of signing key %d is not 1 to 8 letters and digits in lower case", i+1)
		case seen[k.ID]:
			return nil, fmt.Errorf("track: two signing keys have the ID %q", k.ID)
		case len(k.Key.Reveal()) < minSigningKey:
			return nil, fmt.Errorf("track: signing key %q has fewer than %d bytes", k.ID, minSigningKey)
		}
		seen[k.ID] = true
	}
	s := &Signer{}
	for _, k := range keys {
		s.keys = append(s.keys, &signingKey{SigningKey: k})
	}
	return s, nil
}

// The uses of references. That of a Message-ID, which many people see, is none in an
// address.
const (
	useMessageID = "reference message-id"
	useAddress   = "reference address"
	useText      = "text " // and what the caller says
)

// MessageID returns a Message-ID, without angle brackets, that refers to an email of
// the organization's. Random is what makes it unique: letters, digits, dots and
// hyphens. It fails if the id would have more than 320 octets.
func (s *Signer) MessageID(organization string, email Ref, random, domain string) (string, error) {
	if random == "" || domain == "" || strings.ContainsFunc(random, notInID) || strings.ContainsFunc(domain, notInID) {
		return "", errors.New("track: a Message-ID is made of letters, digits, dots and hyphens")
	}
	reference, err := s.reference(organization, useMessageID, email)
	if err != nil {
		return "", err
	}
	id := random + "." + reference + "@" + domain
	if len(id) > maxMessageID {
		return "", fmt.Errorf("track: the Message-ID would have %d octets, more than %d: the name of the email is too long", len(id), maxMessageID)
	}
	return id, nil
}

// Address returns the plus-address of address that refers to an email, so that an
// answer to it is recognized (RFC 5233: a subaddress). It fails if the local part would
// have more than the 64 octets that are allowed: a reference takes 45 and more, 55 for
// an email named by UUID, with a key's ID of two characters and the type "email", which
// costs nothing.
func (s *Signer) Address(organization string, email Ref, address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 || strings.ContainsFunc(address, notInAddress) || strings.Count(address, "@") > 1 {
		return "", errors.New("track: it is no address that could have a subaddress")
	}
	reference, err := s.reference(organization, useAddress, email)
	if err != nil {
		return "", err
	}
	local := address[:at] + "+" + reference
	if len(local) > maxLocalPart {
		return "", fmt.Errorf("track: the local part would have %d octets, more than %d: the address or the name of the email is too long", len(local), maxLocalPart)
	}
	if n := len(local) + len(address) - at; n > maxPath {
		return "", fmt.Errorf("track: the address would have %d octets, more than %d", n, maxPath)
	}
	return local + address[at:], nil
}

func notInID(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '-' || r == '_')
}

func notInAddress(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune(`"<>()[],;:\`, r)
}

// Verify returns the email that a Message-ID or an address refers to, if the
// reference is one of ours and of this organization. One that was changed on its way
// is none.
func (s *Signer) Verify(organization, idOrAddress string) (Ref, bool) {
	if s == nil {
		return Ref{}, false
	}
	reference, use := referenceIn(idOrAddress)
	key, code, ok := s.keyOf(reference)
	if !ok {
		return Ref{}, false
	}
	var space [128]byte
	raw, ok := decodeBase32(space[:0], code)
	n := len(raw) - macSize
	if !ok || n < 1 {
		return Ref{}, false
	}
	if want := key.mac(organization, use, raw[:n]); !hmac.Equal(raw[n:], want[:]) {
		return Ref{}, false
	}
	return unpackRef(raw[:n])
}

// looksOurs reports whether a Message-ID or an address has what could be a reference of
// ours by its form: somebody who guesses has to write one.
func (s *Signer) looksOurs(idOrAddress string) bool {
	reference, _ := referenceIn(idOrAddress)
	_, code, ok := s.keyOf(reference)
	if !ok || len(code) > maxMessageID {
		return false
	}
	var space [2 * maxMessageID]byte
	raw, ok := decodeBase32(space[:0], code)
	return ok && len(raw) > macSize
}

// sign returns a code that proves that text was signed by us, for this organization
// and use. It is of small letters, digits and a hyphen.
func (s *Signer) sign(organization, use, text string) string {
	mac := s.keys[0].mac(organization, useText+use, []byte(text))
	return s.keys[0].ID + "-" + base32Text.EncodeToString(mac[:])
}

// check reports whether mac is what [Signer.sign] returned for all of these, in any
// case of letters.
func (s *Signer) check(organization, use, text, mac string) bool {
	if s == nil {
		return false
	}
	key, code, ok := s.keyOf(mac)
	if !ok || len(code) > 2*macSize {
		return false
	}
	got, ok := decodeBase32(nil, code)
	want := key.mac(organization, useText+use, []byte(text))
	return ok && hmac.Equal(got, want[:])
}

func (s *Signer) reference(organization, use string, email Ref) (string, error) {
	payload, err := packRef(email)
	if err != nil {
		return "", err
	}
	mac := s.keys[0].mac(organization, use, payload)
	return s.keys[0].ID + "-" + base32Text.EncodeToString(append(payload, mac[:]...)), nil
}

// keyOf splits a reference, or a mac, into its key and its code.
func (s *Signer) keyOf(reference string) (key *signingKey, code string, ok bool) {
	id, code, ok := strings.Cut(reference, "-")
	if !ok || len(id) > 8 {
		return nil, "", false
	}
	id = asciiLower(id)
	for i := range s.keys {
		if s.keys[i].ID == id {
			return s.keys[i], code, true
		}
	}
	return nil, "", false
}

// A signingKey is a SigningKey in use.
type signingKey struct {
	SigningKey
	idle sync.Pool // of *macState
}

// A macState is what it takes to compute one mac after the other.
type macState struct {
	hash  hash.Hash
	input []byte
	sum   []byte
}

// mac returns the first bytes of the HMAC. Each part has its length before it, so that
// no two lists of parts are the same bytes.
func (k *signingKey) mac(organization, use string, payload []byte) (mac [macSize]byte) {
	s, ok := k.idle.Get().(*macState)
	if !ok {
		s = &macState{hash: hmac.New(sha256.New, []byte(k.Key.Reveal()))}
	}
	s.input = appendPart(s.input[:0], k.ID)
	s.input = appendPart(s.input, use)
	s.input = appendPart(s.input, organization)
	s.input = appendPart(s.input, payload)
	s.hash.Reset()
	s.hash.Write(s.input)
	s.sum = s.hash.Sum(s.sum[:0])
	copy(mac[:], s.sum)
	k.idle.Put(s)
	return mac
}

func appendPart[T string | []byte](b []byte, part T) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
}

// referenceIn returns the reference at the end of a local part, and its use.
func referenceIn(idOrAddress string) (reference, use string) {
	at := strings.LastIndexByte(idOrAddress, '@')
	if at < 0 || len(idOrAddress) > 2*maxMessageID {
		return "", ""
	}
	local := idOrAddress[:at]
	from := strings.LastIndexAny(local, ".+")
	switch {
	case from < 0:
		return "", ""
	case local[from] == '+':
		return local[from+1:], useAddress
	}
	return local[from+1:], useMessageID
}

var base32Text = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// decodeBase32 appends to b what base32Text wrote, in any case of letters. Bits left
// over at the end have to be zero and fewer than a letter's, so that no two texts mean
// the same.
func decodeBase32(b []byte, code string) ([]byte, bool) {
	var buffer uint16
	bits := 0
	for i := range len(code) {
		var v byte
		switch c := code[i]; {
		case 'a' <= c && c <= 'z':
			v = c - 'a'
		case 'A' <= c && c <= 'Z':
			v = c - 'A'
		case '2' <= c && c <= '7':
			v = c - '2' + 26
		default:
			return nil, false
		}
		buffer, bits = buffer<<5|uint16(v), bits+5
		if bits >= 8 {
			bits -= 8
			b = append(b, byte(buffer>>bits))
			buffer &= 1<<bits - 1
		}
	}
	return b, buffer == 0 && bits < 5
}

func asciiLower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
