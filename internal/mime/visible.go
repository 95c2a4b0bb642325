package mime

import (
	"io"
	"unicode"
	"unicode/utf8"
)

// A WordWriter writes the words of a text to W, each followed by one space. How
// white space runs between them, and marks of quotation at the start of a line, do
// not show. Its input is whole runes of UTF-8 with \n line ends.
type WordWriter struct {
	W io.Writer

	// Quotes says that ">" at the start of a line marks a quotation.
	Quotes bool

	// DelSp says that a single space before a line end is none (RFC 3676, section
	// 4.2).
	DelSp bool

	buf     []byte
	inWord  bool
	started bool // the line has something other than quotation marks
	spaces  int  // since the last word, for DelSp
}

// Reset readies w for another text. It keeps only W.
func (w *WordWriter) Reset() { *w = WordWriter{W: w.W, buf: w.buf[:0]} }

// Values of wordClass.
const (
	ordinary = iota
	space    // white space
	maybe    // the first byte of a rune that may be white space
)

var wordClass = func() (t [256]byte) {
	for _, c := range " \t\n\r\v\f" {
		t[c] = space
	}
	// U+0085 and U+00A0; U+1680; U+2000 to U+205F; U+3000.
	t[0xC2], t[0xE1], t[0xE2], t[0xE3] = maybe, maybe, maybe, maybe
	return t
}()

// Text takes the next run of text.
func (w *WordWriter) Text(b []byte) {
	const piece = 4 << 10
	for len(b) > piece {
		n := piece
		for !utf8.RuneStart(b[n]) {
			n--
		}
		w.piece(b[:n])
		b = b[n:]
	}
	w.piece(b)
}

// piece takes a short run, whose words surely fit in the buffer with their spaces.
func (w *WordWriter) piece(b []byte) {
	if len(w.buf) > 4<<10 {
		w.Flush()
	}
	for i := 0; i < len(b); {
		if w.Quotes && !w.started && (b[i] == '>' || b[i] == ' ') {
			w.Break()
			i++
			continue
		}
		start := i
		for i < len(b) && wordClass[b[i]] == ordinary {
			i++
		}
		if i > start {
			w.add(b[start:i])
			continue
		}
		size := 1
		if wordClass[b[i]] == maybe {
			var r rune
			if r, size = utf8.DecodeRune(b[i:]); !unicode.IsSpace(r) {
				w.add(b[i : i+size])
				i += size
				continue
			}
		}
		w.space(b[i])
		i += size
	}
}

func (w *WordWriter) add(b []byte) {
	if w.spaces > 0 {
		w.Break()
	}
	w.buf = append(w.buf, b...)
	w.inWord, w.started = true, true
}

func (w *WordWriter) space(c byte) {
	if !w.DelSp {
		if w.inWord {
			w.buf = append(w.buf, ' ')
			w.inWord = false
		}
		w.started = w.started && c != '\n'
		return
	}
	if c != '\n' {
		w.spaces++
		return
	}
	w.started = false
	if w.spaces == 1 && !w.endsInSignature() {
		w.spaces = 0
		return
	}
	w.Break()
}

// endsInSignature reports whether the last word is "--", after which a line end is
// one (RFC 3676, section 4.3).
func (w *WordWriter) endsInSignature() bool {
	n := len(w.buf)
	return n >= 2 && w.buf[n-1] == '-' && w.buf[n-2] == '-' && (n == 2 || w.buf[n-3] == ' ')
}

// Break ends the word, if there is one.
func (w *WordWriter) Break() {
	w.spaces = 0
	if w.inWord {
		w.buf = append(w.buf, ' ')
		w.inWord = false
	}
}

// Flush writes what is held back, but for the few bytes endsInSignature looks at.
func (w *WordWriter) Flush() {
	n := max(0, len(w.buf)-3)
	w.W.Write(w.buf[:n]) // a hash: it does not fail
	w.buf = append(w.buf[:0], w.buf[n:]...)
}

// Close ends the last word and writes it.
func (w *WordWriter) Close() {
	w.Break()
	w.started = false
	w.W.Write(w.buf)
	w.buf = w.buf[:0]
}
