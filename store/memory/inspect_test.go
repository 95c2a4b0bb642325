package memory_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

var ann = mailbox.Key{Organization: "acme", Mailbox: "ann"}

const mail = "Message-ID: <offer@example.com>\r\n" +
	"Subject: Our offer\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n" +
	"--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=offer.csv\r\n\r\na,b\r\n--b--\r\n"

func parse(t *testing.T, raw string) *item.Message {
	t.Helper()
	m, err := item.ParseMessage(item.NewBlob([]byte(raw)), item.Limits{})
	if err != nil {
		t.Fatalf("ParseMessage = %v", err)
	}
	return m
}

func record(kind serversync.RecordKind, id provider.ID) serversync.Record {
	return serversync.Record{Kind: kind, Folder: "INBOX", Epoch: "7", ID: id}
}

// The zero Store is ready, and looking into an empty one finds nothing.
func TestZero(t *testing.T) {
	store := new(memory.Store)
	if n := len(store.Messages("acme")) + len(store.Places(ann)) + store.Writes(); n != 0 {
		t.Errorf("an empty Store shows %d things", n)
	}
	commit(t, store, &serversync.Batch{ID: "1", Mailbox: ann, Records: []serversync.Record{record(serversync.Ignored, "1")}})
	if got, want := store.Ledger(ann), (memory.Ledger{Ignored: 1}); got != want {
		t.Errorf("Ledger = %+v, want %+v", got, want)
	}
}

func TestMessages(t *testing.T) {
	store := memory.New()
	tracked := record(serversync.Tracked, "1")
	tracked.Message, tracked.Flags, tracked.Reason = parse(t, mail), []string{`\Seen`}, "all mail is"
	commit(t, store, &serversync.Batch{ID: "1", Mailbox: ann, Records: []serversync.Record{tracked}})
	tracked.Message.From = append(tracked.Message.From, item.Address{Addr: "changed"})
	tracked.Message.Subject = "changed"

	all := store.Messages("acme")
	if len(all) != 1 || all[0].Subject != "Our offer" || len(all[0].From) != 0 || len(all[0].Attachments) != 1 {
		t.Fatalf("Messages = %+v, want the one that was committed", all)
	}
	content, err := io.ReadAll(all[0].Attachments[0].Open())
	if string(content) != "a,b" || err != nil {
		t.Errorf("the attachment holds %q, %v, want a,b", content, err)
	}
	want := memory.Place{
		Mailbox: ann, Place: provider.Place{Folder: "INBOX", Epoch: "7", ID: "1"}, Kind: serversync.Tracked,
		Flags: []string{`\Seen`}, Reason: "all mail is", Content: all[0].Content,
	}
	if got := all[0].Places; len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Errorf("Places = %+v, want %+v", got, want)
	}
	all[0].Places[0].Flags[0] = "changed"
	if got := store.Places(ann)[0].Flags; !slices.Equal(got, []string{`\Seen`}) {
		t.Errorf("flags = %q after a caller changed its copy", got)
	}
}

func TestLedger(t *testing.T) {
	store := memory.New()
	tracked := record(serversync.Tracked, "1")
	tracked.Message = parse(t, mail)
	commit(t, store, &serversync.Batch{ID: "1", Mailbox: ann, Records: []serversync.Record{
		tracked, record(serversync.Ignored, "2"), record(serversync.Deferred, "3"), record(serversync.Quarantined, "4"),
		record(serversync.Ignored, "5"), record(serversync.Gone, "5"),
	}})
	if got, want := store.Ledger(ann), (memory.Ledger{Tracked: 1, Ignored: 2, Deferred: 1, Quarantined: 1, Gone: 1}); got != want {
		t.Errorf("Ledger = %+v, want %+v", got, want)
	}
}

// Writes counts what changed something, and nothing that did not.
func TestWrites(t *testing.T) {
	store, now := memory.New(), time.Unix(1e9, 0)
	counts := func(what string, want int) {
		t.Helper()
		if got := store.Writes(); got != want {
			t.Errorf("Writes after %s = %d, want %d", what, got, want)
		}
	}
	b := &serversync.Batch{ID: "1", Mailbox: ann, Lane: inbox, Next: "1"}
	commit(t, store, b)
	commit(t, store, b)
	counts("a commit and its replay", 1)
	if _, err := store.Commit(ctx, &serversync.Batch{ID: "2", Mailbox: ann, Lane: inbox, Next: "1"}); !errors.Is(err, serversync.ErrFenced) {
		t.Errorf("Commit from a stale cursor = %v, want ErrFenced", err)
	}
	counts("a commit that was fenced", 1)

	e := serversync.Entry{ID: "1", Mailbox: ann, Raw: item.NewBlob(nil)}
	for range 2 {
		if err := store.Enqueue(ctx, e); err != nil {
			t.Errorf("Enqueue = %v", err)
		}
	}
	counts("an entry enqueued twice", 2)
	e, err := store.Claim(ctx, ann, "node", now, now.Add(time.Minute))
	if err != nil {
		t.Fatalf("Claim = %v", err)
	}
	counts("a claim", 3)
	if _, err := store.Claim(ctx, ann, "node", now, now); !errors.Is(err, serversync.ErrNotFound) {
		t.Errorf("Claim of a claimed entry = %v, want ErrNotFound", err)
	}
	counts("a claim of nothing", 3)
	for _, want := range []error{nil, serversync.ErrFenced} {
		if err := store.Advance(ctx, e); !errors.Is(err, want) {
			t.Errorf("Advance = %v, want %v", err, want)
		}
	}
	counts("an entry advanced, and once more from a stale version", 4)
	for _, key := range []mailbox.Key{ann, {Organization: "acme", Mailbox: "unknown"}} {
		if _, err := store.Load(ctx, key); err != nil {
			t.Errorf("Load = %v", err)
		}
	}
	counts("reading", 4)
}

// What no Syncer would commit is refused.
func TestRefused(t *testing.T) {
	for name, b := range map[string]*serversync.Batch{
		"no ID":             {Mailbox: ann},
		"a cursor, no lane": {ID: "1", Mailbox: ann, Next: "1"},
		"no message":        {ID: "1", Mailbox: ann, Records: []serversync.Record{record(serversync.Tracked, "1")}},
		"unknown kind":      {ID: "1", Mailbox: ann, Records: []serversync.Record{record("new", "1")}},
	} {
		store := memory.New()
		if _, err := store.Commit(ctx, b); err == nil || errors.Is(err, serversync.ErrFenced) {
			t.Errorf("Commit of a batch with %s = %v, want an error", name, err)
		}
		if n := store.Writes() + len(store.Places(ann)); n != 0 {
			t.Errorf("a batch with %s left something", name)
		}
	}
}

// A move is told to the quarantine, and a move onto an id that is decided leaves it.
func TestMoved(t *testing.T) {
	store := memory.New()
	moved := func(from, to provider.ID) serversync.Record {
		r := record(serversync.Moved, from)
		r.To, r.ToID = "Archive", to
		return r
	}
	archived := record(serversync.Ignored, "a2")
	archived.Folder = "Archive"
	commit(t, store, &serversync.Batch{ID: "1", Mailbox: ann, Records: []serversync.Record{
		record(serversync.Quarantined, "1"), moved("1", "a1"),
		record(serversync.Quarantined, "2"), archived, moved("2", "a2"),
		record(serversync.Deferred, "3"), moved("3", "a3"),
	}})
	items, err := store.Quarantined(ctx, ann, provider.Place{}, 10)
	if err != nil || len(items) != 1 || items[0].Folder != "Archive" || items[0].ID != "a1" {
		t.Errorf("Quarantined = %+v, %v, want a1 alone", items, err)
	}
	snap, err := store.Load(ctx, ann)
	if err != nil || len(snap.Deferred) != 1 || snap.Deferred[0].ID != "a3" {
		t.Errorf("Deferred = %+v, %v, want a3 alone", snap.Deferred, err)
	}
	places, err := store.Known(ctx, ann, "Archive", "7", []provider.ID{"a1", "a2", "a3"})
	if err != nil || places[0].Kind != serversync.Quarantined || places[1].Kind != serversync.Ignored || places[2].Kind != serversync.Deferred {
		t.Errorf("Known = %+v, %v", places, err)
	}
}
