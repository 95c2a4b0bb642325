package imap_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Syncer does this for a host. Here a mailbox is read by hand: first what is
// there, then what is new.
func Example() {
	server := imaptest.NewServer(imaptest.Options{})
	defer server.Close()
	server.Add("user", "INBOX", []byte("Subject: Hello\r\n\r\nHow are you?\r\n"))

	driver := &imap.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}}
	account := provider.Account{
		Mailbox:  mailbox.Mailbox{Username: "user", Password: secret.New("secret")},
		Endpoint: server.Endpoint(),
		Policy:   profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	}
	ctx := context.Background()
	session, err := driver.Open(ctx, account)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	source, _ := provider.As[provider.Source](session)

	show := func(r provider.Request) provider.Cursor {
		page, err := source.Changes(ctx, r)
		if err != nil {
			fmt.Println(err)
		}
		for _, c := range page.Changes {
			fmt.Printf("%s lane: %s %s\n", r.Lane, c.Kind, c.ID)
			c.Raw.Release()
		}
		return page.Next
	}
	now := show(provider.Request{Folder: "INBOX", Lane: provider.Live})
	show(provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies})

	server.Add("user", "INBOX", []byte("Subject: Hello again\r\n\r\nAnd now?\r\n"))
	server.SetFlags("user", "INBOX", 1, `\Seen`)
	now = show(provider.Request{Folder: "INBOX", Lane: provider.Live, Cursor: now, Want: provider.WantBodies})
	server.Remove("user", "INBOX", 1)
	show(provider.Request{Folder: "INBOX", Lane: provider.Live, Cursor: now})

	// Output:
	// backfill lane: upsert 1
	// live lane: flags 1
	// live lane: upsert 2
	// live lane: gone 1
}
