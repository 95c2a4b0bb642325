package oauth

import (
	"context"
	"errors"
	"net/url"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// Revoke gives the mailbox's grant back to its issuer (RFC 7009) and then forgets it.
// If the issuer does not take it, nothing is forgotten, and it can be tried again; the
// error is as with [Source.Token], and ErrUnsupported where the issuer has no place for
// it: the owner takes the consent back in their account then. A mailbox without a grant
// is no error.
func (s *Source) Revoke(ctx context.Context, a provider.Account) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	g, err := s.load(ctx, a.Mailbox.Key)
	if err != nil || g.Refresh.IsZero() {
		return err
	}
	issuer, err := s.usable(g, a)
	if err != nil {
		return err
	}
	if issuer.RevokeURL == "" {
		return fail(opRevoke, provider.ErrUnsupported, "", "have the owner take the consent back in their account, and forget it here (Forget)", errors.New("the issuer has no place to revoke a grant at"))
	}
	c := &call{op: opRevoke, issuer: issuer, app: a.Profile.Application, tenant: g.Tenant, secrets: []secret.Text{g.Refresh}}
	_, err = s.post(ctx, c, issuer.RevokeURL, url.Values{"token": {g.Refresh.Reveal()}, "token_type_hint": {"refresh_token"}})
	if known := (*provider.Error)(nil); err != nil && !(errors.As(err, &known) && known.Code == CodeConsent) { // one that is revoked already
		return err
	}
	return s.Forget(ctx, a.Mailbox.Key)
}

// Forget forgets a mailbox's grant here and in the Store; the issuer is told nothing.
// Another process goes on with the access token that it has until it is to be
// refreshed. A mailbox without a grant is no error.
func (s *Source) Forget(ctx context.Context, key mailbox.Key) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	e := s.entry(key)
	for {
		g, err := s.load(ctx, key)
		if err != nil && g.Version == 0 {
			return err
		}
		if g.Version > 0 {
			if _, err = s.replace(ctx, key, grant{Version: g.Version}); errors.Is(err, serversync.ErrFenced) {
				continue
			}
			if err != nil {
				return err
			}
		}
		if c := e.now.Swap(nil); c != nil {
			c.pace.forget(key)
		}
		return nil
	}
}
