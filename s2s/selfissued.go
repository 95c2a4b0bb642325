package s2s

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/s2s/internal/selfissued"
	"github.com/go-serversync/serversync/secret"
)

// Tokens that the host issues itself have two parts (MS-XOAUTH): the actor token, which the certificate's key
// signs and which says which application it is, is kept and refreshed as others are; around it is, for each
// call, one that says whose mailbox is meant.

var errNoUser = errors.New("the mailbox has no address, and the token has to say whose mailbox is meant")

// Metadata returns the document by which an Exchange Server trusts this host as a partner application
// (New-PartnerApplication -AuthMetadataUrl): the application's id, the realm, and all certificates, without
// a key. A host publishes it at location, an https URL that the server reaches. The error is an
// *provider.Error.
func (s *Source) Metadata(client, realm, location string) ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	var all []*certificate.Certificate
	for _, p := range *s.in.proofs.Load() {
		all = append(all, p.cert)
	}
	if len(all) == 0 {
		return nil, fail(opCertificate, provider.ErrUnsupported, "", "give the source a certificate", errNothing)
	}
	return selfissued.Issuer{Certificate: all[0], ClientID: client, Realm: realm}.Metadata(location, all[1:]...)
}

// issued returns a token that this host issues.
func (s *Source) issued(ctx context.Context, a provider.Account, e *entry, refused secret.Text) (provider.Token, error) {
	if a.Mailbox.Address == "" {
		return provider.Token{}, e.want.named(fail(opToken, provider.ErrUnsupported, "", "enter the mailbox's address; a profile is tested with one of its mailboxes", errNoUser))
	}
	var c *current
	var err error
	for { // a certificate may be replaced before a token is signed with it, and then there is another
		if c, err = s.actor(ctx, e, selfissued.ActorOf(refused.Reveal())); !errors.Is(err, errGone) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return provider.Token{}, err
	}
	whole, err := selfissued.For(c.token.Value.Reveal(), selfissued.User{Address: a.Mailbox.Address})
	if err != nil {
		return provider.Token{}, e.want.named(ours(err))
	}
	return provider.Token{Value: secret.New(whole), Expires: c.token.Expires}, nil
}

// actor returns the actor token for e, another than the refused one. Each certificate has one of its own: a server
// that refuses one may not know its certificate yet, or any more, and whoever is refused gets the next one's at once.
// That one is the first for the others too. Where it is the mailbox that is refused, and not the certificate,
// they are back at theirs by one more request, and without a failure.
func (s *Source) actor(ctx context.Context, e *entry, refused string) (*current, error) {
	now, all := s.issuerNow(), s.in.proofs.Load()
	good, err := s.good(now, e.cell.worked.Load().before(now))
	if err != nil {
		return nil, e.want.named(ours(s.withSkew(err)))
	}
	i := slices.IndexFunc(good, func(p *proving) bool { return p.signed(refused) })
	if i < 0 || len(good) == 1 {
		return s.current(ctx, e.cell.by(good[0]), secret.New(refused))
	}
	next := good[(i+1)%len(good)]
	e.cell.mu.Lock()
	s.note(e.cell, all, next.thumbprint)
	e.cell.mu.Unlock()
	c := e.cell.by(next)
	if old := c.now.Load(); old != nil { // what was refused may be its age
		if fresh, err := s.current(ctx, c, old.token.Value); err == nil {
			return fresh, nil
		}
	}
	return s.current(ctx, c, secret.Text{})
}

// signed reports whether p's certificate is the one that an actor token names.
func (p *proving) signed(actor string) bool {
	header, _, err := jwt.Claims(actor)
	sum, known := p.cert.SHA1()
	return err == nil && known && header["x5t"] == base64.RawURLEncoding.EncodeToString(sum[:])
}

// by returns the cell of the actor tokens that a certificate signs.
func (c *cell) by(p *proving) *cell {
	c.mu.Lock()
	defer c.mu.Unlock()
	part := c.parts[p.thumbprint]
	if part == nil {
		w := *c.want
		w.by = p.thumbprint
		part = &cell{want: &w, share: c.share}
		if c.parts == nil {
			c.parts = make(map[thumbprint]*cell)
		}
		c.parts[p.thumbprint] = part
	}
	return part
}

// issue signs an actor token.
func (s *Source) issue(w *want) (granted, error) {
	p := find(*s.in.proofs.Load(), w.by)
	if p == nil {
		return granted{}, fail(opToken, provider.ErrUnavailable, "", remedyWait, errGone)
	}
	actor, expires, err := selfissued.Issuer{Certificate: p.cert, ClientID: w.client, Realm: w.realm}.Actor(w.server, s.issuerNow())
	if err != nil {
		return granted{}, err
	}
	return granted{token: secret.New(actor), got: s.now(), expires: expires.Add(-s.offset())}, nil
}

// worked returns which certificate was used last for the token that a needs, zero if none was. It is what is told, also
// while the preferred one is about to be tried again.
func (s *Source) worked(a provider.Account) thumbprint {
	if len(*s.in.proofs.Load()) < 2 {
		return thumbprint{}
	}
	w, err := s.wantOf(a)
	if err != nil {
		return thumbprint{}
	}
	key := s.keyOf(w)
	s.in.mu.RLock()
	c := s.in.cells[key]
	s.in.mu.RUnlock()
	if c == nil {
		return thumbprint{}
	}
	if w := c.worked.Load(); w != nil {
		return w.thumbprint
	}
	if cur := c.now.Load(); cur != nil { // of before the certificates were replaced
		return cur.by
	}
	return thumbprint{}
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
