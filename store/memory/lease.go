package memory

import (
	"context"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

// lease is the lease with the mailbox's current fence.
type lease struct {
	holder string
	until  time.Time
}

// Acquire leases the mailbox to holder until the given time. The holder itself may
// acquire it again before that.
func (s *Store) Acquire(ctx context.Context, key mailbox.Key, holder string, now, until time.Time) (fence int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	x := s.open(key)
	x.mu.Lock()
	defer x.mu.Unlock()
	if l := x.leasing; l != nil && l.holder != holder && l.until.After(now) {
		return 0, serversync.ErrLeased
	}
	x.leasing = &lease{holder, until}
	x.fence++
	return x.fence, nil
}

// Renew extends the lease with this fence. One that has ended but that nobody has
// acquired since is not lost.
func (s *Store) Renew(ctx context.Context, key mailbox.Key, fence int64, until time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x := s.lookup(key)
	if x == nil {
		return serversync.ErrFenced
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.leasing == nil || x.fence != fence {
		return serversync.ErrFenced
	}
	x.leasing.until = until
	return nil
}

// Release ends the lease with this fence. The fence stays as it is, so the last
// commit of the holder that released it may be replayed.
func (s *Store) Release(ctx context.Context, key mailbox.Key, fence int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if x := s.lookup(key); x != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.fence == fence {
			x.leasing = nil
		}
	}
	return nil
}

// Grant returns the mailbox's grant, or ErrNotFound.
func (s *Store) Grant(ctx context.Context, key mailbox.Key) (serversync.Grant, error) {
	if err := ctx.Err(); err != nil {
		return serversync.Grant{}, err
	}
	x := s.lookup(key)
	if x == nil {
		return serversync.Grant{}, serversync.ErrNotFound
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.grant == nil {
		return serversync.Grant{}, serversync.ErrNotFound
	}
	return serversync.Grant{Version: x.grant.Version, Sealed: slices.Clone(x.grant.Sealed)}, nil
}

// ReplaceGrant saves g if the version there is still g.Version.
func (s *Store) ReplaceGrant(ctx context.Context, key mailbox.Key, g serversync.Grant) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x := s.open(key)
	x.mu.Lock()
	defer x.mu.Unlock()
	var version int64
	if x.grant != nil {
		version = x.grant.Version
	}
	if g.Version != version {
		return serversync.ErrFenced
	}
	x.grant = &serversync.Grant{Version: version + 1, Sealed: slices.Clone(g.Sealed)}
	return nil
}
