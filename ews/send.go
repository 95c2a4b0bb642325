package ews

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/internal/wire"
	"github.com/go-serversync/serversync/provider"
)

// Send makes a draft, encloses what is large, and has the draft sent.
//
// The draft is a token which SendItem consumes, so it is never asked for twice but after an
// answer that says that it did nothing; a message whose SendItem was not answered is
// Uncertain, and Settle finds out. The draft's recipients are the submission's, each in
// the role that the header has for them: Exchange goes by these and not by the MIME that comes with them
// ([MS-OXWSMSG], section 2.2.4.1), and where the header names somebody else, it goes without the
// fields that name people. Exchange writes the message anew, as it does with every one.
func (s *session) Send(ctx context.Context, sub provider.Submission) (provider.Result, error) {
	l := s.newLetter(sub)
	var refused, err error
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if refused, err = l.check(); err == nil {
		if err = l.prepare(ctx); err != nil {
			err = l.refused(ctx, err)
		} else {
			err = l.submit(ctx)
		}
	}
	if err == nil {
		err = refused
	}
	l.settle(provider.StatusRetry, "not sent")
	s.log.DebugContext(ctx, "ews: send", "recipients", len(sub.Recipients), "code", codeOf(err), "kind", string(provider.KindOf(err)))
	return l.result, err
}

var (
	errNoID     = errors.New("the server gives an item without an id")
	errUnderWay = errors.New("the server is still sending it for an earlier try")
	errStays    = errors.New("the server says that it is sent, and its draft is still there")
)

func fail(op string, kind provider.Kind, remedy string, err error) *provider.Error {
	return &provider.Error{Op: "ews: " + op, Kind: kind, Remedy: remedy, Err: err}
}

// prepare does all that can be undone: it takes away what an earlier try has left, and makes
// the draft.
func (l *letter) prepare(ctx context.Context) error {
	left, err := l.drafts(ctx)
	if err != nil {
		return err
	}
	for _, d := range left {
		if d.submitted {
			return fail("FindItem", provider.ErrUnavailable, "", errUnderWay)
		}
		if err := l.discard(ctx, d.draft); err != nil {
			return err // even if it is gone: somebody has it under way
		}
	}
	large, err := l.divide()
	if err != nil {
		return fail("message", provider.ErrUnavailable, "check the directory for temporary files", err)
	}
	out := slices.Clone(l.header)
	for _, e := range large {
		out = append(out, e.span)
	}
	slices.SortFunc(out, func(a, b span) int { return int(a.from - b.from) })
	mime, err := without(l.sub.Raw, out)
	if err != nil {
		return fail("message", provider.ErrUnavailable, "check the directory for temporary files", err)
	}
	if err := l.createDraft(ctx, mime); err != nil {
		return err
	}
	for _, e := range large {
		if err := l.enclose(ctx, e.attachment); err != nil {
			return err
		}
	}
	return nil
}

// drafts returns the drafts that there are for the submission.
func (l *letter) drafts(ctx context.Context) ([]sighting, error) {
	found, err := l.sight(ctx, "drafts", byToken(l.token))
	return slices.DeleteFunc(found, func(s sighting) bool { return s.token != l.token }), err
}

// submit tells the caller that the point of no return is reached, and has the draft sent.
func (l *letter) submit(ctx context.Context) error {
	if l.sub.Submitting != nil {
		if err := l.sub.Submitting(ctx); err != nil {
			l.settle(provider.StatusRetry, "not sent: it could not be noted that it would be")
			l.leave(ctx)
			return err
		}
	}
	if ctx.Err() != nil {
		l.settle(provider.StatusRetry, "not sent: cancelled")
		return context.Cause(ctx)
	}
	for try := 0; ; try++ {
		err := l.sendItem(ctx)
		switch {
		case err == nil:
			return l.confirm(ctx)
		case changed(err) && try < maxKeys:
			now, stateErr := l.state(ctx, l.draft)
			if stateErr == nil && !now.submitted {
				l.draft.key = now.key
				continue
			}
			if stateErr != nil && provider.KindOf(stateErr) != provider.ErrNotFound {
				return l.refused(ctx, err) // the conflict was a no
			}
			return l.lost(ctx, err) // somebody else has sent it, or thrown it away
		case definite(err):
			return l.refused(ctx, err)
		}
		return l.lost(ctx, err)
	}
}

// maxKeys is how often a draft's key is asked for anew. Exchange Online touches what has just
// been made, so that its key is an old one at once.
const maxKeys = 3

// sendItem asks for the draft to be sent, with a copy among the sent mail.
func (l *letter) sendItem(ctx context.Context) error {
	return l.client.do(ctx, call{
		op: "SendItem",
		write: func(w *soap.Writer) {
			w.Start("m:SendItem", "SaveItemToFolder", "true")
			w.Start("m:ItemIds")
			l.draft.write(w, "t:ItemId")
			w.End()
			w.Start("m:SavedItemFolderId")
			l.writeFolder(w, "sentitems")
			w.End()
			w.End()
		},
		read: readOne("SendItem", func(*soap.Reader, soap.Element) {}),
	})
}

// refused settles everybody by an error that says that nothing was sent.
func (l *letter) refused(ctx context.Context, err error) error {
	status, err := verdict(err)
	if status == provider.StatusRejected {
		l.settle(status, words(err))
	} else {
		l.settle(status, "not sent: "+words(err))
	}
	l.result.Reply = wire.Quote(codeOf(err))
	l.clear(ctx, err)
	return err
}

// clear takes the draft away that is not to be sent. What is left of it is found by the
// next try: a server that wants to be left alone is not asked for more.
func (l *letter) clear(ctx context.Context, because error) {
	if l.draft.id == "" || ctx.Err() != nil || provider.KindOf(because) == provider.ErrThrottled {
		return
	}
	if err := l.discard(ctx, l.draft); err != nil && provider.KindOf(err) != provider.ErrNotFound {
		l.log.WarnContext(ctx, "ews: a draft that will not be sent is left among the drafts", "error", err)
	}
}

// leave withdraws the draft of a try that could not be noted: it may have been nevertheless, and then
// the draft tells that nothing was sent.
func (l *letter) leave(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	if err := l.withdraw(ctx, l.draft); err != nil {
		l.log.WarnContext(ctx, "ews: a draft that will not be sent is left among the drafts", "error", err)
	}
}

// The time that the server has to take a draft away that it has called sent.
const (
	stayTries = 3
	stayWait  = time.Second
)

// confirm is told that the draft was sent, and looks whether it is gone. A draft that
// stays proves that the server is wrong about something; then a person decides, to
// whom the draft is evidence.
func (l *letter) confirm(ctx context.Context) error {
	l.result.Reply = "NoError"
	for try := 1; ; try++ {
		now, err := l.state(ctx, l.draft)
		if err != nil || now.submitted || now.folder != l.known["drafts"] {
			l.settle(provider.StatusSent, "the server took it")
			return nil // it has said so, and nothing says otherwise
		}
		if try == stayTries || !pause(ctx, stayWait) {
			break
		}
	}
	if ctx.Err() == nil {
		if seen, err := l.look(ctx); err == nil && seen.sent {
			l.settle(provider.StatusSent, "found among the sent mail")
			l.clear(ctx, nil)
			return nil
		}
		if err := l.accuse(ctx, l.draft); err != nil {
			l.log.WarnContext(ctx, "ews: a draft that stays could not be marked", "error", err)
		}
	}
	l.settle(provider.StatusUncertain, errStays.Error())
	return fail("SendItem", provider.ErrProtocol, remedyLost, errStays)
}

const remedyLost = "look for the message in the folders of sent mail and of drafts, or ask a recipient, before it is sent again"

// lost settles everybody after a SendItem that may have had its effect: as Sent if the copy is
// there already, else as Uncertain.
func (l *letter) lost(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		if seen, err := l.look(ctx); err == nil && seen.sent {
			l.settle(provider.StatusSent, "found among the sent mail")
			return nil
		}
	}
	l.settle(provider.StatusUncertain, "it was to be sent and the answer was lost: "+words(err))
	var e *provider.Error
	if errors.As(err, &e) {
		lost := *e
		lost.Remedy = remedyLost
		return &lost
	}
	return err
}

// pause waits and reports whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// words returns why err came about, in our words and the server's.
func words(err error) string {
	var e *provider.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := string(e.Kind)
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Code != "" && !strings.Contains(text, e.Code) {
		text = fmt.Sprintf("%s: %s", e.Code, text)
	}
	return text
}
