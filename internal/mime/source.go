package mime

import (
	"bytes"
	"io"
)

const (
	// lookahead is how far a line is looked at to tell what it is. A boundary,
	// or a line that a decision hangs on, has to fit in.
	lookahead = 2 << 10

	// windowSize is the memory a stream is read through.
	windowSize = 64 << 10

	// piece is the most that is handed on at once.
	piece = 32 << 10
)

// A source is a window that moves over the input. Whether the input is a stream
// or lies in memory, and how a stream is cut into reads, does not show.
type source struct {
	r    io.Reader
	buf  []byte // the window; all of the input if it lies in memory
	own  []byte // the memory behind buf, kept between messages
	pos  int    // of buf, the next byte
	base int64  // offset of buf[0] in the input
	eof  bool   // nothing comes after buf
	err  error  // what r failed with, but for io.EOF
	eol  byte   // '\n', or '\r' in a message that knows no '\n'
}

func (s *source) reset(r io.Reader) {
	if s.own == nil {
		s.own = make([]byte, 0, windowSize)
	}
	*s = source{r: r, buf: s.own[:0], own: s.own, eol: '\n'}
}

func (s *source) resetBytes(b []byte) {
	*s = source{buf: b, own: s.own, eof: true, eol: '\n'}
}

// offset returns where the next byte lies in the input.
func (s *source) offset() int64 { return s.base + int64(s.pos) }

// window returns what is ahead: at least n bytes, or all there is. n must not be
// more than half of windowSize.
func (s *source) window(n int) []byte {
	if len(s.buf)-s.pos < n && !s.eof {
		s.fill(n)
	}
	return s.buf[s.pos:]
}

func (s *source) fill(n int) {
	s.base += int64(s.pos)
	s.buf = s.own[:copy(s.own[:cap(s.own)], s.buf[s.pos:])]
	s.pos = 0
	for empty := 0; len(s.buf) < n && !s.eof; {
		m, err := s.r.Read(s.own[len(s.buf):cap(s.own)])
		s.buf = s.own[:len(s.buf)+m]
		if m == 0 && err == nil {
			if empty++; empty == 100 {
				err = io.ErrNoProgress
			}
		}
		if err != nil {
			s.eof = true
			if err != io.EOF {
				s.err = err
			}
		}
	}
}

// skip moves n bytes on.
func (s *source) skip(n int) { s.pos += n }

// findLineEnd decides what ends a line: CR if the first half window has CR and no
// LF (as old Macs wrote), else LF.
func (s *source) findLineEnd() bool {
	w := s.window(windowSize / 2)
	w = w[:min(len(w), windowSize/2)]
	if bytes.IndexByte(w, '\n') < 0 && bytes.IndexByte(w, '\r') >= 0 {
		s.eol = '\r'
	}
	return s.eol == '\r'
}

// line returns the start of the line ahead, at most [lookahead] bytes and without
// its end, and how many bytes line and end take; size is 0 if the line is longer.
// At the end of the input ok is false.
func (s *source) line() (head []byte, size int, ok bool) {
	w := s.window(lookahead)
	if len(w) == 0 {
		return nil, 0, false
	}
	head, size = firstLine(w[:min(len(w), lookahead)], s.eol)
	if size == 0 && len(w) <= lookahead && s.eof {
		size = len(w)
	}
	return trimCR(head), size, true
}

// firstLine returns w up to its first eol and the length with it; all of w and 0 if
// there is none.
func firstLine(w []byte, eol byte) ([]byte, int) {
	if i := bytes.IndexByte(w, eol); i >= 0 {
		return w[:i], i + 1
	}
	return w, 0
}

// skipLine moves past the line ahead, handing its bytes without the line end to
// keep.
func (s *source) skipLine(keep func([]byte)) {
	for {
		w := s.window(lookahead)
		if len(w) == 0 {
			return
		}
		w = w[:min(len(w), piece)]
		i := bytes.IndexByte(w, s.eol)
		if i >= 0 {
			if keep != nil {
				keep(w[:i])
			}
			s.skip(i + 1)
			return
		}
		if keep != nil {
			keep(w)
		}
		s.skip(len(w))
	}
}

func trimCR(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '\r' {
		b = b[:len(b)-1]
	}
	return b
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return b
}

// isBlank reports whether c is white space within a line.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }
