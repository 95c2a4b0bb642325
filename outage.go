package serversync

import (
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// When a server stops answering, each of its mailboxes would fail on its own. So
// failures to reach it are counted by profile: three in a row, of at least two
// mailboxes, open the breaker, which is told once. While it is open one mailbox
// every 30 seconds tries; the first that gets through closes it.
const (
	outageAfter = 3
	outageProbe = 30 * time.Second
)

type outages struct {
	s  *Syncer
	mu sync.Mutex
	of map[outageKey]*outage
}

type outageKey struct {
	profileKey
	side mailbox.Side
}

type outage struct {
	failures int
	first    mailbox.Key // the first mailbox that failed
	others   bool        // another one failed too
	down     bool
	probe    time.Time // when the next try is let through
	fault    mailbox.Fault
}

func (o *outages) init(s *Syncer) { o.s, o.of = s, make(map[outageKey]*outage) }

// closed reports whether a try of this cycle is held back, and why.
func (o *outages) closed(c *cycle, side mailbox.Side, now time.Time) (bool, mailbox.Fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.of[outageKey{c.profileKey(), side}]
	if at == nil || !at.down {
		return false, mailbox.Fault{}
	}
	if now.Before(at.probe) {
		return true, at.fault
	}
	at.probe = now.Add(outageProbe)
	return false, mailbox.Fault{}
}

// down reports whether the outage of a side is known, so that it is not counted
// against the profile's mailboxes.
func (o *outages) down(c *cycle, side mailbox.Side) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.of[outageKey{c.profileKey(), side}]
	return at != nil && at.down
}

// note counts how a try ended.
func (o *outages) note(c *cycle, side mailbox.Side, err error) {
	key := outageKey{c.profileKey(), side}
	unreachable := serverDown(err)
	o.mu.Lock()
	at := o.of[key]
	if at == nil && !unreachable {
		o.mu.Unlock()
		return
	}
	var told *Outage
	if !unreachable {
		delete(o.of, key)
		if at.down {
			told = &Outage{Organization: key.organization, Profile: string(key.profile)}
		}
	} else {
		if at == nil {
			at = &outage{first: c.key}
			o.of[key] = at
		}
		at.failures++
		at.others = at.others || at.first != c.key
		at.fault = fault(err)
		if !at.down && at.others && at.failures >= outageAfter {
			at.down, at.probe = true, o.s.cfg.Clock.Now().Add(outageProbe)
			told = &Outage{Organization: key.organization, Profile: string(key.profile), Down: true, Fault: at.fault}
		}
	}
	o.mu.Unlock()
	if told == nil {
		return
	}
	o.s.cfg.Logger.Warn("profile outage", "organization", told.Organization, "profile", told.Profile, "down", told.Down, "cause", told.Fault.Cause)
	if hook := o.s.cfg.Hooks.Outage; hook != nil {
		hook(*told)
	}
}
