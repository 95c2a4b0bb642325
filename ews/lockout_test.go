package ews_test

import (
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	serversync "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// shared makes a Syncer over mailboxes of one account that impersonates them.
func shared(t *testing.T, boxes int, edit func(*ewstest.Options, *serversync.Config)) (*ewstest.Server, *serversync.Syncer, []mailbox.Mailbox) {
	t.Helper()
	o := ewstest.Options{Users: map[string]string{"svc@example.com": canary}, NoMailbox: []string{"svc@example.com"},
		Impersonators: map[string][]string{"svc@example.com": {"*"}}}
	var list []mailbox.Mailbox
	for n := range boxes {
		address := fmt.Sprintf("box%d@example.com", n)
		o.Mailboxes = append(o.Mailboxes, address)
		list = append(list, mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: fmt.Sprint("box", n)}, Address: address})
	}
	cfg := serversync.Config{Store: memory.New(), Policy: loopback()}
	if edit != nil {
		edit(&o, &cfg)
	}
	server := ewstest.NewServer(o)
	t.Cleanup(server.Close)
	p := profile.Profile{ID: "p", Kind: profile.ExchangeServer, Incoming: profile.Endpoint{URL: server.URL(), Authentication: profile.Basic,
		Credentials: profile.FromProfile, Username: "svc@example.com", Password: secret.New(canary), Impersonate: true}}
	cfg.Mailboxes = serversync.Static(p, list...)
	if cfg.Drivers == nil {
		cfg.Drivers = map[profile.Protocol]provider.Driver{profile.EWS: &ews.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, SpoolDir: t.TempDir()}}
	}
	syncer, err := serversync.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syncer.Close()) })
	return server, syncer, list
}

// P11: an account that mailboxes share, and whose password is another one now, is refused so
// few times that nobody locks it, however many sessions of it are open that were served before.
func TestP11ChangedPasswordLocksNoSharedAccount(t *testing.T) {
	clock := &stormClock{now: time.Now()}
	server, syncer, boxes := shared(t, 30, func(_ *ewstest.Options, cfg *serversync.Config) { cfg.Clock = clock })
	for _, b := range boxes {
		_, err := syncer.SyncMailbox(t.Context(), b.Key)
		require.NoError(t, err)
	}
	server.Refuse()
	before := server.Counts().Refused
	for range 12 {
		for _, b := range boxes {
			_, _ = syncer.SyncMailbox(t.Context(), b.Key)
		}
		clock.pass(5 * time.Minute)
	}
	require.LessOrEqual(t, server.Counts().Refused-before, int64(5), "AD locks accounts after ten, and often after fewer")
}
