package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// ErrEarly is what [Conn.Silent] returns if the server spoke unasked.
var ErrEarly = errors.New("the server answered before it was asked")

// Silent returns nil if nothing has come from the server that was not read: in a
// protocol of question and answer that is how it must be before a question, or an
// answer given in advance would be taken for the answer to it. It returns
// [ErrEarly] if there is something, which Read then gives, or io.EOF if the server
// has hung up. It does not wait, and no one may be reading meanwhile.
//
// It sees what has arrived; what is still on its way nobody can see.
func (c *Conn) Silent() error {
	c.mu.Lock()
	stream, secure, gone, early := c.stream, c.secure, c.ended || c.dead != nil, len(c.ahead) > 0
	c.mu.Unlock()
	if gone {
		_, err := c.Read(make([]byte, 1))
		return err
	}
	if early {
		return ErrEarly
	}
	defer c.arm()
	if _, over := socketOf(c.raw); secure || over {
		// A deadline in the past lets TLS give what it has and read nothing. It
		// takes a missed deadline for no error of its own.
		if err := c.glance(stream, past()); err != nil {
			return err
		}
	}
	socket, over := socketOf(c.raw)
	waiting, err := pending(socket)
	if err != nil || !waiting {
		return err
	}
	if !secure && !over {
		return ErrEarly
	}
	// It may be TLS's own business, such as a key update.
	return c.glance(stream, time.Now().Add(20*time.Millisecond))
}

// socketOf returns the socket below a connection, and whether there is TLS between,
// as there is to an https proxy.
func socketOf(c net.Conn) (socket net.Conn, over bool) {
	for {
		_, isTLS := c.(*tls.Conn)
		below, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c, over
		}
		c, over = below.NetConn(), over || isTLS
	}
}

// glance reads a byte until the deadline, and keeps it for Read.
func (c *Conn) glance(stream net.Conn, deadline time.Time) error {
	c.raw.SetReadDeadline(deadline)
	b := make([]byte, 1)
	n, err := stream.Read(b)
	switch {
	case n > 0:
		c.mu.Lock()
		c.ahead = b
		c.mu.Unlock()
		return ErrEarly
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return err
}
