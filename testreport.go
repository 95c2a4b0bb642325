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

// Public returns what people of an organization may see where they enter hosts by
// themselves: whether it passed, and of a failure its class and no more, so that a
// test cannot be used to look around in the operator's network. What listens, is
// filtered or is no mail server at all sounds the same; nor is it told whether the
// test is repeated, which depends on what it was.
func (r TestReport) Public() TestReport {
	if r.Fault != (mailbox.Fault{}) {
		r.Fault = publicFault(r)
	}
	r.Stages, r.Took, r.Again = nil, 0, time.Time{}
	return r
}

func publicFault(r TestReport) mailbox.Fault {
	for _, st := range r.Stages {
		if st.Status != StageFailed {
			continue
		}
		switch st.Stage {
		case StageSettings:
			return st.Fault // our own words about what they entered
		case provider.StageSignIn:
			return mailbox.Fault{Code: "sign-in", Cause: "the server refused the sign-in", Remedy: "check user name and password, and whether the account may use this protocol"}
		case provider.StageTLS:
			if len(st.Evidence.Chain) > 0 {
				return mailbox.Fault{Code: "tls", Cause: "the server's certificate is not to be trusted", Remedy: "check the server's name; its certificate must be for that name, valid, and from a known authority"}
			}
			return cannotConnect
		case StageInbox, StageSend, StageReadBack, StageACT, provider.StageCapabilities:
			return mailbox.Fault{Code: "mail", Cause: "the server was reached, but mail could not be read or sent", Remedy: "ask the operator of this service, who sees the whole report"}
		}
		if st.Fault.Code == kindCodes[provider.ErrUnsafe] {
			return mailbox.Fault{Code: "address-not-allowed", Cause: "the server's address is not allowed", Remedy: "enter the public name and the usual port of the mail server"}
		}
		return cannotConnect
	}
	return cannotConnect
}

var cannotConnect = mailbox.Fault{Code: "cannot-connect", Cause: "no mail server could be reached", Remedy: "check the server's name, port and way of protection"}
