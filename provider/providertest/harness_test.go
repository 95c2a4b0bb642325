package providertest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

var ann = provider.Account{Mailbox: mailbox.Mailbox{
	Key:      mailbox.Key{Organization: "acme", Mailbox: "ann"},
	Password: secret.New("canary-7f3a/+ä"),
}}

// harness returns the fake's own harness, with wrap around each session.
func harness(temperament Temperament, wrap func(provider.Provider) provider.Provider) Harness {
	s, key := NewServer(temperament), ann.Mailbox.Key
	var stalled, refusing atomic.Bool
	s.Fault = func(c Call) Outcome {
		return Outcome{Block: stalled.Load() && c.Op != OpClose}
	}
	s.Recipient = func(address string) provider.Status {
		return map[string]provider.Status{"no@example.org": provider.StatusRejected, "later@example.org": provider.StatusRetry, "yes@example.org": provider.StatusSent}[address]
	}
	h := Harness{
		Folder: "INBOX",
		Open: func(ctx context.Context) (provider.Provider, error) {
			if refusing.Load() {
				return nil, &provider.Error{Op: "fake: open", Kind: provider.ErrAuth}
			}
			p, err := s.Open(ctx, ann)
			if err != nil {
				return nil, err
			}
			return wrap(p), nil
		},
		Add:           func(f provider.FolderID, raw []byte, flags ...string) { s.Add(key, f, raw, flags...) },
		Items:         func(f provider.FolderID) []Message { return s.Items(key, f) },
		Remove:        func(f provider.FolderID, id provider.ID) { s.Remove(key, f, id) },
		Move:          func(f provider.FolderID, id provider.ID, to provider.FolderID) { s.Move(key, f, id, to) },
		SetFlags:      func(f provider.FolderID, id provider.ID, flags ...string) { s.SetFlags(key, f, id, flags...) },
		Change:        func(f provider.FolderID, id provider.ID, raw []byte) { s.Change(key, f, id, raw) },
		NewEpoch:      func(f provider.FolderID) { s.NewEpoch(key, f) },
		ExpireCursors: func() { s.ExpireCursors(key) },
		BadItem: func(f provider.FolderID, raw []byte) {
			s.Spoil(key, f, s.Add(key, f, raw), provider.ErrBadItem)
		},
		CutItem: func(f provider.FolderID, raw []byte) {
			s.Spoil(key, f, s.Add(key, f, raw), provider.ErrUnavailable)
		},
		Break:    func() { s.Break(key) },
		Stall:    func() { stalled.Store(true) },
		Refuse:   func() { refusing.Store(true) },
		Secret:   ann.Mailbox.Password.Reveal(),
		Log:      func() string { return fmt.Sprint(s.Misuse()) },
		Memory:   1 << 20,
		Received: s.Sent,
		Accepted: "yes@example.org", Rejected: "no@example.org", Deferred: "later@example.org",
	}
	if !s.manner.oneFolder {
		h.Other = "Archive"
		s.AddFolder(key, provider.Folder{ID: "Archive", Name: "Archive"})
	}
	return h
}

func itself(p provider.Provider) provider.Provider { return p }

// temperaments are all five.
var temperaments = []Temperament{POP3Like, IMAPLike, EWSLike, GraphLike, DAVLike}

// The fake keeps every rule in each of its temperaments.
func TestFake(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			Run(t, func(*testing.T) Harness { return harness(temperament, itself) })
		})
	}
}
