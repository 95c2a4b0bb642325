package testserver

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"
)

// freePorts returns n ports of the loopback interface that nobody listens on. They
// lie below the range from which systems take the ports of outgoing connections,
// so that a server which is restarted finds its ports free again.
func freePorts(n int) ([]int, error) {
	const from, to, tries = 12_000, 32_000, 1000
	var ports []int
	for range tries {
		port := from + rand.IntN(to-from)
		ln, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		// Held until all are found, so that none is taken twice.
		defer func() { _ = ln.Close() }()
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("testserver: no %d free ports between %d and %d", n, from, to)
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// distant returns the same port of another loopback address, to which a client
// connects from the first.
func distant(addr string) string { return strings.Replace(addr, "127.0.0.1:", "127.0.0.2:", 1) }

// greeted waits until the server that p runs answers at addr with a first line
// that holds banner. Another server may have taken the port, so that a connection
// alone says nothing.
func greeted(ctx context.Context, p *process, addr, banner string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
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
	if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	return bufio.NewReader(c).ReadString('\n')
}
