package serversync

import (
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// A Report says what a cycle did. It holds no content.
type Report struct {
	Mailbox mailbox.Key   `json:"mailbox"`
	Began   time.Time     `json:"began"`
	Took    time.Duration `json:"took"` // in nanoseconds

	Tracked     int `json:"tracked"`     // messages recorded, of these
	Linked      int `json:"linked"`      //   known by their content, so only their place is new
	Ignored     int `json:"ignored"`     // messages decided not to be the host's
	Deferred    int `json:"deferred"`    // items that will be tried again
	Quarantined int `json:"quarantined"` // items that could not be dealt with
	Flags       int `json:"flags"`       // places whose flags changed
	Moved       int `json:"moved"`       // places that moved
	Gone        int `json:"gone"`        // places that left the server
	Acts        int `json:"acts"`        // acts done on the server
	Commits     int `json:"commits"`

	Sent      int `json:"sent"`      // recipients that the server accepted
	Rejected  int `json:"rejected"`  // recipients refused for good
	Retried   int `json:"retried"`   // recipients to be tried again
	Uncertain int `json:"uncertain"` // recipients of which nobody knows yet
	Held      int `json:"held"`      // entries held for a person
	Filed     int `json:"filed"`     // copies filed among the sent mail

	// Decisions are the first 1,000 decisions, each with its reason.
	Decisions []Decided         `json:"decisions,omitempty"`
	Resets    []mailbox.Reset   `json:"resets,omitempty"` // folders whose listing again was completed
	Alerts    []mailbox.Alert   `json:"alerts,omitempty"`
	Incoming  mailbox.Direction `json:"incoming"`
	Outgoing  mailbox.Direction `json:"outgoing"`

	// Closed says why a direction was not tried, or not to its end, by side.
	Closed map[mailbox.Side]mailbox.Fault `json:"closed,omitempty"`

	// More says that the cycle's time ended before all was done.
	More bool `json:"more,omitempty"`

	// Next is when the mailbox is due again; zero if not by itself.
	Next time.Time `json:"next,omitzero"`
}

// Decided is one decision.
type Decided struct {
	Folder provider.FolderID `json:"folder"`
	ID     provider.ID       `json:"id"`
	Kind   RecordKind        `json:"kind"`
	Reason string            `json:"reason,omitempty"`

	// By the rules of [Tracking], if they decided:
	MessageID string     `json:"messageID,omitempty"`
	Rule      track.Rule `json:"rule,omitempty"`
}

const maxDecisions = 1000

func decided(r Record) Decided {
	d := Decided{Folder: r.Folder, ID: r.ID, Kind: r.Kind, Reason: r.Reason, MessageID: r.MessageID}
	if r.Verdict != nil {
		d.Rule = r.Verdict.Rule
	}
	return d
}

// count adds a committed batch to the report.
func (r *Report) count(b *Batch, receipt Receipt) {
	r.Commits++
	r.Linked += receipt.Linked
	for _, rec := range b.Records {
		switch rec.Kind {
		case Tracked:
			r.Tracked++
		case Ignored:
			r.Ignored++
		case Deferred:
			r.Deferred++
		case Quarantined:
			r.Quarantined++
		case FlagsChanged:
			r.Flags++
			continue
		case Moved:
			r.Moved++
			continue
		case Gone:
			r.Gone++
			continue
		}
		if len(r.Decisions) < maxDecisions {
			r.Decisions = append(r.Decisions, decided(rec))
		}
	}
}
