package secret_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

// What is repeated is seen in every form that servers and encoders make of it.
func TestInSeesEveryForm(t *testing.T) {
	for _, s := range []string{"hunter2", "p4ss", "correct horse battery staple", `q"uo\te<&>+/ %=`, "geheim-ä€𝄞", "\x01\xff raw", "p\t\"z"} {
		text := secret.New(s)
		said := []string{s, "x" + s + "y", strings.ToUpper(s), strings.ToLower(s), hex.EncodeToString([]byte(s)), fmt.Sprintf("%X", s),
			url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), fmt.Sprintf("%q", s), fmt.Sprintf("%+q", s),
			`LOGIN ann "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`, backward(s), printable(t, s)}
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

func backward(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func printable(t *testing.T, s string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	w.Binary = true
	_, err := w.Write([]byte(s))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// A short secret is seen whole and not in part, in which it would be everywhere.
func TestInSeesAShortOneWhole(t *testing.T) {
	for s, forms := range map[string][]string{
		"pä\x01z":    {`pä\x01z`, `p\u00e4\x01z`, `pä\u0001z`, "p=C3=A4=01z"},
		"p\t\"z":     {"p\t\\\"z", `p\t\"z`, `p%09%22z`, "p\t&#34;z", "p=09\"z"},
		`p"\z`:       {`p\"\\z`, `z\"p`, "70225c7a"},
		"p=~ z":      {"p=3D~ z", "p%3D~+z", "p=~%20z", "p=~ z"},
		"p\t\\z":     {"p\t\\\\z"},
		"pä":         {`p\u00e4`, "p=C3=A4"},
		"p\x01":      {`p\x01`, `p\u0001`},
		"p\x1f\x7fz": {"p=1F=7Fz"},
		"p4ss":       {"cDRzc", "A0c3", "wNHNz"},
		"abc":        {"YWJj"},
	} {
		for _, form := range forms {
			require.True(t, secret.New(s).In("NO "+form+" here"), "%q shows %q", form, s)
			require.False(t, secret.New(s).In("NO "+form[1:]+" here"), "%q without its first shows %q", form, s)
			require.False(t, secret.New(s).In("NO "+form[:len(form)-1]+" here"), "%q without its last shows %q", form, s)
		}
	}
	require.False(t, secret.New("abc").In("FiY"), "two characters of it, between others")
	require.False(t, secret.New("ab").In("YW"))
}

// A line that was cut shows a good part.
func TestInSeesAPart(t *testing.T) {
	text := secret.New("correct horse battery staple")
	require.True(t, text.In("BAD LOGIN ann correct horse ba"))
	require.True(t, text.In("BAD "+base64.StdEncoding.EncodeToString([]byte("\x00ann\x00correct horse battery staple"))[:36]))
	require.False(t, text.In("the battery is low"))
	for s, part := range map[string]int{"abcdefghijklmnopqrstuvwxyz0123": 16, "abcdefghijklmnopqrstuvwxyz01234": 16, "abcdefghijklmnopqrst": 12, "abcdefghijkl": 12} {
		require.True(t, secret.New(s).In("NO "+s[:part]), "%d of %d", part, len(s))
		require.False(t, secret.New(s).In("NO "+s[:part-1]), "%d of %d", part-1, len(s))
		require.True(t, secret.New(s).In(s[len(s)-part:]+" NO"))
	}
}

func BenchmarkIn(b *testing.B) {
	text := secret.New("correct horse battery staple")
	for b.Loop() {
		text.In("250 2.0.0 Ok: queued as 4fb4d7f45d1cf")
	}
}
