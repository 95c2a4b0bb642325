package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

const (
	writeVerdict = `INSERT INTO sync_verdicts (organization, mailbox, folder, epoch, id, message_id, kind, reason, verdict, decided)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET message_id = excluded.message_id, kind = excluded.kind, reason = excluded.reason,
			verdict = excluded.verdict, decided = excluded.decided`
	selectVerdicts = `SELECT m.mailbox, v.folder, v.epoch, v.id, v.kind, v.reason, v.verdict, v.decided
		FROM sync_verdicts v CROSS JOIN sync_mailboxes m ON m.id = v.mailbox
		WHERE v.organization = ? AND v.message_id = ?
		ORDER BY v.decided DESC, m.mailbox, v.folder, v.epoch, v.id LIMIT ?`
	pruneVerdicts = `DELETE FROM sync_verdicts WHERE organization = ? AND decided < ?`
	nextNumber    = `UPDATE sync_mailboxes SET number = number + 1 WHERE id = ? RETURNING number`
)

// explain keeps the record's verdict, if it has one.
func (c *committing) explain(r *serversync.Record) error {
	if r.Verdict == nil {
		return nil
	}
	text, err := json.Marshal(r.Verdict)
	if err != nil {
		return refusal{fmt.Errorf("sqlite: verdict: %w", err)}
	}
	_, err = c.exec(writeVerdict, c.batch.Mailbox.Organization, c.mailbox, string(r.Folder), r.Epoch, string(r.ID),
		r.MessageID, string(r.Kind), r.Reason, string(text), ordered(r.Decided))
	return err
}

// Verdicts returns what was decided about messages with this Message-ID, the one
// decided last first.
func (s *Store) Verdicts(ctx context.Context, organization, messageID string, limit int) ([]serversync.StoredVerdict, error) {
	var out []serversync.StoredVerdict
	err := s.read(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			v := serversync.StoredVerdict{Mailbox: mailbox.Key{Organization: organization}}
			var text []byte
			var at int64
			if err := rows.Scan(&v.Mailbox.Mailbox, &v.Folder, &v.Epoch, &v.ID, &v.Kind, &v.Reason, &text, &at); err != nil {
				return err
			}
			v.At = fromOrdered(at)
			err := json.Unmarshal(text, &v.Verdict)
			out = append(out, v)
			return err
		}, selectVerdicts, organization, messageID, max(limit, 0))
	})
	return out, err
}

// PruneVerdicts forgets the organization's verdicts from before a time, and returns how
// many.
func (s *Store) PruneVerdicts(ctx context.Context, organization string, before time.Time) (int, error) {
	return s.prune(ctx, organization, before, pruneVerdicts)
}

// NextNumber returns 1, 2, 3 … for a mailbox.
func (s *Store) NextNumber(ctx context.Context, key mailbox.Key) (number int64, err error) {
	err = s.write(ctx, func(w *writing) error {
		box, err := w.mailbox(key)
		if err != nil {
			return err
		}
		return w.get(nextNumber, []any{box.id}, &number)
	})
	if err != nil {
		return 0, err
	}
	return number, nil
}
