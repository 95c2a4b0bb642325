package provider

import (
	"context"
	"time"

	"github.com/go-serversync/serversync/item"
)

// An ID names an item within a folder and epoch. It is opaque, case-sensitive
// bytes.
type ID string

// A FolderID names a folder of a mailbox. It is opaque, case-sensitive bytes.
type FolderID string

// A Source is a Provider that brings items in.
type Source interface {
	// Folders returns every folder of the mailbox, in no set order.
	Folders(ctx context.Context) ([]Folder, error)

	// Changes returns a page of what happened in r.Folder after r.Cursor.
	//
	// The zero cursor of the Live lane stands for now: its first page has no
	// changes and its Next is the place from which all later news is told. The
	// zero cursor of the Backfill lane stands for everything that is there now,
	// newest first. Where the two are not apart (Traits.HasBackfill), Live lists
	// everything from its zero cursor on.
	//
	// The blobs in the page belong to the caller, who releases them.
	Changes(ctx context.Context, r Request) (Page, error)

	// Fetch reads whole items. It calls got once for each of ids, in any order,
	// with a Change whose Raw is set, or whose Err says why it could not be read,
	// or whose Kind is Gone. It stops at the first error of got and returns it.
	Fetch(ctx context.Context, folder FolderID, epoch string, ids []ID, got func(Change) error) error
}

// A Folder is a folder of the server.
type Folder struct {
	ID   FolderID
	Name string // the full name for people, with "/" between levels
	Kind FolderKind
	Role Role // what it is used for; "" if for nothing special
}

// A FolderKind says what kind of item a folder holds.
type FolderKind string

// The kinds of folder.
const (
	Mail FolderKind = "mail"
)

// A Role is the special use of a folder (RFC 6154, section 2), in its words.
type Role string

// The roles.
const (
	Inbox   Role = `\Inbox`
	Sent    Role = `\Sent`
	Drafts  Role = `\Drafts`
	Trash   Role = `\Trash`
	Junk    Role = `\Junk`
	Archive Role = `\Archive`
	All     Role = `\All`
	Flagged Role = `\Flagged`
)

// A Lane is one of the two ways through a folder. Each has its own cursor, and
// live mail goes before backfill.
type Lane string

// The lanes.
const (
	Live     Lane = "live"     // what happens from now on
	Backfill Lane = "backfill" // what was there before, newest first
)

// Want says how much of each new item to bring along.
type Want int

// What a page may bring along of an item.
const (
	WantIDs     Want = iota // its id, flags, size and time of receipt
	WantHeaders             // its header too
	WantBodies              // all of it
)

// A Request asks for a page.
type Request struct {
	Folder   FolderID
	Cursor   Cursor
	Lane     Lane
	Since    time.Time // leave out what was received earlier; zero means no bound. It filters and is never the cursor. A Full page may have it nevertheless, as ids with Received
	Want     Want
	Full     bool  // list every id of the folder, for a system that does not report deletions
	MaxItems int   // at most so many changes; 0 means 50
	MaxBytes int64 // stop after the item with which the bodies exceed this; 0 means 32 MiB
}

// A Page is what Changes gives.
type Page struct {
	Changes []Change
	Next    Cursor // from where to go on, once the page is committed
	More    bool   // another page waits now
	// RoundEnd says that with this page everything up to some moment has been
	// told; Next says so too ([Cursor.Done]). Full says that the round lists every item of the folder. Absence
	// means something only at the RoundEnd of a Full round.
	RoundEnd bool
	Full     bool
}

// A ChangeKind says what happened to an item.
type ChangeKind string

// The kinds of change.
const (
	Upsert ChangeKind = "upsert" // it is new, or listed again, or has another content
	Flags  ChangeKind = "flags"  // its flags are as given now
	Moved  ChangeKind = "moved"  // it is in folder To under the id ToID now
	Gone   ChangeKind = "gone"   // it is no longer in the folder
)

// A Change is what happened to one item.
type Change struct {
	Kind     ChangeKind
	ID       ID
	Version  string    // the server's version of the item, "" if it has none
	Flags    []string  // such as \Seen, sorted; nil if not known
	Received time.Time // when the server got it
	Size     int64     // as the server says, a hint; 0 if not known

	To   FolderID // for Moved
	ToID ID       // for Moved; "" if not known

	Header []byte     // for WantHeaders: the header block as sent
	Raw    *item.Blob // for WantBodies and Fetch: the whole message as sent

	// Err, if not nil, says why this item could not be read; the rest of the page
	// stands. It is an *Error.
	Err error
}
