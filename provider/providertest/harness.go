package providertest

import (
	"context"

	"github.com/go-serversync/serversync/provider"
)

// A Harness is a mail system as the suite needs it: one mailbox for a driver to
// work on, and the server's side of it. Only Open is required. A rule whose means
// are missing is skipped, and the skip says what is missing.
//
// The functions act at once and fail the test themselves if they cannot.
type Harness struct {
	// Open opens a new session with the mailbox. A rule has up to twelve at once.
	Open func(context.Context) (provider.Provider, error)

	// Folder is where the suite works, Other a second folder, which may be "". Both
	// are empty at first.
	Folder, Other provider.FolderID

	Add      func(folder provider.FolderID, raw []byte, flags ...string)          // delivers a message
	Items    func(folder provider.FolderID) []Message                             // what is there, oldest first
	Remove   func(folder provider.FolderID, id provider.ID)                       // deletes a message
	SetFlags func(folder provider.FolderID, id provider.ID, flags ...string)      // gives it these flags and no others
	Move     func(folder provider.FolderID, id provider.ID, to provider.FolderID) // moves it
	Change   func(folder provider.FolderID, id provider.ID, raw []byte)           // gives it other content

	NewEpoch      func(folder provider.FolderID) // ends the folder's epoch: every message gets another id
	ExpireCursors func()                         // makes the server forget every cursor

	BadItem func(folder provider.FolderID, raw []byte) // delivers a message that cannot be read
	CutItem func(folder provider.FolderID, raw []byte) // delivers one whose reading ends in its middle

	Break  func() // cuts every connection; new ones work
	Stall  func() // answers nothing from now on, on any connection
	Refuse func() // refuses to sign anyone in from now on

	Secret string        // the password that sessions sign in with; it must not show
	Log    func() string // what the driver has logged so far

	// Memory is the size above which a body must not lie in memory, the driver's
	// Limits.Memory.
	Memory int64

	// Received returns what the server took responsibility for sending. Accepted,
	// Rejected and Deferred are addresses that it accepts, refuses for good and
	// refuses for now.
	Received                     func() []SentMessage
	Accepted, Rejected, Deferred string

	// LoseAnswer makes the server lose its answer to the next step of Send that cannot be
	// undone, once: after the step had its effect, or else before it had one.
	LoseAnswer func(after bool)

	// Arrive lets the step that LoseAnswer(false) kept from its effect come to the server
	// after all, as a request does that was long on its way. Whether it has its effect
	// now depends on what else has happened since.
	Arrive func()

	// Decides says that a Settler finds out what became of a message where nothing but one
	// answer was lost: Uncertain is no answer then.
	Decides bool
}
