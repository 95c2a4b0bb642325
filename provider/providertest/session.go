package providertest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/go-serversync/serversync/provider"
)

// session is one session with a box, as a Source, Actor and Sender.
type session struct {
	server *Server
	box    *box
	busy   atomic.Bool
	lost   bool  // by a Cut
	breaks int64 // of the box when the session began
	closed bool
	top    int            // ids given out when the session began
	marked []provider.Act // to be confirmed
}

// plain is a session that is a snapshot, and whose acts are to be confirmed.
type plain struct{ *session }

// full is a session that is a Finder and a Filer too.
type full struct{ *session }

// enter begins a call. The caller defers leave, and where there is no error does
// the effect and then asks exit. Two functions and no closure keep a poll without
// news free of garbage.
func (s *session) enter(ctx context.Context, c Call) (Outcome, error) {
	if !s.busy.CompareAndSwap(false, true) {
		s.server.blame(string(c.Op) + " while another call of the session was under way")
	}
	switch {
	case s.closed:
		s.server.blame(string(c.Op) + " after Close")
		return Outcome{}, failure(c.Op, provider.ErrUnavailable, "the session is closed")
	case s.lost || s.breaks != s.box.breaks.Load():
		return Outcome{}, failure(c.Op, provider.ErrUnavailable, "the connection was lost")
	}
	o, err := s.consult(ctx, c)
	if err == nil && !o.Effect {
		err = s.suffer(ctx, c.Op, o)
	}
	return o, err
}

// exit ends a call that had its effect.
func (s *session) exit(ctx context.Context, op Op, o Outcome) error {
	if !o.Effect {
		return nil
	}
	return s.suffer(ctx, op, o)
}

func (s *session) leave() { s.busy.Store(false) }

// Check reports whether the session is alive.
func (s *session) Check(ctx context.Context) error {
	defer s.leave()
	o, err := s.enter(ctx, Call{Op: OpCheck})
	if err != nil {
		return err
	}
	return s.exit(ctx, OpCheck, o)
}

// Traits returns the temperament's traits.
func (s *session) Traits() provider.Traits { return s.box.manner.traits }

// Close ends the session. What a fault makes it return, it has ended.
func (s *session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.server.open.Add(-1)
	if s.busy.Load() {
		s.server.blame("close while another call of the session was under way")
	}
	o, err := s.consult(context.Background(), Call{Op: OpClose})
	if err != nil || o.Block {
		return err
	}
	return s.suffer(context.Background(), OpClose, o)
}

// Folders returns the folders of the mailbox.
func (s *session) Folders(ctx context.Context) ([]provider.Folder, error) {
	defer s.leave()
	o, err := s.enter(ctx, Call{Op: OpFolders})
	if err != nil {
		return nil, err
	}
	s.box.mu.Lock()
	folders := make([]provider.Folder, 0, len(s.box.folders))
	for _, f := range s.box.folders {
		folders = append(folders, f.Folder)
	}
	s.box.mu.Unlock()
	if err := s.exit(ctx, OpFolders, o); err != nil {
		return nil, err
	}
	return folders, nil
}

// Fetch gives whole items.
func (s *session) Fetch(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
	defer s.leave()
	o, err := s.enter(ctx, Call{Op: OpFetch, Folder: folder})
	if err != nil {
		return err
	}
	changes, err := s.read(folder, epoch, ids, o)
	if err != nil {
		return err
	}
	if o.Cut {
		changes = changes[:(len(changes)+1)/2]
	}
	for _, c := range changes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.Kind == provider.Upsert && c.Err == nil {
			c.Raw = s.server.lend(c.Raw)
		}
		if err := got(c); err != nil {
			return err
		}
	}
	return s.exit(ctx, OpFetch, o)
}

// read returns the items as they are now, in the order in which Fetch gives them.
func (s *session) read(folder provider.FolderID, epoch string, ids []provider.ID, o Outcome) ([]provider.Change, error) {
	b := s.box
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folder(folder)
	switch {
	case f == nil:
		return nil, failure(OpFetch, provider.ErrNotFound, "there is no such folder")
	case f.epoch != epoch:
		return nil, failure(OpFetch, provider.ErrCursorExpired, "the epoch has ended")
	}
	changes := make([]provider.Change, 0, len(ids))
	for _, id := range ids {
		msg := f.byID[id]
		if msg == nil {
			changes = append(changes, provider.Change{Kind: provider.Gone, ID: id})
			continue
		}
		c := b.upsert(msg, provider.WantBodies, o.Item)
		if c.Err == nil {
			c.Raw = msg.blob
		}
		changes = append(changes, c)
	}
	if b.manner.reverse {
		slices.Reverse(changes)
	}
	return changes, nil
}

// asError returns err as the *Error that an item's failure must be.
func asError(op Op, err error) error {
	if e := (*provider.Error)(nil); errors.As(err, &e) {
		return err
	}
	return failure(op, provider.ErrBadItem, "%w", err)
}
