package soap

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
)

// ErrBase64 says that an element's base64 is damaged. The document goes on behind it.
var ErrBase64 = errors.New("its base64 is damaged")

// Base64 returns a reader of what e has as base64, to be used before anything else of
// the document is read. Its errors are the Reader's own, and ErrBase64. What it reads does
// not count against the document's bytes.
func (r *Reader) Base64(e Element) io.Reader { return &decoder{r: r, e: e} }

// decodedSize is how much is decoded at once: what a full buffer holds.
const decodedSize = bufferSize / 4 * 3

// A decoder decodes base64 as it passes (RFC 4648, section 4). White space may be
// anywhere in it.
type decoder struct {
	r *Reader
	e Element

	out    []byte // decoded
	left   []byte // of out, to be given
	quad   [4]byte
	n      int // of quad
	padded bool
	err    error
}

func (d *decoder) Read(p []byte) (int, error) {
	for len(d.left) == 0 && d.err == nil {
		d.more()
	}
	if len(d.left) == 0 {
		return 0, d.err
	}
	n := copy(p, d.left)
	d.left = d.left[n:]
	return n, nil
}

// more decodes the next run.
func (d *decoder) more() {
	d.r.free = true
	run, ok := d.r.run(d.e)
	d.r.free = false
	switch {
	case !ok && d.r.err != nil:
		d.err = d.r.err
	case !ok && d.n > 0:
		d.err = ErrBase64
	case !ok:
		d.err = io.EOF
	default:
		d.decode(withoutSpace(run))
	}
}

// withoutSpace returns b without white space, in b itself, which is the caller's until the
// next run.
func withoutSpace(b []byte) []byte {
	if bytes.IndexByte(b, '\n') < 0 && bytes.IndexByte(b, '\r') < 0 && bytes.IndexByte(b, ' ') < 0 && bytes.IndexByte(b, '\t') < 0 {
		return b
	}
	kept := b[:0]
	for _, c := range b {
		if !isSpace(c) {
			kept = append(kept, c)
		}
	}
	return kept
}

// decode decodes whole quads and keeps what is left over of the last.
func (d *decoder) decode(b []byte) {
	if len(b) > 0 && d.padded {
		d.err = ErrBase64 // something behind the end
		return
	}
	if d.out == nil {
		d.out = make([]byte, decodedSize+3)
	}
	n := 0
	if d.n > 0 {
		taken := copy(d.quad[d.n:], b)
		d.n += taken
		b = b[taken:]
		if d.n < len(d.quad) {
			return
		}
		d.n = 0
		n += d.quads(0, d.quad[:])
	}
	if len(b) > 0 && d.padded {
		d.err = ErrBase64
		return
	}
	whole := len(b) / 4 * 4
	n += d.quads(n, b[:whole])
	d.n = copy(d.quad[:], b[whole:])
	d.left = d.out[:n]
	if d.n > 0 && d.padded {
		d.err = ErrBase64
	}
}

// quads decodes whole quads into out from at on.
func (d *decoder) quads(at int, b []byte) int {
	n, err := base64.StdEncoding.Decode(d.out[at:], b)
	if err != nil {
		d.err = ErrBase64
		return 0
	}
	d.padded = d.padded || n < len(b)/4*3
	return n
}
