package ews_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// canary is the password of every test. It must never show.
const canary = "canary-Zx9!q7"

// user is whose mailbox it is.
const user = "user@example.com"

// A buffer is a log.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// loopback lets tests dial their own servers.
func loopback() profile.Policy {
	return profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// start starts a server, and a driver and an account for it.
func start(t testing.TB, o ewstest.Options) (*ewstest.Server, *ews.Driver, provider.Account) {
	t.Helper()
	o.Users = map[string]string{user: canary}
	server := ewstest.NewServer(o)
	server.Requests(func(_ string, body []byte) { ews.Sent(body) })
	t.Cleanup(server.Close)
	d := &ews.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, SpoolDir: t.TempDir()}
	p := profileOf(server)
	return server, d, provider.Account{
		Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "box"}, Address: user, Username: user, Password: secret.New(canary)},
		Profile: p, Endpoint: p.Incoming, Policy: loopback(),
	}
}

func profileOf(server *ewstest.Server) profile.Profile {
	return profile.Profile{ID: "p", Kind: profile.ExchangeServer, Incoming: profile.Endpoint{URL: server.URL()}}
}

// A session has all that mail in needs.
type session interface {
	provider.Provider
	provider.Source
	provider.Actor
}

func open(t testing.TB, d *ews.Driver, a provider.Account) session {
	t.Helper()
	p, err := d.Open(context.Background(), a)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p.(session)
}

// nameOf returns a folder as the server has it.
func nameOf(server *ewstest.Server, folder provider.FolderID) string {
	for _, name := range server.Folders(user) {
		if server.FolderID(user, name) == string(folder) {
			return name
		}
	}
	return string(folder)
}

// theirs returns flags as the server has them, ours as the driver does. The server does not know
// whether an item was answered.
func theirs(flags []string) (list []string) {
	for _, f := range flags {
		switch {
		case f == `\Seen`:
			list = append(list, ewstest.FlagRead)
		case f == `\Flagged`:
			list = append(list, ewstest.FlagFlagged)
		case !strings.HasPrefix(f, `\`):
			list = append(list, "category:"+f)
		}
	}
	return list
}

func ours(flags []string) []string {
	list := []string{}
	for _, f := range flags {
		switch f {
		case ewstest.FlagRead:
			list = append(list, `\Seen`)
		case ewstest.FlagFlagged:
			list = append(list, `\Flagged`)
		case ewstest.FlagDraft:
			list = append(list, `\Draft`)
		}
		if name, ok := strings.CutPrefix(f, "category:"); ok {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}
