package ews_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]ewstest.Options{
		"2016": {},
		"2010": {Version: "2010_SP2"},
	} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, func(t *testing.T) providertest.Harness { return harness(t, o) })
		})
	}
}

func harness(t *testing.T, o ewstest.Options) providertest.Harness {
	server, d, account := start(t, o)
	var log buffer
	d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return providertest.Harness{
		Open:   func(ctx context.Context) (provider.Provider, error) { return d.Open(ctx, account) },
		Folder: "inbox",
		Other:  "junkemail",
		Add: func(f provider.FolderID, raw []byte, flags ...string) {
			server.Add(user, nameOf(server, f), raw, theirs(flags)...)
		},
		Items: func(f provider.FolderID) (items []providertest.Message) {
			for _, m := range server.Messages(user, nameOf(server, f)) {
				items = append(items, providertest.Message{ID: provider.ID(m.ID), Raw: m.Raw, Flags: ours(m.Flags)})
			}
			return items
		},
		Remove: func(_ provider.FolderID, id provider.ID) { server.Remove(string(id)) },
		SetFlags: func(_ provider.FolderID, id provider.ID, flags ...string) {
			server.SetFlags(string(id), theirs(flags)...)
		},
		Move: func(_ provider.FolderID, id provider.ID, to provider.FolderID) {
			server.Move(string(id), nameOf(server, to))
		},
		Change: func(_ provider.FolderID, id provider.ID, raw []byte) {
			server.Change(string(id), item.ParseHeader(header(raw), item.Limits{}).Subject)
		},
		NewEpoch:      func(provider.FolderID) { server.Migrate(user) },
		ExpireCursors: server.ForgetSyncStates,
		BadItem:       func(f provider.FolderID, raw []byte) { server.AddCorrupt(user, nameOf(server, f), raw) },
		CutItem:       func(f provider.FolderID, raw []byte) { server.AddCut(user, nameOf(server, f), raw) },
		Break:         server.Break,
		Stall:         server.Stall,
		Refuse:        server.Refuse,
		Secret:        canary,
		Log:           log.String,
		Memory:        1 << 20,
	}
}

// header returns a message's header.
func header(raw []byte) []byte {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	return append(bytes.Clone(head), "\r\n\r\n"...)
}
