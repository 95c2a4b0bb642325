package wire

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuote is how long a quotation of a server may be, in bytes.
const maxQuote = 256

// Quote returns a server's text for people and logs: valid UTF-8 on one line, with
// every character that does not print escaped, those that turn the writing
// direction among them, and at most 256 bytes. It is still the server's text: a
// page that shows it must escape it as any other text.
func Quote(text string) string {
	const more = "…"
	var b strings.Builder
	keep := 0 // what fits before the mark
	for text = strings.TrimSpace(text); len(text) > 0; {
		r, size := utf8.DecodeRuneInString(text)
		piece := text[:size]
		switch {
		case r == utf8.RuneError && size == 1, r < 0x80 && !unicode.IsPrint(r) && !strings.ContainsRune("\r\n\t", r):
			piece = fmt.Sprintf(`\x%02x`, text[0])
		case !unicode.IsPrint(r):
			piece = strings.Trim(strconv.QuoteRuneToASCII(r), "'")
		}
		text = text[size:]
		if b.Len()+len(piece) > maxQuote {
			return b.String()[:keep] + more
		}
		b.WriteString(piece)
		if b.Len() <= maxQuote-len(more) {
			keep = b.Len()
		}
	}
	return b.String()
}
