package s2s

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
)

// A proving is a certificate with what is told of it.
type proving struct {
	cert    *certificate.Certificate
	subject string
	prints  []string
	chain   []string
}

func provingOf(c *certificate.Certificate) *proving {
	p := &proving{cert: c, subject: c.Leaf().Subject.String(), prints: c.Thumbprints()}
	for _, x := range c.Chain() {
		p.chain = append(p.chain, x.Subject.String())
	}
	return p
}

// good returns the certificates that are good now, the preferred first; or that which worked last before
// the others. The error is the preferred one's where none is.
func (s *Source) good(now time.Time, worked *proving) (good []*proving, err error) {
	if worked != nil && worked.cert.Check(now) == nil {
		good = append(good, worked)
	}
	for _, p := range s.in.proofs {
		switch why := p.cert.Check(now); {
		case why == nil && p != worked:
			good = append(good, p)
		case why != nil && err == nil:
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
	if n := len(s.in.proofs); n > 1 {
		for i, of := range s.in.proofs {
			if of == p {
				text = fmt.Sprintf("%s, %d of %d", p.subject, i+1, n)
			}
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

// Expiries tells of each of the Certificates, in their order, how long it is still good at a time, as for a
// gauge of seconds that an alert watches. It is nil where the configuration is wrong.
func (s *Source) Expiries(now time.Time) (all []Expiry) {
	if s.Check() != nil {
		return nil
	}
	for _, p := range s.in.proofs {
		end := p.cert.NotAfter()
		all = append(all, Expiry{p.subject, p.prints, end, end.Sub(now), p.cert.Check(now) == nil})
	}
	return all
}
