package provider

import (
	"context"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/profile"
)

// An Actor is a Provider that changes items on the server.
type Actor interface {
	// Act does a. It may be done again after a lost answer: what is done already
	// is success. ErrNotFound says that the item is gone or that its epoch has
	// ended, so that there is nothing left to do.
	Act(ctx context.Context, a Act) error
}

// A Confirmer is an Actor whose acts take effect only when all of them are confirmed,
// as POP3's do with QUIT. What was not confirmed may be done again.
type Confirmer interface {
	// Confirm makes the acts since the last Confirm take effect. With an error none
	// of them is to be relied upon: after ErrUnavailable, ErrThrottled and ErrAuth all
	// are done again, after any other kind a few times, each of which counts. The session may be at its end afterwards: every
	// later call is ErrUnavailable then.
	Confirm(ctx context.Context) error
}

// An Adviser is a Provider that finds out what of a server works and yet wants
// attention, for the test of a mailbox.
type Adviser interface {
	// Advise looks at the mailbox and returns what a person should know, with their
	// Side left empty. It may take a few round trips more than a cycle, and the
	// session may be at its end afterwards.
	Advise(ctx context.Context) (profile.Issues, error)
}

// An Act is something to do to an item on the server.
type Act struct {
	Kind   ActKind
	Folder FolderID
	Epoch  string // the id means something only in this epoch
	ID     ID
	To     FolderID // for Move; a folder that is not there is made, with this name
	Flag   string   // for Mark and Unmark, such as \Seen or a keyword
}

// An ActKind says what to do.
type ActKind string

// The kinds of act.
const (
	Mark   ActKind = "mark"   // set a flag
	Unmark ActKind = "unmark" // take a flag away
	Move   ActKind = "move"   // move it to another folder
	Delete ActKind = "delete" // delete it for good, and nothing else
)

// A Finder is a Provider that can look for a message.
type Finder interface {
	// Find returns where in the given folders a message with this Message-ID,
	// written without angle brackets, is. No place is no error.
	Find(ctx context.Context, folders []FolderID, messageID string) ([]Place, error)
}

// A Place is where an item is.
type Place struct {
	Folder FolderID
	Epoch  string
	ID     ID
}

// A Filer is a Provider that can put a message into a folder.
type Filer interface {
	// File stores raw in the folder with the flags. Before doing it again after a
	// lost answer the caller looks with a Finder.
	File(ctx context.Context, folder FolderID, raw *item.Blob, flags []string) error
}
