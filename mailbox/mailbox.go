// Package mailbox holds the mailbox: who is synchronized, how, and in what state.
//
// A [Mailbox] is what the host describes. A [State] is what synchronizing it has
// led to; the Syncer moves it with [State.Apply], which is pure, and keeps it in
// the host's Store.
package mailbox

import (
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/secret"
)

// Key names a mailbox. Every key that is stored starts with the organization,
// the host's customer, so that organizations cannot see each other.
type Key struct {
	Organization string
	Mailbox      string
}

// String returns the two parts for people to read; it is not unique.
func (k Key) String() string { return k.Organization + "/" + k.Mailbox }

// Mailbox is one user's mailbox as the host describes it.
type Mailbox struct {
	Key
	Address string     // the mailbox's own email address
	Profile profile.ID // how to reach it

	// Username and Password are for profiles whose credentials come from the
	// mailbox. An empty Username means Address.
	Username string
	Password secret.Text

	// Folders are the folders whose mail is brought in, by name as the server
	// shows it, or by role such as "\Sent". Default: the inbox alone. "*" means
	// every folder that holds mail, but for trash, junk and drafts.
	Folders []string

	IncomingOff bool // do not bring mail in
	OutgoingOff bool // do not send

	// Revision changes whenever the host changes credentials or settings of the
	// mailbox, such as the time of the last edit. A direction that was stopped is
	// tried again when this or the profile's Revision is another.
	Revision string

	// ProcessAfter bounds how far back mail is brought in, as in the profile; the
	// later of the two holds.
	ProcessAfter time.Time
}
