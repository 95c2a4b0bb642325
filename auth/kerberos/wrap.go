package kerberos

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"errors"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/types"
)

// The flags of a wrapped message (RFC 4121, section 4.2.2).
const (
	flagAcceptor = 1 // the server sent it
	flagSealed   = 2
	flagSubkey   = 4 // under the key that the server has chosen
)

const wrapHeader = 16

var errSealed = errors.New("the server seals what it should only sign")

// key returns the key that messages are signed with.
func (p *proof) key() (key types.EncryptionKey, flag byte) {
	if len(p.subkey.KeyValue) > 0 {
		return p.subkey, flagSubkey
	}
	return p.ticket.key, 0
}

// header returns the header of a signed message as the signature covers it, with zero
// for what is filled in later (RFC 4121, section 4.2.4).
func header(flags byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{0x05, 0x04, flags, 0xff, 0, 0, 0, 0}, seq)
}

// sign returns the signature of a message.
func sign(key types.EncryptionKey, payload []byte, flags byte, seq uint64, usage uint32) (sum []byte, err error) {
	err = contained("signature", func() error {
		et, err := crypto.GetEtype(key.KeyType)
		if err != nil {
			return err
		}
		sum, err = et.GetChecksumHash(key.KeyValue, append(bytes.Clone(payload), header(flags, seq)...), usage)
		return err
	})
	return sum, err
}

// wrap signs a message to the server (RFC 4121, section 4.2.6.2).
func (p *proof) wrap(payload []byte) ([]byte, error) {
	key, flags := p.key()
	sum, err := sign(key, payload, flags, p.seq, keyusage.GSSAPI_INITIATOR_SEAL)
	if err != nil {
		return nil, err
	}
	token := header(flags, p.seq)
	binary.BigEndian.PutUint16(token[4:], uint16(len(sum)))
	p.seq++
	return append(append(token, payload...), sum...), nil
}

// unwrap returns what the server has signed. What follows the header may have been
// turned to the right, as Windows does.
func (p *proof) unwrap(token []byte) ([]byte, error) {
	key, flags := p.key()
	if len(token) < wrapHeader || token[0] != 0x05 || token[1] != 0x04 || token[3] != 0xff {
		return nil, protocol("layer", errToken)
	}
	if token[2]&flagSealed != 0 {
		return nil, protocol("layer", errSealed)
	}
	if token[2] != flagAcceptor|flags {
		return nil, unsafeServer("", errForged)
	}
	size, turn := int(binary.BigEndian.Uint16(token[4:])), int(binary.BigEndian.Uint16(token[6:]))
	body := token[wrapHeader:]
	if size > len(body) {
		return nil, protocol("layer", errToken)
	}
	if len(body) > 0 {
		turn %= len(body)
		body = append(bytes.Clone(body[turn:]), body[:turn]...)
	}
	payload, sum := body[:len(body)-size], body[len(body)-size:]
	want, err := sign(key, payload, token[2], binary.BigEndian.Uint64(token[8:]), keyusage.GSSAPI_ACCEPTOR_SEAL)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(want, sum) {
		return nil, unsafeServer("", errForged)
	}
	return payload, nil
}
