package serversync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// How often a test message is looked for: soon at first, for most arrive at once, and
// later so that who waits is told within a second of its arrival.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = 900 * time.Millisecond

	// Where each look takes a sign-in of its own there are fewer.
	secondSignIn = time.Second
	lastSignIn   = 8 * time.Second
)

// codeNotReadBack is the code of a test message that did not arrive.
const codeNotReadBack = "NotReadBack"

// testMessages is how many test messages may fail to arrive in a row before a person
// has to look where they go.
const testMessages = 3

// isNotReadBack reports whether a test message did not arrive.
func isNotReadBack(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.Code == codeNotReadBack
}

// sending tests whether the mailbox can send, and whether what it sends to itself
// arrives.
func (t *trial) sending(ctx context.Context, sides []mailbox.Side) {
	if t.failed[mailbox.Outgoing] != nil {
		return
	}
	if t.mayLock() {
		t.failed[mailbox.Outgoing] = t.failed[mailbox.Incoming]
		t.skip(mailbox.Outgoing, provider.StageSignIn, "sign-in was refused so often that one more could lock the account")
		return
	}
	reads := slices.Contains(sides, mailbox.Incoming) && t.failed[mailbox.Incoming] == nil
	before, err := t.snapshot(ctx, reads)
	if err != nil {
		t.failed[mailbox.Incoming], reads = err, false
	}
	if t.out, t.failed[mailbox.Outgoing] = t.connect(ctx, mailbox.Outgoing); t.failed[mailbox.Outgoing] != nil {
		return
	}
	if t.o.NoMessage {
		t.skip(mailbox.Outgoing, StageSend, "no message was wanted")
		return
	}
	t.failed[mailbox.Outgoing] = t.stage(mailbox.Outgoing, StageSend, func() (provider.Evidence, error) { return t.sendToSelf(ctx) })
	t.s.pool.close(t.out) // it may have taken the only connection
	t.out = nil
	switch {
	case t.failed[mailbox.Outgoing] != nil:
		t.skip(mailbox.Incoming, StageReadBack, "no message was sent")
	case !reads:
		t.skip(mailbox.Incoming, StageReadBack, "incoming mail is not synchronized, or does not work")
	default:
		t.failed[mailbox.Incoming] = t.stage(mailbox.Incoming, StageReadBack, func() (e provider.Evidence, err error) {
			return t.readBack(ctx, before)
		})
	}
}

// mayLock reports whether one more refused sign-in could be one too many (M1). Who
// asks for a test has entered the password again, or wants to know; a test that is
// repeated by itself has no such excuse.
func (t *trial) mayLock() bool {
	one := t.profile.Endpoint(mailbox.Incoming).Credentials == t.profile.Endpoint(mailbox.Outgoing).Credentials
	if !t.byItself || !one || provider.KindOf(t.failed[mailbox.Incoming]) != provider.ErrAuth {
		return false
	}
	since, refused := t.s.cfg.Clock.Now().Add(-t.s.cfg.Retry.RefusalWindow), 1
	for _, r := range t.state.Refused {
		if !r.At.Before(since) {
			refused++
		}
	}
	return refused >= t.s.cfg.Retry.Refusals
}

// keepProbe sees to it that the Store knows how the Message-IDs of the mailbox's test
// messages begin before the first of them leaves, so that none is taken for mail of
// the host's, whatever becomes of the test and however late it arrives.
func (t *trial) keepProbe(ctx context.Context) (err error) {
	for try := 0; t.state.Probe == ""; try++ {
		t.state.Probe = "serversync-test." + t.s.newID() + "."
		if _, err = t.commit(ctx, &Batch{}); err == nil {
			break
		}
		t.state.Probe = ""
		if !errors.Is(err, ErrFenced) || try == 3 {
			return err
		}
		if err = t.reload(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sendToSelf sends the test message.
func (t *trial) sendToSelf(ctx context.Context) (provider.Evidence, error) {
	sender, ok := provider.As[provider.Sender](t.out.Provider)
	if !ok {
		return provider.Evidence{}, &provider.Error{Op: "send", Kind: provider.ErrUnsupported, Err: errors.New("the driver sends no mail")}
	}
	if err := t.keepProbe(ctx); err != nil {
		return provider.Evidence{}, err
	}
	id, err := item.NewMessageID(t.state.Probe+t.s.newID(), t.box.Address[strings.LastIndexByte(t.box.Address, '@')+1:])
	if err != nil { // a domain that no Message-ID can have
		id, err = item.NewMessageID(t.state.Probe+t.s.newID(), "serversync.invalid")
	}
	if err != nil {
		return provider.Evidence{}, &provider.Error{Op: "send", Kind: provider.ErrBadItem, Err: err}
	}
	t.messageID = id
	self := item.Address{Addr: t.box.Address}
	draft := item.Draft{
		From: self, To: []item.Address{self}, MessageID: id, Date: t.s.cfg.Clock.Now(),
		Subject: "Test message: this mailbox is connected",
		Text: "This message was sent by " + t.box.Address + " to itself to test whether the mailbox can\n" +
			"send and receive. It is deleted where that can be done; else you may delete it.\n",
		Fields: []item.Field{{Name: "Auto-Submitted", Value: "auto-generated"}},
	}
	raw, err := draft.Compose()
	if err != nil {
		return provider.Evidence{}, &provider.Error{Op: "send", Kind: provider.ErrUnsupported, Err: err,
			Remedy: "enter the address as mail servers write it, in ASCII and without quotes"}
	}
	result, err := remote(ctx, t.cycle, "Sender.Send", func(ctx context.Context) (provider.Result, error) {
		return sender.Send(ctx, provider.Submission{From: t.box.Address, Recipients: []string{t.box.Address}, Raw: raw})
	})
	if err == nil && len(result.Recipients) != 1 {
		err = &provider.Error{Op: "send", Kind: provider.ErrProtocol, Err: fmt.Errorf("the driver told of %d recipients, and there is one", len(result.Recipients))}
	}
	if err == nil && result.Recipients[0].Status != provider.StatusSent {
		err = &provider.Error{Op: "send", Kind: provider.ErrBadItem, Err: fmt.Errorf("the server did not take the message: %s", result.Recipients[0].Text)}
	}
	return provider.Evidence{Text: "accepted: " + result.Reply}, err
}

// readBack waits until the test message arrives, and takes it away.
func (t *trial) readBack(ctx context.Context, at before) (provider.Evidence, error) {
	until := t.s.cfg.Clock.Now().Add(t.o.RoundTrip)
	for wait := firstLook; ; wait = t.nextLook(wait) {
		if err := t.keepLease(ctx); err != nil && !errors.Is(err, ErrFenced) { // it does without
			return provider.Evidence{}, err
		}
		place, err := t.look(ctx, at)
		var e *provider.Error
		if errors.As(err, &e) && e.Kind == provider.ErrThrottled { // it looks too often
			wait, err = max(wait, e.RetryAfter), nil
		}
		if err != nil {
			return provider.Evidence{}, err
		}
		if place != nil {
			return provider.Evidence{Text: "arrived" + t.takeAway(ctx, *place)}, nil
		}
		if !t.s.cfg.Clock.Now().Before(until) {
			return provider.Evidence{}, &provider.Error{Op: "read-back", Kind: provider.ErrUnavailable, Code: codeNotReadBack,
				Err:    fmt.Errorf("the message that was sent to %s did not arrive within %v", t.box.Address, t.o.RoundTrip),
				Remedy: "look where mail for the address goes: it may be forwarded, filtered, or be slow; the account that was signed in to may be another's"}
		}
		if err := t.s.cfg.Clock.Sleep(ctx, min(wait, max(until.Sub(t.s.cfg.Clock.Now()), firstLook))); err != nil {
			return provider.Evidence{}, err
		}
	}
}

// nextLook returns how long to wait after a wait that brought nothing.
func (t *trial) nextLook(wait time.Duration) time.Duration {
	if t.in != nil && !t.in.Traits().Snapshot {
		return min(2*wait, lastLook)
	}
	return min(max(2*wait, secondSignIn), lastSignIn)
}

// takeAway deletes the test message, and says in words whether it could.
func (t *trial) takeAway(ctx context.Context, p provider.Place) string {
	actor, ok := provider.As[provider.Actor](t.in.Provider)
	if !ok {
		return ""
	}
	_, err := remote(ctx, t.cycle, "Actor.Act", only(func(ctx context.Context) error {
		return actor.Act(ctx, provider.Act{Kind: provider.Delete, Folder: p.Folder, Epoch: p.Epoch, ID: p.ID})
	}))
	if confirmer, ok := provider.As[provider.Confirmer](t.in.Provider); ok && err == nil {
		_, err = remote(ctx, t.cycle, "Confirmer.Confirm", only(confirmer.Confirm))
		t.reopen(ctx) // it is at its end, and there may be advice to be had
	}
	if err != nil {
		return "; it could not be deleted"
	}
	return " and was deleted"
}
