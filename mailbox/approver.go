package mailbox

import (
	"slices"

	"github.com/go-serversync/serversync/profile"
)

// A Role is what somebody may be in charge of.
type Role string

// The roles that matter for approval (Microsoft: "Changes to mailbox approval in
// Dynamics 365").
const (
	// CRMAdministrator administers the organization in the host (System
	// Administrator).
	CRMAdministrator Role = "crm-administrator"

	// ApproveEmailAddresses is the privilege to approve addresses, given by itself
	// ("Approve Email Addresses for Users or Queues").
	ApproveEmailAddresses Role = "approve-email-addresses"

	// ExchangeAdministrator and GlobalAdministrator administer the tenant of the
	// mailbox.
	ExchangeAdministrator Role = "exchange-administrator"
	GlobalAdministrator   Role = "global-administrator"

	// PrimaryTenantAdministrator is an Exchange or Global administrator of the
	// tenant that the host itself stands in, where mailboxes are in another.
	PrimaryTenantAdministrator Role = "primary-tenant-administrator"
)

// An Approver is somebody who answers for mailboxes. Host and identity provider
// vouch for the roles; nothing here checks them.
type Approver struct {
	Name  string // as Mailbox.Regarding names users
	Roles []Role
}

// Has reports whether the approver has one of the roles.
func (a Approver) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(a.Roles, r) })
}

// MayApprove reports whether somebody may approve or reject m, whose profile is p,
// and if not, why.
//
//	host          mail system                             who
//	cloud         Exchange Online in the host's tenant    CRM administrator or the privilege, who is Exchange or Global administrator
//	cloud         Exchange Online in another tenant       Exchange or Global administrator of the primary tenant
//	self-hosted   Exchange Online                         CRM administrator, or the privilege
//	any           any other                               CRM administrator, or the privilege
//
// One's own address is no exception, but for Settings.RequirePrivilegeToSelfApprove,
// which asks for the privilege by name. A wrong role is Dynamics 365's
// O365RoleUnsupportedForEmailApproval. (Microsoft: "Changes to mailbox approval in
// Dynamics 365", "Exchange Online cross-tenant authentication".) IMAP and POP3 with
// an application's own token count as Exchange Online, which alone offers it.
func MayApprove(m Mailbox, p profile.Profile, policy profile.Policy, s Settings, by Approver) (ok bool, why profile.Issue) {
	refuse := func(code, original, message, remedy string) (bool, profile.Issue) {
		return false, profile.Issue{Code: code, Original: original, Level: profile.Error, Field: "Approval", Message: message, Remedy: remedy}
	}
	if by.Name == "" {
		return refuse("approver-unnamed", "", "an approval has to name who gave it", "sign in")
	}
	own := m.Kind == User && by.Name == m.Regarding
	if own && s.RequirePrivilegeToSelfApprove && !by.Has(ApproveEmailAddresses) {
		return refuse("approver-own-address", "80040256", "one's own address is approved only with the privilege to approve email addresses", "ask somebody else, or an administrator for the privilege")
	}
	inCharge := by.Has(CRMAdministrator, ApproveEmailAddresses)
	switch {
	case needsTenantAdministrator(p, policy) && !ownTenant(p, policy):
		if !by.Has(PrimaryTenantAdministrator) {
			return refuse("approver-role", "8009000B", "mailboxes in another tenant are approved by an administrator of the primary tenant", "ask an Exchange or Global administrator of the tenant that this host stands in")
		}
		return true, profile.Issue{}
	case needsTenantAdministrator(p, policy) && !by.Has(ExchangeAdministrator, GlobalAdministrator, PrimaryTenantAdministrator):
		return refuse("approver-role", "8009000B", "mailboxes on Exchange Online are approved by an administrator of the tenant", "ask an Exchange or Global administrator")
	case !inCharge:
		return refuse("approver-privilege", "80040256", "mailboxes are approved by an administrator of this host, or with the privilege to approve email addresses", "ask an administrator to approve it, or for the privilege")
	}
	return true, profile.Issue{}
}
