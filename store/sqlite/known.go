package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// knownAtOnce is how many ids one query asks for.
const knownAtOnce = 128

var selectKnown = `SELECT id, kind, gone, flags FROM sync_places WHERE space = ? AND id IN (?` +
	strings.Repeat(", ?", knownAtOnce-1) + `)`

// Known returns, for each of ids, what is recorded of it in this folder and epoch.
func (s *Store) Known(ctx context.Context, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
	places := make([]serversync.Place, len(ids))
	err := s.read(ctx, func(tx *sql.Tx) error {
		space, err := findSpace(ctx, tx, key, folder, epoch)
		if err != nil || space == 0 || len(ids) == 0 {
			return err
		}
		st, err := tx.PrepareContext(ctx, selectKnown)
		if err != nil {
			return err
		}
		defer st.Close()
		found := make(map[provider.ID]serversync.Place, min(len(ids), knownAtOnce))
		for from := 0; from < len(ids); from += knownAtOnce {
			some := ids[from:min(len(ids), from+knownAtOnce)]
			clear(found)
			if err := known(ctx, st, space, some, found); err != nil {
				return err
			}
			for i, id := range some {
				places[from+i] = found[id]
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return places, nil
}

func known(ctx context.Context, st *sql.Stmt, space int64, ids []provider.ID, found map[provider.ID]serversync.Place) error {
	args := make([]any, 1+knownAtOnce)
	args[0] = space
	for i := range knownAtOnce {
		args[1+i] = nil // equals no id
		if i < len(ids) {
			args[1+i] = string(ids[i])
		}
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id provider.ID
		var p serversync.Place
		var flags sql.NullString
		if err := rows.Scan(&id, &p.Kind, &p.Gone, &flags); err != nil {
			return err
		}
		if p.Flags, err = flagsOf(flags); err != nil {
			return err
		}
		found[id] = p
	}
	return rows.Err()
}

// findSpace returns the id space of a folder and epoch, 0 if there is none.
func findSpace(ctx context.Context, tx *sql.Tx, key mailbox.Key, folder provider.FolderID, epoch string) (space int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT s.id FROM sync_spaces s JOIN sync_mailboxes m ON m.id = s.mailbox
		WHERE m.organization = ? AND m.mailbox = ? AND s.folder = ? AND s.epoch = ?`,
		key.Organization, key.Mailbox, string(folder), epoch).Scan(&space)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return space, err
}

// List returns the ids in this folder and epoch whose place is not gone, in the
// order of their bytes.
func (s *Store) List(ctx context.Context, key mailbox.Key, folder provider.FolderID, epoch string, after provider.ID, limit int) ([]provider.ID, error) {
	var ids []provider.ID
	err := s.read(ctx, func(tx *sql.Tx) error {
		space, err := findSpace(ctx, tx, key, folder, epoch)
		if err != nil || space == 0 {
			return err
		}
		return each(ctx, tx, func(rows *sql.Rows) error {
			var id provider.ID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, `SELECT id FROM sync_places WHERE space = ? AND id > ? AND NOT gone ORDER BY id LIMIT ?`, space, string(after), max(limit, 0))
	})
	return ids, err
}
