package mailbox

import (
	"slices"
	"time"

	"github.com/go-serversync/serversync/profile"
)

// Rules are what a side must meet besides its own state before it may be tried.
type Rules struct {
	Revision string // of mailbox and profile: what was stopped is tried again when it is another
	Shut     Fault  // why mailbox or profile are out of use; the zero Fault if they are not
	Approval bool   // its address must have been approved
	Enabled  bool   // it must have been tested and enabled
}

// Gate reports whether a side may be tried at now, and if not, from when on and
// why. A side that waits for a person has no such time.
func (s State) Gate(side Side, now time.Time, rules Rules, r Retry) (open bool, until time.Time, why Fault) {
	r = r.WithDefaults()
	if why, shut := s.shut(side, rules); shut {
		return false, time.Time{}, why
	}
	d := s.Direction(side)
	changed := d.Phase != NotRun && rules.Revision != d.Revision
	switch {
	case d.Phase == Stopped && (!changed || d.Fault.Code == disabled): // by hand: no edit undoes that
		return false, time.Time{}, d.Fault
	case changed: // what was wrong may have been mended
	case now.Before(d.Until):
		return false, d.Until, d.Fault
	case d.Phase != Healthy && len(s.recent(now, r)) >= r.Refusals:
		until = s.Refused[len(s.Refused)-r.Refusals].At.Add(r.RefusalWindow)
		if why = d.Fault; why == (Fault{}) { // it is another side's that was refused
			why = Fault{Code: "sign-in-refused", Cause: "the sign-in was refused on another side, and one more could lock the account",
				Remedy: "mend user name or password; else it goes on by itself", Scope: ScopeMailbox, Level: profile.Error}
		}
		return false, until, why
	}
	return true, time.Time{}, Fault{}
}

// shut returns why a side waits for a person.
func (s State) shut(side Side, rules Rules) (Fault, bool) {
	switch {
	case rules.Shut != Fault{}:
		return rules.Shut, true
	case s.Paused != Pause{}:
		return Fault{Code: "paused", Cause: "the mailbox was paused by " + s.Paused.By, Remedy: "resume it"}, true
	case rules.Approval && s.Approval.Status == Rejected:
		return Fault{Code: rejected, Cause: "the use of the email address was rejected by " + s.Approval.By, Remedy: "have the address approved by an administrator"}, true
	case rules.Approval && s.Approval.Status != Approved:
		return Fault{Code: notApproved, Cause: "the email address has not been approved", Remedy: "have the address approved by an administrator"}, true
	case rules.Enabled && !s.Direction(side).Enabled:
		if d := s.Direction(side); d.Fault != (Fault{}) {
			return d.Fault, true
		}
		return Fault{Code: "not-enabled", Cause: "it has not been tested and enabled", Remedy: "test and enable the mailbox"}, true
	}
	return Fault{}, false
}

// TestDue reports whether a test of the side that failed is to be repeated now.
func (s State) TestDue(side Side, now time.Time) bool {
	again := s.Direction(side).Tested.Again
	return !again.IsZero() && !now.Before(again)
}

// recent returns the refusals that still count at now. One that is as old as the
// window does not, so that the gate opens at the time that it names.
func (s State) recent(now time.Time, r Retry) []Refusal {
	i, _ := slices.BinarySearchFunc(s.Refused, now.Add(1-r.RefusalWindow), func(r Refusal, at time.Time) int { return r.At.Compare(at) })
	return s.Refused[i:]
}
