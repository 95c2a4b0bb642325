package mailbox

import (
	"strings"

	"github.com/go-serversync/serversync/profile"
)

// profileRules are about the mailbox together with its profile.
var profileRules = [...]rule{{
	code: "profile-inactive", original: "8005E228 InactiveEmailServerProfile", level: profile.Warning, field: "Profile",
	message: "the profile is inactive: none of its mailboxes is worked on", remedy: "activate the profile, or choose another",
	broken: func(s *subject) bool { return s.p.Inactive },
}, {
	code: "credentials-missing", original: "8005E209 MailboxCredentialNotSpecified", level: profile.Error, field: "Password",
	message: "the profile takes the credentials from the mailbox, but user name or password is missing", remedy: "enter them, or choose a profile that has credentials of its own",
	brokenOn: func(s *subject, side Side) bool {
		return s.takes(side, profile.FromMailbox) && (s.Username == "" && s.Address == "" || s.Password.IsZero())
	},
}, {
	code: "username-upn", level: profile.Error, field: "Username",
	message: "Exchange Online and hybrid systems know their users by user principal name", remedy: `enter it like anna@example.com, not like DOMAIN\anna`,
	brokenOn: func(s *subject, side Side) bool {
		return (isExchangeOnline(s.p.Kind) || isHybrid(s.p.Kind)) && s.takes(side, profile.FromMailbox) && s.Username != "" && !isUPN(s.Username)
	},
}, {
	code: "address-ascii", level: profile.Error, field: "Address",
	message: "the profile's account opens whichever mailbox an address names, and Exchange takes letters that look alike, or have accents, for one another", remedy: "enter the mailbox's address in ASCII, as Exchange has it",
	broken: func(s *subject) bool {
		return s.p.Kind.IsExchange() && (s.opensAll(Incoming) || s.opensAll(Outgoing)) && strings.ContainsFunc(s.Address, func(r rune) bool { return r >= 0x7f })
	},
}, {
	code: "second-factor", matrix: "V9", level: profile.Error, field: "MFA",
	message: "a program cannot answer for the second factor of an account between the cloud and an organization's premises", remedy: "use an account without a second factor, or a profile that signs in by certificate",
	brokenOn: func(s *subject, side Side) bool {
		return isHybrid(s.p.Kind) && s.MFA && s.takes(side, profile.FromMailbox)
	},
}, {
	code: "password-unused", matrix: "V1", level: profile.Warning, field: "Password",
	message: "Exchange Online in the host's own tenant is reached by a certificate; the password is of no use", remedy: "delete the password: what is not kept cannot leak",
	broken: func(s *subject) bool {
		return s.policy.Deployment == profile.Cloud && s.p.Kind == profile.ExchangeOnline &&
			ownTenant(s.p, s.policy) && !s.Password.IsZero()
	},
}, {
	code: "home-wants-exchange-online", matrix: "V1", level: profile.Warning, field: "Profile",
	message: "the mailbox stands on Exchange Online; over POP3 or IMAP and SMTP it has mail only", remedy: "choose a profile of the kind Exchange Online",
	broken: func(s *subject) bool {
		return s.policy.Deployment == profile.Cloud && s.Home == Online && !s.p.Kind.IsExchange()
	},
}, {
	code: "home-on-premises", matrix: "V5", level: profile.Error, field: "Profile",
	message: "the profile reaches Exchange Online, but the mailbox stands on premises", remedy: "choose a profile of the kind Exchange Server (hybrid, for a host in the cloud)",
	broken: func(s *subject) bool { return isExchangeOnline(s.p.Kind) && s.Home == OnPremises },
}, {
	code: "home-outside", matrix: "V6", level: profile.Error, field: "Profile",
	message: "the profile reaches Exchange Online, but the mail is forwarded to a server elsewhere", remedy: "choose a POP3/SMTP or IMAP/SMTP profile of the server where the mail ends",
	broken: func(s *subject) bool {
		return isExchangeOnline(s.p.Kind) && (s.Home == External || s.ForwardsOutside)
	},
}, {
	code: "home-not-here", matrix: "V10", level: profile.Error, field: "Profile",
	message: "the profile reaches an Exchange Server, but the mailbox does not stand on one", remedy: "choose the profile of the system where the mailbox stands; both may be in use side by side",
	broken: func(s *subject) bool {
		return isExchangeServer(s.p.Kind) && (s.Home == Online || s.Home == External)
	},
}, {
	code: "act-needs-exchange", original: "8005E247 MailboxUnsupportedEmailServerType", matrix: "V3", level: profile.Error, side: ACT, field: "Methods.ACT",
	message: "appointments, contacts and tasks are synchronized with Exchange only", remedy: `use "none", or choose a profile of a kind of Exchange`,
	broken: func(s *subject) bool { return s.asks(ACT) && !s.p.Kind.IsExchange() },
}, {
	code: "act-needs-impersonation", level: profile.Error, side: ACT, field: "Methods.ACT",
	message: "the profile's account acts as a delegate, which serves mail but not appointments, contacts and tasks", remedy: `switch Impersonate on in the profile and give the account the right to it, or use "none"`,
	broken: func(s *subject) bool {
		e := s.p.Endpoint(ACT)
		return s.asks(ACT) && s.p.Kind.IsExchange() && !e.Impersonate &&
			(e.Credentials == profile.FromProfile || e.Credentials == profile.IntegratedWindows)
	},
}}

// opensAll reports whether who signs in for a side may open other mailboxes than this one.
func (s *subject) opensAll(side Side) bool {
	switch s.p.Endpoint(side).Credentials {
	case profile.FromProfile, profile.IntegratedWindows, profile.ServerToServer:
		return true
	}
	return false
}

// ownTenant reports whether a profile's mailboxes are in the host's own tenant.
func ownTenant(p profile.Profile, policy profile.Policy) bool {
	return p.TenantID == "" || strings.EqualFold(p.TenantID, policy.TenantID)
}

// isUPN reports whether a user name has the form of a user principal name.
func isUPN(name string) bool {
	user, domain, _ := strings.Cut(name, "@")
	return user != "" && domain != "" && !strings.ContainsAny(name, `\/ `) && !strings.Contains(domain, "@")
}
