package s2s

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// An entry is what was found out about an organization's profile: which token it needs, and that it may have it.
type entry struct {
	at   time.Time
	want *want
	cell *cell
}

// An entryKey is all of an account that decides about its entry.
type entryKey struct {
	organization, profile, revision string
	kind                            profile.Kind
	tenant, own                     string
	client, resource, realm         string
	host, url                       string
	tls                             profile.TLS
	deployment                      profile.Deployment
	enter                           bool
	secret                          [32]byte
}

// entryLife is how long an entry stands. What Admit takes back ends within that time.
const entryLife = time.Hour

// An asking is an admission that is under way. Whoever needs the same entry waits for it.
type asking struct {
	done chan struct{}
	e    *entry
	err  error
}

func (s *Source) entryKey(a *provider.Account) entryKey {
	app := &a.Profile.Application
	return entryKey{
		organization: a.Mailbox.Key.Organization, profile: string(a.Profile.ID), revision: a.Profile.Revision,
		kind: a.Profile.Kind, tenant: a.Profile.TenantID, own: a.Policy.TenantID, deployment: a.Policy.Deployment, enter: a.Policy.OrganizationsEnterHosts,
		client: app.ClientID, resource: app.Resource, realm: app.Realm, secret: s.salted(app.Secret),
		host: a.Endpoint.Host, url: a.Endpoint.URL, tls: a.Endpoint.TLS,
	}
}

// salted tells secrets apart without keeping them.
func (s *Source) salted(t secret.Text) [32]byte {
	if t.IsZero() {
		return [32]byte{}
	}
	return sha256.Sum256([]byte(s.in.salt + t.Reveal()))
}

// known returns an entry that still stands, nil if there is none.
func (s *Source) known(key *entryKey, now time.Time) *entry {
	s.in.mu.RLock()
	e := s.in.entries[*key]
	s.in.mu.RUnlock()
	if e.stands(now) {
		return e
	}
	return nil
}

// stands reports whether there is an entry that is to be gone by.
func (e *entry) stands(now time.Time) bool { return e != nil && now.Sub(e.at).Abs() < entryLife }

// entry returns a's entry. Where there is none it asks whether a's organization is admitted.
func (s *Source) entry(ctx context.Context, a *provider.Account) (*entry, error) {
	key := s.entryKey(a)
	for {
		if e := s.known(&key, s.now()); e != nil {
			return e, nil
		}
		s.in.mu.Lock()
		if e := s.in.entries[key]; e.stands(s.now()) { // since we looked
			s.in.mu.Unlock()
			return e, nil
		}
		q, under := s.in.askings[key]
		if !under {
			q = &asking{done: make(chan struct{})}
			s.in.askings[key] = q
		}
		s.in.mu.Unlock()
		if !under {
			s.enter(ctx, *a, key, q)
			return q.e, q.err
		}
		select {
		case <-q.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		var known *provider.Error
		if q.err == nil || errors.As(q.err, &known) {
			return q.e, q.err
		}
		// Whoever asked has gone away.
	}
}

// enter makes an entry for whoever waits for q.
func (s *Source) enter(ctx context.Context, a provider.Account, key entryKey, q *asking) {
	q.err = context.Canceled // if what is done here panics
	var w *want
	defer func() {
		s.in.mu.Lock()
		delete(s.in.askings, key)
		if q.err == nil {
			q.e = &entry{s.now(), w, s.cell(w)}
			s.in.entries[key] = q.e
			s.sweep(q.e.at)
		}
		s.in.mu.Unlock()
		close(q.done)
	}()
	if w, q.err = s.wantOf(a); q.err == nil {
		q.err = s.admit(ctx, a, w)
	}
}

// sweep drops, a few times an hour, what nobody has wanted for long. in.mu is held.
func (s *Source) sweep(now time.Time) {
	if now.Sub(s.in.swept).Abs() < entryLife/4 {
		return
	}
	s.in.swept = now
	used := make(map[*cell]bool)
	for key, e := range s.in.entries {
		if !e.stands(now) {
			delete(s.in.entries, key)
			continue
		}
		used[e.cell] = true
	}
	for key, c := range s.in.cells {
		if !used[c] && c.idle(now) {
			delete(s.in.cells, key)
		}
	}
}

var (
	errAdmit       = errors.New("the organization may not use this host's application in the tenant")
	errAdmitFailed = errors.New("nobody could say whether the organization may use this host's application in the tenant")
	errNoAdmit     = errors.New("the organizations enter their tenants themselves, and nobody says which of them they may")
	errNotOwn      = errors.New("the tenant is not this host's own, and nobody says which organization may use others")
	remedyAdmit    = "have the operator set the source's Admit, which says which organization may use this host's application in which tenant; or enter the secret of an application of the organization's own"
)

// admit says whether a's organization may use what proves this host in a tenant, or a realm. What
// proves the host opens all that have consented, so that being able to name one must not be enough. An
// application of the organization's own opens what that one may.
func (s *Source) admit(ctx context.Context, a provider.Account, w *want) error {
	tenant := w.tenant
	switch {
	case w.realm != "":
		tenant = w.realm
	case !w.secret.IsZero():
		return nil
	}
	if s.Admit == nil {
		switch {
		case a.Policy.Deployment == profile.SelfHosted && !a.Policy.OrganizationsEnterHosts:
		case a.Policy.TenantID == "" || !strings.EqualFold(tenant, a.Policy.TenantID):
			return w.named(fail(opToken, provider.ErrUnsafe, CodeAdmission, remedyAdmit, errNotOwn))
		case a.Policy.OrganizationsEnterHosts:
			return w.named(fail(opToken, provider.ErrUnsafe, CodeAdmission, remedyAdmit, errNoAdmit))
		}
		return nil
	}
	err := s.admitted(ctx, a, tenant)
	var known *provider.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return ctx.Err()
	case errors.As(err, &known) && (known.Kind == provider.ErrUnavailable || known.Kind == provider.ErrThrottled):
		return w.named(known) // it could not be found out
	}
	return w.named(fail(opToken, provider.ErrUnsafe, CodeAdmission, "have the operator admit the organization to the tenant, or enter the right one in the profile", fmt.Errorf("%w: %w", errAdmit, err)))
}

// admitted asks the host. It ends with ctx, also where the host does not.
func (s *Source) admitted(ctx context.Context, a provider.Account, tenant string) error {
	said := make(chan error, 1)
	go func() {
		err := error(fail(opToken, provider.ErrUnavailable, "", "see to the host's Admit", errAdmitFailed))
		defer func() {
			if p := recover(); p != nil {
				err = fail(opToken, provider.ErrUnavailable, "", "see to the host's Admit", fmt.Errorf("%w: a panic of type %T", errAdmitFailed, p))
			}
			said <- err
		}()
		err = s.Admit(ctx, a, tenant)
	}()
	select {
	case err := <-said:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
