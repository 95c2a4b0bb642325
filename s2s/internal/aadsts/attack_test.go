package aadsts

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/tokens"
)

// TOK-C: answers that are made to cost much, or to be shown on a terminal, give an error of one line.
func TestHostileAnswers(t *testing.T) {
	words := func(description string) []byte {
		text, err := json.Marshal(map[string]any{"error": "invalid_client", "error_description": description, "error_codes": []any{700027, "x", 1e300, -1, nil}})
		require.NoError(t, err)
		return text
	}
	long := strings.Repeat("x", 1<<18)
	for name, body := range map[string][]byte{
		"nothing": nil, "null": []byte("null"), "a number": []byte("7"), "deep": []byte(strings.Repeat("[", 1<<18)), "deep fields": []byte(strings.Repeat(`{"error":`, 1e5)),
		"many numbers": []byte(`{"error":"x","error_codes":[` + strings.Repeat("700027,", 1e5) + `1]}`), "a long number": []byte(`{"error":"x","error_codes":[` + strings.Repeat("7", 1e5) + `]}`),
		"long words": words("AADSTS700027: " + long), "AADSTS without end": words(strings.Repeat("AADSTS", 1<<15)), "digits without end": words("AADSTS" + strings.Repeat("7", 1<<17)),
		"a terminal's": words("AADSTS700027: \x1b[2J\x1b]0;evil\x07\u202e\u2066\u200b\r\nSet-Cookie: x\u2028y\x00"), "broken": []byte("{\"error\":\"\xff\xfe\",\"error_description\":\"\xc3\x28\"}"),
		"a long code": []byte(`{"error":"` + long + `"}`), "many fields": []byte(`{` + strings.Repeat(`"error":"x",`, 10_000) + `"error":"y"}`), "too large": make([]byte, tokens.MaxBody+1),
	} {
		for n, h := range []http.Header{nil, {"Retry-After": {long}, "Date": {long}, "X-Ms-Request-Id": {long}, "Client-Request-Id": {"\x1b[2J"}}} {
			for _, status := range []int{-1, 0, 100, 200, 302, 400, 401, 429, 503, 999, 1 << 30} {
				if n > 0 && status != 429 {
					continue
				}
				e := Judge("op", status, h, body, func(text string) bool { return strings.Contains(text, "canary") }, time.Unix(0, 0))
				text := e.Error() + e.Remedy + e.Code
				require.Less(t, len(text), 2500, name)
				require.False(t, strings.ContainsAny(text, "\r\n\x00\x1b\x07\u202e\u2066\u2028\u200b"), "%s: %q", name, text)
				require.NotEmpty(t, e.Kind)
				require.LessOrEqual(t, e.RetryAfter, tokens.MostWait)
				require.GreaterOrEqual(t, e.RetryAfter, time.Duration(0))
			}
		}
	}
}
