package ntlm_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/provider"
)

// challenge returns a good challenge with this list of names.
func challenge(info []byte) []byte {
	m := append([]byte("NTLMSSP\x00"), make([]byte, 40)...)
	binary.LittleEndian.PutUint32(m[8:], 2)
	binary.LittleEndian.PutUint32(m[20:], 0x00888201) // Unicode, NTLM, always sign, extended session security, target info
	copy(m[24:], "12345678")
	binary.LittleEndian.PutUint16(m[40:], uint16(len(info)))
	binary.LittleEndian.PutUint16(m[42:], uint16(len(info)))
	binary.LittleEndian.PutUint32(m[44:], 48)
	return append(m, info...)
}

// names is a list of one name and its end.
var names = []byte{2, 0, 4, 0, 'A', 0, 'B', 0, 0, 0, 0, 0}

func changed(f func(m []byte)) []byte {
	m := challenge(names)
	f(m)
	return m
}

// NTLM-01: no challenge makes it panic, nor answer what is none.
func TestNTLM01HostileChallenges(t *testing.T) {
	le := binary.LittleEndian
	for name, tt := range map[string]struct {
		challenge []byte
		kind      provider.Kind // "" for a good one
	}{
		"good":                     {challenge(names), ""},
		"good without names":       {challenge(nil), ""},
		"nothing":                  {nil, provider.ErrProtocol},
		"an error's text":          {[]byte("-ERR [AUTH] no such mechanism, go away and do not come back"), provider.ErrProtocol},
		"a page":                   {[]byte("<html><head><title>401 Unauthorized</title></head></html>"), provider.ErrProtocol},
		"signature only":           {[]byte("NTLMSSP\x00"), provider.ErrProtocol},
		"negotiate in its place":   {changed(func(m []byte) { m[8] = 1 }), provider.ErrProtocol},
		"authenticate":             {changed(func(m []byte) { m[8] = 3 }), provider.ErrProtocol},
		"names past the end":       {changed(func(m []byte) { le.PutUint16(m[40:], 1000) }), provider.ErrProtocol},
		"names of 65535 bytes":     {changed(func(m []byte) { le.PutUint16(m[40:], math.MaxUint16) }), provider.ErrProtocol},
		"names at 2³²−1":           {changed(func(m []byte) { le.PutUint32(m[44:], math.MaxUint32) }), provider.ErrProtocol},
		"names at 2³¹":             {changed(func(m []byte) { le.PutUint32(m[44:], 1<<31) }), provider.ErrProtocol},
		"names in the header":      {changed(func(m []byte) { le.PutUint32(m[44:], 0) }), provider.ErrProtocol},
		"target past the end":      {changed(func(m []byte) { le.PutUint16(m[12:], 500); le.PutUint32(m[16:], 48) }), provider.ErrProtocol},
		"target at 2³²−1":          {changed(func(m []byte) { le.PutUint16(m[12:], 8); le.PutUint32(m[16:], math.MaxUint32) }), provider.ErrProtocol},
		"a target of half a rune":  {changed(func(m []byte) { le.PutUint16(m[12:], 3); le.PutUint32(m[16:], 48) }), provider.ErrProtocol},
		"a name past the list":     {challenge([]byte{2, 0, 0xff, 0xff, 'A', 0}), provider.ErrProtocol},
		"a list without its end":   {challenge(names[:8]), provider.ErrProtocol},
		"a list cut in a header":   {challenge(names[:2]), provider.ErrProtocol},
		"a list of names for ever": {challenge(bytes.Repeat([]byte{2, 0, 0, 0}, 1000)), provider.ErrProtocol},
		"1 MiB":                    {append(challenge(names), make([]byte, 1<<20)...), provider.ErrProtocol},
		"LM":                       {changed(func(m []byte) { m[20] |= 0x80 }), provider.ErrUnsupported},
		"key exchange":             {changed(func(m []byte) { m[23] |= 0x40 }), provider.ErrUnsupported},
		"no Unicode":               {changed(func(m []byte) { m[20] &^= 1 }), provider.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answer(t, tt.challenge)
			if tt.kind == "" {
				if err != nil || !bytes.HasPrefix(got, []byte("NTLMSSP\x00\x03")) {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			is(t, err, tt.kind)
		})
	}
}

func answer(t testing.TB, challenge []byte) ([]byte, error) {
	x, err := ntlm.Mechanism{}.Begin(t.Context(), peer("imap", `EXAMPLE\anna`, password))
	if err != nil {
		t.Fatal(err)
	}
	name, first, err := x.Start()
	if name != "NTLM" || !bytes.HasPrefix(first, []byte("NTLMSSP\x00\x01")) || err != nil {
		t.Fatalf("%q, %q, %v", name, first, err)
	}
	return x.Next(challenge)
}

// The exchange is three messages, in their order.
func TestExchangeIsThreeMessages(t *testing.T) {
	x, err := ntlm.Mechanism{}.Begin(t.Context(), peer("imap", "anna", password))
	if err != nil {
		t.Fatal(err)
	}
	_, err = x.Next(challenge(names))
	is(t, err, provider.ErrProtocol)
	if _, _, err := x.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Next(challenge(names)); err != nil {
		t.Fatal(err)
	}
	_, err = x.Next(challenge(names))
	is(t, err, provider.ErrProtocol)
}

// NTLM-01: whatever a server sends, there is an answer or an error of ours.
func FuzzNTLM01Challenge(f *testing.F) {
	f.Add(challenge(names))
	f.Add(challenge(nil))
	f.Add([]byte("NTLMSSP\x00\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := answer(t, b)
		var e *provider.Error
		if err != nil && (!errors.As(err, &e) || got != nil) {
			t.Errorf("%q, %v", got, err)
		}
		if err == nil && !bytes.HasPrefix(got, []byte("NTLMSSP\x00\x03")) {
			t.Errorf("%q", got)
		}
	})
}
