package sqlite

import (
	"context"
	"database/sql"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// Quarantined returns the mailbox's quarantined items in the order of folder,
// epoch and id.
func (s *Store) Quarantined(ctx context.Context, key mailbox.Key, after provider.Place, limit int) ([]serversync.QuarantinedItem, error) {
	var out []serversync.QuarantinedItem
	err := s.read(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var q serversync.QuarantinedItem
			var received moment
			var blob, size sql.NullInt64
			var sum []byte
			err := rows.Scan(&q.Folder, &q.Epoch, &q.ID, &received, &q.Reason, &blob, &size, &sum)
			if err != nil {
				return err
			}
			q.Received = received.time()
			if blob.Valid {
				if q.Raw, err = openBlob(s.readers, blob.Int64, size.Int64, sum); err != nil {
					return err
				}
			}
			out = append(out, q)
			return nil
		}, `SELECT s.folder, s.epoch, p.id, p.received, p.reason, b.id, b.size, b.sha256
			FROM sync_quarantine q
			JOIN sync_places p USING (space, id)
			JOIN sync_spaces s ON s.id = q.space
			JOIN sync_mailboxes m ON m.id = s.mailbox
			LEFT JOIN sync_blobs b ON b.id = q.blob
			WHERE m.organization = ? AND m.mailbox = ? AND (s.folder, s.epoch, p.id) > (?, ?, ?)
			ORDER BY s.folder, s.epoch, p.id LIMIT ?`,
			key.Organization, key.Mailbox, string(after.Folder), after.Epoch, string(after.ID), max(limit, 0))
	})
	return out, err
}
