package memory

import (
	"slices"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// record applies one record. What happened to an id that was never decided about
// is no news.
func (x *box) record(key mailbox.Key, r *serversync.Record, ready ready) {
	at := provider.Place{Folder: r.Folder, Epoch: r.Epoch, ID: r.ID}
	switch r.Kind {
	case serversync.Tracked, serversync.Ignored, serversync.Deferred, serversync.Quarantined:
		if x.decide(at, r, ready.raw) {
			x.explain(key, at, r, ready.verdict)
		}
		return
	}
	p := x.ledger.find(r.Folder, r.Epoch, r.ID)
	if p == nil {
		return
	}
	switch r.Kind {
	case serversync.FlagsChanged:
		p.flag(r.Flags)
		x.ledger.revive(at, p)
	case serversync.Gone:
		p.gone = true
		x.ledger.settle(at, p)
	case serversync.Moved:
		x.ledger.transfer(at, p, r)
	}
}

// decide records a decision, unless one stands already, and reports whether it did.
func (x *box) decide(at provider.Place, r *serversync.Record, raw *item.Blob) bool {
	p := x.ledger.add(at)
	if !p.takes(r.Kind) {
		return false
	}
	p.kind, p.reason, p.raw = r.Kind, r.Reason, nil
	p.flag(r.Flags)
	if !r.Received.IsZero() {
		p.received = r.Received
	}
	switch r.Kind {
	case serversync.Tracked:
		var added bool
		p.message, added = x.org.add(r.Message, raw)
		if added {
			x.receipt.Added++
		} else {
			x.receipt.Linked++
		}
		if r.Index != nil {
			x.org.commit(p.message, r.Index)
		}
	case serversync.Deferred:
		p.attempts, p.notBefore = r.Attempts, r.NotBefore
		p.gone, p.moved = false, false // it is to be tried again, so it is there
	case serversync.Quarantined:
		p.raw = raw
	}
	x.ledger.settle(at, p)
	return true
}

// flag sets the flags, but for nil, which leaves them.
func (p *place) flag(flags []string) {
	if flags != nil {
		p.flags = slices.Sorted(slices.Values(flags))
	}
}

// revive marks p as there again.
func (l *ledger) revive(at provider.Place, p *place) {
	if p.gone {
		p.gone, p.moved = false, false
		l.settle(at, p)
	}
}

// transfer marks p as gone, and gives its decision to where the item is now if
// that is known. The id there is of the same epoch: only a mail system whose ids
// are unique in the mailbox can tell it. An id that is known there keeps a final
// decision of its own.
func (l *ledger) transfer(at provider.Place, p *place, r *serversync.Record) {
	p.gone = true
	if r.ToID != "" {
		now := provider.Place{Folder: r.To, Epoch: r.Epoch, ID: r.ToID}
		to := l.add(now)
		if to != p {
			p.moved = true
			if !to.final() {
				turn := to.turn
				*to = *p
				to.turn = turn
			}
		}
		to.flag(r.Flags)
		to.gone, to.moved = false, false
		l.settle(now, to)
		if to == p {
			return
		}
	}
	l.settle(at, p)
}
