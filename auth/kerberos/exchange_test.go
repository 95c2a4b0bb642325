package kerberos

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/go-serversync/serversync/provider"
)

// newExchange returns an exchange that has begun, with a session key that the test knows.
// A real server offers one layer after the other; what hostile ones do is done here.
func newExchange(t testing.TB) *exchange {
	t.Helper()
	key := types.EncryptionKey{KeyType: etypeID.AES256_CTS_HMAC_SHA1_96, KeyValue: make([]byte, 32)}
	rand.Read(key.KeyValue)
	name := types.NewPrincipalName(1, "imap/localhost")
	e := &exchange{session: session{
		id: newIdentity(types.NewPrincipalName(1, "anna"), "EXAMPLE.TEST"), spn: "imap/localhost",
		ticket: &ticket{Ticket: messages.Ticket{TktVNO: 5, Realm: "EXAMPLE.TEST", SName: name, EncPart: types.EncryptedData{EType: key.KeyType, Cipher: []byte("sealed")}}, key: key},
	}}
	if _, _, err := e.Start(); err != nil {
		t.Fatal(err)
	}
	return e
}

// reply is a server's proof, with the time changed by usec.
func (e *exchange) reply(t testing.TB, usec int) []byte {
	t.Helper()
	b, err := asn1.Marshal(messages.EncAPRepPart{CTime: e.proof.time, Cusec: e.proof.usec + usec, SequenceNumber: 7})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := crypto.GetEncryptedData(asn1tools.AddASNAppTag(b, asnAppTag.EncAPRepPart), e.proof.ticket.key, keyusage.AP_REP_ENCPART, 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err = asn1.Marshal(messages.APRep{PVNO: 5, MsgType: msgtype.KRB_AP_REP, EncPart: sealed})
	if err != nil {
		t.Fatal(err)
	}
	return frame(tokenReply, asn1tools.AddASNAppTag(b, asnAppTag.APREP))
}

// layers is a server's offer, turned to the right as Windows does.
func (e *exchange) layers(t testing.TB, flags byte, offer []byte, turn int) []byte {
	t.Helper()
	key, _ := e.proof.key()
	sum, err := sign(key, offer, flags, 7, keyusage.GSSAPI_ACCEPTOR_SEAL)
	if err != nil {
		t.Fatal(err)
	}
	token := header(flags, 7)
	binary.BigEndian.PutUint16(token[4:], uint16(len(sum)))
	binary.BigEndian.PutUint16(token[6:], uint16(turn))
	body := append(bytes.Clone(offer), sum...)
	n := turn % len(body)
	return append(append(token, body[len(body)-n:]...), body[:len(body)-n]...)
}

func kind(t *testing.T, err error, want provider.Kind) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// A server that says that all is well before it has proved itself is no server of ours.
func TestVerifiedOnlyAfterTheProof(t *testing.T) {
	e := newExchange(t)
	kind(t, e.Verified(), provider.ErrUnsafe)
	if answer, err := e.Next(e.reply(t, 0)); err != nil || answer == nil || len(answer) > 0 {
		t.Fatalf("%q, %v", answer, err)
	}
	kind(t, e.Verified(), provider.ErrUnsafe) // it has yet to agree on a layer
	if _, err := e.Next(e.layers(t, flagAcceptor, []byte{7, 0, 0, 1}, 0)); err != nil {
		t.Fatal(err)
	}
	if err := e.Verified(); err != nil {
		t.Error(err)
	}
	_, err := e.Next(nil)
	kind(t, err, provider.ErrProtocol)
}

// Each proof that is none.
func TestRFC4752ForgedProofs(t *testing.T) {
	for name, tt := range map[string]struct {
		token func(e *exchange) []byte
		kind  provider.Kind
	}{
		"another time": {func(e *exchange) []byte { return e.reply(t, 1) }, provider.ErrUnsafe},
		"another key": {func(e *exchange) []byte {
			o := newExchange(t)
			o.proof.time, o.proof.usec = e.proof.time, e.proof.usec
			return o.reply(t, 0)
		}, provider.ErrUnsafe},
		"nothing":       {func(e *exchange) []byte { return nil }, provider.ErrProtocol},
		"our own token": {func(e *exchange) []byte { return frame(tokenRequest, nil) }, provider.ErrProtocol},
		"words":         {func(e *exchange) []byte { return []byte("wrong number") }, provider.ErrProtocol},
		"cut":           {func(e *exchange) []byte { return e.reply(t, 0)[:40] }, provider.ErrProtocol},
		"empty sealed":  {func(e *exchange) []byte { return frame(tokenReply, []byte{0x6f, 0}) }, provider.ErrProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t)
			_, err := e.Next(tt.token(e))
			kind(t, err, tt.kind)
			kind(t, e.Verified(), provider.ErrUnsafe)
		})
	}
}

// Each way to offer layers, and which are taken.
func TestRFC4752Layers(t *testing.T) {
	for name, tt := range map[string]struct {
		flags byte
		offer []byte
		turn  int
		spoil bool
		kind  provider.Kind
	}{
		"none":             {flagAcceptor, []byte{1, 0, 0, 0}, 0, false, ""},
		"all":              {flagAcceptor, []byte{7, 1, 0, 0}, 0, false, ""},
		"turned":           {flagAcceptor, []byte{7, 1, 0, 0}, 12, false, ""},
		"turned right":     {flagAcceptor, []byte{7, 1, 0, 0}, 65535, false, ""},
		"integrity only":   {flagAcceptor, []byte{2, 1, 0, 0}, 0, false, provider.ErrUnsupported},
		"sealing only":     {flagAcceptor, []byte{4, 1, 0, 0}, 0, false, provider.ErrUnsupported},
		"too short":        {flagAcceptor, []byte{1}, 0, false, provider.ErrProtocol},
		"too long":         {flagAcceptor, []byte{1, 0, 0, 0, 0}, 0, false, provider.ErrProtocol},
		"sealed":           {flagAcceptor | flagSealed, []byte{1, 0, 0, 0}, 0, false, provider.ErrProtocol},
		"our own":          {0, []byte{1, 0, 0, 0}, 0, false, provider.ErrUnsafe},
		"with another key": {flagAcceptor | flagSubkey, []byte{1, 0, 0, 0}, 0, false, provider.ErrUnsafe},
		"spoilt":           {flagAcceptor, []byte{1, 0, 0, 0}, 0, true, provider.ErrUnsafe},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t)
			e.authzid = "anna"
			if _, err := e.Next(e.reply(t, 0)); err != nil {
				t.Fatal(err)
			}
			token := e.layers(t, tt.flags, tt.offer, tt.turn)
			if tt.spoil {
				token[len(token)-1] ^= 1
			}
			answer, err := e.Next(token)
			if tt.kind != "" {
				kind(t, err, tt.kind)
				kind(t, e.Verified(), provider.ErrUnsafe)
				return
			}
			if err != nil || !bytes.Equal(answer[wrapHeader:wrapHeader+8], []byte("\x01\x00\x00\x00anna")) {
				t.Errorf("%q, %v", answer, err)
			}
		})
	}
}

// P9: whatever a server says, there is an answer or an error of ours.
func FuzzRFC4752Exchange(f *testing.F) {
	e := newExchange(f)
	f.Add(e.reply(f, 0), []byte("x"))
	f.Add(frame(tokenError, []byte{0x7e, 0x00}), []byte{5, 4, 1, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, proved := range []bool{false, true} {
			e := newExchange(t)
			if proved {
				if _, err := e.Next(e.reply(t, 0)); err != nil {
					t.Fatal(err)
				}
				first = second
			}
			_, err := e.Next(first)
			if known := (*provider.Error)(nil); err != nil && !errors.As(err, &known) {
				t.Errorf("%v", err)
			}
			if proved && err == nil {
				t.Error("a layer that nobody signed was taken")
			}
		}
	})
}
