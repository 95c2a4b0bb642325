// Package link is a line to a far-away server, made of a proxy on the loopback
// interface: it delays, narrows, slices and breaks what passes, and counts it. It
// shows what a protocol costs in turns of the line and how a client takes faults.
package link

import (
	"context"
	"net"
	"sync"
	"time"
)

// Options says what a line is like. The zero value is a line without delay,
// limit or fault.
type Options struct {
	// Delay is how long bytes are under way, in each direction: half of the round
	// trip. It applies to the making of a connection too. It does not limit how
	// much passes at once.
	Delay time.Duration

	// BytesPerSecond is what the line carries in each direction, for all
	// connections together. Default: no limit.
	BytesPerSecond int64

	// Slice is the most bytes that are written at once: 1 makes a server's answer
	// come byte by byte. The kernel joins slices that a reader leaves waiting, which
	// a Pause after each slice prevents. Default: no limit, no pause.
	Slice int
	Pause time.Duration

	// Fault, if not nil, says what goes wrong with a connection. Connections are
	// counted from 0. See [Always] and [Once].
	Fault func(conn int) Fault
}

// Stats is what has passed so far, as a client sees it.
type Stats struct {
	Conns int   // connections taken
	Up    int64 // bytes from clients
	Down  int64 // bytes to clients

	// Turns counts how often a client spoke after the other side had: each turn
	// costs at least a round trip. Making a connection is one, and what the client
	// says first is the next. A client that sends while answers still arrive adds
	// turns that it does not wait for.
	Turns int
}

// Link is a line to one server. It may be used by many goroutines.
type Link struct {
	target string
	opt    Options
	ln     net.Listener
	ctx    context.Context // ends with Close
	stop   context.CancelFunc
	wg     sync.WaitGroup
	up     lane
	down   lane

	mu    sync.Mutex
	stats Stats
	conns map[*conn]bool
	open  chan struct{} // closed while the line carries anything at all
}

// Start makes a line to target, a host:port. The caller calls Close.
func Start(target string, o Options) (*Link, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{target: target, opt: o, ln: ln, conns: map[*conn]bool{}, open: make(chan struct{})}
	l.up.rate, l.down.rate = o.BytesPerSecond, o.BytesPerSecond
	close(l.open)
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.wg.Go(l.accept)
	return l, nil
}

// Addr returns the near end of the line, a host:port to dial instead of the
// server's own.
func (l *Link) Addr() string { return l.ln.Addr().String() }

// Stats returns what has passed so far.
func (l *Link) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Cut resets every connection there is. New ones can be made.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.end(Reset)
	}
}

// Silence makes the line a black hole, or with false ends that: connections stay
// and new ones are taken, yet nothing passes. Writers block once the kernel's
// buffers are full. What was held back passes when the silence ends.
func (l *Link) Silence(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
		if on {
			l.open = make(chan struct{})
		}
	default:
		if !on {
			close(l.open)
		}
	}
}

// Close ends the line and its connections, and returns when all its goroutines
// have ended. Closing again does nothing.
func (l *Link) Close() {
	l.stop()
	_ = l.ln.Close() // a second Close has nothing to close
	l.Cut()
	l.wg.Wait()
}

func (l *Link) accept() {
	for n := 0; ; n++ {
		client, err := l.ln.Accept()
		if err != nil {
			return
		}
		var fault Fault
		if l.opt.Fault != nil {
			fault = l.opt.Fault(n)
		}
		c := newConn(l, client.(*net.TCPConn), fault)
		l.add(c)
		l.wg.Go(func() {
			defer l.remove(c)
			c.run()
		})
	}
}

func (l *Link) add(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = true
	l.stats.Conns++
	l.stats.Turns++
	if l.ctx.Err() != nil {
		c.end(Reset) // Close may have looked for connections before this one
	}
}

func (l *Link) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// opened returns a channel that is closed when the line is not silent.
func (l *Link) opened() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}
