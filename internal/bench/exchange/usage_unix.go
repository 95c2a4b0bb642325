//go:build unix

package main

import (
	"syscall"
	"time"
)

// used is the processor time that this process has used.
func used() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is how much memory this process had at most, in KiB, on Linux.
func peak() (kib int64) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		kib = int64(u.Maxrss)
	}
	return kib
}
