package ntlm

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/go-serversync/serversync/provider"
)

// A challenge message (MS-NLMP, section 2.2.1.2) begins with these fields, by offset:
// signature 0, type 8, target's name 12, flags 20, the challenge itself 24, target's
// information 40. A field of two lengths and an offset says where in the message its value is.
const (
	atType   = 8
	atTarget = 12
	atFlags  = 20
	atInfo   = 40
	fixed    = 48
)

// maxChallenge is far more than the names of a domain can make.
const maxChallenge = 16 << 10

// The flags that matter (MS-NLMP, section 2.2.2.5).
const (
	flagUnicode = 1 << 0
	flagLMKey   = 1 << 7
	flagKeyExch = 1 << 30
)

// The end of the target's information, and its longest sensible list.
const (
	avEnd  = 0
	maxAVs = 64
)

var (
	errShort   = errors.New("the challenge is too short")
	errHuge    = errors.New("the challenge is too long")
	errNone    = errors.New("what the server sent is no challenge")
	errOutside = errors.New("the challenge names bytes outside of itself")
	errPairs   = errors.New("the challenge's list of names has no end")
	errOld     = errors.New("the server wants an NTLM that is older than version 2, or without Unicode")
	errKeys    = errors.New("the server wants keys exchanged, as for signing and sealing")
)

var signature = []byte("NTLMSSP\x00")

// check checks a challenge in full before the library reads it: hostile ones have made
// libraries read outside of the message (CVE-2026-32952).
func check(m []byte) error {
	bad := func(err error) error { return failure(provider.ErrProtocol, "challenge", err, "") }
	switch {
	case len(m) > maxChallenge:
		return bad(errHuge)
	case len(m) < fixed && !bytes.HasPrefix(m, signature):
		return bad(errNone)
	case len(m) < fixed:
		return bad(errShort)
	case !bytes.HasPrefix(m, signature) || binary.LittleEndian.Uint32(m[atType:]) != 2:
		return bad(errNone)
	}
	flags := binary.LittleEndian.Uint32(m[atFlags:])
	switch {
	case flags&flagUnicode == 0 || flags&flagLMKey != 0:
		return failure(provider.ErrUnsupported, "challenge", errOld, "have the server take NTLMv2")
	case flags&flagKeyExch != 0:
		return failure(provider.ErrUnsupported, "challenge", errKeys, "have the server not require signing or sealing over TLS")
	}
	if _, ok := field(m, atTarget); !ok {
		return bad(errOutside)
	}
	info, ok := field(m, atInfo)
	if !ok {
		return bad(errOutside)
	}
	if len(info) > 0 && !ends(info) {
		return bad(errPairs)
	}
	return nil
}

// field returns a field's value.
func field(m []byte, at int) ([]byte, bool) {
	size, offset := uint64(binary.LittleEndian.Uint16(m[at:])), uint64(binary.LittleEndian.Uint32(m[at+4:]))
	if size == 0 {
		return nil, true
	}
	if offset < fixed || offset+size > uint64(len(m)) {
		return nil, false
	}
	return m[offset : offset+size], true
}

// ends reports whether a list of names and values (MS-NLMP, section 2.2.2.1) comes to its
// end within its bytes.
func ends(list []byte) bool {
	for range maxAVs {
		if len(list) < 4 {
			return false
		}
		id, size := binary.LittleEndian.Uint16(list), int(binary.LittleEndian.Uint16(list[2:]))
		if id == avEnd {
			return size == 0
		}
		if list = list[4:]; size > len(list) {
			return false
		}
		list = list[size:]
	}
	return false
}
