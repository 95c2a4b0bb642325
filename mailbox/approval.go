package mailbox

import (
	"strings"
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
	Shared  bool         `json:"shared,omitempty"` // one account or certificate opens all mailboxes of the profile
}

// Decide returns the answer that somebody gave about m, whose profile is p. Whether
// they may give it is for [MayApprove] to say; whoever may approve may reject too.
func Decide(m Mailbox, p profile.Profile, by Approver, answer ApprovalStatus, at time.Time) Approval {
	roles := make([]string, len(by.Roles))
	for i, r := range by.Roles {
		roles[i] = string(r)
	}
	return Approval{
		Status: answer, By: by.Name, Roles: strings.Join(roles, ","), At: at.Round(0).UTC(),
		Address: m.Address, Profile: p.ID, Kind: p.Kind, Tenant: p.TenantID, Shared: shared(p),
	}
}

// Holds reports whether the approval is one for m as it is now. It lapses with
// another address, as in Dynamics 365, and also with another profile, with another
// kind or tenant of the same profile, and when the profile no longer asks for each
// mailbox's own credentials: a mailbox could otherwise be approved where that is
// easy and does little, and then be moved to where it is not.
func (a Approval) Holds(m Mailbox, p profile.Profile) bool { return a.Now(m, p) == Approved }

// Now returns the status for m as it is now: an answer to something else is none,
// so somebody has to be asked again.
func (a Approval) Now(m Mailbox, p profile.Profile) ApprovalStatus {
	about := sameAddress(a.Address, m.Address) && m.Profile == p.ID &&
		a.Profile == p.ID && a.Kind == p.Kind && strings.EqualFold(a.Tenant, p.TenantID) && (a.Shared || !shared(p))
	if (a.Status == Approved || a.Status == Rejected) && !about {
		return Pending
	}
	return a.Status
}

// NeedsApproval reports whether m, whose profile is p, is worked on only when it
// was approved. It needs it unless the organization's settings say otherwise; a
// forward mailbox goes with the queues, since it too is nobody's own.
//
// Settings are a CRM administrator's. They cannot stand for a tenant
// administrator, so a mailbox that only one of those may approve always needs it
// (Microsoft: "Troubleshooting and monitoring server-side synchronization").
func NeedsApproval(m Mailbox, p profile.Profile, policy profile.Policy, s Settings) bool {
	switch {
	case needsTenantAdministrator(p, policy):
		return true
	case m.Kind == User:
		return !s.ProcessUnapprovedUsers
	}
	return !s.ProcessUnapprovedQueues
}

// needsTenantAdministrator reports whether only an administrator of an Exchange
// Online tenant may let the host at its mailboxes: there, or where an application's
// own token opens them over IMAP or POP3, which only Exchange Online offers. A host
// on an organization's own premises is let in by who set up the trust between the
// two, once.
func needsTenantAdministrator(p profile.Profile, policy profile.Policy) bool {
	byToken := !p.Kind.IsExchange() && uses(p, profile.ServerToServer)
	return (isExchangeOnline(p.Kind) || byToken) && policy.Deployment == profile.Cloud
}

// shared reports whether a profile opens a mailbox without anything of its owner's.
func shared(p profile.Profile) bool {
	return uses(p, profile.FromProfile) || uses(p, profile.ServerToServer) || uses(p, profile.IntegratedWindows) || uses(p, profile.ClientCertificate)
}

func uses(p profile.Profile, source profile.Credentials) bool {
	return p.Endpoint(Incoming).Credentials == source || p.Endpoint(Outgoing).Credentials == source
}
