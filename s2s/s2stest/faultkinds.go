package s2stest

import (
	"bytes"
	"net/http"
	"strings"
)

// Throttled is an issuer that has had enough: 429 with Retry-After, which may be any text, "" for none.
func Throttled(after string) Fault { return retryAfter(http.StatusTooManyRequests, after) }

// Unavailable is 503 with Retry-After, which may be any text, "" for none.
func Unavailable(after string) Fault { return retryAfter(http.StatusServiceUnavailable, after) }

func retryAfter(status int, after string) Fault {
	f := Fault{Status: status, Header: http.Header{"Content-Type": {"text/plain"}}, Body: "The service is busy."}
	if after != "" {
		f.Header.Set("Retry-After", after)
	}
	return f
}

// Crashed is a page with status 500.
func Crashed() Fault {
	return Fault{Status: http.StatusInternalServerError, Header: aPage(), Body: "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>500 - Internal server error.</h1></body></html>"}
}

// LoginPage is what stands between, and answers 200 with a page to sign in at.
func LoginPage() Fault {
	return Fault{Status: http.StatusOK, Header: aPage(), Body: "<!DOCTYPE html><html><body><form action=\"/login\" method=\"post\">Please sign in to the network.<input name=\"password\"></form></body></html>"}
}

func aPage() http.Header { return http.Header{"Content-Type": {"text/html; charset=utf-8"}} }

// Redirect leads elsewhere.
func Redirect(to string) Fault {
	return Fault{Status: http.StatusFound, Header: http.Header{"Location": {to}}}
}

// Large is an answer of so many bytes.
func Large(size int) Fault {
	return Fault{Write: func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		piece := bytes.Repeat([]byte("x"), 64<<10)
		w.Write([]byte(`{"token_type":"Bearer","expires_in":3599,"access_token":"`))
		for size > 0 {
			n, err := w.Write(piece[:min(size, len(piece))])
			if size -= n; err != nil {
				return
			}
		}
		w.Write([]byte(`"}`))
	}}
}

// ExpiresIn is a token with another expires_in: a number, a text, or nil for none.
func ExpiresIn(value any) Fault { return Fault{Set: map[string]any{"expires_in": value}} }

// NoToken is an answer without its token.
func NoToken() Fault { return Fault{Set: map[string]any{"access_token": nil}} }

// LongToken is a token of so many bytes.
func LongToken(size int) Fault {
	return Fault{Set: map[string]any{"access_token": strings.Repeat("x", size)}}
}

// FoldedToken is a token with a line end, behind which stands what a server would take for a header.
func FoldedToken() Fault {
	return Fault{Set: map[string]any{"access_token": "eyJhbGciOiJub25lIn0.e30.\r\nX-Injected: yes"}}
}

// Refused is a refusal with a code of Entra's.
func Refused(code int, text string) Fault { return Fault{Code: code, Text: text} }

// Echo is a refusal whose text repeats what the request proved itself with.
func Echo() Fault {
	return Fault{Code: 7000215, Text: "Invalid client credentials: '{assertion}' '{secret}'."}
}

// Challenge is a refusal by Conditional Access with a claims challenge: what the next request has to
// bring as its claims.
func Challenge(claims string) Fault {
	return Fault{Code: 53003, Text: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.", Claims: claims}
}
