package mailbox

import (
	"slices"
	"time"

	"github.com/go-serversync/serversync/profile"
)

// Apply returns the state after e happened at now, and the alerts it calls for:
// new ones without ID, for [State.Raise] to number, and those that it resolves. It is pure: spread, a random number from
// 0 up to 1, is all the chance there is. docs/states.md draws the whole table from
// this code; in short:
//
//	       succeeded            transient            10th transient
//	any ──────────────▶ healthy ─────────▶ retrying ───────────────▶ suspended
//	                       ▲                   │ ▲                       │
//	                       └───────────────────┘ └── each 5, 10, 15 min  │ each 30 min
//	                       ▲                                             │
//	                       └─────────────────────────────────────────────┘
//	any ── throttled ─▶ waiting; counts as no failure
//	any ── refused ───▶ retrying; the third within 15 minutes ─▶ stopped
//	any ── permanent ─▶ stopped until it is tested again or the revision changes
//	any ── outage, item failed ─▶ as it was
//
// A test that succeeds makes a side healthy and enables it. One that fails for now
// is repeated as a cycle would be; one that fails for good disables the side.
func (s State) Apply(e Event, now time.Time, r Retry, spread float64) (State, []Alert) {
	r = r.WithDefaults()
	switch e.Kind {
	case EventCycle:
		return s.tried(e, now, r, spread)
	case EventTest:
		return s.tested(e, now, r, spread)
	case EventApproval:
		return s.approved(e.Approval, now)
	case EventChange:
		return s.changed(now)
	case EventPause:
		if s.Paused == (Pause{}) {
			s.Paused = Pause{Since: now, By: e.By}
		}
	case EventResume:
		s.Paused = Pause{}
	case EventDisable:
		d := s.Direction(e.Side)
		if d.Phase != Stopped {
			d.Since = now
		}
		d.Phase, d.Until, d.Enabled, d.Revision, d.Tested.Again = Stopped, time.Time{}, false, e.Outcome.Revision, time.Time{}
		d.Fault = Fault{Code: disabled, Cause: "it was disabled by " + e.By, Remedy: "test and enable the mailbox"}
		return s.with(e.Side, d), nil
	}
	return s, nil
}

// disabled is the code of the fault of a side that somebody turned off.
const disabled = "disabled"

// The codes of the fault of a side whose address nobody approved, or somebody rejected.
const (
	notApproved = "not-approved"
	rejected    = "rejected"
)

// tried moves a side on after a cycle.
func (s State) tried(e Event, now time.Time, r Retry, spread float64) (State, []Alert) {
	o := e.Outcome
	if o.Class == Outage || o.Class == ItemFailed {
		return s, nil // M3, M4: it says nothing about this mailbox
	}
	was := s.Direction(e.Side)
	d := was
	if d.Phase != NotRun && o.Revision != d.Revision {
		d.Failures = 0
		if !s.triedUnder(o.Revision) {
			s.Refused = nil
		}
	}
	var code string
	var alerts []Alert
	switch o.Class {
	case Succeeded:
		d.Phase, d.Failures, d.Until = Healthy, 0, time.Time{}
		o.Fault, s.Refused = Fault{}, without(s.Refused, e.Side)
		s, alerts = s.Resolve(e.Side, now, "suspended", "stopped", "test-failed", "profile-outage")
		if was.Phase == Suspended || was.Phase == Stopped {
			code = "resumed"
		}
	case Throttled:
		d.Phase, d.Until = Waiting, now.Add(r.waitAsked(o.Wait, spread))
	case Refused:
		s.Refused = slices.Concat(s.recent(now, r), []Refusal{{now, e.Side}})
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
			d.Enabled = false
		case d.Failures >= r.Tries:
			d.Phase, d.Until, code = Suspended, now.Add(spreadBy(r.Probe, spread)), "suspended"
		}
	}
	d.Fault, d.Revision, d.Since = o.Fault, o.Revision, now
	if d.Phase == was.Phase {
		d.Since = was.Since
	}
	if code != "" {
		alerts = append(alerts, alert(code, e.Side, o.Fault))
	}
	return s.with(e.Side, d), alerts
}

// triedUnder reports whether a side was tried under a revision. What was refused
// since counts for the other sides too.
func (s State) triedUnder(revision string) bool {
	return slices.ContainsFunc([]Side{Incoming, Outgoing, ACT}, func(side Side) bool {
		d := s.Direction(side)
		return d.Phase != NotRun && d.Revision == revision
	})
}

// without returns the refusals of the other sides: that one side's server takes the
// credential says nothing about another's.
func without(all []Refusal, side Side) (others []Refusal) {
	for _, r := range all {
		if r.Side != side {
			others = append(others, r)
		}
	}
	return others
}

// tested moves a side on after a test.
func (s State) tested(e Event, now time.Time, r Retry, spread float64) (State, []Alert) {
	o := e.Outcome
	tries := s.Direction(e.Side).Tested.Tries
	cycle := e
	if o.Class == Outage || o.Class == ItemFailed {
		cycle.Outcome.Class = Transient // a test asks whether it works now, whosesoever fault it is
	}
	s, alerts := s.tried(cycle, now, r, spread)
	alerts = slices.DeleteFunc(alerts, func(a Alert) bool { return a.ID == "" }) // the test's own alert says it
	d := s.Direction(e.Side)
	if o.Class == Succeeded {
		d.Enabled, d.Tested = true, Test{Status: StatusSuccess, At: now}
		return s.with(e.Side, d), append(alerts, alert("test-succeeded", e.Side, Fault{}))
	}
	d.Tested = Test{Status: StatusFailure, At: now, Tries: tries + 1}
	switch {
	case d.Phase == Stopped, d.Tested.Tries >= r.Tries:
		d.Phase, d.Until, d.Enabled = Stopped, time.Time{}, false
	default: // it is tested again when it would be tried again
		d.Tested.Again = d.Until
	}
	return s.with(e.Side, d), append(alerts, alert("test-failed", e.Side, o.Fault))
}

// approved notes what was decided about the address.
func (s State) approved(a Approval, now time.Time) (State, []Alert) {
	s.Approval = a
	s, alerts := s.Resolve("", now, rejected)
	for _, side := range []Side{Incoming, Outgoing, ACT} {
		if code := s.Direction(side).Fault.Code; code == notApproved || code == rejected { // a test has failed for want of what may be there now
			s = s.with(side, Direction{})
		}
	}
	switch a.Status {
	case Approved:
		alerts = append(alerts, Alert{Level: profile.Info, Code: "approved", Message: "the email address was approved by " + a.By})
	case Rejected:
		alerts = append(alerts, Alert{Level: profile.Warning, Code: rejected, Message: "the use of the email address was rejected by " + a.By,
			Remedy: "have the address approved by an administrator"})
	}
	return s, alerts
}

// changed takes back what was approved and tested of another address or profile.
// How far mail was brought in stays.
func (s State) changed(now time.Time) (State, []Alert) {
	var alerts []Alert
	for _, side := range []Side{"", Incoming, Outgoing, ACT} {
		var resolved []Alert
		s, resolved = s.Resolve(side, now)
		alerts = append(alerts, resolved...)
	}
	s.Incoming, s.Outgoing, s.ACT = Direction{}, Direction{}, Direction{}
	s.Approval, s.Subject, s.Refused = Approval{}, Subject{}, nil
	return s, alerts
}

func alert(code string, side Side, f Fault) Alert {
	a := Alert{Level: profile.Error, Code: code, Cause: f.Code, Side: side, Remedy: f.Remedy}
	what := string(side) + " mail"
	if side == ACT {
		what = "synchronizing appointments, contacts and tasks"
	}
	switch code {
	case "resumed":
		a.Level, a.Message = profile.Info, what+" works again"
	case "suspended":
		a.Message = what + " has failed again and again and is only probed now: " + f.Cause
	case "test-succeeded":
		a.Level, a.Message = profile.Info, what+" was tested and enabled"
	case "test-failed":
		a.Message = "the test of " + what + " failed: " + f.Cause
	default:
		a.Message = what + " has been stopped: " + f.Cause
	}
	return a
}
