package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

// likeFaults leave out what they must not, or nothing.
func likeFaults(finds func(string, findFunc, ...string) fault) []fault {
	// most is a store that tells these emails of the many that have one token.
	most := func(name string, choose func(all []track.Email) []track.Email, also ...string) fault {
		return fault{name: name, rule: "S20", also: also, make: func() methods {
			var s indexes
			return methods{commit: s.commit, find: func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
				same := s.where(func(k kept) bool { return slices.Contains(q.Tokens, k.index.Token) && k.index.Token == "CRM:1" })
				if len(same) == 0 {
					return m.FindEmails(c, organization, q)
				}
				for _, k := range same {
					q.IDs = append(q.IDs, k.index.IDs...)
				}
				all, err := m.FindEmails(c, organization, q)
				slices.SortFunc(all, func(a, b track.Email) int { return a.Sent.Compare(b.Sent) })
				return choose(all), err
			}}
		}}
	}
	return []fault{
		most("there is no limit", func(all []track.Email) []track.Email { return all }),
		most("the oldest are told", func(all []track.Email) []track.Email { return all[:100] }),
		most("fifty are told", func(all []track.Email) []track.Email { return all[len(all)-50:] }),
		finds("words are compared in their order", func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
			all, err := m.FindEmails(c, organization, q)
			return slices.DeleteFunc(all, func(e track.Email) bool {
				return len(q.Smart) > 0 && !slices.ContainsFunc(q.Smart, func(h track.Hashes) bool {
					return len(h.Words) != len(e.Words) || slices.Equal(h.Words, e.Words)
				})
			}), err
		}),
		finds("no word may differ", asked(func(q *track.Query) { q.WordDelta = 0 })),
		finds("one word may differ", asked(func(q *track.Query) { q.WordDelta = min(q.WordDelta, 1) })),
		finds("all people must agree", asked(func(q *track.Query) {
			if len(q.Smart) > 0 {
				q.MinPeople = len(q.Smart[len(q.Smart)-1].People)
			}
		})),
		finds("two people must agree at least", asked(func(q *track.Query) { q.MinPeople = max(q.MinPeople, 2) })),
		finds("an email without words is like none", func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
			all, err := m.FindEmails(c, organization, q)
			return slices.DeleteFunc(all, func(e track.Email) bool { return len(q.Smart) > 0 && len(e.Words) == 0 }), err
		}),
		finds("the first of many Hashes is looked at", asked(func(q *track.Query) { q.Smart = q.Smart[:min(len(q.Smart), 1)] })),
		finds("Since is of a second", asked(func(q *track.Query) { q.Since = q.Since.Truncate(time.Second).Add(time.Second) })),
		finds("Since loses its zone", asked(func(q *track.Query) {
			if !q.Since.IsZero() {
				q.Since = wall(q.Since.In(clock.Location()))
			}
		})),
		finds("hashes are asked for as positive", asked(func(q *track.Query) {
			for _, h := range q.Smart {
				eachOf(h.People, func(p uint64) uint64 { return p &^ (1 << 63) })
			}
		})),
		finds("the newest are taken, then compared", func(c context.Context, m *memory.Store, organization string, q track.Query) ([]track.Email, error) {
			exact, err := m.FindEmails(c, organization, q)
			if len(q.Smart) == 0 || err != nil {
				return exact, err
			}
			q.MinPeople, q.WordDelta = 1, 100
			near, err := m.FindEmails(c, organization, q)
			return slices.DeleteFunc(exact, func(e track.Email) bool {
				return !slices.ContainsFunc(near, func(n track.Email) bool { return n.Ref == e.Ref })
			}), err
		}),
	}
}
