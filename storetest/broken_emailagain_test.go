package storetest

import (
	"context"
	"slices"
	"sync"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

// againFaults take what comes again for something else.
func againFaults(writes func(string, func(*memory.Store, mailbox.Key, *serversync.Record)) fault) []fault {
	there := func(m *memory.Store, key mailbox.Key, r *serversync.Record) bool {
		return slices.ContainsFunc(m.Messages(key.Organization), func(s memory.StoredMessage) bool { return s.Content == r.Message.Content() })
	}
	return []fault{
		writes("an Index is not kept", func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) { r.Index = nil }),
		writes("an email has one id", func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) { r.Index.IDs = r.Index.IDs[:1] }),
		writes("a message that is there gets no more ids", func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
			if r.Message != nil && there(m, key, r) {
				r.Index.IDs = nil
			}
		}),
		writes("a message that is there gets no Index", func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
			if r.Message != nil && there(m, key, r) {
				r.Index = nil
			}
		}),
		writes("what comes again belongs where it says", func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
			if found, _ := m.FindEmails(ctx, key.Organization, track.Query{IDs: r.Index.IDs}); len(found) > 0 {
				m.SetRegarding(ctx, key.Organization, found[0].Ref, r.Index.Regarding, r.Index.Owner)
			}
		}),
		writes("the Ref of a record is kept", func(m *memory.Store, key mailbox.Key, r *serversync.Record) {
			if r.Message != nil && there(m, key, r) { // by way of the outbox, which keeps it
				other := *r.Index
				other.Ref = track.Ref{Type: "activity", ID: string(key.Mailbox) + string(r.ID)}
				m.Enqueue(ctx, serversync.Entry{ID: other.Ref.ID, Mailbox: key, Index: &other})
			}
		}),
		writes("the copy of an enqueued email is another email", func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
			r.Index.Direction = track.Incoming
		}),
		writes("what claims an id is the email that had it", func(_ *memory.Store, _ mailbox.Key, r *serversync.Record) {
			if len(r.Index.IDs) > 2 {
				r.Index.Direction = track.Outgoing
			}
		}),
		{name: "an Index is kept before the batch", rule: "S20", also: imaged, make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				receipt, err := m.Commit(c, b)
				for _, r := range b.Records {
					if err != nil && r.Index != nil && c.Err() == nil {
						m.Enqueue(c, serversync.Entry{ID: b.ID + string(r.ID), Mailbox: b.Mailbox, Index: r.Index})
					}
				}
				return receipt, err
			}}
		}},
		{name: "a replay sets what an email belongs to", rule: "S20", make: func() methods {
			return methods{commit: func(c context.Context, m *memory.Store, b *serversync.Batch) (serversync.Receipt, error) {
				replay := current(m, b.Mailbox).LastBatch == b.ID
				receipt, err := m.Commit(c, b)
				for _, r := range b.Records {
					if r.Index == nil || !replay || err != nil {
						continue
					}
					for _, e := range must(m.FindEmails(ctx, b.Mailbox.Organization, track.Query{IDs: r.Index.IDs})) {
						m.SetRegarding(c, b.Mailbox.Organization, e.Ref, r.Index.Regarding, r.Index.Owner)
					}
				}
				return receipt, err
			}}
		}},
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sentFaults are wrong about what is enqueued.
func sentFaults(enqueues func(string, func(*memory.Store, *serversync.Entry)) fault) []fault {
	return []fault{
		enqueues("the Index of an entry is not kept", func(_ *memory.Store, e *serversync.Entry) { e.Index = nil }),
		enqueues("the host's Ref is replaced", func(_ *memory.Store, e *serversync.Entry) { e.Index.Ref = track.Ref{} }),
		enqueues("an entry with the Ref of another is another email", func(m *memory.Store, e *serversync.Entry) {
			if found, _ := m.FindEmails(ctx, e.Mailbox.Organization, track.Query{Emails: []track.Ref{e.Index.Ref}}); len(found) > 0 {
				e.Index.Ref.ID += "'"
			}
		}),
		enqueues("the Store's own Ref is replaced", func(m *memory.Store, e *serversync.Entry) {
			if e.Index.Ref.Type == "sync_email" {
				e.Index.Ref = track.Ref{}
			}
		}),
		{name: "an entry that is enqueued again is found by what is new", rule: "S20", make: func() methods {
			return methods{enqueue: func(c context.Context, m *memory.Store, e serversync.Entry) error {
				if _, err := m.Entry(c, e.Mailbox, e.ID); err == nil && e.Index != nil {
					m.Enqueue(c, serversync.Entry{ID: e.ID + "'", Mailbox: bob, Index: e.Index})
				}
				return m.Enqueue(c, e)
			}}
		}},
		{name: "an entry that cannot be kept is found", rule: "S20", make: func() methods {
			return methods{enqueue: func(c context.Context, m *memory.Store, e serversync.Entry) error {
				err := m.Enqueue(c, e)
				if err != nil && e.Index != nil && c.Err() == nil {
					m.Enqueue(c, serversync.Entry{ID: e.ID + "'", Mailbox: bob, Index: e.Index})
				}
				return err
			}}
		}},
		{name: "an entry comes back without its Index", rule: "S20", make: func() methods {
			return methods{entry: func(c context.Context, m *memory.Store, key mailbox.Key, id string) (serversync.Entry, error) {
				e, err := m.Entry(c, key, id)
				e.Index = nil
				return e, err
			}}
		}},
		{name: "an entry comes back with the Ref that it came with", rule: "S20", make: func() methods {
			return methods{entry: func(c context.Context, m *memory.Store, key mailbox.Key, id string) (serversync.Entry, error) {
				e, err := m.Entry(c, key, id)
				if e.Index != nil && e.Index.Ref.Type == "sync_email" {
					e.Index.Ref = track.Ref{}
				}
				return e, err
			}}
		}},
		{name: "the Index of an entry advances", rule: "S20", make: func() methods {
			var last sync.Map
			return methods{
				advance: func(c context.Context, m *memory.Store, e serversync.Entry, alerts []mailbox.Alert) error {
					err := m.Advance(c, e, alerts...)
					if err == nil {
						last.Store(e.ID, e.Index)
					}
					return err
				},
				entry: func(c context.Context, m *memory.Store, key mailbox.Key, id string) (serversync.Entry, error) {
					e, err := m.Entry(c, key, id)
					if index, ok := last.Load(id); ok {
						e.Index = index.(*track.Email)
					}
					return e, err
				},
			}
		}},
	}
}
