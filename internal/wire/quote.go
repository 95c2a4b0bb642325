package wire

import (
	"fmt"
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
	text = strings.TrimSpace(text)
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		piece := text[:size]
		switch {
		case r == utf8.RuneError && size == 1:
			piece = fmt.Sprintf(`\x%02x`, text[0])
		case r == '\n':
			piece = `\n`
		case r == '\r':
			piece = `\r`
		case r == '\t':
			piece = `\t`
		case r < 0x80 && !unicode.IsPrint(r):
			piece = fmt.Sprintf(`\x%02x`, r)
		case !unicode.IsPrint(r):
			piece = fmt.Sprintf(`\u%04x`, r)
		}
		text = text[size:]
		room := maxQuote
		if len(text) > 0 {
			room -= len(more)
		}
		if b.Len()+len(piece) > room {
			// The last piece may not fit before the mark only because of it.
			return b.String() + more
		}
		b.WriteString(piece)
	}
	return b.String()
}
