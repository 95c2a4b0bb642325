package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Keyring seals secrets for storage with AES-256-GCM. Each sealed secret names the
// key that sealed it, so that keys can be rotated: seal with the new one, keep the
// old ones for opening, and seal again what [Keyring.Stale] tells.
//
// A Keyring is safe for use by many goroutines.
type Keyring struct {
	current string
	ciphers map[string]cipher.AEAD
}

// Binding is where a sealed secret belongs. What was sealed for one place does not
// open in another, so that whoever can write to the database cannot move a secret
// to where he can use it.
type Binding struct {
	Organization string
	Mailbox      string // or profile
	Field        string // such as "password"
}

// The errors of opening. Neither tells anything about the secret.
var (
	ErrUnknownKey = errors.New("secret: sealed with a key that is not on the keyring; add the key, or enter the secret anew")
	ErrSealed     = errors.New("secret: damaged, or sealed for another place; enter the secret anew")
)

// sealVersion is the first byte of a sealed secret. Behind it stand the length of
// the key id, the key id, and nonce and ciphertext as the standard library makes
// them (cipher.NewGCMWithRandomNonce).
const sealVersion = 1

// NewKeyring returns a keyring of 32-byte keys by id. The key named current seals;
// all of them open. An id has 1 to 255 bytes.
func NewKeyring(current string, keys map[string][]byte) (*Keyring, error) {
	k := &Keyring{current: current, ciphers: make(map[string]cipher.AEAD)}
	for id, key := range keys {
		if id == "" || len(id) > 255 {
			return nil, fmt.Errorf("secret: key id %q has not 1 to 255 bytes", id)
		}
		if len(key) != 32 {
			return nil, fmt.Errorf("secret: key %q has %d bytes, want 32", id, len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("secret: key %q: %w", id, err)
		}
		if k.ciphers[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("secret: key %q: %w", id, err)
		}
	}
	if k.ciphers[current] == nil {
		return nil, fmt.Errorf("secret: the current key %q is not among the keys", current)
	}
	return k, nil
}

// Seal returns t sealed for b with the current key.
func (k *Keyring) Seal(t Text, b Binding) []byte {
	sealed := append([]byte{sealVersion, byte(len(k.current))}, k.current...)
	return k.ciphers[k.current].Seal(sealed, nil, []byte(t.Reveal()), b.data())
}

// Open returns what was sealed for b. The error is [ErrUnknownKey] or [ErrSealed].
func (k *Keyring) Open(sealed []byte, b Binding) (Text, error) {
	id, rest, ok := split(sealed)
	if !ok {
		return Text{}, ErrSealed
	}
	aead := k.ciphers[id]
	if aead == nil {
		return Text{}, ErrUnknownKey
	}
	plain, err := aead.Open(nil, nil, rest, b.data())
	if err != nil {
		return Text{}, ErrSealed
	}
	return New(string(plain)), nil
}

// Stale reports whether a secret was sealed with another key than the current one
// and should be sealed again.
func (k *Keyring) Stale(sealed []byte) bool {
	id, _, ok := split(sealed)
	return !ok || id != k.current
}

func split(sealed []byte) (id string, rest []byte, ok bool) {
	if len(sealed) < 2 || sealed[0] != sealVersion || len(sealed) < 2+int(sealed[1]) {
		return "", nil, false
	}
	n := 2 + int(sealed[1])
	return string(sealed[2:n]), sealed[n:], true
}

// data returns b's parts, each with its length in front, so that no two bindings
// run together.
func (b Binding) data() []byte {
	var data []byte
	for _, part := range []string{b.Organization, b.Mailbox, b.Field} {
		data = binary.AppendUvarint(data, uint64(len(part)))
		data = append(data, part...)
	}
	return data
}
