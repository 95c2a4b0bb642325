package wire

import (
	"errors"
	"io"
	"os"
	"time"
)

// ErrEarly is what [Conn.Silent] returns if the server spoke unasked.
var ErrEarly = errors.New("the server answered before it was asked")

// Silent returns nil if nothing has come from the server that was not read: in a
// protocol of question and answer that is how it must be before a question, or an
// answer given in advance would be taken for the answer to it. It returns
// [ErrEarly] if there is something, which is lost, or io.EOF if the server has hung
// up. It does not wait, and no one may be reading meanwhile.
func (c *Conn) Silent() error {
	c.mu.Lock()
	stream, secure, gone := c.stream, c.secure, c.ended || c.dead != nil
	c.mu.Unlock()
	if gone {
		_, err := c.Read(nil)
		return err
	}
	defer c.arm()
	if secure {
		// A deadline in the past lets TLS give what it has and read nothing. It
		// takes a missed deadline for no error of its own.
		if err := glance(stream, c.raw.SetReadDeadline(past())); err != nil {
			return err
		}
	}
	waiting, err := pending(c.raw)
	if err != nil || !waiting {
		return err
	}
	if !secure {
		return ErrEarly
	}
	// It may be TLS's own business, such as a key update.
	return glance(stream, c.raw.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
}

// glance reads a byte, which is one too many.
func glance(r io.Reader, err error) error {
	if err != nil {
		return err
	}
	n, err := r.Read(make([]byte, 1))
	switch {
	case n > 0:
		return ErrEarly
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return err
}
