package serversync

import (
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// A Batch is one step of one mailbox: what was dealt with, the acts owed for it,
// and the cursor behind it. A Store applies all of it or nothing.
type Batch struct {
	ID      string // unique, so that a replay is recognised
	Mailbox mailbox.Key
	Fence   int64 // the Snapshot's, when the cycle began

	// Lane is the lane whose cursor moves from From to Next. The zero Lane moves
	// none, and From and Next are zero then.
	Lane LaneKey
	From provider.Cursor
	Next provider.Cursor

	Records []Record
	Owe     []OwedAct       // acts to be done on the server from now on; an ID again replaces
	Settled []string        // IDs of acts that need not be done any more
	Drop    []EpochKey      // epochs whose ids and places are forgotten; messages stay
	State   *StateChange    // nil leaves the state as it is
	Alerts  []mailbox.Alert // on the mailbox's wall; an ID again replaces
	Journal []JournalItem   // what failed or was skipped; a Store without Journal may leave it out
}

// StateChange replaces the mailbox's state if its version is still From. The new
// version is From + 1.
type StateChange struct {
	From int64
	To   mailbox.State
}

// An EpochKey names an id space of a folder.
type EpochKey struct {
	Folder provider.FolderID
	Epoch  string
}

// A Record is what was decided about one item, or what happened to one that was
// recorded before.
type Record struct {
	Kind   RecordKind
	Folder provider.FolderID
	Epoch  string
	ID     provider.ID

	// Message is set for Tracked, and for Quarantined where it could be read. A
	// Tracked message whose content key is in the organization already is not
	// added again: the record gives it another place. The first place in a batch
	// counts like one committed earlier.
	Message  *item.Message
	outer    *item.Message // that Message came in; it is what is kept aside if need be
	Flags    []string      // of the place; nil leaves them as they are
	Received time.Time     // when the server got it
	Reason   string        // why it was decided so, in words
	Code     string        // of the failure, for Deferred and Quarantined; the journal has it

	// Where mail is tracked by rules ([Tracking]): MessageID is the message's, also
	// of one that is ignored, and Verdict says why ([Verdicts]). Index is what a
	// tracked email is found by ([Correlator]); its Ref is for the Store to give. A
	// Store without these capabilities may leave them out. A record of FlagsChanged has
	// a Verdict where a person took away the category that stands for tracking
	// ([track.NoCategory]), for a host that acts upon that.
	MessageID string
	Verdict   *track.Verdict
	Index     *track.Email
	Decided   time.Time

	// For Deferred: how often it was tried, and when to try again.
	Attempts  int
	NotBefore time.Time

	// For Moved: where it is now.
	To   provider.FolderID
	ToID provider.ID // "" if not known; it comes as an item of its own then
}

// A RecordKind says what a Record is.
type RecordKind string

// The kinds of record. The first four are decisions; an id has one of them. A
// Deferred, Quarantined or Ignored id may become any other: a person may ask for what
// was ignored, and that may not be to be had at once. A Tracked one keeps its kind. A
// decision that an id cannot take, or has already as Tracked or Ignored, changes nothing.
const (
	Tracked     RecordKind = "tracked"     // it belongs to the host: Message is set
	Ignored     RecordKind = "ignored"     // it does not, for Reason
	Deferred    RecordKind = "deferred"    // it could not be dealt with yet
	Quarantined RecordKind = "quarantined" // it cannot be dealt with; kept for a person

	FlagsChanged RecordKind = "flags" // its place has these Flags now, and is not gone
	Moved        RecordKind = "moved" // its place is gone; it is in To now
	Gone         RecordKind = "gone"  // its place is gone; the id stays known
)

// What the journal says of an outbox entry.
const (
	Retried  RecordKind = "retried"  // it is tried again
	Rejected RecordKind = "rejected" // a recipient was refused for good
	Held     RecordKind = "held"     // a person decides
)

// A Place is what a Store has recorded of an id.
type Place struct {
	Kind  RecordKind // one of the four decisions; "" if the id is not known
	Gone  bool       // it has left the folder since
	Flags []string   // as last recorded, sorted
}

// An OwedAct is an act that a commit has made due and that is not settled yet.
type OwedAct struct {
	ID string
	provider.Act
	NotBefore time.Time
	Attempts  int // failed tries so far
}

// A Deferral is an item that is to be tried again.
type Deferral struct {
	Folder    provider.FolderID
	Epoch     string
	ID        provider.ID
	Attempts  int
	NotBefore time.Time
	Reason    string
}
