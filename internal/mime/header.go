package mime

import (
	"bytes"
	"unicode/utf8"
)

// A Field is a header field, unfolded: each fold became one space. Its bytes are
// the parser's and hold until the next header is read.
type Field struct {
	Name  []byte
	Value []byte // trimmed; bytes as sent, but for a lone CR, which is a space
}

// Is reports whether f's name is name, which must be in lower case.
func (f Field) Is(name string) bool { return equalFold(f.Name, name) }

// equalFold reports whether b is lower, which is in lower case, with ASCII letters
// in either case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range len(b) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// A header is one header block being read. Fields refer to text by offsets, as
// text moves while it grows.
type header struct {
	text   []byte
	spans  []span
	fields []Field
}

type span struct {
	name, colon, end int // offsets
	most             int // where end must stop
}

// longName is the longest field name believed to be one.
const longName = 255

// nameLen returns the length of the field name that line starts with, with the
// white space that some put before the colon, or 0 if line is no field.
func nameLen(line []byte) int {
	for i, c := range line {
		switch {
		case c == ':':
			return i
		case i > longName || c > '~' || c < ' ' && c != '\t':
			return 0
		case c == ' ' || c == '\t':
			rest := i
			for rest < len(line) && isBlank(line[rest]) {
				rest++
			}
			if i == 0 || rest == len(line) || line[rest] != ':' {
				return 0
			}
			return rest
		}
	}
	return 0
}

// readHeader reads the block ahead into p.head: fields up to a blank line, which
// it moves past, or up to a boundary or the body, which it does not.
//
// A line that is no field is left out if a field, a blank line or the end follows.
// If not, the body starts there: nobody gets two lines of a header wrong, but many
// forget the blank line.
func (p *Parser) readHeader() []Field {
	h := &p.head
	h.text, h.spans, h.fields = h.text[:0], h.spans[:0], h.fields[:0]
	last := -1 // what a continuation line belongs to: a span's index, or -1
	for {
		line, size, ok := p.src.line()
		p.work += int64(len(line))
		if !ok || p.atBoundary(line, size) {
			break
		}
		if len(line) == 0 && size > 0 {
			p.src.skip(size)
			break
		}
		switch {
		case isBlank(line[0]) && len(h.spans)+p.dropped > 0:
			p.continueField(last)
		case nameLen(line) > 0:
			last = p.addField(line[:nameLen(line)])
		default:
			if p.bodyFollows(size) {
				p.flag(NoBlankLine)
				return p.sealHeader()
			}
			p.flag(BadLine)
			p.src.skipLine(nil)
			last = -1
		}
	}
	return p.sealHeader()
}

// bodyFollows reports whether the line after the one ahead, which takes size bytes
// and is no field, is no field either.
func (p *Parser) bodyFollows(size int) bool {
	if size == 0 {
		return true // longer than any line that somebody meant as a field
	}
	w := p.src.window(2 * lookahead)
	w = w[:min(len(w), 2*lookahead)]
	if size >= len(w) {
		return len(p.head.spans) == 0 // nothing but this line: it is the body
	}
	next, n := firstLine(w[size:], p.src.eol)
	next = trimCR(next)
	p.work += int64(len(next))
	if len(next) == 0 {
		// A single line and then a blank one. After fields it is a broken field;
		// without any it is a paragraph.
		return len(p.head.spans) == 0
	}
	if isBlank(next[0]) {
		return len(p.head.spans) == 0
	}
	return nameLen(next) == 0 && !p.atBoundary(next, n)
}

// addField reads the field ahead, whose line starts with name, and returns its
// index, or -1 if it is over the limits.
func (p *Parser) addField(name []byte) int {
	h := &p.head
	start := len(h.text)
	if len(h.spans) >= p.limits.Fields || start+len(name) >= p.limits.Header {
		p.flag(HeaderCut)
		p.dropped++
		p.src.skipLine(nil)
		return -1
	}
	most := p.limits.Header
	if !isAddressList(trimSpace(name)) {
		most = min(most, start+len(name)+1+p.limits.Field)
	}
	p.src.skipLine(func(b []byte) { p.keep(b, most) })
	h.spans = append(h.spans, span{start, start + len(name), len(h.text), most})
	return len(h.spans) - 1
}

// continueField reads the continuation line ahead into the field at index i.
func (p *Parser) continueField(i int) {
	if i < 0 {
		p.src.skipLine(nil)
		return
	}
	h := &p.head
	f := &h.spans[i]
	for f.end > f.colon+1 && isBlank(h.text[f.end-1]) {
		f.end--
	}
	h.text = h.text[:f.end]
	lead := true
	p.src.skipLine(func(b []byte) {
		for lead && len(b) > 0 && isBlank(b[0]) {
			b = b[1:]
		}
		if lead && len(b) > 0 {
			lead = false
			p.keep([]byte{' '}, f.most)
		}
		p.keep(b, f.most)
	})
	f.end = len(h.text)
}

// isAddressList reports whether the field name is one whose value may fill the
// header: to lose a recipient is worse than the memory.
func isAddressList(name []byte) bool {
	for _, list := range [...]string{"to", "cc", "bcc", "from", "sender", "reply-to"} {
		if equalFold(name, list) {
			return true
		}
	}
	return false
}

// keep appends b to the header's text, which may become most bytes long.
func (p *Parser) keep(b []byte, most int) {
	h := &p.head
	p.work += int64(len(b))
	if room := most - len(h.text); len(b) > room {
		b = b[:max(room, 0)]
		p.flag(FieldCut)
	}
	at := len(h.text)
	h.text = append(h.text, b...)
	for i := bytes.IndexByte(h.text[at:], '\r'); i >= 0; i = bytes.IndexByte(h.text[at:], '\r') {
		h.text[at+i] = ' '
		at += i + 1
	}
}

// sealHeader turns the offsets into fields.
func (p *Parser) sealHeader() []Field {
	h := &p.head
	for _, s := range h.spans {
		colon := min(s.colon, s.end)
		value := h.text[min(colon+1, s.end):s.end]
		if s.end == s.most {
			value = trimRune(value)
		}
		h.fields = append(h.fields, Field{trimSpace(h.text[s.name:colon]), trimSpace(value)})
	}
	return h.fields
}

// trimRune takes a rune that was cut in two off the end of b.
func trimRune(b []byte) []byte {
	for i := 1; i <= 3 && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}
