package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/track"
)

const (
	selectEmailID = `SELECT coalesce(max(id), 0) + 1 FROM sync_emails`
	insertEmail   = `INSERT INTO sync_emails (id, organization, ref_type, ref_id, own, enqueued, sent, email)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	selectEmail    = `SELECT ref_type, ref_id, own, enqueued, sent, email FROM sync_emails WHERE id = ? AND organization = ?`
	updateEmail    = `UPDATE sync_emails SET enqueued = ?, email = ? WHERE id = ?`
	insertKeys     = `INSERT INTO sync_email_keys (key, sent, email) SELECT value, ?2, ?3 FROM json_each(?1) WHERE TRUE ON CONFLICT DO NOTHING`
	selectKey      = `SELECT email FROM sync_email_keys WHERE key = ? AND sent = 0 ORDER BY email`
	setMessageMail = `UPDATE sync_messages SET email = ? WHERE id = ?`
)

// A keyKind keeps what an email is found by apart.
type keyKind byte

const (
	byID           keyKind = 'i'
	byRef          keyKind = 'r'
	byToken        keyKind = 't'
	byConversation keyKind = 'c'
	byWord         keyKind = 'w'
	byPerson       keyKind = 'p'
)

// emailKey returns what stands in sync_email_keys for a value: the start of its hash,
// so that all sorts of values share one narrow index. What it leads to is compared
// with the value itself.
func emailKey(kind keyKind, organization, value string) int64 {
	b := binary.BigEndian.AppendUint32([]byte{byte(kind)}, uint32(len(organization)))
	b = append(append(b, organization...), value...)
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// hashKey is emailKey of a hash.
func hashKey(kind keyKind, organization string, hash uint64) int64 {
	return emailKey(kind, organization, string(binary.BigEndian.AppendUint64(nil, hash)))
}

// refKey is emailKey of a Ref.
func refKey(organization string, ref track.Ref) int64 {
	return emailKey(byRef, organization, string(binary.BigEndian.AppendUint32(nil, uint32(len(ref.Type))))+ref.Type+ref.ID)
}

// storedEmail is a row of sync_emails.
type storedEmail struct {
	track.Email
	row      int64
	own      bool // the Ref is the Store's
	enqueued bool
}

// emailDocument returns e as the column email has it: without what has columns of its
// own.
func emailDocument(e track.Email) (string, error) {
	e.Ref, e.Sent = track.Ref{}, time.Time{}
	text, err := json.Marshal(e)
	return string(text), err
}

// read fills e from the columns.
func (e *storedEmail) read(scan func(...any) error, more ...any) error {
	var ref track.Ref
	var sent int64
	var text []byte
	if err := scan(append(more, &ref.Type, &ref.ID, &e.own, &e.enqueued, &sent, &text)...); err != nil {
		return err
	}
	if err := json.Unmarshal(text, &e.Email); err != nil {
		return fmt.Errorf("sqlite: email %v: %w", ref, err)
	}
	e.Ref, e.Sent = ref, fromOrdered(sent)
	return nil
}

// email returns a row of sync_emails.
func (w *writing) email(organization string, row int64) (storedEmail, error) {
	e := storedEmail{row: row}
	st, err := w.stmt(selectEmail)
	if err != nil {
		return e, err
	}
	return e, e.read(st.QueryRowContext(w.calm, row, organization).Scan)
}

// emailBy returns the first email that has this key and is, or nil.
func (w *writing) emailBy(organization string, key int64, is func(*storedEmail) bool) (*storedEmail, error) {
	var rows []int64
	st, err := w.stmt(selectKey)
	if err != nil {
		return nil, err
	}
	found, err := st.QueryContext(w.calm, key)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		var row int64
		if err := found.Scan(&row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	for _, row := range rows {
		e, err := w.email(organization, row)
		if errors.Is(err, sql.ErrNoRows) {
			continue // of another organization, whose hash begins alike
		}
		if err != nil {
			return nil, err
		}
		if is(&e) {
			return &e, nil
		}
	}
	return nil, nil
}

func (w *writing) emailByRef(organization string, ref track.Ref) (*storedEmail, error) {
	return w.emailBy(organization, refKey(organization, ref), func(e *storedEmail) bool { return e.Ref == ref })
}

// addEmail adds an email. A zero Ref is replaced by the Store's own.
func (w *writing) addEmail(organization string, index track.Email, enqueued bool) (*storedEmail, error) {
	e := &storedEmail{Email: index, own: index.Ref == track.Ref{}, enqueued: enqueued}
	if err := w.get(selectEmailID, nil, &e.row); err != nil {
		return nil, err
	}
	for n := 1; e.own; n++ {
		e.Ref = track.Ref{Type: "sync_email", ID: strconv.FormatInt(e.row, 10)}
		if n > 1 {
			e.Ref.ID += "-" + strconv.Itoa(n)
		}
		if taken, err := w.emailByRef(organization, e.Ref); err != nil {
			return nil, err
		} else if taken == nil {
			break
		}
	}
	e.IDs = distinct(e.IDs)
	text, err := emailDocument(e.Email)
	if err != nil {
		return nil, err
	}
	_, err = w.exec(insertEmail, e.row, organization, e.Ref.Type, e.Ref.ID, e.own, e.enqueued, ordered(e.Sent), text)
	if err != nil {
		return nil, err
	}
	if err := w.addKeys(e.row, 0, append(idKeys(organization, e.IDs), refKey(organization, e.Ref))); err != nil {
		return nil, err
	}
	return e, w.addKeys(e.row, ordered(e.Sent), sentKeys(organization, e.Email))
}

func (w *writing) addKeys(row, sent int64, keys []int64) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := w.exec(insertKeys, list(keys), sent, row)
	return err
}

// know adds the ids that e does not have yet.
func (w *writing) know(organization string, e *storedEmail, ids []string) error {
	all := distinct(slices.Concat(e.IDs, ids))
	if len(all) == len(e.IDs) {
		return nil
	}
	added := all[len(e.IDs):]
	e.IDs = all
	if err := w.updateEmail(e); err != nil {
		return err
	}
	return w.addKeys(e.row, 0, idKeys(organization, added))
}

func (w *writing) updateEmail(e *storedEmail) error {
	text, err := emailDocument(e.Email)
	if err != nil {
		return err
	}
	_, err = w.exec(updateEmail, e.enqueued, text, e.row)
	return err
}

// commitEmail keeps what a message is found by, and returns its Ref. Row is the
// email that the message has already, if any.
func (c *committing) commitEmail(index *track.Email, message int64, row sql.NullInt64) (ref track.Ref, err error) {
	organization := c.batch.Mailbox.Organization
	var e *storedEmail
	switch {
	case row.Valid:
		there, err := c.email(organization, row.Int64)
		if err != nil || index == nil {
			return there.Ref, err
		}
		e = &there
	case index == nil:
		return track.Ref{}, nil
	default:
		if e, err = c.copied(organization, index); err != nil {
			return track.Ref{}, err
		}
		if e == nil {
			own := *index
			own.Ref = track.Ref{}
			if e, err = c.addEmail(organization, own, false); err != nil {
				return track.Ref{}, err
			}
		}
		if _, err := c.exec(setMessageMail, e.row, message); err != nil {
			return track.Ref{}, err
		}
	}
	return e.Ref, c.know(organization, e, index.IDs)
}

// copied returns the email that was enqueued and whose copy among the sent mail index
// is, or nil.
func (w *writing) copied(organization string, index *track.Email) (*storedEmail, error) {
	if index.Direction != track.Outgoing {
		return nil, nil
	}
	for _, id := range distinct(index.IDs) {
		e, err := w.emailBy(organization, emailKey(byID, organization, id), func(e *storedEmail) bool {
			return e.enqueued && slices.Contains(e.IDs, id)
		})
		if e != nil || err != nil {
			return e, err
		}
	}
	return nil, nil
}

// enqueueEmail keeps what an entry is found by, and returns it with its Ref.
func (w *writing) enqueueEmail(organization string, index track.Email) (track.Email, error) {
	var there *storedEmail
	var err error
	if index.Ref != (track.Ref{}) {
		if there, err = w.emailByRef(organization, index.Ref); err != nil {
			return index, err
		}
	}
	switch {
	case there == nil:
		added, err := w.addEmail(organization, index, true)
		if err == nil {
			index.Ref = added.Ref
		}
		return index, err
	case there.own:
		return index, fmt.Errorf("sqlite: %v is the Store's own for another email", index.Ref)
	}
	return index, w.know(organization, there, index.IDs)
}

// SetRegarding says what an email belongs to from now on, and to whom.
func (s *Store) SetRegarding(ctx context.Context, organization string, email, regarding, owner track.Ref) error {
	return s.write(ctx, func(w *writing) error { return w.setRegarding(organization, email, regarding, owner) })
}

// SetRegardingTx is SetRegarding within the host's own transaction, which is one of
// [Store.Write] or [Options.InCommit].
func (s *Store) SetRegardingTx(ctx context.Context, tx *sql.Tx, organization string, email, regarding, owner track.Ref) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return explain(ctx, s.writing(ctx, tx).setRegarding(organization, email, regarding, owner))
}

func (w *writing) setRegarding(organization string, email, regarding, owner track.Ref) error {
	e, err := w.emailByRef(organization, email)
	if err != nil {
		return err
	}
	if e == nil {
		return serversync.ErrNotFound
	}
	e.Regarding, e.Owner = regarding, owner
	return w.updateEmail(e)
}

func idKeys(organization string, ids []string) []int64 {
	keys := make([]int64, 0, len(ids)+1)
	for _, id := range ids {
		keys = append(keys, emailKey(byID, organization, id))
	}
	return keys
}

// sentKeys returns the keys that are looked through by when the email was sent.
func sentKeys(organization string, e track.Email) []int64 {
	var keys []int64
	if e.Token != "" {
		keys = append(keys, emailKey(byToken, organization, e.Token))
	}
	if e.Conversation != "" {
		keys = append(keys, emailKey(byConversation, organization, e.Conversation))
	}
	for _, w := range e.Words {
		keys = append(keys, hashKey(byWord, organization, w))
	}
	for _, p := range e.People {
		keys = append(keys, hashKey(byPerson, organization, p))
	}
	return keys
}

// distinct returns the ids in their order, each once, without empty ones.
func distinct(ids []string) []string {
	var out []string
	for _, id := range ids {
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// list returns numbers as a JSON array, for json_each.
func list(numbers []int64) string {
	b := []byte{'['}
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(append(b, ']'))
}
