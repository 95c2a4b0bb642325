package diagnosis

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a mail server says may be of any length and form: it is read once, and nothing is made up.
func TestHostileWords(t *testing.T) {
	const n = 1 << 20
	for name, text := range map[string]string{
		"long": strings.Repeat("x", n), "quotes": strings.Repeat(`"`, n), "names": strings.Repeat(`error="`, n/7), "glued names": strings.Repeat(`xerror="`, n/8), "categories": strings.Repeat(`xerror_category="`, n/17),
		"semicolons": strings.Repeat(";", n), "unbalanced": `error="`, "no value": `error=`, "empty": `error=""`, "backslashes": strings.Repeat(`error="\`, n/8), "line ends": "2000003;\r\nreason=\"x\"", "broken": "\xff\xfe\x00",
	} {
		h := http.Header{"X-Ms-Diagnostics": {text}}
		OfToken(h)
		many := http.Header{}
		for range 50 {
			many["Www-Authenticate"] = append(many["Www-Authenticate"], text[:min(len(text), n/50)])
		}
		OfToken(many)
		for _, service := range []string{"imap", "pop", "smtp", text[:min(len(text), 100)]} {
			code, remedy := OfMail(service, text, true)
			require.Less(t, len(code)+len(remedy), 1000, name)
			require.NotContains(t, remedy, "\xff")
		}
	}
	m, words := OfToken(http.Header{"X-Ms-Diagnostics": {""}, "Www-Authenticate": {`Bearer xerror="invalid_token"`}})
	require.Nil(t, m)
	require.Empty(t, words)
}
