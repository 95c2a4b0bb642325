package providertest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// recorder is a tb that fails nobody, so that a test can see a rule fail.
type recorder struct {
	name     string
	mu       sync.Mutex
	failures []string
	noticed  chan struct{} // closed with the first of them
	skipped  bool
	cleanups []func()
}

func newRecorder(r rule) *recorder { return &recorder{name: r.name, noticed: make(chan struct{})} }

// record runs a rule to its end and returns what it reported.
func record(r rule, h Harness) *recorder {
	rec := newRecorder(r)
	rec.record(r, h)
	return rec
}

func (rec *recorder) record(r rule, h Harness) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run(rec, h)
	}()
	<-done
	for _, cleanup := range slices.Backward(rec.cleanups) {
		cleanup()
	}
}

func (r *recorder) Helper()             {}
func (r *recorder) Name() string        { return r.name }
func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) == 0 {
		close(r.noticed)
	}
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(string, ...any) {
	r.skipped = true
	runtime.Goexit()
}
