package serversync

import (
	"context"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// A Filter decides about new messages, a page at a time, so that it can look many
// senders up at once. It returns a Decision for each candidate, in their order. An
// error ends the cycle and decides nothing; the page comes again.
//
// Where there is a Filter headers are fetched first, and bodies only of what it
// tracks.
type Filter func(ctx context.Context, page []Candidate) ([]Decision, error)

// A Candidate is a new message that a Filter decides about.
type Candidate struct {
	Mailbox  mailbox.Key
	Folder   provider.Folder
	ID       provider.ID
	Flags    []string
	Received time.Time
	Size     int64

	whole bool // Message is not its header alone

	// Message has what stands in the header: addresses, ids, dates, subject. It
	// has no body unless the mail system gave it at once.
	Message *item.Message
}

// A Decision is a Filter's word on a message.
type Decision struct {
	Verdict RecordKind // Tracked, Ignored or Deferred; "" means Tracked
	Reason  string     // in words, for people who ask why

	// Then are acts to be done on the server once the decision is committed, such
	// as marking it read. Folder, Epoch and ID are filled in. A deletion waits for
	// a day, or for DeleteAfter.
	Then []provider.Act

	// DeleteAfter, if not 0, deletes the message from the server so long after the
	// commit; less than a day counts as a day, so that a Store that fails over to
	// an old copy cannot lose mail by it.
	DeleteAfter time.Duration

	verdict   *track.Verdict // by the rules; nil where there are none
	messageID string
	whole     *item.Message // as it was read for the decision; nil if its header was
	open      bool          // the header alone could not tell
}

// minDeleteDelay is the least time between commit and deletion (contract I2).
const minDeleteDelay = 24 * time.Hour
