package kerberos

import (
	"context"
	"slices"

	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// tgs asks a realm's KDC for a ticket for a service (RFC 4120, section 3.3). A KDC that
// knows better gives a ticket for the KDC of another realm, next (RFC 6806, section 8).
func (a *asker) tgs(ctx context.Context, id *identity, tgt *ticket, realm, spn string) (t *ticket, next string, err error) {
	service := types.NewPrincipalName(nametype.KRB_NT_SRV_INST, spn)
	conf := *a.conf.Config
	conf.LibDefaults.Canonicalize = true // or there are no referrals
	var req messages.TGSReq
	err = contained("request", func() (err error) {
		req, err = messages.NewTGSReq(id.cname, realm, &conf, tgt.Ticket, tgt.key, service, false)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	answer, err := a.send(ctx, realm, &req)
	if err != nil {
		return nil, "", err
	}
	var rep messages.TGSRep
	if contain(func() error { return rep.Unmarshal(answer) }) != nil {
		return nil, "", protocol("ticket", errMangled)
	}
	if rep.EncPart.EType != tgt.key.KeyType {
		return nil, "", protocol("ticket", errEtype)
	}
	part, err := open(rep.EncPart, tgt.key, keyusage.TGS_REP_ENCPART_SESSION_KEY)
	if err != nil {
		return nil, "", protocol("ticket", errMangled)
	}
	if part.Nonce != req.ReqBody.Nonce || !rep.CName.Equal(id.cname) {
		return nil, "", protocol("ticket", errAnswer)
	}
	t, err = a.keep(rep.Ticket, part)
	if err != nil {
		return nil, "", err
	}
	next, err = elsewhere(rep.Ticket, part, service, realm)
	return t, next, err
}

// elsewhere returns the realm that a referral names, "" for a ticket that is for the
// service itself. gokrb5 compares no names, and a ticket for another service would have
// that one take us for its client.
func elsewhere(t messages.Ticket, part messages.EncKDCRepPart, service types.PrincipalName, realm string) (string, error) {
	names := part.SName.NameString
	switch {
	case !t.SName.Equal(part.SName):
	case part.SName.Equal(service):
		return "", nil
	case len(names) == 2 && names[0] == "krbtgt" && names[1] != realm && !slices.Contains(service.NameString, "krbtgt"):
		return names[1], nil
	}
	return "", protocol("ticket", errAnswer)
}
