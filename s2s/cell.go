package s2s

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A cell is the one token that all who want the same share, and how having it went.
type cell struct {
	want   *want
	share  float64 // of the spread of refreshes
	now    atomic.Pointer[current]
	worked atomic.Pointer[worked] // the certificate that was taken last

	mu       sync.Mutex
	parts    map[thumbprint]*cell // of tokens that the host issues itself, which each certificate has of its own
	flight   *flight
	fault    *provider.Error // of the last try, if it failed
	failures int             // in a row
	until    time.Time       // the fault stands, and nobody asks
	ahead    time.Time       // no refresh of a token that still serves before
	forced   time.Time       // a server had the token replaced last
	gap      time.Duration   // until the next time
}

// A worked certificate is one that the issuer, or the server, took when it did not know the preferred one.
type worked struct {
	thumbprint
	since time.Time
}

// preferAgain is how long a certificate that worked goes before the preferred one, which may have been registered
// since: a request a day at most is in vain.
const preferAgain = 24 * time.Hour

// before returns which certificate worked, zero where the preferred one is to be tried.
func (w *worked) before(now time.Time) thumbprint {
	if w == nil || now.Sub(w.since).Abs() >= preferAgain {
		return thumbprint{}
	}
	return w.thumbprint
}

// note keeps which certificate worked, one of all. Where there are others now, which of them to prefer is looked at anew.
// c.mu is held.
func (s *Source) note(c *cell, all *[]*proving, of thumbprint) {
	now := s.issuerNow()
	if of != (thumbprint{}) && s.in.proofs.Load() == all && c.worked.Load().before(now) != of {
		c.worked.Store(&worked{of, now})
	}
}

// A current is the token that is handed out, with times as our clock has them.
type current struct {
	token  provider.Token
	got    time.Time
	ahead  time.Time // it is to be refreshed
	last   time.Time // it is not handed out any more
	claims claims
	by     thumbprint              // of the certificate it was given for, if it was one
	gone   atomic.Bool             // which there is no more
	told   [4]atomic.Pointer[told] // what was told of it, by what the endpoint needs
}

// cell returns the cell of a want. in.mu is held.
func (s *Source) cell(w *want) *cell {
	key := s.keyOf(w)
	c := s.in.cells[key]
	if c == nil {
		c = &cell{want: w, share: tokens.Share(w.tenant, w.client, w.audience, w.realm, w.server)}
		s.in.cells[key] = c
	}
	return c
}

// backwards is how far our clock may be set back without a token being taken for one of unknown age.
const backwards = 2 * time.Minute

// serves reports whether c can be handed out to whom refused was refused.
func (c *current) serves(now time.Time, refused secret.Text) bool {
	return c != nil && now.Before(c.last) && (refused.IsZero() || !refused.Equal(c.token.Value))
}

// due reports whether c is to be refreshed. Where the clock was set back nobody knows how old it is.
func (c *current) due(now time.Time) bool {
	return c.gone.Load() || !now.Before(c.ahead) || now.Before(c.got.Add(-backwards))
}

// settle makes what was given the current token. c.mu is held.
func (c *cell) settle(g granted) {
	c.now.Store(&current{
		token: provider.Token{Value: g.token, Expires: g.expires}, got: g.got,
		ahead: refreshAt(c.share, g.got, g.expires), last: lastAt(g.expires), claims: g.claims, by: g.by,
	})
	c.fault, c.failures, c.until, c.ahead = nil, 0, time.Time{}, g.got.Add(restAhead)
}

// failed notes that no token was had. c.mu is held.
func (c *cell) failed(err *provider.Error, now time.Time) {
	c.failures++
	c.fault, c.until = err, now.Add(rest(err, c.failures))
	c.ahead = now.Add(max(c.until.Sub(now), restAhead<<min(c.failures-1, 3)))
}

// resting returns the fault that still stands, nil if there is none. A test of a profile asks anew, as
// somebody may just have mended it, unless the issuer wants to be left alone. c.mu is held.
func (c *cell) resting(now time.Time, test bool) *provider.Error {
	left := c.until.Sub(now)
	if c.fault == nil || left <= 0 || left > tokens.MostWait { // the clock was set back
		return nil
	}
	if test && !asked(c.fault) {
		return nil
	}
	told := *c.fault
	if asked(c.fault) {
		told.RetryAfter = left
	}
	return &told
}

// asked reports whether an error is an issuer's that wants to be left alone.
func asked(err *provider.Error) bool { return err.Kind == provider.ErrThrottled || err.RetryAfter > 0 }

// mayForce reports whether a token that a server refused may be replaced ahead of its time (TOK-3), and notes
// that it is. One that is new is not refused for its age, and one mailbox that is refused whatever token it shows
// must not have the issuer asked at each of its polls. c.mu is held.
func (c *cell) mayForce(now time.Time, cur *current) bool {
	if now.Sub(cur.got).Abs() < youngToken {
		return false
	}
	gap, since := leastForced, now.Sub(c.forced).Abs()
	if !c.forced.IsZero() {
		if since < c.gap {
			return false
		}
		if since < 2*c.gap {
			gap = min(2*c.gap, mostForced)
		}
	}
	c.forced, c.gap = now, gap
	return true
}

// idle reports whether nothing would be lost with c.
func (c *cell) idle(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, part := range c.parts {
		if !part.idle(now) {
			return false
		}
	}
	cur := c.now.Load()
	return c.flight == nil && (cur == nil || now.Sub(cur.last) > entryLife) && now.Sub(c.until) > entryLife
}
