package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
	codes "modernc.org/sqlite/lib"
)

func (c *committing) records() error {
	for i := range c.batch.Records {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.record(i); err != nil {
			return refused(i, err)
		}
	}
	return nil
}

// A refusal is an error that lies in a record or its message: it would come again
// with every batch that has the record in it.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// refused returns err so that the Syncer knows which record it lies in, if it lies
// in one at all.
func refused(record int, err error) error {
	if r := (refusal{}); errors.As(err, &r) || code(err) == codes.SQLITE_TOOBIG {
		return &serversync.RecordError{Index: record, Err: err}
	}
	return err
}

func (c *committing) record(at int) error {
	r := &c.batch.Records[at]
	space, err := c.space(r.Folder, r.Epoch)
	if err != nil {
		return err
	}
	switch r.Kind {
	case serversync.Tracked, serversync.Ignored, serversync.Deferred, serversync.Quarantined:
		return c.decide(space, at)
	case serversync.FlagsChanged:
		return c.flag(space, r.ID, r.Flags)
	case serversync.Gone:
		_, err = c.exec(markGone, space, string(r.ID))
		return err
	case serversync.Moved:
		return c.move(space, r)
	}
	return refusal{fmt.Errorf("sqlite: a record of kind %q is not known", r.Kind)}
}

const markGone = `UPDATE sync_places SET gone = 1 WHERE space = ? AND id = ?`

// space returns the id space of a folder and epoch, which it makes if there is
// none.
func (c *committing) space(folder provider.FolderID, epoch string) (int64, error) {
	key := serversync.EpochKey{Folder: folder, Epoch: epoch}
	if id, ok := c.spaces[key]; ok {
		return id, nil
	}
	var id int64
	err := c.get(selectSpace, []any{c.mailbox, string(folder), epoch}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		var r sql.Result
		r, err = c.exec(`INSERT INTO sync_spaces (mailbox, folder, epoch) VALUES (?, ?, ?)`, c.mailbox, string(folder), epoch)
		if err == nil {
			id, err = r.LastInsertId()
		}
	}
	if err != nil {
		return 0, err
	}
	c.spaces[key] = id
	return id, nil
}

// decide records one of the four decisions, unless one stands: a tracked id keeps it.
func (c *committing) decide(space int64, at int) error {
	r := &c.batch.Records[at]
	stands, err := c.reopen(space, r.ID, r.Kind)
	if stands || err != nil {
		return err
	}
	var message any
	switch r.Kind {
	case serversync.Tracked:
		message, err = c.track(at)
	case serversync.Deferred:
		_, err = c.exec(`INSERT INTO sync_deferrals (mailbox, space, id, attempts, not_before) VALUES (?, ?, ?, ?, ?)`,
			c.mailbox, space, string(r.ID), r.Attempts, nanos(r.NotBefore))
	case serversync.Quarantined:
		err = c.quarantine(space, r)
	}
	if err != nil {
		return err
	}
	_, err = c.exec(insertPlace, space, string(r.ID), string(r.Kind), flagList(r.Flags), nanos(r.Received), message, r.Reason)
	if err != nil {
		return err
	}
	return c.explain(r)
}

// reopen reports whether the id has a decision that stands although it would be decided
// so. If not, it frees what was kept for the one that it has.
func (c *committing) reopen(space int64, id provider.ID, to serversync.RecordKind) (stands bool, err error) {
	var was serversync.RecordKind
	err = c.get(selectPlace, []any{space, string(id)}, &was)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case was == serversync.Quarantined:
		return false, c.release(space, id)
	case was == serversync.Deferred:
		_, err = c.exec(`DELETE FROM sync_deferrals WHERE space = ? AND id = ?`, space, string(id))
		return false, err
	case was == serversync.Ignored && to != serversync.Ignored && to != serversync.Moved:
		return false, nil
	}
	return true, nil
}

// quarantine keeps the bytes of an item that nobody could deal with.
func (c *committing) quarantine(space int64, r *serversync.Record) (err error) {
	var blob any
	if r.Message != nil && r.Message.Raw != nil {
		if blob, err = c.saveBlob(r.Message.Raw); err != nil {
			return err
		}
	}
	_, err = c.exec(`INSERT INTO sync_quarantine (space, id, blob) VALUES (?, ?, ?)`, space, string(r.ID), blob)
	return err
}

// release frees what quarantine kept.
func (c *committing) release(space int64, id provider.ID) error {
	var blob sql.NullInt64
	err := c.get(`DELETE FROM sync_quarantine WHERE space = ? AND id = ? RETURNING blob`, []any{space, string(id)}, &blob)
	if err == nil && blob.Valid {
		err = c.deleteBlob(blob.Int64)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return err
}

// move marks a place as gone, and gives its decision to where the item is now if
// its id there is told, unless that id is tracked or ignored itself. The id is
// taken to be of the same epoch: only a mail system whose ids are unique in the
// mailbox can tell it.
func (c *committing) move(space int64, r *serversync.Record) error {
	n, err := c.changes(markGone, space, string(r.ID))
	if err != nil || n == 0 || r.ToID == "" {
		return err
	}
	to, err := c.space(r.To, r.Epoch)
	if err != nil {
		return err
	}
	if to == space && r.ToID == r.ID {
		return c.flag(to, r.ToID, r.Flags)
	}
	stands, err := c.reopen(to, r.ToID, serversync.Moved)
	if err != nil {
		return err
	}
	if stands {
		if _, err := c.reopen(space, r.ID, serversync.Moved); err != nil {
			return err
		}
		return c.flag(to, r.ToID, r.Flags)
	}
	for _, statement := range []string{
		`INSERT INTO sync_places (space, id, kind, flags, received, message, reason)
			SELECT ?1, ?2, kind, coalesce(?5, flags), received, message, reason FROM sync_places WHERE space = ?3 AND id = ?4
			ON CONFLICT DO UPDATE SET kind = excluded.kind, gone = 0, flags = excluded.flags,
				received = excluded.received, message = excluded.message, reason = excluded.reason`,
		`UPDATE sync_deferrals SET space = ?1, id = ?2 WHERE space = ?3 AND id = ?4`,
		`UPDATE sync_quarantine SET space = ?1, id = ?2 WHERE space = ?3 AND id = ?4`,
	} {
		if _, err := c.exec(statement, to, string(r.ToID), space, string(r.ID), flagList(r.Flags)); err != nil {
			return err
		}
	}
	return nil
}

// flag sets the flags of a place, which is there.
func (c *committing) flag(space int64, id provider.ID, flags []string) error {
	_, err := c.exec(`UPDATE sync_places SET flags = coalesce(?, flags), gone = 0 WHERE space = ? AND id = ?`,
		flagList(flags), space, string(id))
	return err
}

// drop forgets the ids and places of epochs that have ended.
func (c *committing) drop() error {
	for _, key := range c.batch.Drop {
		space, err := c.space(key.Folder, key.Epoch)
		if err != nil {
			return err
		}
		for _, statement := range []string{
			`DELETE FROM sync_chunks WHERE id IN (
				SELECT c.id FROM sync_quarantine q JOIN sync_chunks c
				ON c.id >= q.blob * 1048576 AND c.id < (q.blob + 1) * 1048576 WHERE q.space = ?)`,
			`DELETE FROM sync_blobs WHERE id IN (SELECT blob FROM sync_quarantine WHERE space = ?)`,
			`DELETE FROM sync_quarantine WHERE space = ?`,
			`DELETE FROM sync_deferrals WHERE space = ?`,
			`DELETE FROM sync_places WHERE space = ?`,
			`DELETE FROM sync_spaces WHERE id = ?`,
		} {
			if _, err := c.exec(statement, space); err != nil {
				return err
			}
		}
		delete(c.spaces, key)
	}
	return nil
}
