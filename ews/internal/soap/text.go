package soap

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns the text of e, of most bytes at most, and reads e to its end. Elements in
// it are passed over. Longer text is ErrTooLarge. Text that may be longer than an attribute's value
// does not count against the document's bytes.
func (r *Reader) Text(e Element, most int) string {
	r.free = most > r.limits.Value
	defer func() { r.free = false }()
	r.held = r.held[:0]
	for {
		b, ok := r.run(e)
		if !ok {
			break
		}
		if len(r.held)+len(b) > most {
			r.tooLarge("the text of " + e.Name.Local)
			break
		}
		r.held = append(r.held, b...)
	}
	if r.err != nil {
		return ""
	}
	b := clean(r.held)
	if len(b) <= 32 {
		return r.intern(b)
	}
	s := string(b)
	if cap(r.held) > 2*bufferSize {
		r.held = nil
	}
	return s
}

// run returns the next of the text that is in e itself, which is there until the next
// call; false at the end of e. It is as it was written, but for references.
func (r *Reader) run(e Element) ([]byte, bool) {
	for r.err == nil && len(r.open) > e.depth {
		switch {
		case r.empty:
			r.close()
			continue
		case len(r.open) > e.depth+1:
			r.step()
			continue
		}
		if r.at == r.n && !r.fill() {
			return nil, false
		}
		if r.cdata {
			if b := r.section(); len(b) > 0 {
				return b, true
			}
			continue
		}
		b := r.buf[r.at:r.n]
		if i := bytes.IndexByte(b, '<'); i >= 0 {
			b = b[:i]
		}
		if i := bytes.IndexByte(b, '&'); i >= 0 {
			b = b[:i]
		}
		if len(b) > 0 {
			r.at += len(b)
			if !r.free {
				r.spend(len(b))
			}
			return b, true
		}
		if r.get() == '&' {
			return r.entity(), true
		}
		r.tag()
	}
	return nil, false
}

// section returns more of a section of CDATA.
func (r *Reader) section() []byte {
	b := r.buf[r.at:r.n]
	if i := bytes.IndexByte(b, ']'); i > 0 {
		b = b[:i]
	} else if i == 0 {
		return r.brackets()
	}
	r.at += len(b)
	if !r.free {
		r.spend(len(b))
	}
	return b
}

// brackets reads one or more ']' in a section of CDATA, and its end if they are that.
func (r *Reader) brackets() []byte {
	n := 0
	for r.err == nil && r.peek() == ']' {
		r.get()
		n++
	}
	if r.err == nil && n >= 2 && r.peek() == '>' {
		r.get()
		r.cdata = false
		n -= 2
	}
	return bytes.Repeat([]byte("]"), n)
}

// entity reads what follows an '&', and returns what it stands for. What is no reference
// stands for itself. Exchange writes what is beyond 16 bits as two references, one for each half
// of a surrogate pair.
func (r *Reader) entity() []byte {
	c, text := r.reference()
	if !utf16.IsSurrogate(c) || r.err != nil || r.peek() != '&' {
		return r.single(c, text)
	}
	r.get()
	low, text := r.reference()
	if pair := utf16.DecodeRune(c, low); pair != utf8.RuneError {
		return r.single(pair, "")
	}
	return append(r.single(c, ""), string(r.single(low, text))...)
}

func (r *Reader) single(c rune, text string) []byte {
	if text != "" {
		return []byte(text)
	}
	if !isCharacter(c) {
		c = utf8.RuneError
	}
	return utf8.AppendRune(nil, c)
}

// maxReference is how many bytes a reference may have.
const maxReference = 12

// reference reads what follows an '&': the character that it stands for, or the text if it is
// no reference.
func (r *Reader) reference() (c rune, text string) {
	var name [maxReference]byte
	n := 0
	for ; r.err == nil; n++ {
		b := r.peek()
		if b == ';' {
			r.get()
			break
		}
		if n == len(name) || b != '#' && !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9') {
			return 0, "&" + string(name[:n])
		}
		name[n] = r.get()
	}
	switch s := string(name[:n]); {
	case s == "lt":
		return '<', ""
	case s == "gt":
		return '>', ""
	case s == "amp":
		return '&', ""
	case s == "quot":
		return '"', ""
	case s == "apos":
		return '\'', ""
	case strings.HasPrefix(s, "#x"):
		return number(s[2:], 16)
	case strings.HasPrefix(s, "#"):
		return number(s[1:], 10)
	default:
		return 0, "&" + s + ";"
	}
}

func number(digits string, base int) (rune, string) {
	v, err := strconv.ParseUint(digits, base, 32)
	if err != nil || v > utf8.MaxRune {
		return utf8.RuneError, ""
	}
	return rune(v), ""
}

// isCharacter reports whether XML has c (XML 1.0, section 2.2).
func isCharacter(c rune) bool {
	return c >= 0x20 && c <= 0xd7ff || c == '\t' || c == '\n' || c == '\r' || c >= 0xe000 && c <= 0xfffd || c >= 0x10000 && c <= utf8.MaxRune
}

// clean returns b with U+FFFD in place of what is no character of XML or no UTF-8.
func clean(b []byte) []byte {
	plain := true
	for _, c := range b {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		return b
	}
	var out []byte // only if something is replaced
	for i := 0; i < len(b); {
		c, size := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && size == 1 || !isCharacter(c) {
			if out == nil {
				out = append(make([]byte, 0, len(b)+16), b[:i]...)
			}
			out = utf8.AppendRune(out, utf8.RuneError)
		} else if out != nil {
			out = append(out, b[i:i+size]...)
		}
		i += size
	}
	if out != nil {
		return out
	}
	return b
}
