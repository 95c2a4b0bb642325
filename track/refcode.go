package track

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
)

// How a Ref is packed into few bytes, for a local part has 64 octets. The first byte
// holds the way of the type and that of the id, half a byte each. The ways are part of
// what is in mailboxes all over the world: they stay for ever.
const (
	typeEmail = 0x00 // the type "email", which costs nothing
	typeText  = 0x10 // a byte of length, and the type
)

const (
	idText      = iota // as it is
	idNumber           // decimal, without leading zeros: a varint
	idUUID             // 8-4-4-4-12 hexadecimal digits in lower case: 16 bytes
	idUpperUUID        // likewise in upper case
	idHex              // an even number of hexadecimal digits in lower case: half as many bytes
)

const emailType = "email"

// packRef returns a Ref in few bytes.
func packRef(r Ref) ([]byte, error) {
	switch {
	case r.ID == "":
		return nil, errors.New("track: there is no email to refer to")
	case len(r.Type) > 255:
		return nil, errors.New("track: the type of the email has more than 255 bytes")
	}
	way, id := packID(r.ID)
	if r.Type == emailType {
		return append([]byte{typeEmail | way}, id...), nil
	}
	b := append([]byte{typeText | way, byte(len(r.Type))}, r.Type...)
	return append(b, id...), nil
}

func packID(id string) (way byte, b []byte) {
	if n, err := strconv.ParseUint(id, 10, 64); err == nil && strconv.FormatUint(n, 10) == id {
		return idNumber, binary.AppendUvarint(nil, n)
	}
	for _, way := range [...]byte{idUUID, idUpperUUID, idHex} {
		if b, ok := packHex(way, id); ok {
			return way, b
		}
	}
	return idText, []byte(id)
}

// packHex packs an id in one of the hexadecimal ways, if it comes back as it is.
func packHex(way byte, id string) ([]byte, bool) {
	digits := make([]byte, 0, len(id))
	for i := range len(id) {
		if id[i] != '-' {
			digits = append(digits, id[i])
		}
	}
	b, err := hex.DecodeString(string(digits))
	if err != nil {
		return nil, false
	}
	back, ok := unpackID(way, b)
	return b, ok && back == id
}

// unpackRef reads what packRef wrote. Whoever calls it has checked the signature.
func unpackRef(b []byte) (r Ref, ok bool) {
	if len(b) < 2 {
		return Ref{}, false
	}
	way, rest := b[0]&0x0f, b[1:]
	switch b[0] & 0xf0 {
	case typeEmail:
		r.Type = emailType
	case typeText:
		n := int(rest[0])
		if len(rest) < 1+n {
			return Ref{}, false
		}
		r.Type, rest = string(rest[1:1+n]), rest[1+n:]
	default:
		return Ref{}, false
	}
	r.ID, ok = unpackID(way, rest)
	if !ok || r.ID == "" {
		return Ref{}, false
	}
	return r, true
}

func unpackID(way byte, b []byte) (string, bool) {
	switch way {
	case idText:
		return string(b), true
	case idNumber:
		n, size := binary.Uvarint(b)
		return strconv.FormatUint(n, 10), size > 0 && size == len(b)
	case idUUID, idUpperUUID:
		if len(b) != 16 {
			return "", false
		}
		s := hex.EncodeToString(b)
		s = s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
		if way == idUpperUUID {
			s = asciiUpper(s)
		}
		return s, true
	case idHex:
		return hex.EncodeToString(b), true
	}
	return "", false
}

func asciiUpper(s string) string {
	b := []byte(s)
	for i := range b {
		if 'a' <= b[i] && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}
