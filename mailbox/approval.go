package mailbox

import (
	"time"

	"github.com/go-serversync/serversync/profile"
)

// ApprovalStatus says whether somebody in charge agreed to a mailbox's address.
type ApprovalStatus string

// The statuses.
const (
	NotAsked ApprovalStatus = ""
	Pending  ApprovalStatus = "pending" // asked, not answered
	Approved ApprovalStatus = "approved"
	Rejected ApprovalStatus = "rejected"
)

// An Approval is the answer to whether a mailbox may be worked on under its
// address. It names all that was approved, so that it lapses by itself when one of
// them changes; see [Approval.Holds]. It is comparable and marshals to JSON.
type Approval struct {
	Status ApprovalStatus `json:"status,omitempty"`
	By     string         `json:"by,omitempty"`    // who answered, [Approver.Name]
	Roles  string         `json:"roles,omitempty"` // the roles in which they did, joined by commas
	At     time.Time      `json:"at,omitzero"`

	Address string       `json:"address,omitempty"`
	Profile profile.ID   `json:"profile,omitempty"`
	Kind    profile.Kind `json:"kind,omitempty"`   // of the profile
	Tenant  string       `json:"tenant,omitempty"` // of the profile
}
