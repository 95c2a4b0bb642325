package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// Load returns all that a cycle of the mailbox starts from.
func (c *CRM) Load(ctx context.Context, key mailbox.Key) (serversync.Snapshot, error) {
	var s serversync.Snapshot
	err := c.read(ctx, func(tx *sql.Tx) error {
		var state []byte
		err := tx.QueryRowContext(ctx, `SELECT state, version, last_batch FROM sync_mailboxes WHERE organization = $1 AND mailbox = $2`,
			key.Organization, key.Mailbox).Scan(&state, &s.Version, &s.LastBatch)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // never committed
		}
		if err != nil {
			return err
		}
		if err := json.Unmarshal(state, &s.State); err != nil {
			return err
		}
		s.Cursors = map[serversync.LaneKey]provider.Cursor{}
		err = each(ctx, tx, func(scan func(...any) error) error {
			var lane serversync.LaneKey
			var cursor []byte
			err := scan(&lane.Folder, &lane.Lane, &cursor)
			s.Cursors[lane] = provider.Cursor(cursor)
			return err
		}, `SELECT folder, lane, cursor FROM sync_cursors WHERE organization = $1 AND mailbox = $2`, key.Organization, key.Mailbox)
		if err != nil {
			return err
		}
		return loadWork(ctx, tx, key, &s)
	})
	return s, err
}

// loadWork reads what is still to be done: acts, and items to be tried again.
func loadWork(ctx context.Context, tx *sql.Tx, key mailbox.Key, s *serversync.Snapshot) error {
	err := each(ctx, tx, func(scan func(...any) error) error {
		var a serversync.OwedAct
		var notBefore int64
		err := scan(&a.ID, &a.Kind, &a.Folder, &a.Epoch, &a.Act.ID, &a.To, &a.Flag, &notBefore, &a.Attempts)
		a.NotBefore = timeOf(notBefore)
		s.Owed = append(s.Owed, a)
		return err
	}, `SELECT id, kind, folder, epoch, item, target, flag, not_before, attempts FROM sync_acts
		WHERE organization = $1 AND mailbox = $2 ORDER BY turn LIMIT 1000`, key.Organization, key.Mailbox)
	if err != nil {
		return err
	}
	return each(ctx, tx, func(scan func(...any) error) error {
		var d serversync.Deferral
		var notBefore int64
		err := scan(&d.Folder, &d.Epoch, &d.ID, &d.Attempts, &notBefore, &d.Reason)
		d.NotBefore = timeOf(notBefore)
		s.Deferred = append(s.Deferred, d)
		return err
	}, `SELECT folder, epoch, id, attempts, not_before, reason FROM sync_ids
		WHERE organization = $1 AND mailbox = $2 AND kind = 'deferred' AND NOT gone ORDER BY turn LIMIT 1000`,
		key.Organization, key.Mailbox)
}

// Known returns, for each of ids, what is recorded of it.
func (c *CRM) Known(ctx context.Context, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
	places := make([]serversync.Place, len(ids))
	err := c.read(ctx, func(tx *sql.Tx) error {
		st, err := tx.PrepareContext(ctx, `SELECT kind, gone, flags FROM sync_ids
			WHERE organization = $1 AND mailbox = $2 AND folder = $3 AND epoch = $4 AND id = $5`)
		if err != nil {
			return err
		}
		defer st.Close()
		for i, id := range ids {
			var flags []byte
			p := &places[i]
			err := st.QueryRowContext(ctx, key.Organization, key.Mailbox, []byte(folder), []byte(epoch), []byte(id)).Scan(&p.Kind, &p.Gone, &flags)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			if err := json.Unmarshal(flags, &p.Flags); err != nil {
				return err
			}
		}
		return nil
	})
	return places, err
}

// List returns the ids whose place is not gone.
func (c *CRM) List(ctx context.Context, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
	var ids []provider.ID
	err := c.read(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, func(scan func(...any) error) error {
			var id provider.ID
			err := scan(&id)
			ids = append(ids, id)
			return err
		}, `SELECT id FROM sync_ids WHERE organization = $1 AND mailbox = $2 AND folder = $3 AND epoch = $4
				AND id > $5 AND NOT gone ORDER BY id LIMIT $6`,
			key.Organization, key.Mailbox, []byte(folder), []byte(epoch), []byte(after), limit)
	})
	return ids, err
}

// Quarantined returns what could not be dealt with.
func (c *CRM) Quarantined(ctx context.Context, key mailbox.Key, after provider.Place, limit int) ([]serversync.QuarantinedItem, error) {
	var items []serversync.QuarantinedItem
	err := c.read(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, func(scan func(...any) error) error {
			var q serversync.QuarantinedItem
			var b bodyColumns
			var received int64
			err := scan(&q.Folder, &q.Epoch, &q.ID, &received, &q.Reason, &b.id, &b.size, &b.sum)
			q.Received, q.Raw = timeOf(received), c.body(b)
			items = append(items, q)
			return err
		}, `SELECT i.folder, i.epoch, i.id, i.received, i.reason, b.id, b.size, b.sha256
			FROM sync_ids i LEFT JOIN bodies b ON b.id = i.body
			WHERE organization = $1 AND mailbox = $2 AND kind = 'quarantined' AND (folder, epoch, i.id) > ($3, $4, $5)
			ORDER BY folder, epoch, i.id LIMIT $6`,
			key.Organization, key.Mailbox, []byte(after.Folder), []byte(after.Epoch), []byte(after.ID), limit)
	})
	return items, err
}
