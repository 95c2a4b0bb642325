// Package aadsts says what the refusals of Entra ID's token endpoint mean, in words that an administrator can act
// upon. Of the numbers that Microsoft gives its errors (AADSTS…) those that a program can meet which signs in as
// itself are known by name; whatever else is told by OAuth's own error code (RFC 6749, section 5.2).
package aadsts

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// The codes of errors that are the same whoever issues tokens (see package oauth). Others are "AADSTS" with a number.
const (
	CodeApplication = "invalid_client"          // the application, or what proves it, is refused
	CodeIssuer      = "temporarily_unavailable" // nobody gets a token now

	// CodeTimes says that our proof is of another time than Entra ID's. Who knows how far the clocks
	// differ (tokens.Offset) makes one that is not, and asks again.
	CodeTimes = "AADSTS700024"
)

const (
	remedyApplication = "check the application's id, its certificate or secret and the tenant in the profile with Entra ID; its sign-in logs (service principals) have the request by its ids"
	remedyRequest     = "check the cloud, the tenant and the application's Resource; if they are right, tell those who make this program, with the request's ids"
	remedyBetween     = "check what stands between this machine and Entra ID, such as a proxy"
)

var errNoToken = errors.New("the answer holds no access token")

// Judge says what an answer that is no success means. The error names op. Only what says that the application,
// its proof or its permission is at fault is ErrAuth: whatever else Entra ID or somebody on the way to it says
// does not stop mailboxes until a person acts. repeats reports whether a text shows a secret.
func Judge(op string, status int, h http.Header, body []byte, repeats func(string) bool, now time.Time) *provider.Error {
	a, unread := decode(body)
	j := judgement{op: op, h: h, answer: a, repeats: repeats, now: now, why: fmt.Sprintf("Entra ID answered %d", status)}
	if a.code != "" {
		whole := repeats(a.description) || repeats(tokens.Unfolded(a.description)) // of which a part could be a part of a secret
		j.why = "Entra ID says " + tokens.Words(a.code, firstLine(a.description), func(text string) bool { return whole || repeats(text) })
	}
	switch {
	case status >= 300 && status < 400:
		return j.fail(provider.ErrUnsafe, "", fmt.Sprintf("Entra ID, or who stands for it, answered with a redirect (%d)", status), "check the cloud and its authority, which the operator gives; redirects are never followed")
	case status == http.StatusTooManyRequests:
		return j.fail(provider.ErrThrottled, wire.HTTPCode(status), "", remedyWait)
	case status >= 500:
		return j.fail(provider.ErrUnavailable, CodeIssuer, "", remedyWait)
	case errors.Is(unread, tokens.ErrLarge):
		return j.fail(provider.ErrTooLarge, "", unread.Error(), "check the cloud and its authority; its answer is larger than any token")
	case unread != nil:
		return j.fail(provider.ErrUnavailable, CodeIssuer, unread.Error(), remedyBetween)
	case a.code == "" && status == http.StatusOK:
		return j.fail(provider.ErrProtocol, "", errNoToken.Error(), "check the cloud and its authority")
	}
	if m, number := find(a); m != nil {
		return j.meant(m, number)
	}
	return j.byCode()
}

// OfCertificate reports whether an error of Judge's says that the certificate is at fault, so that another one of the
// host's may be taken.
func OfCertificate(e *provider.Error) bool {
	number, is := strings.CutPrefix(e.Code, prefix)
	if !is || e.Kind != provider.ErrAuth {
		return false
	}
	for _, m := range meanings {
		if m.proof && hasNumber(m.numbers, number) {
			return true
		}
	}
	return false
}

// A judgement is an answer on its way to an error.
type judgement struct {
	op      string
	h       http.Header
	answer  answer
	repeats func(string) bool
	now     time.Time
	why     string // Entra ID's own words, quoted
}

// fail returns an error. cause are our words, "" for none. What is asked for by Microsoft's support stands before
// what may be cut.
func (j judgement) fail(kind provider.Kind, code, cause, remedy string) *provider.Error {
	words, behind := cause, "; "+j.why
	if cause == "" {
		words, behind = j.why, ""
	}
	if ids := j.ids(); ids != "" {
		words += " (" + ids + ")"
	}
	e := &provider.Error{Op: j.op, Kind: kind, Code: code, Remedy: remedy, Err: errors.New(words + behind)}
	wait, said := tokens.RetryAfter(j.h, j.now)
	if kind == provider.ErrThrottled {
		e.RetryAfter, e.Shared = cmp.Or(wait, tokens.AssumeWait), true // it is the application's, not a mailbox's
	} else if said && kind == provider.ErrUnavailable {
		e.RetryAfter = wait
	}
	return e
}

// meant returns the error of a number that is known.
func (j judgement) meant(m *meaning, number string) *provider.Error {
	cause := m.cause
	if m.cause == causeTimes {
		cause += "; " + j.clock()
	}
	return j.fail(m.kind, prefix+cmp.Or(m.as, number), cause, m.remedy)
}

// byCode returns the error of a number that is not known, or of none.
func (j judgement) byCode() *provider.Error {
	switch code := j.answer.code; code {
	case "invalid_client", "unauthorized_client", "invalid_grant", "consent_required", "interaction_required", "access_denied":
		cause := "the application, or what proves it, is refused"
		if j.answer.claims {
			cause = "Entra ID wants more of the sign-in than an application can show (a claims challenge, as of Conditional Access)"
		}
		return j.fail(provider.ErrAuth, CodeApplication, cause, remedyApplication)
	case "invalid_scope", "invalid_resource", "invalid_target", "unsupported_grant_type", "invalid_request":
		return j.fail(provider.ErrUnsupported, code, "Entra ID does not take what was asked for", remedyRequest)
	case "slow_down", "too_many_requests", "rate_limit_exceeded":
		return j.fail(provider.ErrThrottled, code, "", remedyWait)
	}
	return j.fail(provider.ErrUnavailable, CodeIssuer, "", remedyWait)
}

// clock says how far this machine's clock is from Entra ID's.
func (j judgement) clock() string {
	offset, said := tokens.Offset(j.h, j.now, j.now)
	how := "behind"
	if offset < 0 {
		how = "ahead of"
	}
	switch {
	case !said:
		return "it does not say what time it is there"
	case offset == 0:
		return "this machine's clock agrees with its own, so that the proof was too old or not good yet when it was sent"
	}
	return fmt.Sprintf("this machine's clock is %s %s its own", offset.Abs().Round(time.Second), how)
}
