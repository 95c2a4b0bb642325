package storetest

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
)

// recorder is a tb that keeps what it is told.
type recorder struct {
	mu       sync.Mutex
	failures []string
	skipped  string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.mu.Lock()
	r.skipped = fmt.Sprintf(format, args...)
	r.mu.Unlock()
	runtime.Goexit()
}

// observe runs a check and returns what it told. A check that panics is a fault of
// the suite, whatever the store.
func observe(t *testing.T, c check, open func(*testing.T) Harness) *recorder {
	var told recorder
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("%q panicked: %v\n%s", c.name, p, debug.Stack())
			}
		}()
		c.on(&told, t, open)
	}()
	<-done
	return &told
}
