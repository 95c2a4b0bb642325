package storetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

type findFunc = func(context.Context, *memory.Store, string, track.Query) ([]track.Email, error)

// indexes remembers what was committed and enqueued with an Index, in order.
type indexes struct {
	mu  sync.Mutex
	all []kept
}

type kept struct {
	mailbox mailbox.Key
	kind    serversync.RecordKind // "" if it was enqueued
	index   *track.Email          // the caller's own
}

func (s *indexes) add(k kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.index != nil {
		s.all = append(s.all, k)
	}
}

// commit is a sound Commit that remembers.
func (s *indexes) commit(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
	receipt, err := m.Commit(c, b)
	for _, r := range b.Records {
		if err == nil {
			s.add(kept{b.Mailbox, r.Kind, r.Index})
		}
	}
	return receipt, err
}

// where returns those that are so.
func (s *indexes) where(is func(kept) bool) (found []kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.all {
		if is(k) {
			found = append(found, k)
		}
	}
	return found
}

// found is a FindEmails that alters what memory's tells.
func found(change func(*track.Email)) findFunc {
	return func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
		all, err := m.FindEmails(c, organization, q)
		for i := range all {
			change(&all[i])
		}
		return all, err
	}
}

// asked is a FindEmails that alters what is asked for.
func asked(change func(*track.Query)) findFunc {
	return func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
		q.IDs, q.Tokens, q.Smart = slices.Clone(q.IDs), slices.Clone(q.Tokens), slices.Clone(q.Smart)
		for i, h := range q.Smart {
			q.Smart[i] = track.Hashes{Words: slices.Clone(h.Words), People: slices.Clone(h.People)}
		}
		change(&q)
		return m.FindEmails(c, organization, q)
	}
}

func eachOf[T any](list []T, change func(T) T) {
	for i := range list {
		list[i] = change(list[i])
	}
}

// imaged are the rules that rest on emails and verdicts being told at all, as they
// compare what a Store shows.
var imaged = []string{"S3", "S4", "S5", "S7", "S8", "S13", "S17"}

func emailFaults() []fault {
	finds := func(name string, find findFunc, also ...string) fault {
		return fault{name: name, rule: "S20", also: also, make: func() methods { return methods{find: find} }}
	}
	writes := func(name string, change func(m *memory.Store, key mailbox.Key, r *serversync.Record)) fault {
		return fault{name: name, rule: "S20", also: imaged, make: func() methods {
			return recorded(func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
				if r.Index != nil {
					change(m, key, r)
				}
			})
		}}
	}
	enqueues := func(name string, change func(m *memory.Store, e *serversync.Entry)) fault {
		return fault{name: name, rule: "S20", make: func() methods {
			return methods{enqueue: func(c context.Context, m *memory.Store, e serversync.Entry) error {
				if e.Index != nil {
					own := *e.Index
					e.Index = &own
					change(m, &e)
				}
				return m.Enqueue(c, e)
			}}
		}}
	}
	return slices.Concat(keyedFaults(finds), againFaults(writes), sentFaults(enqueues), likeFaults(finds))
}

// keyedFaults do not find what is there, or tell it otherwise.
func keyedFaults(finds func(string, findFunc, ...string) fault) []fault {
	return []fault{
		finds("no email is found", asked(func(q *track.Query) { *q = track.Query{} }), imaged...),
		finds("no email is found by its id", asked(func(q *track.Query) { q.IDs = nil }), imaged...),
		finds("no email is found by its token", asked(func(q *track.Query) { q.Tokens = nil })),
		finds("no email is found by its conversation", asked(func(q *track.Query) { q.Conversations = nil })),
		finds("no email is found by its Ref", asked(func(q *track.Query) { q.Emails = nil })),
		finds("no email is found by what is like it", asked(func(q *track.Query) { q.Smart = nil })),
		finds("ids are compared without case", asked(func(q *track.Query) { eachOf(q.IDs, asciiLower) })),
		finds("ids are trimmed", asked(func(q *track.Query) { eachOf(q.IDs, strings.TrimSpace) })),
		finds("tokens are compared without case", asked(func(q *track.Query) { eachOf(q.Tokens, strings.ToUpper) })),
		finds("ids and tokens are one", asked(func(q *track.Query) { q.Tokens = append(q.Tokens, q.IDs...) })),
		finds("a thousand ids are looked up", asked(func(q *track.Query) { q.IDs = q.IDs[:min(len(q.IDs), 1000)] })),
		finds("an email is told for each key", func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
			byID, err := m.FindEmails(c, organization, track.Query{IDs: q.IDs})
			if err != nil {
				return nil, err
			}
			q.IDs = nil
			rest, err := m.FindEmails(c, organization, q)
			return append(byID, rest...), err
		}),
		finds("emails are one in all organizations", func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
			all, err := m.FindEmails(c, organization, q)
			if len(all) > 0 || err != nil {
				return all, err
			}
			return m.FindEmails(c, ann.Organization, q)
		}, "S5"),

		finds("the direction is lost", found(func(e *track.Email) { e.Direction = track.Incoming })),
		finds("the owner is lost", found(func(e *track.Email) { e.Owner = track.Ref{} })),
		finds("what it belongs to is plain ASCII", found(func(e *track.Email) {
			e.Owner.ID = strings.Map(func(c rune) rune { return min(c, 127) }, e.Owner.ID)
		})),
		finds("times are of a second", found(func(e *track.Email) { e.Sent = e.Sent.Truncate(time.Second) })),
		finds("times lose their zone", found(func(e *track.Email) { e.Sent = wall(e.Sent) })),
		finds("no time is 1970", found(func(e *track.Email) {
			if e.Sent.IsZero() {
				e.Sent = time.Unix(0, 0)
			}
		})),
		finds("ids are in another order", found(func(e *track.Email) { slices.Reverse(e.IDs) })),
		finds("hashes are floats", found(func(e *track.Email) { eachOf(e.Words, func(w uint64) uint64 { return uint64(float64(w)/2) * 2 }) })),
		finds("hashes are positive", found(func(e *track.Email) { eachOf(e.People, func(p uint64) uint64 { return p &^ (1 << 63) }) })),
		finds("one of the people is lost", found(func(e *track.Email) { e.People = e.People[:min(len(e.People), 2)] })),
		finds("participants are sorted", found(func(e *track.Email) { slices.Sort(e.Participants) })),
		finds("recipients are lost", found(func(e *track.Email) { e.Recipients = nil })),
		finds("a Ref is another each time", func() findFunc {
			var mu sync.Mutex
			n := 0
			return found(func(e *track.Email) {
				mu.Lock()
				defer mu.Unlock()
				n++
				e.Ref.ID += strings.Repeat("'", n%2)
			})
		}(), imaged...),

		{name: "of one id the last email is told", rule: "S20", make: func() methods {
			var s indexes
			return methods{commit: s.commit, find: func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
				all, err := m.FindEmails(c, organization, q)
				for i, e := range all {
					same := s.where(func(k kept) bool {
						return k.mailbox.Organization == organization && k.index.Token != e.Token && slices.Equal(k.index.IDs, e.IDs)
					})
					if len(q.IDs) > 0 && len(same) > 0 {
						last, _ := m.FindEmails(c, organization, track.Query{Tokens: []string{same[len(same)-1].index.Token}})
						all[i] = last[0]
					}
				}
				return all, err
			}}
		}},
		{name: "an Index is for every record", rule: "S20", make: func() methods {
			var s indexes
			return methods{commit: s.commit, find: func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
				all, err := m.FindEmails(c, organization, q)
				for _, k := range s.where(func(k kept) bool { return k.kind != serversync.Tracked && slices.Contains(q.Tokens, k.index.Token) }) {
					e := *k.index
					e.Ref = track.Ref{Type: "email", ID: string(k.kind)}
					all = append(all, e)
				}
				return all, err
			}}
		}},
		{name: "an Index is not copied", rule: "S20", make: func() methods {
			var s indexes
			return methods{commit: s.commit, find: func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
				all, err := m.FindEmails(c, organization, q)
				for i, e := range all {
					for _, k := range s.where(func(k kept) bool { return k.index.Token == e.Token && e.Token != "" }) {
						all[i].Participants = k.index.Participants
					}
				}
				return all, err
			}}
		}},
		{name: "dropping an epoch drops its emails", rule: "S20", make: func() methods {
			var dropped sync.Map
			return methods{
				commit: altered(func(_ *memory.Store, b *serversync.Batch) {
					for _, d := range b.Drop {
						dropped.Store(b.Mailbox.Organization, d.Folder == inbox.Folder)
					}
				}),
				find: func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
					if gone, _ := dropped.Load(organization); gone == true {
						return nil, c.Err()
					}
					return m.FindEmails(c, organization, q)
				},
			}
		}},
		{name: "emails are lost with the Store", rule: "S20", also: []string{"S4", "S12", "S2", "S15"}, make: func() methods {
			var lost bool
			return methods{
				reopen: func(m *memory.Store) *memory.Store { lost = true; return m },
				find: func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
					if lost {
						return nil, c.Err()
					}
					return m.FindEmails(c, organization, q)
				},
			}
		}},

		{name: "SetRegarding leaves the owner", rule: "S20", make: func() methods {
			return methods{regard: func(c context.Context, m *memory.Store, organization string, email, regarding, _ track.Ref) error {
				all, _ := m.FindEmails(c, organization, track.Query{Emails: []track.Ref{email}})
				if len(all) == 0 {
					return m.SetRegarding(c, organization, email, regarding, track.Ref{})
				}
				return m.SetRegarding(c, organization, email, regarding, all[0].Owner)
			}}
		}},
		{name: "nothing can be set to nothing", rule: "S20", make: func() methods {
			return methods{regard: func(c context.Context, m *memory.Store, organization string, email, regarding, owner track.Ref) error {
				if all, _ := m.FindEmails(c, organization, track.Query{Emails: []track.Ref{email}}); len(all) == 1 && regarding == (track.Ref{}) {
					regarding = all[0].Regarding
				}
				return m.SetRegarding(c, organization, email, regarding, owner)
			}}
		}},
		{name: "SetRegarding of no email is no error", rule: "S20", make: func() methods {
			return methods{regard: func(c context.Context, m *memory.Store, organization string, email, regarding, owner track.Ref) error {
				if err := m.SetRegarding(c, organization, email, regarding, owner); err != nil && c.Err() != nil {
					return err
				}
				return nil
			}}
		}},
		{name: "SetRegarding reaches every organization", rule: "S20", make: func() methods {
			return methods{regard: func(c context.Context, m *memory.Store, organization string, email, regarding, owner track.Ref) error {
				err := m.SetRegarding(c, organization, email, regarding, owner)
				if isNotFound(err) && organization == eve.Organization {
					return m.SetRegarding(c, ann.Organization, email, regarding, owner)
				}
				return err
			}}
		}},
	}
}
