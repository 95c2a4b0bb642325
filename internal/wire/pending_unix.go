//go:build unix

package wire

import (
	"io"
	"net"
	"syscall"
)

// pending reports whether bytes wait in the socket, and io.EOF if the peer has
// closed it.
func pending(c net.Conn) (bool, error) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return false, nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false, err
	}
	var n int
	var peek error
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, peek = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	switch {
	case err != nil:
		return false, err
	case peek == syscall.EAGAIN || peek == syscall.EWOULDBLOCK || peek == syscall.EINTR:
		return false, nil
	case peek != nil:
		return false, peek
	case n == 0:
		return false, io.EOF
	}
	return true, nil
}
