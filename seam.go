package serversync

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// Every call of the Store, of a driver and of the host's Filter passes through
// here. This is where hooks attach, where a panic on the other side is contained,
// and where tests crash, fail and delay.

// seam numbers the calls, if anyone looks.
type seam struct {
	hook      func(context.Context, Call) (context.Context, func(error))
	intercept func(ctx context.Context, c Call, do func(context.Context) error) error

	mu    sync.Mutex
	count map[callName]int
}

type callName struct {
	mailbox.Key
	name string
}

func (m *seam) number(key mailbox.Key, name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count == nil {
		m.count = make(map[callName]int)
	}
	at := callName{key, name}
	m.count[at]++
	return m.count[at]
}

// through makes one call. Do's panic comes back as an error.
func through[T any](ctx context.Context, m *seam, key mailbox.Key, name string, do func(context.Context) (T, error)) (result T, err error) {
	contained := func(ctx context.Context) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = &panicError{name, r, debug.Stack()}
			}
		}()
		result, err = do(ctx)
		return err
	}
	if m.hook == nil && m.intercept == nil {
		err = contained(ctx)
		return result, err
	}
	call := Call{Name: name, Mailbox: key, Number: m.number(key, name)}
	if m.hook != nil {
		var end func(error)
		ctx, end = m.hook(ctx, call)
		defer func() { end(err) }()
	}
	if m.intercept != nil {
		err = m.intercept(ctx, call, contained)
	} else {
		err = contained(ctx)
	}
	return result, err
}

// paniced returns the panic in err, nil if there is none.
func paniced(err error) *panicError {
	if err == nil {
		return nil // without the garbage of a look
	}
	var p *panicError
	errors.As(err, &p)
	return p
}

// A panicError is a panic on the other side of the seam.
type panicError struct {
	call  string
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("%s panicked: %v", e.call, e.value) }

// none is the result of a call that has only an error.
type none = struct{}

func only(do func(context.Context) error) func(context.Context) (none, error) {
	return func(ctx context.Context) (none, error) { return none{}, do(ctx) }
}

// A storeError is a failure of the host's side. It ends the cycle and is no
// mailbox's fault.
type storeError struct{ err error }

func (e *storeError) Error() string { return "store: " + e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

func store[T any](ctx context.Context, c *cycle, name string, do func(context.Context) (T, error)) (T, error) {
	done := c.step(name)
	result, err := through(ctx, &c.s.seam, c.key, name, do)
	done(err)
	if err != nil {
		err = &storeError{err}
	}
	return result, err
}

// remote calls a driver, and sees to it that the error is of a known kind.
func remote[T any](ctx context.Context, c *cycle, name string, do func(context.Context) (T, error)) (T, error) {
	if err := c.allow(ctx, name); err != nil {
		var none T
		return none, err
	}
	done := c.step(name)
	result, err := through(ctx, &c.s.seam, c.key, name, do)
	done(err)
	switch p := paniced(err); {
	case err == nil:
		c.answered(ctx, name)
	case p != nil:
		c.s.cfg.Logger.Error("driver panicked", "mailbox", c.key.String(), "call", name, "panic", fmt.Sprint(p.value), "stack", string(p.stack))
		err = &provider.Error{Op: name, Kind: provider.ErrProtocol, Err: p}
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case provider.KindOf(err) == "" && !isStoreError(err):
		err = &provider.Error{Op: name, Kind: provider.ErrUnavailable, Err: err}
	}
	return result, err
}

// answered is told of each call of a driver that went well. That a server can be
// connected to says too little.
func (c *cycle) answered(ctx context.Context, name string) {
	switch {
	case name == "Driver.Open":
	case name == "Sender.Send", name == "Settler.Settle":
		c.s.outages.reached(ctx, c, mailbox.Outgoing)
	default:
		c.s.outages.reached(ctx, c, mailbox.Incoming)
	}
}

func isStoreError(err error) bool {
	var s *storeError
	return errors.As(err, &s)
}

// step logs a call at its end, for a mailbox that somebody wants to follow. For the
// others it does not even look at the clock.
func (c *cycle) step(name string) (done func(error)) {
	if !c.follow {
		return func(error) {}
	}
	began := c.s.cfg.Clock.Now()
	return func(err error) {
		c.s.cfg.Logger.Info("step", "mailbox", c.key.String(), "call", name, "took", c.s.cfg.Clock.Now().Sub(began), "error", err)
	}
}
