package testserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"
)

// ports are a server's, which no other program that asks here gets until they are
// closed: also while the server does not run, so that it finds them free again when
// it is restarted.
type ports struct {
	numbers []int
	locks   []io.Closer
}

// freePorts returns n ports of the loopback interface that nobody listens on. They
// lie below the range from which systems take the ports of outgoing connections.
func freePorts(n int) (ports, error) {
	const from, to, tries = 12_000, 32_000, 1000
	var p ports
	for range tries {
		port := from + rand.IntN(to-from)
		if !p.take(port) {
			continue
		}
		if p.numbers = append(p.numbers, port); len(p.numbers) == n {
			return p, nil
		}
	}
	return ports{}, errors.Join(fmt.Errorf("testserver: no %d free ports between %d and %d", n, from, to), p.Close())
}

// take locks a port, unless somebody else has done that or listens on it. The lock is
// the same port of an address of the loopback interface on which nobody serves; the
// system takes it away when this program ends, however it does.
func (p *ports) take(port int) bool {
	lock, err := net.Listen("tcp", fmt.Sprintf("127.0.0.3:%d", port))
	if err != nil {
		return false
	}
	ln, err := net.Listen("tcp", loopback(port))
	if err != nil {
		_ = lock.Close() // nobody has seen it
		return false
	}
	_ = ln.Close() // it was there to look
	p.locks = append(p.locks, lock)
	return true
}

// Close gives the ports to whoever asks next.
func (p *ports) Close() error {
	var errs []error
	for _, lock := range p.locks {
		errs = append(errs, lock.Close())
	}
	p.locks = nil
	return errors.Join(errs...)
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// distant returns the same port of another loopback address, to which a client
// connects from the first.
func distant(addr string) string { return strings.Replace(addr, "127.0.0.1:", "127.0.0.2:", 1) }

// startTime is how long a server's start may take, which on a machine that is not
// busy is well below a second.
const startTime = time.Minute

// greeted waits until the server that p runs answers at addr with a first line
// that holds banner. Another server may have taken the port, so that a connection
// alone says nothing.
func greeted(ctx context.Context, p *process, addr, banner string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		line, err := firstLine(ctx, addr)
		if err == nil && strings.Contains(line, banner) {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("testserver: the server ended instead of starting")
		case <-ctx.Done():
			return fmt.Errorf("testserver: no greeting at %s: last %q, %v: %w", addr, line, err, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func firstLine(ctx context.Context, addr string) (string, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	return bufio.NewReader(c).ReadString('\n')
}
