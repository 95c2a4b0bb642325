package syntax

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// isList reports whether line begins a response that is a list of UIDs. Servers
// put all of a large folder's into one line, which is read in parts.
func isList(line []byte) bool {
	for _, name := range []string{"* SEARCH ", "* ESEARCH ", "* VANISHED "} {
		if len(line) > len(name) && equalFold(line[:len(name)], name) {
			return true
		}
	}
	return false
}

// maxList is how many bytes a list of UIDs may have.
const maxList = 32 << 20

// readPart reads more of a line that is read in parts.
func (r *Reader) readPart() error {
	if r.err != nil {
		return r.err
	}
	line, err := r.br.ReadSlice('\n')
	switch {
	case r.size > maxList:
		err = TooLarge("a list of more than %d bytes", maxList)
	case errors.Is(err, bufio.ErrBufferFull):
		err = nil
	case err == nil:
		r.part = false
		line = bytes.TrimRight(line, "\r\n")
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	r.line, r.err = line, err
	r.size += len(line)
	return err
}

// Ranges reads numbers and ranges of numbers of 32 bits, between spaces or commas,
// up to the end of the line or to something else, and calls f with each.
func (r *Reader) Ranges(f func(from, to uint32) error) error {
	var n, from uint64
	digits, ranged := false, false
	emit := func() error {
		if !digits && !ranged {
			return nil
		}
		if !ranged {
			from = n
		}
		if !digits || n == 0 || from == 0 {
			return Malformed("a UID that is none")
		}
		first, last := uint32(from), uint32(n)
		n, from, digits, ranged = 0, 0, false, false
		return f(first, last)
	}
	for {
		for i, c := range r.line {
			switch {
			case c >= '0' && c <= '9':
				n, digits = n*10+uint64(c-'0'), true
				if n > 1<<32-1 {
					return Malformed("a UID that is none")
				}
			case c == ':' && digits && !ranged:
				n, from, digits, ranged = 0, n, false, true
			case c == ' ' || c == ',':
				if err := emit(); err != nil {
					return err
				}
			default:
				r.line = r.line[i:]
				return emit()
			}
		}
		r.line = nil
		if !r.part {
			return emit()
		}
		if err := r.readPart(); err != nil {
			return err
		}
	}
}
