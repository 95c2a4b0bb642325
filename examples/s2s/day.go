package main

import (
	"context"
	"sync"
	"time"
)

// A day is a clock that stands still, but for sleeping, which takes no time.
type day struct {
	mu  sync.Mutex
	now time.Time
}

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
	d.now = d.now.Add(max(t, 0))
}
