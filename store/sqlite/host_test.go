package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// host is a host whose rows ride along.
func host(t *testing.T, o Options) *Store {
	s := open(t, o)
	err := s.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`CREATE TABLE emails (
			message INTEGER NOT NULL REFERENCES sync_messages (id), subject TEXT NOT NULL UNIQUE)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func count(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	if err := s.DB().QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestInCommit(t *testing.T) {
	s := host(t, Options{InCommit: func(ctx context.Context, tx *sql.Tx, b *serversync.Batch, added []AddedMessage) error {
		for _, a := range added {
			if !a.New {
				continue
			}
			if b.Records[a.Record].Message != a.Message {
				t.Error("the message is not the record's")
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO emails VALUES (?, ?)`, a.ID, a.Message.Subject); err != nil {
				return err
			}
		}
		return nil
	}})
	b := batch("b1", "", "c1", tracked("1", message(1, 3000)), tracked("2", message(1, 3000)), tracked("3", message(2, 3000)))
	commit(t, s, b)
	commit(t, s, b)
	if n := count(t, s, "emails JOIN sync_messages ON message = id"); n != 2 {
		t.Errorf("the host has %d rows, want 2", n)
	}

	clash := message(3, 3000)
	clash.Subject = message(1, 3000).Subject
	if _, err := s.Commit(t.Context(), batch("b2", "c1", "c2", tracked("4", clash))); err == nil || errors.Is(err, serversync.ErrUnknown) {
		t.Errorf("Commit where the host fails: %v, want the host's error", err)
	}
	if n := count(t, s, "sync_messages"); n != 2 {
		t.Errorf("%d messages, want 2: the host's error rolls back", n)
	}
}

// An error that lies in one record says in which.
func TestRecordError(t *testing.T) {
	s := open(t, Options{InCommit: func(_ context.Context, _ *sql.Tx, _ *serversync.Batch, added []AddedMessage) error {
		for _, a := range added {
			if a.Message.Subject == "spam" {
				return &serversync.RecordError{Index: a.Record, Err: errors.New("no spam")}
			}
		}
		return nil
	}})
	cut, spam, none := message(2, 3000), message(3, 3000), tracked("4", nil)
	cut.Raw = item.OpenBlob(bytes.NewReader(nil), 3000, [32]byte{}, nil)
	spam.Subject = "spam"
	for name, bad := range map[string]serversync.Record{
		"a message that cannot be read": tracked("2", cut), "one that the host refuses": tracked("3", spam), "none": none,
	} {
		_, err := s.Commit(t.Context(), batch("b1", "", "c1", tracked("1", message(1, 3000)), bad))
		if r := (*serversync.RecordError)(nil); !errors.As(err, &r) || r.Index != 1 {
			t.Errorf("%s: %v, want a RecordError about record 1", name, err)
		}
	}
	if n := count(t, s, "sync_places"); n != 0 {
		t.Errorf("%d places after batches that were refused, want none", n)
	}
}

func entry(id string, raw []byte) serversync.Entry {
	return serversync.Entry{
		ID: id, Mailbox: ann, From: "ann@acme.example", MessageID: id + "@acme.example",
		Recipients: []provider.Recipient{{Address: "ben@mailgen.example"}},
		Raw:        item.NewBlob(raw), Queued: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
	}
}

func TestEnqueueTx(t *testing.T) {
	s := host(t, Options{})
	commit(t, s, batch("b1", "", "c1", tracked("1", message(1, 3000))))
	raw := bytes.Repeat([]byte("0123456789abcde\n"), 10_000)
	reply := func(fail error) error {
		return s.Write(t.Context(), func(tx *sql.Tx) error {
			if _, err := tx.Exec(`INSERT INTO emails VALUES (1, 'reply')`); err != nil {
				return err
			}
			for _, id := range []string{"r1", "r2", "r1"} {
				if err := s.EnqueueTx(t.Context(), tx, entry(id, raw)); err != nil {
					return err
				}
			}
			return fail
		})
	}
	no := errors.New("no")
	if err := reply(no); err != no {
		t.Errorf("Write = %v, want the host's error", err)
	}
	if _, err := s.Entry(t.Context(), ann, "r1"); !errors.Is(err, serversync.ErrNotFound) {
		t.Errorf("Entry after a rollback: %v, want ErrNotFound", err)
	}
	if err := reply(nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"r1", "r2"} {
		e, err := s.Entry(t.Context(), ann, id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(e.Raw.Open())
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("entry %s has other bytes, %v", id, err)
		}
	}
	if n := count(t, s, "sync_blobs"); n != 3 {
		t.Errorf("%d blobs, want 3", n)
	}
}

// Everything under Write is rolled back if its context ends before it does.
func TestWriteEnds(t *testing.T) {
	s := host(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Write(ctx, func(tx *sql.Tx) error {
		defer cancel()
		return s.EnqueueTx(ctx, tx, entry("r1", nil))
	})
	if err != context.Canceled {
		t.Errorf("Write = %v, want context.Canceled", err)
	}
	if n := count(t, s, "sync_outbox"); n != 0 {
		t.Errorf("%d entries, want none", n)
	}
}

func TestExplainCommit(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	lost := errors.New("the answer is lost")
	for _, tt := range []struct {
		name string
		ctx  context.Context
		err  error
		want error
	}{
		{"no error", t.Context(), nil, nil},
		{"no error, though ctx has ended", ended, nil, nil},
		{"ended before", ended, sql.ErrTxDone, context.Canceled},
		{"who knows", t.Context(), lost, serversync.ErrUnknown},
		{"who knows, though ctx has ended", ended, lost, serversync.ErrUnknown},
	} {
		if got := explainCommit(tt.ctx, tt.err); !errors.Is(got, tt.want) || got == nil != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Replaying a quarantined item frees its bytes, and so does dropping its epoch.
func TestQuarantineFreesBytes(t *testing.T) {
	s := open(t, Options{})
	poison := func(id provider.ID) serversync.Record {
		r := tracked(id, &item.Message{Raw: item.NewBlob(make([]byte, 200_000))})
		r.Kind = serversync.Quarantined
		return r
	}
	commit(t, s, batch("b1", "", "c1", poison("1"), poison("2"), poison("3")))
	if n := count(t, s, "sync_chunks"); n != 12 {
		t.Fatalf("%d chunks, want 12", n)
	}
	ignored := poison("1")
	ignored.Kind = serversync.Ignored
	commit(t, s, batch("b2", "c1", "c2", ignored))
	if n := count(t, s, "sync_chunks"); n != 8 {
		t.Errorf("%d chunks after one was replayed, want 8", n)
	}
	drop := batch("b3", "c2", "c3")
	drop.Drop = []serversync.EpochKey{{Folder: "inbox", Epoch: "1"}}
	commit(t, s, drop)
	for _, table := range []string{"sync_chunks", "sync_blobs", "sync_places", "sync_quarantine"} {
		if n := count(t, s, table); n != 0 {
			t.Errorf("%s has %d rows after its epoch was dropped, want none", table, n)
		}
	}
}
