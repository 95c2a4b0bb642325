package providertest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

// The fake is opened like any driver. Mail that was there before comes through
// the backfill lane, newest first.
func ExampleServer() {
	server := providertest.NewServer(providertest.IMAPLike)
	ann := mailbox.Key{Organization: "acme", Mailbox: "ann"}
	server.Add(ann, "INBOX", []byte("Subject: hello\r\n\r\nHi Ann\r\n"))
	server.Add(ann, "INBOX", []byte("Subject: again\r\n\r\nHi Ann\r\n"), `\Seen`)

	ctx := context.Background()
	session, err := server.Driver().Open(ctx, provider.Account{Mailbox: mailbox.Mailbox{Key: ann}})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	source, _ := provider.As[provider.Source](session)
	page, err := source.Changes(ctx, provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantHeaders})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range page.Changes {
		fmt.Printf("%s %s %v %q\n", c.Kind, c.ID, c.Flags, c.Header)
	}
	fmt.Println("more:", page.More, "done:", page.Next.Done())
	// Output:
	// upsert 2 [\Seen] "Subject: again\r\n\r\n"
	// upsert 1 [] "Subject: hello\r\n\r\n"
	// more: false done: true
}
