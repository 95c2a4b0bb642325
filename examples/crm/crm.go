package main

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	_ "modernc.org/sqlite" // the driver named "sqlite"
)

//go:embed schema.sql
var schema string

// CRM is a customer database that keeps email with its contacts and cases. It is a
// serversync.Store over its own tables, so a message, the case that it belongs to
// and how far the mailbox was read are saved in one transaction.
//
// The SQL is what SQLite and PostgreSQL have in common. On PostgreSQL, change BLOB
// to BYTEA and INTEGER PRIMARY KEY to an identity column in schema.sql, and lock the
// mailbox's row where Commit begins.
type CRM struct {
	db *sql.DB
}

var _ interface {
	serversync.Store
	serversync.Outbox
	serversync.Lister
	serversync.Quarantine
} = (*CRM)(nil)

// Open opens the database in the file at path, and makes it if there is none.
func Open(ctx context.Context, path string) (*CRM, error) {
	// A transaction that writes takes the lock when it begins: of two that first
	// read, one could not write any more.
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_journal_mode=WAL"+
		"&_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)")
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &CRM{db: db}, nil
}

// Close closes the database.
func (c *CRM) Close() error { return c.db.Close() }

// write runs fn in a transaction. If the database does not answer its COMMIT,
// nobody knows what became of it, and the Syncer finds out by Load.
func (c *CRM) write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return endedOr(ctx, err)
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return endedOr(ctx, err)
	}
	err = tx.Commit()
	if ended := ctx.Err(); ended != nil && (errors.Is(err, sql.ErrTxDone) || errors.Is(err, ended)) {
		return ended // it was rolled back before it came to the COMMIT
	}
	if err != nil {
		return fmt.Errorf("%w: %w", serversync.ErrUnknown, err)
	}
	return nil
}

// read runs fn in a transaction that sees the database at one moment.
func (c *CRM) read(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return endedOr(ctx, err)
	}
	defer tx.Rollback()
	return endedOr(ctx, fn(tx))
}

// endedOr returns the context's own error once it has ended, else err: a driver
// says in words of its own that it was interrupted.
func endedOr(ctx context.Context, err error) error {
	if ended := ctx.Err(); err != nil && ended != nil {
		return ended
	}
	return err
}

// each calls row for every row of a query.
func each(ctx context.Context, tx *sql.Tx, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// addAlerts saves alerts. One whose ID is there replaces it.
func addAlerts(ctx context.Context, tx *sql.Tx, key mailbox.Key, alerts []mailbox.Alert) error {
	for _, a := range alerts {
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO sync_alerts VALUES ($1, $2, $3, $4)
			ON CONFLICT (organization, mailbox, id) DO UPDATE SET alert = excluded.alert`,
			key.Organization, key.Mailbox, a.ID, string(text))
		if err != nil {
			return err
		}
	}
	return nil
}

// micros returns t as a column keeps it, and timeOf the time that a column keeps.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
