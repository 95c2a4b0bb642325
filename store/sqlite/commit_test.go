package sqlite

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

var ann = mailbox.Key{Organization: "acme", Mailbox: "ann"}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "mail.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// message returns message i of some size as the parser would.
func message(i, size int) *item.Message {
	raw := mailgen.Message(1, i, size)
	return &item.Message{
		MessageID:   strings.Trim(mailgen.ID(1, i), "<>"),
		References:  []string{strings.Trim(mailgen.ID(1, i-1), "<>")},
		Date:        mailgen.Date(i),
		Subject:     fmt.Sprintf("Re: offer %d for the north wing", i),
		From:        []item.Address{{Name: "Ben Example", Addr: "ben@mailgen.example"}},
		To:          []item.Address{{Name: "Ann Example", Addr: "ann@mailgen.example"}},
		Text:        string(raw[:size/3]),
		Attachments: []item.Attachment{{Name: "offer.pdf", Type: "application/pdf", Size: int64(size / 2)}},
		Digest:      item.Digest(fmt.Sprintf("1:%x", sha256.Sum256(raw))),
		Raw:         item.NewBlob(raw),
	}
}

// batch moves the live lane of the inbox from one cursor to the next.
func batch(id string, from, next provider.Cursor, records ...serversync.Record) *serversync.Batch {
	return &serversync.Batch{
		ID: id, Mailbox: ann, Lane: serversync.LaneKey{Folder: "inbox", Lane: provider.Live},
		From: from, Next: next, Records: records,
	}
}

func tracked(id provider.ID, m *item.Message) serversync.Record {
	return serversync.Record{
		Kind: serversync.Tracked, Folder: "inbox", Epoch: "1", ID: id, Message: m,
		Flags: []string{`\Seen`}, Received: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
	}
}

func commit(t testing.TB, s *Store, b *serversync.Batch) serversync.Receipt {
	t.Helper()
	r, err := s.Commit(t.Context(), b)
	if err != nil {
		t.Fatalf("Commit(%s): %v", b.ID, err)
	}
	return r
}

func TestCommit(t *testing.T) {
	s := open(t, Options{})
	raw := mailgen.Message(1, 7, 5000)
	b := batch("b1", "", "c1", tracked("1", message(7, 5000)), tracked("2", message(7, 5000)), tracked("3", message(8, 5000)))
	for range 2 { // the second time is a replay
		if r := commit(t, s, b); r != (serversync.Receipt{Added: 2, Linked: 1}) {
			t.Errorf("Commit = %+v, want 2 added and 1 linked", r)
		}
	}
	list, err := s.Messages(t.Context(), "acme", 0, 10)
	if err != nil || len(list) != 2 || len(list[0].Places) != 2 {
		t.Fatalf("Messages = %+v, %v, want two, the first of them in two places", list, err)
	}
	blob, err := s.Raw(t.Context(), list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(blob.Open())
	if err != nil || !bytes.Equal(got, raw) || blob.Sum() != sha256.Sum256(raw) {
		t.Errorf("Raw has other bytes, %v", err)
	}
	snap, err := s.Load(t.Context(), ann)
	if err != nil || snap.LastBatch != "b1" || snap.Cursors[b.Lane] != "c1" {
		t.Errorf("Load = %+v, %v", snap, err)
	}
	if _, err := s.Commit(t.Context(), batch("b2", "", "c2")); !errors.Is(err, serversync.ErrFenced) {
		t.Errorf("Commit from an old cursor: %v, want ErrFenced", err)
	}
}
