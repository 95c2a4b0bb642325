// Package storetest checks a host's Store against the rules on
// [serversync.Store], each under its number, and its capabilities against theirs.
//
// A host calls [Run] from a test of its own, with a function that opens an empty
// Store and the few things that the Store's interface hides: what messages and
// alerts it holds. Reopening and failing on purpose are optional; what cannot be
// checked without them is skipped, and the skipped subtest says what was left out.
// So are the rules of a capability that the Store does not have.
//
// The subtests are named by rule and then by what is checked, such as
// "S8/a stale cursor is fenced", so that one rule can be run alone:
//
//	go test -run 'TestStore/S8'
//
// Run it with -race. With -short it leaves out the one check that writes 100,000
// records.
//
// # What the rules leave open
//
// Where the contract can be read in two ways the suite holds to one:
//
//   - What is told of an id that was never decided about changes nothing.
//   - Moved with a ToID records the decision, the flags and the message's place
//     under (To, the record's Epoch, ToID).
//   - An item that is gone is not among the Deferred any more.
//   - Dropping an epoch leaves the acts owed in it, what the journal says of it, and
//     its verdicts and emails.
//   - Ids of acts, of alerts and of outbox entries are unique within a mailbox.
//   - Of two alerts with one ID, or two journal items with one key, in one batch the
//     later stands.
//   - Pruning forgets open alerts too. What is pruned and comes again is new.
//   - A Load is of one moment: its parts belong together.
//   - Two commits that do not fence each other both succeed, also at once.
//   - Advance of an entry that is not there is ErrFenced or ErrNotFound; with a
//     fixed field changed it keeps the field, or is refused.
//   - Times keep their instant to the microsecond, whatever their zone, and the
//     zero time stays zero.
package storetest

import (
	"crypto/sha256"
	"testing"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A Harness is an empty Store, and what the suite needs to look behind it.
type Harness struct {
	Store serversync.Store

	// Messages returns every message of the organization, in any order.
	Messages func(t *testing.T, organization string) []StoredMessage

	// Alerts returns every alert of the mailbox, in any order. Nil if the Store has
	// serversync.Walls, which show them.
	Alerts func(t *testing.T, key mailbox.Key) []mailbox.Alert

	// Reopen closes the Store and opens it again over the same data, as after a
	// restart. Nil if nothing outlives the Store.
	Reopen func(t *testing.T) serversync.Store

	// FailNext makes the next Commit fail at the point. Nil if that cannot be
	// done; for a point that cannot be had it may call t.Skip.
	FailNext func(t *testing.T, at Point)
}

// A StoredMessage is a message as a Store holds it.
type StoredMessage struct {
	Content item.Content
	Size    int64
	Sum     [sha256.Size]byte // SHA-256 of the bytes, computed from what was stored
	Places  []StoredPlace     // where it is; those that are gone may be left out
}

// A StoredPlace is a place of a message.
type StoredPlace struct {
	Mailbox mailbox.Key
	provider.Place
	Gone  bool
	Flags []string
}

// A Point is where a Commit is made to fail.
type Point string

// The points.
const (
	// Midway is when a part of the batch is written: the transaction is rolled
	// back, and Commit returns an error that is neither ErrFenced nor ErrUnknown.
	Midway Point = "midway"

	// Unanswered is after the transaction took effect: its answer is lost, and
	// Commit returns ErrUnknown.
	Unanswered Point = "unanswered"
)

// Run checks the stores that open returns. It calls open once for each subtest, with
// that subtest's t, and each must start empty. open frees what it made with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, rule := range rules() {
		t.Run(rule.name, func(t *testing.T) {
			for _, c := range rule.checks {
				t.Run(c.name, func(t *testing.T) {
					c.on(t, t, open)
				})
			}
		})
	}
}

// A rule is a rule of the contract, with all that is checked of it.
type rule struct {
	name   string
	checks []check
}

// A check is one thing checked.
type check struct {
	name  string
	f     func(*run)
	heavy bool // takes so long that few of the suite's own tests run it
}

// on runs the check on a new store. Failures are told to tb, which is t but in the
// tests of the suite itself.
func (c check) on(tb tb, t *testing.T, open func(t *testing.T) Harness) {
	tb.Helper()
	h := open(t)
	if h.Store == nil || h.Messages == nil {
		tb.Fatalf("a Harness needs Store and Messages")
	}
	if _, ok := serversync.StoreAs[serversync.Walls](h.Store); h.Alerts == nil && !ok {
		tb.Fatalf("a Harness needs Alerts, as its Store has no Walls")
	}
	c.f(&run{tb: tb, t: t, Harness: h})
}

func rules() []rule {
	return []rule{
		{"S1", zeroChecks},
		{"S2", cursorChecks},
		{"S3", atomicChecks},
		{"S4", replayChecks},
		{"S5", apartChecks},
		{"S6", concurrentChecks},
		{"S7", contextChecks},
		{"S8", fenceChecks},
		{"S9", keyChecks},
		{"S10", sizeChecks},
		{"S11", outboxChecks()},
		{"S12", ledgerChecks()},
		{"S13", unknownChecks},
		{"S14", owedChecks},
		{"S15", stateChecks},
		{"S16", grantChecks},
		{"S17", bodyChecks},
		{"S18", wallChecks},
		{"S19", journalChecks},
		{"S20", emailChecks()},
		{"S21", verdictChecks},
		{"S22", numberChecks},
		{"Lister", listerChecks},
		{"Quarantine", quarantineChecks},
		{"Leases", leaseChecks},
	}
}
