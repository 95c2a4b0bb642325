package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
)

func stateFaults() []fault {
	return []fault{
		{name: "the state's version does not fence", rule: "S15", also: []string{"S3"}, make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) {
				if b.State != nil {
					b.State.From = current(m, b.Mailbox).Version
				}
			})}
		}},
		{name: "the state's version is looked up, then set", rule: "S15", also: []string{"S4"}, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				s := current(m, b.Mailbox)
				if b.State == nil || b.State.From != s.Version || b.Lane != noLane && b.From != s.Cursors[b.Lane] || b.Fence != s.Fence {
					return m.Commit(c, b)
				}
				time.Sleep(while)
				own := alter(m, b, func(m *memory.Store, b *serversync.Batch) { b.State.From = current(m, b.Mailbox).Version })
				receipt, err := m.Commit(c, own)
				for errors.Is(err, serversync.ErrFenced) && own.From == current(m, b.Mailbox).Cursors[own.Lane] {
					own.State.From = current(m, b.Mailbox).Version
					receipt, err = m.Commit(c, own)
				}
				return receipt, err
			}}
		}},
		{name: "a state is not saved", rule: "S15", also: anywhere, make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) { s.State = mailbox.State{} })}
		}},
		{name: "a state's times lose their zone", rule: "S15", also: []string{"S5"}, make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) { s.State.Incoming.Since = wall(s.State.Incoming.Since) })}
		}},
		{name: "a state's times are of a second", rule: "S15", make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) {
				for i, r := range s.State.Refused {
					s.State.Refused[i].At = r.At.Truncate(time.Second)
				}
			})}
		}},
		{name: "a state's outgoing half is lost", rule: "S15", make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) { s.State.Outgoing = mailbox.Direction{} })}
		}},
		{name: "a state's resets lose a field", rule: "S15", make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) {
				for i := range s.State.Resets {
					s.State.Resets[i].New = 0
				}
			})}
		}},
		{name: "an alert committed twice is two", rule: "S15", also: []string{"S11", "S18"}, make: func() methods {
			var n atomic.Int64
			again := func(alerts []mailbox.Alert) {
				for i := range alerts {
					alerts[i].ID += fmt.Sprint("#", n.Add(1))
				}
			}
			return methods{
				commit: altered(func(_ *memory.Store, b *serversync.Batch) { again(b.Alerts) }),
				advance: func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error {
					again(alerts)
					return m.Advance(c, e, alerts...)
				},
				alerts: func(m *memory.Store, key mailbox.Key) []mailbox.Alert {
					all := alertsOf(m, key)
					for i := range all {
						all[i].ID, _, _ = strings.Cut(all[i].ID, "#")
					}
					return all
				},
			}
		}},
		{name: "alerts are added before the batch", rule: "S15", also: []string{"S3", "S8", "S17"}, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				if err != nil && len(b.Alerts) > 0 && c.Err() == nil {
					m.Commit(c, &serversync.Batch{ID: b.ID + "'", Mailbox: b.Mailbox, Fence: current(m, b.Mailbox).Fence, Alerts: b.Alerts})
				}
				return receipt, err
			}}
		}},
		{name: "an alert's words are plain ASCII", rule: "S15", make: func() methods {
			return methods{alerts: func(m *memory.Store, key mailbox.Key) []mailbox.Alert {
				all := alertsOf(m, key)
				for i := range all {
					all[i].Message = strings.ToValidUTF8(strings.ReplaceAll(all[i].Message, "\U0001F4E7", "?"), "?")
				}
				return all
			}}
		}},

		{name: "a grant's version does not fence", rule: "S16", make: func() methods {
			return methods{replace: func(c context.Context, m *memory.Store, key mailbox.Key, g serversync.Grant) error {
				old, err := m.Grant(c, key)
				if err == nil {
					g.Version = old.Version
				} else if errors.Is(err, serversync.ErrNotFound) {
					g.Version = 0
				}
				return m.ReplaceGrant(c, key, g)
			}}
		}},
		{name: "a grant's version is looked up, then set", rule: "S16", make: func() methods {
			return methods{replace: func(c context.Context, m *memory.Store, key mailbox.Key, g serversync.Grant) error {
				if old, _ := m.Grant(c, key); old.Version != g.Version {
					return m.ReplaceGrant(c, key, g)
				}
				time.Sleep(while)
				for {
					err := m.ReplaceGrant(c, key, g)
					if !errors.Is(err, serversync.ErrFenced) {
						return err
					}
					old, _ := m.Grant(c, key)
					g.Version = old.Version
				}
			}}
		}},
		{name: "a grant that is not there is empty", rule: "S16", also: []string{"S5"}, make: func() methods {
			return methods{grant: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Grant, error) {
				g, err := m.Grant(c, key)
				if errors.Is(err, serversync.ErrNotFound) {
					err = nil
				}
				return g, err
			}}
		}},
		{name: "a grant is text", rule: "S16", make: func() methods {
			return methods{grant: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Grant, error) {
				g, err := m.Grant(c, key)
				g.Sealed = bytes.ToValidUTF8(g.Sealed, []byte("?"))
				return g, err
			}}
		}},
		{name: "a grant is kept as it is given", rule: "S16", make: func() methods {
			var given sync.Map
			return methods{
				replace: func(c context.Context, m *memory.Store, key mailbox.Key, g serversync.Grant) error {
					err := m.ReplaceGrant(c, key, g)
					if err == nil {
						given.Store(key, g.Sealed)
					}
					return err
				},
				grant: func(c context.Context, m *memory.Store, key mailbox.Key) (serversync.Grant, error) {
					g, err := m.Grant(c, key)
					if sealed, ok := given.Load(key); ok && err == nil {
						g.Sealed = sealed.([]byte)
					}
					return g, err
				},
			}
		}},
	}
}

// wall takes a time for one in UTC.
func wall(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func bodyFaults() []fault {
	return []fault{
		{name: "bodies are read whole", rule: "S17", heavy: true, make: func() methods {
			return bodies(func(b *item.Blob) *item.Blob {
				whole := make([]byte, b.Size())
				n, err := io.ReadFull(b.Open(), whole)
				if err != nil {
					return b
				}
				return item.NewBlob(whole[:n])
			})
		}},
		{name: "line ends are made one", rule: "S17", also: []string{"S11", "Quarantine"}, make: func() methods {
			return bodies(func(b *item.Blob) *item.Blob {
				if read := all(b.Open()); int64(len(read)) == b.Size() {
					return item.NewBlob(bytes.ReplaceAll(read, []byte("\r\n"), []byte("\n")))
				}
				return b
			})
		}},
		{name: "a body that ends early is taken for whole", rule: "S17", also: []string{"S3", "S20"}, make: func() methods {
			return bodies(func(b *item.Blob) *item.Blob { return item.NewBlob(all(b.Open())) })
		}},
		{name: "bodies are read when they are asked for", rule: "S17", make: func() methods {
			var kept sync.Map
			return methods{
				commit: altered(func(_ *memory.Store, b *serversync.Batch) {
					for _, r := range b.Records {
						if r.Message != nil && r.Message.Raw != nil {
							kept.LoadOrStore(r.Message.Content(), r.Message.Raw)
						}
					}
				}),
				messages: func(m *memory.Store, organization string) []StoredMessage {
					stored := stored(m, organization)
					for i, s := range stored {
						if raw, ok := kept.Load(s.Content); ok {
							read := all(raw.(*item.Blob).Open())
							stored[i].Size, stored[i].Sum = int64(len(read)), sha256.Sum256(read)
						}
					}
					return stored
				},
			}
		}},
		{name: "an outbox entry's bytes are read when they are asked for", rule: "S17", make: func() methods {
			var kept sync.Map
			return methods{
				enqueue: func(c context.Context, m *memory.Store, e serversync.Entry) error {
					kept.LoadOrStore(e.ID, e.Raw)
					return m.Enqueue(c, e)
				},
				entry: func(c context.Context, m *memory.Store, key mailbox.Key, id string) (serversync.Entry, error) {
					e, err := m.Entry(c, key, id)
					if raw, ok := kept.Load(id); ok && err == nil {
						e.Raw = raw.(*item.Blob)
					}
					return e, err
				},
			}
		}},
	}
}
