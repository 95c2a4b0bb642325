package ews_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// One stream serves all whom the account impersonates, at a server that knows subscriptions by
// the cookie and the anchor alone and writes its answers in pieces.
func TestNotifyOfExchange(t *testing.T) {
	const people = 20
	names := make([]string, people)
	for i := range names {
		names[i] = fmt.Sprintf("user%02d@example.com", i)
	}
	server := ewstest.NewServer(ewstest.Options{
		Users: map[string]string{"svc@example.com": password}, Mailboxes: names,
		Impersonators: map[string][]string{"svc@example.com": {"*"}},
		Affinity:      true, Split: 7, Heartbeat: 50 * time.Millisecond,
	})
	t.Cleanup(server.Close)
	d := &ews.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}}
	p := profile.Profile{ID: "p", Kind: profile.ExchangeServer, Incoming: profile.Endpoint{URL: server.URL(), Credentials: profile.FromProfile,
		Username: "svc@example.com", Password: secret.New(password), Impersonate: true}}
	var accounts []provider.Account
	for _, name := range names {
		accounts = append(accounts, provider.Account{
			Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: name}, Address: name},
			Profile: p, Endpoint: p.Incoming,
			Policy: profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		})
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	news, ended := make(chan mailbox.Key, 10*people), make(chan error, 1)
	go func() { ended <- d.Notify(ctx, accounts, func(k mailbox.Key) { news <- k }) }()
	require.Eventually(t, func() bool { return server.Counts().Requests["GetStreamingEvents"] == 1 }, time.Minute, 5*time.Millisecond)
	require.Equal(t, int64(people), server.Counts().Requests["Subscribe"])
	for _, name := range []string{names[7], names[0], names[19]} {
		server.Add(name, "inbox", []byte("Subject: news\r\n\r\nx\r\n"))
		select {
		case key := <-news:
			require.Equal(t, name, key.Mailbox)
		case <-time.After(time.Minute):
			t.Fatalf("no news of %s", name)
		}
	}
	require.Empty(t, news)
	stop()
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(time.Minute):
		t.Fatal("Notify does not end with its context")
	}
	require.Equal(t, int64(1), server.Counts().Requests["GetStreamingEvents"])
}
