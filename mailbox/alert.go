package mailbox

import (
	"time"

	"github.com/go-serversync/serversync/profile"
)

// A Wall is where alerts about a mailbox or about a profile are shown: to the
// mailbox's owner, or to the profile's. One of Mailbox and Profile is set.
type Wall struct {
	Organization string
	Mailbox      string
	Profile      profile.ID
}

// Wall returns the mailbox's wall.
func (k Key) Wall() Wall { return Wall{Organization: k.Organization, Mailbox: k.Mailbox} }

// An Alert tells people of something. One that comes again while it is open is the
// same alert with a higher Count; it is resolved when what it tells of is over.
type Alert struct {
	ID       string        `json:"id"` // unique on its wall; an alert with an ID that is there replaces it
	At       time.Time     `json:"at"` // when it was told first
	Last     time.Time     `json:"last,omitzero"`
	Count    int           `json:"count"`             // how often it was told, 1 or more
	Resolved time.Time     `json:"resolved,omitzero"` // zero while it is open
	Level    profile.Level `json:"level"`
	Code     string        `json:"code"`            // stable, for programs, such as "sign-in-refused"
	Side     Side          `json:"side,omitempty"`  // "" for the whole mailbox or profile
	Cause    string        `json:"cause,omitempty"` // the code of the Fault behind it
	Message  string        `json:"message"`
	Remedy   string        `json:"remedy,omitempty"`
}
