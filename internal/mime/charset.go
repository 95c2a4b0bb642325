package mime

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/transform"
)

// A Charset turns text of a charset into UTF-8, a run of bytes at a time. It never
// fails: where the charset is unknown or not said, what is UTF-8 is taken as such
// and every other byte as windows-1252. In text that says it is UTF-8, bytes that
// are not become U+FFFD. Text in UTF-7 stays as it is.
type Charset struct {
	decoder transform.Transformer // nil for UTF-8
	strict  bool
	carry   []byte // the start of a character, or what the decoder did not take
	whole   []byte // carry and what came next
	bad     bool
}

// Reset readies c for a charset by its name in a message.
func (c *Charset) Reset(name string) {
	*c = Charset{carry: c.carry[:0], whole: c.whole[:0]}
	switch name = normalCharset(name); name {
	case "", "us-ascii", "ascii":
		return
	case "utf-8", "utf8":
		c.strict = true
		return
	}
	enc := lookup(name)
	if enc == nil {
		c.bad = true
		return
	}
	c.decoder = enc.NewDecoder().Transformer
}

// Bad reports whether the charset is unknown or bytes were not of it.
func (c *Charset) Bad() bool { return c.bad }

// normalCharset returns name in lower case without quotes and language (RFC 2231,
// section 5).
func normalCharset(name string) string {
	name, _, _ = strings.Cut(name, "*")
	if len(name) > 64 {
		return "?"
	}
	return strings.ToLower(strings.Trim(name, " \t\"'"))
}

// lookup finds an encoding, by the names browsers know first: iso-8859-1 is then
// windows-1252, as senders mean it.
func lookup(name string) encoding.Encoding {
	switch name {
	case "utf-16":
		name = "utf-16be" // RFC 2781, section 4.3. A byte order mark is heeded
	case "hz-gb-2312":
		enc, _ := ianaindex.MIME.Encoding(name)
		return enc
	case "utf-7", "unicode-1-1-utf-7":
		return nil
	}
	if strings.HasPrefix(name, "cp") && len(name) > 2 && name[2] >= '0' && name[2] <= '9' {
		if enc := byIndex("windows-" + name[2:]); enc != nil {
			return enc
		}
		if name == "cp932" {
			name = "shift_jis"
		}
	}
	return byIndex(name)
}

func byIndex(name string) encoding.Encoding {
	if enc, err := htmlindex.Get(name); err == nil && enc != encoding.Replacement {
		return enc
	}
	if enc, err := ianaindex.MIME.Encoding(name); err == nil && enc != nil {
		return enc
	}
	if enc, err := ianaindex.IANA.Encoding(name); err == nil && enc != nil {
		return enc
	}
	return nil
}

// DecodeCharset returns b, which is of the charset called name, as UTF-8, and
// whether the charset is known and b of it.
func DecodeCharset(name string, b []byte) (text string, ok bool) {
	var c Charset
	c.Reset(name)
	if c.decoder == nil && utf8.Valid(b) {
		return string(b), !c.bad
	}
	out := c.Decode(nil, b)
	out = c.Close(out)
	return string(out), !c.bad
}

// Text returns b, which claims no charset, as UTF-8 without NUL.
func Text(b []byte) string {
	s, _ := DecodeCharset("", b)
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return s
}

// Decode appends src as UTF-8 to dst.
func (c *Charset) Decode(dst, src []byte) []byte {
	return c.decode(dst, c.joined(src), false)
}

// Close appends what the end of the text leaves.
func (c *Charset) Close(dst []byte) []byte {
	return c.decode(dst, c.joined(nil), true)
}

// joined returns src behind what was carried over.
func (c *Charset) joined(src []byte) []byte {
	if len(c.carry) == 0 {
		return src
	}
	c.whole = append(append(c.whole[:0], c.carry...), src...)
	c.carry = c.carry[:0]
	return c.whole
}

func (c *Charset) decode(dst, src []byte, last bool) []byte {
	if c.decoder != nil {
		return c.transform(dst, src, last)
	}
	for len(src) > 0 {
		n := validPrefix(src)
		dst = append(dst, src[:n]...)
		src = src[n:]
		if len(src) == 0 {
			break
		}
		if !last && !utf8.FullRune(src) {
			c.carry = append(c.carry, src...)
			break
		}
		c.bad = true
		if c.strict {
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = utf8.AppendRune(dst, charmap.Windows1252.DecodeByte(src[0]))
		}
		src = src[1:]
	}
	return dst
}

// validPrefix returns how many bytes of b are whole UTF-8.
func validPrefix(b []byte) int {
	if utf8.Valid(b) {
		return len(b)
	}
	n := 0
	for n < len(b) {
		if b[n] < utf8.RuneSelf {
			n++
			continue
		}
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		n += size
	}
	return n
}

// stuck is the most a decoder may leave. No character of any charset is as long.
const stuck = 64

func (c *Charset) transform(dst, src []byte, last bool) []byte {
	for len(src) > 0 || last {
		if cap(dst)-len(dst) < 64 {
			dst = append(make([]byte, 0, 2*cap(dst)+2*len(src)+64), dst...)
		}
		wrote, read, err := c.decoder.Transform(dst[len(dst):cap(dst)], src, last)
		dst, src = dst[:len(dst)+wrote], src[read:]
		switch {
		case err == nil:
			return dst
		case err == transform.ErrShortDst && (wrote > 0 || read > 0):
		case err == transform.ErrShortSrc && !last && len(src) < stuck:
			c.carry = append(c.carry, src...)
			return dst
		case err == transform.ErrShortDst && cap(dst)-len(dst) < 1<<10:
			dst = append(make([]byte, 0, 2*cap(dst)+2<<10), dst...)
		case len(src) == 0:
			return dst
		default:
			c.bad = true
			dst = append(dst, "\uFFFD"...)
			src = src[1:]
		}
	}
	return dst
}

// LowerASCII returns s with ASCII letters in lower case.
func LowerASCII(s string) string {
	i := 0
	for i < len(s) && lower(s[i]) == s[i] {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		b[i] = lower(b[i])
	}
	return string(b)
}
