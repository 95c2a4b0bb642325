package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A grant is what an owner consented to, and where its refreshing stands. Times are the
// issuer's, as far as its clock is known, so that processes whose clocks differ agree.
type grant struct {
	Version int64 // the Store's

	Issuer string
	Client string // the application's id; a grant is of no use to another
	Tenant string

	Refresh secret.Text
	Access  secret.Text
	Got     time.Time // when Access was
	Expires time.Time // when Access does
	Scope   []string

	Claim       claim
	Interrupted time.Time // a refresh began then whose answer nobody has seen; zero if there is none
	Fault       fault     // of the last refresh, if the issuer said no
}

// A claim says that somebody is refreshing the grant. Nobody else does until it lapses:
// an issuer that rotates refresh tokens takes the second use of one for theft, and
// revokes the grant (RFC 9700, section 4.14.2).
type claim struct {
	By    string    `json:",omitempty"`
	Since time.Time `json:",omitzero"`
	Until time.Time `json:",omitzero"`
}

// A fault is an issuer's no, kept so that other processes need not ask at once too.
type fault struct {
	Code   string    `json:",omitempty"`
	Cause  string    `json:",omitempty"`
	Remedy string    `json:",omitempty"`
	At     time.Time `json:",omitzero"`
}

// A document is a grant as it is sealed.
type document struct {
	Format      int
	Issuer      string    `json:",omitempty"`
	Client      string    `json:",omitempty"`
	Tenant      string    `json:",omitempty"`
	Refresh     string    `json:",omitempty"`
	Access      string    `json:",omitempty"`
	Got         time.Time `json:",omitzero"`
	Expires     time.Time `json:",omitzero"`
	Scope       []string  `json:",omitempty"`
	Claim       claim     `json:",omitzero"`
	Interrupted time.Time `json:",omitzero"`
	Fault       fault     `json:",omitzero"`
}

const grantFormat = 1

// binding is where a mailbox's grant belongs.
func binding(key mailbox.Key, field string) secret.Binding {
	return secret.Binding{Organization: key.Organization, Mailbox: key.Mailbox, Field: field}
}

const fieldGrant = "oauth-grant"

var (
	errNever   = errors.New("nobody has consented to this mailbox being opened")
	errDamaged = errors.New("what is stored of the consent cannot be read")
	errStore   = errors.New("the Store failed")
)

// load returns the mailbox's grant. One that was never given or was forgotten has no
// Refresh; its Version is what a new one replaces.
func (s *Source) load(ctx context.Context, key mailbox.Key) (grant, error) {
	stored, err := s.Grants.Grant(ctx, key)
	switch {
	case errors.Is(err, serversync.ErrNotFound):
		return grant{}, nil
	case err != nil:
		return grant{}, s.storeFailed(ctx, err)
	}
	plain, err := s.Keyring.Open(stored.Sealed, binding(key, fieldGrant))
	if err != nil {
		return grant{Version: stored.Version}, fail("open the grant", provider.ErrAuth, CodeConsent, "give the host its key again, or have the owner consent again", err)
	}
	var d document
	if err := json.Unmarshal([]byte(plain.Reveal()), &d); err != nil || d.Format != grantFormat {
		return grant{Version: stored.Version}, fail("open the grant", provider.ErrAuth, CodeConsent, remedyConsent, errDamaged)
	}
	return grant{
		Version: stored.Version, Issuer: d.Issuer, Client: d.Client, Tenant: d.Tenant,
		Refresh: secret.New(d.Refresh), Access: secret.New(d.Access), Got: d.Got, Expires: d.Expires, Scope: d.Scope,
		Claim: d.Claim, Interrupted: d.Interrupted, Fault: d.Fault,
	}, nil
}

// replace saves g if what is stored has still its version, and returns it with the new
// one. The error is serversync.ErrFenced if it has not.
func (s *Source) replace(ctx context.Context, key mailbox.Key, g grant) (grant, error) {
	plain, err := json.Marshal(document{
		Format: grantFormat, Issuer: g.Issuer, Client: g.Client, Tenant: g.Tenant,
		Refresh: g.Refresh.Reveal(), Access: g.Access.Reveal(), Got: g.Got, Expires: g.Expires, Scope: g.Scope,
		Claim: g.Claim, Interrupted: g.Interrupted, Fault: g.Fault,
	})
	if err != nil {
		return g, fail("save the grant", provider.ErrProtocol, "", "", err)
	}
	sealed := s.Keyring.Seal(secret.New(string(plain)), binding(key, fieldGrant))
	err = s.Grants.ReplaceGrant(ctx, key, serversync.Grant{Version: g.Version, Sealed: sealed})
	if err != nil && !errors.Is(err, serversync.ErrFenced) {
		return g, s.storeFailed(ctx, err)
	}
	if err == nil {
		g.Version++
	}
	return g, err
}

// storeFailed returns ctx's own error, or that the Store failed. What it says may hold
// what it was given, so only its chain is kept.
func (s *Source) storeFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fail("store", provider.ErrUnavailable, "", "see to the host's storage", &storeError{err})
}

// A storeError is an error of the Store.
type storeError struct{ err error }

func (e *storeError) Error() string { return errStore.Error() }
func (e *storeError) Unwrap() error { return e.err }
