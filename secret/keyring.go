package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Keyring seals secrets for storage with AES-256-GCM. Each sealed secret names the
// key that sealed it, so that keys can be rotated: seal with the new one, keep the
// old ones for opening, and [Keyring.Reseal] what [Keyring.Stale] tells.
//
// A Keyring is safe for use by many goroutines. It does not show its keys, however
// it is printed.
type Keyring struct {
	current string

	// The ciphers sit behind a closure for the reason that Text's value does: what
	// walks a value by reflection, as a test's diff does, would show round keys.
	cipher func(id string) cipher.AEAD
}

// Binding is where a sealed secret belongs. What was sealed for one place does not
// open in another, so that whoever can write to the database cannot move a secret
// to where he can use it. Fill in all that apply: Organization and Field, and
// Mailbox or Profile. A mailbox and a profile of one name are two places.
type Binding struct {
	Organization string
	Mailbox      string // of a mailbox's secret
	Profile      string // of a profile's secret
	Field        string // such as "password"
}

// The errors of opening. Neither tells anything about the secret.
var (
	ErrUnknownKey = errors.New("secret: sealed with a key that is not on the keyring; add the key, or enter the secret anew")
	ErrSealed     = errors.New("secret: damaged, or sealed for another place; enter the secret anew")
)

// sealVersion is the first byte of a sealed secret. Behind it stand the length of
// the key id, the key id, and nonce and ciphertext as the standard library makes
// them (cipher.NewGCMWithRandomNonce). What is in front of the nonce is
// authenticated with the binding. Version 1, which was never released, told no
// profile from a mailbox.
const sealVersion = 2

// NewKeyring returns a keyring of 32-byte keys by id. The key named current seals;
// all of them open. An id has 1 to 255 bytes and is no secret. The keys are copied:
// the caller may clear his own.
func NewKeyring(current string, keys map[string][]byte) (*Keyring, error) {
	ciphers := make(map[string]cipher.AEAD)
	of := make(map[[32]byte]string) // the id that has this key
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		key := keys[id]
		if id == "" || len(id) > 255 {
			return nil, fmt.Errorf("secret: key id %q has not 1 to 255 bytes", id)
		}
		if len(key) != 32 {
			return nil, fmt.Errorf("secret: key %q has %d bytes, want 32", id, len(key))
		}
		switch other, twice := of[[32]byte(key)]; {
		case [32]byte(key) == [32]byte{}:
			return nil, fmt.Errorf("secret: key %q is nothing but zeros", id)
		case twice:
			return nil, fmt.Errorf("secret: %q and %q are one key, which is no rotation", other, id)
		}
		of[[32]byte(key)] = id
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("secret: key %q: %w", id, err)
		}
		if ciphers[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("secret: key %q: %w", id, err)
		}
	}
	clear(of)
	if ciphers[current] == nil {
		return nil, fmt.Errorf("secret: the current key %q is not among the keys", current)
	}
	return &Keyring{current, func(id string) cipher.AEAD { return ciphers[id] }}, nil
}

// Seal returns t sealed for b with the current key. An empty t can be sealed too.
// The length of t shows.
func (k *Keyring) Seal(t Text, b Binding) []byte {
	head := append([]byte{sealVersion, byte(len(k.current))}, k.current...)
	return k.cipher(k.current).Seal(head, nil, []byte(t.Reveal()), b.data(head))
}

// Open returns what was sealed for b. The error is [ErrUnknownKey], with the name
// of the key that it takes, or [ErrSealed].
func (k *Keyring) Open(sealed []byte, b Binding) (Text, error) {
	id, head, body, ok := split(sealed)
	if !ok {
		return Text{}, ErrSealed
	}
	aead := k.cipher(id)
	if aead == nil {
		return Text{}, fmt.Errorf("%w (%q)", ErrUnknownKey, id)
	}
	plain, err := aead.Open(nil, nil, body, b.data(head))
	if err != nil {
		return Text{}, ErrSealed
	}
	return New(string(plain)), nil
}

// Stale reports whether a secret was sealed with another key than the current one
// and should be sealed again. Once nothing that is stored is stale, the other keys
// can go.
func (k *Keyring) Stale(sealed []byte) bool {
	id, _, _, _ := split(sealed) // "" if it is damaged, which no key is called
	return id != k.current
}

// Reseal returns what was sealed for b, sealed with the current key: as it is if it
// is not [Keyring.Stale]. It opens it in either case, so that a walk through all
// that is stored finds what is damaged. The errors are Open's.
func (k *Keyring) Reseal(sealed []byte, b Binding) ([]byte, error) {
	t, err := k.Open(sealed, b)
	if err != nil {
		return nil, err
	}
	if !k.Stale(sealed) {
		return sealed, nil
	}
	return k.Seal(t, b), nil
}

func split(sealed []byte) (id string, head, body []byte, ok bool) {
	if len(sealed) < 2 || sealed[0] != sealVersion || sealed[1] == 0 || len(sealed) < 2+int(sealed[1]) {
		return "", nil, nil, false
	}
	n := 2 + int(sealed[1])
	return string(sealed[2:n]), sealed[:n], sealed[n:], true
}

// data returns head and b's parts, each with its length in front, so that no two
// bindings run together.
func (b Binding) data(head []byte) []byte {
	var data []byte
	for _, part := range []string{string(head), b.Organization, b.Mailbox, b.Profile, b.Field} {
		data = binary.AppendUvarint(data, uint64(len(part)))
		data = append(data, part...)
	}
	return data
}
