package item

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A headerWriter writes header lines, folded and in ASCII. Its callers have
// refused CR, LF and NUL.
type headerWriter struct{ lines []string }

// foldAt is where lines are folded (RFC 5322, section 2.1.1).
const foldAt = 76

// token writes a value that is ASCII and needs no folding.
func (h *headerWriter) token(name, value string) {
	h.words(name, strings.Split(value, " "))
}

// words writes words with a space or a fold between them. No word may be longer
// than a line.
func (h *headerWriter) words(name string, words []string) {
	var b strings.Builder
	b.WriteString(name)
	b.WriteByte(':')
	col := b.Len()
	for i, w := range words {
		if i > 0 && col+1+len(w) > foldAt {
			b.WriteString("\r\n")
			col = 0
		}
		b.WriteByte(' ')
		b.WriteString(w)
		col += 1 + len(w)
	}
	b.WriteString("\r\n")
	h.lines = append(h.lines, b.String())
}

// text writes free text, encoded if it must be (RFC 2047).
func (h *headerWriter) text(name, value string) {
	h.words(name, textWords(value))
}

// textWords returns value as words to put spaces between.
func textWords(value string) []string {
	if isPlainText(value) {
		return strings.Split(value, " ")
	}
	return encodedWords(value)
}

// isPlainText reports whether s can stand in a header as it is: printable ASCII
// with single spaces, no word so long that it could not be folded, and nothing that
// a reader would take for an encoded word.
func isPlainText(s string) bool {
	word := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c > '~' || c < ' ':
			return false
		case c == ' ':
			if word == 0 {
				return false
			}
			word = 0
		default:
			if word++; word > 900 {
				return false
			}
		}
	}
	return !strings.Contains(s, "=?") && (s == "" || word > 0)
}

// encodedWords returns s as encoded words of at most 75 characters. Each holds whole
// characters (RFC 2047, section 5).
func encodedWords(s string) []string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	high := 0
	for i := range len(s) {
		if s[i] >= 0x80 {
			high++
		}
	}
	if 3*high > 2*len(s) { // no Latin script, of which nothing would be readable
		return base64Words(s)
	}
	return quotedWords(s)
}

func base64Words(s string) []string {
	var words []string
	for s != "" {
		piece := cut(s, 45)
		s = s[len(piece):]
		words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(piece))+"?=")
	}
	return words
}

func quotedWords(s string) []string {
	const most = 75 - len("=?utf-8?Q??=")
	var words []string
	var b strings.Builder
	for len(s) > 0 {
		_, size := utf8.DecodeRuneInString(s)
		code := quoteRune(s[:size])
		if b.Len()+len(code) > most {
			words = append(words, "=?utf-8?Q?"+b.String()+"?=")
			b.Reset()
		}
		b.WriteString(code)
		s = s[size:]
	}
	return append(words, "=?utf-8?Q?"+b.String()+"?=")
}

// quoteRune encodes a character so that it may stand anywhere, in a name as well
// (RFC 2047, section 5, rule 3).
func quoteRune(r string) string {
	if c := r[0]; len(r) == 1 {
		switch {
		case c == ' ':
			return "_"
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', strings.IndexByte("!*+-/", c) >= 0:
			return r
		}
	}
	var b strings.Builder
	for i := range len(r) {
		fmt.Fprintf(&b, "=%02X", r[i])
	}
	return b.String()
}

// addresses writes an address list, or nothing for none.
func (h *headerWriter) addresses(name string, list ...Address) {
	if len(list) == 0 {
		return
	}
	var words []string
	for i, a := range list {
		addr := a.Addr
		if a.Name != "" {
			words = append(words, phrase(a.Name)...)
			addr = "<" + addr + ">"
		}
		if i < len(list)-1 {
			addr += ","
		}
		words = append(words, addr)
	}
	h.words(name, words)
}

// phrase returns a display name as words.
func phrase(name string) []string {
	const long = 60
	if !isPlainText(name) || len(name) > long {
		return encodedWords(name)
	}
	for _, w := range strings.Split(name, " ") {
		if !isDotAtom(w, atomPunctuation) || strings.Contains(w, ".") {
			quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
			return []string{`"` + quoted + `"`}
		}
	}
	return strings.Split(name, " ")
}

// ids writes ids in angle brackets, or nothing for none.
func (h *headerWriter) ids(name string, ids ...string) {
	var words []string
	for _, id := range ids {
		if id != "" {
			words = append(words, "<"+id+">")
		}
	}
	if len(words) > 0 {
		h.words(name, words)
	}
}

// disposition writes Content-Disposition with the name of the file (RFC 2183; RFC
// 2231 where it is long or beyond ASCII).
func (h *headerWriter) disposition(value, name string) {
	words := []string{value}
	switch {
	case name == "":
	case isPlainText(name) && len(name) <= 60:
		words[0] += ";"
		words = append(words, `filename="`+name+`"`) // cleaned: without quotes and backslashes
	default:
		words[0] += ";"
		code := percentEncode(name)
		if len(code) <= 50 {
			words = append(words, "filename*=utf-8''"+code)
			break
		}
		for n := 0; code != ""; n++ {
			piece := code[:min(len(code), 48)]
			// Not within %41.
			if i := strings.LastIndexByte(piece, '%'); i > len(piece)-3 && len(piece) < len(code) {
				piece = piece[:i]
			}
			code = code[len(piece):]
			end := ";"
			if code == "" {
				end = ""
			}
			charset := ""
			if n == 0 {
				charset = "utf-8''"
			}
			words = append(words, fmt.Sprintf("filename*%d*=%s%s%s", n, charset, piece, end))
		}
	}
	h.words("Content-Disposition", words)
}

// percentEncode encodes what is no attribute character (RFC 2231, section 7).
func percentEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`{|}~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
