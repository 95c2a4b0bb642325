package notice

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// readFields reads groups of fields as reports have them: header fields, folded or
// not, with blank lines between the groups (RFC 3464, section 2.1). It calls field
// for each field and, after each group, group. Either ends the reading by returning
// false. No more than limit bytes are read, and each is looked at once; of a field
// the first maxField bytes count.
func readFields(r io.Reader, limit int64, field func(name, value string) bool, group func() bool) {
	f := fieldReader{field: field, group: group}
	in := bufio.NewReaderSize(io.LimitReader(r, limit), maxField)
	for ok := true; ok; {
		line, err := in.ReadSlice('\n')
		ok = f.line(bytes.TrimRight(line, "\r\n"))
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a line that is too long
			_, err = in.ReadSlice('\n')
		}
		if err != nil {
			break // a part that cannot be read any more says no more
		}
	}
	if !f.stopped && f.flush() && f.any {
		group()
	}
}

// A fieldReader puts the lines of fields together.
type fieldReader struct {
	field   func(name, value string) bool
	group   func() bool
	buf     []byte // the field being read, unfolded
	any     bool   // the group has a field
	stopped bool
}

func (f *fieldReader) line(line []byte) bool {
	switch {
	case len(bytes.TrimSpace(line)) == 0:
		if !f.flush() {
			return false
		}
		if f.any {
			f.any = false
			f.stopped = !f.group()
		}
	case (line[0] == ' ' || line[0] == '\t') && len(f.buf) > 0:
		f.keep([]byte{' '})
		f.keep(bytes.TrimSpace(line))
	default:
		if !f.flush() {
			return false
		}
		f.keep(line)
	}
	return !f.stopped
}

func (f *fieldReader) keep(b []byte) {
	f.buf = append(f.buf, b[:min(len(b), maxField-len(f.buf))]...)
}

// flush hands on the field that was read.
func (f *fieldReader) flush() bool {
	name, value, ok := strings.Cut(string(f.buf), ":")
	f.buf = f.buf[:0]
	if name = strings.ToLower(strings.TrimSpace(name)); !ok || name == "" {
		return true
	}
	f.any = true
	f.stopped = !f.field(name, strings.TrimSpace(value))
	return !f.stopped
}
