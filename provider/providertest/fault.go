package providertest

import (
	"context"
	"fmt"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// An Op names a call of a session.
type Op string

// The calls that a Fault hook sees.
const (
	OpOpen    Op = "open"
	OpProbe   Op = "probe"
	OpCheck   Op = "check"
	OpFolders Op = "folders"
	OpChanges Op = "changes"
	OpFetch   Op = "fetch"
	OpAct     Op = "act"
	OpConfirm Op = "confirm"
	OpFind    Op = "find"
	OpFile    Op = "file"
	OpSend    Op = "send" // before Submitting and the terminator
	OpSent    Op = "sent" // after the terminator, before its answer
	OpSettle  Op = "settle"
	OpClose   Op = "close"
)

// A Call is one call of a session.
type Call struct {
	N       int64 // the call's number on its Server, from 1; never twice
	Op      Op
	Mailbox mailbox.Key
	Folder  provider.FolderID // for Changes, Fetch, Act and File
	Lane    provider.Lane     // for Changes
	Act     provider.Act      // for Act
}

// An Outcome says what becomes of a call. The zero Outcome lets it pass.
//
// Err, Block and Cut end the call before it had any effect, or, with Effect set,
// after it had its effect but before the caller learned of it.
type Outcome struct {
	Err    error // what the call returns. It should be an *Error
	Block  bool  // hang until the call's context ends
	Cut    bool  // the connection is lost: this call and all later ones of the session fail
	Effect bool  // the effect comes first; Fetch gives its items, or half of them before a Cut
	Panic  any   // if not nil, the call panics with it, before its effect

	// Stage, at OpOpen and OpProbe, is the one that fails. Default: what fits the
	// kind of error.
	Stage provider.Stage

	// Answer, at OpSent with Err, makes Err the server's own refusal of the
	// message: for good if its kind is ErrBadItem or ErrTooLarge, for now if it is
	// another one. Else the answer is lost and every recipient uncertain.
	Answer bool

	// Item, if not nil, sees each item that Changes or Fetch gives; what it returns
	// is that item's Err.
	Item func(provider.ID) error
}

func (o Outcome) fails() bool { return o.Err != nil || o.Block || o.Cut }

// consult numbers a call, waits for the latency and asks the hook.
func (s *session) consult(ctx context.Context, c Call) (Outcome, error) {
	c.N, c.Mailbox = s.server.calls.Add(1), s.box.key
	if err := wait(ctx, s.server.Latency); err != nil {
		return Outcome{}, err
	}
	if s.server.Fault == nil {
		return Outcome{}, nil
	}
	o := s.server.Fault(c)
	if o.Panic != nil {
		panic(o.Panic)
	}
	return o, nil
}

// suffer does what o says of a call that fails, nil if it does not.
func (s *session) suffer(ctx context.Context, op Op, o Outcome) error {
	if o.Cut {
		s.lost = true
	}
	switch {
	case o.Block:
		<-ctx.Done()
		return ctx.Err()
	case o.Err != nil:
		return o.Err
	case o.Cut:
		return failure(op, provider.ErrUnavailable, "the connection was lost")
	}
	return nil
}

// wait sleeps for d, or until ctx ends. Where both come at one instant the
// context's end wins, so that a run in virtual time can be replayed.
func wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		<-ctx.Done()
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

func failure(op Op, kind provider.Kind, format string, args ...any) *provider.Error {
	return &provider.Error{Op: "fake: " + string(op), Kind: kind, Err: fmt.Errorf(format, args...)}
}
