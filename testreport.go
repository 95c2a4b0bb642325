package serversync

import (
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// The stages of a test besides those that drivers tell.
const (
	StageSettings provider.Stage = "settings"  // profile and mailbox are valid, the address approved
	StageConnect  provider.Stage = "connect"   // of a driver that tells no stages: all of them
	StageInbox    provider.Stage = "inbox"     // mail can be read
	StageSend     provider.Stage = "send"      // a message to itself was accepted
	StageReadBack provider.Stage = "read-back" // and has arrived
	StageACT      provider.Stage = "act"       // appointments, contacts and tasks can be synchronized, by this organization
)

// A TestReport says how a test went, stage by stage. It prints well with
// [TestReport.String] and marshals to JSON. It holds no secret.
type TestReport struct {
	Organization string        `json:"organization"`
	Mailbox      string        `json:"mailbox,omitempty"` // empty where a profile was tested without one
	Profile      profile.ID    `json:"profile"`
	Address      string        `json:"address,omitempty"`
	Began        time.Time     `json:"began"`
	Took         time.Duration `json:"took"` // in nanoseconds
	Passed       bool          `json:"passed"`

	// Statuses are those of the sides that were tested.
	Statuses map[mailbox.Side]mailbox.Status `json:"statuses,omitempty"`

	// Enabled are the sides that are enabled now; Again is when a test that failed
	// for now is repeated by itself, zero if it is not.
	Enabled []mailbox.Side `json:"enabled,omitempty"`
	Again   time.Time      `json:"again,omitzero"`

	// Fault is the first that was found, the zero Fault if none was.
	Fault mailbox.Fault `json:"fault,omitzero"`

	// Warnings are what may work although it is not as it should be.
	Warnings profile.Issues `json:"warnings,omitempty"`

	// Stages are what was done. They are empty in a report for an organization
	// that enters hosts by itself; see [TestReport.Public].
	Stages []StageReport `json:"stages,omitempty"`
}

// A StageReport says how one stage went.
type StageReport struct {
	Side     mailbox.Side      `json:"side,omitempty"`
	Stage    provider.Stage    `json:"stage"`
	Status   StageStatus       `json:"status"`
	Took     time.Duration     `json:"took"` // in nanoseconds
	Evidence provider.Evidence `json:"evidence,omitzero"`
	Fault    mailbox.Fault     `json:"fault,omitzero"`
}

// A StageStatus says how a stage ended.
type StageStatus string

// The statuses of a stage.
const (
	StagePassed  StageStatus = "passed"
	StageFailed  StageStatus = "failed"
	StageSkipped StageStatus = "skipped" // Evidence.Text says why
)
