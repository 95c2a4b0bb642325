package kerberos

import (
	"encoding/asn1"

	"github.com/jcmturner/gokrb5/v8/asn1tools"
)

// spnegoOID is 1.3.6.1.5.5.2 as DER writes it.
var spnegoOID = []byte{0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02}

// A negTokenInit offers mechanisms, with the token of the first (RFC 4178, section 4.2.1).
type negTokenInit struct {
	MechTypes []asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	MechToken []byte                  `asn1:"explicit,tag:2"`
}

// A negTokenResp answers it (RFC 4178, section 4.2.2).
type negTokenResp struct {
	NegState      asn1.Enumerated       `asn1:"explicit,optional,tag:0"`
	SupportedMech asn1.ObjectIdentifier `asn1:"explicit,optional,tag:1"`
	ResponseToken []byte                `asn1:"explicit,optional,tag:2"`
	MechListMIC   []byte                `asn1:"explicit,optional,tag:3"`
}

// offer puts a token of Kerberos into SPNEGO's first message. There is nothing to
// negotiate with one mechanism, and no list to protect.
func offer(token []byte) ([]byte, error) {
	b, err := asn1.Marshal(negTokenInit{MechTypes: []asn1.ObjectIdentifier{{1, 2, 840, 113554, 1, 2, 2}}, MechToken: token})
	if err != nil {
		return nil, protocol("token", err)
	}
	b, err = asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: b})
	if err != nil {
		return nil, protocol("token", err)
	}
	return asn1tools.AddASNAppTag(append(append([]byte(nil), spnegoOID...), b...), 0), nil
}

// answerIn returns the token of Kerberos in SPNEGO's answer, nil if there is none. A
// server may answer in Kerberos' own words too.
func answerIn(b []byte) ([]byte, error) {
	var raw asn1.RawValue
	if rest, err := asn1.Unmarshal(b, &raw); err != nil || len(rest) > 0 {
		return nil, protocol("token", errToken)
	}
	if raw.Class == asn1.ClassApplication {
		return b, nil
	}
	var resp negTokenResp
	if raw.Class != asn1.ClassContextSpecific || raw.Tag != 1 {
		return nil, protocol("token", errToken)
	}
	if rest, err := asn1.Unmarshal(raw.Bytes, &resp); err != nil || len(rest) > 0 {
		return nil, protocol("token", errToken)
	}
	return resp.ResponseToken, nil
}
