package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
)

// Enqueue adds an entry. An ID that is there already changes nothing.
func (c *CRM) Enqueue(ctx context.Context, e serversync.Entry) error {
	return c.write(ctx, func(tx *sql.Tx) error { return enqueue(ctx, tx, e) })
}

// enqueue is Enqueue in a transaction that writes other rows as well: see Reply.
func enqueue(ctx context.Context, tx *sql.Tx, e serversync.Entry) error {
	var there bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM outbox WHERE organization = $1 AND mailbox = $2 AND id = $3)`,
		e.Mailbox.Organization, e.Mailbox.Mailbox, e.ID).Scan(&there)
	if there || err != nil {
		return err
	}
	if e.Raw == nil {
		return errors.New("crm: an entry has no message")
	}
	body, err := saveBody(ctx, tx, e.Raw)
	if err != nil {
		return err
	}
	e.Phase, e.Version, e.Claimer, e.ClaimedUntil = serversync.PhasePending, 1, "", time.Time{}
	text, err := document(e)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO outbox VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.Mailbox.Organization, e.Mailbox.Mailbox, e.ID, string(e.Phase), e.Version, order(e.NotBefore), order(e.ClaimedUntil), body, text)
	return err
}

// Claim takes the entry of the mailbox that has been due for the longest.
func (c *CRM) Claim(ctx context.Context, key mailbox.Key, by string, now, until time.Time) (e serversync.Entry, err error) {
	err = c.write(ctx, func(tx *sql.Tx) error {
		e, err = c.entry(key, tx.QueryRowContext(ctx, selectEntry+`
			WHERE organization = $1 AND mailbox = $2 AND claimed_until <= $3 AND (phase IN ('claimed', 'submitting')
				OR phase IN ('pending', 'accepted', 'uncertain') AND not_before <= $3)
			ORDER BY not_before, outbox.id LIMIT 1`, key.Organization, key.Mailbox, order(now)).Scan)
		if err != nil {
			return err
		}
		switch e.Phase {
		case serversync.PhasePending:
			e.Phase = serversync.PhaseClaimed
		case serversync.PhaseSubmitting:
			e.Phase = serversync.PhaseUncertain // whoever had claimed it may have sent it
		}
		e.Claimer, e.ClaimedUntil = by, until
		e.Version++
		return replace(ctx, tx, e)
	})
	return e, err
}

// Advance replaces the entry with e if nobody else has. What was sent, from whom
// and to whom stays as it was enqueued, and so does what answers are found by: this
// CRM is no Correlator, but the Index is in the document with all the rest.
func (c *CRM) Advance(ctx context.Context, e serversync.Entry, alerts ...mailbox.Alert) error {
	return c.write(ctx, func(tx *sql.Tx) error {
		old, err := c.entry(e.Mailbox, tx.QueryRowContext(ctx, selectEntry+`
			WHERE organization = $1 AND mailbox = $2 AND outbox.id = $3`, e.Mailbox.Organization, e.Mailbox.Mailbox, e.ID).Scan)
		switch {
		case err != nil:
			return err
		case old.Version != e.Version:
			return serversync.ErrFenced
		case len(old.Recipients) != len(e.Recipients):
			return errors.New("crm: the recipients of an entry are fixed when it is enqueued")
		}
		for i, r := range e.Recipients {
			r.Address = old.Recipients[i].Address
			old.Recipients[i] = r
		}
		e.MessageID, e.From, e.Index, e.Recipients = old.MessageID, old.From, old.Index, old.Recipients
		e.Version++
		if err := replace(ctx, tx, e); err != nil {
			return err
		}
		return addAlerts(ctx, tx, e.Mailbox, alerts)
	})
}

// Entry returns one entry.
func (c *CRM) Entry(ctx context.Context, key mailbox.Key, id string) (e serversync.Entry, err error) {
	err = c.read(ctx, func(tx *sql.Tx) error {
		e, err = c.entry(key, tx.QueryRowContext(ctx, selectEntry+`
			WHERE organization = $1 AND mailbox = $2 AND outbox.id = $3`, key.Organization, key.Mailbox, id).Scan)
		return err
	})
	return e, err
}

// Entries returns the entries in this phase.
func (c *CRM) Entries(ctx context.Context, key mailbox.Key, phase serversync.Phase, after string, limit int) (list []serversync.Entry, err error) {
	err = c.read(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, func(scan func(...any) error) error {
			e, err := c.entry(key, scan)
			list = append(list, e)
			return err
		}, selectEntry+` WHERE organization = $1 AND mailbox = $2 AND phase = $3 AND outbox.id > $4 ORDER BY outbox.id LIMIT $5`,
			key.Organization, key.Mailbox, string(phase), after, limit)
	})
	return list, err
}

const selectEntry = `SELECT entry, bodies.id, size, sha256 FROM outbox JOIN bodies ON bodies.id = outbox.body`

// entry reads a row of selectEntry.
func (c *CRM) entry(key mailbox.Key, scan func(...any) error) (e serversync.Entry, err error) {
	var text []byte
	var b bodyColumns
	err = scan(&text, &b.id, &b.size, &b.sum)
	if errors.Is(err, sql.ErrNoRows) {
		return e, serversync.ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	e.Mailbox, e.Raw = key, c.body(b)
	return e, err
}

// replace saves e over the entry that is there.
func replace(ctx context.Context, tx *sql.Tx, e serversync.Entry) error {
	text, err := document(e)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE outbox SET phase = $4, version = $5, not_before = $6, claimed_until = $7, entry = $8
		WHERE organization = $1 AND mailbox = $2 AND id = $3`, e.Mailbox.Organization, e.Mailbox.Mailbox, e.ID,
		string(e.Phase), e.Version, order(e.NotBefore), order(e.ClaimedUntil), text)
	return err
}

// document returns e as JSON, without the message.
func document(e serversync.Entry) (string, error) {
	e.Raw = (*item.Blob)(nil)
	text, err := json.Marshal(e)
	return string(text), err
}

// order returns t for a column that is compared with other times; no time is
// before all others.
func order(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixMicro()
}
