package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

const (
	writeItem = `INSERT INTO sync_journal (mailbox, side, folder, epoch, id, kind, code, reason, tries, first, last)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET kind = excluded.kind, code = excluded.code, reason = excluded.reason,
			tries = excluded.tries, last = excluded.last`
	selectItems = `SELECT side, folder, epoch, id, kind, code, reason, tries, first, last FROM sync_journal
		WHERE mailbox = (SELECT id FROM sync_mailboxes WHERE organization = ? AND mailbox = ?)
			AND (side, folder, epoch, id) > (?, ?, ?, ?)
		ORDER BY side, folder, epoch, id LIMIT ?`
	pruneItems = `DELETE FROM sync_journal
		WHERE mailbox IN (SELECT id FROM sync_mailboxes WHERE organization = ?) AND last < ?`
)

// journal writes what became of the batch's items. One that is there keeps when it
// was tried first.
func (c *committing) journal() error {
	for _, i := range c.batch.Journal {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		_, err := c.exec(writeItem, c.mailbox, string(i.Side), string(i.Folder), i.Epoch, string(i.ID),
			string(i.Kind), i.Code, i.Reason, i.Tries, nanos(i.First), ordered(i.Last))
		if err != nil {
			return err
		}
	}
	return nil
}

// Items returns the mailbox's journal in the order of side, folder, epoch and ID.
func (s *Store) Items(ctx context.Context, key mailbox.Key, after serversync.ItemKey, limit int) ([]serversync.JournalItem, error) {
	var out []serversync.JournalItem
	err := s.read(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var i serversync.JournalItem
			var first moment
			var last int64
			err := rows.Scan(&i.Side, &i.Folder, &i.Epoch, &i.ID, &i.Kind, &i.Code, &i.Reason, &i.Tries, &first, &last)
			i.First, i.Last = first.time(), fromOrdered(last)
			out = append(out, i)
			return err
		}, selectItems, key.Organization, key.Mailbox,
			string(after.Side), string(after.Folder), after.Epoch, string(after.ID), max(limit, 0))
	})
	return out, err
}

// PruneItems forgets the organization's items that were tried last before a time,
// and returns how many.
func (s *Store) PruneItems(ctx context.Context, organization string, before time.Time) (int, error) {
	return s.prune(ctx, organization, before, pruneItems)
}
