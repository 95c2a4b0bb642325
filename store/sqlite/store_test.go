package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		f := &faulty{path: filepath.Join(t.TempDir(), "mail.db")}
		f.open(t)
		t.Cleanup(func() { f.Store.Close() })
		return storetest.Harness{
			Store: f,
			Messages: func(t *testing.T, organization string) []storetest.StoredMessage {
				return stored(t, f.Store, organization)
			},
			Alerts: func(t *testing.T, key mailbox.Key) []mailbox.Alert {
				alerts, err := f.Alerts(t.Context(), key.Wall(), false, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				return alerts
			},
			Reopen: func(t *testing.T) serversync.Store {
				if err := f.Store.Close(); err != nil {
					t.Fatal(err)
				}
				f.open(t)
				return f
			},
			FailNext: func(_ *testing.T, at storetest.Point) { f.next = at },
		}
	})
}

// faulty is a Store whose next Commit fails on demand.
type faulty struct {
	*Store
	path string
	next storetest.Point
}

func (f *faulty) open(t *testing.T) {
	var err error
	f.Store, err = Open(t.Context(), f.path, Options{InCommit: f.inCommit})
	if err != nil {
		t.Fatal(err)
	}
}

func (f *faulty) inCommit(_ context.Context, tx *sql.Tx, b *serversync.Batch, _ []AddedMessage) error {
	if f.next != storetest.Midway {
		return nil
	}
	f.next = ""
	return errors.New("as was asked for")
}

func (f *faulty) Commit(ctx context.Context, b *serversync.Batch) (serversync.Receipt, error) {
	r, err := f.Store.Commit(ctx, b)
	if err == nil && f.next == storetest.Unanswered {
		f.next = ""
		return serversync.Receipt{}, fmt.Errorf("%w: as was asked for", serversync.ErrUnknown)
	}
	return r, err
}

// stored returns all messages of the organization, a few at a time.
func stored(t *testing.T, s *Store, organization string) []storetest.StoredMessage {
	var all []storetest.StoredMessage
	for after := int64(0); ; {
		page, err := s.Messages(t.Context(), organization, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		for _, m := range page {
			after = m.ID
			all = append(all, storedMessage(t, s, m))
		}
	}
}

func storedMessage(t *testing.T, s *Store, m Message) storetest.StoredMessage {
	raw, err := s.Raw(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	size, err := io.Copy(h, raw.Open())
	if err != nil {
		t.Fatal(err)
	}
	out := storetest.StoredMessage{
		Content: item.Content{MessageID: m.MessageID, Digest: m.Digest},
		Size:    size, Sum: [32]byte(h.Sum(nil)),
	}
	for _, p := range m.Places {
		out.Places = append(out.Places, storetest.StoredPlace{Mailbox: p.Mailbox, Place: p.Place, Gone: p.Gone, Flags: p.Flags})
	}
	return out
}
