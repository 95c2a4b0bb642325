package ews_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"

	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A Syncer does this for a host. Here an inbox is read by hand: first what is there, then what
// is new.
func Example() {
	server := ewstest.NewServer(ewstest.Options{})
	defer server.Close()
	server.Add("user@example.com", "inbox", []byte("Subject: Hello\r\n\r\nHow are you?\r\n"))

	driver := &ews.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}}
	account := provider.Account{
		Mailbox:  mailbox.Mailbox{Address: "user@example.com", Password: secret.New("secret")},
		Profile:  profile.Profile{Kind: profile.ExchangeServer},
		Endpoint: profile.Endpoint{URL: server.URL()},
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

	show := func(cursor provider.Cursor) provider.Cursor {
		page, err := source.Changes(ctx, provider.Request{Folder: "inbox", Lane: provider.Live, Cursor: cursor, Want: provider.WantBodies})
		if err != nil {
			fmt.Println(err)
		}
		for _, c := range page.Changes {
			raw, _ := c.Raw.Bytes()
			fmt.Printf("%s: %q\n", c.Kind, raw)
			c.Raw.Release()
		}
		return page.Next
	}
	now := show("")
	server.Add("user@example.com", "inbox", []byte("Subject: News\r\n\r\nI am back.\r\n"))
	show(now)

	// Output:
	// upsert: "Subject: Hello\r\n\r\nHow are you?\r\n"
	// upsert: "Subject: News\r\n\r\nI am back.\r\n"
}
