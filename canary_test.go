package serversync_test

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A canary is a secret that is found again, in whatever form it gets out: its two
// halves of letters are the same however it is quoted, and eight characters of one
// are enough.
type canary struct {
	word    string
	needles []needle
}

type needle struct {
	form, text string
	exact      bool // case counts
}

// newCanary returns a canary of its own for each name.
func newCanary(name string) canary {
	sum := sha256.Sum256([]byte("canary " + name))
	letters := base32.StdEncoding.EncodeToString(sum[:])
	halves := []string{letters[:6] + strings.ToLower(letters[6:12]), strings.ToLower(letters[12:18]) + letters[18:24]}
	c := canary{word: halves[0] + `"<&+/ %\=` + halves[1]}
	for _, half := range halves {
		for i := range len(half) - 7 {
			c.look(half[i : i+8])
		}
	}
	return c
}

// look adds the forms of a part.
func (c *canary) look(part string) {
	add := func(form, text string) {
		c.needles = append(c.needles, needle{form: form, text: strings.ToLower(text)})
	}
	backward := []byte(part)
	slices.Reverse(backward)
	add("plain", part)
	add("reversed", string(backward))
	add("hex", hex.EncodeToString([]byte(part)))
	for form, verb := range map[string]string{"spaced hex": "%02x ", "Go hex": "0x%x, ", "decimal": "%d ", "JSON decimal": "%d,", "Go decimal": "%d, ",
		"escaped hex": `\x%02x`, "escaped Unicode": `\u%04x`, "percent": "%%%02x", "quoted-printable": "=%02x", "entity": "&#%d;", "hex entity": "&#x%x;"} {
		all := ""
		for _, b := range []byte(part) {
			all += fmt.Sprintf(verb, b)
		}
		add(form, strings.TrimRight(all, ", "))
	}
	for before := range 3 {
		// Where the part begins within three bytes decides how it looks; its first
		// and last characters may hold a neighbour's bits.
		coded := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00\x00"[:before] + part))
		coded = coded[(before*8+5)/6 : (before+len(part))*8/6]
		c.needles = append(c.needles, needle{fmt.Sprintf("base64 at %d", before), coded, true})
	}
}

// find returns the forms in which text shows c.
func (c canary) find(text string) (forms []string) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text) // base64 for URLs; a half has neither
	joined := strings.NewReplacer("\r", "", "\n", "", `\r`, "", `\n`, "").Replace(text)
	all := []string{text, strings.ToLower(text), joined, strings.ToLower(joined)}
	for _, n := range c.needles {
		for i, text := range all {
			if (i%2 == 0) == n.exact && strings.Contains(text, n.text) {
				forms = append(forms, n.form)
			}
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// none fails the test if text shows one of the canaries.
func none(t *testing.T, where, text string, canaries ...canary) {
	t.Helper()
	for _, c := range canaries {
		if forms := c.find(text); len(forms) > 0 {
			t.Errorf("%s shows %s, as %v: %.2000q", where, c.word, forms, text)
		}
	}
}

// The search finds what is planted, and nothing else.
func TestCanaryIsFound(t *testing.T) {
	c, other := newCanary("one"), newCanary("two")
	require.NotEqual(t, c.word, other.word)
	w := c.word
	doc, err := json.Marshal(map[string]any{"password": w, "bytes": []byte(w)})
	require.NoError(t, err)
	var printable strings.Builder
	q := quotedprintable.NewWriter(&printable)
	q.Write([]byte(strings.Repeat("é", 30) + w))
	q.Close()
	backward := []byte(w)
	slices.Reverse(backward)
	planted := map[string]string{
		"plain": w, "upper": strings.ToUpper(w), "lower": strings.ToLower(w), "reversed": string(backward), "first half": w[:9], "last half": w[len(w)-8:],
		"url": url.QueryEscape(w), "path": url.PathEscape(w), "html": html.EscapeString(w), "json": string(doc), "printable": printable.String(),
		"quoted": fmt.Sprintf("%q %+q", w, w), "imap": `A1 LOGIN ann "` + strings.ReplaceAll(w, `"`, `\"`) + `"`,
		"hex": hex.EncodeToString([]byte(w)), "HEX": fmt.Sprintf("%X", w), "spaced hex": fmt.Sprintf("% x", w), "0x": fmt.Sprintf("%#x", w),
		"bytes": fmt.Sprint([]byte(w)), "Go bytes": fmt.Sprintf("%#v", []byte(w)), "runes": fmt.Sprint([]rune(w)), "Go runes": fmt.Sprintf("%#v", []rune(w)),
		"wrapped error": fmt.Sprintf("%v", fmt.Errorf("a: %w", fmt.Errorf("b: %s", w))),
	}
	for before := range 6 {
		for after := range 3 {
			for name, enc := range map[string]*base64.Encoding{"std": base64.StdEncoding, "url": base64.URLEncoding, "raw": base64.RawStdEncoding} {
				err := fmt.Errorf("535 no such command: AUTH PLAIN %s", enc.EncodeToString([]byte("\x00abcdef"[:before]+w+"\x00z"[:after])))
				planted[fmt.Sprintf("base64 %s %d %d", name, before, after)] = fmt.Sprintf("%+v", err)
			}
		}
	}
	folded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 40) + w))
	planted["folded base64"] = folded[:60] + "\r\n" + folded[60:]
	for name, text := range planted {
		require.NotEmpty(t, c.find("before "+text+" after"), "%s: %q", name, text)
		require.Empty(t, other.find(text), name)
	}
	require.Empty(t, c.find("the server said NO [AUTHENTICATIONFAILED] that is not the password REDACTED"))
}
