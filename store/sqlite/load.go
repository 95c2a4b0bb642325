package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// read runs fn in a transaction that sees one state of the database.
func (s *Store) read(ctx context.Context, fn func(tx *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return explain(ctx, err)
	}
	defer tx.Rollback()
	return explain(ctx, fn(tx))
}

// each calls row for every row of a query.
func each(ctx context.Context, tx *sql.Tx, row func(*sql.Rows) error, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Load returns all that a cycle of the mailbox starts from.
func (s *Store) Load(ctx context.Context, key mailbox.Key) (serversync.Snapshot, error) {
	var snap serversync.Snapshot
	err := s.read(ctx, func(tx *sql.Tx) error {
		var box int64
		var state []byte
		err := tx.QueryRowContext(ctx, `SELECT id, state, version, fence, last_batch FROM sync_mailboxes
			WHERE organization = ? AND mailbox = ?`, key.Organization, key.Mailbox).
			Scan(&box, &state, &snap.Version, &snap.Fence, &snap.LastBatch)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := json.Unmarshal(state, &snap.State); err != nil {
			return fmt.Errorf("sqlite: mailbox state: %w", err)
		}
		if snap.Cursors, err = cursors(ctx, tx, box); err != nil {
			return err
		}
		if snap.Owed, err = owed(ctx, tx, box); err != nil {
			return err
		}
		snap.Deferred, err = deferred(ctx, tx, box)
		return err
	})
	if err != nil {
		return serversync.Snapshot{}, err
	}
	return snap, nil
}

func cursors(ctx context.Context, tx *sql.Tx, box int64) (map[serversync.LaneKey]provider.Cursor, error) {
	var out map[serversync.LaneKey]provider.Cursor
	err := each(ctx, tx, func(rows *sql.Rows) error {
		var lane serversync.LaneKey
		var cursor sql.RawBytes
		if err := rows.Scan(&lane.Folder, &lane.Lane, &cursor); err != nil {
			return err
		}
		if out == nil {
			out = map[serversync.LaneKey]provider.Cursor{}
		}
		out[lane] = provider.Cursor(cursor)
		return nil
	}, `SELECT folder, lane, cursor FROM sync_cursors WHERE mailbox = ? AND length(cursor) > 0`, box)
	return out, err
}

// many is the most that Load returns of owed acts and of deferrals.
const many = 1000

func owed(ctx context.Context, tx *sql.Tx, box int64) ([]serversync.OwedAct, error) {
	var out []serversync.OwedAct
	err := each(ctx, tx, func(rows *sql.Rows) error {
		var a serversync.OwedAct
		var notBefore moment
		err := rows.Scan(&a.ID, &a.Kind, &a.Folder, &a.Epoch, &a.Act.ID, &a.To, &a.Flag, &notBefore, &a.Attempts)
		a.NotBefore = notBefore.time()
		out = append(out, a)
		return err
	}, `SELECT id, kind, folder, epoch, item, target, flag, not_before, attempts
		FROM sync_acts WHERE mailbox = ? ORDER BY seq LIMIT ?`, box, many)
	return out, err
}

// deferred leaves out what is gone: there is nothing to try again.
func deferred(ctx context.Context, tx *sql.Tx, box int64) ([]serversync.Deferral, error) {
	var out []serversync.Deferral
	err := each(ctx, tx, func(rows *sql.Rows) error {
		var d serversync.Deferral
		var notBefore moment
		err := rows.Scan(&d.Folder, &d.Epoch, &d.ID, &d.Attempts, &notBefore, &d.Reason)
		d.NotBefore = notBefore.time()
		out = append(out, d)
		return err
	}, `SELECT s.folder, s.epoch, d.id, d.attempts, d.not_before, p.reason
		FROM sync_deferrals d JOIN sync_places p USING (space, id) JOIN sync_spaces s ON s.id = d.space
		WHERE d.mailbox = ? AND NOT p.gone ORDER BY d.seq LIMIT ?`, box, many)
	return out, err
}
