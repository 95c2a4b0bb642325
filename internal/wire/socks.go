package wire

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strconv"

	"github.com/go-serversync/serversync/provider"
)

// What SOCKS5 writes (RFC 1928, sections 3 to 6; RFC 1929).
const (
	socksVersion  = 5
	socksOpen     = 0
	socksPassword = 2
	socksConnect  = 1
	socksV4       = 1
	socksName     = 3
	socksV6       = 4
)

// socks asks by SOCKS5. Every answer is read to its last byte and no further.
func (p *proxy) socks(conn net.Conn, target string) error {
	methods := []byte{socksVersion, 1, socksOpen}
	if p.Username != "" {
		methods = []byte{socksVersion, 2, socksOpen, socksPassword}
	}
	if _, err := conn.Write(methods); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(conn, answer[:2]); err != nil {
		return err
	}
	switch {
	case answer[0] != socksVersion:
		return noProxy("SOCKS5")
	case answer[1] == socksPassword && p.Username != "":
		if err := p.socksSignIn(conn); err != nil {
			return err
		}
	case answer[1] != socksOpen:
		return &proxyError{provider.ErrUnavailable, codeProxy, "the operator's proxy wants another sign-in than ours", nil}
	}
	if _, err := conn.Write(socksRequest(target)); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	if answer[0] != socksVersion {
		return noProxy("SOCKS5")
	}
	if answer[1] != 0 {
		return socksAnswer(answer[1])
	}
	return skipBound(conn, answer[3])
}

func (p *proxy) socksSignIn(conn net.Conn) error {
	password := p.Password.Reveal()
	ask := append([]byte{1, byte(len(p.Username))}, p.Username...)
	ask = append(append(ask, byte(len(password))), password...)
	if _, err := conn.Write(ask); err != nil {
		return err
	}
	var answer [2]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	if answer[1] != 0 {
		return &proxyError{provider.ErrUnavailable, codeProxy, "the operator's proxy does not take our user name and password", nil}
	}
	return nil
}

// socksRequest asks for target, whose host is at most 253 bytes.
func socksRequest(target string) []byte {
	host, port, _ := net.SplitHostPort(target)
	ask := []byte{socksVersion, socksConnect, 0}
	addr, err := netip.ParseAddr(host)
	addr = addr.Unmap()
	switch {
	case err != nil:
		ask = append(append(ask, socksName, byte(len(host))), host...)
	case addr.Is4():
		ask = append(append(ask, socksV4), addr.AsSlice()...)
	default:
		ask = append(append(ask, socksV6), addr.AsSlice()...)
	}
	n, _ := strconv.ParseUint(port, 10, 16)
	return binary.BigEndian.AppendUint16(ask, uint16(n))
}

// skipBound reads the address that the proxy dials from, which is of no use.
func skipBound(conn net.Conn, kind byte) error {
	size := 0
	switch kind {
	case socksV4:
		size = 4
	case socksV6:
		size = 16
	case socksName:
		var n [1]byte
		if _, err := io.ReadFull(conn, n[:]); err != nil {
			return err
		}
		size = int(n[0])
	default:
		return noProxy("SOCKS5")
	}
	_, err := io.ReadFull(conn, make([]byte, size+2))
	return err
}

func socksAnswer(code byte) error {
	switch code {
	case 2:
		return &proxyError{provider.ErrUnavailable, codeProxy, "the operator's proxy does not let us reach the server", nil}
	case 3, 4:
		return &proxyError{provider.ErrUnavailable, codeConnect, "the operator's proxy has no way to the server", nil}
	case 5:
		return &proxyError{provider.ErrUnavailable, codeConnect, "nothing listens there, says the operator's proxy", nil}
	case 6:
		return &proxyError{provider.ErrUnavailable, codeTime, "the server did not answer the operator's proxy in time", nil}
	case 7, 8:
		return &proxyError{provider.ErrUnavailable, codeProxy, "the operator's proxy cannot connect as it is asked to", nil}
	}
	return &proxyError{provider.ErrUnavailable, codeProxy, "the operator's proxy failed", nil}
}
