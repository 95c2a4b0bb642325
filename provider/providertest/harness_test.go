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
	var stalled, refusing, before, after atomic.Bool
	s.Fault = func(c Call) Outcome {
		if refusing.Load() && c.Op == OpOpen {
			return Outcome{Err: &provider.Error{Op: "fake: open", Kind: provider.ErrAuth}}
		}
		if c.Op == OpSent && !stalled.Load() {
			effect := after.Swap(false)
			if before.Swap(false) || effect {
				return Outcome{Cut: true, Effect: effect}
			}
		}
		return Outcome{Block: stalled.Load() && c.Op != OpClose}
	}
	s.Recipient = func(address string) provider.Status {
		return map[string]provider.Status{"no@example.org": provider.StatusRejected, "later@example.org": provider.StatusRetry, "yes@example.org": provider.StatusSent}[address]
	}
	h := Harness{
		Folder: "INBOX",
		Open: func(ctx context.Context) (provider.Provider, error) {
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
		LoseAnswer: func(effect bool) {
			if effect {
				after.Store(true)
			} else {
				before.Store(true)
			}
		},
		Arrive:  func() { s.Arrive(key) },
		Decides: true,
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

// sending is a provider that can send and no more.
type sending struct {
	provider.Provider
	provider.Sender
}

// A driver that can do little, and a harness that has little, skip rules and fail
// none.
func TestLittleIsSkipped(t *testing.T) {
	tests := []struct {
		name    string
		harness func() Harness
		checked int // rules at least
	}{
		{"a harness with Open alone", func() Harness {
			return Harness{Folder: "INBOX", Open: harness(IMAPLike, itself).Open}
		}, 5},
		{"a provider that only sends", func() Harness {
			return harness(IMAPLike, func(p provider.Provider) provider.Provider {
				return sending{struct{ provider.Provider }{p}, p.(full)}
			})
		}, 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checked := 0
			for _, r := range rules() {
				rec := record(r, tt.harness())
				if rec.Failed() {
					t.Errorf("%q failed: %s", r.name, rec.failures[0])
				}
				if !rec.skipped {
					checked++
				}
			}
			if checked < tt.checked {
				t.Errorf("%d rules were checked, want %d or more", checked, tt.checked)
			}
		})
	}
}
