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

// commit is a batch on its way into the database.
type commit struct {
	*sql.Tx
	ctx     context.Context
	batch   *serversync.Batch
	key     mailbox.Key
	receipt serversync.Receipt
}

// Commit applies b in one transaction: the CRM's rows, what the library remembers,
// and the cursor.
func (c *CRM) Commit(ctx context.Context, b *serversync.Batch) (serversync.Receipt, error) {
	t := &commit{ctx: ctx, batch: b, key: b.Mailbox}
	err := c.write(ctx, func(tx *sql.Tx) error {
		t.Tx = tx
		replay, err := t.begin()
		if replay || err != nil {
			return err
		}
		for _, step := range []func() error{t.drop, t.records, t.acts, t.finish} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return serversync.Receipt{}, err
	}
	return t.receipt, nil
}

// begin finds out whether b was applied before, and else whether it starts from
// where the mailbox is.
func (t *commit) begin() (replay bool, err error) {
	b := t.batch
	if b.ID == "" {
		return false, errors.New("crm: the batch has no ID")
	}
	if err := t.exec(`INSERT INTO sync_mailboxes (organization, mailbox) VALUES ($1, $2) ON CONFLICT DO NOTHING`); err != nil {
		return false, err
	}
	var version int64
	var last string
	var receipt serversync.Receipt
	err = t.get(`SELECT version, last_batch, added, linked FROM sync_mailboxes WHERE organization = $1 AND mailbox = $2`, nil,
		&version, &last, &receipt.Added, &receipt.Linked)
	if err != nil {
		return false, err
	}
	if b.ID == last {
		t.receipt = receipt
		return true, nil
	}
	var cursor []byte
	err = t.get(`SELECT cursor FROM sync_cursors WHERE organization = $1 AND mailbox = $2 AND folder = $3 AND lane = $4`,
		[]any{[]byte(b.Lane.Folder), string(b.Lane.Lane)}, &cursor)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	// There are no Leases here, so the fence is 0 for good.
	if b.Fence != 0 || string(cursor) != string(b.From) || b.State != nil && b.State.From != version {
		return false, serversync.ErrFenced
	}
	return false, nil
}

// drop forgets the ids of epochs that have ended. The emails stay.
func (t *commit) drop() error {
	for _, d := range t.batch.Drop {
		err := t.exec(`DELETE FROM sync_ids WHERE organization = $1 AND mailbox = $2 AND folder = $3 AND epoch = $4`,
			[]byte(d.Folder), []byte(d.Epoch))
		if err != nil {
			return err
		}
	}
	return nil
}

// acts owes and settles. An act that is owed again goes to the end.
func (t *commit) acts() error {
	settle := func(id string) error {
		return t.exec(`DELETE FROM sync_acts WHERE organization = $1 AND mailbox = $2 AND id = $3`, id)
	}
	for _, a := range t.batch.Owe {
		if err := settle(a.ID); err != nil {
			return err
		}
		err := t.exec(`INSERT INTO sync_acts VALUES ($1, $2, $3,
			(SELECT coalesce(max(turn), 0) + 1 FROM sync_acts WHERE organization = $1 AND mailbox = $2),
			$4, $5, $6, $7, $8, $9, $10, $11)`,
			a.ID, string(a.Kind), []byte(a.Folder), []byte(a.Epoch), []byte(a.Act.ID), []byte(a.To), a.Flag,
			micros(a.NotBefore), a.Attempts)
		if err != nil {
			return err
		}
	}
	for _, id := range t.batch.Settled {
		if err := settle(id); err != nil {
			return err
		}
	}
	return nil
}

// finish moves the cursor and the state, and saves the alerts.
func (t *commit) finish() error {
	b := t.batch
	if b.Lane != (serversync.LaneKey{}) {
		err := t.exec(`INSERT INTO sync_cursors VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (organization, mailbox, folder, lane) DO UPDATE SET cursor = excluded.cursor`,
			[]byte(b.Lane.Folder), string(b.Lane.Lane), []byte(b.Next))
		if err != nil {
			return err
		}
	}
	if b.State != nil {
		state, err := json.Marshal(b.State.To)
		if err != nil {
			return err
		}
		err = t.exec(`UPDATE sync_mailboxes SET state = $3, version = version + 1 WHERE organization = $1 AND mailbox = $2`, string(state))
		if err != nil {
			return err
		}
	}
	if err := addAlerts(t.ctx, t.Tx, t.key, b.Alerts); err != nil {
		return err
	}
	return t.exec(`UPDATE sync_mailboxes SET last_batch = $3, added = $4, linked = $5 WHERE organization = $1 AND mailbox = $2`,
		b.ID, t.receipt.Added, t.receipt.Linked)
}

// exec runs a statement whose $1 and $2 are the mailbox's key. The further
// arguments begin with $3.
func (t *commit) exec(query string, args ...any) error {
	_, err := t.ExecContext(t.ctx, query, append([]any{t.key.Organization, t.key.Mailbox}, args...)...)
	return err
}

// get reads the one row of such a query into dest, or returns sql.ErrNoRows.
func (t *commit) get(query string, args []any, dest ...any) error {
	return t.QueryRowContext(t.ctx, query, append([]any{t.key.Organization, t.key.Mailbox}, args...)...).Scan(dest...)
}

// of returns the rest of an id's key, behind the mailbox's.
func of(folder provider.FolderID, epoch string, id provider.ID) []any {
	return []any{[]byte(folder), []byte(epoch), []byte(id)}
}
