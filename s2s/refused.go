package s2s

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// The refusals of Entra ID that there is something to do about at once.
const (
	unknownCertificate = 700027 // the certificate is not registered with the application
	wrongTime          = 700024 // the assertion is not within its time
)

// A refusal is the body of an answer that is no token (RFC 6749, section 5.2).
type refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
}

// refusedFor reports whether a body is a refusal with a code of Entra ID's.
func refusedFor(body []byte, code int) bool {
	var r refusal
	if json.Unmarshal(body, &r) != nil {
		return false
	}
	return slices.Contains(r.Codes, code) || strings.HasPrefix(r.Description, fmt.Sprintf("AADSTS%d", code))
}

// judge says what an answer that is no token means. repeats reports whether a text shows a secret (TOK-B).
func judge(op string, status int, h http.Header, body []byte, repeats func(string) bool, now time.Time) *provider.Error {
	var r refusal
	read := json.Unmarshal(body, &r) == nil && r.Error != ""
	why, code := fmt.Errorf("the issuer answered %d", status), wire.HTTPCode(status)
	if read {
		code = r.Error
		if first, _, _ := strings.Cut(r.Description, ":"); strings.HasPrefix(first, "AADSTS") && len(first) < 20 {
			code = first
		}
		text := wire.Quote(cmp.Or(r.Description, r.Error))
		if repeats(r.Description) || repeats(r.Error) || repeats(text) {
			text, code = "something that repeats a secret, which is left out", ""
		}
		why = errors.New("the issuer says " + text)
	}
	wait, said := retryAfter(h, now)
	e := fail(op, provider.ErrUnavailable, code, remedyWait, why)
	switch {
	case status/100 == 3:
		e.Kind, e.Remedy = provider.ErrUnsafe, "check the source's Cloud; redirects are never followed"
	case status == http.StatusTooManyRequests:
		e.Kind, e.RetryAfter = provider.ErrThrottled, cmp.Or(wait, assumeWait)
	case status >= 500:
	case !read:
		e.Remedy = "check what stands between this machine and the issuer, such as a proxy"
	case r.Error == "temporarily_unavailable":
	default:
		e.Kind, e.Remedy = provider.ErrAuth, "check tenant, application and certificate or secret in the profile, and an administrator's consent in the tenant; this concerns all mailboxes of the profile"
	}
	if said {
		e.RetryAfter = wait
	}
	return e
}
