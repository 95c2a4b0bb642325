package kerberos

import (
	"bytes"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// The kinds of tokens within GSSAPI's frame (RFC 4121, section 4.1).
const (
	tokenRequest = 0x0100
	tokenReply   = 0x0200
	tokenError   = 0x0300
)

// krb5OID is 1.2.840.113554.1.2.2 as DER writes it.
var krb5OID = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02}

var (
	errToken    = errors.New("the server's token cannot be read")
	errUnproven = errors.New("the server did not prove that it has the service's key")
	errForged   = errors.New("the server's answer is not from whoever holds the service's key")
)

// A proof is one showing of a ticket, in which the server is to show itself too.
type proof struct {
	ticket *ticket
	time   time.Time
	usec   int
	seq    uint64
	subkey types.EncryptionKey // the server's, if it has chosen one
	done   bool
}

// show returns the token that shows the ticket (RFC 4121, section 4.1).
func (s session) show() (p *proof, token []byte, err error) {
	err = contained("token", func() error {
		auth, err := types.NewAuthenticator(s.id.realm, s.id.cname)
		if err != nil {
			return err
		}
		auth.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: wish(gssapi.ContextFlagMutual | gssapi.ContextFlagInteg | gssapi.ContextFlagSequence)}
		req, err := messages.NewAPReq(s.ticket.Ticket, s.ticket.key, auth)
		if err != nil {
			return err
		}
		types.SetFlag(&req.APOptions, flags.APOptionMutualRequired)
		b, err := req.Marshal()
		token = frame(tokenRequest, b)
		p = &proof{ticket: s.ticket, time: auth.CTime, usec: auth.Cusec, seq: uint64(auth.SeqNumber)}
		return err
	})
	return p, token, err
}

// wish is the checksum field that says what is wanted of GSSAPI (RFC 4121, section
// 4.1.1): no channel bindings, and these flags.
func wish(flags uint32) []byte {
	b := make([]byte, 24)
	binary.LittleEndian.PutUint32(b, 16)
	binary.LittleEndian.PutUint32(b[20:], flags)
	return b
}

// frame puts a message of Kerberos into GSSAPI's frame (RFC 2743, section 3.1).
func frame(kind uint16, message []byte) []byte {
	b := binary.BigEndian.AppendUint16(bytes.Clone(krb5OID), kind)
	return asn1tools.AddASNAppTag(append(b, message...), 0)
}

// unframe undoes frame.
func unframe(token []byte) (kind uint16, message []byte, err error) {
	var raw asn1.RawValue
	rest, err := asn1.Unmarshal(token, &raw)
	body, ours := bytes.CutPrefix(raw.Bytes, krb5OID)
	if err != nil || len(rest) > 0 || raw.Class != asn1.ClassApplication || raw.Tag != 0 || !ours || len(body) < 2 {
		return 0, nil, protocol("token", errToken)
	}
	return binary.BigEndian.Uint16(body), body[2:], nil
}

// check checks the server's answer: the time that we sent it sealed, under a key that
// only the service and the KDC have (RFC 4120, section 3.2.5).
func (p *proof) check(s session, token []byte) error {
	kind, message, err := unframe(token)
	if err != nil {
		return err
	}
	switch kind {
	case tokenError:
		return p.complaint(s, message)
	case tokenReply:
	default:
		return protocol("token", errToken)
	}
	part, err := p.open(message)
	if err != nil {
		return err
	}
	if part.CTime.Unix() != p.time.Unix() || part.Cusec != p.usec {
		return unsafeServer(s.spn, errForged)
	}
	if len(part.Subkey.KeyValue) > 0 {
		if s.fips && !slices.Contains(approved, part.Subkey.KeyType) {
			return unsupported("token", errFIPS, remedyFIPS)
		}
		p.subkey = part.Subkey
	}
	p.done = true
	p.ticket.tried.Store(0)
	return nil
}

// open opens the sealed part of the server's answer.
func (p *proof) open(message []byte) (part messages.EncAPRepPart, err error) {
	var reply messages.APRep
	if contain(func() error { return reply.Unmarshal(message) }) != nil {
		return part, protocol("token", errToken)
	}
	if reply.EncPart.EType != p.ticket.key.KeyType {
		return part, protocol("token", errToken)
	}
	err = contain(func() error {
		b, err := crypto.DecryptEncPart(reply.EncPart, p.ticket.key, keyusage.AP_REP_ENCPART)
		if err != nil {
			return err
		}
		return part.Unmarshal(b)
	})
	if err != nil {
		return part, unsafeServer("", errForged)
	}
	return part, nil
}

// complaint says what a server's error means. It is not protected, so that nothing
// follows from it but that we are not signed in.
func (p *proof) complaint(s session, message []byte) error {
	e, ok := errorIn(message)
	if !ok {
		return protocol("token", errToken)
	}
	switch int32(e.code) {
	case errorcode.KRB_AP_ERR_MODIFIED, errorcode.KRB_AP_ERR_BADKEYVER, errorcode.KRB_AP_ERR_NOKEY, errorcode.KRB_AP_ERR_NOT_US, errorcode.KRB_AP_ERR_TKT_EXPIRED:
		p.ticket.tried.Store(maxTried) // a new one may be for the key that it has now
		err := failure(failedKind, "token", errors.New("the server does not take the ticket"), "the server's keytab does not have the key that the KDC has for "+s.spn+": make it anew")
		err.Code = e.code.name()
		return err
	}
	return e.code.explain(s.id, s.spn, s.fips)
}
