package item

import (
	"bytes"
	"io"
	"strings"
)

// Canonical returns a reader of r's message in the form that goes over SMTP: every
// line ends with CR LF, the last one too. A lone CR and a lone LF become a line
// end, CRs before an LF are one with it, and NUL is left out (RFC 5321, section
// 2.3.8). Servers do not agree on what a lone CR or LF means, and one that ends a
// message where another does not lets a sender smuggle a second message behind the
// first.
//
// It does not double dots at the start of a line: that is the SMTP client's, after
// this. Nor does it shorten lines.
func Canonical(r io.Reader) io.Reader { return &canonical{r: r} }

type canonical struct {
	r     io.Reader
	in    []byte
	out   []byte
	rest  []byte // of out
	crs   int    // CRs at the end of what was read
	inEnd bool   // the last thing written is a line end
	err   error
}

// Read implements io.Reader.
func (c *canonical) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if c.in == nil {
		c.in = make([]byte, 16<<10)
		c.inEnd = true
	}
	for len(c.rest) == 0 && c.err == nil {
		n, err := c.r.Read(c.in)
		c.out = c.convert(c.out[:0], c.in[:n])
		if err == io.EOF {
			c.out = c.lineEnds(c.out, c.crs)
			c.crs = 0
			if !c.inEnd {
				c.out = c.lineEnds(c.out, 1)
			}
		}
		c.rest, c.err = c.out, err
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	if n > 0 {
		return n, nil
	}
	return 0, c.err
}

func (c *canonical) convert(out, in []byte) []byte {
	for len(in) > 0 {
		switch in[0] {
		case 0:
			in = in[1:]
		case '\r':
			c.crs++
			in = in[1:]
			if c.crs == longRun { // so that a run of them is not held back
				out = c.lineEnds(out, c.crs-1)
				c.crs = 1
			}
		case '\n':
			out = c.lineEnds(out, 1)
			c.crs = 0
			in = in[1:]
		default:
			out = c.lineEnds(out, c.crs)
			c.crs = 0
			n := 0
			for n < len(in) && in[n] != '\r' && in[n] != '\n' && in[n] != 0 {
				n++
			}
			out, in = append(out, in[:n]...), in[n:]
			c.inEnd = false
		}
	}
	return out
}

func (c *canonical) lineEnds(out []byte, n int) []byte {
	for ; n > 0; n-- {
		out = append(out, '\r', '\n')
		c.inEnd = true
	}
	return out
}

// WithoutBcc returns a reader of r's message in [Canonical] form without its Bcc
// and Resent-Bcc fields, for a message that was made elsewhere.
func WithoutBcc(r io.Reader) io.Reader { return &withoutBcc{r: Canonical(r)} }

type withoutBcc struct {
	r      io.Reader
	line   []byte // the start of the line, while it may be one to leave out
	rest   []byte
	out    []byte
	state  bccState
	buf    []byte
	err    error
	hidden bool // the field before this line was left out
}

type bccState byte

const (
	lineStart bccState = iota
	keepLine
	dropLine
	inBody
)

// Read implements io.Reader.
func (w *withoutBcc) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if w.buf == nil {
		w.buf = make([]byte, 16<<10)
	}
	for len(w.rest) == 0 && w.err == nil {
		n, err := w.r.Read(w.buf)
		w.out = w.filter(w.out[:0], w.buf[:n])
		if err == io.EOF {
			w.out = append(w.out, w.line...) // a line ends with LF: there is none
			w.line = nil
		}
		w.rest, w.err = w.out, err
	}
	n := copy(b, w.rest)
	w.rest = w.rest[n:]
	if n > 0 {
		return n, nil
	}
	return 0, w.err
}

func (w *withoutBcc) filter(out, in []byte) []byte {
	for len(in) > 0 {
		if w.state == inBody {
			return append(out, in...)
		}
		if w.state != lineStart {
			n := bytes.IndexByte(in, '\n') + 1
			end := n > 0
			if !end {
				n = len(in)
			}
			if w.state == keepLine {
				out = append(out, in[:n]...)
			}
			if in = in[n:]; end {
				w.state = lineStart
			}
			continue
		}
		w.line = append(w.line, in[0])
		in = in[1:]
		w.state = w.decide()
		if w.state != lineStart && w.state != dropLine {
			out = append(out, w.line...)
		}
		if w.state != lineStart {
			ended := w.line[len(w.line)-1] == '\n'
			w.line = w.line[:0]
			if ended && w.state != inBody {
				w.state = lineStart
			}
		}
	}
	return out
}

// decide says what to do with the line that starts with w.line; lineStart if it
// cannot tell yet.
func (w *withoutBcc) decide() bccState {
	line := string(w.line)
	switch {
	case line == "\r":
		return lineStart
	case line == "\r\n":
		return inBody
	case line[0] == ' ' || line[0] == '\t':
		if w.hidden {
			return dropLine
		}
		return keepLine
	}
	w.hidden = false
	lower := strings.ToLower(line)
	name := strings.TrimRight(lower, " \t")
	for _, hide := range [...]string{"bcc", "resent-bcc"} {
		switch {
		case strings.HasPrefix(name, hide) && strings.HasSuffix(name, ":") &&
			strings.TrimRight(name[:len(name)-1], " \t") == hide:
			w.hidden = true
			return dropLine
		case name == hide && len(line) < 300, strings.HasPrefix(hide, lower):
			return lineStart
		}
	}
	return keepLine
}
