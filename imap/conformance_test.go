package imap_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

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
