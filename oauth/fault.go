package oauth

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// The codes of errors that a host acts upon.
const (
	// CodeConsent says that the owner has to consent, again or for the first time.
	CodeConsent = "invalid_grant"

	// CodeApplication says that the issuer does not know the application, or its secret
	// is wrong or has expired, which concerns all mailboxes.
	CodeApplication = "invalid_client"

	// CodeRefused says that the mail server refuses tokens which are new.
	CodeRefused = "token_refused"

	// CodeOwner says that somebody else than the mailbox's owner has consented.
	CodeOwner = "other_owner"

	// CodeScope says that the owner has left out what is needed.
	CodeScope = "scope_missing"

	// CodeIssuer says that the issuer gives nobody a token now, in whatever words.
	CodeIssuer = "temporarily_unavailable"

	// CodeState says that an answer to a consent is not to the one that was begun.
	CodeState = "state"
)

const (
	remedyConsent     = "the owner must consent again (send them through the consent page); nothing else helps"
	remedyApplication = "check the application's id and secret in the profile with the issuer: the secret may have expired; this concerns all mailboxes of the profile, and their owners need not consent again"
	remedyWay         = "check this machine's network, name service and proxy, and the issuer's URLs; it goes on by itself once the issuer can be reached"
	remedyWait        = "nothing: it goes on by itself once the issuer answers"
)

// fail returns an error of the package.
func fail(op string, kind provider.Kind, code, remedy string, err error) *provider.Error {
	return &provider.Error{Op: "oauth: " + op, Kind: kind, Code: code, Remedy: remedy, Err: err}
}

// classify says what an answer that is no success means. Only what says that the
// grant or the application is at fault is ErrAuth: whatever else an issuer or somebody
// on the way to it says does not make an owner consent again.
func classify(op string, status int, h http.Header, a answer, unread error, secrets []secret.Text, now time.Time) *provider.Error {
	wait, said := tokens.RetryAfter(h, now)
	why := fmt.Errorf("the issuer answered %d", status)
	if a.code != "" {
		why = errors.New("the issuer says " + words(a, secrets))
	}
	switch {
	case status >= 300 && status < 400:
		return fail(op, provider.ErrUnsafe, "", "check the issuer's URLs, which the operator gives; redirects are never followed", fmt.Errorf("the issuer answered with a redirect (%d)", status))
	case status == http.StatusTooManyRequests:
		e := fail(op, provider.ErrThrottled, wire.HTTPCode(status), remedyWait, why)
		e.RetryAfter = cmp.Or(wait, tokens.AssumeWait)
		return e
	case status >= 500:
		e := fail(op, provider.ErrUnavailable, CodeIssuer, remedyWait, why)
		e.RetryAfter = wait
		return e
	case errors.Is(unread, tokens.ErrLarge):
		return fail(op, provider.ErrTooLarge, "", "check the issuer's URLs; its answer is larger than any token", tokens.ErrLarge)
	case errors.Is(unread, errToken):
		return fail(op, provider.ErrProtocol, "", "", errToken)
	case unread != nil:
		return fail(op, provider.ErrUnavailable, CodeIssuer, "check what stands between this machine and the issuer, such as a proxy", fmt.Errorf("%w (%d)", unread, status))
	case a.code == "" && status == http.StatusOK:
		return fail(op, provider.ErrProtocol, "", "check the issuer's TokenURL", errNoToken)
	}
	e := byCode(op, a.code, why)
	if e.Kind == provider.ErrThrottled || said {
		e.RetryAfter = cmp.Or(wait, tokens.AssumeWait)
	}
	return e
}

// byCode says what an error code means (RFC 6749, section 5.2; RFC 8628, section 3.5;
// OpenID Connect Core, section 3.1.2.6).
func byCode(op, code string, why error) *provider.Error {
	switch code {
	case "invalid_grant", "interaction_required", "consent_required", "login_required", "account_selection_required":
		return fail(op, provider.ErrAuth, CodeConsent, remedyConsent, why)
	case "access_denied":
		return fail(op, provider.ErrAuth, "access_denied", "the owner, or an administrator's rule, has refused; ask them to consent", why)
	case "expired_token":
		return fail(op, provider.ErrAuth, "expired_token", "the time to enter the code is over; begin again", why)
	case "invalid_client", "unauthorized_client":
		return fail(op, provider.ErrAuth, CodeApplication, remedyApplication, why)
	case "invalid_scope", "unsupported_grant_type", "unsupported_response_type", "invalid_request":
		return fail(op, provider.ErrUnsupported, code, "check the issuer's data and how the application is registered: flows, redirect URL and scopes", why)
	case "slow_down", "too_many_requests", "rate_limit_exceeded":
		return fail(op, provider.ErrThrottled, code, remedyWait, why)
	}
	return fail(op, provider.ErrUnavailable, CodeIssuer, remedyWait, why)
}

// words quotes an issuer, unless it repeats one of the secrets (TOK-B).
func words(a answer, secrets []secret.Text) string {
	secrets = append(secrets, a.access, a.refresh, a.deviceCode)
	return tokens.Words(a.code, a.description, func(text string) bool {
		return slices.ContainsFunc(secrets, func(s secret.Text) bool { return s.In(text) })
	})
}
