package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-serversync/serversync/provider"
)

// data sends the message itself.
//
// go-smtp's Data is not used: its writer lets bare CR through, and the same call
// that ends the message waits for the answer, so that nobody could note in between
// that the point of no return is reached. The command goes over the link, the
// bytes straight to the connection, which has no buffer: what Write has returned
// for is out of our hands.
func (t *transaction) data(ctx context.Context) error {
	r, err := t.link.command("DATA")
	switch {
	case err != nil:
		return t.lost(dataPhase, "DATA", err)
	case r.code != 354:
		err := t.no(dataPhase, "DATA", r)
		if !t.dead {
			t.reset()
		}
		return err
	}
	terminator, err := t.body()
	if err == nil {
		err = t.submitting(ctx)
	}
	if err != nil {
		t.hangUp() // the only way to end a message that must not be taken
		return err
	}
	return t.terminate(terminator)
}

// body writes the message but for its terminator.
func (t *transaction) body() (terminator string, err error) {
	t.conn.Deadline(0) // as long as bytes flow
	t.conn.Body(true)
	defer t.conn.Body(false)
	buf := buffers.Get().(*[bodyBuffer]byte)
	defer buffers.Put(buf)
	w := newBody(t.conn, buf)
	if err = w.write(t.sub.Raw); err == nil {
		terminator, err = w.finish()
	}
	var ours *unreadable
	switch {
	case errors.As(err, &ours):
		t.settle(provider.StatusRetry, 0, "not sent: "+ours.Error())
		return "", unreadableError(ours)
	case err != nil:
		return "", t.lost(dataPhase, "message", err)
	}
	return terminator, nil
}

// submitting tells the caller that the point of no return is reached. Before and
// after, for telling may take a while, it looks whether the server is still there
// and silent: a server that hung up makes no one uncertain, and an answer in
// advance is none.
func (t *transaction) submitting(ctx context.Context) error {
	if err := t.link.quiet(); err != nil {
		return t.lost(finalPhase, "message", err)
	}
	if t.sub.Submitting != nil {
		if err := t.sub.Submitting(ctx); err != nil {
			t.settle(provider.StatusRetry, 0, "not sent: it could not be noted that it would be")
			return err
		}
	}
	if ctx.Err() != nil {
		t.settle(provider.StatusRetry, 0, "not sent: cancelled")
		return context.Cause(ctx)
	}
	if err := t.link.quiet(); err != nil {
		return t.lost(finalPhase, "message", err)
	}
	return nil
}

// terminate writes the terminator and reads the answer. From here on only a
// proper reply says what became of the message.
func (t *transaction) terminate(terminator string) error {
	const remedy = "look for the message in the folder of sent mail, or ask a recipient, before it is sent again"
	t.conn.Deadline(t.limits.Terminator)
	_, err := io.WriteString(t.conn, terminator)
	var r reply
	if err == nil {
		r, err = t.link.reply()
	}
	if err != nil {
		err = t.broke("end of message", err)
		t.settle(provider.StatusUncertain, 0, "the message was sent and its answer lost: "+words(err))
		var e *provider.Error
		if errors.As(err, &e) {
			lost := *e
			lost.Op, lost.Remedy = "smtp: end of message", remedy
			return &lost
		}
		return err
	}
	switch {
	case r.code/10 == 25:
		t.settle(provider.StatusSent, r.code, t.words(r))
		return nil
	case r.class() == 4 || r.class() == 5:
		return t.no(finalPhase, "end of message", r)
	}
	t.settle(provider.StatusUncertain, r.code, t.words(r))
	t.hangUp()
	return fail("end of message", provider.ErrProtocol, remedy, fmt.Errorf("%s is no answer to a message", t.words(r)))
}
