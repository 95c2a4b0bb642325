package mailbox

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync/profile"
)

// A Side is one direction of mail.
type Side = profile.Side

// The two sides.
const (
	Incoming = profile.Incoming
	Outgoing = profile.Outgoing
)

// A Class says how a try of one direction ended, by what is to be done about it.
type Class string

// The classes.
const (
	Succeeded Class = "succeeded"
	Throttled Class = "throttled" // the server asked us to wait
	Transient Class = "transient" // it may work later
	Refused   Class = "refused"   // sign-in was refused
	Permanent Class = "permanent" // it will not work until something is changed
)

// An Outcome is how a try of one direction ended. A single item's failure is no
// outcome: it touches only the item.
type Outcome struct {
	Class    Class
	Wait     time.Duration // for Throttled: how long; 0 if the server did not say
	Revision string        // of mailbox and profile at the time
	Fault    Fault
}

// Retry says how failures are met. The zero value of a field means its default.
type Retry struct {
	// Waits are the pauses after the first, second, … failure in a row; the last
	// one repeats. Each is spread by a fifth either way. Default: 5, 10, 15 minutes.
	Waits []time.Duration

	Tries        int           // failures in a row before a direction is suspended. Default: 10
	Probe        time.Duration // how often a suspended direction is probed. Default: 30 minutes
	DisableAfter int           // failures in a row before it is stopped for good. Default: 0, never

	Refusals      int           // sign-ins refused within RefusalWindow before it is stopped. Default: 3
	RefusalWindow time.Duration // Default: 15 minutes
}

// WithDefaults returns r with every zero field set to its default.
func (r Retry) WithDefaults() Retry {
	if len(r.Waits) == 0 {
		r.Waits = []time.Duration{5 * time.Minute, 10 * time.Minute, 15 * time.Minute}
	}
	r.Tries = cmp.Or(r.Tries, 10)
	r.Probe = cmp.Or(r.Probe, 30*time.Minute)
	r.Refusals = cmp.Or(r.Refusals, 3)
	r.RefusalWindow = cmp.Or(r.RefusalWindow, 15*time.Minute)
	return r
}

// Wait returns the pause after the given number of failures in a row; spread is a
// random number from 0 up to 1.
func (r Retry) Wait(failures int, spread float64) time.Duration {
	return spreadBy(r.Waits[min(max(failures, 1), len(r.Waits))-1], spread)
}

func spreadBy(d time.Duration, spread float64) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*spread))
}

// Direction returns the state of one side.
func (s State) Direction(side Side) Direction {
	if side == Outgoing {
		return s.Outgoing
	}
	return s.Incoming
}

// Gate reports whether a side may be tried at now, and if not, from when on and
// why. A side that is stopped has no such time: it opens when revision, of mailbox
// and profile, is another than when it was stopped.
func (s State) Gate(side Side, now time.Time, revision string, r Retry) (open bool, until time.Time, why Fault) {
	d := s.Direction(side)
	changed := d.Phase != NotRun && revision != d.Revision
	switch {
	case d.Phase == Stopped && !changed:
		return false, time.Time{}, d.Fault
	case changed: // what was wrong may have been mended
	case now.Before(d.Until):
		return false, d.Until, d.Fault
	case len(s.recent(now, r)) >= r.Refusals:
		return false, s.Refused[len(s.Refused)-r.Refusals].Add(r.RefusalWindow), d.Fault
	}
	return true, time.Time{}, Fault{}
}

// recent returns the refusals that still count at now.
func (s State) recent(now time.Time, r Retry) []time.Time {
	i, _ := slices.BinarySearchFunc(s.Refused, now.Add(-r.RefusalWindow), time.Time.Compare)
	return s.Refused[i:]
}

// Apply returns the state after o happened to a side at now, and the alerts it
// calls for, without ID and At. It is pure: spread, a random number from 0 up to
// 1, is all the chance there is.
//
//	       succeeded            transient            10th transient
//	any ──────────────▶ healthy ─────────▶ retrying ───────────────▶ suspended
//	                       ▲                   │ ▲                       │
//	                       └───────────────────┘ └── each 5, 10, 15 min  │ each 30 min
//	                       ▲                                             │
//	                       └─────────────────────────────────────────────┘
//	any ── throttled ─▶ waiting; counts as no failure
//	any ── refused ───▶ retrying; the third within 15 minutes ─▶ stopped
//	any ── permanent ─▶ stopped until the revision changes
func (s State) Apply(side Side, o Outcome, now time.Time, r Retry, spread float64) (State, []Alert) {
	was := s.Direction(side)
	d := was
	if d.Phase != NotRun && o.Revision != d.Revision {
		d.Failures = 0
		s.Refused = nil
	}
	var code string
	switch o.Class {
	case Succeeded:
		d = Direction{Phase: Healthy}
		s.Refused = nil
		if was.Phase == Suspended || was.Phase == Stopped {
			code = "resumed"
		}
	case Throttled:
		d.Phase = Waiting
		d.Until = now.Add(min(max(cmp.Or(o.Wait, r.Wait(1, spread)), time.Second), time.Hour))
	case Refused:
		s.Refused = append(slices.Clone(s.recent(now, r)), now)
		d.Failures++
		d.Phase, d.Until = Retrying, now.Add(r.Wait(1, spread))
		if len(s.Refused) >= r.Refusals {
			d.Phase, d.Until, code = Stopped, time.Time{}, "stopped"
		}
	case Permanent:
		d.Failures++
		d.Phase, d.Until, code = Stopped, time.Time{}, "stopped"
	default:
		d.Failures++
		d.Phase, d.Until = Retrying, now.Add(r.Wait(d.Failures, spread))
		switch {
		case r.DisableAfter > 0 && d.Failures >= r.DisableAfter:
			d.Phase, d.Until, code = Stopped, time.Time{}, "stopped"
		case d.Failures >= r.Tries:
			d.Phase, d.Until, code = Suspended, now.Add(spreadBy(r.Probe, spread)), "suspended"
		}
	}
	d.Fault, d.Revision, d.Since = o.Fault, o.Revision, now
	if d.Phase == was.Phase {
		d.Since = was.Since
		if code == "suspended" || code == "stopped" && o.Fault == was.Fault {
			code = "" // it was said before
		}
	}
	if side == Outgoing {
		s.Outgoing = d
	} else {
		s.Incoming = d
	}
	if code == "" {
		return s, nil
	}
	return s, []Alert{alert(code, side, o.Fault)}
}

func alert(code string, side Side, f Fault) Alert {
	a := Alert{Code: code, Side: side, Remedy: f.Remedy}
	switch code {
	case "resumed":
		a.Message = fmt.Sprintf("%s mail works again", side)
	case "suspended":
		a.Message = fmt.Sprintf("%s mail has failed again and again and is only probed now: %s", side, f.Cause)
	default:
		a.Message = fmt.Sprintf("%s mail has been stopped: %s", side, f.Cause)
	}
	return a
}
