package serversync

import (
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// A mailbox in which nothing happens is looked at less and less often. What counts
// is kept in memory alone, for looking costs no write: a process that starts anew
// polls all of them at the usual interval first.

// unstretched is how many polls in a row that found nothing change nothing yet.
const unstretched = 3

// mostEmpty is the highest count that is kept; every wait is at its bound by then.
const mostEmpty = 100

// stretched returns the wait after a poll, when the last ones, empty of them, found
// nothing. The first three leave the base as it is, and each further one adds half
// of what the wait was, up to the bound. A bound below the base changes nothing.
func stretched(base, bound time.Duration, empty int) time.Duration {
	wait := base
	for n := unstretched; n < empty && wait < bound; n++ {
		if wait/2 >= bound-wait {
			return bound
		}
		wait += wait / 2
	}
	return wait
}

// idles counts by mailbox the polls in a row that found nothing.
type idles struct {
	mu    sync.Mutex
	empty map[mailbox.Key]uint8
}

func (i *idles) init() { i.empty = make(map[mailbox.Key]uint8) }

// note counts a cycle, and returns how many in a row have found nothing. One that
// could not look says nothing either way.
func (i *idles) note(r *Report, looked bool) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch n := i.empty[r.Mailbox]; {
	case r.active():
		delete(i.empty, r.Mailbox)
	case looked && n < mostEmpty:
		i.empty[r.Mailbox] = n + 1
	}
	return int(i.empty[r.Mailbox])
}

// forget begins anew with a mailbox: something is there, or it is gone.
func (i *idles) forget(key mailbox.Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.empty, key)
}

// active reports whether something happened in a cycle: mail in or out, flags, acts.
func (r *Report) active() bool {
	return r.More || len(r.Resets) > 0 ||
		r.Tracked+r.Linked+r.Ignored+r.Deferred+r.Quarantined+r.Flags+r.Moved+r.Gone+r.Acts > 0 ||
		r.Sent+r.Rejected+r.Retried+r.Uncertain+r.Held+r.Filed > 0
}
