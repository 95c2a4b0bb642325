package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
)

type shower struct {
	ctx    context.Context
	out    io.Writer
	syncer *serversync.Syncer
}

func (s shower) title(text string) { fmt.Fprintf(s.out, "\n== %s\n", text) }

// sync makes a cycle of a mailbox, and tells what came in or why nothing could.
func (s shower) sync(a provider.Account) {
	report, err := s.syncer.SyncMailbox(s.ctx, a.Mailbox.Key)
	fmt.Fprintf(s.out, "%s: %d came in\n", a.Mailbox.Address, report.Tracked)
	if why := report.Incoming.Fault; err != nil {
		fmt.Fprintf(s.out, "  %s: %s\n  code:   %s\n  remedy: %s\n", report.Incoming.Phase, why.Cause, why.Code, why.Remedy)
	}
}

// failure tells what went wrong and what to do.
func (s shower) failure(err error) {
	fmt.Fprintln(s.out, err)
	if e := (*provider.Error)(nil); errors.As(err, &e) {
		fmt.Fprintf(s.out, "  code:   %s\n  remedy: %s\n", e.Code, e.Remedy)
	}
}

// A day is a clock that the example moves, so that nobody waits for an hour.
type day struct {
	mu  sync.Mutex
	now time.Time
}

func newDay() *day { return &day{now: time.Now()} }

// Now tells the time.
func (d *day) Now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// Sleep lets time pass.
func (d *day) Sleep(ctx context.Context, t time.Duration) error {
	d.pass(t)
	return ctx.Err()
}

func (d *day) pass(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(t)
}
