package track

import (
	"context"

	"github.com/go-serversync/serversync/mailbox"
)

// A Ref names a record of the host's. The zero Ref names none.
type Ref struct {
	Type string `json:"type"` // such as "case"
	ID   string `json:"id"`
}

// String returns the type and the id, "" for the zero Ref.
func (r Ref) String() string {
	if r == (Ref{}) {
		return ""
	}
	return r.Type + " " + r.ID
}

// A Kind says what an address stands for.
type Kind string

// The kinds of party, in the order in which an address that stands for several
// records is taken, but that records of the mailbox's own user or queue come before
// those of others (Microsoft: "Associate an email address with a record").
const (
	User    Kind = "user"
	Contact Kind = "contact"
	Account Kind = "account"
	Lead    Kind = "lead"
	Queue   Kind = "queue"
	Other   Kind = "other" // any other record with an address, such as equipment, a team or a business unit
)

// A Party is a record of the host's that an address stands for.
type Party struct {
	Kind     Kind   `json:"kind"`
	Ref      Ref    `json:"ref"`
	Address  string `json:"address"`        // that was asked for
	Owner    Ref    `json:"owner,omitzero"` // the user, team or queue that owns the record
	Inactive bool   `json:"inactive,omitempty"`

	// Of users and queues:
	Accept  mailbox.Accept `json:"accept,omitempty"`  // which email they want to be tracked
	Creates Kind           `json:"creates,omitempty"` // for a sender whom nobody knows: Contact, Lead, or "" for nothing
	Queue   Ref            `json:"queue,omitzero"`    // the default queue of a user

	// Forwards says that the user's or queue's mail comes by way of a forward
	// mailbox (its incoming method is [mailbox.ForwardMailbox]). What a forward
	// mailbox gets from anybody else is ignored.
	Forwards bool `json:"forwards,omitempty"`
}

// An AddressBook is the host's directory of addresses.
type AddressBook interface {
	// Parties returns, for each address that stands for any records, these records,
	// in the host's order of preference. Addresses are asked for once each, in
	// lower case but for a local part that is quoted, and the answer is by the
	// address as it was asked. It is called once for a page of messages.
	Parties(ctx context.Context, organization string, addresses []string) (map[string][]Party, error)
}
