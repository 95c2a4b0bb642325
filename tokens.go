package serversync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A source of tokens speaks for an issuer, which is not the mail server: what goes wrong
// with it is no outage of the profile's server, and proves nothing of its health. So its
// errors are marked.

type issuerSource struct{ source provider.TokenSource }

func (s issuerSource) Token(ctx context.Context, a provider.Account, refused secret.Text) (provider.Token, error) {
	token, err := s.source.Token(ctx, a, refused)
	return token, ofSource(err)
}

// An issuerInspector is an issuerSource that looks at what its tokens rest upon and permit, which is no mail
// server's affair either.
type issuerInspector struct {
	issuerSource
	inspector provider.TokenInspector
}

func (s issuerInspector) Certificate(a provider.Account) (provider.Evidence, error) {
	e, err := s.inspector.Certificate(a)
	return e, ofSource(err)
}

func (s issuerInspector) Permission(a provider.Account, t provider.Token) (provider.Evidence, error) {
	e, err := s.inspector.Permission(a, t)
	return e, ofSource(err)
}

// ofSource marks an error of a source.
func ofSource(err error) error {
	if err == nil {
		return nil
	}
	return &issuerError{err}
}

// An issuerError is an error of a source of tokens.
type issuerError struct{ err error }

func (e *issuerError) Error() string { return e.err.Error() }
func (e *issuerError) Unwrap() error { return e.err }

func isIssuerError(err error) bool {
	var e *issuerError
	return errors.As(err, &e)
}

// tokens returns the source for an endpoint's credentials, nil if there is none.
func (s *Syncer) tokens(c profile.Credentials) provider.TokenSource {
	source := s.cfg.Tokens[c]
	switch inspector, looks := source.(provider.TokenInspector); {
	case source == nil:
		return nil
	case looks:
		return issuerInspector{issuerSource{source}, inspector}
	}
	return issuerSource{source}
}

// faultsOfSignIn returns what is wrong with how a host has drivers sign in.
func (c Config) faultsOfSignIn() (faults []string) {
	for _, credentials := range slices.Sorted(maps.Keys(c.Tokens)) {
		switch {
		case c.Tokens[credentials] == nil:
			faults = append(faults, fmt.Sprintf("Tokens[%q] is nil", credentials))
		case credentials != profile.OAuth && credentials != profile.ServerToServer:
			faults = append(faults, fmt.Sprintf("Tokens[%q] is never asked: no tokens are of these credentials", credentials))
		}
	}
	for i, m := range c.Mechanisms {
		if m == nil {
			faults = append(faults, fmt.Sprintf("Mechanisms[%d] is nil", i))
		}
	}
	return faults
}
