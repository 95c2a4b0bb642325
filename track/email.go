package track

import (
	"context"
	"time"
)

// A Direction says which way an email went.
type Direction string

// The directions.
const (
	Incoming Direction = "incoming"
	Outgoing Direction = "outgoing"
)

// An Email is what the host knows of an email that another one may answer.
type Email struct {
	Ref       Ref       `json:"ref"`       // of the email itself
	Direction Direction `json:"direction"` // Outgoing for what its users sent
	Regarding Ref       `json:"regarding"` // the record that it belongs to
	Owner     Ref       `json:"owner"`     // of that record
	Sent      time.Time `json:"sent"`      // its Date; zero if it has none

	// What it can be matched by; see [Query].
	IDs          []string `json:"ids"`          // its Message-IDs: its own first, then one that a server put in its place
	Token        string   `json:"token"`        // in the subject of an outgoing one, as [Rules.Token] spells it
	Conversation string   `json:"conversation"` // of its conversation index
	Words        []uint64 `json:"words"`        // hashes of its subject's words
	People       []uint64 `json:"people"`       // hashes of the addresses involved

	// Participants are the addresses of everybody involved, Bcc included, in lower
	// case. A stranger's answer is only a suggestion.
	Participants []string `json:"participants"`
	Recipients   []string `json:"recipients"` // those of Participants that it was sent to
}

// A Query is all that the messages of a page may be matched by.
type Query struct {
	IDs           []string // Message-IDs, without angle brackets
	Tokens        []string
	Conversations []string
	Emails        []Ref     // that signed references name
	Smart         []Hashes  // of each message, where smart matching is on
	Since         time.Time // how far back Smart looks
	MinPeople     int       // how many of Hashes.People must agree
	WordDelta     int       // by how many the number of words may differ
}

// Empty reports whether q asks for nothing.
func (q Query) Empty() bool {
	return len(q.IDs) == 0 && len(q.Tokens) == 0 && len(q.Conversations) == 0 && len(q.Emails) == 0 && len(q.Smart) == 0
}

// Hashes are what smart matching compares.
type Hashes struct {
	Words  []uint64 // of the subject, in no order, each once
	People []uint64 // of the addresses, likewise
}

// Emails finds the emails that messages may answer.
type Emails interface {
	// FindEmails returns the organization's emails that any part of q names, in any
	// order, each once. It may leave out all but the newest 100 for one token,
	// conversation or Hashes, and all but one for an id. It is called once for a
	// page of messages.
	//
	// An email of Smart shares MinPeople of the people and all words, but for
	// WordDelta, with one of q.Smart, and was sent after Since; what it shares less
	// may be among the result as well, for it is compared again.
	FindEmails(ctx context.Context, organization string, q Query) ([]Email, error)
}
