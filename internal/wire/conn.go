package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// A Conn is a connection to a mail server that keeps time. Within an operation
// ([Conn.During]) each read and each 32 KiB written must make progress within
// Limits.Command; outside of one there is no deadline, so that a reader in the
// background may wait for the next operation.
//
// Reads and writes may be done from two goroutines. The rest belongs to the one
// that does the operation.
type Conn struct {
	raw    net.Conn // TCP
	op     string
	config *tls.Config
	limits provider.Limits
	shaken *tls.Conn // of the handshake, also of one that failed; nil before

	in, out atomic.Int64
	shown   atomic.Bool // a certificate of ours

	mu       sync.Mutex
	stream   net.Conn // raw, or TLS over it
	secure   bool
	ops      int       // operations under way
	deadline time.Time // set by Deadline
	ended    bool      // a context ended: reads and writes fail at once
	hit      bool      // one has failed for that
	dead     error     // too slow; stays
	ahead    []byte    // read by Silent
	body     bool
	window   window
}

func newConn(raw net.Conn, op string, config *tls.Config, limits provider.Limits) *Conn {
	return &Conn{raw: raw, op: op, config: config, limits: limits, stream: raw}
}

// chunk is how much is written under one deadline.
const chunk = 32 << 10

var (
	errEnded = errors.New("the operation's context ended")
	errSlow  = errors.New("the server takes or gives data too slowly")
)

// Read reads from the server.
func (c *Conn) Read(p []byte) (int, error) {
	stream, start := c.arm()
	n, err := c.early(p), error(nil)
	if n == 0 {
		n, err = stream.Read(p)
	}
	c.in.Add(int64(n))
	return n, c.settle(n, time.Since(start), err)
}

// early gives what Silent has read.
func (c *Conn) early(p []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n
}

// Write writes to the server. When it returns nil, all of p has been handed to
// the operating system: there is no buffer to flush.
func (c *Conn) Write(p []byte) (written int, err error) {
	for first := true; first || len(p) > 0; first = false {
		stream, start := c.arm()
		n, err := stream.Write(p[:min(len(p), chunk)])
		written += n
		c.out.Add(int64(n))
		if err := c.settle(n, time.Since(start), err); err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

// arm sets the deadline for the next read or write.
func (c *Conn) arm() (net.Conn, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.ended || c.dead != nil: // the deadline is in the past and stays there
	case !c.deadline.IsZero():
		c.raw.SetDeadline(c.deadline)
	case c.ops > 0:
		c.raw.SetDeadline(now.Add(c.limits.Command))
	default:
		c.raw.SetDeadline(time.Time{})
	}
	return c.stream, now
}

// settle notes n bytes that took this long and says what err was about.
func (c *Conn) settle(n int, took time.Duration, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended && err != nil:
		c.hit = true
		return errEnded
	case c.dead != nil:
		return c.dead
	case err == nil && c.body && c.window.slow(n, took, c.limits.Floor):
		c.fail(errSlow)
		return errSlow
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.fail(err) // what follows would be read out of step
	}
	return err
}

// fail makes every later read and write fail with err. c.mu is held.
func (c *Conn) fail(err error) {
	c.dead = err
	c.raw.SetDeadline(past())
}

// past is a deadline that has been missed.
func past() time.Time { return time.Unix(1, 0) }

// A window measures how fast data flows over 30 seconds spent on reading or
// writing. The time in which we do something else with the data does not count.
type window struct {
	bytes int
	spent time.Duration
}

const windowSize = 30 * time.Second

// slow notes n bytes that took this long. It reports whether the window is full
// and less than floor bytes a second went by.
func (w *window) slow(n int, took time.Duration, floor int) bool {
	w.bytes += n
	w.spent += took
	if w.spent < windowSize {
		return false
	}
	slow := float64(w.bytes) < float64(floor)*w.spent.Seconds()
	*w = window{}
	return slow
}

// Body says whether a message's body is streaming, for which Limits.Floor bytes
// per second must flow, measured over 30 seconds.
func (c *Conn) Body(streaming bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.body, c.window = streaming, window{}
}

// Deadline bounds all that follows in this operation to d from now, whatever
// progress it makes, in place of Limits.Command. Zero goes back to that. It ends
// with the operation.
func (c *Conn) Deadline(d time.Duration) {
	c.mu.Lock()
	c.deadline = time.Time{}
	if d > 0 {
		c.deadline = time.Now().Add(d)
	}
	c.mu.Unlock()
	c.arm()
}

// BytesIn returns how many bytes were read, TLS's own not counted.
func (c *Conn) BytesIn() int64 { return c.in.Load() }

// BytesOut returns how many bytes were written, TLS's own not counted.
func (c *Conn) BytesOut() int64 { return c.out.Load() }

// Secure reports whether the connection is protected by TLS.
func (c *Conn) Secure() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.secure
}

// TLSState returns what the handshake agreed upon, nil without TLS.
func (c *Conn) TLSState() *tls.ConnectionState {
	if !c.Secure() {
		return nil
	}
	state := c.shaken.ConnectionState()
	return &state
}

// Close closes the connection within a second.
func (c *Conn) Close() error {
	c.mu.Lock()
	stream := c.stream
	if c.ended || c.dead != nil {
		stream = c.raw // there is nobody to say goodbye to
	}
	c.mu.Unlock()
	// TLS says goodbye first, and would wait 5 s for a server that takes nothing.
	cut := time.AfterFunc(time.Second, func() { c.raw.Close() })
	defer cut.Stop()
	return stream.Close()
}

// LocalAddr returns our address.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr returns the server's address.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline does nothing: the connection keeps its own time, so that a library
// on top of it can neither lengthen nor shorten it.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, as SetDeadline.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, as SetDeadline.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
