package s2stest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A refusal is an answer that gives no token.
type refusal struct {
	code   int // AADSTS…, 0 where Entra's is not known
	status int
	error  string // RFC 6749, section 5.2
	text   string
	claims string // a claims challenge
	why    string // by which it is counted, where there is no code
	host   bool   // a host of managed identities says it, which has other words
}

// known says with which status and error Entra gives a code.
func known(code int) (status int, name string) {
	switch code {
	case 700027, 700024, 700023, 700021, 700030, 7000213, 7000214, 7000215, 7000216, 7000218, 7000222, 7000229, 7000274, 7000277, 1000502,
		5002738, 5002723, 70025, 700211, 700212, 700213:
		return http.StatusUnauthorized, "invalid_client"
	case 700016, 70001, 7000112:
		return http.StatusBadRequest, "unauthorized_client"
	case 500011:
		return http.StatusBadRequest, "invalid_resource"
	case 70011, 1002012, 28000:
		return http.StatusBadRequest, "invalid_scope"
	case 70003:
		return http.StatusBadRequest, "unsupported_grant_type"
	case 53003:
		return http.StatusBadRequest, "invalid_grant"
	case 90033, 90055, 90024:
		return http.StatusServiceUnavailable, "temporarily_unavailable"
	}
	return http.StatusBadRequest, "invalid_request"
}

// refuse returns a refusal with a code of Entra's.
func refuse(code int, format string, args ...any) *refusal {
	status, name := known(code)
	return &refusal{code: code, status: status, error: name, text: fmt.Sprintf(format, args...)}
}

// unnumbered returns the refusal of a proof for a reason whose code is not known.
func unnumbered(why, text string) *refusal {
	return &refusal{status: http.StatusUnauthorized, error: "invalid_client", text: text, why: why}
}

// reason is how a refusal is counted.
func (r *refusal) reason() string {
	if r.code == 0 {
		return cmp.Or(r.why, r.error)
	}
	return "AADSTS" + strconv.Itoa(r.code)
}

// answer says the refusal as Entra does.
func (i *Issuer) answerRefusal(w http.ResponseWriter, req *http.Request, r *refusal) {
	if r.host {
		say(w, r.status, map[string]any{"error": r.error, "error_description": r.text, "statusCode": r.status, "message": r.text})
		return
	}
	at := i.now().UTC().Format("2006-01-02 15:04:05Z")
	trace, correlation := w.Header().Get("x-ms-request-id"), correlationOf(req)
	text := fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", r.text, trace, correlation, at)
	body := map[string]any{"error": r.error, "timestamp": at, "trace_id": trace, "correlation_id": correlation, "error_codes": []int{}}
	if r.code != 0 {
		text = fmt.Sprintf("AADSTS%d: %s", r.code, text)
		body["error_codes"] = []int{r.code}
		body["error_uri"] = fmt.Sprintf("%s/error?code=%d", i.base(req), r.code)
	}
	body["error_description"] = text
	if r.claims != "" {
		body["claims"], body["suberror"] = r.claims, "message_only"
	}
	say(w, r.status, body)
}

// correlationOf returns what the client numbers its request by.
func correlationOf(req *http.Request) string {
	for _, id := range []string{req.Header.Get("client-request-id"), req.PostForm.Get("client-request-id")} {
		if id = strings.ToLower(id); guid.MatchString(id) {
			return id
		}
	}
	return newGUID()
}

func say(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// instant writes a time as Entra's texts do.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }
