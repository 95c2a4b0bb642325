package diagnosis

import (
	"net/http"
	"slices"
	"strings"
)

// A Meaning is why a server refuses a token.
type Meaning struct {
	Code   string // as the catalogue has it (package mailbox)
	Cause  string // in words
	remedy string // of an application that signs in as itself
	owner  string // of one that an owner has consented to; "" for the same

	is   []string // a number of Exchange's, its category, or an error code of RFC 6750
	says []string // parts of its words, in lower case
}

// Remedy returns what to do. application says that the token is an application's own.
func (m *Meaning) Remedy(application bool) string {
	if !application && m.owner != "" {
		return m.owner
	}
	return m.remedy
}

const ownerPermission = "add EWS.AccessAsUser.All to the application's delegated permissions, and have the mailbox's owner consent again"

// challenged is what a challenge for claims means (continuous access evaluation).
var challenged = Meaning{
	Code:   "token_claims",
	Cause:  "the server wants a newer token: something about the account, the application, the network or a policy has changed since this one was issued (a claims challenge)",
	remedy: "nothing at first: a new token is asked for; if it lasts, see in Entra ID whether the application is enabled, and whether Conditional Access allows this host's public address",
	owner:  "nothing at first: a new token is asked for; if it lasts, have the mailbox's owner consent again",
}

// meanings are what Exchange says in X-Ms-Diagnostics, and other servers in WWW-Authenticate (RFC 6750, section 3).
// The first that fits counts.
var meanings = [...]Meaning{
	{Code: "token_permission", says: []string{"partner application", "linked account"},
		Cause:  "the server knows the application, and gives it no rights",
		remedy: "where this host issues its tokens itself, give the partner application a linked account with the role UserApplication (Set-PartnerApplication -LinkedAccount); for tokens of Entra ID give the application full_access_as_app with an administrator's consent",
		owner:  ownerPermission},
	{Code: "token_permission", is: []string{"2000008", "invalid_grant", "insufficient_scope"}, says: []string{"permission", "'roles'"},
		Cause:  "the token permits nothing that this server could grant",
		remedy: "give the application the role Application EWS.AccessAsApp over its mailboxes by RBAC for Applications, or full_access_as_app (Office 365 Exchange Online, application permissions) with an administrator's consent; it can take two hours until that counts",
		owner:  ownerPermission},
	{Code: "token_audience", is: []string{"2000003", "invalid_resource"}, says: []string{"audience"},
		Cause:  "the token is for another service (its audience is not this server)",
		remedy: "for Exchange Online leave the application's Resource empty; for an Exchange Server have it be the server's own https address, which must be a service principal name in Entra ID, and see that nothing in front of it ends TLS (SSL offloading)",
		owner:  "have the operator ask for tokens of this server's own service, such as https://outlook.office365.com, and not for Microsoft Graph's; then have the owner consent again"},
	{Code: "token_user", is: []string{"2000005", "invalid_user"}, says: []string{"user-context", "nouserfoundwithgivenclaims", "user does not exist in tenant"},
		Cause:  "the server finds no account, or several, for whom the token is meant",
		remedy: "check the mailbox's address; see that no two accounts have it as user name, mail or SIP address, and that an account made anew is synchronized to Entra ID, which takes up to 72 hours"},
	{Code: "token_tenant", is: []string{"2000004", "invalid_tenant"},
		Cause:  "the server knows no organization by the token's tenant or realm",
		remedy: "check the tenant, or the realm, in the profile: for an Exchange Server it must be one of its accepted domains, not a wildcard, or its tenant"},
	{Code: "token_issuer", is: []string{"2000009", "invalid_issuer"}, says: []string{"issuer of the token is unknown"},
		Cause:  "the server does not trust who issued the token",
		remedy: "check the tenant and the kind of mail system in the profile; on an Exchange Server make the tenant an authorization server (New-AuthServer), or this host a partner application (New-PartnerApplication)"},
	{Code: "token_signature", is: []string{"2000000", "invalid_signature"}, says: []string{"invalid signature"},
		Cause:  "the server cannot verify the token's signature",
		remedy: "where this host issues its tokens itself, give its certificate to the Exchange Server's partner application; else have the server read its authorization servers anew (Set-AuthServer -RefreshAuthMetadata)"},
	{Code: "token_time", says: []string{"expired", "not yet valid", "lifetime"},
		Cause:  "the server holds that the token has expired, or is not good yet",
		remedy: "set this machine's clock and the server's, and have both kept right (NTP)"},
	{Code: "token_malformed", is: []string{"2000001"}, says: []string{"cannot be parsed"},
		Cause:  "the server cannot read the token",
		remedy: "check the kind of mail system, the tenant and the application's Resource in the profile: an Exchange Server without hybrid modern authentication takes no tokens of Entra ID"},
}

// OfToken returns why a web server refuses a token, by its header; nil if it does not say. words is what it says.
func OfToken(h http.Header) (m *Meaning, words string) {
	number, category, words := exchange(h)
	if words == "" {
		words = param(h, "error_description")
	}
	failed := param(h, "error")
	if words == "" {
		words = failed
	}
	if failed == "insufficient_claims" || param(h, "claims") != "" {
		return &challenged, words
	}
	text := strings.ToLower(words)
	said := []string{number, category, failed}
	for i := range meanings {
		m := &meanings[i]
		if slices.ContainsFunc(m.says, func(part string) bool { return strings.Contains(text, part) }) ||
			slices.ContainsFunc(m.is, func(name string) bool { return slices.Contains(said, name) }) {
			return m, words
		}
	}
	return nil, words
}

// exchange reads X-Ms-Diagnostics, as 2000003;reason="words";error_category="invalid_resource".
func exchange(h http.Header) (number, category, words string) {
	words = h.Get("X-Ms-Diagnostics")
	number, rest, _ := strings.Cut(words, ";")
	return strings.TrimSpace(number), quoted(rest, "error_category"), words
}

// param returns a parameter of a challenge for a token.
func param(h http.Header, name string) string {
	for _, field := range h.Values("WWW-Authenticate") {
		if value := quoted(field, name); value != "" {
			return value
		}
	}
	return ""
}

// quoted returns the value of a name in a text such as a="b", c="d".
func quoted(text, name string) string {
	for {
		before, rest, ok := strings.Cut(text, name+`="`)
		if !ok {
			return ""
		}
		value, _, _ := strings.Cut(rest, `"`)
		if n := len(before); n == 0 || strings.ContainsRune(" ,;\t", rune(before[n-1])) {
			return value
		}
		text = rest
	}
}
