package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync"
)

const thisID = ` WHERE organization = $1 AND mailbox = $2 AND folder = $3 AND epoch = $4 AND id = $5`

// records writes down what was decided about each id, or what happened to it.
func (t *commit) records() error {
	for i := range t.batch.Records {
		if err := t.record(&t.batch.Records[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *commit) record(r *serversync.Record) error {
	id := of(r.Folder, r.Epoch, r.ID)
	switch r.Kind {
	case serversync.Tracked, serversync.Ignored, serversync.Deferred, serversync.Quarantined:
		return t.decide(r, id)
	case serversync.FlagsChanged:
		return t.exec(`UPDATE sync_ids SET flags = coalesce($6, flags), gone = FALSE`+thisID, append(id, flagsOf(r))...)
	case serversync.Gone:
		return t.exec(`UPDATE sync_ids SET gone = TRUE`+thisID, id...)
	case serversync.Moved:
		return t.move(r, id)
	}
	return fmt.Errorf("crm: a record of kind %q is not known", r.Kind)
}

// decide records a decision, unless one stands. An ignored message may still become
// another: somebody has asked for it.
func (t *commit) decide(r *serversync.Record, id []any) error {
	var stands bool
	err := t.get(`SELECT EXISTS (SELECT 1 FROM sync_ids`+thisID+` AND (kind = 'tracked' OR kind = 'ignored' AND $6 = 'ignored'))`,
		append(id, string(r.Kind)), &stands)
	if stands || err != nil {
		return err
	}
	var email, body any
	switch {
	case r.Kind == serversync.Tracked:
		email, err = t.track(r.Message)
	case r.Kind == serversync.Quarantined && r.Message != nil && r.Message.Raw != nil:
		body, err = saveBody(t.ctx, t.Tx, r.Message.Raw)
	}
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO sync_ids (organization, mailbox, folder, epoch, id, flags, kind, reason, received,
			email, body, attempts, not_before, turn)
		VALUES ($1, $2, $3, $4, $5, coalesce($6, '[]'), $7, $8, $9, $10, $11, $12, $13,
			(SELECT coalesce(max(turn), 0) + 1 FROM sync_ids WHERE organization = $1 AND mailbox = $2 AND kind = 'deferred'))
		ON CONFLICT (organization, mailbox, folder, epoch, id) DO UPDATE SET
			flags = coalesce($6, sync_ids.flags), kind = excluded.kind, reason = excluded.reason,
			received = excluded.received, email = excluded.email, body = excluded.body,
			attempts = excluded.attempts, not_before = excluded.not_before,
			turn = excluded.turn, gone = sync_ids.gone AND excluded.kind <> 'deferred'`,
		append(id, flagsOf(r), string(r.Kind), r.Reason, micros(r.Received), email, body, r.Attempts, micros(r.NotBefore))...)
}

// move marks an id as gone, and gives what is recorded of it to its new id if that
// is known.
func (t *commit) move(r *serversync.Record, id []any) error {
	if err := t.exec(`UPDATE sync_ids SET gone = TRUE`+thisID, id...); err != nil || r.ToID == "" {
		return err
	}
	return t.exec(`INSERT INTO sync_ids
		SELECT organization, mailbox, $7, epoch, $8, kind, FALSE, coalesce($6, flags), reason, received, email, body, attempts, not_before, turn
		FROM sync_ids`+thisID+`
		ON CONFLICT (organization, mailbox, folder, epoch, id) DO UPDATE SET gone = FALSE, flags = excluded.flags`,
		append(id, flagsOf(r), []byte(r.To), []byte(r.ToID))...)
}

// flagsOf returns the record's flags as JSON, or nil if they are not told.
func flagsOf(r *serversync.Record) any {
	if r.Flags == nil {
		return nil
	}
	text, _ := json.Marshal(append([]string{}, slices.Sorted(slices.Values(r.Flags))...))
	return string(text)
}
