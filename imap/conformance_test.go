package imap_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/secret"
)

// canary is the password of every test. It must never show.
const canary = "canary-Zx9!q7"

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
	return profile.Policy{AllowPlaintext: true, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func accountOf(e profile.Endpoint) provider.Account {
	return provider.Account{
		Mailbox:  mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "box"}, Username: "user", Password: secret.New(canary)},
		Endpoint: e,
		Policy:   loopback(),
	}
}

// start starts a server and a driver for it.
func start(t testing.TB, o imaptest.Options) (*imaptest.Server, *imap.Driver, provider.Account) {
	o.Users = map[string]string{"user": canary}
	server := imaptest.NewServer(o)
	t.Cleanup(server.Close)
	d := &imap.Driver{SpoolDir: t.TempDir()}
	d.TLSConfig = clientTLS(server)
	return server, d, accountOf(server.Endpoint())
}

func TestConformance(t *testing.T) {
	for name, o := range map[string]imaptest.Options{
		"QRESYNC":   {},
		"CONDSTORE": {Without: []string{"QRESYNC"}, TLS: profile.StartTLS},
		"RFC 3501": {Without: []string{"QRESYNC", "CONDSTORE", "ENABLE", "ESEARCH", "SASL-IR", "LITERAL+", "NAMESPACE", "MOVE", "SPECIAL-USE", "LIST-EXTENDED"},
			Quiet: true, TLS: profile.Plaintext, Delim: "."},
	} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, func(t *testing.T) providertest.Harness { return harness(t, o) })
		})
	}
}

func harness(t *testing.T, o imaptest.Options) providertest.Harness {
	server, d, account := start(t, o)
	var log buffer
	epoch := uint32(5000)
	d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	number := func(id provider.ID) uint32 {
		n, _ := strconv.ParseUint(string(id), 10, 32)
		return uint32(n)
	}
	return providertest.Harness{
		Open:   func(ctx context.Context) (provider.Provider, error) { return d.Open(ctx, account) },
		Folder: "INBOX",
		Other:  "Archive",
		Add: func(f provider.FolderID, raw []byte, flags ...string) {
			server.Add("user", string(f), raw, flags...)
		},
		Items: func(f provider.FolderID) (items []providertest.Message) {
			for _, m := range server.Messages("user", string(f)) {
				items = append(items, providertest.Message{ID: provider.ID(strconv.Itoa(int(m.UID))), Raw: m.Raw, Flags: m.Flags})
			}
			return items
		},
		Remove: func(f provider.FolderID, id provider.ID) { server.Remove("user", string(f), number(id)) },
		SetFlags: func(f provider.FolderID, id provider.ID, flags ...string) {
			server.SetFlags("user", string(f), number(id), flags...)
		},
		Move: func(f provider.FolderID, id provider.ID, to provider.FolderID) {
			server.MoveMessage("user", string(f), number(id), string(to))
		},
		NewEpoch: func(f provider.FolderID) {
			epoch++
			server.SetUIDValidity("user", string(f), epoch)
		},
		BadItem: func(f provider.FolderID, raw []byte) { server.AddBad("user", string(f), raw) },
		CutItem: func(f provider.FolderID, raw []byte) { server.AddCut("user", string(f), raw) },
		Break:   server.Break,
		Stall:   server.Stall,
		Refuse:  server.Refuse,
		Secret:  canary,
		Log:     log.String,
		Memory:  1 << 20,
	}
}
