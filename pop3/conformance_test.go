package pop3_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

func TestConformance(t *testing.T) {
	for name, o := range classes() {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, func(t *testing.T) providertest.Harness { return harness(t, o) })
		})
	}
}

// classes are the classes of servers that docs/pop3.md tells apart.
func classes() map[string]pop3test.Options {
	return map[string]pop3test.Options{
		"RFC 2449": {},
		"STLS":     {TLS: profile.StartTLS, Without: []string{"SASL"}},
		"RFC 1939": {TLS: profile.Plaintext, Without: []string{"CAPA", "PIPELINING", "SASL"}},
		"no TOP":   {TLS: profile.Plaintext, Without: []string{"CAPA", "TOP"}},
	}
}

func harness(t *testing.T, o pop3test.Options) providertest.Harness {
	server, d, account := start(t, o)
	var log buffer
	d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return providertest.Harness{
		Open:   func(ctx context.Context) (provider.Provider, error) { return d.Open(ctx, account) },
		Folder: "INBOX",
		Add:    func(_ provider.FolderID, raw []byte, _ ...string) { server.Add("user", raw) },
		Items: func(provider.FolderID) (items []providertest.Message) {
			for _, m := range server.Messages("user") {
				items = append(items, providertest.Message{ID: provider.ID("u:" + m.UIDL), Raw: m.Raw})
			}
			return items
		},
		Remove: func(_ provider.FolderID, id provider.ID) {
			server.Remove("user", strings.TrimPrefix(string(id), "u:"))
		},
		BadItem: func(_ provider.FolderID, raw []byte) { server.AddBad("user", raw) },
		CutItem: func(_ provider.FolderID, raw []byte) { server.AddCut("user", raw) },
		Break:   server.Break,
		Stall:   server.Stall,
		Refuse:  server.Refuse,
		Secret:  canary,
		Log:     log.String,
		Memory:  1 << 20,
	}
}
