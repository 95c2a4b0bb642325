package pop3test

import (
	"net"
	"time"
)

// Fault is how a server misbehaves. The zero Fault does not.
type Fault struct {
	Slow     time.Duration // it waits so long before each answer
	Chunk    int           // it sends at most so many bytes at once, in separate writes
	Pause    time.Duration // it waits so long after each of those
	Limit    int64         // it closes each connection after so many bytes sent
	Lie      int           // LIST says so many bytes more, or less, than a message has
	Chatter  string        // it sends this line, or these, before each answer
	Endless  string        // it sends this line again and again and never answers
	Renumber bool          // every message has another UIDL in each session
	LineFeed bool          // its lines end in LF alone
	Quit     string        // it answers QUIT with this, and deletes nothing
	Keep     bool          // it closes the connection on QUIT, and deletes nothing
	SlowQuit time.Duration // it waits so long before it answers QUIT
}

// A wire writes to a client as the server's fault says, and counts.
type wire struct {
	s    *Server
	conn net.Conn
	sent int64
}

func (w *wire) Write(p []byte) (written int, err error) {
	f := w.s.fault.Load()
	for len(p) > 0 {
		n := len(p)
		if f.Chunk > 0 {
			n = min(n, f.Chunk)
		}
		if f.Limit > 0 {
			n = int(max(min(int64(n), f.Limit-w.sent), 0)) // the limit may be newer than the bytes
		}
		w.s.out.Add(int64(n)) // before the client can see it
		n, err = w.conn.Write(p[:n])
		w.sent += int64(n)
		written += n
		if err == nil && f.Limit > 0 && w.sent >= f.Limit {
			w.conn.Close()
			err = net.ErrClosed
		}
		if err != nil {
			return written, err
		}
		p = p[n:]
		time.Sleep(f.Pause)
	}
	return written, nil
}

// A counter counts what comes from a client.
type counter struct {
	s    *Server
	conn net.Conn
}

func (c counter) Read(p []byte) (int, error) {
	n, err := c.conn.Read(p)
	c.s.in.Add(int64(n))
	return n, err
}
