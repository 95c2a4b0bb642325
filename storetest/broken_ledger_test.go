package storetest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

// told returns a store whose Known alters what memory's tells.
func told(change func(id provider.ID, p *serversync.Place)) methods {
	return methods{known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
		places, err := m.Known(c, key, folder, epoch, ids)
		for i := range places {
			change(ids[i], &places[i])
		}
		return places, err
	}}
}

// recorded returns a store that alters records on their way in.
func recorded(change func(m *memory.Store, key mailbox.Key, r *serversync.Record)) methods {
	return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) {
		for i := range b.Records {
			change(m, b.Mailbox, &b.Records[i])
		}
	})}
}

func ledgerFaults() []fault {
	return []fault{
		{name: "ids are forgotten after some commits", rule: "S12", also: []string{"S6", "S8", "S9"}, make: func() methods {
			var mu sync.Mutex
			commits, at := 0, map[provider.ID]int{}
			m := told(func(id provider.ID, p *serversync.Place) {
				mu.Lock()
				defer mu.Unlock()
				if commits > at[id]+10 {
					*p = serversync.Place{}
				}
			})
			m.commit = altered(func(_ *memory.Store, b *serversync.Batch) {
				mu.Lock()
				defer mu.Unlock()
				commits++
				for _, r := range b.Records {
					at[r.ID] = commits
				}
			})
			return m
		}},
		{name: "what is gone is not known", rule: "S12", make: func() methods {
			return told(func(_ provider.ID, p *serversync.Place) {
				if p.Gone {
					*p = serversync.Place{}
				}
			})
		}},
		{name: "what is gone is not told", rule: "S12", make: func() methods {
			return told(func(_ provider.ID, p *serversync.Place) { p.Gone = false })
		}},
		{name: "flags are not sorted", rule: "S12", make: func() methods {
			return told(func(_ provider.ID, p *serversync.Place) { slices.Reverse(p.Flags) })
		}},
		{name: "Known tells each id once", rule: "S12", make: func() methods {
			return methods{known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
				places, err := m.Known(c, key, folder, epoch, ids)
				for i, id := range ids {
					if slices.Contains(ids[:i], id) {
						places[i] = serversync.Place{}
					}
				}
				return places, err
			}}
		}},
		{name: "Known answers in the order of the ids", rule: "S12", make: func() methods {
			return methods{known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
				if len(ids) == 1000 {
					return m.Known(c, key, folder, epoch, ids)
				}
				return m.Known(c, key, folder, epoch, slices.Sorted(slices.Values(ids)))
			}}
		}},
		{name: "Known takes 999 ids", rule: "S12", make: func() methods {
			return methods{known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
				return m.Known(c, key, folder, epoch, ids[:min(len(ids), 999)])
			}}
		}},
		{name: "Known reads all that is recorded", rule: "S12", heavy: true, make: func() methods {
			var recorded atomic.Int64
			return methods{
				commit: altered(func(_ *memory.Store, b *serversync.Batch) { recorded.Add(int64(len(b.Records))) }),
				known: func(c context.Context, m *memory.Store, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]serversync.Place, error) {
					cost := time.Duration(recorded.Load()) * 100 * time.Nanosecond
					for began := time.Now(); time.Since(began) < cost; { // a sleep is rounded up to a millisecond where nothing else runs
					}
					return m.Known(c, key, folder, epoch, ids)
				},
			}
		}},
		{name: "an epoch is not dropped", rule: "S12", also: []string{"Lister", "S21"}, make: func() methods {
			return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) { b.Drop = nil })}
		}},
		{name: "an epoch is dropped in every folder", rule: "S12", also: []string{"S5"}, make: func() methods {
			return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) {
				for _, d := range b.Drop {
					b.Drop = append(b.Drop, serversync.EpochKey{Folder: inbox.Folder, Epoch: d.Epoch}, serversync.EpochKey{Folder: sent.Folder, Epoch: d.Epoch})
				}
			})}
		}},
		{name: "an epoch is dropped in every mailbox", rule: "S12", make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				for _, key := range []mailbox.Key{ann, bob, eve} {
					if len(b.Drop) > 0 && key != b.Mailbox && b.ID != current(m, b.Mailbox).LastBatch {
						m.Commit(c, &serversync.Batch{ID: b.ID + "'", Mailbox: key, Drop: b.Drop})
					}
				}
				return m.Commit(c, b)
			}}
		}},
		{name: "the messages of a dropped epoch are deleted", rule: "S12", make: func() methods {
			return methods{messages: func(m *memory.Store, organization string) []StoredMessage {
				return slices.DeleteFunc(stored(m, organization), func(s StoredMessage) bool { return len(s.Places) == 0 })
			}}
		}},
	}
}

func recordFaults() []fault {
	return []fault{
		{name: "a tracked id may become ignored", rule: "S12", also: []string{"S9"}, make: func() methods {
			var ignored sync.Map
			m := told(func(id provider.ID, p *serversync.Place) {
				if _, ok := ignored.Load(id); ok && p.Kind == serversync.Tracked {
					p.Kind = serversync.Ignored
				}
			})
			m.commit = recorded(func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
				places, _ := m.Known(ctx, key, r.Folder, r.Epoch, []provider.ID{r.ID})
				if places[0].Kind == serversync.Tracked && r.Kind == serversync.Ignored {
					ignored.Store(r.ID, true)
				}
			}).commit
			return m
		}},
		{name: "an ignored id stays ignored", rule: "S12", also: []string{"S20", "S21"}, make: func() methods {
			return recorded(func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
				places, _ := m.Known(ctx, key, r.Folder, r.Epoch, []provider.ID{r.ID})
				if places[0].Kind == serversync.Ignored && r.Kind == serversync.Tracked {
					r.Kind, r.Verdict = serversync.Ignored, nil
				}
			})
		}},
		{name: "an ignored id cannot wait", rule: "S12", also: []string{"S21"}, make: func() methods {
			return recorded(func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
				places, _ := m.Known(ctx, key, r.Folder, r.Epoch, []provider.ID{r.ID})
				if places[0].Kind == serversync.Ignored && r.Kind == serversync.Deferred {
					r.Kind, r.Verdict = serversync.Ignored, nil
				}
			})
		}},
		{name: "a deferred id stays deferred", rule: "S12", also: []string{"S13", "Quarantine", "S21"}, make: func() methods {
			return recorded(func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
				places, _ := m.Known(ctx, key, r.Folder, r.Epoch, []provider.ID{r.ID})
				if places[0].Kind == serversync.Deferred && slices.Contains(decisions, r.Kind) {
					r.Kind = serversync.Deferred
				}
			})
		}},
		{name: "nil flags clear the flags", rule: "S12", make: func() methods {
			return recorded(func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
				if r.Flags == nil {
					r.Flags = []string{}
				}
			})
		}},
		{name: "no flags leave the flags", rule: "S12", make: func() methods {
			return recorded(func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
				if len(r.Flags) == 0 {
					r.Flags = nil
				}
			})
		}},
		{name: "the flags of a decision are lost", rule: "S12", also: []string{"S5", "S9", "S2"}, make: func() methods {
			return recorded(func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
				if r.Kind == serversync.Tracked {
					r.Flags = nil
				}
			})
		}},
		{name: "what is gone stays gone", rule: "S12", also: []string{"Lister"}, make: func() methods {
			return recorded(func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
				places, _ := m.Known(ctx, key, r.Folder, r.Epoch, []provider.ID{r.ID})
				if r.Kind == serversync.FlagsChanged && places[0].Gone {
					r.Kind = serversync.Gone
				}
			})
		}},
		{name: "a move is a deletion", rule: "S12", also: []string{"Lister"}, make: func() methods {
			return recorded(func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
				if r.Kind == serversync.Moved {
					r.Kind = serversync.Gone
				}
			})
		}},
		{name: "a move to an id that is not known records the empty one", rule: "S12", make: func() methods {
			return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) {
				for _, r := range b.Records {
					if r.Kind == serversync.Moved && r.ToID == "" {
						b.Records = append(b.Records, in(r.To, r.Epoch, decided(serversync.Ignored, "")))
					}
				}
			})}
		}},
		{name: "what is told of an unknown id is recorded", rule: "S12", make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) {
				for i, r := range b.Records {
					places, _ := m.Known(ctx, b.Mailbox, r.Folder, r.Epoch, []provider.ID{r.ID})
					if r.Kind == serversync.FlagsChanged && places[0].Kind == "" {
						b.Records[i].Kind = serversync.Ignored
					}
				}
			})}
		}},
		{name: "a linked message counts as added", rule: "S9", also: []string{"S5", "S12", "S20"}, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				return serversync.Receipt{Added: receipt.Added + receipt.Linked}, err
			}}
		}},
		{name: "a deferred item is returned once", rule: "S12", also: anywhere, make: func() methods {
			var seen sync.Map
			return methods{load: shown(func(s *serversync.Snapshot) {
				if _, again := seen.LoadOrStore(s.LastBatch, true); again {
					s.Deferred = nil
				}
			})}
		}},
		{name: "a deferred item is returned after it was decided", rule: "S12", also: []string{"S4", "S13"}, make: func() methods {
			var mu sync.Mutex
			kept := map[string]serversync.Deferral{}
			return methods{load: shown(func(s *serversync.Snapshot) {
				mu.Lock()
				defer mu.Unlock()
				for _, d := range s.Deferred {
					kept[string(d.ID)] = d
				}
				if len(s.Deferred) == 0 && len(kept) == 1 && s.LastBatch != "" {
					for _, d := range kept {
						s.Deferred = append(s.Deferred, d)
					}
				}
			})}
		}},
		{name: "a deferred item is tried at once", rule: "S12", make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) {
				for i := range s.Deferred {
					s.Deferred[i].NotBefore = s.Deferred[i].NotBefore.Truncate(1e9)
				}
			})}
		}},
		{name: "the newest deferred come first", rule: "S12", also: []string{"S9"}, make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) { slices.Reverse(s.Deferred) })}
		}},
	}
}

func owedFaults() []fault {
	return []fault{
		{name: "acts are returned once", rule: "S14", also: anywhere, make: func() methods {
			var mu sync.Mutex
			loads := map[string]int{}
			return methods{load: shown(func(s *serversync.Snapshot) {
				mu.Lock()
				defer mu.Unlock()
				for _, a := range s.Owed {
					loads[a.ID]++
				}
				s.Owed = slices.DeleteFunc(s.Owed, func(a serversync.OwedAct) bool { return loads[a.ID] > 1 })
			})}
		}},
		{name: "acts are never settled", rule: "S14", also: []string{"S5", "S6"}, make: func() methods {
			return methods{commit: altered(func(_ *memory.Store, b *serversync.Batch) { b.Settled = nil })}
		}},
		{name: "settling one act settles all", rule: "S14", make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) {
				if len(b.Settled) > 0 {
					for _, a := range current(m, b.Mailbox).Owed {
						b.Settled = append(b.Settled, a.ID)
					}
				}
			})}
		}},
		{name: "an act owed again stays as it was", rule: "S14", make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) {
				b.Owe = slices.DeleteFunc(b.Owe, func(a serversync.OwedAct) bool {
					return slices.ContainsFunc(current(m, b.Mailbox).Owed, func(old serversync.OwedAct) bool { return old.ID == a.ID })
				})
			})}
		}},
		{name: "an act owed again is owed twice", rule: "S14", make: func() methods {
			return methods{
				commit: altered(func(m *memory.Store, b *serversync.Batch) {
					for i, a := range b.Owe {
						if slices.ContainsFunc(current(m, b.Mailbox).Owed, func(old serversync.OwedAct) bool { return old.ID == a.ID }) {
							b.Owe[i].ID += "'"
						}
					}
				}),
			}
		}},
		{name: "the time of an act is lost", rule: "S14", also: []string{"S9"}, make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) {
				for i := range s.Owed {
					s.Owed[i].NotBefore = s.Owed[i].NotBefore.Truncate(1e9)
				}
			})}
		}},
		{name: "an act without a time waits for 1970", rule: "S14", make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) {
				for i := range s.Owed {
					if s.Owed[i].NotBefore.IsZero() {
						s.Owed[i].NotBefore = clock.AddDate(-54, 0, 0)
					}
				}
			})}
		}},
		{name: "the folder to move to is lost", rule: "S14", also: []string{"S9"}, make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) {
				for i := range s.Owed {
					s.Owed[i].To = ""
				}
			})}
		}},
		{name: "a hundred acts are returned", rule: "S14", make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) { s.Owed = s.Owed[:min(len(s.Owed), 100)] })}
		}},
		{name: "the newest acts come first", rule: "S14", also: []string{"S9"}, make: func() methods {
			return methods{load: shown(func(s *serversync.Snapshot) { slices.Reverse(s.Owed) })}
		}},
		{name: "acts go with their epoch", rule: "S14", make: func() methods {
			return methods{commit: altered(func(m *memory.Store, b *serversync.Batch) {
				for _, a := range current(m, b.Mailbox).Owed {
					if slices.Contains(b.Drop, serversync.EpochKey{Folder: a.Folder, Epoch: a.Epoch}) {
						b.Settled = append(b.Settled, a.ID)
					}
				}
			})}
		}},
	}
}

// bodies returns a store that alters the bodies on their way in.
func bodies(change func(*item.Blob) *item.Blob) methods {
	return methods{
		commit: altered(func(_ *memory.Store, b *serversync.Batch) {
			for _, r := range b.Records {
				if r.Message != nil && r.Message.Raw != nil {
					r.Message.Raw = change(r.Message.Raw)
				}
			}
		}),
		enqueue: func(c context.Context, m *memory.Store, e serversync.Entry) error {
			if e.Raw != nil {
				e.Raw = change(e.Raw)
			}
			return m.Enqueue(c, e)
		},
	}
}
