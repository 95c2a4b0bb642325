package kerberos

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

var (
	errAnswer  = errors.New("the KDC's answer is not to our question")
	errMangled = errors.New("the KDC's answer cannot be read")
	errEtype   = errors.New("the KDC chose an encryption that we did not offer")
	errWork    = errors.New("the KDC asks for a key that takes too long to make")
)

// as gets a ticket for getting tickets (RFC 4120, section 3.1). A password is tried
// once: KDCs count.
func (a *asker) as(ctx context.Context, id *identity) (t *ticket, err error) {
	etypes := id.etypes(a.conf.etypes)
	if len(etypes) == 0 {
		return nil, noKey(a.conf.fips)
	}
	var req messages.ASReq
	err = contain(func() (err error) {
		req, err = messages.NewASReqForTGT(id.realm, a.conf.Config, id.cname)
		return err
	})
	if err != nil {
		return nil, internal("request", err)
	}
	req.ReqBody.EType = etypes
	answer, err := a.send(ctx, id.realm, &req)
	var want *kdcError
	if errors.As(err, &want) && want.code == code(errorcode.KDC_ERR_PREAUTH_REQUIRED) {
		if err := a.preauthenticate(id, &req, want.data); err != nil {
			return nil, err
		}
		answer, err = a.send(ctx, id.realm, &req)
	}
	if err != nil {
		return nil, err
	}
	return a.granted(id, &req, answer)
}

// send sends a request for a ticket.
func (a *asker) send(ctx context.Context, realm string, req interface{ Marshal() ([]byte, error) }) ([]byte, error) {
	var b []byte
	err := contain(func() (err error) {
		b, err = req.Marshal()
		return err
	})
	if err != nil {
		return nil, internal("request", err)
	}
	return a.exchange(ctx, realm, b)
}

// etypes returns which of the permitted encryption types the identity has keys of.
func (id *identity) etypes(permitted []int32) []int32 {
	if id.keytab == nil {
		return permitted
	}
	var have []int32
	for _, e := range permitted {
		if _, _, err := id.keytab.GetEncryptionKey(id.cname, id.realm, 0, e); err == nil {
			have = append(have, e)
		}
	}
	return have
}

// preauthenticate adds the time under the identity's key to a request, which shows that
// it has the key (RFC 4120, section 5.2.7.2).
func (a *asker) preauthenticate(id *identity, req *messages.ASReq, data []byte) error {
	var hints types.PADataSequence
	if err := contain(func() error { return hints.Unmarshal(data) }); err != nil {
		return protocol("preauthentication", errMangled)
	}
	key, kvno, err := id.key(hints, req.ReqBody.EType, 0)
	if err != nil {
		return err
	}
	now := a.now().UTC()
	return contained("preauthentication", func() error {
		stamp, err := asn1.Marshal(types.PAEncTSEnc{PATimestamp: now, PAUSec: now.Nanosecond() / 1000})
		if err != nil {
			return err
		}
		sealed, err := crypto.GetEncryptedData(stamp, key, keyusage.AS_REQ_PA_ENC_TIMESTAMP, kvno)
		if err != nil {
			return err
		}
		b, err := sealed.Marshal()
		req.PAData = append(req.PAData, types.PAData{PADataType: patype.PA_ENC_TIMESTAMP, PADataValue: b})
		return err
	})
}

// key returns the identity's key of the first encryption type that the KDC hints at and
// that was offered.
func (id *identity) key(hints types.PADataSequence, offered []int32, kvno int) (key types.EncryptionKey, number int, err error) {
	hint := types.ETypeInfo2Entry{EType: offered[0]}
	for _, pa := range hints {
		if pa.PADataType != patype.PA_ETYPE_INFO2 {
			continue
		}
		var all types.ETypeInfo2
		if contain(func() error { return all.Unmarshal(pa.PADataValue) }) != nil {
			return key, 0, protocol("preauthentication", errMangled)
		}
		i := slices.IndexFunc(all, func(e types.ETypeInfo2Entry) bool { return slices.Contains(offered, e.EType) })
		if i < 0 {
			return key, 0, protocol("preauthentication", errEtype)
		}
		hint = all[i]
	}
	if id.keytab != nil {
		key, number, err = id.keytab.GetEncryptionKey(id.cname, id.realm, kvno, hint.EType)
		if err != nil {
			err = refused("keytab", errNoKeys, "the keytab is older than the principal's keys: make it anew")
		}
		return key, number, err
	}
	key, err = id.derive(hint)
	return key, 0, err
}

// derive makes the key of a password. How much work that takes is what the KDC says,
// and anyone can say it in its place.
func (id *identity) derive(hint types.ETypeInfo2Entry) (types.EncryptionKey, error) {
	const maxIterations = 1 << 20
	key := types.EncryptionKey{KeyType: hint.EType}
	salt := hint.Salt
	if salt == "" {
		salt = id.cname.GetSalt(id.realm)
	}
	et, err := crypto.GetEtype(hint.EType)
	if err != nil {
		return key, internal("key", err)
	}
	params := et.GetDefaultStringToKeyParams()
	if len(hint.S2KParams) == 4 {
		// Zero stands for 2³² (RFC 3962, section 4).
		if n := binary.BigEndian.Uint32(hint.S2KParams); n == 0 || n > maxIterations {
			return key, protocol("preauthentication", errWork)
		}
		params = hex.EncodeToString(hint.S2KParams)
	}
	err = contained("key", func() (err error) {
		key.KeyValue, err = et.StringToKey(id.password.Reveal(), salt, params)
		return err
	})
	return key, err
}

// granted reads the answer, which only the identity's key opens.
func (a *asker) granted(id *identity, req *messages.ASReq, answer []byte) (*ticket, error) {
	var rep messages.ASRep
	if contain(func() error { return rep.Unmarshal(answer) }) != nil {
		return nil, protocol("ticket", errMangled)
	}
	sealed := rep.EncPart
	if !slices.Contains(req.ReqBody.EType, sealed.EType) {
		return nil, protocol("ticket", errEtype)
	}
	key, _, err := id.key(rep.PAData, []int32{sealed.EType}, sealed.KVNO)
	if err != nil {
		return nil, err
	}
	part, err := open(sealed, key, keyusage.AS_REP_ENCPART)
	if err != nil {
		// A KDC that asks for no pre-authentication gives anyone something to guess by.
		return nil, (&kdcError{code: code(errorcode.KDC_ERR_PREAUTH_FAILED)})
	}
	if !rep.CName.Equal(req.ReqBody.CName) || rep.CRealm != req.ReqBody.Realm ||
		part.Nonce != req.ReqBody.Nonce || !part.SName.Equal(req.ReqBody.SName) || part.SRealm != req.ReqBody.Realm {
		return nil, protocol("ticket", errAnswer)
	}
	return a.keep(rep.Ticket, part)
}

// open opens the sealed part of an answer.
func open(sealed types.EncryptedData, key types.EncryptionKey, usage uint32) (part messages.EncKDCRepPart, err error) {
	err = contain(func() error {
		b, err := crypto.DecryptEncPart(sealed, key, usage)
		if err != nil {
			return err
		}
		return part.Unmarshal(b)
	})
	return part, err
}

// keep returns what was granted as a ticket. Its times are the KDC's.
func (a *asker) keep(t messages.Ticket, part messages.EncKDCRepPart) (*ticket, error) {
	if !slices.Contains(a.conf.etypes, part.Key.KeyType) {
		return nil, protocol("ticket", errEtype)
	}
	now := a.now()
	if skew := now.Sub(part.AuthTime); skew < -a.conf.LibDefaults.Clockskew {
		return nil, &kdcError{code: code(errorcode.KRB_AP_ERR_SKEW)}
	}
	start := part.StartTime
	if start.IsZero() {
		start = part.AuthTime
	}
	if now.Sub(start) > time.Minute && now.Before(part.EndTime) {
		start = now // one that is old already, for which a sixth of the rest counts
	}
	return &ticket{Ticket: t, key: part.Key, start: start, end: part.EndTime}, nil
}
