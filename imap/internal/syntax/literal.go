package syntax

import (
	"bytes"
	"errors"
	"io"
)

// MaxBody is the largest literal that is read as a stream. A size above it is no
// message of anybody's.
const MaxBody = 1 << 32

// Literal takes the announcement of a literal and returns its size. The caller
// then reads it with Body, or in part: Next and Skip pass over what is left.
func (r *Reader) Literal() (int64, error) {
	r.Accept('~') // literal8 (RFC 3516)
	digits, ok := bytes.CutSuffix(r.line, []byte("}"))
	digits, ok2 := bytes.CutPrefix(digits, []byte("{"))
	digits, plus := bytes.CutSuffix(digits, []byte("+"))
	if !ok || !ok2 || len(digits) == 0 || len(digits) > 1 && digits[0] == '0' || plus && r.Continue == nil {
		return 0, Malformed("no size of a literal where one belongs")
	}
	r.line = digits
	n, err := r.Number()
	if err != nil || len(r.line) > 0 {
		return 0, Malformed("no size of a literal where one belongs")
	}
	if n > MaxBody {
		return 0, TooLarge("a literal of %d bytes", n)
	}
	if r.Continue != nil && !plus {
		if err := r.Continue(); err != nil {
			return 0, err
		}
	}
	r.line, r.body = nil, int64(n)
	if n == 0 {
		return 0, r.readLine()
	}
	return int64(n), nil
}

// Body returns a reader of the literal that Literal announced. It ends with
// io.ErrUnexpectedEOF when the connection ends before the literal.
func (r *Reader) Body() io.Reader { return (*body)(r) }

type body Reader

func (b *body) Read(p []byte) (int, error) {
	if b.body == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.body {
		p = p[:b.body]
	}
	n, err := b.br.Read(p)
	b.body -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && b.body == 0 {
		// The response goes on behind it. Its reader may take no notice of an error
		// that comes with the last byte; the Reader keeps it.
		err = (*Reader)(b).readLine()
	}
	return n, err
}

func (r *Reader) literalBytes(n int64) ([]byte, error) {
	if n > int64(r.limits.Literal) {
		return nil, TooLarge("a literal of %d bytes that is no message", n)
	}
	if r.size += int(n); r.size > r.limits.Response {
		return nil, TooLarge("a response of more than %d bytes", r.limits.Response)
	}
	s := make([]byte, n)
	if _, err := io.ReadFull(r.Body(), s); err != nil {
		return nil, err
	}
	return s, nil
}
