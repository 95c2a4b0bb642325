package provider

import (
	"context"

	"github.com/go-serversync/serversync/mailbox"
)

// A Claimer is a Provider whose mailbox keeps a note of the organization that
// synchronizes its appointments, contacts and tasks.
type Claimer interface {
	// Claim returns the note; the zero Claim if there is none.
	Claim(ctx context.Context) (mailbox.Claim, error)

	// SetClaim writes the note.
	SetClaim(ctx context.Context, c mailbox.Claim) error
}
