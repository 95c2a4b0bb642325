package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
)

// track saves a message as an email of its sender and of a case, unless the
// organization has it already, and returns its row. This is what another host would
// do in another way.
func (t *commit) track(m *item.Message) (id int64, err error) {
	if m == nil {
		return 0, errors.New("crm: a tracked record has no message")
	}
	organization := t.key.Organization
	err = t.QueryRowContext(t.ctx, `SELECT id FROM emails WHERE organization = $1 AND message_id = $2 AND digest = $3`,
		organization, m.MessageID, string(m.Digest)).Scan(&id)
	if err == nil {
		t.receipt.Linked++
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	contact, err := t.contact(m.From)
	if err != nil {
		return 0, err
	}
	caseID, err := t.caseOf(m, contact)
	if err != nil {
		return 0, err
	}
	t.receipt.Added++
	return saveEmail(t.ctx, t.Tx, email{organization, "in", contact, caseID, m})
}

// contact returns the sender's contact, which it makes if there is none. A message
// without a sender has none.
func (t *commit) contact(from []item.Address) (contact sql.NullInt64, err error) {
	if len(from) == 0 {
		return contact, nil
	}
	address := strings.ToLower(from[0].Addr)
	_, err = t.ExecContext(t.ctx, `INSERT INTO contacts (organization, address, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		t.key.Organization, address, from[0].Name)
	if err != nil {
		return contact, err
	}
	err = t.QueryRowContext(t.ctx, `SELECT id FROM contacts WHERE organization = $1 AND address = $2`,
		t.key.Organization, address).Scan(&contact)
	return contact, err
}

// caseOf returns the open case of the message that m answers, looked for from the
// latest reference on, else a new case.
func (t *commit) caseOf(m *item.Message, contact sql.NullInt64) (id int64, err error) {
	for _, ref := range slices.Backward(append(slices.Clone(m.References), m.InReplyTo...)) {
		err = t.QueryRowContext(t.ctx, `SELECT c.id FROM emails e JOIN cases c ON c.id = e.case_id
			WHERE e.organization = $1 AND e.message_id = $2 AND c.status = 'open' ORDER BY e.id LIMIT 1`,
			t.key.Organization, ref).Scan(&id)
		if !errors.Is(err, sql.ErrNoRows) {
			return id, err
		}
	}
	err = t.QueryRowContext(t.ctx, `INSERT INTO cases (organization, contact, subject) VALUES ($1, $2, $3) RETURNING id`,
		t.key.Organization, contact, m.Subject).Scan(&id)
	return id, err
}

// email is a row of emails.
type email struct {
	organization string
	direction    string
	contact      sql.NullInt64
	caseID       int64
	message      *item.Message
}

func saveEmail(ctx context.Context, tx *sql.Tx, e email) (id int64, err error) {
	var body any
	if e.message.Raw != nil {
		if body, err = saveBody(ctx, tx, e.message.Raw); err != nil {
			return 0, err
		}
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO emails
			(organization, message_id, digest, direction, contact, case_id, subject, text, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
		e.organization, e.message.MessageID, string(e.message.Digest), e.direction, e.contact, e.caseID,
		e.message.Subject, e.message.Text, body).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("crm: saving email %q: %w", e.message.MessageID, err)
	}
	return id, nil
}
