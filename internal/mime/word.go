package mime

import (
	"strings"
	"unicode/utf8"
)

// Words decodes the encoded words in s (RFC 2047), which must be UTF-8. White space
// between two of them goes. What is no encoded word stays as it is. Control
// characters become spaces, so that the result is one line.
func Words(s string) (string, Flags) {
	if !strings.Contains(s, "=?") {
		return clean(s), 0
	}
	w := words{s: s, end: -1}
	w.out = make([]byte, 0, len(s))
	w.run()
	if !utf8.Valid(w.out) {
		return clean(strings.ToValidUTF8(string(w.out), "\uFFFD")), w.flags
	}
	return clean(string(w.out)), w.flags
}

type words struct {
	s       string
	end     int // a place where "?=" stands, or len(s) if it stands nowhere after; -1 not looked yet
	out     []byte
	charset string // of raw
	raw     []byte // decoded bytes of adjacent words, as a character may be split over two
	open    bool   // raw is being gathered
	flags   Flags
}

func (w *words) run() {
	s := w.s
	for i := 0; i < len(s); {
		at := strings.Index(s[i:], "=?")
		if at < 0 {
			w.plain(s[i:])
			break
		}
		at += i
		charset, encoding, text, ok := w.prefix(at)
		if !ok {
			w.plain(s[i : at+2])
			i = at + 2
			continue
		}
		end := w.terminator(text)
		inner := strings.Index(s[text:min(end, len(s))], "=?")
		if end == len(s) || inner >= 0 {
			// Not closed, or another one starts first.
			w.flags |= BadWord
			stop := len(s)
			if inner >= 0 {
				stop = text + inner
			}
			w.plain(s[i:stop])
			i = stop
			continue
		}
		if gap := s[i:at]; !w.open || strings.Trim(gap, " \t") != "" {
			w.plain(gap)
		}
		w.word(charset, encoding, s[text:end])
		i = end + 2
	}
	w.flush()
}

// prefix reads "=?charset?encoding?" at s[at].
func (w *words) prefix(at int) (charset string, encoding byte, text int, ok bool) {
	const longCharset = 64
	rest := w.s[at+2:]
	q := strings.IndexByte(rest[:min(len(rest), longCharset)], '?')
	if q < 0 || len(rest) < q+3 || rest[q+2] != '?' || strings.ContainsAny(rest[:q], " \t") {
		return "", 0, 0, false
	}
	encoding = rest[q+1] | 0x20
	if encoding != 'q' && encoding != 'b' {
		return "", 0, 0, false
	}
	return rest[:q], encoding, at + 2 + q + 3, true
}

// terminator returns where the first "?=" at or after i stands, or len(s). It looks
// at each byte once, however often it is asked.
func (w *words) terminator(i int) int {
	if w.end < i {
		if at := strings.Index(w.s[i:], "?="); at >= 0 {
			w.end = i + at
		} else {
			w.end = len(w.s)
		}
	}
	return w.end
}

// plain writes text that is not encoded.
func (w *words) plain(s string) {
	if s == "" {
		return
	}
	w.flush()
	w.out = append(w.out, s...)
}

func (w *words) word(charset string, encoding byte, text string) {
	if w.open && !strings.EqualFold(charset, w.charset) {
		w.flush()
	}
	w.open, w.charset = true, charset
	if encoding == 'b' {
		var t Transfer
		t.Reset("base64")
		w.raw = t.Close(t.Decode(w.raw, []byte(text)))
		if t.Faults() != 0 {
			w.flags |= BadWord
		}
		return
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '_':
			w.raw = append(w.raw, ' ')
		case c == '=' && i+2 < len(text) && hexDigit(text[i+1]) >= 0 && hexDigit(text[i+2]) >= 0:
			w.raw = append(w.raw, byte(hexDigit(text[i+1])<<4|hexDigit(text[i+2])))
			i += 2
		default:
			if c == '=' {
				w.flags |= BadWord
			}
			w.raw = append(w.raw, c)
		}
	}
}

// flush writes the words gathered.
func (w *words) flush() {
	if !w.open {
		return
	}
	text, ok := DecodeCharset(w.charset, w.raw)
	if !ok {
		w.flags |= BadCharset
	}
	w.out = append(w.out, text...)
	w.open, w.raw = false, w.raw[:0]
}

// clean returns s with a space for each control character and U+FFFD for NUL, for
// values that must stay on one line.
func clean(s string) string {
	bad := false
	for i := 0; i < len(s) && !bad; i++ {
		bad = s[i] < ' ' || s[i] == 0x7F || s[i] == 0xC2 && i+1 < len(s) && s[i+1] < 0xA0 ||
			s[i] == 0xE2 && strings.HasPrefix(s[i:], "\u2028"[:2])
	}
	if !bad {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == 0:
			return utf8.RuneError
		case r < ' ' || r >= 0x7F && r < 0xA0 || r == '\u2028' || r == '\u2029':
			return ' '
		}
		return r
	}, s)
}
