package providertest

import (
	"context"
	"sync/atomic"

	"github.com/go-serversync/serversync/provider"
)

// anew is a session with a mail system whose sessions are snapshots
// (Traits.Snapshot), used as the Syncer uses it: what the harness has changed since is
// looked for in a new session, and acts are confirmed, which ends one.
type anew struct {
	provider.Provider
	open    func(context.Context) (provider.Provider, error)
	edits   *atomic.Int64 // by the harness
	seen    int64         // of them, when the session was opened
	expired bool
}

// Unwrap returns the session that is open now.
func (a *anew) Unwrap() provider.Provider { return a.Provider }

// current returns a session that sees what is there now.
func (a *anew) current(ctx context.Context) error {
	edits := a.edits.Load()
	if !a.expired && a.seen == edits {
		return nil
	}
	a.Provider.Close()
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	a.Provider, a.seen, a.expired = p, edits, false
	return nil
}

func (a *anew) Folders(ctx context.Context) ([]provider.Folder, error) {
	if err := a.current(ctx); err != nil {
		return nil, err
	}
	return a.Provider.(provider.Source).Folders(ctx)
}

func (a *anew) Changes(ctx context.Context, r provider.Request) (provider.Page, error) {
	if err := a.current(ctx); err != nil {
		return provider.Page{}, err
	}
	return a.Provider.(provider.Source).Changes(ctx, r)
}

func (a *anew) Fetch(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
	if err := a.current(ctx); err != nil {
		return err
	}
	return a.Provider.(provider.Source).Fetch(ctx, folder, epoch, ids, got)
}

// confirming is anew for a session that can act.
type confirming struct{ *anew }

func (c confirming) Act(ctx context.Context, act provider.Act) error {
	if err := c.current(ctx); err != nil {
		return err
	}
	if err := c.Provider.(provider.Actor).Act(ctx, act); err != nil {
		return err
	}
	confirmer, ok := provider.As[provider.Confirmer](c.Provider)
	if !ok {
		return nil
	}
	c.expired = true
	return confirmer.Confirm(ctx)
}

// opener returns h's Open, with what the rules need for a mail system of snapshots,
// and has h count its edits.
func opener(h *Harness) func(context.Context) (provider.Provider, error) {
	open, edits := h.Open, new(atomic.Int64)
	count := func() { edits.Add(1) }
	h.Add, h.BadItem, h.CutItem = counted3(h.Add, count), counted2(h.BadItem, count), counted2(h.CutItem, count)
	h.Remove, h.NewEpoch = counted2(h.Remove, count), counted1(h.NewEpoch, count)
	h.SetFlags, h.Move, h.Change = counted3(h.SetFlags, count), counted(h.Move, count), counted(h.Change, count)
	return func(ctx context.Context) (provider.Provider, error) {
		seen := edits.Load()
		p, err := open(ctx)
		if err != nil || !p.Traits().Snapshot {
			return p, err
		}
		a := &anew{Provider: p, open: open, edits: edits, seen: seen}
		if _, ok := p.(provider.Actor); ok {
			return confirming{a}, nil
		}
		return a, nil
	}
}

func counted1[A any](f func(A), count func()) func(A) {
	if f == nil {
		return nil
	}
	return func(a A) { f(a); count() }
}

func counted2[A, B any](f func(A, B), count func()) func(A, B) {
	if f == nil {
		return nil
	}
	return func(a A, b B) { f(a, b); count() }
}

func counted[A, B, C any](f func(A, B, C), count func()) func(A, B, C) {
	if f == nil {
		return nil
	}
	return func(a A, b B, c C) { f(a, b, c); count() }
}

func counted3[A, B, C any](f func(A, B, ...C), count func()) func(A, B, ...C) {
	if f == nil {
		return nil
	}
	return func(a A, b B, c ...C) { f(a, b, c...); count() }
}
