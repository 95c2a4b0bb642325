package serversync_test

import (
	"context"
	"fmt"
	"slices"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// An oracle is a Store that watches each commit: none may start from a cursor that
// has moved on.
type oracle struct {
	Store
	Outbox
	s *simulation
}

func (o *oracle) Unwrap() Store { return o.Store }

func (o *oracle) Commit(ctx context.Context, b *Batch) (Receipt, error) {
	before, _ := o.s.store.Load(ctx, b.Mailbox)
	from, lane := b.From, b.Lane
	receipt, err := o.Store.Commit(ctx, b)
	if err == nil && lane != (LaneKey{}) && before.LastBatch != b.ID && before.Cursors[lane] != from {
		o.s.fault("%v: a commit was applied to another cursor than it started from", b.Mailbox)
	}
	return receipt, err
}

// check holds the healed world to the contracts.
func (s *simulation) check(ctx context.Context) {
	alerts := 0
	for _, key := range s.keys {
		snap, _ := s.store.Load(ctx, key)
		if len(snap.Owed)+len(snap.Deferred)+len(snap.State.Resets) > 0 {
			s.fault("%v: stuck: %d owed, %d deferred, resets %v", key, len(snap.Owed), len(snap.Deferred), snap.State.Resets)
		}
		if phase := snap.State.Incoming.Phase; phase != mailbox.Healthy {
			s.fault("%v: incoming is %s: %+v", key, phase, snap.State.Incoming.Fault)
		}
		s.checkLedger(key)
		s.checkRules(ctx, key)
		for _, a := range alertsOf(s.store, key) {
			if a.Code == "cursor-reset" {
				alerts++
			}
		}
	}
	if alerts > s.epochs {
		s.fault("%d resets were announced and %d took place", alerts, s.epochs)
	}
	for _, m := range s.store.Messages("acme") {
		if raw, _ := m.Raw.Bytes(); !s.delivered[string(raw)] {
			s.fault("message %s has bytes that were never delivered", m.MessageID)
		}
	}
	for _, e := range s.entries {
		s.checkEntry(ctx, e)
	}
}

// checkLedger holds what is recorded of the inbox to what is there.
func (s *simulation) checkLedger(key mailbox.Key) {
	type at struct {
		epoch string
		id    provider.ID
	}
	contents := make(map[string]string)
	for _, m := range s.store.Messages("acme") {
		raw, _ := m.Raw.Bytes()
		contents[fmt.Sprint(m.Content)] = string(raw)
	}
	there := make(map[at]bool)
	epoch := s.server.Epoch(key, "INBOX")
	for _, p := range s.store.Places(key) {
		if p.Folder == "INBOX" && !(s.rules && p.Epoch == s.server.Epoch(key, caseFolder.ID)) { // moved from there under its id
			there[at{p.Epoch, p.ID}] = !p.Gone
		}
	}
	flagged := s.server.Items(key, "INBOX")
	for _, m := range flagged {
		if !there[at{epoch, m.ID}] {
			s.fault("%v: %s (%.20q) is on the server and not in the ledger", key, m.ID, m.Raw)
		}
		delete(there, at{epoch, m.ID})
	}
	for place, is := range there {
		if is && !(s.forgot[key] && place.epoch == epoch) { // I4: a deletion is never inferred from a reset
			s.fault("%v: %v is in the ledger and not on the server", key, place)
		}
	}
	for _, p := range s.store.Places(key) {
		i := slices.IndexFunc(flagged, func(m providertestMessage) bool { return m.ID == p.ID && p.Epoch == epoch && p.Folder == "INBOX" })
		if i < 0 {
			continue
		}
		if p.Kind == Tracked && contents[fmt.Sprint(p.Content)] != string(flagged[i].Raw) {
			s.fault("%v: %s is recorded as another message than it is", key, p.ID)
		}
		if flagged[i].Flags != nil && !slices.Equal(p.Flags, flagged[i].Flags) {
			s.fault("%v: %s has flags %v on the server and %v in the ledger", key, p.ID, flagged[i].Flags, p.Flags)
		}
	}
}

// checkEntry holds an outbox entry to what its recipients got.
func (s *simulation) checkEntry(ctx context.Context, e Entry) {
	now, err := s.store.Entry(ctx, e.Mailbox, e.ID)
	withdrawn := now.Phase == PhaseCanceled && s.promises[e.ID].canceled
	if err != nil || now.Phase != PhaseDone && !withdrawn {
		s.fault("entry %s is %s (%s): %v", e.ID, now.Phase, now.Reason, err)
	}
	for _, r := range now.Recipients {
		n := s.got(e, r.Address)
		switch {
		case n > 1:
			s.fault("entry %s: %s got it %d times", e.ID, r.Address, n)
		case r.Status == provider.StatusSent && n == 0 && !guessed[r.Text]:
			s.fault("entry %s: %s is said to have got it and did not", e.ID, r.Address)
		case r.Status != provider.StatusSent && n > 0:
			s.fault("entry %s: %s got it but is %q", e.ID, r.Address, r.Status)
		}
	}
}
