package s2s

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/secret"
)

// Tokens that the host issues itself have two parts (MS-XOAUTH): the actor token, which the certificate's key
// signs and which says which application it is, is kept and refreshed as others are; around it is, for each
// call, one that says whose mailbox is meant.

// An actor is what the host proves itself with to one server, whatever the mailbox.
type actor interface {
	// For returns the token for the mailbox of an address. It is cheap.
	For(address string) (provider.Token, error)
}

// An actorOf makes the actor of an application for a server, and says when its tokens end.
type actorOf func(c *certificate.Certificate, client, realm, server string, now time.Time) (actor, time.Time, error)

var (
	errNoUser   = errors.New("the mailbox has no address, and the token has to say whose mailbox is meant")
	errNoIssuer = errors.New("this host cannot issue tokens itself")
)

// issued returns a token that this host issues.
func (s *Source) issued(ctx context.Context, a provider.Account, e *entry, refused secret.Text) (provider.Token, error) {
	if a.Mailbox.Address == "" {
		return provider.Token{}, e.want.named(fail(opToken, provider.ErrUnsupported, "", "enter the mailbox's address; a profile is tested with one of its mailboxes", errNoUser))
	}
	c, err := s.current(ctx, e.cell, nameOf(refused))
	if err != nil {
		return provider.Token{}, err
	}
	t, err := c.actor.For(a.Mailbox.Address)
	if err != nil {
		return provider.Token{}, e.want.named(ours(err))
	}
	t.Expires = c.token.Expires // as our clock has it
	return t, nil
}

// nameOf returns what tells the actor of a refused token from others: when it ends. Of two there is a minute between.
func nameOf(refused secret.Text) secret.Text {
	if refused.IsZero() {
		return refused
	}
	_, claims, err := jwt.Claims(refused.Reveal())
	if err != nil || claims["exp"] == nil {
		return refused
	}
	if n, is := claims["exp"].(float64); is {
		return secret.New(strconv.FormatInt(int64(n), 10))
	}
	return secret.New(fmt.Sprint(claims["exp"])) // a text, as MS-XOAUTH has it
}

// issue makes an actor. Where the server refused the last one, it is of the next certificate that is good: the
// server may not know the preferred one yet.
func (s *Source) issue(c *cell, forced bool) (granted, error) {
	now := s.issuerNow()
	good, err := s.good(now, c.worked.Load())
	if err != nil {
		return granted{}, s.withSkew(err)
	}
	p := good[0]
	if forced && len(good) > 1 {
		p = good[1]
	}
	if s.in.actor == nil {
		return granted{}, fail(opToken, provider.ErrUnsupported, "", "", errNoIssuer)
	}
	a, expires, err := s.in.actor(p.cert, c.want.client, c.want.realm, c.want.server, now)
	if err != nil {
		return granted{}, err
	}
	c.worked.Store(p)
	return granted{token: secret.New(strconv.FormatInt(expires.Unix(), 10)), got: s.now(), expires: expires.Add(-s.offset()), actor: a}, nil
}

// worked returns the certificate that was used last for a, nil if there is none.
func (s *Source) worked(a provider.Account) *proving {
	key := s.entryKey(&a)
	if e := s.known(&key, s.now()); e != nil {
		return e.cell.worked.Load()
	}
	return nil
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
