package serversync

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Connections and dials are counted by slots: each key has so many, and who comes
// first gets one first.

// errNoSlot says that no slot became free in time.
var errNoSlot = errors.New("no slot became free in time")

type slots struct {
	clock Clock
	mu    sync.Mutex
	of    map[any]*slot
}

type slot struct {
	used    int
	waiting []*waiter
}

type waiter struct {
	ready bool
	wake  func()
}

func (s *slots) init(clock Clock) { s.clock, s.of = clock, make(map[any]*slot) }

// try takes one of limit slots if one is free and nobody waits for it.
func (s *slots) try(key any, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tryLocked(key, limit) == nil
}

// tryLocked takes a slot, or returns the key's slots where none is free.
func (s *slots) tryLocked(key any, limit int) *slot {
	at := s.of[key]
	if at == nil {
		at = new(slot)
		s.of[key] = at
	}
	if at.used >= limit || len(at.waiting) > 0 {
		return at
	}
	at.used++
	return nil
}

// take takes one of limit slots. If none is free it waits in line for as long as
// patience; the error is errNoSlot then, or ctx's.
func (s *slots) take(ctx context.Context, key any, limit int, patience time.Duration) error {
	s.mu.Lock()
	at := s.tryLocked(key, limit)
	if at == nil {
		s.mu.Unlock()
		return nil
	}
	sleep, wake := context.WithCancel(ctx)
	defer wake()
	w := &waiter{wake: wake}
	at.waiting = append(at.waiting, w)
	s.mu.Unlock()

	s.clock.Sleep(sleep, patience)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.ready {
		return nil
	}
	at.waiting = slices.DeleteFunc(at.waiting, func(other *waiter) bool { return other == w })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errNoSlot
}

// give gives a slot back, to the first in line if there is one.
func (s *slots) give(key any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.of[key]
	if len(at.waiting) > 0 {
		first := at.waiting[0]
		at.waiting = at.waiting[1:]
		first.ready = true
		first.wake()
		return
	}
	if at.used--; at.used == 0 {
		delete(s.of, key)
	}
}

// count returns how many slots of a key are taken, and whether someone waits.
func (s *slots) count(key any) (used int, waited bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.of[key]
	if at == nil {
		return 0, false
	}
	return at.used, len(at.waiting) > 0
}
