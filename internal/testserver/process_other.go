//go:build !unix

package testserver

import (
	"errors"
	"net"
	"os"
	"os/exec"
)

// There are no groups of processes here, and no servers either: Missing says so
// before any of these is called.

func ownGroup(*exec.Cmd) {}

func socketPair() (net.Conn, *os.File, error) { return nil, nil, errors.ErrUnsupported }

func terminate(int) {}

func killGroup(int) {}

func groupMembers(int) []int { return nil }
