package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// In reports whether text shows t: as it is, in other case, reversed, in hex,
// base64 wherever in an encoded text it may stand, escaped as in a URL, JSON, HTML,
// quoted-printable or a quoted string, or a good part of one of these, as of a line
// that was cut. It is for what others wrote and we are about to repeat, such as the answer of a
// server that quotes the command it refused. An empty t is in nothing.
//
// It meets carelessness. Who has the secret and means to spread it can spell it in
// ways that nothing recognizes.
func (t Text) In(text string) bool {
	s := t.Reveal()
	if s == "" || len(s) > longForm && len(s)/8 > len(text) { // no form of it is so much shorter
		return false
	}
	folded := strings.ToLower(text)
	for _, form := range append(plainForms(s), base64Forms(s)...) {
		if holdsPart(folded, strings.ToLower(form)) {
			return true
		}
	}
	return false
}

// longForm is from where on it is worth not to write down all forms of a secret.
const longForm = 1 << 10

// holdsPart reports whether text holds form, or more than half of it if that is
// long enough to be no accident.
func holdsPart(text, form string) bool {
	n := min(len(form), max(12, len(form)/2+1))
	// Whatever has n characters of form has those in its middle. Only where they stand is the rest looked at:
	// a server that answers much must not have us look for each part in all of it.
	from, to := len(form)-n, n
	for at := 0; at+n <= len(text)+from; {
		i := strings.Index(text[at:], form[from:to])
		if i < 0 {
			return false
		}
		left, right := at+i, at+i+to-from
		for k := from; k > 0 && left > 0 && text[left-1] == form[k-1]; k-- {
			left--
		}
		for k := to; k < len(form) && right < len(text) && text[right] == form[k]; k++ {
			right++
		}
		if right-left >= n {
			return true
		}
		at += i + 1
	}
	return false
}

// plainForms returns the ways to write s character by character.
func plainForms(s string) []string {
	doc, _ := json.Marshal(s)
	backward := []byte(s)
	slices.Reverse(backward)
	quoted, ascii := strconv.Quote(s), strconv.QuoteToASCII(s)
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) // IMAP's quoted string
	forms := []string{s, string(backward), hex.EncodeToString([]byte(s)), url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s),
		string(doc[1 : len(doc)-1]), quoted[1 : len(quoted)-1], ascii[1 : len(ascii)-1], escaped, quotedPrintable(s)}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// quotedPrintable writes what of s is not printable ASCII, and its equals signs, as
// in =3D (RFC 2045, section 6.7).
func quotedPrintable(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '=' {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// base64Forms returns what of s shows in base64 wherever it stands in the encoded
// text: where it begins within three bytes decides, and the first and last
// characters may hold a neighbour's bits. What is left of a very short one would be
// found everywhere.
func base64Forms(s string) (forms []string) {
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			coded := enc.EncodeToString(append(make([]byte, before), s...))
			first, last := (before*8+5)/6, (before+len(s))*8/6
			if last-first >= 4 {
				forms = append(forms, coded[first:last])
			}
		}
	}
	return forms
}
