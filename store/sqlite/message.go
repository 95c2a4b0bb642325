package sqlite

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-serversync/serversync/item"
)

// track saves the record's message, unless its content is in the organization already, and
// returns its row.
func (c *committing) track(at int) (any, error) {
	r := &c.batch.Records[at]
	if r.Message == nil {
		return nil, refusal{errors.New("sqlite: a tracked record has no message")}
	}
	id, email, isNew, err := c.saveMessage(c.batch.Mailbox.Organization, r.Message)
	if err != nil {
		return nil, err
	}
	ref, err := c.commitEmail(r.Index, id, email)
	if err != nil {
		return nil, err
	}
	if isNew {
		c.receipt.Added++
	} else {
		c.receipt.Linked++
	}
	if c.store.options.InCommit != nil {
		c.added = append(c.added, AddedMessage{
			ID: id, New: isNew, Record: at, Message: r.Message, Email: ref, Verdict: r.Verdict,
		})
	}
	return id, nil
}

// saveMessage also returns the email that a message which is there already has.
func (c *committing) saveMessage(organization string, m *item.Message) (id int64, email sql.NullInt64, isNew bool, err error) {
	key := contentKey(organization, m.Content())
	var blob any
	if m.Raw != nil {
		if blob, err = c.nextBlob(); err != nil {
			return 0, email, false, err
		}
	}
	header, attachments, err := documents(m)
	if err != nil {
		return 0, email, false, err
	}
	var from item.Address
	if len(m.From) > 0 {
		from = m.From[0]
	}
	r, err := c.exec(insertMessage, key, organization, m.MessageID, string(m.Digest), seconds(m.Date), m.Subject,
		from.Name, from.Addr, header, attachments, start(m.Text, c.store.options.Text), blob)
	if err != nil {
		return 0, email, false, err
	}
	if n, err := r.RowsAffected(); n == 0 || err != nil {
		if err == nil {
			err = c.get(`SELECT id, email FROM sync_messages WHERE content = ?`, []any{key}, &id, &email)
		}
		return id, email, false, err
	}
	if id, err = r.LastInsertId(); err != nil || m.Raw == nil {
		return id, email, true, err
	}
	_, err = c.saveBlob(m.Raw)
	return id, email, true, err
}

// contentKey returns what is unique among the messages of an organization. Its
// first half is of the Message-ID, so that a message is found by that as well.
func contentKey(organization string, c item.Content) []byte {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(organization))))
	h.Write([]byte(organization))
	h.Write([]byte(c.MessageID))
	digest := sha256.Sum256([]byte(c.Digest))
	return append(h.Sum(nil)[:16], digest[:16]...)
}

// header is the JSON in the column of that name.
type header struct {
	From       []address `json:"from,omitempty"`
	Sender     []address `json:"sender,omitempty"`
	ReplyTo    []address `json:"replyTo,omitempty"`
	To         []address `json:"to,omitempty"`
	Cc         []address `json:"cc,omitempty"`
	Bcc        []address `json:"bcc,omitempty"`
	InReplyTo  []string  `json:"inReplyTo,omitempty"`
	References []string  `json:"references,omitempty"`
}

type address struct {
	Name string `json:"name,omitempty"`
	Addr string `json:"addr"`
}

type attachment struct {
	Name      string `json:"name,omitempty"`
	Type      string `json:"type"`
	ContentID string `json:"contentID,omitempty"`
	Inline    bool   `json:"inline,omitempty"`
	Size      int64  `json:"size"`
}

// documents returns the two columns of m that are JSON.
func documents(m *item.Message) (string, sql.NullString, error) {
	h := header{
		From: addresses(m.From), Sender: addresses(m.Sender), ReplyTo: addresses(m.ReplyTo),
		To: addresses(m.To), Cc: addresses(m.Cc), Bcc: addresses(m.Bcc),
		InReplyTo: m.InReplyTo, References: m.References,
	}
	head, err := json.Marshal(h)
	if err != nil || len(m.Attachments) == 0 {
		return string(head), sql.NullString{}, err
	}
	list := make([]attachment, len(m.Attachments))
	for i, a := range m.Attachments {
		list[i] = attachment{a.Name, a.Type, a.ContentID, a.Inline, a.Size}
	}
	files, err := json.Marshal(list)
	if err != nil {
		return "", sql.NullString{}, fmt.Errorf("sqlite: message %q: %w", m.MessageID, err)
	}
	return string(head), sql.NullString{String: string(files), Valid: true}, nil
}

func addresses(list []item.Address) []address {
	out := make([]address, len(list))
	for i, a := range list {
		out[i] = address(a)
	}
	return out
}

// seconds returns t as seconds since 1970, which SQLite's own functions read, or
// NULL for the zero Time.
func seconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

// start returns the first n bytes of text, less if they end within a character.
func start(text string, n int) string {
	if len(text) <= n {
		return text
	}
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
