package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

// cString cuts s at its first zero byte.
func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// asciiLower is what a case-insensitive collation makes of s.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// confused returns a store that takes ids for one that change makes one.
func confused(change func(string) string) func() methods {
	id := func(id provider.ID) provider.ID { return provider.ID(change(string(id))) }
	return func() methods {
		return methods{
			commit: altered(func(_ *memory.Store, b *serversync.Batch) {
				for i, r := range b.Records {
					b.Records[i].ID, b.Records[i].ToID = id(r.ID), id(r.ToID)
				}
			}),
			known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
				var changed []provider.ID
				for _, one := range ids {
					changed = append(changed, id(one))
				}
				return m.Known(c, key, folder, epoch, changed)
			},
		}
	}
}

func keyFaults() []fault {
	listed := []string{"Lister", "Quarantine"}
	return []fault{
		{name: "organizations are one", rule: "S5", also: []string{"S9", "S19", "S20", "S21"}, make: func() methods {
			one := func(key mailbox.Key) mailbox.Key { return mailbox.Key{Organization: "acme", Mailbox: key.Mailbox} }
			return methods{
				load: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Snapshot, error) {
					return m.Load(c, one(key))
				},
				commit: altered(func(_ *memory.Store, b *serversync.Batch) { b.Mailbox = one(b.Mailbox) }),
				known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
					return m.Known(c, one(key), folder, epoch, ids)
				},
				messages: func(m *memory.Store, _ string) []StoredMessage { return stored(m, "acme") },
				alerts:   func(m *memory.Store, key mailbox.Key) []mailbox.Alert { return alertsOf(m, one(key)) },
			}
		}},
		{name: "lanes are one", rule: "S5", also: []string{"S1", "S8", "S9", "S15", "S19"}, make: func() methods {
			return methods{
				commit: altered(func(_ *memory.Store, b *serversync.Batch) {
					if b.Lane.Lane != "" {
						b.Lane.Lane = provider.Live
					}
				}),
				load: shown(func(s *serversync.Snapshot) {
					if s.Cursors[inbox] != "" {
						s.Cursors[backfill] = s.Cursors[inbox]
					}
				}),
			}
		}},
		{name: "each lane has ids of its own", rule: "S5", make: func() methods {
			var live sync.Map
			return methods{
				commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
					for _, r := range b.Records {
						if b.Lane.Lane == provider.Backfill {
							live.Store(r.ID, false)
						}
					}
					return m.Commit(c, b)
				},
				known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
					places, err := m.Known(c, key, folder, epoch, ids)
					for i := range places {
						if _, ok := live.Load(ids[i]); ok {
							places[i] = serversync.Place{}
						}
					}
					return places, err
				},
			}
		}},
		{name: "an act is settled in every mailbox", rule: "S5", make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				for _, key := range []mailbox.Key{ann, bob, eve} {
					if err == nil && key != b.Mailbox && len(b.Settled) > 0 {
						m.Commit(c, &serversync.Batch{ID: b.ID + "'", Mailbox: key, Settled: b.Settled})
					}
				}
				return receipt, err
			}}
		}},
		{name: "an alert is one in all mailboxes", rule: "S5", also: []string{"S4"}, make: func() methods {
			var seen sync.Map
			return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) {
				b.Alerts = slices.DeleteFunc(b.Alerts, func(a mailbox.Alert) bool {
					first, _ := seen.LoadOrStore(a.ID, b.Mailbox)
					return first != b.Mailbox
				})
			})}
		}},
		{name: "a grant is the name's, not the mailbox's", rule: "S5", make: func() methods {
			return methods{grant: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Grant, error) {
				g, err := m.Grant(c, key)
				if err != nil && c.Err() == nil {
					return m.Grant(c, mailbox.Key{Organization: "acme", Mailbox: key.Mailbox})
				}
				return g, err
			}}
		}},
		{name: "ids are compared without case", rule: "S9", also: append([]string{"S21"}, listed...), make: confused(asciiLower)},
		{name: "ids are compared without trailing spaces", rule: "S9", also: listed, make: confused(func(s string) string { return strings.TrimRight(s, " ") })},
		{name: "ids end at a zero byte", rule: "S9", also: listed, make: confused(cString)},
		{name: "ids are text", rule: "S9", also: listed, make: confused(func(s string) string { return strings.ToValidUTF8(s, "\ufffd") })},
		{name: "ids are cut at 255 bytes", rule: "S9", also: listed, make: confused(func(s string) string { return s[:min(len(s), 255)] })},
		{name: "folder and epoch are written together", rule: "S9", also: []string{"S5", "S12", "S13", "Lister", "Quarantine", "S21"}, make: func() methods {
			return methods{
				commit: altered(func(_ *memory.Store, b *serversync.Batch) {
					for i, r := range b.Records {
						b.Records[i].Folder, b.Records[i].Epoch = r.Folder+provider.FolderID(r.Epoch), ""
					}
				}),
				known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
					return m.Known(c, key, folder+provider.FolderID(epoch), "", ids)
				},
			}
		}},
		{name: "a message is its Message-ID", rule: "S9", make: func() methods {
			return byContent(func(c item.Content) string { return c.MessageID })
		}},
		{name: "a message is its digest", rule: "S9", make: func() methods {
			return byContent(func(c item.Content) string { return string(c.Digest) })
		}},
		{name: "a Message-ID is compared without case", rule: "S9", make: func() methods {
			return byContent(func(c item.Content) string { return asciiLower(c.MessageID) + "|" + string(c.Digest) })
		}},
		{name: "Message-ID and digest are written together", rule: "S9", make: func() methods {
			return byContent(func(c item.Content) string { return c.MessageID + string(c.Digest) })
		}},
		{name: "each mailbox has messages of its own", rule: "S9", also: []string{"S5", "S12", "S20"}, make: func() methods {
			return aliased(func(b *serversync.Batch, c item.Content) string { return b.Mailbox.Mailbox })
		}},
		{name: "a message is looked up, then inserted", rule: "S9", also: []string{"S20"}, make: func() methods {
			var mu sync.Mutex
			known, n := map[item.Content]string{}, 0
			return aliased(func(_ *serversync.Batch, c item.Content) string {
				mu.Lock()
				alias, ok := known[c]
				mu.Unlock()
				if ok {
					return alias
				}
				time.Sleep(while)
				mu.Lock()
				defer mu.Unlock()
				n++
				known[c] = fmt.Sprint(n)
				return known[c]
			})
		}},
		{name: "an id is looked up, then inserted", rule: "S9", make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				own := alter(m, b, func(_ *memory.Store, b *serversync.Batch) {
					for i, r := range b.Records {
						places, _ := m.Known(ctx, b.Mailbox, r.Folder, r.Epoch, []provider.ID{r.ID})
						if b.Lane == backfill && r.Kind == serversync.Tracked && places[0].Kind == "" {
							b.Records[i].ID += "'"
						}
					}
				})
				time.Sleep(while)
				return m.Commit(c, own)
			}}
		}},
	}
}

// byContent returns a store for which messages with the same key are one: the first.
func byContent(key func(item.Content) string) methods {
	var mu sync.Mutex
	first := map[string]item.Content{}
	return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) {
		mu.Lock()
		defer mu.Unlock()
		for i, r := range b.Records {
			if r.Kind != serversync.Tracked {
				continue
			}
			k := b.Mailbox.Organization + "|" + key(r.Message.Content())
			if _, ok := first[k]; !ok {
				first[k] = r.Message.Content()
			}
			b.Records[i].Message.MessageID, b.Records[i].Message.Digest = first[k].MessageID, first[k].Digest
		}
	})}
}

// aliased returns a store for which messages with the same content and another alias
// are two.
func aliased(alias func(*serversync.Batch, item.Content) string) methods {
	return methods{
		commit: altered(func(_ *memory.Store, b *serversync.Batch) {
			for i, r := range b.Records {
				if r.Kind == serversync.Tracked {
					b.Records[i].Message.Digest += item.Digest("#" + alias(b, r.Message.Content()))
				}
			}
		}),
		messages: func(m *memory.Store, organization string) []StoredMessage {
			all := stored(m, organization)
			for i := range all {
				digest, _, _ := strings.Cut(string(all[i].Content.Digest), "#")
				all[i].Content.Digest = item.Digest(digest)
			}
			return all
		},
	}
}
