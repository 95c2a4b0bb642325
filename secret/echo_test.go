package secret_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

// What is repeated is seen in every form that servers and encoders make of it.
func TestInSeesEveryForm(t *testing.T) {
	for _, s := range []string{"hunter2", "p4ss", "correct horse battery staple", `q"uo\te<&>+/ %=`, "geheim-ä€𝄞", "\x01\xff raw"} {
		text := secret.New(s)
		said := []string{s, "x" + s + "y", strings.ToUpper(s), strings.ToLower(s), hex.EncodeToString([]byte(s)), fmt.Sprintf("%X", s),
			url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), fmt.Sprintf("%q", s), fmt.Sprintf("%+q", s),
			`LOGIN ann "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`}
		for before := range 7 {
			for after := range 4 {
				for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
					said = append(said, enc.EncodeToString([]byte("\x00user12"[:before]+s+"tail"[:after])))
				}
			}
		}
		for _, words := range said {
			require.True(t, text.In("NO cannot "+words+" here"), "%q shows %q", words, s)
		}
		require.False(t, text.In(""))
		for _, words := range []string{"NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
			"535-5.7.8 Username and Password not accepted. https://support.google.com/mail/?p=BadCredentials 4fb4d7f45d1cf-5c7b0f1si1234567a12.34 - gsmtp"} {
			require.False(t, text.In(words), "%q in %q", s, words)
		}
	}
	require.False(t, secret.Text{}.In("anything"))
}

// A line that was cut shows a good part.
func TestInSeesAPart(t *testing.T) {
	text := secret.New("correct horse battery staple")
	require.True(t, text.In("BAD LOGIN ann correct horse ba"))
	require.True(t, text.In("BAD "+base64.StdEncoding.EncodeToString([]byte("\x00ann\x00correct horse battery staple"))[:36]))
	require.False(t, text.In("the battery is low"))
}

func BenchmarkIn(b *testing.B) {
	text := secret.New("correct horse battery staple")
	for b.Loop() {
		text.In("250 2.0.0 Ok: queued as 4fb4d7f45d1cf")
	}
}
