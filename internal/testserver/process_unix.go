//go:build unix

package testserver

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ownGroup makes cmd the leader of a session and group of its own, so that it can
// be ended with all its children, and so that a terminal's interrupt is not its.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// socketPair returns two ends of a connection. Compared to a pair of pipes it
// moves a mailbox in half the time.
func socketPair() (ours net.Conn, theirs *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	near := os.NewFile(uintptr(fds[0]), "near end")
	theirs = os.NewFile(uintptr(fds[1]), "far end")
	defer func() { _ = near.Close() }() // FileConn has a copy
	if ours, err = net.FileConn(near); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// terminate asks a process to end. It fails only if the process is gone.
func terminate(pid int) { _ = syscall.Kill(pid, syscall.SIGTERM) }

// killGroup kills a group. It fails only if the group is gone.
func killGroup(group int) { _ = syscall.Kill(-group, syscall.SIGKILL) }

// groupMembers returns the processes of a group that have not ended. A process
// that ended and that nobody has waited for yet does not count.
func groupMembers(group int) []int {
	var members []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		// pid (name) state parent group ...; the name may hold anything.
		_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 3 || fields[2] != strconv.Itoa(group) || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			members = append(members, pid)
		}
	}
	return members
}
