// Package profile holds the email server profile: how to reach a mail system and
// how to prove who we are. A profile is described once by an administrator and
// used by many mailboxes.
//
// The package is pure: it opens no connection. [Profile.Validate] finds an
// administrator's mistakes before one is opened, and the combinations that the
// support matrix of docs/profiles.md rules out.
package profile

import (
	"time"

	"github.com/go-serversync/serversync/secret"
)

// ID names a profile within its organization.
type ID string

// Profile is an email server profile. The zero value of a field means its default.
type Profile struct {
	ID          ID
	Name        string // for people, at most 100 characters; empty means ID
	Description string // at most 2,000 characters
	Owner       Owner
	Kind        Kind
	Inactive    bool // no mailbox of the profile is worked on

	// Autodiscover finds the server by the mailbox's address. Exchange only; the
	// endpoints' URLs are empty then.
	Autodiscover bool

	Incoming Endpoint
	Outgoing Endpoint

	// OwnOutgoing says that Outgoing has credentials, authentication and
	// impersonation of its own. Otherwise they are Incoming's, and may not be set
	// in Outgoing; an Exchange profile's Outgoing.URL may be left empty then too.
	OwnOutgoing bool

	// Exchange is the version of the server, where it is known. Versions that are
	// too old are refused.
	Exchange ExchangeVersion

	// TenantID is the Entra ID tenant of the mailboxes, a GUID. Empty means the
	// host's own, Policy.TenantID.
	TenantID string

	// Application is what this host is registered as, for OAuth and
	// ServerToServer.
	Application Application

	// Revision changes whenever the host changes the profile, such as the time of
	// the last edit. What was stopped is tried again when it is another.
	Revision string

	// MaxConnections is how many connections may be open at once, 1 to 300,
	// counted per profile where one account of the profile serves all mailboxes
	// and per mailbox where each has its own. Default: 10.
	MaxConnections int

	// MinPollInterval is the least time between two looks for new mail, 0 to 24
	// hours. Default: 0, which leaves it to the Syncer's own interval.
	MinPollInterval time.Duration

	// Timeout bounds how long connecting and signing in may take, at most 100
	// seconds. Default: 0, which leaves it to the driver's limits.
	Timeout time.Duration

	// ProcessAfter ("process email from") bounds how far back mail is brought in:
	// what the server received earlier is left alone. Zero means no bound.
	ProcessAfter time.Time

	// MoveUndeliverable moves mail that could not become an item of the host to a
	// folder named Undeliverable. Exchange only.
	MoveUndeliverable bool

	// AlertOwner asks for a mail to Owner when more than half of the profile's
	// mailboxes fail within an hour. It is told through Hooks.ProfileAlert: the
	// profile's own server cannot be relied upon then.
	AlertOwner bool
}

// Owner is who answers for a profile.
type Owner struct {
	ID      string // as the host names its users
	Address string // email address for alerts
}

// Application is an application registered with an identity provider.
type Application struct {
	ClientID string
	Secret   secret.Text // empty where a certificate proves the application
	Resource string      // what tokens are for; empty means what the kind of mail system calls for

	// Realm has this host issue its tokens itself, as an Exchange Server takes them that trusts
	// the host's certificate through a partner application (MS-XOAUTH). It is the realm of that
	// trust: a tenant's GUID or a domain. Exchange Server and ServerToServer only.
	Realm string
}

// ExchangeVersion is a version of Exchange Server, such as "2016".
type ExchangeVersion string

// The versions of Exchange Server that a profile may name.
const (
	Exchange2003    ExchangeVersion = "2003"
	Exchange2007    ExchangeVersion = "2007"
	Exchange2007SP1 ExchangeVersion = "2007 SP1"
	Exchange2010    ExchangeVersion = "2010"
	Exchange2010SP1 ExchangeVersion = "2010 SP1"
	Exchange2010SP2 ExchangeVersion = "2010 SP2"
	Exchange2010SP3 ExchangeVersion = "2010 SP3"
	Exchange2013    ExchangeVersion = "2013"
	Exchange2013SP1 ExchangeVersion = "2013 SP1"
	Exchange2016    ExchangeVersion = "2016"
	Exchange2019    ExchangeVersion = "2019"
	ExchangeSE      ExchangeVersion = "SE" // Subscription Edition
)

// Endpoint returns the endpoint of a side as a driver is to use it: Outgoing has
// Incoming's credentials unless it has its own, and Exchange Online has its usual
// URL unless another is named or autodiscover is to find it.
func (p Profile) Endpoint(side Side) Endpoint {
	e := p.Incoming
	if side == Outgoing {
		e = p.Outgoing
		if !p.OwnOutgoing {
			e.Credentials, e.Username, e.Password = p.Incoming.Credentials, p.Incoming.Username, p.Incoming.Password
			e.Authentication, e.Impersonate = p.Incoming.Authentication, p.Incoming.Impersonate
			if p.Kind.IsExchange() && e.URL == "" {
				e.URL, e.TLS = p.Incoming.URL, p.Incoming.TLS
			}
		}
	}
	if e.URL == "" && p.Kind.IsExchangeOnline() && !p.Autodiscover {
		e.URL = ExchangeOnlineURL
	}
	return e
}

// IsDelegate reports whether the profile's account acts on a side as a delegate
// and not as each mailbox's owner. That serves mail but not appointments, contacts
// and tasks.
func (p Profile) IsDelegate(side Side) bool {
	e := p.Endpoint(side)
	return p.Kind.IsExchange() && !e.Impersonate && (e.Credentials == FromProfile || e.Credentials == IntegratedWindows)
}

// IssuesTokens reports whether this host itself issues the tokens that an endpoint with these credentials is signed in
// to with, in place of an issuer. Each of them names the mailbox's user.
func (p Profile) IssuesTokens(c Credentials) bool {
	return p.Kind.IsExchangeServer() && c == ServerToServer && p.Application.Realm != ""
}

// SharesAccount reports whether one account serves all mailboxes of a side, which
// decides how MaxConnections is counted.
func (p Profile) SharesAccount(side Side) bool {
	switch p.Endpoint(side).Credentials {
	case FromProfile, IntegratedWindows, Anonymous:
		return true
	}
	return false
}
