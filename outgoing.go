package serversync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// outgoing sends what is due, one entry after the other, for a slice of time.
func (c *cycle) outgoing(ctx context.Context) error {
	until := c.s.cfg.Clock.Now().Add(slice)
	for n := 1; ; n++ {
		if err := c.keepLease(ctx); err != nil {
			return err
		}
		entry, err := c.claim(ctx)
		if errors.Is(err, ErrNotFound) {
			return c.lookAhead(ctx)
		}
		if err != nil {
			return err
		}
		if wait := c.s.rates.wait(c.key, c.settings.SendRate, c.s.cfg.Clock.Now()); wait > 0 && entry.Phase == PhaseClaimed {
			defer entry.Raw.Release()
			return c.waitForRate(ctx, entry, wait)
		}
		err = c.forward(ctx, entry)
		entry.Raw.Release()
		if err != nil && !errors.Is(err, ErrFenced) { // fenced: somebody else has it now
			return err
		}
		if c.saveForLive() {
			return nil // and for the other direction
		}
		if !c.s.cfg.Clock.Now().Before(until) || n == c.settings.SendBatch {
			c.more = true
			return nil
		}
	}
}

func (c *cycle) claim(ctx context.Context) (Entry, error) {
	now := c.s.cfg.Clock.Now()
	return store(ctx, c, "Outbox.Claim", func(ctx context.Context) (Entry, error) {
		return c.s.outbox.Claim(ctx, c.key, c.s.cfg.Node, now, now.Add(c.s.cfg.Sending.Claim))
	})
}

// forward takes an entry one phase on.
func (c *cycle) forward(ctx context.Context, e Entry) error {
	switch e.Phase {
	case PhaseClaimed:
		return c.submit(ctx, e)
	case PhaseUncertain:
		return c.findOut(ctx, e)
	case PhaseAccepted:
		return c.fileCopy(ctx, e)
	}
	return fmt.Errorf("outbox entry %q was claimed in phase %q", e.ID, e.Phase)
}

// advance saves the entry with the alerts about it. Its claim ends unless it is kept.
func (c *cycle) advance(ctx context.Context, e *Entry, keep bool, alerts ...mailbox.Alert) error {
	alerts = c.wanted(alerts)
	if !keep {
		e.Claimer, e.ClaimedUntil = "", time.Time{}
	}
	_, err := store(ctx, c, "Outbox.Advance", only(func(ctx context.Context) error { return c.s.outbox.Advance(ctx, *e, alerts...) }))
	if err != nil {
		return err
	}
	e.Version++
	if !keep && e.NotBefore.After(c.s.cfg.Clock.Now()) && (c.again.IsZero() || e.NotBefore.Before(c.again)) {
		c.again = e.NotBefore
	}
	c.told(alerts)
	return nil
}

// submit sends an entry to the recipients that are still to be tried.
func (c *cycle) submit(ctx context.Context, e Entry) error {
	began, failed := false, e.Attempts
	var result provider.Result
	sendErr := c.onSession(ctx, mailbox.Outgoing, &c.out, func() error {
		sender, ok := provider.As[provider.Sender](c.out.Provider)
		if !ok {
			return &provider.Error{Op: "outgoing", Kind: provider.ErrUnsupported, Err: fmt.Errorf("the driver for %s sends no mail", c.profile.Kind.Outgoing())}
		}
		submission := provider.Submission{From: e.From, Recipients: open(e), Raw: e.Raw, EnvelopeID: e.ID, Report: e.Report, Attempt: e.Attempts,
			Submitting: func(ctx context.Context) error {
				began = true
				e.Phase, e.Submitted = PhaseSubmitting, c.s.cfg.Clock.Now()
				e.Attempts++
				if err := c.advance(ctx, &e, true); err != nil {
					return err
				}
				c.s.rates.note(c.key, c.settings.SendRate, e.Submitted)
				return nil
			}}
		var err error
		result, err = remote(ctx, c, "Sender.Send", func(ctx context.Context) (provider.Result, error) { return sender.Send(ctx, submission) })
		if began && err != nil {
			c.out.broken, c.out.reused = true, false // never send again on a new session by ourselves
		}
		return err
	})
	if isStoreError(sendErr) { // the claim lapses, or somebody has withdrawn the entry; nothing irreversible was done
		if began {
			c.out.broken = true // the only way to end a message that must not be taken was to hang up
			c.s.pool.put(c.out)
			c.out = nil
		}
		return sendErr
	}
	if wait, ours := c.heldFor(sendErr); ours && !began && c.s.cfg.Clock.Now().Sub(e.Queued) < c.s.cfg.Sending.GiveUp { // no try of this entry
		e.Phase, e.NotBefore = PhasePending, c.s.cfg.Clock.Now().Add(wait)
		return errors.Join(c.advance(context.WithoutCancel(ctx), &e, false), sendErr)
	}
	if !began {
		e.Attempts++
	}
	c.outcome(&e, result, sendErr, began)
	if err := c.advance(context.WithoutCancel(ctx), &e, false); err != nil {
		return err
	}
	c.journalEntry(e, failed, sendErr)
	c.countSent(result)
	if ofItem(result) {
		return nil // M4: a word on the message or its recipients says nothing against the direction
	}
	return sendErr
}

// open returns the recipients that are still to be tried.
func open(e Entry) (addresses []string) {
	for _, r := range e.Recipients {
		if r.Status == "" || r.Status == provider.StatusRetry {
			addresses = append(addresses, r.Address)
		}
	}
	return addresses
}

// ofItem reports whether something was decided about a recipient, by the server or,
// for a message that cannot be sent at all, before it was asked.
func ofItem(r provider.Result) bool {
	return slices.ContainsFunc(r.Recipients, func(r provider.Recipient) bool {
		return r.Code != 0 || r.Status == provider.StatusSent || r.Status == provider.StatusRejected
	})
}

// outcome moves an entry on by what became of its recipients.
func (c *cycle) outcome(e *Entry, result provider.Result, err error, began bool) {
	e.Recipients = slices.Clone(e.Recipients)
	for i, r := range e.Recipients {
		if r.Status != "" && r.Status != provider.StatusRetry {
			continue
		}
		at := slices.IndexFunc(result.Recipients, func(t provider.Recipient) bool { return t.Address == r.Address })
		switch {
		case at >= 0 && result.Recipients[at].Status != "":
			e.Recipients[i] = result.Recipients[at]
		case began: // a driver that says nothing after the irreversible byte
			e.Recipients[i].Status = provider.StatusUncertain
		default:
			e.Recipients[i].Status = provider.StatusRetry
		}
	}
	if err != nil {
		e.Reason = c.s.shown(err).Cause
	}
	c.place(e)
}

// place puts an entry into the phase that its recipients call for.
func (c *cycle) place(e *Entry) {
	now := c.s.cfg.Clock.Now()
	// What waited for days, for its turn or while the mailbox was paused, has its tries yet.
	if has(*e, provider.StatusRetry) && now.Sub(e.Queued) >= c.s.cfg.Sending.GiveUp && e.Attempts >= c.s.cfg.ItemTries {
		for i := range e.Recipients {
			if e.Recipients[i].Status == provider.StatusRetry {
				e.Recipients[i].Status = provider.StatusRejected
				e.Recipients[i].Text = "given up: it could not be sent in time; last: " + e.Recipients[i].Text
			}
		}
	}
	switch {
	case has(*e, provider.StatusUncertain):
		e.Phase, e.NotBefore = PhaseUncertain, now.Add(c.s.cfg.Sending.Settle)
		e.Reason = "the server's answer was lost"
	case has(*e, provider.StatusRetry):
		e.Phase, e.NotBefore = PhasePending, now.Add(c.s.cfg.Retry.Wait(e.Attempts, c.s.spread()))
	case has(*e, provider.StatusSent) && !c.s.cfg.Sending.NoCopy && !c.settings.NoSentCopy && !(c.out != nil && c.out.Traits().FilesSent):
		e.Phase, e.NotBefore, e.Attempts, e.Reason = PhaseAccepted, now, 0, ""
	default:
		e.Phase, e.Reason = PhaseDone, ""
	}
}

// has reports whether a recipient of e has the status.
func has(e Entry, s provider.Status) bool {
	return slices.ContainsFunc(e.Recipients, func(r provider.Recipient) bool { return r.Status == s })
}

func (c *cycle) countSent(result provider.Result) {
	for _, r := range result.Recipients {
		switch r.Status {
		case provider.StatusSent:
			c.report.Sent++
		case provider.StatusRejected:
			c.report.Rejected++
		case provider.StatusUncertain:
			c.report.Uncertain++
		default:
			c.report.Retried++
		}
	}
}
