// Package proxytest is a proxy on the loopback interface, for tests and examples. It
// speaks SOCKS5 and CONNECT on one port, leads each target where it is told to, and
// so stands in for a network whose servers have names and well-known ports.
package proxytest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
)

// Options say what proxy is wanted. The zero Options is one that asks nobody who he
// is and connects to each target as it is told.
type Options struct {
	TLS                *tls.Config // makes it an https proxy
	Username, Password string      // asked for if set

	// Lead returns the address that a target is led to, and the answer where it is
	// led nowhere: a reply code of SOCKS5 (RFC 1928, section 6) or a status of HTTP.
	Lead func(target string) (address string, answer int)
}

// A Server is a running proxy.
type Server struct {
	Addr string // host:port

	options  Options
	listener net.Listener
	done     sync.WaitGroup
	mu       sync.Mutex
	shut     bool
	conns    map[net.Conn]bool
	targets  []string
}

// New starts a proxy. It panics if the system gives it no port.
func New(o Options) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("proxytest: " + err.Error())
	}
	s := &Server{Addr: l.Addr().String(), options: o, listener: l, conns: map[net.Conn]bool{}}
	s.done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if o.TLS != nil {
				conn = tls.Server(conn, o.TLS)
			}
			s.serve(conn)
		}
	})
	return s
}

// serve serves conn until it is closed, by Close at the latest.
func (s *Server) serve(conn net.Conn) {
	if !s.keep(conn) {
		return
	}
	s.done.Go(func() {
		defer conn.Close()
		r := bufio.NewReader(conn)
		first, err := r.Peek(1)
		if err != nil {
			return
		}
		if first[0] == 5 {
			s.socks(conn, r)
		} else {
			s.http(conn, r)
		}
	})
}

// keep notes what Close has to close.
func (s *Server) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		conn.Close()
		return false
	}
	s.conns[conn] = true
	return true
}

// Close ends every connection and waits for all that the proxy runs.
func (s *Server) Close() {
	s.listener.Close()
	s.mu.Lock()
	s.shut = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Targets returns what was asked for so far, as it was asked for.
func (s *Server) Targets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.targets)
}

func (s *Server) open(target string, refused int) (net.Conn, int) {
	s.mu.Lock()
	s.targets = append(s.targets, target)
	s.mu.Unlock()
	address := target
	if s.options.Lead != nil {
		if address, refused = s.options.Lead(target); address == "" {
			return nil, refused
		}
	}
	to, err := net.Dial("tcp", address)
	if err != nil || !s.keep(to) {
		return nil, refused
	}
	return to, 0
}

func (s *Server) join(conn net.Conn, r io.Reader, to net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(to, r)
		to.Close()
	}()
	io.Copy(conn, to)
	conn.Close()
	<-done
}

func (s *Server) http(conn net.Conn, r *bufio.Reader) {
	say := func(status int) {
		io.WriteString(conn, "HTTP/1.1 "+strconv.Itoa(status)+" x\r\nX-Echo: "+s.options.Password+"\r\n\r\n")
	}
	q, err := http.ReadRequest(r)
	if err != nil || q.Method != http.MethodConnect {
		say(http.StatusBadRequest)
		return
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.options.Username+":"+s.options.Password))
	if s.options.Username != "" && q.Header.Get("Proxy-Authorization") != want {
		say(http.StatusProxyAuthRequired)
		return
	}
	to, refused := s.open(q.Host, http.StatusBadGateway)
	if to == nil {
		say(refused)
		return
	}
	say(http.StatusOK)
	s.join(conn, r, to)
}

func (s *Server) socks(conn net.Conn, r *bufio.Reader) {
	if !s.admits(conn, r) {
		return
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return
	}
	var host string
	size := map[byte]int{1: 4, 4: 16}[head[3]]
	if head[3] == 3 {
		n, _ := r.ReadByte()
		size = int(n)
	}
	rest := make([]byte, size+2)
	if _, err := io.ReadFull(r, rest); err != nil {
		return
	}
	if addr, ok := netip.AddrFromSlice(rest[:size]); ok && head[3] != 3 {
		host = addr.String()
	} else {
		host = string(rest[:size])
	}
	target := net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(rest[size:]))))
	to, refused := s.open(target, 5)
	if to == nil {
		conn.Write([]byte{5, byte(refused), 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	conn.Write(append([]byte{5, 0, 0, 3, 4}, "boundXX"[:6]...)) // an odd but legal form
	s.join(conn, r, to)
}

// admits plays the sign-in of SOCKS5 (RFC 1929).
func (s *Server) admits(conn net.Conn, r *bufio.Reader) bool {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return false
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(r, methods); err != nil {
		return false
	}
	if s.options.Username == "" {
		conn.Write([]byte{5, 0})
		return true
	}
	if !slices.Contains(methods, 2) {
		conn.Write([]byte{5, 0xff})
		return false
	}
	conn.Write([]byte{5, 2})
	text := func() string {
		n, _ := r.ReadByte()
		b := make([]byte, n)
		io.ReadFull(r, b)
		return string(b)
	}
	r.ReadByte()
	good := text() == s.options.Username && text() == s.options.Password
	conn.Write([]byte{1, map[bool]byte{true: 0, false: 1}[good]})
	return good
}
