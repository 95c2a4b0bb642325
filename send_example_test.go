package serversync_test

import (
	"context"
	"fmt"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// A host sends an email by its own id of it. Sent again after a crash, it is the same
// entry, and nobody gets it twice.
func ExampleSyncer_Send() {
	ctx := context.Background()
	server := providertest.NewServer(providertest.IMAPLike) // stands for a mail system
	anna := mailbox.Key{Organization: "contoso", Mailbox: "anna"}
	store := memory.New()
	syncer, err := serversync.New(serversync.Config{
		Store:   store,
		Drivers: map[profile.Protocol]provider.Driver{profile.IMAP: server.Driver(), profile.SMTP: server.Driver()},
		Mailboxes: serversync.Static(profile.Profile{ID: "mail", Kind: profile.IMAPSMTP,
			Incoming: profile.Endpoint{Host: "mail.example.test"}, Outgoing: profile.Endpoint{Host: "mail.example.test"}},
			mailbox.Mailbox{Key: anna, Address: "anna@example.test"}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer syncer.Close()

	email := serversync.Outgoing{
		ID:      "email 4711", // the host's own
		To:      []item.Address{{Name: "Bob", Addr: "bob@example.org"}},
		Subject: "Your order",
		Text:    "It is on its way.",
		Answers: &item.Message{MessageID: "question@example.org", Subject: "Where is it?"},
	}
	for range 2 {
		if _, err := syncer.Send(ctx, anna, email); err != nil {
			fmt.Println(err)
		}
	}
	if _, err := syncer.SyncMailbox(ctx, anna); err != nil { // Run does that by itself
		fmt.Println(err)
	}

	e, err := store.Entry(ctx, anna, email.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Phase, len(server.Sent()))
	for _, r := range e.Recipients {
		fmt.Println(r.Address, r.Status)
	}
	fmt.Println(syncer.Cancel(ctx, anna, email.ID))
	// Output:
	// done 1
	// bob@example.org sent
	// outbox entry "email 4711" is done: serversync: the entry is past the phase in which this can be done
}
