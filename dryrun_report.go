package serversync

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A DryRunReport says what synchronizing a mailbox would do. Its numbers are sums
// over the folders. Unlike a [Report] it holds content: subjects and senders in
// Sample, and the words of a Filter. It is the host's own mail; show it to those who
// may read the mailbox. String leaves the sample out.
type DryRunReport struct {
	Mailbox mailbox.Key   `json:"mailbox"`
	Began   time.Time     `json:"began"`
	Took    time.Duration `json:"took"` // in nanoseconds

	// ProcessAfter is the bound that was looked by; zero if there was none.
	ProcessAfter time.Time `json:"processAfter,omitzero"`

	DryRunCounts

	Owed     DryRunActs     `json:"owed"`    // acts left by earlier cycles that are due now
	Retries  int            `json:"retries"` // items deferred by earlier cycles that are due now
	Outgoing DryRunOutgoing `json:"outgoing"`

	Folders []DryRunFolder  `json:"folders,omitempty"`
	Sample  []DryRunMessage `json:"sample,omitempty"`

	// Closed says why a direction would not be tried now, by side.
	Closed map[mailbox.Side]mailbox.Fault `json:"closed,omitempty"`

	// Limited says that there was more than was looked at, for DryRun.Limit or an
	// error ended it, so that the numbers are too small.
	Limited bool `json:"limited,omitempty"`
}

// Undecided is the verdict of a dry run on a message whose header could not be had
// without its body, so that the Filter was not asked. No record is of this kind.
const Undecided RecordKind = "undecided"

// DryRunCounts counts the messages of a mailbox or of a folder.
type DryRunCounts struct {
	Known       int   `json:"known"`       // dealt with already
	Tracked     int   `json:"tracked"`     // would be brought in
	Bytes       int64 `json:"bytes"`       // would be fetched, by the sizes that the server tells
	Ignored     int   `json:"ignored"`     // would be decided not to be the host's
	Deferred    int   `json:"deferred"`    // would be tried again later
	Quarantined int   `json:"quarantined"` // could not be dealt with
	Undecided   int   `json:"undecided"`   // cannot be told; see [Undecided]
	Older       int   `json:"older"`       // not known, received before ProcessAfter and so left alone

	// Behind are messages that would be tracked but that no cycle comes to, though
	// the bound lets them in: they were left out at a time of which the mailbox's
	// state does not say what bound there was. They are not among Tracked.
	Behind int `json:"behind"`

	// Added are the messages to be tracked, Behind ones too, that
	// [DryRun.ProcessAfter] lets in and the mailbox's own bound leaves out.
	Added int `json:"added"`

	Acts DryRunActs `json:"acts"` // that the decisions ask for, at once or later

	// Reasons are the first 50 reasons of the verdicts, most messages first;
	// OtherReasons counts the messages with any other.
	Reasons      []DryRunReason `json:"reasons,omitempty"`
	OtherReasons int            `json:"otherReasons,omitempty"`
}

// DryRunActs counts acts on the server.
type DryRunActs struct {
	Kinds     map[provider.ActKind]int `json:"kinds,omitempty"` // but for deletions
	Deletions int                      `json:"deletions"`
}

// A DryRunReason is how often a verdict was given for a reason.
type DryRunReason struct {
	Verdict RecordKind `json:"verdict"`
	Reason  string     `json:"reason"`
	Count   int        `json:"count"`
}

// A DryRunFolder is what a dry run found in one folder.
type DryRunFolder struct {
	ID      provider.FolderID `json:"id"`
	Name    string            `json:"name"`
	Limited bool              `json:"limited,omitempty"` // there is more than was looked at
	DryRunCounts
}

// DryRunOutgoing counts the entries of the outbox.
type DryRunOutgoing struct {
	Due        int   `json:"due"`        // would be sent now
	Recipients int   `json:"recipients"` // of these, still to be tried
	Bytes      int64 `json:"bytes"`      // of these
	Waiting    int   `json:"waiting"`    // not due yet, or their direction is closed, or another node is at it
	Accepted   int   `json:"accepted"`   // sent; their copies are still to be filed
	Uncertain  int   `json:"uncertain"`  // sent or not, to be found out
	Held       int   `json:"held"`       // a person decides
	Limited    bool  `json:"limited,omitempty"`
}

// A DryRunMessage is a message that would be dealt with.
type DryRunMessage struct {
	Folder   provider.FolderID `json:"folder"`
	ID       provider.ID       `json:"id"`
	From     string            `json:"from,omitempty"`
	Subject  string            `json:"subject,omitempty"`
	Date     time.Time         `json:"date,omitzero"`     // as the sender claims
	Received time.Time         `json:"received,omitzero"` // as the server says
	Size     int64             `json:"size"`
	Verdict  RecordKind        `json:"verdict"`
	Reason   string            `json:"reason,omitempty"`
	Behind   bool              `json:"behind,omitempty"` // no cycle comes to it; see [DryRunCounts]
}

// maxReasons is how many reasons a report tells apart, for a Filter may write the
// sender into each.
const maxReasons = 50

// decided counts the verdict on a message.
func (c *DryRunCounts) decided(r Record) {
	switch r.Kind {
	case Tracked:
		c.Tracked++
	case Ignored:
		c.Ignored++
	case Deferred:
		c.Deferred++
	case Quarantined:
		c.Quarantined++
	case Undecided:
		c.Undecided++
	}
	c.because(DryRunReason{r.Kind, r.Reason, 1})
}

func (c *DryRunCounts) because(r DryRunReason) {
	at := slices.IndexFunc(c.Reasons, func(o DryRunReason) bool { return o.Verdict == r.Verdict && o.Reason == r.Reason })
	switch {
	case at >= 0:
		c.Reasons[at].Count += r.Count
	case len(c.Reasons) < maxReasons:
		c.Reasons = append(c.Reasons, r)
	default:
		c.OtherReasons += r.Count
	}
}

// sort puts the reasons into the order in which they are told.
func (c *DryRunCounts) sort() {
	slices.SortStableFunc(c.Reasons, func(a, b DryRunReason) int { return cmp.Compare(b.Count, a.Count) })
}

// add adds the counts of a folder.
func (c *DryRunCounts) add(f DryRunCounts) {
	c.Known += f.Known
	c.Tracked += f.Tracked
	c.Bytes += f.Bytes
	c.Ignored += f.Ignored
	c.Deferred += f.Deferred
	c.Quarantined += f.Quarantined
	c.Undecided += f.Undecided
	c.Older += f.Older
	c.Behind += f.Behind
	c.Added += f.Added
	for kind, n := range f.Acts.Kinds { // the order does not matter: each is counted on its own
		c.Acts.add(kind, n)
	}
	c.Acts.Deletions += f.Acts.Deletions
	for _, r := range f.Reasons {
		c.because(r)
	}
	c.OtherReasons += f.OtherReasons
}

func (a *DryRunActs) add(kind provider.ActKind, n int) {
	if kind == provider.Delete {
		a.Deletions += n
		return
	}
	if a.Kinds == nil {
		a.Kinds = make(map[provider.ActKind]int)
	}
	a.Kinds[kind] += n
}

// number returns how many acts there are but for deletions.
func (a DryRunActs) number() (n int) {
	for kind := range maps.Values(a.Kinds) {
		n += kind
	}
	return n
}

// count counts an entry by what a cycle would do with it now, as [Outbox] says of
// Claim.
func (o *DryRunOutgoing) count(e Entry, now time.Time, isOpen bool) {
	claimed := e.ClaimedUntil.After(now)
	switch {
	case e.Phase == PhaseHeld:
		o.Held++
	case e.Phase == PhaseUncertain, e.Phase == PhaseSubmitting && !claimed:
		o.Uncertain++
	case e.Phase == PhaseAccepted:
		o.Accepted++
	case !isOpen, claimed, e.Phase == PhasePending && e.NotBefore.After(now):
		o.Waiting++
	default:
		o.Due++
		o.Recipients += len(open(e))
		if e.Raw != nil {
			o.Bytes += e.Raw.Size()
		}
	}
}
