package link

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// conn is a client's connection and the one to the server that belongs to it.
type conn struct {
	link   *Link
	client *net.TCPConn
	server *net.TCPConn // nil until dialled; guarded by mu
	fault  Fault
	up     *queue
	down   *queue
	done   chan struct{} // closed when nothing more is to pass
	silent chan struct{} // closed when the fault Silence has come

	drains sync.WaitGroup

	mu     sync.Mutex
	ended  bool
	hushed bool
	heard  bool // the last bytes went to the client, so that its next ones are a turn
}

func newConn(l *Link, client *net.TCPConn, fault Fault) *conn {
	limit := held(l.opt)
	return &conn{
		link: l, client: client, fault: fault, heard: true,
		up: newQueue(limit), down: newQueue(limit),
		done: make(chan struct{}), silent: make(chan struct{}),
	}
}

// run carries the connection's bytes until it ends.
func (c *conn) run() {
	defer c.drains.Wait()
	defer c.end(Close)
	if c.fault.Kind != None && c.fault.Up == 0 && c.fault.Down == 0 {
		c.fail()
	}
	// The kernel has answered the client at once. On a real line that takes a round
	// trip, and the server learns of the connection another half later.
	if !c.sleep(2*c.link.opt.Delay) || !c.passing() {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer c.end(Close)
	wg.Go(func() { c.receive(c.client, &c.link.up, c.up, c.sent) })
	if !c.sleep(c.link.opt.Delay) || !c.dial() {
		return
	}
	var flow sync.WaitGroup
	wg.Go(func() { c.receive(c.server, &c.link.down, c.down, nil) })
	flow.Go(func() { c.deliver(c.up, c.server, c.fault.Up, nil) })
	flow.Go(func() { c.deliver(c.down, c.client, c.fault.Down, c.arrived) })
	flow.Wait()
}

// dial connects to the server. If that fails, the client sees a reset.
func (c *conn) dial() bool {
	d := net.Dialer{Timeout: 10 * time.Second}
	server, err := d.DialContext(c.link.ctx, "tcp", c.link.target)
	if err != nil {
		c.end(Reset)
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		_ = server.Close() // nothing was sent on it
		return false
	}
	c.server = server.(*net.TCPConn)
	return true
}

// held returns how many bytes may be under way in a direction: what the line
// holds, and no more than a kernel would buffer.
func held(o Options) int {
	const least, most = 64 << 10, 16 << 20
	if o.BytesPerSecond <= 0 {
		return most
	}
	n := float64(o.BytesPerSecond) * (2*o.Delay + 100*time.Millisecond).Seconds()
	return int(min(most, max(least, n)))
}

// receive reads what one side sends and queues it with the time when it is due on
// the other.
func (c *conn) receive(from *net.TCPConn, line *lane, q *queue, seen func(n int)) {
	buf := make([]byte, line.chunk())
	for c.passing() {
		n, err := from.Read(buf)
		if n > 0 {
			if seen != nil {
				seen(n)
			}
			data := append([]byte(nil), buf[:n]...)
			if !q.push(chunk{data: data, due: line.leave(n).Add(c.link.opt.Delay)}) {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				err = syscall.ECONNRESET
			}
			q.push(chunk{err: err, due: time.Now().Add(c.link.opt.Delay)})
			return
		}
	}
}

// deliver writes what is due to the other side, until its queue ends or limit
// bytes have passed and the fault has come. A limit of 0 is none.
func (c *conn) deliver(q *queue, to *net.TCPConn, limit int64, seen func(n int)) {
	for {
		next, ok := q.pop()
		if !ok || !c.sleep(time.Until(next.due)) || !c.passing() {
			return
		}
		if next.err != nil {
			c.finish(to, next.err)
			return
		}
		data := next.data
		if limit > 0 {
			data = data[:min(int64(len(data)), limit)]
		}
		if !c.write(to, data, seen) {
			return
		}
		if limit > 0 {
			if limit -= int64(len(data)); limit == 0 {
				c.fail()
				return
			}
		}
	}
}

// write writes data in slices. If it cannot, the connection ends.
func (c *conn) write(to *net.TCPConn, data []byte, seen func(n int)) bool {
	size := c.link.opt.Slice
	if size <= 0 {
		size = len(data)
	}
	for len(data) > 0 {
		part := data[:min(size, len(data))]
		if seen != nil {
			seen(len(part)) // before the write, as the client may answer at once
		}
		if _, err := to.Write(part); err != nil {
			c.end(Reset)
			return false
		}
		data = data[len(part):]
		if len(data) > 0 && !c.sleep(c.link.opt.Pause) {
			return false
		}
	}
	return true
}

// finish passes on that one side has said all that it had to say, or was reset.
func (c *conn) finish(to *net.TCPConn, err error) {
	if err != io.EOF {
		c.end(Reset)
		return
	}
	_ = to.CloseWrite() // it fails only if the connection is gone already
}

// fail brings about the connection's fault.
func (c *conn) fail() {
	if c.fault.Kind != Silence {
		// A reset can reach a client before its dial has returned, and a server
		// before it has taken the bytes that still pass. A moment lets them.
		if c.fault.Kind == Close || c.sleep(5*time.Millisecond) {
			c.end(c.fault.Kind)
		}
		return
	}
	c.mu.Lock()
	if !c.hushed {
		c.hushed = true
		close(c.silent)
	}
	c.mu.Unlock()
	<-c.done
}

// end ends both connections. A reset ends them at once, also while an orderly end
// is under way.
func (c *conn) end(kind Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.ended
	c.ended = true
	if first {
		close(c.done)
		c.up.close()
		c.down.close()
	}
	for _, side := range []*net.TCPConn{c.client, c.server} {
		switch {
		case side == nil:
		case kind == Reset:
			_ = side.SetLinger(0) // closing follows either way
			_ = side.Close()
		case first:
			c.drains.Go(func() { drain(side) })
		}
	}
}

// drain ends a side in good order: it says so and hears the other side out, as
// closing with bytes unread would turn the end into a reset. No call here fails
// unless the connection is gone already, which is the aim.
func drain(side *net.TCPConn) {
	_ = side.CloseWrite()
	_ = side.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, side)
	_ = side.Close()
}

// passing waits while the line or the connection is silent. It is false when the
// connection has ended.
func (c *conn) passing() bool {
	select {
	case <-c.silent:
		<-c.done
		return false
	default:
	}
	select {
	case <-c.link.opened():
	case <-c.done:
	}
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// sleep waits for d. It is false when the connection has ended.
func (c *conn) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.done:
		return false
	}
}

// sent counts what the client sent.
func (c *conn) sent(n int) {
	c.mu.Lock()
	turn := c.heard
	c.heard = false
	c.mu.Unlock()
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	c.link.stats.Up += int64(n)
	if turn {
		c.link.stats.Turns++
	}
}

// arrived counts what goes to the client.
func (c *conn) arrived(n int) {
	c.mu.Lock()
	c.heard = true
	c.mu.Unlock()
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	c.link.stats.Down += int64(n)
}
