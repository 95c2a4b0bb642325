package mailbox

import (
	"strings"
	"time"

	"github.com/go-serversync/serversync/profile"
)

// A Side is one of the things that a mailbox synchronizes.
type Side = profile.Side

// The sides.
const (
	Incoming = profile.Incoming
	Outgoing = profile.Outgoing
)

// State is what synchronizing a mailbox has led to so far. The zero State is a
// mailbox that has never been run. It marshals to JSON and back without loss, so
// a Store may keep it as a document.
type State struct {
	Incoming Direction `json:"incoming"`
	Outgoing Direction `json:"outgoing"`
	ACT      Direction `json:"act,omitzero"`

	// Approval says who let the address be used.
	Approval Approval `json:"approval,omitzero"`

	// Subject is what was approved and tested.
	Subject Subject `json:"subject,omitzero"`

	// Paused says since when nothing is tried, and who wanted it so.
	Paused Pause `json:"paused,omitzero"`

	// Verbose is for how many cycles more each step is logged.
	Verbose int `json:"verbose,omitempty"`

	// Probe is how the Message-IDs of the mailbox's test messages begin, which are
	// no mail of the host's. Nobody can guess it.
	Probe string `json:"probe,omitempty"`

	// Refused says when sign-in was refused of late, on any side, so that nobody's
	// account is locked by our trying.
	Refused []Refusal `json:"refused,omitempty"`

	// Open are the alerts that are not resolved, each as it was told last.
	Open []Alert `json:"open,omitempty"`

	// Resets are the folders that are being listed again because the server gave
	// up the ids it had told, with what has been found so far. Each is announced
	// once, when its listing is complete.
	Resets []Reset `json:"resets,omitempty"`

	// Reach says how far back mail is brought in.
	Reach Reach `json:"reach,omitzero"`
}

// A Refusal is a sign-in that was refused.
type Refusal struct {
	At   time.Time `json:"at"`
	Side Side      `json:"side"`
}

// Direction is the state of one side of a mailbox.
type Direction struct {
	Phase    Phase     `json:"phase,omitempty"`
	Since    time.Time `json:"since,omitzero"`     // when Phase began
	Failures int       `json:"failures,omitempty"` // in a row
	Until    time.Time `json:"until,omitzero"`     // nothing is tried before; zero means now
	Revision string    `json:"revision,omitempty"` // of mailbox and profile when Phase began
	Fault    Fault     `json:"fault,omitzero"`     // why, unless all is well

	// Enabled says that a test has succeeded and nothing has taken that back.
	Enabled bool `json:"enabled,omitempty"`
	Tested  Test `json:"tested,omitzero"`
}

// A Test is the last test of a side.
type Test struct {
	Status Status    `json:"status,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Tries  int       `json:"tries,omitempty"` // in a row that failed
	Again  time.Time `json:"again,omitzero"`  // when it is to be repeated; zero if it is not
}

// A Phase is where a side stands.
type Phase string

// The phases. See [State.Apply] for how one leads to another.
const (
	NotRun    Phase = ""          // never tried
	Healthy   Phase = "healthy"   // the last try succeeded
	Waiting   Phase = "waiting"   // the server asked us to wait; this is no failure
	Retrying  Phase = "retrying"  // the last tries failed; tried again at Until
	Suspended Phase = "suspended" // failed ten times; probed every 30 minutes, resumes by itself
	Stopped   Phase = "stopped"   // not tried until it is tested again, or credential or profile change
)

// A Status is what an administrator is shown of a side: whether it works.
type Status string

// The statuses.
const (
	StatusNotRun  Status = ""
	StatusSuccess Status = "success"
	StatusFailure Status = "failure"
)

// Status returns whether the side works, and since when that is so.
func (d Direction) Status() (Status, time.Time) {
	switch d.Phase {
	case Healthy, Waiting:
		return StatusSuccess, d.Since
	case Retrying, Suspended, Stopped:
		return StatusFailure, d.Since
	}
	return StatusNotRun, d.Since
}

// A Pause says since when a mailbox is not worked on, and who wanted it so.
type Pause struct {
	Since time.Time `json:"since,omitzero"`
	By    string    `json:"by,omitempty"`
}

// A Fault says why a side is not healthy, and what to do about it. It holds no
// secret.
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

// Reach says how far back mail is brought in.
type Reach struct {
	Since time.Time `json:"since,omitzero"`  // "process email from", as mail was brought in last; zero for no bound
	Again []string  `json:"again,omitempty"` // folders still to be listed once more, since an earlier bound lets more in
}

// Direction returns the state of one side.
func (s State) Direction(side Side) Direction {
	switch side {
	case Outgoing:
		return s.Outgoing
	case ACT:
		return s.ACT
	}
	return s.Incoming
}

// with returns s with another state of one side.
func (s State) with(side Side, d Direction) State {
	switch side {
	case Outgoing:
		s.Outgoing = d
	case ACT:
		s.ACT = d
	default:
		s.Incoming = d
	}
	return s
}

// A Subject is what was approved and tested. Another one has to be approved and
// tested anew.
type Subject struct {
	Address string       `json:"address,omitempty"`
	Profile profile.ID   `json:"profile,omitempty"`
	Kind    profile.Kind `json:"kind,omitempty"`   // of the profile
	Tenant  string       `json:"tenant,omitempty"` // of the profile
}

// SubjectOf returns the subject that m with its profile p is.
func SubjectOf(m Mailbox, p profile.Profile) Subject {
	return Subject{Address: strings.ToLower(m.Address), Profile: p.ID, Kind: p.Kind, Tenant: strings.ToLower(p.TenantID)}
}
