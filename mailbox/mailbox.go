// Package mailbox holds the mailbox: who is synchronized, how, and in what state.
//
// A [Mailbox] is what the host describes; [Mailbox.Validate] finds the mistakes in
// it and [MayApprove] says who may approve it. A [State] is what synchronizing it
// has led to; the Syncer moves it with [State.Apply], which is pure, and keeps it
// in the host's Store.
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

// Mailbox is a mailbox as the host describes it. The zero value of a field means
// its default: a user's mailbox whose mail goes both ways.
//
// It retells the mailbox record of Dynamics 365 (Microsoft: "Mailbox table/entity
// reference"), but for what synchronizing leads to, which is [State].
type Mailbox struct {
	Key
	Name    string // for people, at most 200 characters
	Kind    Kind   // whose it is
	Address string // the mailbox's own email address

	// Regarding is the user or queue that the mailbox belongs to, as the host names
	// them. Each has one mailbox. Empty for a forward mailbox.
	Regarding string

	Profile profile.ID // how to reach it
	Methods Methods    // who takes care of each side

	// Inactive mailboxes are not worked on.
	Inactive bool

	// Username and Password are for profiles whose credentials come from the
	// mailbox. An empty Username means Address.
	Username string
	Password secret.Text

	// Folders are the folders whose mail is brought in, by name as the server
	// shows it, or by role such as "\Sent". Default: the inbox alone. "*" means
	// every folder that holds mail, but for trash, junk and drafts, and for
	// "Undeliverable" where the profile has failed mail moved there.
	Folders []string

	// ProcessAfter bounds how far back mail is brought in, as in the profile; the
	// later of the two holds.
	ProcessAfter time.Time

	// Accept says which email the mailbox's user or queue wants to be tracked. It
	// counts where the Syncer tracks by rules.
	Accept Accept

	// Aliases are further addresses under which the mailbox gets mail and may send.
	Aliases []string

	// TrackingNumber is the user's number within tracking tokens, if they have one.
	TrackingNumber int64

	// TrackedFolders say what the mail in a folder belongs to, by the folder's id on
	// the server (over IMAP, its name): whatever is put there is tracked. A user's
	// mailbox only, and at most 25.
	TrackedFolders []TrackedFolder

	// DeleteProcessed deletes mail on the server once it has been brought in and
	// has waited as long as the Syncer makes deletions wait. Forward and queue
	// mailboxes only: a user's mail is the user's.
	DeleteProcessed bool

	// DeleteAfter is how long mail that is to be deleted stays on the server after it
	// was brought in, at most ten years. Default: a day, which is also the least: a
	// Store that fails over to an older copy must find it there still.
	DeleteAfter time.Duration

	// Home, ForwardsOutside and MFA are what the host knows of the account. They
	// serve validation alone.
	Home            Home // where the mailbox really stands
	ForwardsOutside bool // the server forwards its mail to a server of somebody else
	MFA             bool // its owner signs in with a second factor

	// Revision changes whenever the host changes credentials or settings of the
	// mailbox, such as the time of the last edit. A direction that was stopped is
	// tried again when this or the profile's Revision is another.
	Revision string
}

// A TrackedFolder stands for a record of the host's.
type TrackedFolder struct {
	Folder     string // the server's id of the folder
	RecordType string // of the record that its mail belongs to, such as "case"; may be empty
	RecordID   string
}

// MaxTrackedFolders is how many tracked folders a mailbox may have.
const MaxTrackedFolders = 25

// Kind says whose a mailbox is.
type Kind string

// The kinds of mailbox.
const (
	User    Kind = ""        // a person's
	Queue   Kind = "queue"   // a group's, such as support@
	Forward Kind = "forward" // one to which the mail of many is forwarded as attachments; it only reads
)

// Home says where a mailbox really stands, whatever its profile says.
type Home string

// The homes.
const (
	HomeUnknown Home = ""
	Online      Home = "online"      // Exchange Online
	OnPremises  Home = "on-premises" // Exchange Server
	External    Home = "external"    // anywhere else
)
