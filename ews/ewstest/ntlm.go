package ewstest

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	_ "crypto/sha512" // for certificates that are signed with it
	"crypto/x509"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf16"
)

// A handshake is NTLM's on a connection (MS-NLMP, section 1.3.1.1): the client has sent the
// first message and the server the second.
type handshake struct {
	first, second []byte
	challenge     []byte
}

var ntlmSignature = []byte("NTLMSSP\x00")

// The flags of a challenge (MS-NLMP, section 2.2.2.5): Unicode, a target that is a domain,
// NTLM, extended session security, the target's information.
const ntlmFlags = 1<<0 | 1<<2 | 1<<9 | 1<<15 | 1<<16 | 1<<19 | 1<<23

// The names and values of a target's information (MS-NLMP, section 2.2.2.1).
const (
	avEnd      = 0
	avComputer = 1
	avDomain   = 2
	avFlags    = 6
	avTime     = 7
	avBinding  = 10

	avHasMIC = 2 // in avFlags
)

// messageType returns which of NTLM's messages m is, 0 for none.
func messageType(m []byte) uint32 {
	if len(m) < 12 || !bytes.HasPrefix(m, ntlmSignature) {
		return 0
	}
	return binary.LittleEndian.Uint32(m[8:])
}

// newHandshake answers the first message with a challenge.
func newHandshake(first []byte, domain string) *handshake {
	h := &handshake{first: first, challenge: make([]byte, 8)}
	rand.Read(h.challenge)
	name := utf16le(domain)
	var info []byte
	add := func(id uint16, value []byte) {
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(value)))
		info = append(info, value...)
	}
	add(avDomain, name)
	add(avComputer, utf16le("MAIL1"))
	add(avTime, binary.LittleEndian.AppendUint64(nil, uint64(time.Now().UnixNano()/100+116444736000000000)))
	add(avEnd, nil)

	const fixed = 56
	le := binary.LittleEndian
	m := append(append([]byte(nil), ntlmSignature...), make([]byte, fixed-8)...)
	le.PutUint32(m[8:], 2)
	put := func(at int, value []byte) {
		le.PutUint16(m[at:], uint16(len(value)))
		le.PutUint16(m[at+2:], uint16(len(value)))
		le.PutUint32(m[at+4:], uint32(len(m)))
		m = append(m, value...)
	}
	put(12, name)
	le.PutUint32(m[20:], ntlmFlags)
	copy(m[24:], h.challenge)
	put(40, info)
	copy(m[48:], []byte{10, 0, 0x61, 0x4a, 0, 0, 0, 15}) // a Windows Server 2016
	h.second = m
	return h
}

// ntlmField returns the value of a field of two lengths and an offset.
func ntlmField(m []byte, at int) ([]byte, bool) {
	if len(m) < at+8 {
		return nil, false
	}
	size, offset := uint64(binary.LittleEndian.Uint16(m[at:])), uint64(binary.LittleEndian.Uint32(m[at+4:]))
	if offset+size > uint64(len(m)) {
		return nil, false
	}
	return m[offset : offset+size], true
}

// check checks the third message, in version 2, and returns whose it is, nil for nobody's.
// binding, if not nil, is what it has to name as the channel.
func (h *handshake) check(third []byte, d *directory, binding []byte) *account {
	proof, ok1 := ntlmField(third, 20)
	domain, ok2 := ntlmField(third, 28)
	user, ok3 := ntlmField(third, 36)
	if !ok1 || !ok2 || !ok3 || len(proof) < 16+28 || len(third) < 64 {
		return nil
	}
	a := d.ntlm(fromUTF16le(user), fromUTF16le(domain))
	if a == nil || a.password == "" {
		return nil
	}
	key := ntlmKey(a.password, fromUTF16le(user), fromUTF16le(domain))
	if !hmac.Equal(proof[:16], hmacMD5(key, h.challenge, proof[16:])) {
		return nil
	}
	values, ok := avPairs(proof[16+28:])
	if !ok || binding != nil && !bytes.Equal(values[avBinding], binding) {
		return nil
	}
	if f := values[avFlags]; len(f) == 4 && binary.LittleEndian.Uint32(f)&avHasMIC != 0 && !h.intact(third, hmacMD5(key, proof[:16])) {
		return nil
	}
	return a
}

// intact reports whether the third message's code for all three is right.
func (h *handshake) intact(third, key []byte) bool {
	const at = 72
	if len(third) < at+16 {
		return false
	}
	without := bytes.Clone(third)
	clear(without[at : at+16])
	return hmac.Equal(third[at:at+16], hmacMD5(key, h.first, h.second, without))
}

// ntlmKey is the key of version 2 (MS-NLMP, section 3.3.2, NTOWFv2).
func ntlmKey(password, user, domain string) []byte {
	hash := md4(utf16le(password))
	return hmacMD5(hash[:], utf16le(strings.ToUpper(user)+domain))
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	m := hmac.New(md5.New, key)
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

// avPairs reads a list of names and values up to its end.
func avPairs(list []byte) (map[uint16][]byte, bool) {
	values := make(map[uint16][]byte)
	for len(list) >= 4 {
		id, size := binary.LittleEndian.Uint16(list), int(binary.LittleEndian.Uint16(list[2:]))
		if list = list[4:]; size > len(list) {
			return nil, false
		}
		if id == avEnd {
			return values, true
		}
		values[id] = list[:size]
		list = list[size:]
	}
	return nil, false
}

// bindingOf returns the binding to a channel with this certificate. The digest is the one
// of its signature (RFC 5929, section 4.1).
func bindingOf(certificate []byte) []byte {
	digest := crypto.SHA256
	if c, err := x509.ParseCertificate(certificate); err == nil {
		switch c.SignatureAlgorithm {
		case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
			digest = crypto.SHA384
		case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
			digest = crypto.SHA512
		}
	}
	h := digest.New()
	h.Write(certificate)
	return channelBinding(h.Sum(nil))
}

// channelBinding is what a client names a channel by whose certificate has this digest (RFC
// 5929, section 4): the MD5 of a structure of GSS-API's without addresses.
func channelBinding(digest []byte) []byte {
	data := append([]byte("tls-server-end-point:"), digest...)
	b := make([]byte, 16, 20+len(data))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	sum := md5.Sum(append(b, data...))
	return sum[:]
}

func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func fromUTF16le(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
