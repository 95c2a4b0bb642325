package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

// Acquire leases the mailbox to holder and returns the new fence.
func (s *Store) Acquire(ctx context.Context, key mailbox.Key, holder string, now, until time.Time) (fence int64, err error) {
	err = s.write(ctx, func(w *writing) error {
		box, err := w.mailbox(key)
		if err != nil {
			return err
		}
		fence = box.fence + 1
		n, err := w.changes(`UPDATE sync_mailboxes SET fence = ?, holder = ?, leased_until = ?
			WHERE id = ? AND (holder IS NULL OR holder = ? OR leased_until IS NULL OR leased_until <= ?)`,
			fence, holder, nanos(until), box.id, holder, nanos(now))
		if n == 0 && err == nil {
			err = serversync.ErrLeased
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return fence, nil
}

// Renew extends the lease with this fence.
func (s *Store) Renew(ctx context.Context, key mailbox.Key, fence int64, until time.Time) error {
	return s.write(ctx, func(w *writing) error {
		n, err := w.changes(`UPDATE sync_mailboxes SET leased_until = ?
			WHERE organization = ? AND mailbox = ? AND fence = ? AND holder IS NOT NULL`,
			nanos(until), key.Organization, key.Mailbox, fence)
		if n == 0 && err == nil {
			err = serversync.ErrFenced
		}
		return err
	})
}

// Release ends the lease with this fence, if it was not lost.
func (s *Store) Release(ctx context.Context, key mailbox.Key, fence int64) error {
	return s.write(ctx, func(w *writing) error {
		_, err := w.exec(`UPDATE sync_mailboxes SET holder = NULL, leased_until = NULL
			WHERE organization = ? AND mailbox = ? AND fence = ?`, key.Organization, key.Mailbox, fence)
		return err
	})
}

// Grant returns the mailbox's grant, or ErrNotFound.
func (s *Store) Grant(ctx context.Context, key mailbox.Key) (serversync.Grant, error) {
	var g serversync.Grant
	err := s.read(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT g.version, g.sealed FROM sync_grants g JOIN sync_mailboxes m ON m.id = g.mailbox
			WHERE m.organization = ? AND m.mailbox = ?`, key.Organization, key.Mailbox).Scan(&g.Version, &g.Sealed)
		if errors.Is(err, sql.ErrNoRows) {
			err = serversync.ErrNotFound
		}
		return err
	})
	return g, err
}

// ReplaceGrant saves g if the version there is still g.Version, 0 for none.
func (s *Store) ReplaceGrant(ctx context.Context, key mailbox.Key, g serversync.Grant) error {
	return s.write(ctx, func(w *writing) error {
		box, err := w.mailbox(key)
		if err != nil {
			return err
		}
		query := `UPDATE sync_grants SET version = ?2 + 1, sealed = ?3 WHERE mailbox = ?1 AND version = ?2`
		if g.Version == 0 {
			query = `INSERT INTO sync_grants (mailbox, version, sealed) VALUES (?1, ?2 + 1, ?3) ON CONFLICT DO NOTHING`
		}
		n, err := w.changes(query, box.id, g.Version, append([]byte{}, g.Sealed...))
		if n == 0 && err == nil {
			err = serversync.ErrFenced
		}
		return err
	})
}
