package mime

// A quotedDecoder decodes quoted-printable (RFC 2045, section 6.7). White space
// before a line end was added on the way and is left out. A "=" that encodes
// nothing stays.
type quotedDecoder struct {
	state  quotedState
	high   byte   // the first digit
	blanks []byte // white space that is content only if something follows it
	bad    bool
}

type quotedState byte

const (
	inText  quotedState = iota
	afterEq             // after "="
	inHex               // after "=" and a digit
	inBreak             // after "=" and white space: a soft break, if the line ends
)

// longBlanks is how much white space is held back. What is longer is content.
const longBlanks = 1 << 10

func (d *quotedDecoder) decode(dst, src []byte) []byte {
	held := len(dst) // white space from here on may have to go
	if d.state == inText {
		dst = append(dst, d.blanks...)
		d.blanks = d.blanks[:0]
	}
	if len(src) > 0 && cap(dst)-len(dst) < len(src) {
		dst = append(make([]byte, 0, len(dst)+len(src)+longBlanks), dst...)
	}
	for i := 0; i < len(src); i++ {
		c := src[i]
		if d.state != inText {
			var again bool
			if dst, again = d.escape(dst, c); again {
				i--
			}
			held = len(dst)
			continue
		}
		switch c {
		case '=':
			d.state = afterEq
			held = len(dst)
		case ' ', '\t':
			dst = append(dst, c)
			if len(dst)-held >= longBlanks {
				held = len(dst)
			}
		case '\r', '\n':
			dst = append(dst[:held], c)
			held = len(dst)
		default:
			dst = append(dst, c)
			held = len(dst)
		}
	}
	if d.state == inText {
		d.blanks = append(d.blanks, dst[held:]...)
		dst = dst[:held]
	}
	return dst
}

// escape takes one character after a "=". If it does not belong to it, the
// character has to be taken again.
func (d *quotedDecoder) escape(dst []byte, c byte) (_ []byte, again bool) {
	switch d.state {
	case afterEq:
		switch {
		case hexDigit(c) >= 0:
			d.state, d.high = inHex, c
		case c == '\n':
			d.state = inText
		case isBlank(c):
			d.state = inBreak
			d.blanks = append(d.blanks[:0], c)
		default:
			return d.literal(dst, '='), true
		}
	case inHex:
		if hexDigit(c) < 0 {
			return d.literal(dst, '=', d.high), true
		}
		d.state = inText
		return append(dst, byte(hexDigit(d.high)<<4|hexDigit(c))), false
	case inBreak:
		switch {
		case c == '\n':
			d.state = inText
			d.blanks = d.blanks[:0]
		case isBlank(c) && len(d.blanks) < longBlanks:
			d.blanks = append(d.blanks, c)
		case d.blanks[len(d.blanks)-1] == '\r': // a line that ends with CR alone
			d.state = inText
			d.blanks = d.blanks[:0]
			return dst, true
		default:
			dst = append(d.literal(dst, '='), d.blanks...)
			d.blanks = d.blanks[:0]
			return dst, true
		}
	}
	return dst, false
}

// literal writes a "=" that encodes nothing, and what follows it.
func (d *quotedDecoder) literal(dst []byte, b ...byte) []byte {
	d.state, d.bad = inText, true
	return append(dst, b...)
}

func (d *quotedDecoder) close(dst []byte) []byte {
	switch d.state {
	case afterEq:
		d.bad = true
	case inHex:
		dst = d.literal(dst, '=', d.high)
	}
	d.state, d.blanks = inText, d.blanks[:0]
	return dst
}
