package storetest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

type verdictsFunc = func(context.Context, *memory.Store, string, string, int) ([]serversync.StoredVerdict, error)

// explained is a Verdicts that alters what memory's tells, from the whole list.
func explained(change func([]serversync.StoredVerdict) []serversync.StoredVerdict) verdictsFunc {
	return func(c context.Context, m *memory.Store, organization, messageID string, limit int) ([]serversync.StoredVerdict, error) {
		all, err := m.Verdicts(c, organization, messageID, 1<<20)
		all = change(all)
		return all[:min(len(all), limit)], err
	}
}

func verdictFaults() []fault {
	tells := func(name string, verdicts verdictsFunc, also ...string) fault {
		return fault{name: name, rule: "S21", also: also, make: func() methods { return methods{verdicts: verdicts} }}
	}
	loses := func(name string, change func(*serversync.StoredVerdict)) fault {
		return tells(name, explained(func(all []serversync.StoredVerdict) []serversync.StoredVerdict {
			for i := range all {
				change(&all[i])
			}
			return all
		}))
	}
	sorts := func(name string, compare func(a, b serversync.StoredVerdict) int, also ...string) fault {
		return tells(name, explained(func(all []serversync.StoredVerdict) []serversync.StoredVerdict {
			slices.SortStableFunc(all, compare)
			return all
		}), also...)
	}
	prunes := func(name string, prune pruneFunc) fault {
		return fault{name: name, rule: "S21", make: func() methods { return methods{pruneVerdicts: prune} }}
	}
	writes := func(name string, also []string, change func(m *memory.Store, key mailbox.Key, r *serversync.Record)) fault {
		return fault{name: name, rule: "S21", also: also, make: func() methods {
			return recorded(func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
				if r.Verdict != nil {
					change(m, key, r)
				}
			})
		}}
	}
	// at is the verdict on an id that is there.
	at := func(m *memory.Store, key mailbox.Key, r *serversync.Record) *serversync.StoredVerdict {
		for _, v := range must(m.Verdicts(ctx, key.Organization, r.MessageID, 1<<20)) {
			if v.Mailbox == key && v.Place == (provider.Place{Folder: r.Folder, Epoch: r.Epoch, ID: r.ID}) {
				return &v
			}
		}
		return nil
	}
	return []fault{
		writes("no verdict is kept", imaged, func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) { r.Verdict = nil }),
		writes("the verdict on a deferred id is not kept", nil, func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
			if r.Kind == serversync.Deferred {
				r.Verdict = nil
			}
		}),
		writes("the first verdict stands", nil, func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
			if at(m, key, r) != nil {
				r.Verdict = nil
			}
		}),
		writes("the verdict decided last stands", nil, func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
			if old := at(m, key, r); old != nil && old.At.After(r.Decided) {
				r.Verdict = nil
			}
		}),
		writes("a verdict is kept for the id it was first told by", nil, func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
			if strings.HasPrefix(r.MessageID, "one@") {
				guess := *r
				guess.MessageID = "guess@example.com"
				if at(m, key, &guess) != nil {
					r.MessageID = guess.MessageID
				}
			}
		}),
		writes("Message-IDs are compared without case", nil, func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) { r.MessageID = asciiLower(r.MessageID) }),
		writes("Message-IDs end at a zero byte", nil, func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) { r.MessageID = cString(r.MessageID) }),
		writes("Message-IDs are text", nil, func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
			r.MessageID = strings.ToValidUTF8(r.MessageID, "\ufffd")
		}),
		{name: "a decision that changes nothing changes the verdict", rule: "S21", make: func() methods {
			var mu sync.Mutex
			late := map[string]serversync.Record{}
			return methods{
				commit: recorded(func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
					mu.Lock()
					defer mu.Unlock()
					if k := must(m.Known(ctx, key, r.Folder, r.Epoch, []provider.ID{r.ID}))[0].Kind; k == serversync.Tracked && r.Kind == serversync.Ignored {
						late[r.MessageID] = *r
					}
				}).commit,
				verdicts: func(c context.Context, m *memory.Store, organization, messageID string, limit int) ([]serversync.StoredVerdict, error) {
					mu.Lock()
					defer mu.Unlock()
					all, err := m.Verdicts(c, organization, messageID, limit)
					if r, ok := late[messageID]; ok && len(all) > 0 {
						all[0].Verdict = *cmp.Or(r.Verdict, &track.Verdict{})
					}
					return all, err
				},
			}
		}},
		{name: "a decision without a verdict forgets the one that is there", rule: "S21", make: func() methods {
			return recorded(func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
				if r.Kind == serversync.Quarantined && r.Verdict == nil && r.ID == "1" {
					r.Verdict, r.MessageID = new(track.Verdict), ""
				}
			})
		}},
		{name: "a verdict is written before the batch", rule: "S21", also: imaged, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				if err != nil && c.Err() == nil {
					early := &serversync.Batch{ID: b.ID + "'", Mailbox: bob, Fence: current(m, bob).Fence}
					for _, r := range b.Records {
						if r.Kind == serversync.Ignored {
							early.Records = append(early.Records, r)
						}
					}
					m.Commit(c, early)
				}
				return receipt, err
			}}
		}},
		{name: "a verdict moves with its item", rule: "S21", make: func() methods {
			var moved sync.Map
			return methods{
				commit: recorded(func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
					if r.Kind == serversync.Moved && r.ToID != "" {
						moved.Store(r.ID, *r)
					}
				}).commit,
				verdicts: explained(func(all []serversync.StoredVerdict) []serversync.StoredVerdict {
					for i, v := range all {
						if r, ok := moved.Load(v.ID); ok {
							all[i].Folder, all[i].ID = r.(serversync.Record).To, r.(serversync.Record).ToID
						}
					}
					return all
				}),
			}
		}},
		{name: "dropping an epoch drops its verdicts", rule: "S21", make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				for _, d := range b.Drop {
					if err == nil && d.Folder == inbox.Folder {
						m.PruneVerdicts(c, b.Mailbox.Organization, clock.AddDate(100, 0, 0))
					}
				}
				return receipt, err
			}}
		}},
		{name: "verdicts are lost with the Store", rule: "S21", also: []string{"S4", "S12", "S2", "S15"}, make: func() methods {
			return methods{reopen: func(m *memory.Store) *memory.Store {
				m.PruneVerdicts(ctx, ann.Organization, clock.AddDate(100, 0, 0))
				return m
			}}
		}},
		{name: "a replay writes the verdict again", rule: "S21", make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				replay := current(m, b.Mailbox).LastBatch == b.ID
				receipt, err := m.Commit(c, b)
				for _, r := range b.Records {
					if err == nil && replay && r.Kind == serversync.Ignored && r.Verdict != nil &&
						len(must(m.Verdicts(ctx, b.Mailbox.Organization, r.MessageID, 1))) == 0 {
						m.Commit(c, &serversync.Batch{ID: b.ID + "'", Mailbox: bob, Records: []serversync.Record{r}})
					}
				}
				return receipt, err
			}}
		}},

		tells("verdicts are told of ids of every organization", func(c context.Context, m *memory.Store, organization, messageID string, limit int) ([]serversync.StoredVerdict, error) {
			all, err := m.Verdicts(c, organization, messageID, limit)
			if len(all) > 0 || err != nil {
				return all, err
			}
			return m.Verdicts(c, ann.Organization, messageID, limit)
		}, "S5"),
		tells("there is no limit", func(c context.Context, m *memory.Store, organization, messageID string, _ int) ([]serversync.StoredVerdict, error) {
			return m.Verdicts(c, organization, messageID, 1000)
		}),
		sorts("what was decided first comes first", func(a, b serversync.StoredVerdict) int { return a.At.Compare(b.At) }),
		sorts("what was decided within a second is one", func(a, b serversync.StoredVerdict) int {
			return cmp.Or(b.At.Truncate(time.Second).Compare(a.At.Truncate(time.Second)), cmp.Compare(a.Mailbox.Mailbox, b.Mailbox.Mailbox),
				cmp.Compare(string(b.ID), string(a.ID)))
		}),
		sorts("ids are in no order", func(a, b serversync.StoredVerdict) int {
			return cmp.Or(b.At.Compare(a.At), cmp.Compare(string(a.ID), string(b.ID)))
		}),
		loses("the kind is lost", func(v *serversync.StoredVerdict) { v.Kind = serversync.Ignored }),
		loses("the reason is lost", func(v *serversync.StoredVerdict) { v.Reason = "" }),
		loses("the evidence is lost", func(v *serversync.StoredVerdict) { v.Verdict.Evidence = "" }),
		loses("the recipients are lost", func(v *serversync.StoredVerdict) { v.Verdict.Recipients = nil }),
		loses("what a notice reports is lost", func(v *serversync.StoredVerdict) { v.Verdict.Notice.Reports = nil }),
		loses("times are of a second", func(v *serversync.StoredVerdict) { v.At = v.At.Truncate(time.Second) }),
		loses("no time is 1970", func(v *serversync.StoredVerdict) {
			if v.At.IsZero() {
				v.At = time.Unix(0, 0)
			}
		}),

		prunes("what was decided at that very time is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			if !before.IsZero() {
				before = before.Add(1)
			}
			return m.PruneVerdicts(c, organization, before)
		}),
		prunes("what was decided in that second is kept", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			return m.PruneVerdicts(c, organization, before.Truncate(time.Second))
		}),
		prunes("every organization is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			m.PruneVerdicts(c, eve.Organization, before)
			return m.PruneVerdicts(c, organization, before)
		}),
		prunes("nobody counts what is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			_, err := m.PruneVerdicts(c, organization, before)
			return 0, err
		}),
		prunes("what was decided is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			n, err := m.PruneVerdicts(c, organization, before)
			if err == nil && n > 0 {
				m.Commit(c, &serversync.Batch{ID: "pruned", Mailbox: ann, Drop: []serversync.EpochKey{{Folder: inbox.Folder, Epoch: epoch}}})
			}
			return n, err
		}),
	}
}

func numberFaults() []fault {
	counts := func(name string, next func() func(context.Context, *memory.Store, mailbox.Key) (int64, error)) fault {
		return fault{name: name, rule: "S22", also: []string{"S7"}, make: func() methods { return methods{count: next()} }}
	}
	type nextFunc = func(context.Context, *memory.Store, mailbox.Key) (int64, error)
	return []fault{
		counts("a mailbox counts from 0", func() nextFunc {
			return func(c context.Context, m *memory.Store, key mailbox.Key) (int64, error) {
				n, err := m.NextNumber(c, key)
				return n - 1, err
			}
		}),
		counts("all mailboxes count together", func() nextFunc {
			return func(c context.Context, m *memory.Store, _ mailbox.Key) (int64, error) { return m.NextNumber(c, ann) }
		}),
		counts("mailboxes of one name count together", func() nextFunc {
			return func(c context.Context, m *memory.Store, key mailbox.Key) (int64, error) {
				return m.NextNumber(c, mailbox.Key{Mailbox: key.Mailbox})
			}
		}),
		counts("names run together", func() nextFunc {
			return func(c context.Context, m *memory.Store, key mailbox.Key) (int64, error) {
				return m.NextNumber(c, mailbox.Key{Mailbox: key.Organization + key.Mailbox})
			}
		}),
		counts("a number is looked up, then counted", func() nextFunc {
			var mu sync.Mutex
			last := map[mailbox.Key]int64{}
			return func(c context.Context, _ *memory.Store, key mailbox.Key) (int64, error) {
				if err := c.Err(); err != nil {
					return 0, err
				}
				mu.Lock()
				n := last[key] + 1
				mu.Unlock()
				time.Sleep(while)
				mu.Lock()
				defer mu.Unlock()
				last[key] = n
				return n, nil
			}
		}),
		{name: "a count begins again with the Store", rule: "S22", make: func() methods {
			var opened time.Duration
			return methods{
				reopen: func(m *memory.Store) *memory.Store { opened++; return m },
				count: func(c context.Context, m *memory.Store, key mailbox.Key) (int64, error) {
					key.Mailbox += strings.Repeat("'", int(opened))
					return m.NextNumber(c, key)
				},
			}
		}},
	}
}
