package serversync

import (
	"errors"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A server that asks a mailbox to wait is left alone by that mailbox (its direction's
// Until). Where it means the account that signs in (provider.Error.Shared), all that use
// the account would be told the same, each at the cost of a request that makes the wait
// longer. So they are held back until then, which is no failure and costs them nothing but
// a look. They come back spread over a tenth of the wait, and at most over
// releaseWithin.
type waits struct {
	s     *Syncer
	mu    sync.Mutex
	until map[connection]wait
}

// A wait is what the server of an account asked for.
type wait struct {
	until time.Time
	why   mailbox.Fault
}

func (w *waits) init(s *Syncer) { w.s, w.until = s, make(map[connection]wait) }

// closed reports whether a side has to wait because of others that use its account, and why.
func (w *waits) closed(c *cycle, side mailbox.Side, now time.Time) (bool, mailbox.Fault) {
	of, _ := connectionOf(c.key, c.profile, side)
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.until[of]
	left := at.until.Sub(now)
	if !ok || left <= 0 {
		delete(w.until, of)
		return false, mailbox.Fault{}
	}
	c.dueIn(left + time.Duration(w.s.spread()*float64(min(left/10, releaseWithin))))
	return true, at.why
}

// note holds an account's mailboxes back, if err asks for it, until the one that was told
// goes on.
func (w *waits) note(c *cycle, side mailbox.Side, err error) {
	var e *provider.Error
	if !errors.As(err, &e) || e.Kind != provider.ErrThrottled || !e.Shared {
		return
	}
	of, _ := connectionOf(c.key, c.profile, side)
	at := wait{c.state.Direction(side).Until, w.s.shown(err)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.until.After(w.until[of].until) {
		w.until[of] = at
	}
}
