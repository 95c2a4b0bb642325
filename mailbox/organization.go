package mailbox

import (
	"fmt"

	"github.com/go-serversync/serversync/profile"
)

// A Census counts the mailboxes of an organization, for the rules that are about
// all of them together.
type Census struct {
	ServerSideACT int // active mailboxes whose appointments, contacts and tasks are ours
	OutlookACT    int // active mailboxes whose are another client's
}

// Add returns the census with one more mailbox.
func (c Census) Add(m Mailbox) Census {
	switch {
	case m.Inactive:
	case m.Method(ACT) == ServerSide:
		c.ServerSideACT++
	case m.Method(ACT) == Outlook:
		c.OutlookACT++
	}
	return c
}

// Validate warns of an organization in which two programs keep appointments,
// contacts and tasks. They write the same items when two people meet, and each
// takes the other's writing for an edit (Microsoft: "Supported email service
// configurations for server-side synchronization").
func (c Census) Validate() profile.Issues {
	if c.ServerSideACT == 0 || c.OutlookACT == 0 {
		return nil
	}
	return profile.Issues{{
		Code: "act-mixed", Rule: "V11", Level: profile.Warning, Side: ACT, Field: "Methods.ACT",
		Message: fmt.Sprintf("appointments, contacts and tasks of %d mailboxes are synchronized by the server and those of %d by Outlook, which write each other's items", c.ServerSideACT, c.OutlookACT),
		Remedy:  "choose one method for the whole organization",
	}}
}

// MassMailing is how many recipients in 24 hours are mass mailing: what Exchange
// Online lets one mailbox send to (Microsoft: "Exchange Online limits").
const MassMailing = 10_000

// CheckVolume warns when one mailbox sent to more recipients within 24 hours than
// synchronization is made for; limit is how many that are, 0 for [MassMailing].
func CheckVolume(recipients, limit int) profile.Issues {
	if limit <= 0 {
		limit = MassMailing
	}
	if recipients <= limit {
		return nil
	}
	return profile.Issues{{
		Code: "mass-mailing", Rule: "V13", Level: profile.Warning, Side: Outgoing, Field: "Address",
		Message: fmt.Sprintf("it sent to %d recipients within 24 hours; more than %d are mass mailing, which a mailbox is not made for and mail systems cut off", recipients, limit),
		Remedy:  "use a service for mass mailing",
	}}
}
