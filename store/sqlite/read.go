package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A Message is what a list shows of a message.
type Message struct {
	ID        int64 // of the row in sync_messages
	MessageID string
	Digest    item.Digest
	Date      time.Time // as the sender claims; zero if unknown
	Subject   string
	From      item.Address
	Text      string // the start of the text
	Size      int64  // of the whole message in bytes
	Places    []MessagePlace
}

// A MessagePlace is where a message is, or was.
type MessagePlace struct {
	Mailbox mailbox.Key
	provider.Place
	Flags    []string
	Received time.Time
	Gone     bool
}

// Messages returns the organization's messages in the order in which they were
// saved, at most limit, from the one after the row after on; 0 stands for the
// first.
func (s *Store) Messages(ctx context.Context, organization string, after int64, limit int) ([]Message, error) {
	var out []Message
	err := s.read(ctx, func(tx *sql.Tx) error {
		err := each(ctx, tx, func(rows *sql.Rows) error {
			var m Message
			var date, size sql.NullInt64
			err := rows.Scan(&m.ID, &m.MessageID, &m.Digest, &date, &m.Subject, &m.From.Name, &m.From.Addr, &m.Text, &size)
			if date.Valid {
				m.Date = time.Unix(date.Int64, 0).UTC()
			}
			m.Size = size.Int64
			out = append(out, m)
			return err
		}, `SELECT m.id, m.message_id, m.digest, m.date, m.subject, m.from_name, m.from_address, m.text, b.size
			FROM sync_messages m LEFT JOIN sync_blobs b ON b.id = m.blob
			WHERE m.organization = ? AND m.id > ? ORDER BY m.id LIMIT ?`, organization, after, max(limit, 0))
		if err != nil || len(out) == 0 {
			return err
		}
		return places(ctx, tx, organization, out)
	})
	return out, err
}

// places fills in the places of messages, which are in the order of their rows.
func places(ctx context.Context, tx *sql.Tx, organization string, messages []Message) error {
	at := 0
	return each(ctx, tx, func(rows *sql.Rows) error {
		var id int64
		p := MessagePlace{Mailbox: mailbox.Key{Organization: organization}}
		var flags sql.NullString
		var received moment
		err := rows.Scan(&id, &p.Mailbox.Mailbox, &p.Folder, &p.Epoch, &p.ID, &flags, &received, &p.Gone)
		if err != nil {
			return err
		}
		p.Received = received.time()
		if p.Flags, err = flagsOf(flags); err != nil {
			return err
		}
		for messages[at].ID != id {
			at++
		}
		messages[at].Places = append(messages[at].Places, p)
		return nil
	}, `SELECT p.message, b.mailbox, s.folder, s.epoch, p.id, p.flags, p.received, p.gone
		FROM sync_places p JOIN sync_spaces s ON s.id = p.space JOIN sync_mailboxes b ON b.id = s.mailbox
		WHERE p.message >= ? AND p.message <= ? AND b.organization = ?
		ORDER BY p.message, p.space, p.id`, messages[0].ID, messages[len(messages)-1].ID, organization)
}

// Raw returns a message byte for byte, or ErrNotFound. It is read from the
// database as it is read.
func (s *Store) Raw(ctx context.Context, id int64) (*item.Blob, error) {
	var raw *item.Blob
	err := s.read(ctx, func(tx *sql.Tx) error {
		var blob, size int64
		var sum []byte
		err := tx.QueryRowContext(ctx, `SELECT b.id, b.size, b.sha256
			FROM sync_messages m JOIN sync_blobs b ON b.id = m.blob WHERE m.id = ?`, id).Scan(&blob, &size, &sum)
		if errors.Is(err, sql.ErrNoRows) {
			return serversync.ErrNotFound
		}
		if err != nil {
			return err
		}
		raw, err = openBlob(s.readers, blob, size, sum)
		return err
	})
	return raw, err
}

// Message returns a whole message, parsed again from its bytes: with its text,
// HTML and attachments. If there is none the error is ErrNotFound.
func (s *Store) Message(ctx context.Context, id int64) (*item.Message, error) {
	raw, err := s.Raw(ctx, id)
	if err != nil {
		return nil, err
	}
	return item.ParseMessage(raw, item.Limits{})
}
