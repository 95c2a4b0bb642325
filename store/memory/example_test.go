package memory_test

import (
	"context"
	"fmt"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

// A batch leaves a message, its place and the cursor behind it. Committed once
// more, as after a lost answer, it changes nothing.
func Example() {
	ctx := context.Background()
	store := memory.New()
	ann := mailbox.Key{Organization: "acme", Mailbox: "ann"}
	inbox := serversync.LaneKey{Folder: "INBOX", Lane: provider.Live}
	batch := &serversync.Batch{
		ID:      "batch-1",
		Mailbox: ann,
		Lane:    inbox,
		Next:    provider.NewCursor(provider.Envelope{Driver: "imap", Version: 1, Epoch: "7"}, "42"),
		Records: []serversync.Record{{
			Kind:   serversync.Tracked,
			Folder: "INBOX",
			Epoch:  "7",
			ID:     "41",
			Message: &item.Message{
				MessageID: "offer@example.com",
				Digest:    "1:5d41",
				Subject:   "Our offer",
				Raw:       item.NewBlob([]byte("Subject: Our offer\r\n\r\n")),
			},
		}},
	}
	for range 2 {
		receipt, err := store.Commit(ctx, batch)
		fmt.Println("added", receipt.Added, err)
	}

	snapshot, err := store.Load(ctx, ann)
	_, state, _ := snapshot.Cursors[inbox].Open()
	fmt.Println("cursor", state, err)
	for _, m := range store.Messages("acme") {
		fmt.Println(m.Subject, "in", m.Places[0].Folder)
	}
	fmt.Printf("%+v, %d writes\n", store.Ledger(ann), store.Writes())
	// Output:
	// added 1 <nil>
	// added 1 <nil>
	// cursor 42 <nil>
	// Our offer in INBOX
	// {Tracked:1 Ignored:0 Deferred:0 Quarantined:0 Gone:0}, 1 writes
}
