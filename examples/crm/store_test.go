package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/storetest"
)

// The CRM keeps all the rules of a Store.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		path := filepath.Join(t.TempDir(), "crm.db")
		c := &faulty{CRM: openCRM(t, path)}
		return storetest.Harness{
			Store: c,
			Messages: func(t *testing.T, organization string) []storetest.StoredMessage {
				return messages(t, c.CRM, organization)
			},
			Alerts: func(t *testing.T, key mailbox.Key) []mailbox.Alert { return alerts(t, c.CRM, key) },
			Reopen: func(t *testing.T) serversync.Store {
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				c.CRM = openCRM(t, path)
				return c
			},
			FailNext: func(_ *testing.T, at storetest.Point) { c.next = at },
		}
	})
}

// faulty is a CRM whose next Commit fails on demand: by a trigger once the batch is
// written, or by losing the answer.
type faulty struct {
	*CRM
	next storetest.Point
}

func (f *faulty) Commit(ctx context.Context, b *serversync.Batch) (serversync.Receipt, error) {
	at := f.next
	if at != "" {
		f.next = ""
	}
	if at == storetest.Midway {
		const trigger = `CREATE TRIGGER fail BEFORE UPDATE OF last_batch ON sync_mailboxes BEGIN SELECT RAISE(ABORT, 'as was asked for'); END`
		if _, err := f.db.Exec(trigger); err != nil {
			return serversync.Receipt{}, err
		}
		defer f.db.Exec(`DROP TRIGGER fail`)
	}
	r, err := f.CRM.Commit(ctx, b)
	if err == nil && at == storetest.Unanswered {
		return serversync.Receipt{}, fmt.Errorf("%w: as was asked for", serversync.ErrUnknown)
	}
	return r, err
}

func openCRM(t testing.TB, path string) *CRM {
	t.Helper()
	c, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func messages(t *testing.T, c *CRM, organization string) (list []storetest.StoredMessage) {
	read(t, c, func(scan func(...any) error) error {
		var m storetest.StoredMessage
		var b bodyColumns
		var id int64
		if err := scan(&id, &m.Content.MessageID, &m.Content.Digest, &b.id, &b.size, &b.sum); err != nil {
			return err
		}
		h := sha256.New()
		var err error
		if m.Size, err = io.Copy(h, c.body(b).Open()); err != nil {
			return err
		}
		h.Sum(m.Sum[:0])
		m.Places = places(t, c, id)
		list = append(list, m)
		return nil
	}, `SELECT e.id, message_id, digest, b.id, size, sha256 FROM emails e JOIN bodies b ON b.id = e.body WHERE organization = $1`, organization)
	return list
}

func places(t *testing.T, c *CRM, email int64) (list []storetest.StoredPlace) {
	read(t, c, func(scan func(...any) error) error {
		var p storetest.StoredPlace
		var flags []byte
		err := scan(&p.Mailbox.Organization, &p.Mailbox.Mailbox, &p.Folder, &p.Epoch, &p.ID, &p.Gone, &flags)
		if err == nil {
			err = json.Unmarshal(flags, &p.Flags)
		}
		list = append(list, p)
		return err
	}, `SELECT organization, mailbox, folder, epoch, id, gone, flags FROM sync_ids WHERE email = $1`, email)
	return list
}

func alerts(t *testing.T, c *CRM, key mailbox.Key) (list []mailbox.Alert) {
	read(t, c, func(scan func(...any) error) error {
		var text []byte
		var a mailbox.Alert
		err := scan(&text)
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		list = append(list, a)
		return err
	}, `SELECT alert FROM sync_alerts WHERE organization = $1 AND mailbox = $2`, key.Organization, key.Mailbox)
	return list
}

func read(t *testing.T, c *CRM, row func(scan func(...any) error) error, query string, args ...any) {
	t.Helper()
	err := c.read(context.Background(), func(tx *sql.Tx) error { return each(context.Background(), tx, row, query, args...) })
	if err != nil {
		t.Fatal(err)
	}
}
