package s2stest

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/s2s/internal/jwt"
)

// Exchange is what an Exchange Server, or Exchange Online, checks of an access token before it serves
// anybody. Its methods Token and Refusal are for ewstest.Options, Opens is for servers of IMAP, POP3 and
// SMTP. It trusts the partner applications that are named, and Entra ID where Verify is set.
//
// Many goroutines use an Exchange at once; it must not change meanwhile.
type Exchange struct {
	Hosts []string // the names that clients reach it by
	Realm string   // the domain, or the tenant's GUID, that tokens of partner applications are for

	// Users are the mailboxes' primary addresses, with what else tokens may name their users by:
	// further addresses, principal names, SIP addresses and SIDs.
	Users map[string][]string

	// Partners are the applications that issue tokens themselves, by ApplicationIdentifier
	// (New-PartnerApplication).
	Partners map[string]ExchangePartner

	// Verify verifies a token of Entra ID: its signature, its issuer and its time. Issuer's method Verify
	// is one. With nil no such token is taken.
	Verify func(token string) (map[string]any, error)

	Audiences []string // what Entra's tokens may be for, besides https:// and a host, and Exchange itself
	Tenant    string   // whose tokens of Entra's are taken. Default: any that Verify takes

	// Principals are the applications of Entra ID that Exchange itself knows, by client ID
	// (New-ServicePrincipal).
	Principals map[string]ExchangePrincipal

	Clock func() time.Time // Default: time.Now
}

// An ExchangePartner is a partner application that issues its tokens itself.
type ExchangePartner struct {
	Certificates []*x509.Certificate // those of its metadata document
	Realm        string              // of its tokens' issuer. Default: that of the Exchange
	Disabled     bool                // New-PartnerApplication -Enabled $false

	// Roles are the management roles of its linked account: UserApplication lets it act for the user
	// that a token names, ApplicationImpersonation for those that a request does. Empty where no account
	// is linked, and it may do nothing.
	Roles []string
}

// An ExchangePrincipal is what an application of Entra ID may do in Exchange itself.
type ExchangePrincipal struct {
	// Mailboxes are those whose FullAccess it has (Add-MailboxPermission), which IMAP, POP3 and SMTP ask
	// for besides the permission that its token has; "*" is every one.
	Mailboxes []string

	// Roles are those of RBAC for Applications, such as "Application EWS.AccessAsApp", each with the
	// mailboxes of its scope; "*" is every one. They need no permission in the token.
	Roles map[string][]string

	// RestrictTo and Deny are application access policies: they narrow what the token permits for EWS,
	// and not what Roles do. Empty: there is no policy.
	RestrictTo, Deny []string
}

// What Exchange is called in tokens, and what programs of Exchange Web Services must be permitted.
const (
	exchangeItself = "00000002-0000-0ff1-ce00-000000000000"
	exchangeEWS    = "full_access_as_app"
	exchangeUser   = "EWS.AccessAsUser.All"
	exchangeRole   = "Application EWS.AccessAsApp"
)

// exchangeSkew is by how much clocks may differ.
const exchangeSkew = 5 * time.Minute

// An exchangeBearer is who a token is from.
type exchangeBearer struct {
	address     string   // whose mailbox it names, "" for an application's own
	permissions []string // that an application has by the token, or its user has given it
	principal   ExchangePrincipal
	partner     bool
}

// Token says for Exchange Web Services whose a token is, and whether it is an application's own, which
// acts for whom a request impersonates.
func (e *Exchange) Token(token string) (address string, app, ok bool) {
	who, why := e.take(token)
	if why == "" {
		why = who.ews()
	}
	if why != "" {
		return "", false, false
	}
	return who.address, who.address == "", true
}

// Refusal returns what x-ms-diagnostics says of a token that Token does not take, "" for one that it takes.
func (e *Exchange) Refusal(token string) string {
	who, why := e.take(token)
	if why == "" {
		why = who.ews()
	}
	return string(why)
}

// Opens reports whether a token opens a mailbox, by a permission of Entra ID's: "full_access_as_app" for
// Exchange Web Services, "IMAP.AccessAsApp", "POP.AccessAsApp" and "SMTP.SendAsApp", or what stands for
// these where a user has consented, such as "IMAP.AccessAsUser.All". A token that names its user opens
// that user's mailbox alone. Those of partner applications are for Exchange Web Services.
func (e *Exchange) Opens(token, permission, address string) bool {
	who, why := e.take(token)
	if why != "" {
		return false
	}
	users := e.named(address)
	if len(users) != 1 {
		return false
	}
	address = users[0]
	switch {
	case who.address != "" && who.address != address:
		return false
	case who.partner:
		return permission == exchangeEWS
	case who.address != "":
		return slices.Contains(who.permissions, permission)
	case permission == exchangeEWS:
		p := who.principal
		restricted := len(p.RestrictTo) > 0 && !e.includes(p.RestrictTo, address) || e.includes(p.Deny, address)
		return slices.Contains(who.permissions, exchangeEWS) && !restricted || e.includes(p.Roles[exchangeRole], address)
	}
	return slices.Contains(who.permissions, permission) && e.includes(who.principal.Mailboxes, address)
}

// ews says why an application may not use Exchange Web Services, "" if it may.
func (b exchangeBearer) ews() exchangeRefusal {
	needs := exchangeEWS
	if b.address != "" {
		needs = exchangeUser
	}
	switch {
	case b.partner || slices.Contains(b.permissions, needs) || b.address == "" && len(b.principal.Roles[exchangeRole]) > 0:
		return ""
	case len(b.permissions) == 0:
		return refusedNoPermissions
	}
	return refusedGrants(needs, b.permissions)
}

// take finds out who a token is from, or why it is not taken.
func (e *Exchange) take(token string) (exchangeBearer, exchangeRefusal) {
	header, claims, err := jwt.Claims(token)
	if err != nil {
		return exchangeBearer{}, refusedUnreadable
	}
	if header["alg"] == jwt.None {
		return e.takeOuter(token, claims)
	}
	if _, _, own := strings.Cut(exchangeText(claims, "iss"), "@"); own {
		return e.takeActor(token, header, claims)
	}
	return e.takeEntra(token, claims)
}

// named returns the primary addresses of the users that any of names stands for.
func (e *Exchange) named(names ...string) (found []string) {
	for primary, others := range e.Users {
		for _, name := range names {
			if name != "" && (strings.EqualFold(name, primary) || exchangeHas(others, name)) {
				found = append(found, strings.ToLower(primary))
				break
			}
		}
	}
	return found
}

// includes reports whether a primary address is among those of a list.
func (e *Exchange) includes(list []string, primary string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return one == "*" || slices.Contains(e.named(one), primary) })
}

// live says why a token is not good now, "" if it is.
func (e *Exchange) live(begins, ends int64) exchangeRefusal {
	now := time.Now
	if e.Clock != nil {
		now = e.Clock
	}
	switch at := now(); {
	case begins == 0 || ends == 0 || begins > ends:
		return refusedNoLife
	case at.Add(exchangeSkew).Unix() < begins:
		return refusedEarly
	case at.Add(-exchangeSkew).Unix() > ends:
		return refusedExpired
	}
	return ""
}

func exchangeText(claims map[string]any, name string) string {
	s, _ := claims[name].(string)
	return s
}

func exchangeHas(list []string, name string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return strings.EqualFold(one, name) })
}
