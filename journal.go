package serversync

import (
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// The journal says for each item that failed or was skipped what, why and how
// often. It rides in the batch that decides about the item, so that neither stands
// without the other.

// journals reports whether a journal is kept for the mailbox.
func (c *cycle) journals() bool { return c.s.journal != nil && !(c.strict && c.settings.JournalOff) }

// journalOf returns what the journal has to say of a batch's records: what was
// skipped or failed, and that what failed before was dealt with.
func (c *cycle) journalOf(records []Record) (items []JournalItem) {
	now := c.s.cfg.Clock.Now()
	for _, r := range records {
		switch {
		case r.Kind == Ignored, r.Kind == Deferred, r.Kind == Quarantined:
		case r.Kind == Tracked && r.Attempts > 0:
		default:
			continue
		}
		items = append(items, JournalItem{
			ItemKey: ItemKey{Side: mailbox.Incoming, Folder: r.Folder, Epoch: r.Epoch, ID: r.ID},
			Kind:    r.Kind, Code: r.Code, Reason: bounded(r.Reason), Tries: r.Attempts, First: now, Last: now,
		})
	}
	return items
}

// journalEntry notes what became of an outbox entry after a number of tries that
// failed, unless all went well at once.
func (c *cycle) journalEntry(e Entry, failed int, err error) {
	item := JournalItem{ItemKey: ItemKey{Side: mailbox.Outgoing, ID: provider.ID(e.ID)}, Reason: e.Reason, Tries: failed + 1}
	for _, r := range e.Recipients {
		if r.Status == provider.StatusRejected {
			item.Kind, item.Reason = Rejected, r.Address+": "+r.Text
		}
	}
	switch {
	case item.Kind == Rejected:
	case e.Phase == PhaseHeld:
		item.Kind, item.Code = Held, "send-uncertain"
	case e.Phase == PhasePending, e.Phase == PhaseUncertain:
		item.Kind = Retried
	case failed > 0:
		item.Kind, item.Reason, item.Tries = Tracked, "it was sent at last", failed
	default:
		return
	}
	if err != nil {
		item.Code = c.s.shown(err).Code
	}
	item.Reason, item.First = bounded(item.Reason), c.s.cfg.Clock.Now()
	item.Last = item.First
	c.journal = append(c.journal, item)
}
