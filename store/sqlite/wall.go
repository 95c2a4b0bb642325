package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// The statements of the two kinds of wall.
const (
	raiseMailbox = `INSERT INTO sync_alerts (mailbox, id, alert, told, open) VALUES (?, ?, ?, ?, ?)` + replaceAlert
	raiseProfile = `INSERT INTO sync_profile_alerts (organization, profile, id, alert, told, open) VALUES (?, ?, ?, ?, ?, ?)` + replaceAlert
	replaceAlert = ` ON CONFLICT DO UPDATE SET alert = excluded.alert, told = excluded.told, open = excluded.open`

	selectMailboxAlerts = `SELECT id, alert FROM sync_alerts
		WHERE mailbox = (SELECT id FROM sync_mailboxes WHERE organization = ?1 AND mailbox = ?2)`
	selectProfileAlerts = `SELECT id, alert FROM sync_profile_alerts WHERE organization = ?1 AND profile = ?2`
	andOpen             = ` AND open`
	inOrder             = ` ORDER BY told DESC, id LIMIT ?3`

	pruneMailboxAlerts = `DELETE FROM sync_alerts
		WHERE mailbox IN (SELECT id FROM sync_mailboxes WHERE organization = ?) AND told < ?`
	pruneProfileAlerts = `DELETE FROM sync_profile_alerts WHERE organization = ? AND told < ?`
)

// errWall refuses a wall that cannot be.
var errWall = errors.New("sqlite: a wall is a mailbox's or a profile's, not both")

// Raise puts alerts on a wall. An alert whose ID is there replaces it.
func (s *Store) Raise(ctx context.Context, wall mailbox.Wall, alerts ...mailbox.Alert) error {
	if wall.Mailbox != "" && wall.Profile != "" {
		return errWall
	}
	return s.write(ctx, func(w *writing) error {
		if wall.Profile != "" {
			return w.raise(raiseProfile, []any{wall.Organization, string(wall.Profile)}, alerts)
		}
		box, err := w.mailbox(mailbox.Key{Organization: wall.Organization, Mailbox: wall.Mailbox})
		if err != nil {
			return err
		}
		return w.alerts(box.id, alerts)
	})
}

// alerts puts alerts on a mailbox's wall.
func (w *writing) alerts(mailbox int64, alerts []mailbox.Alert) error {
	return w.raise(raiseMailbox, []any{mailbox}, alerts)
}

func (w *writing) raise(query string, wall []any, alerts []mailbox.Alert) error {
	for _, a := range alerts {
		text, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("sqlite: alert %q: %w", a.ID, err)
		}
		told := a.Last
		if told.IsZero() {
			told = a.At
		}
		_, err = w.exec(query, append(slices.Clip(wall), a.ID, string(text), ordered(told), a.Resolved.IsZero())...)
		if err != nil {
			return err
		}
	}
	return nil
}

// Alerts returns the alerts on a wall, at most limit, the one that was told last
// first. Open leaves out those that are resolved.
func (s *Store) Alerts(ctx context.Context, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error) {
	if wall.Mailbox != "" && wall.Profile != "" {
		return nil, errWall
	}
	query, of := selectMailboxAlerts, wall.Mailbox
	if wall.Profile != "" {
		query, of = selectProfileAlerts, string(wall.Profile)
	}
	if open {
		query += andOpen
	}
	var out []mailbox.Alert
	err := s.read(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var id string
			var text []byte
			if err := rows.Scan(&id, &text); err != nil {
				return err
			}
			var a mailbox.Alert
			err := json.Unmarshal(text, &a)
			a.ID = id // byte for byte, which JSON does not keep
			out = append(out, a)
			return err
		}, query+inOrder, wall.Organization, of, max(limit, 0))
	})
	return out, err
}

// PruneAlerts forgets the organization's alerts that were told last before a time,
// open ones too, and returns how many.
func (s *Store) PruneAlerts(ctx context.Context, organization string, before time.Time) (int, error) {
	return s.prune(ctx, organization, before, pruneMailboxAlerts, pruneProfileAlerts)
}

// prune runs statements that delete an organization's rows from before a time.
func (s *Store) prune(ctx context.Context, organization string, before time.Time, queries ...string) (int, error) {
	var pruned int64
	err := s.write(ctx, func(w *writing) error {
		for _, query := range queries {
			n, err := w.changes(query, organization, ordered(before))
			if err != nil {
				return err
			}
			pruned += n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int(pruned), nil
}
