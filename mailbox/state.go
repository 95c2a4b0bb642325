package mailbox

import (
	"time"

	"github.com/go-serversync/serversync/profile"
)

// State is what synchronizing a mailbox has led to so far. The zero State is a
// mailbox that has never been run. It marshals to JSON and back without loss, so
// a Store may keep it as a document.
type State struct {
	Incoming Direction `json:"incoming"`
	Outgoing Direction `json:"outgoing"`

	// Refused says when sign-in was refused of late, in either direction, so that
	// nobody's account is locked by our trying.
	Refused []time.Time `json:"refused,omitempty"`

	// Resets are the folders that are being listed again because the server gave
	// up the ids it had told, with what has been found so far. Each is announced
	// once, when its listing is complete.
	Resets []Reset `json:"resets,omitempty"`
}

// Direction is the state of one direction of a mailbox.
type Direction struct {
	Phase    Phase     `json:"phase,omitempty"`
	Since    time.Time `json:"since,omitzero"`     // when Phase began
	Failures int       `json:"failures,omitempty"` // in a row
	Until    time.Time `json:"until,omitzero"`     // nothing is tried before; zero means now
	Revision string    `json:"revision,omitempty"` // of mailbox and profile when Phase began
	Fault    Fault     `json:"fault,omitzero"`     // why, unless all is well
}

// A Phase is where a direction stands.
type Phase string

// The phases. See [State.Apply] for how one leads to another.
const (
	NotRun    Phase = ""          // never tried
	Healthy   Phase = "healthy"   // the last try succeeded
	Waiting   Phase = "waiting"   // the server asked us to wait; this is no failure
	Retrying  Phase = "retrying"  // the last tries failed; tried again at Until
	Suspended Phase = "suspended" // failed ten times; probed every 30 minutes, resumes by itself
	Stopped   Phase = "stopped"   // not tried until credential or profile changes
)

// A Fault says why a direction is not healthy, and what to do about it. It holds
// no secret.
type Fault struct {
	Code   string `json:"code,omitempty"`   // stable, for programs, such as "sign-in-refused"
	Cause  string `json:"cause,omitempty"`  // what happened
	Remedy string `json:"remedy,omitempty"` // what to do

	Scope Scope         `json:"scope,omitempty"` // whom it concerns; "" if that is not known
	Level profile.Level `json:"level,omitempty"` // how bad it is
}

// A Reset is a folder that is being listed again.
type Reset struct {
	Folder    string    `json:"folder"`
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
	OldEpochs []string  `json:"oldEpochs,omitempty"` // to be dropped when the listing is complete
	Started   bool      `json:"started,omitempty"`   // a page of the new listing was committed
	Relisted  int       `json:"relisted"`            // items seen again so far
	Matched   int       `json:"matched"`             // of these, known by id or content
	New       int       `json:"new"`                 // of these, not known
}
