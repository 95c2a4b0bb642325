package mailbox

import "time"

// An Event is something that happened to a mailbox. See [State.Apply].
type Event struct {
	Kind EventKind
	Side Side // for EventCycle, EventTest and EventDisable

	// Outcome is how the cycle or the test of the side ended.
	Outcome Outcome

	Approval Approval // for EventApproval: approved, rejected, or the zero Approval to take it back
	By       string   // for EventPause, EventResume and EventDisable: who
}

// An EventKind says what happened.
type EventKind string

// The kinds of event.
const (
	EventCycle    EventKind = "cycle"    // a side was tried
	EventTest     EventKind = "test"     // a side was tested, to be enabled
	EventApproval EventKind = "approval" // somebody approved the address, rejected it, or took that back
	EventChange   EventKind = "change"   // address or profile are not those that were approved and tested
	EventPause    EventKind = "pause"    // somebody stopped the mailbox for a while
	EventResume   EventKind = "resume"   // and let it go on
	EventDisable  EventKind = "disable"  // somebody turned a side off, until it is tested again
)

// A Class says how a try of one side ended, by what is to be done about it.
type Class string

// The classes.
const (
	Succeeded  Class = "succeeded"
	Throttled  Class = "throttled"   // the server asked us to wait
	Transient  Class = "transient"   // it may work later
	Refused    Class = "refused"     // sign-in was refused
	Permanent  Class = "permanent"   // it will not work until something is changed
	Outage     Class = "outage"      // it failed for every mailbox of the profile; not this one's fault
	ItemFailed Class = "item-failed" // one item failed, and touches only itself
)

// An Outcome is how a try of one side ended.
type Outcome struct {
	Class    Class
	Wait     time.Duration // for Throttled: how long; 0 if the server did not say
	Revision string        // of mailbox and profile at the time
	Fault    Fault
}
