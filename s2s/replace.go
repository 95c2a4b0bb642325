package s2s

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-serversync/serversync/s2s/certificate"
)

// SetCertificates puts others in the place of Certificates while s is in use, the preferred first, as for a
// host whose certificates are renewed while it runs. What was refused with the old ones is asked for anew. A token
// that was given for one that is gone serves on until its successor is there, which is asked for when it is needed
// next; one that this host issued with it does not. The error says what is wrong with the new ones, as where none of them is
// good now; the old ones stay then.
func (s *Source) SetCertificates(all ...*certificate.Certificate) error {
	if err := s.Check(); err != nil {
		return err
	}
	proofs, err := provings(all)
	if len(all) == 0 {
		err = errors.New("no certificate is given")
	}
	if err != nil {
		return misconfigured(err)
	}
	if _, err := goodOf(proofs, s.issuerNow(), thumbprint{}); err != nil {
		return s.withSkew(err)
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	same := slices.EqualFunc(*s.in.proofs.Load(), proofs, func(a, b *proving) bool { return a.thumbprint == b.thumbprint })
	s.in.proofs.Store(&proofs)
	for _, c := range s.in.cells {
		if s.certified(c.want) {
			c.follow(proofs, same)
		}
	}
	return nil
}

// certified reports whether it is a certificate that proves this host for a want, and no secret or Proof.
func (s *Source) certified(w *want) bool { return w.realm != "" || w.secret.IsZero() && s.Proof == nil }

// follow has c go on with the certificates that there are now, or with the same ones with other keys. c's token
// serves on meanwhile.
func (c *cell) follow(all []*proving, same bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !same {
		c.worked.Store(nil) // the preferred one may be another
	}
	maps.DeleteFunc(c.parts, func(of thumbprint, _ *cell) bool { return find(all, of) == nil })
	for _, part := range c.parts {
		part.follow(all, same)
	}
	c.outdate(all)
	if c.fault != nil && !asked(c.fault) {
		c.fault, c.failures, c.until = nil, 0, time.Time{}
	}
	c.ahead = time.Time{}
}

// outdate notes if the certificate that c's token was given for is none of those that there are. c.mu is held.
func (c *cell) outdate(all []*proving) {
	if cur := c.now.Load(); cur != nil && cur.by != (thumbprint{}) && find(all, cur.by) == nil {
		cur.gone.Store(true)
	}
}

// haveAnew is have with the certificates, all, that there are in the end: a refusal of such as were replaced while it was
// under way says nothing.
func (s *Source) haveAnew(ctx context.Context, c *cell) (g granted, all *[]*proving, err error) {
	for range 3 { // who replaces them more often is not waited for
		all = s.in.proofs.Load()
		g, err = s.have(ctx, c)
		if err == nil || asked(ours(err)) || ctx.Err() != nil || !s.certified(c.want) || s.in.proofs.Load() == all {
			break
		}
	}
	return g, all, err
}
