//go:build !unix

package wire

import "net"

// pending reports that bytes wait in the socket. Here we cannot look, so nothing
// is known to wait.
func pending(net.Conn) (bool, error) { return false, nil }
