package s2s

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/internal/selfissued"
	"github.com/go-serversync/serversync/secret"
)

// Tokens that the host issues itself have two parts (MS-XOAUTH): the actor token, which the certificate's key
// signs and which says which application it is, is kept and refreshed as others are; around it is, for each
// call, one that says whose mailbox is meant.

var errNoUser = errors.New("the mailbox has no address, and the token has to say whose mailbox is meant")

// Metadata returns the document by which an Exchange Server trusts this host as a partner application
// (New-PartnerApplication -AuthMetadataUrl): the application's id, the realm, and all of Certificates, without
// a key. A host publishes it at location, an https URL that the server reaches. The error is an
// *provider.Error.
func (s *Source) Metadata(client, realm, location string) ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if len(s.Certificates) == 0 {
		return nil, fail(opCertificate, provider.ErrUnsupported, "", "give the source a certificate", errNothing)
	}
	return selfissued.Issuer{Certificate: s.Certificates[0], ClientID: client, Realm: realm}.Metadata(location, s.Certificates[1:]...)
}

// issued returns a token that this host issues.
func (s *Source) issued(ctx context.Context, a provider.Account, e *entry, refused secret.Text) (provider.Token, error) {
	if a.Mailbox.Address == "" {
		return provider.Token{}, e.want.named(fail(opToken, provider.ErrUnsupported, "", "enter the mailbox's address; a profile is tested with one of its mailboxes", errNoUser))
	}
	if actor := selfissued.ActorOf(refused.Reveal()); actor != "" {
		refused = secret.New(actor)
	}
	c, err := s.current(ctx, e.cell, refused)
	if err != nil {
		return provider.Token{}, err
	}
	whole, err := selfissued.For(c.token.Value.Reveal(), selfissued.User{Address: a.Mailbox.Address})
	if err != nil {
		return provider.Token{}, e.want.named(ours(err))
	}
	return provider.Token{Value: secret.New(whole), Expires: c.token.Expires}, nil
}

// issue signs an actor token. Where the server refused the last one, it is by the next certificate that is
// good: the server may not know the preferred one yet.
func (s *Source) issue(c *cell, forced bool) (granted, error) {
	now := s.issuerNow()
	good, err := s.good(now, c.worked.Load().before(now))
	if err != nil {
		return granted{}, s.withSkew(err)
	}
	p := good[0]
	if forced && len(good) > 1 {
		p = good[1]
	}
	actor, expires, err := selfissued.Issuer{Certificate: p.cert, ClientID: c.want.client, Realm: c.want.realm}.Actor(c.want.server, now)
	if err != nil {
		return granted{}, err
	}
	c.note(p, now)
	return granted{token: secret.New(actor), got: s.now(), expires: expires.Add(-s.offset())}, nil
}

// worked returns the certificate that was used last for the token that a needs, nil if there is none.
func (s *Source) worked(a provider.Account) *proving {
	if len(s.in.proofs) < 2 {
		return nil
	}
	w, err := s.wantOf(a)
	if err != nil {
		return nil
	}
	key := s.keyOf(w)
	s.in.mu.RLock()
	c := s.in.cells[key]
	s.in.mu.RUnlock()
	if c == nil {
		return nil
	}
	return c.worked.Load().before(s.issuerNow())
}

// permissionOfIssued tells what a token of this host's own says.
func (s *Source) permissionOfIssued(a provider.Account, w *want, t provider.Token) (provider.Evidence, error) {
	e := provider.Evidence{Text: also(fmt.Sprintf("issued by this host for %s at %s, realm %s, application %s, good until %s",
		clip(a.Mailbox.Address), w.server, clip(w.realm), clip(w.client), stamp(t.Expires)), s.skew())}
	if !t.Expires.IsZero() && !s.now().Before(t.Expires) {
		return e, w.named(fail(opPermission, provider.ErrAuth, CodeExpired, also("set this machine's clock if it is wrong, and try again", s.skew()), fmt.Errorf("the token was good until %s", stamp(t.Expires))))
	}
	return e, nil
}
