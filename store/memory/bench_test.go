package memory_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

var (
	ctx   = context.Background()
	inbox = serversync.LaneKey{Folder: "INBOX", Lane: provider.Live}
)

func key(i int) mailbox.Key {
	return mailbox.Key{Organization: fmt.Sprint("org ", i/100), Mailbox: fmt.Sprint("mailbox ", i)}
}

// idle returns a store of n mailboxes that have been run and have nothing to do.
func idle(tb testing.TB, n int) *memory.Store {
	store := memory.New()
	for i := range n {
		commit(tb, store, &serversync.Batch{
			ID: "first", Mailbox: key(i), Lane: inbox, Next: "imap/1/7/uid/more\n42",
			State: &serversync.StateChange{To: mailbox.State{Incoming: mailbox.Direction{Phase: mailbox.Healthy}}},
		})
	}
	return store
}

func commit(tb testing.TB, store *memory.Store, b *serversync.Batch) serversync.Receipt {
	tb.Helper()
	receipt, err := store.Commit(ctx, b)
	if err != nil {
		tb.Fatalf("Commit(%s) = %v", b.ID, err)
	}
	return receipt
}

// TestIdleHeap holds what an idle mailbox costs, its key and cursor included.
func TestIdleHeap(t *testing.T) {
	const mailboxes, most = 20_000, 1000
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	store := idle(t, mailboxes)
	each := (heap() - before) / mailboxes
	runtime.KeepAlive(store)
	t.Logf("%d bytes for each idle mailbox", each)
	if each > most {
		t.Errorf("an idle mailbox takes %d bytes, want at most %d", each, most)
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 100_000} {
		b.Run(fmt.Sprint("idle of ", n), func(b *testing.B) {
			store := idle(b, n)
			keys := make([]mailbox.Key, n)
			for i := range keys {
				keys[i] = key(i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := store.Load(ctx, keys[i*7919%n]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkCommit commits a cursor alone, and with a message of 4 KB.
func BenchmarkCommit(b *testing.B) {
	run := func(name string, records func(i int) []serversync.Record) {
		b.Run(name, func(b *testing.B) {
			store, from := memory.New(), provider.Cursor("")
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				next := provider.Cursor(fmt.Sprint(i))
				commit(b, store, &serversync.Batch{ID: string(next), Mailbox: key(0), Lane: inbox, From: from, Next: next, Records: records(i)})
				from = next
			}
		})
	}
	raw := item.NewBlob(make([]byte, 4<<10))
	run("cursor", func(int) []serversync.Record { return nil })
	run("message", func(i int) []serversync.Record {
		id := provider.ID(fmt.Sprint(i))
		m := &item.Message{MessageID: string(id), Digest: item.Digest("1:" + id), Raw: raw}
		return []serversync.Record{{Kind: serversync.Tracked, Folder: "INBOX", Epoch: "7", ID: id, Message: m}}
	})
}

func BenchmarkKnown(b *testing.B) {
	store := memory.New()
	var records []serversync.Record
	var ids []provider.ID
	for i := range 100_000 {
		id := provider.ID(fmt.Sprint(i))
		records = append(records, serversync.Record{Kind: serversync.Ignored, Folder: "INBOX", Epoch: "7", ID: id})
		if i%2000 == 0 {
			ids = append(ids, id)
		}
	}
	commit(b, store, &serversync.Batch{ID: "first", Mailbox: key(0), Records: records})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Known(ctx, key(0), "INBOX", "7", ids); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClaimNothing(b *testing.B) {
	store := idle(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Claim(ctx, key(0), "node", time.Time{}, time.Time{}); !errors.Is(err, serversync.ErrNotFound) {
			b.Fatal(err)
		}
	}
}
