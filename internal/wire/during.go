package wire

import (
	"context"
	"time"
)

// During ties the connection to ctx for one operation: when ctx ends, reads and
// writes fail at once. The caller calls end with the operation's error when it is
// over. end undoes the tie and returns that error; or ctx's cause, if a read or
// write failed because ctx ended, in which case the connection is useless.
//
// One operation runs at a time; an operation within another is tied to both
// contexts.
func (c *Conn) During(ctx context.Context) (end func(error) error) {
	c.mu.Lock()
	c.ops++
	c.mu.Unlock()
	c.arm() // a reader may be waiting already
	if ctx.Err() != nil {
		c.poison() // not one byte goes out
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		c.poison()
	})
	over := false
	return func(err error) error {
		if over {
			return err
		}
		over = true
		if !stop() {
			<-done
		}
		if c.unpoison() && err != nil {
			return context.Cause(ctx)
		}
		return err
	}
}

// poison makes reads and writes fail, the one that waits now included.
func (c *Conn) poison() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.raw.SetDeadline(past())
}

// unpoison ends an operation. It reports whether the context's end was felt; if
// not, the connection is as good as before.
func (c *Conn) unpoison() (hit bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops--
	c.deadline = time.Time{}
	if c.hit {
		return true
	}
	if c.ops == 0 { // else the operation around this one has ended as well
		c.ended = false
		if c.dead == nil {
			c.raw.SetDeadline(time.Time{})
		}
	}
	return false
}
