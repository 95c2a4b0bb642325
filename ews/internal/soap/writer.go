package soap

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-serversync/serversync/item"
)

// A Writer puts a message together. Names have the prefixes s, m, t and e; attributes are given
// as names and values in turn. What XML cannot hold is left out of values. The zero
// Writer is ready for use.
type Writer struct {
	buf   bytes.Buffer
	parts []part // what is before buf
	open  []string
	size  int64 // of parts
}

// A part is text, or a Blob that becomes base64.
type part struct {
	text []byte
	blob *item.Blob
}

// Start begins an element.
func (w *Writer) Start(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf.WriteByte('>')
	w.open = append(w.open, name)
}

func (w *Writer) tag(name string, attrs []string) {
	w.buf.WriteByte('<')
	w.buf.WriteString(name)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.buf.WriteByte(' ')
		w.buf.WriteString(attrs[i])
		w.buf.WriteString(`="`)
		w.escape(attrs[i+1], true)
		w.buf.WriteByte('"')
	}
}

// End ends the innermost element.
func (w *Writer) End() {
	last := len(w.open) - 1
	w.buf.WriteString("</")
	w.buf.WriteString(w.open[last])
	w.buf.WriteByte('>')
	w.open = w.open[:last]
}

// Empty writes an element without content.
func (w *Writer) Empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf.WriteString("/>")
}

// Elem writes an element with text.
func (w *Writer) Elem(name, text string, attrs ...string) {
	w.Start(name, attrs...)
	w.escape(text, false)
	w.End()
}

// Base64 writes an element with blob as base64, which is encoded when the message is
// read. The blob must not be released before.
func (w *Writer) Base64(name string, blob *item.Blob, attrs ...string) {
	w.Start(name, attrs...)
	w.cut()
	w.parts = append(w.parts, part{blob: blob})
	w.size += int64(base64.StdEncoding.EncodedLen(int(blob.Size())))
	w.End()
}

func (w *Writer) cut() {
	text := bytes.Clone(w.buf.Bytes())
	w.parts = append(w.parts, part{text: text})
	w.size += int64(len(text))
	w.buf.Reset()
}

// escape writes text so that it is read as it was.
func (w *Writer) escape(s string, attribute bool) {
	from := 0
	for i := 0; i < len(s); {
		c, size := utf8.DecodeRuneInString(s[i:])
		with := ""
		switch {
		case c == '&':
			with = "&amp;"
		case c == '<':
			with = "&lt;"
		case c == '>':
			with = "&gt;"
		case c == '\r':
			with = "&#xD;"
		case attribute && c == '"':
			with = "&quot;"
		case attribute && c == '\n':
			with = "&#xA;"
		case attribute && c == '\t':
			with = "&#x9;"
		case c == utf8.RuneError && size == 1, !isCharacter(c): // left out
		default:
			i += size
			continue
		}
		w.buf.WriteString(s[from:i])
		w.buf.WriteString(with)
		i += size
		from = i
	}
	w.buf.WriteString(s[from:])
}

// Clean returns s without what XML cannot hold, as a Writer writes it: what is compared with
// what a server has must be compared so.
func Clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !isCharacter(c) {
			return -1
		}
		return c
	}, s)
}

// Size returns how many bytes the message has.
func (w *Writer) Size() int64 { return w.size + int64(w.buf.Len()) }

// Open returns a reader of the whole message. It may be called again, for a message
// that is sent again. The Writer must not be written to meanwhile.
func (w *Writer) Open() io.ReadCloser {
	readers := make([]io.Reader, 0, len(w.parts)+1)
	for _, p := range w.parts {
		if p.blob != nil {
			readers = append(readers, newEncoder(p.blob.Open()))
		} else {
			readers = append(readers, bytes.NewReader(p.text))
		}
	}
	return io.NopCloser(io.MultiReader(append(readers, bytes.NewReader(w.buf.Bytes()))...))
}

// An encoder encodes what it reads as base64.
type encoder struct {
	from io.Reader
	raw  []byte
	out  []byte
	left []byte
	err  error
}

func newEncoder(from io.Reader) *encoder { return &encoder{from: from} }

func (e *encoder) Read(p []byte) (int, error) {
	if len(e.left) == 0 && e.err == nil {
		if e.raw == nil {
			e.raw = make([]byte, decodedSize)
			e.out = make([]byte, base64.StdEncoding.EncodedLen(decodedSize))
		}
		var n int
		n, e.err = io.ReadFull(e.from, e.raw)
		if e.err == io.ErrUnexpectedEOF {
			e.err = io.EOF
		}
		e.left = e.out[:base64.StdEncoding.EncodedLen(n)]
		base64.StdEncoding.Encode(e.left, e.raw[:n])
	}
	if len(e.left) == 0 {
		return 0, e.err
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}
