// Package syntax reads and writes the grammar of IMAP (RFC 3501, section 9): a
// reader of responses, and of commands for the test server, that holds no more
// than its limits; sets of UIDs as ranges; strings; folder names in modified
// UTF-7.
package syntax

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits bounds what a Reader holds of one response.
type Limits struct {
	Line     int // bytes of a line
	Literal  int // bytes of a literal that is read into memory
	Response int // bytes of lines and literals in memory together
	Nesting  int // open parentheses
}

// A Reader reads one response after another, token by token. Literals are
// recognised only where a string may stand, so text that ends like one does no
// harm. Nothing recurses and nothing is allocated by an announced size.
//
// Its errors are an *Error for what is over a limit or no IMAP, and the
// connection's own. After an error of reading nothing more can be read.
type Reader struct {
	// Continue, if not nil, is called before a literal is read that the peer will
	// only send when asked to. It is for the server's side; a Reader without it
	// refuses literals with "+" (RFC 7888).
	Continue func() error

	br     *bufio.Reader
	limits Limits
	line   []byte // what is left of the current line, without its end
	part   bool   // the line goes on behind what is in line
	body   int64  // what is left of a literal that is read as a stream
	depth  int
	size   int
	err    error // of reading a line; stays
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader, l Limits) *Reader {
	return &Reader{br: bufio.NewReaderSize(r, l.Line+2), limits: l}
}

// Buffered returns how many bytes have come that were not asked for yet.
func (r *Reader) Buffered() int { return r.br.Buffered() }

// Next leaves the current response, skipping what is left of it, and goes to the
// beginning of the next one. It returns io.EOF only between two responses.
func (r *Reader) Next() error {
	if err := r.SkipAll(); err != nil {
		return err
	}
	r.depth, r.size = 0, 0
	return r.readLine()
}

// SkipAll goes to the end of the current response.
func (r *Reader) SkipAll() error {
	for r.body > 0 || len(r.line) > 0 {
		if err := r.Skip(); err != nil {
			return err
		}
		r.Space()
	}
	for r.part {
		if err := r.readPart(); err != nil {
			return err
		}
	}
	r.line = nil
	return nil
}

func (r *Reader) readLine() error {
	if r.err == nil {
		r.err = r.tryLine()
	}
	return r.err
}

func (r *Reader) tryLine() error {
	line, err := r.br.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull) && r.size == 0 && isList(line):
		r.line, r.part, r.size = line, true, len(line)
		return nil
	case errors.Is(err, bufio.ErrBufferFull):
		return TooLarge("a line of more than %d bytes", r.limits.Line)
	case errors.Is(err, io.EOF) && len(line) > 0:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if r.size += len(line); r.size > r.limits.Response {
		return TooLarge("a response of more than %d bytes", r.limits.Response)
	}
	r.line = line
	return nil
}

// Peek returns the next byte of the response, 0 at its end.
func (r *Reader) Peek() byte {
	if len(r.line) == 0 {
		return 0
	}
	return r.line[0]
}

// Accept takes c if it is next.
func (r *Reader) Accept(c byte) bool {
	if len(r.line) == 0 || r.line[0] != c {
		return false
	}
	r.line = r.line[1:]
	return true
}

// Space takes any number of spaces and reports whether there was one.
func (r *Reader) Space() bool {
	found := false
	for r.Accept(' ') {
		found = true
	}
	return found
}

// Rest takes the rest of the line as it is, for text in which a literal has no
// place. It is valid until the next call.
func (r *Reader) Rest() []byte {
	rest := r.line
	r.line = nil
	return rest
}

// Line returns what is left of the line without taking it. It is valid until the
// next call.
func (r *Reader) Line() []byte { return r.line }

// Open takes an opening parenthesis if it is next.
func (r *Reader) Open() (bool, error) {
	if !r.Accept('(') {
		return false, nil
	}
	if r.depth++; r.depth > r.limits.Nesting {
		return false, Malformed(fmt.Sprintf("more than %d open parentheses", r.limits.Nesting))
	}
	return true, nil
}

// Close takes a closing parenthesis if it is next.
func (r *Reader) Close() bool {
	if r.depth == 0 || !r.Accept(')') {
		return false
	}
	r.depth--
	return true
}

// Word takes bytes up to a space, a parenthesis or the end, but not those within
// square brackets, so that BODY[HEADER.FIELDS (TO)] is one word. It is valid
// until the next call.
func (r *Reader) Word() []byte {
	bracket, i := false, 0
scan:
	for ; i < len(r.line); i++ {
		switch c := r.line[i]; {
		case c == '[':
			bracket = true
		case c == ']':
			bracket = false
		case !bracket && (c == ' ' || c == '(' || c == ')'):
			break scan
		}
	}
	word := r.line[:i]
	r.line = r.line[i:]
	return word
}

// Number takes a decimal number of at most 63 bits.
func (r *Reader) Number() (uint64, error) {
	var n uint64
	i := 0
	for ; i < len(r.line) && r.line[i] >= '0' && r.line[i] <= '9'; i++ {
		if n > (1<<63-1-9)/10 {
			return 0, Malformed("a number of more than 63 bits")
		}
		n = n*10 + uint64(r.line[i]-'0')
	}
	if i == 0 {
		return 0, Malformed("no number where one belongs")
	}
	r.line = r.line[i:]
	return n, nil
}

// String takes a string in any of its forms: quoted, literal, or a word. It
// returns false for NIL. The bytes are valid until the next call.
func (r *Reader) String() (s []byte, ok bool, err error) {
	switch r.Peek() {
	case '"':
		s, err = r.quoted()
		return s, true, err
	case '{', '~':
		n, err := r.Literal()
		if err != nil {
			return nil, false, err
		}
		s, err = r.literalBytes(n)
		return s, true, err
	}
	word := r.Word()
	if len(word) == 0 {
		return nil, false, Malformed("no string where one belongs")
	}
	return word, !equalFold(word, "NIL"), nil
}

func (r *Reader) quoted() ([]byte, error) {
	line := r.line[1:]
	end := bytes.IndexByte(line, '"')
	if end < 0 {
		return nil, Malformed("a quoted string without its end")
	}
	if bytes.IndexByte(line[:end], '\\') < 0 {
		r.line = line[end+1:]
		return line[:end], nil
	}
	var s []byte
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '"':
			r.line = line[i+1:]
			return s, nil
		case line[i] == '\\' && i+1 < len(line):
			i++
		}
		s = append(s, line[i])
	}
	return nil, Malformed("a quoted string without its end")
}

// Skip passes over one value, whatever it is: a list with all that is in it, a
// literal of any size, a string, a word.
func (r *Reader) Skip() error {
	if r.body > 0 {
		_, err := io.Copy(io.Discard, r.Body())
		return err
	}
	for depth := r.depth; ; {
		switch c := r.Peek(); {
		case c == '(':
			if _, err := r.Open(); err != nil {
				return err
			}
		case c == ')':
			r.depth = max(r.depth-1, 0)
			r.line = r.line[1:]
		case c == '"':
			if _, err := r.quoted(); err != nil {
				r.Rest() // a quote in a server's own text
			}
		case c == '{' && bytes.HasSuffix(r.line, []byte("}")) && bytes.IndexByte(r.line, ' ') < 0:
			if _, err := r.Literal(); err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, r.Body()); err != nil {
				return err
			}
		default:
			if len(r.Word()) == 0 && !r.Space() && len(r.line) > 0 {
				r.line = r.line[1:]
			}
		}
		if r.depth <= depth || len(r.line) == 0 {
			return nil
		}
	}
}

// equalFold reports whether b is s without regard to case; s is in upper case.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
