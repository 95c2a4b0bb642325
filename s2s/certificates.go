package s2s

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
)

// A thumbprint tells certificates apart, by SHA-256.
type thumbprint [sha256.Size]byte

// A proving is a certificate with what is told of it.
type proving struct {
	thumbprint
	cert    *certificate.Certificate
	subject string
	prints  []string
	chain   []string
}

func provingOf(c *certificate.Certificate) *proving {
	p := &proving{thumbprint: c.SHA256(), cert: c, subject: subjectOf(c.Leaf()), prints: c.Thumbprints()}
	for _, x := range c.Chain() {
		p.chain = append(p.chain, subjectOf(x))
	}
	return p
}

// subjectOf returns whose a certificate is, in a line that can be shown: whoever made it may have written anything.
func subjectOf(c *x509.Certificate) string { return wire.Quote(c.Subject.String()) }

// provings returns all with what is told of them. The error says what is wrong with them.
func provings(all []*certificate.Certificate) (proofs []*proving, err error) {
	for i, c := range all {
		if c == nil {
			err = errors.Join(err, fmt.Errorf("of the certificates number %d is nil", i))
			continue
		}
		if _, is := c.Signer().Public().(*rsa.PublicKey); !is {
			err = errors.Join(err, fmt.Errorf("of the certificates number %d: the key is no RSA key, and neither Entra ID nor Exchange Server takes another: use a certificate with an RSA key of 2,048 bits or more", i))
		}
		if find(proofs, c.SHA256()) == nil { // what is given twice is one
			proofs = append(proofs, provingOf(c))
		}
	}
	return proofs, err
}

// find returns the certificate of a thumbprint, nil if it is none of all.
func find(all []*proving, of thumbprint) *proving {
	for _, p := range all {
		if p.thumbprint == of {
			return p
		}
	}
	return nil
}

// good is goodOf the certificates that there are.
func (s *Source) good(now time.Time, worked thumbprint) ([]*proving, error) {
	return goodOf(*s.in.proofs.Load(), now, worked)
}

// goodOf returns the certificates of all that are good now, the preferred first; or that which worked last before
// the others. The error is the preferred one's where none is.
func goodOf(all []*proving, now time.Time, worked thumbprint) (good []*proving, err error) {
	for _, p := range all {
		switch why := p.cert.Check(now); {
		case why == nil && p.thumbprint == worked:
			good = slices.Insert(good, 0, p)
		case why == nil:
			good = append(good, p)
		case err == nil:
			err = why
		}
	}
	switch {
	case len(good) > 0:
		return good, nil
	case err == nil:
		err = fail(opCertificate, provider.ErrUnsupported, "", "give the source a certificate, or the profile the secret of an application of its own", errNothing)
	}
	return nil, err
}

// Certificate tells which certificate proves this host for a, as [provider.TokenInspector] has it. The
// Evidence is zero where a secret or a Proof does.
func (s *Source) Certificate(a provider.Account) (provider.Evidence, error) {
	if err := s.Check(); err != nil {
		return provider.Evidence{}, err
	}
	if !a.Profile.IssuesTokens(a.Endpoint.Credentials) && (!a.Profile.Application.Secret.IsZero() || s.Proof != nil) {
		return provider.Evidence{}, nil
	}
	good, err := s.good(s.issuerNow(), s.worked(a))
	if err != nil {
		return provider.Evidence{}, s.withSkew(err)
	}
	p, text := good[0], good[0].subject
	if all := *s.in.proofs.Load(); len(all) > 1 {
		if i := slices.Index(all, p); i >= 0 {
			text = fmt.Sprintf("%s, %d of %d", p.subject, i+1, len(all))
		}
	}
	return provider.Evidence{Text: also(text, s.skew()), NotAfter: p.cert.NotAfter(), Thumbprints: p.prints, Chain: p.chain}, nil
}

// withSkew adds to the remedy of an error that the clock is wrong, if it is.
func (s *Source) withSkew(err error) error {
	var known *provider.Error
	if skew := s.skew(); skew != "" && errors.As(err, &known) {
		told := *known
		told.Remedy = also(told.Remedy, skew)
		return &told
	}
	return err
}

// An Expiry is how long a certificate is still good.
type Expiry struct {
	Subject     string
	Thumbprints []string // each as "SHA-1 …" or "SHA-256 …"
	NotAfter    time.Time
	Left        time.Duration // until then; negative once it is over
	Good        bool          // at the time that was asked for
}

// Expiries tells of each of the certificates, in their order, how long it is still good at a time, as for a
// gauge of seconds that an alert watches. It is nil where the configuration is wrong.
func (s *Source) Expiries(now time.Time) (all []Expiry) {
	if s.Check() != nil {
		return nil
	}
	for _, p := range *s.in.proofs.Load() {
		end := p.cert.NotAfter()
		all = append(all, Expiry{p.subject, p.prints, end, end.Sub(now), p.cert.Check(now) == nil})
	}
	return all
}
