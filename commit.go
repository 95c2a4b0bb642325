package serversync

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// commit commits b, with the state and the alerts that are due. When the Store
// cannot tell whether it took effect, reading back decides.
func (c *cycle) commit(ctx context.Context, b *Batch) (Receipt, error) {
	b.ID, b.Mailbox, b.Fence = c.s.newID(), c.key, c.fence
	for i := range b.Owe {
		b.Owe[i].ID = cmp.Or(b.Owe[i].ID, c.s.newID())
	}
	own := c.wanted(b.Alerts)
	b.Alerts = append(slices.Clone(own), c.alerts...)
	if c.journals() {
		b.Journal = append(c.journalOf(b.Records), c.journal...)
	}
	state := c.state
	if !same(&state, &c.saved) {
		b.State = &StateChange{From: c.version, To: state}
	}
	receipt, err := c.commitOnce(ctx, b)
	for try := 0; errors.Is(err, ErrUnknown) && try < 3; try++ {
		snap, loadErr := store(ctx, c, "Store.Load", func(ctx context.Context) (Snapshot, error) {
			return c.s.cfg.Store.Load(ctx, c.key)
		})
		switch {
		case loadErr != nil:
			err = loadErr
		case snap.LastBatch == b.ID:
			err = nil
		default:
			receipt, err = c.commitOnce(ctx, b)
		}
	}
	if err != nil {
		b.Alerts = own // the cycle's are still due
		return receipt, err
	}
	c.alerts, c.journal = nil, nil
	c.committed(b, receipt, state)
	return receipt, nil
}

// stay returns a batch that is refused if somebody else has moved the lane's cursor
// on, for what it says may be out of date then.
func (c *cycle) stay(lane LaneKey) *Batch {
	at := c.cursors[lane]
	if at == "" {
		return &Batch{}
	}
	return &Batch{Lane: lane, From: at, Next: at}
}

func (c *cycle) commitOnce(ctx context.Context, b *Batch) (Receipt, error) {
	return store(ctx, c, "Store.Commit", func(ctx context.Context) (Receipt, error) {
		return c.s.cfg.Store.Commit(ctx, b)
	})
}

// committed makes the cycle know what the Store knows now.
func (c *cycle) committed(b *Batch, receipt Receipt, state mailbox.State) {
	if b.State != nil {
		c.saved, c.version = state, c.version+1
	}
	if b.Lane != (LaneKey{}) {
		if c.cursors == nil {
			c.cursors = make(map[LaneKey]provider.Cursor)
		}
		c.cursors[b.Lane] = b.Next
	}
	c.owed = slices.DeleteFunc(c.owed, func(a OwedAct) bool {
		return slices.Contains(b.Settled, a.ID) || slices.ContainsFunc(b.Owe, func(o OwedAct) bool { return o.ID == a.ID })
	})
	c.owed = append(c.owed, b.Owe...)
	c.report.count(b, receipt)
	c.noteGuesses(b.Records)
	c.told(b.Alerts)
}

// told tells of alerts that are committed: once when one is new, and once when it
// is over.
func (c *cycle) told(alerts []mailbox.Alert) {
	c.report.Alerts = append(c.report.Alerts, alerts...)
	for _, a := range alerts {
		if a.Count > 1 && a.Resolved.IsZero() {
			continue
		}
		c.s.cfg.Logger.Warn("alert", "mailbox", c.key.String(), "code", a.Code, "message", a.Message, "resolved", !a.Resolved.IsZero())
		if hook := c.s.cfg.Hooks.Alert; hook != nil {
			hook(c.key, a)
		}
	}
}
