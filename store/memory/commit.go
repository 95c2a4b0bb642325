package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
)

// Commit applies b in one transaction: everything that can fail comes first, and
// what then changes the mailbox cannot.
func (s *Store) Commit(ctx context.Context, b *serversync.Batch) (serversync.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return serversync.Receipt{}, err
	}
	if err := check(b); err != nil {
		return serversync.Receipt{}, err
	}
	x := s.open(b.Mailbox)
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.ID == x.last {
		return x.receipt, nil
	}
	if x.movedOn(b) {
		return serversync.Receipt{}, serversync.ErrFenced
	}
	var state []byte
	if b.State != nil {
		var err error
		if state, err = json.Marshal(b.State.To); err != nil {
			return serversync.Receipt{}, fmt.Errorf("memory: mailbox state: %w", err)
		}
	}
	ready, err := x.read(ctx, b.Records)
	if err != nil {
		return serversync.Receipt{}, err
	}
	x.apply(b, ready, state)
	s.writes.Add(1)
	return x.receipt, nil
}

// check refuses what no Syncer would commit.
func check(b *serversync.Batch) error {
	if b.ID == "" {
		return errors.New("memory: the batch has no ID")
	}
	if b.Lane == (serversync.LaneKey{}) && (b.From != "" || b.Next != "") {
		return errors.New("memory: the batch moves a cursor but names no lane")
	}
	for _, r := range b.Records {
		switch r.Kind {
		case serversync.Tracked:
			if r.Message == nil {
				return fmt.Errorf("memory: tracked id %q has no message", r.ID)
			}
		case serversync.Ignored, serversync.Deferred, serversync.Quarantined,
			serversync.FlagsChanged, serversync.Moved, serversync.Gone:
		default:
			return fmt.Errorf("memory: id %q has the unknown kind %q", r.ID, r.Kind)
		}
	}
	return nil
}

// movedOn reports whether somebody has moved what b started from.
func (x *box) movedOn(b *serversync.Batch) bool {
	return b.Fence != x.fence ||
		b.Lane != (serversync.LaneKey{}) && b.From != x.cursor(b.Lane) ||
		b.State != nil && b.State.From != x.version
}

// ready is what of a record had to be made ready before anything changes.
type ready struct {
	raw     *item.Blob // the copied bytes of a message that will be kept
	verdict []byte     // JSON
}

// read copies the bytes of the messages that will be kept, and writes down the
// verdicts, in the order of the records. It is the only part of a Commit that can fail
// half-way.
func (x *box) read(ctx context.Context, records []serversync.Record) ([]ready, error) {
	all := make([]ready, len(records))
	seen := map[contentKey]bool{}
	for i, r := range records {
		if r.Verdict != nil {
			var err error
			if all[i].verdict, err = json.Marshal(r.Verdict); err != nil {
				return nil, fmt.Errorf("memory: verdict on %q: %w", r.ID, err)
			}
		}
		if r.Message == nil || r.Message.Raw == nil || !x.keeps(r, seen) {
			continue
		}
		raw, err := copyBlob(ctx, r.Message.Raw)
		if err != nil {
			return nil, fmt.Errorf("memory: id %q: %w", r.ID, err)
		}
		all[i].raw = raw
	}
	return all, nil
}

// keeps reports whether r's bytes would be kept: those of what is quarantined, and
// those of a message that the organization does not have.
func (x *box) keeps(r serversync.Record, seen map[contentKey]bool) bool {
	if x.ledger != nil {
		if p := x.ledger.find(r.Folder, r.Epoch, r.ID); p != nil && !p.takes(r.Kind) {
			return false
		}
	}
	if r.Kind == serversync.Quarantined {
		return true
	}
	content := r.Message.Content()
	if r.Kind != serversync.Tracked || seen[content] || x.org.has(content) {
		return false
	}
	seen[content] = true
	return true
}

// apply changes the mailbox. What the batch drops goes first, so that a record in
// the same epoch stands.
func (x *box) apply(b *serversync.Batch, ready []ready, state []byte) {
	x.receipt = serversync.Receipt{}
	if x.ledger == nil && len(b.Records) > 0 {
		x.ledger = newLedger()
	}
	if x.ledger != nil {
		x.ledger.drop(b.Drop)
		for i := range b.Records {
			x.record(b.Mailbox, &b.Records[i], ready[i])
		}
		x.ledger.tidy()
	}
	x.owe(b.Owe, b.Settled)
	if b.State != nil {
		x.state, x.version = state, b.State.From+1
	}
	x.alerts.put(b.Alerts)
	x.write(b.Journal)
	if b.Lane != (serversync.LaneKey{}) {
		x.move(b.Lane, b.Next)
	}
	x.last = b.ID
}

// owe adds acts and removes those settled. An act owed again goes to the end, so
// that a thousand that fail do not hide those behind them.
func (x *box) owe(acts []serversync.OwedAct, settled []string) {
	if len(acts) == 0 && len(settled) == 0 {
		return
	}
	latest := make(map[string]int, len(acts)+len(settled)) // index in acts; -1 is settled
	for i, a := range acts {
		latest[a.ID] = i
	}
	for _, id := range settled {
		latest[id] = -1
	}
	x.owed = slices.DeleteFunc(x.owed, func(a serversync.OwedAct) bool {
		_, ok := latest[a.ID]
		return ok
	})
	for i, a := range acts {
		if latest[a.ID] == i {
			x.owed = append(x.owed, a)
		}
	}
}
