package s2stest

import "strings"

// An exchangeRefusal is a line of x-ms-diagnostics, "" for no refusal.
type exchangeRefusal string

// The refusals with a number stand so in public; the page, thread or file that shows each is named. Those
// without a number Exchange has as well, but nobody shows their words: what stands here is ours.
const (
	// "Resolve free/busy errors in hybrid Exchange" (Microsoft Learn): "The token has an invalid signature".
	refusedSignature exchangeRefusal = `2000000;reason="The token has an invalid signature.";error_category="invalid_signature"`

	// "Quickstart: Client application initialization" of the Microsoft Information Protection SDK
	// (Microsoft Learn) shows it of another service that checks the same tokens.
	refusedUnreadable exchangeRefusal = `2000001;reason="OAuth token submitted with the request cannot be parsed.";error_category="invalid_token"`

	// A 401 of outlook.office365.com for a token whose audience is another service, of October 2017,
	// in a public program's test (OAuthTest.java). The words have no more than 'aud' in them.
	refusedAudience exchangeRefusal = `2000003;reason="The audience claim value is invalid 'aud'.";error_category="invalid_resource"`

	// "Configure OAuth authentication between Exchange and Exchange Online organizations"
	// (Microsoft Q&A 1381627).
	refusedNoUser exchangeRefusal = `2000005;reason="The user specified by the user-context in the token does not exist.";error_category="invalid_user"`

	// "Resolve free/busy errors in hybrid Exchange": a principal name, SMTP or SIP address of the user
	// is used by another one, too.
	refusedTwoUsers exchangeRefusal = `2000005;reason="The user specified by the user-context in the token is ambiguous.";error_category="invalid_user"`

	// "OAuth2" (otris/ews-cpp issue 148).
	refusedNoPermissions exchangeRefusal = `2000008;reason="The token contains no permissions, or permissions can not be understood.";error_category="invalid_grant"`

	refusedExpired      exchangeRefusal = `reason="The token has expired.";error_category="invalid_token"`
	refusedEarly        exchangeRefusal = `reason="The token is not good yet.";error_category="invalid_token"`
	refusedNoLife       exchangeRefusal = `reason="The token does not say when it begins and ends.";error_category="invalid_token"`
	refusedDelegation   exchangeRefusal = `reason="The actor is not trusted for delegation.";error_category="invalid_token"`
	refusedOtherActor   exchangeRefusal = `reason="The issuer of the outer token is not the actor.";error_category="invalid_token"`
	refusedOtherSubject exchangeRefusal = `reason="The actor token is not about its issuer.";error_category="invalid_token"`
)

// refusedIssuer is shown by "Change to Exchange Hybrid broke Free/busy to on-prem" (Microsoft Q&A 1524201).
func refusedIssuer(issuer string) exchangeRefusal {
	return refusedFor("2000009", "invalid_issuer", "The issuer of the token is unknown. Issuer was '", issuer, "'.")
}

// refusedHost is shown by "Using hybrid Modern Authentication with Outlook for iOS and Android" (Microsoft
// Learn), of audiences that are URLs.
func refusedHost(expected, actual string) exchangeRefusal {
	return refusedFor("2000003", "invalid_resource", "The hostname component of the audience claim value is invalid. Expected '", expected, "'. Actual '", actual, "'.")
}

// refusedRealm is shown by "Skype for Business and Exchange integration fails if wildcards used in
// AcceptedDomains entries" (Microsoft Learn), of a realm that is no accepted domain.
func refusedRealm(realm string) exchangeRefusal {
	return refusedFor("2000004", "invalid_tenant", "The tenant for tenant guid '", realm, "' does not exist.")
}

// refusedRoles is shown by "Using client_credentials with Microsoft Graph in Hybrid Exchange setup" (Jan
// Hajek, 2019), of a partner application without a linked account whose token names no user.
func refusedRoles(application string) exchangeRefusal {
	return refusedFor("2000008", "invalid_grant", "The token should have valid permissions or linked account associated with partner application '", application, "'.")
}

// refusedGrants is shown by "EWS Operation Item.Copy fails with 'full_access_as_app' permission" (Microsoft
// Q&A 1608048), which leaves its number out.
func refusedGrants(needs string, has []string) exchangeRefusal {
	return refusedFor("", "invalid_grant", "Access to this API requires the following permissions: '", needs, "'. However, the application only has the following permissions granted: '", strings.Join(has, ","), "'.")
}

// maxQuoted bounds what a refusal repeats of a token.
const maxQuoted = 200

// refusedFor puts a refusal together. What it repeats of a token can neither end the reason nor the line.
func refusedFor(number, category string, reason ...string) exchangeRefusal {
	for i, part := range reason {
		if len(part) > maxQuoted {
			part = part[:maxQuoted]
		}
		reason[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' || r == '"' {
				return '?'
			}
			return r
		}, part)
	}
	if number != "" {
		number += ";"
	}
	return exchangeRefusal(number + `reason="` + strings.Join(reason, "") + `";error_category="` + category + `"`)
}
