package s2s

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A flight is a request for a token that is under way. Whoever wants the token too waits for it (TOK-1).
type flight struct {
	done chan struct{}
	err  error
}

// granted is what an issuer gave, with times as our clock has them.
type granted struct {
	token        secret.Text
	got, expires time.Time
	claims       claims
	by           thumbprint // of the certificate it was given for, if it was one
}

// current returns the token of c, another than the refused one. A caller whose ctx ends goes away; the flight
// goes on without him.
func (s *Source) current(ctx context.Context, c *cell, refused secret.Text) (*current, error) {
	now, test := s.now(), provider.Traced(ctx)
	cur := c.now.Load()
	serves := cur.serves(now, refused)
	switch {
	case serves && test && refused.IsZero() && s.renew(c, cur):
		// What an administrator has granted since is in no token of before.
		refused = cur.token.Value
	case serves && !cur.due(now):
		s.in.stats.memory.Add(1)
		return cur, nil
	}
	for range 3 {
		next, f, err := s.join(c, refused, test)
		if f == nil {
			return next, err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if kind := provider.KindOf(f.err); serves && test && (kind == provider.ErrUnavailable || kind == provider.ErrThrottled) {
			return cur, nil // it says nothing of what is tested
		}
		if f.err != nil {
			return nil, f.err
		}
	}
	return nil, c.want.named(fail(opToken, provider.ErrUnavailable, "", "see what sets the life of the issuer's tokens", errShort))
}

// renew begins to have a token replaced for a test, if that may be, and reports whether it does.
func (s *Source) renew(c *cell, cur *current) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flight == nil && c.mayForce(s.now(), cur) && s.begin(c)
}

// join returns the token that c has, and has it refreshed ahead if it is time; or the flight to wait for, which
// it begins if there is none; or why nobody is asked now.
func (s *Source) join(c *cell, refused secret.Text, test bool) (*current, *flight, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, cur := s.now(), c.now.Load()
	if cur.serves(now, refused) {
		if cur.due(now) && c.flight == nil && (!now.Before(c.ahead) || c.ahead.Sub(now) > mostForced) {
			s.begin(c) // if it cannot be begun, the token serves on
		}
		s.in.stats.memory.Add(1)
		return cur, nil, nil
	}
	if c.flight != nil {
		return nil, c.flight, nil
	}
	force := cur != nil && now.Before(cur.last) // and refused
	if fault := c.resting(now, test); fault != nil {
		return nil, nil, fault
	}
	if force && !c.mayForce(now, cur) {
		return nil, nil, c.want.named(fail(opToken, provider.ErrAuth, CodeRefused, remedyRefused, errRefused))
	}
	if !s.begin(c) {
		return nil, nil, fail(opToken, provider.ErrUnavailable, "", "start the host's service again", errClosed)
	}
	return nil, c.flight, nil
}

// begin begins a flight, unless the source is closed. c.mu is held.
func (s *Source) begin(c *cell) bool {
	s.in.closing.RLock()
	defer s.in.closing.RUnlock()
	if s.in.closed {
		return false
	}
	c.flight = &flight{done: make(chan struct{})}
	s.in.flights.Add(1)
	go s.fly(c, c.flight)
	return true
}

// fly has a token. Its context is the source's and not that of whoever was first, who may lose interest.
func (s *Source) fly(c *cell, f *flight) {
	defer s.in.flights.Done()
	ctx, cancel := context.WithTimeout(s.in.life, time.Duration(len(*s.in.proofs.Load())+2)*2*s.timeout())
	defer cancel()
	g, all, err := s.haveAnew(ctx, c)
	c.mu.Lock()
	switch {
	case err == nil:
		if c.now.Load() != nil {
			s.in.stats.refreshes.Add(1)
		}
		c.settle(g)
		s.note(c, all, g.by)
		c.outdate(*s.in.proofs.Load())
	case errors.Is(err, errGone): // no failure: whoever waits goes on with another certificate
		f.err = err
	default:
		s.in.stats.failures.Add(1)
		known := c.want.named(ours(err))
		if f.err = known; s.in.life.Err() == nil {
			c.failed(known, s.now())
		}
	}
	c.flight = nil
	c.mu.Unlock()
	close(f.done)
}

// have has a token from whoever gives it. It ends with ctx, also where what is the host's, such as a
// certificate's key or a Proof, does not.
func (s *Source) have(ctx context.Context, c *cell) (granted, error) {
	type outcome struct {
		g   granted
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: fail(opToken, provider.ErrUnavailable, "", remedyHost, errEnded)}
		defer func() {
			if p := recover(); p != nil {
				o = outcome{err: fail(opToken, provider.ErrUnavailable, "", remedyHost, fmt.Errorf("a panic of type %T", p))}
			}
			done <- o
		}()
		if c.want.realm != "" {
			o.g, o.err = s.issue(c.want)
		} else {
			o.g, o.err = s.ask(ctx, c)
		}
	}()
	select {
	case o := <-done:
		return o.g, s.closedOr(o.err)
	case <-ctx.Done():
	}
	patience := time.NewTimer(time.Second) // so that whoever keeps to ctx is gone when Close returns
	defer patience.Stop()
	select {
	case o := <-done:
		if o.err == nil {
			return o.g, nil
		}
	case <-patience.C:
	}
	return granted{}, s.closedOr(ctx.Err())
}

// closedOr returns err, or that it came of Close.
func (s *Source) closedOr(err error) error {
	if err != nil && s.in.life.Err() != nil && !errors.Is(err, errClosed) {
		return fail(opToken, provider.ErrUnavailable, "", "start the host's service again", errClosed)
	}
	return err
}
