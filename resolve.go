package serversync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// probes is how often the sent mail is looked at for a message whose fate is not
// known, before it is said that it cannot be found out.
const probes = 3

// findOut looks for a message whose answer was lost. Where the mail system can settle what
// became of it (provider.Settler), that counts. Elsewhere, found among the sent mail it
// was sent. Not found proves nothing unless the server files what it accepts; then,
// after some patience, nobody knows, and a person decides.
func (c *cycle) findOut(ctx context.Context, e Entry) error {
	if !has(e, provider.StatusUncertain) { // its claim lapsed while it was submitted
		setStatus(&e, "", provider.StatusUncertain, "the process ended before the answer came")
		setStatus(&e, provider.StatusRetry, provider.StatusUncertain, "the process ended before the answer came")
	}
	looked, why, err := c.fate(ctx, &e)
	waited := c.s.cfg.Clock.Now().Sub(e.Submitted)
	switch {
	case ctx.Err() != nil || isStoreError(err):
		return err // the claim lapses and it is looked for again
	case err != nil && waited < c.s.cfg.Sending.GiveUp:
		e.NotBefore = c.s.cfg.Clock.Now().Add(c.s.cfg.Retry.Wait(1, c.s.spread()))
		e.Reason = "the server's answer was lost, and the sent mail cannot be looked at now: " + c.s.shown(err).Cause
		return c.advance(ctx, &e, false)
	case err == nil && !has(e, provider.StatusUncertain):
		return c.settled(ctx, e)
	}
	if why != "" {
		e.Reason = "the server's answer was lost: " + why
	}
	if next := nextLook(c.s.cfg.Sending.Settle, waited); looked && next > 0 {
		e.NotBefore = c.s.cfg.Clock.Now().Add(next)
		return c.advance(ctx, &e, false)
	}
	if c.s.cfg.Sending.Resend {
		setStatus(&e, provider.StatusUncertain, provider.StatusRetry, "its fate could not be found out")
		c.place(&e)
		return c.advance(ctx, &e, false)
	}
	if why == "" {
		e.Reason = "the server's answer was lost and the message is not among the sent mail"
	}
	return c.leaveToPerson(ctx, e)
}

// fate has the mail system settle what became of an entry, or looks for it among the sent mail,
// and notes what that says of its recipients. looked reports whether there was anything to go by;
// why is what is known of those who stay uncertain.
func (c *cycle) fate(ctx context.Context, e *Entry) (looked bool, why string, err error) {
	result, settles, err := c.askSettler(ctx, *e)
	switch {
	case err != nil:
		return settles, "", err
	case settles:
		return true, decide(e, result), nil
	}
	places, looked, err := c.lookFor(ctx, *e)
	if len(places) > 0 {
		setStatus(e, provider.StatusUncertain, provider.StatusSent, "found among the sent mail")
	}
	return looked, "", err
}

// leaveToPerson holds an entry until a person, who is told of it, decides.
func (c *cycle) leaveToPerson(ctx context.Context, e Entry) error {
	e.Phase = PhaseHeld
	alert := c.alert(mailbox.Alert{
		Level: profile.Error, Code: "send-uncertain", Side: mailbox.Outgoing,
		Message: fmt.Sprintf("nobody knows whether outbox entry %q (Message-ID %q) was sent", e.ID, e.MessageID),
		Remedy:  "ask a recipient or the server's log, then resolve the entry as sent or to be sent again",
	})
	if err := c.advance(ctx, &e, false, alert); err != nil {
		return err
	}
	c.journalEntry(e, e.Attempts-1, nil)
	c.report.Held++
	return nil
}

// askSettler asks the mail system what became of an entry, and reports whether it is one that
// can tell. SMTP never can, so that no session is opened for the question.
func (c *cycle) askSettler(ctx context.Context, e Entry) (result provider.Result, settles bool, err error) {
	if c.profile.Kind.Outgoing() == profile.SMTP {
		return provider.Result{}, false, nil
	}
	err = c.onSession(ctx, mailbox.Outgoing, &c.out, func() (err error) {
		settler, ok := provider.As[provider.Settler](c.out.Provider)
		if settles = ok; !ok {
			return nil
		}
		var open []string
		for _, r := range e.Recipients {
			if r.Status == provider.StatusUncertain {
				open = append(open, r.Address)
			}
		}
		submission := provider.Submission{From: e.From, Recipients: open, Raw: e.Raw, EnvelopeID: e.ID, Report: e.Report,
			Attempt: e.Attempts - 1} // it was counted when it began
		result, err = remote(ctx, c, "Settler.Settle", func(ctx context.Context) (provider.Result, error) {
			return settler.Settle(ctx, submission)
		})
		return err
	})
	return result, settles, err
}

// decide notes what a Settler knows of the recipients, and returns what it says of those who
// stay uncertain.
func decide(e *Entry, result provider.Result) (why string) {
	e.Recipients = slices.Clone(e.Recipients)
	for i, r := range e.Recipients {
		if r.Status != provider.StatusUncertain {
			continue
		}
		at := slices.IndexFunc(result.Recipients, func(t provider.Recipient) bool { return t.Address == r.Address })
		if at >= 0 && result.Recipients[at].Status != "" {
			e.Recipients[i] = result.Recipients[at]
			why = result.Recipients[at].Text
		}
	}
	return why
}

// settled takes an entry on whose fate was found out.
func (c *cycle) settled(ctx context.Context, e Entry) error {
	lost := e.Attempts
	c.place(&e)
	if e.Phase == PhaseAccepted {
		e.Phase = PhaseDone // who can settle has the copy
	}
	if e.Phase == PhasePending && !has(e, provider.StatusSent) {
		e.Reason = "the server's answer was lost, and it was not sent"
	}
	if err := c.advance(ctx, &e, false); err != nil {
		return err
	}
	c.journalEntry(e, lost, nil)
	return nil
}

// nextLook returns how long to wait before the next look, 0 if it was looked long
// enough: after once, twice and four times the settling time.
func nextLook(settle, waited time.Duration) time.Duration {
	for i := range probes {
		if at := settle << i; waited < at {
			return at - waited
		}
	}
	return 0
}

// lookFor looks for an entry among the mailbox's sent mail, and reports whether
// there was a place to look where the server files what it accepts.
func (c *cycle) lookFor(ctx context.Context, e Entry) (places []provider.Place, looked bool, err error) {
	if !c.hasIncoming() {
		return nil, false, nil
	}
	if err := c.incomingClosed(); err != nil {
		return nil, false, err
	}
	err = c.onSession(ctx, mailbox.Incoming, &c.in, func() error {
		finder, folders, err := c.sentFolders(ctx)
		if finder == nil || err != nil {
			return err
		}
		looked = true
		places, err = remote(ctx, c, "Finder.Find", func(ctx context.Context) ([]provider.Place, error) {
			return finder.Find(ctx, folders, e.MessageID)
		})
		return err
	})
	return places, looked, err
}

// hasIncoming reports whether the mailbox can be looked into at all.
func (c *cycle) hasIncoming() bool {
	return c.box.Syncs(mailbox.Incoming) && c.profile.Kind.Incoming() != ""
}

// incomingClosed returns why the mailbox cannot be looked into now: sending must
// not sign in where bringing mail in has to wait, or accounts would be locked.
func (c *cycle) incomingClosed() error {
	if c.in != nil {
		return nil
	}
	now := c.s.cfg.Clock.Now()
	open, _, why := c.state.Gate(mailbox.Incoming, now, c.rules(), c.s.cfg.Retry)
	if refused, because := c.s.credentials.shut(c, mailbox.Incoming); open && refused {
		open, why = false, because
	}
	if !open {
		return &provider.Error{Op: "look among the sent mail", Kind: provider.ErrBadItem, Err: fmt.Errorf("incoming mail has to wait: %s", why.Cause)}
	}
	return nil
}

// sentFolders returns where sent mail lies, and what looks there; nil if nothing can.
func (c *cycle) sentFolders(ctx context.Context) (provider.Finder, []provider.FolderID, error) {
	finder, ok := provider.As[provider.Finder](c.in.Provider)
	source, isSource := provider.As[provider.Source](c.in.Provider)
	if !ok || !isSource {
		return nil, nil, nil
	}
	all, err := c.allFolders(ctx, source)
	if err != nil {
		return nil, nil, err
	}
	var ids []provider.FolderID
	for _, f := range all {
		if f.Role == provider.Sent {
			ids = append(ids, f.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil, nil
	}
	return finder, ids, nil
}

// fileCopy puts a copy among the sent mail, unless it is there. Whatever becomes
// of the copy, the mail was sent.
func (c *cycle) fileCopy(ctx context.Context, e Entry) error {
	err := c.incomingClosed()
	if err == nil && c.hasIncoming() && !c.settings.NoSentCopy && !c.s.cfg.Sending.NoCopy {
		err = c.onSession(ctx, mailbox.Incoming, &c.in, func() error { return c.fileOnce(ctx, e) })
	}
	if ctx.Err() != nil || isStoreError(err) {
		return err
	}
	e.Phase, e.Reason = PhaseDone, ""
	var alerts []mailbox.Alert
	if err != nil {
		if !errors.Is(err, errHeldBack) {
			e.Attempts++
		}
		if e.Attempts < c.s.cfg.ItemTries {
			e.Phase, e.NotBefore = PhaseAccepted, c.s.cfg.Clock.Now().Add(c.s.cfg.Retry.Wait(e.Attempts, c.s.spread()))
		} else {
			alerts = append(alerts, c.alert(mailbox.Alert{Level: profile.Info, Code: "copy-failed", Side: mailbox.Outgoing,
				Message: fmt.Sprintf("outbox entry %q was sent, but its copy could not be filed: %s", e.ID, c.s.shown(err).Cause), Remedy: "nothing: the mail was sent"}))
		}
		e.Reason = "its copy could not be filed: " + c.s.shown(err).Cause
	}
	return c.advance(ctx, &e, false, alerts...)
}

// fileOnce files the copy of an entry if it is not there.
func (c *cycle) fileOnce(ctx context.Context, e Entry) error {
	filer, ok := provider.As[provider.Filer](c.in.Provider)
	finder, folders, err := c.sentFolders(ctx)
	if !ok || finder == nil || err != nil {
		return err
	}
	places, err := remote(ctx, c, "Finder.Find", func(ctx context.Context) ([]provider.Place, error) {
		return finder.Find(ctx, folders, e.MessageID)
	})
	if err != nil || len(places) > 0 {
		return err
	}
	_, err = remote(ctx, c, "Filer.File", only(func(ctx context.Context) error {
		return filer.File(ctx, folders[0], e.Raw, []string{`\Seen`})
	}))
	if err == nil {
		c.report.Filed++
	}
	return err
}

func setStatus(e *Entry, from, to provider.Status, text string) {
	e.Recipients = slices.Clone(e.Recipients)
	for i := range e.Recipients {
		if e.Recipients[i].Status == from {
			e.Recipients[i].Status, e.Recipients[i].Text = to, text
		}
	}
}

// A Resolution is a person's word on a held entry.
type Resolution string

// The resolutions.
const (
	WasSent     Resolution = "sent"   // it was sent after all
	SendAgain   Resolution = "again"  // it was not; send it again
	LeaveUnsent Resolution = "unsent" // it was not, and is not wanted any more
)

// Resolve decides about an entry that is held because nobody knows whether it was
// sent. The error is [ErrTooLate] if it is not held.
func (s *Syncer) Resolve(ctx context.Context, key mailbox.Key, id string, r Resolution) error {
	held := func(p Phase) bool { return p == PhaseHeld }
	return s.edit(ctx, key, id, held, func(e *Entry) {
		switch e.Phase = PhaseDone; r {
		case WasSent:
			setStatus(e, provider.StatusUncertain, provider.StatusSent, "a person said so")
			switch {
			case has(*e, provider.StatusRetry): // others were put off in the same try
				e.Phase, e.NotBefore = PhasePending, s.cfg.Clock.Now()
			case !s.cfg.Sending.NoCopy: // nor does anybody know of a copy
				e.Phase, e.NotBefore, e.Attempts = PhaseAccepted, s.cfg.Clock.Now(), 0
			}
		case SendAgain:
			setStatus(e, provider.StatusUncertain, provider.StatusRetry, "a person said so")
			e.Phase, e.NotBefore = PhasePending, s.cfg.Clock.Now()
		default:
			setStatus(e, provider.StatusUncertain, provider.StatusRejected, "a person gave it up")
			setStatus(e, provider.StatusRetry, provider.StatusRejected, "a person gave it up")
		}
	})
}
