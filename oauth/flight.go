package oauth

import (
	"context"
	"fmt"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// A flight is a renewal that is under way for a mailbox in this process. Whoever wants
// the token too waits for it (TOK-1).
type flight struct {
	done chan struct{}
	g    grant
	err  error
}

// join waits for the flight of e, which it begins if there is none. A caller whose ctx
// ends goes away; the flight goes on without him, for a refresh token that was rotated
// has to be saved, whoever has lost interest.
func (s *Source) join(ctx context.Context, e *entry, renew func(context.Context) (grant, error)) (grant, error) {
	e.mu.Lock()
	f := e.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		e.flight = f
		s.refreshes.Add(1)
		go s.fly(context.WithoutCancel(ctx), e, f, renew)
	}
	e.mu.Unlock()
	select {
	case <-f.done:
		return f.g, f.err
	case <-ctx.Done():
		return grant{}, ctx.Err()
	}
}

func (s *Source) fly(ctx context.Context, e *entry, f *flight, renew func(context.Context) (grant, error)) {
	// Somebody else's claim may have to lapse, and then we ask ourselves.
	ctx, cancel := context.WithTimeout(ctx, s.claimFor()+s.timeout()+time.Minute)
	defer cancel()
	defer s.refreshes.Done()
	defer func() {
		if p := recover(); p != nil { // a host's Store or transport
			f.g, f.err = grant{}, fail(opRefresh, provider.ErrUnavailable, "", "see to the host's Store and Transport", fmt.Errorf("a panic of type %T", p))
		}
		e.mu.Lock()
		e.flight = nil
		e.mu.Unlock()
		close(f.done)
	}()
	f.g, f.err = renew(ctx)
	if f.err != nil && ctx.Err() != nil && f.err == ctx.Err() {
		f.err = fail(opRefresh, provider.ErrUnavailable, "TimedOut", remedyWait, errHeld)
	}
}
