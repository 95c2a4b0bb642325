package mailbox

import (
	"fmt"
	"time"
)

// A Claim says which organization synchronizes the appointments, contacts and
// tasks of a mailbox. It is kept in the mailbox, on the server, where every
// organization can see it: two that both synchronized would bring back each
// other's deletions and double each other's contacts (Microsoft: "When would I want
// to use this check box?"). The zero Claim is nobody's.
type Claim struct {
	Organization string    `json:"organization,omitempty"` // unique among all hosts, such as a GUID
	Since        time.Time `json:"since,omitzero"`
	LastSync     time.Time `json:"lastSync,omitzero"`
}

// Check reports whether an organization may synchronize under the claim, and if
// not, why. With take it may always: somebody said on purpose that it is to be
// this organization from now on.
func (c Claim) Check(organization string, take bool) (ok bool, fault Fault) {
	switch {
	case organization == "":
		return false, Fault{
			Code: "act-claim-unnamed", Cause: "the organization has no name by which it could claim the mailbox",
			Remedy: "give the organization an id that no other has",
		}
	case take, c.Organization == "", c.Organization == organization:
		return true, Fault{}
	}
	return false, Fault{Code: "act-claimed", Cause: c.whose(), Remedy: "set the method for appointments, contacts and tasks to none in that organization " +
		"and test the mailbox here with the wish to take it over, or set it to none here"}
}

func (c Claim) whose() string {
	cause := fmt.Sprintf("appointments, contacts and tasks of the mailbox are synchronized by another organization, %q", c.Organization)
	if !c.LastSync.IsZero() {
		cause += ", last on " + c.LastSync.UTC().Format("2006-01-02 15:04 MST")
	}
	return cause
}

// Synced returns the claim to write after a synchronization by an organization at
// now, which [Claim.Check] allowed.
func (c Claim) Synced(organization string, now time.Time) Claim {
	if c.Organization != organization {
		c = Claim{Organization: organization, Since: now}
	}
	c.LastSync = now
	return c
}
