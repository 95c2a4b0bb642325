package pop3_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

func exampleDriver(server *pop3test.Server) (*pop3.Driver, provider.Account) {
	return &pop3.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}}, provider.Account{
		Mailbox:  mailbox.Mailbox{Username: "user", Password: secret.New("secret")},
		Endpoint: server.Endpoint(),
		Policy:   profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	}
}

// A Syncer does this for a host. Here a mailbox is read by hand, each look with a session
// of its own, and what has been read is deleted.
func Example() {
	server := pop3test.NewServer(pop3test.Options{})
	defer server.Close()
	server.Add("user", []byte("Subject: Hello\r\n\r\nHow are you?\r\n"))
	driver, account := exampleDriver(server)
	ctx := context.Background()

	var cursor provider.Cursor
	look := func() {
		session, err := driver.Open(ctx, account)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer session.Close()
		source, _ := provider.As[provider.Source](session)
		page, err := source.Changes(ctx, provider.Request{Folder: "INBOX", Cursor: cursor, Want: provider.WantBodies})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(len(page.Changes), "new, the whole mailbox listed:", page.Full)
		actor, _ := provider.As[provider.Actor](session)
		for _, c := range page.Changes {
			c.Raw.Release()
			if err := actor.Act(ctx, provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: page.Next.Epoch(), ID: c.ID}); err != nil {
				fmt.Println(err)
			}
		}
		cursor = page.Next // together with what was read, before anything is deleted
		confirmer, _ := provider.As[provider.Confirmer](session)
		if err := confirmer.Confirm(ctx); err != nil {
			fmt.Println(err)
		}
	}
	look()
	server.Add("user", []byte("Subject: Hello again\r\n\r\nAnd now?\r\n"))
	look()
	look()
	fmt.Println(len(server.Messages("user")), "left")

	// Output:
	// 1 new, the whole mailbox listed: true
	// 1 new, the whole mailbox listed: true
	// 0 new, the whole mailbox listed: true
	// 0 left
}
