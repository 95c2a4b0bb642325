// Command exchange syncs two mailboxes of one Exchange, in whose name one account acts. Mail comes
// in and goes out, and what Exchange is known for goes wrong: a message that it cannot give as it is, an
// answer that is lost, a server that is busy. It needs nothing but Go, for the Exchange runs inside it.
// Read main.go first; the rest sets the scene.
package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"os"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
)

// Whose mail is synced. Neither has a password here: the profile's account acts for them.
var (
	anna = mailbox.Mailbox{Key: mailbox.Key{Organization: "northwind", Mailbox: "anna"}, Address: "anna@northwind.example"}
	ben  = mailbox.Mailbox{Key: mailbox.Key{Organization: "northwind", Mailbox: "ben"}, Address: "ben@northwind.example"}
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	server := startExchange()
	defer server.Close()
	show := printer{Writer: out, store: memory.New()}
	syncer, err := serversync.New(serversync.Config{
		Store:     show.store,
		Drivers:   drivers(server),
		Mailboxes: serversync.Static(exchange(server), anna, ben),
		Policy:    policy(),
		Sending:   serversync.Sending{Settle: time.Millisecond}, // 30 s elsewhere, for mail takes its time
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, syncer.Close()) }()

	show.title("Anna's inbox comes in; one message Exchange cannot give as it came")
	show.report(syncer.SyncMailbox(ctx, anna.Key))
	show.messages()

	show.title("Anna writes to Ben and to a customer, with an attachment that is sent apart")
	show.enqueued(syncer.Send(ctx, anna.Key, serversync.Outgoing{
		ID: "offer-1", To: []item.Address{{Name: "Ben", Addr: ben.Address}}, Bcc: []item.Address{{Addr: "marta@lindqvist.example"}},
		Subject: "Our offer", Text: "Have a look before Marta does.\n",
		Attachments: []item.DraftAttachment{{Name: "lanterns.tiff", Type: "image/tiff", Content: item.NewBlob(bytes.Repeat([]byte("lantern "), 1<<20))}},
	}))
	show.requests(server, func() { show.report(syncer.SyncMailbox(ctx, anna.Key)) })
	show.sent(server)
	show.report(syncer.SyncMailbox(ctx, ben.Key))

	show.title("The answer to SendItem is lost. Whether it was sent is found out, and nothing is sent twice")
	lost := ewstest.Fault{Op: "SendItem", Lose: true, After: true, Times: 1}
	server.SetFault(lost)
	show.enqueued(syncer.Send(ctx, anna.Key, serversync.Outgoing{ID: "offer-2", To: []item.Address{{Addr: ben.Address}}, Subject: "Our second offer", Text: "It is better.\n"}))
	show.report(syncer.SyncMailbox(ctx, anna.Key))
	show.entry(ctx, anna.Key, "offer-2")
	show.sent(server)

	show.title("Exchange is busy. That is no failure: the mailbox waits, and the other one does not")
	busy := ewstest.Busy("90000")
	busy.Mailbox = anna.Address
	server.SetFault(busy)
	show.report(syncer.SyncMailbox(ctx, anna.Key))
	show.report(syncer.SyncMailbox(ctx, ben.Key))
	return show.err
}
