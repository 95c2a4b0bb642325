package smtp

import (
	"bytes"
	"io"
	"sync"

	"github.com/go-serversync/serversync/item"
)

// A body writes a message as SMTP wants it (RFC 5321, sections 2.3.8 and 4.5.2): a
// bare LF becomes CRLF, a bare CR a space, as Postfix does it, and a dot that
// begins a line is doubled. So no server, however it reads line ends, finds the
// end of the message within it. A CR does not become a line end, for then CR CR LF
// would be an empty line and end a header.
//
// The same bytes come out whatever pieces they were written in. The last line end
// is kept back, so that the caller can write it as part of the terminator.
type body struct {
	w    io.Writer // nil to count only
	buf  []byte
	cr   bool // the last byte was a CR, not written yet
	line bool // within a line
	held bool // a CRLF is kept back

	size     int64 // written, without doubled dots, with what is kept back
	eightBit bool  // a byte above 127 was seen
}

// bodyBuffer is how much is written at once.
const bodyBuffer = 32 << 10

var buffers = sync.Pool{New: func() any { return new([bodyBuffer]byte) }}

// newBody returns a body that writes to w through buf.
func newBody(w io.Writer, buf *[bodyBuffer]byte) *body { return &body{w: w, buf: buf[:0]} }

// Write takes the next bytes of the message.
func (b *body) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if b.cr {
			b.cr = false
			if p[0] == '\n' {
				p = p[1:]
				if err := b.lineEnd(); err != nil {
					return 0, err
				}
			} else if err := b.text([]byte{' '}); err != nil {
				return 0, err
			}
			continue
		}
		i := lineEndIn(p)
		if err := b.text(p[:i]); err != nil {
			return 0, err
		}
		if i == len(p) {
			break
		}
		if p[i] == '\r' {
			b.cr = true
		} else if err := b.lineEnd(); err != nil {
			return 0, err
		}
		p = p[i+1:]
	}
	return n, nil
}

// lineEndIn returns where the first CR or LF in p is, len(p) if there is none.
func lineEndIn(p []byte) int {
	lf := bytes.IndexByte(p, '\n')
	if lf < 0 {
		lf = len(p)
	}
	if cr := bytes.IndexByte(p[:lf], '\r'); cr >= 0 {
		return cr
	}
	return lf
}

// text takes bytes without a line end.
func (b *body) text(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if b.held {
		b.held = false
		if err := b.put([]byte("\r\n")); err != nil {
			return err
		}
	}
	if !b.line && p[0] == '.' {
		if err := b.put([]byte{'.'}); err != nil {
			return err
		}
	}
	b.line = true
	b.size += int64(len(p))
	b.eightBit = b.eightBit || !asciiBytes(p)
	return b.put(p)
}

func (b *body) lineEnd() error {
	var err error
	if b.held {
		err = b.put([]byte("\r\n"))
	}
	b.held, b.line = true, false
	b.size += 2
	return err
}

func (b *body) put(p []byte) error {
	for b.w != nil && len(p) > 0 {
		n := copy(b.buf[len(b.buf):cap(b.buf)], p)
		b.buf, p = b.buf[:len(b.buf)+n], p[n:]
		if len(b.buf) == cap(b.buf) {
			if err := b.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *body) flush() error {
	_, err := b.w.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}

// finish writes all but the terminator, which it returns: CRLF.CRLF, or .CRLF for a
// message of no bytes, which the line end behind DATA makes whole.
func (b *body) finish() (terminator string, err error) {
	if b.cr {
		b.cr = false
		err = b.text([]byte{' '})
	}
	if b.line && err == nil { // the last line lacks its end
		err = b.lineEnd()
	}
	if len(b.buf) > 0 && err == nil {
		err = b.flush()
	}
	if b.held {
		return "\r\n.\r\n", err
	}
	return ".\r\n", err
}

// unreadable says that a message's own bytes could not be had.
type unreadable struct{ err error }

func (u *unreadable) Error() string { return "the message's bytes cannot be read" }
func (u *unreadable) Unwrap() error { return u.err }

// write writes raw whole, and tells by an *unreadable if raw is to blame for an
// error.
func (b *body) write(raw *item.Blob) error {
	if p, ok := raw.Bytes(); ok {
		_, err := b.Write(p)
		return err
	}
	buf := buffers.Get().(*[bodyBuffer]byte)
	defer buffers.Put(buf)
	r, left := raw.Open(), raw.Size()
	for {
		n, readErr := r.Read(buf[:])
		if _, err := b.Write(buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
		switch {
		case readErr == io.EOF && left == 0:
			return nil
		case readErr == io.EOF:
			return &unreadable{io.ErrUnexpectedEOF}
		case readErr != nil:
			return &unreadable{readErr}
		}
	}
}

// measure returns how large raw will be on the wire as RFC 1870 counts it, and
// whether it has bytes above 127.
func measure(raw *item.Blob) (size int64, eightBit bool, err error) {
	b := new(body)
	if err := b.write(raw); err != nil {
		return 0, false, err
	}
	_, err = b.finish()
	return b.size, b.eightBit, err
}

func asciiBytes(p []byte) bool {
	var all byte
	for _, c := range p {
		all |= c
	}
	return all < 0x80
}
