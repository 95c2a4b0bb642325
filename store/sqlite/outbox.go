package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// Enqueue adds an entry in PhasePending. An ID that is there already changes
// nothing.
func (s *Store) Enqueue(ctx context.Context, e serversync.Entry) error {
	return s.write(ctx, func(w *writing) error { return w.enqueue(e) })
}

// EnqueueTx is Enqueue within the host's own transaction, which is one of
// [Store.Write] or [Options.InCommit], so that an email is sent if and only if the
// host's row about it is saved.
func (s *Store) EnqueueTx(ctx context.Context, tx *sql.Tx, e serversync.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return explain(ctx, s.writing(ctx, tx).enqueue(e))
}

func (w *writing) enqueue(e serversync.Entry) error {
	box, err := w.mailbox(e.Mailbox)
	if err != nil {
		return err
	}
	to := make([]provider.Recipient, len(e.Recipients))
	for i, r := range e.Recipients {
		to[i].Address = r.Address
	}
	recipients, err := json.Marshal(to)
	if err != nil {
		return fmt.Errorf("sqlite: entry %q: %w", e.ID, err)
	}
	var blob any
	if e.Raw != nil {
		if blob, err = w.nextBlob(); err != nil {
			return err
		}
	}
	n, err := w.changes(`INSERT INTO sync_outbox (mailbox, id, phase, version, sender, recipients, message_id, blob,
			report, not_before, attempts, queued, submitted, claimer, claimed_until, reason)
		VALUES (?, ?, 'pending', 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', NULL, ?) ON CONFLICT DO NOTHING`,
		box.id, e.ID, e.From, string(recipients), e.MessageID, blob,
		e.Report, nanos(e.NotBefore), e.Attempts, nanos(e.Queued), nanos(e.Submitted), e.Reason)
	if err != nil || n == 0 {
		return err
	}
	if e.Index != nil {
		if err := w.enqueueIndex(box.id, e); err != nil {
			return fmt.Errorf("sqlite: entry %q: %w", e.ID, err)
		}
	}
	if e.Raw != nil {
		_, err = w.saveBlob(e.Raw)
	}
	return err
}

// enqueueIndex keeps what answers to the entry are found by.
func (w *writing) enqueueIndex(box int64, e serversync.Entry) error {
	index, err := w.enqueueEmail(e.Mailbox.Organization, *e.Index)
	if err != nil {
		return err
	}
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	_, err = w.exec(`UPDATE sync_outbox SET email_index = ? WHERE mailbox = ? AND id = ?`, string(text), box, e.ID)
	return err
}

// Claim takes the entry of the mailbox that has been due for the longest, or
// returns ErrNotFound.
func (s *Store) Claim(ctx context.Context, key mailbox.Key, by string, now, until time.Time) (serversync.Entry, error) {
	var e serversync.Entry
	err := s.write(ctx, func(w *writing) error {
		var box int64
		var id string
		err := w.get(`SELECT o.mailbox, o.id FROM sync_outbox o JOIN sync_mailboxes m ON m.id = o.mailbox
			WHERE m.organization = ?1 AND m.mailbox = ?2 AND o.phase NOT IN ('done', 'held', 'canceled')
				AND (o.claimed_until IS NULL OR o.claimed_until <= ?3)
				AND (o.phase IN ('claimed', 'submitting') OR o.not_before IS NULL OR o.not_before <= ?3)
			ORDER BY o.not_before, o.id LIMIT 1`, []any{key.Organization, key.Mailbox, nanos(now)}, &box, &id)
		if errors.Is(err, sql.ErrNoRows) {
			return serversync.ErrNotFound
		}
		if err != nil {
			return err
		}
		_, err = w.exec(`UPDATE sync_outbox SET version = version + 1, claimer = ?, claimed_until = ?,
				phase = CASE phase WHEN 'pending' THEN 'claimed' WHEN 'submitting' THEN 'uncertain' ELSE phase END
			WHERE mailbox = ? AND id = ?`, by, nanos(until), box, id)
		if err != nil {
			return err
		}
		e, err = s.scanEntry(key, w.tx.QueryRowContext(w.calm, selectEntry+` WHERE o.mailbox = ? AND o.id = ?`, box, id).Scan)
		return err
	})
	if err != nil {
		return serversync.Entry{}, err
	}
	return e, nil
}

// Advance replaces the entry with e, and adds the alerts, if the version there is
// still e.Version.
func (s *Store) Advance(ctx context.Context, e serversync.Entry, alerts ...mailbox.Alert) error {
	return s.write(ctx, func(w *writing) error {
		box, err := w.mailbox(e.Mailbox)
		if err != nil {
			return err
		}
		old, err := s.scanEntry(e.Mailbox, w.tx.QueryRowContext(w.calm, selectEntry+` WHERE o.mailbox = ? AND o.id = ?`, box.id, e.ID).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return serversync.ErrNotFound
		}
		if err != nil {
			return err
		}
		if old.Version != e.Version {
			return serversync.ErrFenced
		}
		if len(old.Recipients) != len(e.Recipients) {
			return fmt.Errorf("sqlite: entry %q: the recipients are fixed when it is enqueued", e.ID)
		}
		for i := range e.Recipients {
			address := old.Recipients[i].Address
			old.Recipients[i] = e.Recipients[i]
			old.Recipients[i].Address = address
		}
		recipients, err := json.Marshal(old.Recipients)
		if err != nil {
			return fmt.Errorf("sqlite: entry %q: %w", e.ID, err)
		}
		_, err = w.exec(`UPDATE sync_outbox SET phase = ?, version = version + 1, recipients = ?, report = ?, not_before = ?,
				attempts = ?, queued = ?, submitted = ?, claimer = ?, claimed_until = ?, reason = ?
			WHERE mailbox = ? AND id = ?`,
			string(e.Phase), string(recipients), e.Report, nanos(e.NotBefore),
			e.Attempts, nanos(e.Queued), nanos(e.Submitted), e.Claimer, nanos(e.ClaimedUntil), e.Reason,
			box.id, e.ID)
		if err != nil {
			return err
		}
		return w.alerts(box.id, alerts)
	})
}

// Entry returns one entry, or ErrNotFound.
func (s *Store) Entry(ctx context.Context, key mailbox.Key, id string) (serversync.Entry, error) {
	var e serversync.Entry
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		e, err = s.scanEntry(key, tx.QueryRowContext(ctx, selectEntry+`
			WHERE m.organization = ? AND m.mailbox = ? AND o.id = ?`, key.Organization, key.Mailbox, id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			err = serversync.ErrNotFound
		}
		return err
	})
	return e, err
}

// Entries returns the entries of the mailbox in this phase in the order of their
// IDs.
func (s *Store) Entries(ctx context.Context, key mailbox.Key, phase serversync.Phase, after string, limit int) ([]serversync.Entry, error) {
	var out []serversync.Entry
	err := s.read(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			e, err := s.scanEntry(key, rows.Scan)
			out = append(out, e)
			return err
		}, selectEntry+` WHERE m.organization = ? AND m.mailbox = ? AND o.phase = ? AND o.id > ? ORDER BY o.id LIMIT ?`,
			key.Organization, key.Mailbox, string(phase), after, max(limit, 0))
	})
	return out, err
}

const selectEntry = `SELECT o.id, o.phase, o.version, o.sender, o.recipients, o.message_id, o.report, o.not_before,
		o.attempts, o.queued, o.submitted, o.claimer, o.claimed_until, o.reason, o.email_index, b.id, b.size, b.sha256
	FROM sync_outbox o JOIN sync_mailboxes m ON m.id = o.mailbox LEFT JOIN sync_blobs b ON b.id = o.blob`

// scanEntry reads a row of selectEntry.
func (s *Store) scanEntry(key mailbox.Key, scan func(...any) error) (serversync.Entry, error) {
	e := serversync.Entry{Mailbox: key}
	var recipients, index, sum []byte
	var notBefore, queued, submitted, claimedUntil moment
	var blob, size sql.NullInt64
	err := scan(&e.ID, &e.Phase, &e.Version, &e.From, &recipients, &e.MessageID, &e.Report, &notBefore,
		&e.Attempts, &queued, &submitted, &e.Claimer, &claimedUntil, &e.Reason, &index, &blob, &size, &sum)
	if err != nil {
		return serversync.Entry{}, err
	}
	e.NotBefore, e.Queued, e.Submitted, e.ClaimedUntil = notBefore.time(), queued.time(), submitted.time(), claimedUntil.time()
	if err := json.Unmarshal(recipients, &e.Recipients); err != nil {
		return serversync.Entry{}, fmt.Errorf("sqlite: entry %q: %w", e.ID, err)
	}
	if index != nil {
		if err := json.Unmarshal(index, &e.Index); err != nil {
			return serversync.Entry{}, fmt.Errorf("sqlite: entry %q: %w", e.ID, err)
		}
	}
	if blob.Valid {
		e.Raw, err = openBlob(s.readers, blob.Int64, size.Int64, sum)
	}
	return e, err
}
