package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

// The statements of every commit. Open prepares them once.
const (
	selectMailbox = `SELECT id, version, fence, last_batch, last_added, last_linked
		FROM sync_mailboxes WHERE organization = ? AND mailbox = ?`
	insertMailbox = `INSERT INTO sync_mailboxes (organization, mailbox) VALUES (?, ?)`
	finishBatch   = `UPDATE sync_mailboxes SET last_batch = ?, last_added = ?, last_linked = ? WHERE id = ?`
	selectCursor  = `SELECT cursor FROM sync_cursors WHERE mailbox = ? AND folder = ? AND lane = ?`
	replaceCursor = `INSERT INTO sync_cursors (mailbox, folder, lane, cursor) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET cursor = excluded.cursor`
	selectSpace = `SELECT id FROM sync_spaces WHERE mailbox = ? AND folder = ? AND epoch = ?`
	selectPlace = `SELECT kind FROM sync_places WHERE space = ? AND id = ?`
	insertPlace = `INSERT INTO sync_places (space, id, kind, flags, received, message, reason) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET kind = excluded.kind, flags = coalesce(excluded.flags, flags),
			gone = gone AND excluded.kind <> 'deferred',
			received = coalesce(excluded.received, received), message = excluded.message, reason = excluded.reason`
	insertMessage = `INSERT INTO sync_messages (content, organization, message_id, digest, date, subject,
			from_name, from_address, header, attachments, text, blob) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (content) DO NOTHING`
	selectBlobID = `SELECT coalesce(max(id), 0) FROM sync_blobs`
	insertBlob   = `INSERT INTO sync_blobs (id, size, sha256) VALUES (?, ?, ?)`
	insertChunk  = `INSERT INTO sync_chunks (id, data) VALUES (?, ?)`
)

var everyCommit = []string{
	selectMailbox, finishBatch, selectCursor, replaceCursor, selectSpace, selectPlace,
	insertPlace, insertMessage, selectBlobID, insertBlob, insertChunk, writeItem,
	selectEmailID, insertEmail, selectEmail, insertKeys, selectKey, setMessageMail, writeVerdict,
}

// Commit applies b in one transaction, and the host's rows with it: see
// [Options.InCommit].
func (s *Store) Commit(ctx context.Context, b *serversync.Batch) (serversync.Receipt, error) {
	var receipt serversync.Receipt
	err := s.write(ctx, func(w *writing) (err error) {
		receipt, err = w.commit(b)
		return err
	})
	if err != nil {
		return serversync.Receipt{}, err
	}
	return receipt, nil
}

func (w *writing) commit(b *serversync.Batch) (serversync.Receipt, error) {
	if b.ID == "" {
		return serversync.Receipt{}, errors.New("sqlite: the batch has no ID")
	}
	if b.Lane == (serversync.LaneKey{}) && (b.From != "" || b.Next != "") {
		return serversync.Receipt{}, errors.New("sqlite: the batch moves a cursor but names no lane")
	}
	box, err := w.mailbox(b.Mailbox)
	if err != nil {
		return serversync.Receipt{}, err
	}
	if b.ID == box.lastBatch {
		return box.lastReceipt, nil
	}
	if b.Fence != box.fence {
		return serversync.Receipt{}, serversync.ErrFenced
	}
	c := &committing{writing: w, batch: b, mailbox: box.id, spaces: map[serversync.EpochKey]int64{}}
	for _, step := range []func() error{
		c.moveCursor,
		func() error { return c.changeState(box.version) },
		c.drop,
		c.records,
		c.acts,
		func() error { return w.alerts(box.id, b.Alerts) },
		c.journal,
		c.finish,
	} {
		if err := step(); err != nil {
			return serversync.Receipt{}, err
		}
	}
	return c.receipt, nil
}

// committing is a batch on its way into the database.
type committing struct {
	*writing
	batch   *serversync.Batch
	mailbox int64
	spaces  map[serversync.EpochKey]int64
	added   []AddedMessage
	receipt serversync.Receipt
}

// mailboxRow is what a commit needs to know of its mailbox.
type mailboxRow struct {
	id, version, fence int64
	lastBatch          string
	lastReceipt        serversync.Receipt
}

// mailbox returns the mailbox's row, which it makes if there is none.
func (w *writing) mailbox(key mailbox.Key) (mailboxRow, error) {
	var r mailboxRow
	err := w.get(selectMailbox, []any{key.Organization, key.Mailbox},
		&r.id, &r.version, &r.fence, &r.lastBatch, &r.lastReceipt.Added, &r.lastReceipt.Linked)
	if !errors.Is(err, sql.ErrNoRows) {
		return r, err
	}
	result, err := w.exec(insertMailbox, key.Organization, key.Mailbox)
	if err != nil {
		return r, err
	}
	r.id, err = result.LastInsertId()
	return r, err
}

func (c *committing) moveCursor() error {
	lane := c.batch.Lane
	if lane == (serversync.LaneKey{}) {
		return nil
	}
	var old []byte
	err := c.get(selectCursor, []any{c.mailbox, string(lane.Folder), string(lane.Lane)}, &old)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if string(old) != string(c.batch.From) {
		return serversync.ErrFenced
	}
	_, err = c.exec(replaceCursor, c.mailbox, string(lane.Folder), string(lane.Lane), []byte(c.batch.Next))
	return err
}

func (c *committing) changeState(version int64) error {
	change := c.batch.State
	if change == nil {
		return nil
	}
	if change.From != version {
		return serversync.ErrFenced
	}
	state, err := json.Marshal(change.To)
	if err != nil {
		return fmt.Errorf("sqlite: mailbox state: %w", err)
	}
	_, err = c.exec(`UPDATE sync_mailboxes SET state = ?, version = ? WHERE id = ?`, string(state), version+1, c.mailbox)
	return err
}

// acts owes and then settles. An act that is owed again goes to the end, so that a
// thousand that fail do not hide those behind them.
func (c *committing) acts() error {
	const settle = `DELETE FROM sync_acts WHERE mailbox = ? AND id = ?`
	for _, a := range c.batch.Owe {
		if _, err := c.exec(settle, c.mailbox, a.ID); err != nil {
			return err
		}
		_, err := c.exec(`INSERT INTO sync_acts (mailbox, id, kind, folder, epoch, item, target, flag, not_before, attempts)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.mailbox, a.ID, string(a.Kind), string(a.Folder), a.Epoch, string(a.Act.ID), string(a.To), a.Flag,
			nanos(a.NotBefore), a.Attempts)
		if err != nil {
			return err
		}
	}
	for _, id := range c.batch.Settled {
		if _, err := c.exec(settle, c.mailbox, id); err != nil {
			return err
		}
	}
	return nil
}

func (c *committing) finish() error {
	_, err := c.exec(finishBatch, c.batch.ID, c.receipt.Added, c.receipt.Linked, c.mailbox)
	if err != nil || c.store.options.InCommit == nil {
		return err
	}
	return c.store.options.InCommit(c.ctx, c.tx, c.batch, c.added)
}
