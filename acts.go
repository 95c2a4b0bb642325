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

// Owe commits acts to be done on the server with the next cycles, such as marking
// a message read that a person has read in the CRM. Each may be repeated after a
// crash. A deletion waits for a day. The error is [ErrBusy] while this Syncer is at the mailbox; try again then.
func (s *Syncer) Owe(ctx context.Context, key mailbox.Key, acts ...provider.Act) error {
	return s.alone(ctx, key, func(c *cycle) error {
		var b Batch
		for _, act := range acts {
			b.Owe = append(b.Owe, c.owe(act, 0))
		}
		_, err := c.commit(ctx, &b)
		return err
	})
}

// owe returns an act to be done after a while. Whoever asks for a deletion, it waits
// for a day: a Store that fails over to an old copy cannot lose mail by it.
func (c *cycle) owe(act provider.Act, after time.Duration) OwedAct {
	if act.Kind == provider.Delete {
		after = max(after, minDeleteDelay)
	}
	return OwedAct{Act: act, NotBefore: c.s.cfg.Clock.Now().Add(after)}
}

// acts does what commits have made due on the server. What is done is settled in
// one commit at the end; a crash before it does them again.
func (c *cycle) acts(ctx context.Context) error {
	if len(c.owed) == 0 {
		return nil
	}
	now := c.s.cfg.Clock.Now()
	var b Batch
	var done []OwedAct
	for _, act := range slices.Clone(c.owed) {
		if act.NotBefore.After(now) {
			continue
		}
		err := c.act(ctx, act.Act)
		switch provider.KindOf(err) {
		case "":
			if err != nil {
				return err
			}
			done = append(done, act)
		case provider.ErrNotFound, provider.ErrCursorExpired:
			b.Settled = append(b.Settled, act.ID) // there is nothing left to do it to
		case provider.ErrUnavailable, provider.ErrThrottled, provider.ErrAuth:
			return errors.Join(err, c.settleActs(ctx, &b, c.sure(done)))
		case provider.ErrProtocol: // what the session is good for after that nobody knows
			c.in.broken = true
			c.failAct(&b, act, err)
			return c.settleActs(ctx, &b, c.sure(done))
		default:
			c.failAct(&b, act, err)
		}
	}
	return c.confirmActs(ctx, &b, done)
}

// sure returns what is done for good although the session is lost: nothing where acts
// have to be confirmed. It stays owed.
func (c *cycle) sure(done []OwedAct) []OwedAct {
	if _, ok := provider.As[provider.Confirmer](c.in.Provider); ok {
		return nil
	}
	return done
}

// confirmActs settles what is done, once it is confirmed where it has to be. The session
// is at its end then.
func (c *cycle) confirmActs(ctx context.Context, b *Batch, done []OwedAct) error {
	confirmer, ok := provider.As[provider.Confirmer](c.in.Provider)
	if !ok || len(done) == 0 {
		return c.settleActs(ctx, b, done)
	}
	_, err := remote(ctx, c, "Confirmer.Confirm", only(confirmer.Confirm))
	c.in.broken = true
	c.s.pool.put(c.in)
	c.in = nil
	switch provider.KindOf(err) {
	case "":
		if err != nil {
			return err
		}
	case provider.ErrUnavailable, provider.ErrThrottled, provider.ErrAuth:
		return errors.Join(err, c.settleActs(ctx, b, nil))
	default: // the server says no
		for _, act := range done {
			c.failAct(b, act, err)
		}
		done = nil
	}
	return c.settleActs(ctx, b, done)
}

// settleActs commits that acts are done, and what else is in b.
func (c *cycle) settleActs(ctx context.Context, b *Batch, done []OwedAct) error {
	for _, act := range done {
		c.report.Acts++
		b.Settled = append(b.Settled, act.ID)
	}
	if len(b.Settled) == 0 && len(b.Owe) == 0 {
		return nil
	}
	_, err := c.commit(ctx, b)
	return err
}

func (c *cycle) act(ctx context.Context, act provider.Act) error {
	actor, ok := provider.As[provider.Actor](c.in.Provider)
	if !ok {
		return &provider.Error{Op: "act", Kind: provider.ErrUnsupported, Err: errors.New("the mail system cannot change its items")}
	}
	_, err := remote(ctx, c, "Actor.Act", only(func(ctx context.Context) error { return actor.Act(ctx, act) }))
	return err
}

// failAct has an act tried again later, or given up with an alert.
func (c *cycle) failAct(b *Batch, act OwedAct, err error) {
	act.Attempts++
	if act.Attempts < c.s.cfg.ItemTries && provider.KindOf(err) != provider.ErrUnsupported {
		act.NotBefore = c.s.cfg.Clock.Now().Add(c.s.cfg.Retry.Wait(act.Attempts, c.s.spread()))
		b.Owe = append(b.Owe, act)
		return
	}
	b.Settled = append(b.Settled, act.ID)
	b.Alerts = append(b.Alerts, c.alert(mailbox.Alert{
		Level: profile.Warning, Code: "act-failed", Side: mailbox.Incoming,
		Message: fmt.Sprintf("could not %s item %q in folder %q: %v", act.Kind, act.ID, act.Folder, err),
		Remedy:  "do it by hand on the server, if it matters",
	}))
}
