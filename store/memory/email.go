package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/track"
)

// newest is how many emails one token, conversation or Hashes leads to at most.
const newest = 100

// emails are what the messages of an organization may answer, by all that finds them.
type emails struct {
	count         int
	refs          map[track.Ref]*email
	ids           map[string][]*email // each list in the order in which they were added
	tokens        map[string][]*email
	conversations map[string][]*email
	people        map[uint64][]*email
}

// email is an email that may be answered.
type email struct {
	track.Email
	turn     int  // 1 is the first of the organization
	own      bool // the Ref is the Store's
	enqueued bool
}

// add adds an email, whose Ref must be new; the zero Ref is replaced by the Store's own.
func (s *emails) add(index *track.Email) *email {
	if s.refs == nil {
		s.refs, s.people = map[track.Ref]*email{}, map[uint64][]*email{}
		s.ids, s.tokens, s.conversations = map[string][]*email{}, map[string][]*email{}, map[string][]*email{}
	}
	s.count++
	e := &email{Email: cloneEmail(*index), turn: s.count, own: index.Ref == track.Ref{}}
	e.IDs = nil
	for n := 1; e.Ref == (track.Ref{}); n++ {
		own := track.Ref{Type: "sync_email", ID: strconv.Itoa(s.count)}
		if n > 1 {
			own.ID += "-" + strconv.Itoa(n)
		}
		if s.refs[own] == nil {
			e.Ref = own
		}
	}
	s.refs[e.Ref] = e
	s.know(e, index.IDs)
	put(s.tokens, e.Token, e)
	put(s.conversations, e.Conversation, e)
	for _, p := range e.People {
		if list := s.people[p]; len(list) == 0 || list[len(list)-1] != e {
			s.people[p] = append(list, e)
		}
	}
	return e
}

// know adds the ids that e does not have yet.
func (s *emails) know(e *email, ids []string) {
	for _, id := range ids {
		if !slices.Contains(e.IDs, id) {
			e.IDs = append(e.IDs, id)
			put(s.ids, id, e)
		}
	}
}

func put(in map[string][]*email, key string, e *email) {
	if key != "" {
		in[key] = append(in[key], e)
	}
}

// copied returns the email that was enqueued and whose copy among the sent mail index
// is, or nil.
func (s *emails) copied(index *track.Email) *email {
	if index.Direction != track.Outgoing {
		return nil
	}
	for _, id := range index.IDs {
		for _, e := range s.ids[id] {
			if e.enqueued {
				return e
			}
		}
	}
	return nil
}

// commit keeps what a message is found by.
func (o *organization) commit(m *message, index *track.Email) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.email == nil {
		m.email = o.emails.copied(index)
	}
	if m.email != nil {
		o.emails.know(m.email, index.IDs)
		return
	}
	own := *index
	own.Ref = track.Ref{}
	m.email = o.emails.add(&own)
}

// enqueue keeps what an entry is found by and returns its Ref.
func (o *organization) enqueue(index *track.Email) (track.Ref, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.emails.refs[index.Ref]
	switch {
	case e == nil:
		e = o.emails.add(index)
	case e.own:
		return track.Ref{}, fmt.Errorf("memory: %v is the Store's own for another email", index.Ref)
	default:
		o.emails.know(e, index.IDs)
	}
	e.enqueued = true
	return e.Ref, nil
}

// FindEmails returns the organization's emails that any part of q names.
func (s *Store) FindEmails(ctx context.Context, organization string, q track.Query) ([]track.Email, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o := s.organization(organization)
	if o == nil {
		return nil, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	found := map[*email]bool{}
	take := func(list []*email) {
		for _, e := range list {
			found[e] = true
		}
	}
	for _, id := range q.IDs {
		take(o.emails.ids[id][:min(1, len(o.emails.ids[id]))])
	}
	for _, t := range q.Tokens {
		take(latest(o.emails.tokens[t]))
	}
	for _, c := range q.Conversations {
		take(latest(o.emails.conversations[c]))
	}
	for _, ref := range q.Emails {
		if e := o.emails.refs[ref]; e != nil {
			found[e] = true
		}
	}
	for _, h := range q.Smart {
		take(latest(o.emails.like(h, q)))
	}
	var all []track.Email
	for e := range found {
		all = append(all, cloneEmail(e.Email))
	}
	slices.SortFunc(all, func(a, b track.Email) int {
		return cmp.Compare(o.emails.refs[a.Ref].turn, o.emails.refs[b.Ref].turn)
	})
	return all, nil
}

// latest returns those of list that were sent last.
func latest(list []*email) []*email {
	if len(list) <= newest {
		return list
	}
	list = slices.SortedFunc(slices.Values(list), func(a, b *email) int {
		return cmp.Or(b.Sent.Compare(a.Sent), cmp.Compare(b.turn, a.turn))
	})
	return list[:newest]
}

// like returns the emails that share what q asks for with h.
func (s *emails) like(h track.Hashes, q track.Query) []*email {
	shared := map[*email]int{}
	var list []*email
	for _, p := range h.People {
		for _, e := range s.people[p] {
			if !e.Sent.After(q.Since) {
				continue
			}
			shared[e]++
			if shared[e] == max(q.MinPeople, 1) && alike(h.Words, e.Words, q.WordDelta) {
				list = append(list, e)
			}
		}
	}
	return list
}

// alike reports whether neither a nor b has more than delta that the other has not.
func alike(a, b []uint64, delta int) bool {
	lacks := func(a, b []uint64) (n int) {
		for _, w := range a {
			if !slices.Contains(b, w) {
				n++
			}
		}
		return n
	}
	return lacks(a, b) <= delta && lacks(b, a) <= delta
}

// SetRegarding says what an email belongs to from now on, and to whom.
func (s *Store) SetRegarding(ctx context.Context, organization string, ref, regarding, owner track.Ref) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := s.organization(organization)
	if o == nil {
		return serversync.ErrNotFound
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.emails.refs[ref]
	if e == nil {
		return serversync.ErrNotFound
	}
	e.Regarding, e.Owner = regarding, owner
	s.writes.Add(1)
	return nil
}

// organization returns the organization, or nil if nothing was ever written to it.
func (s *Store) organization(name string) *organization {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.orgs[name]
}

func cloneEmail(e track.Email) track.Email {
	e.IDs, e.Participants, e.Recipients = slices.Clone(e.IDs), slices.Clone(e.Participants), slices.Clone(e.Recipients)
	e.Words, e.People = slices.Clone(e.Words), slices.Clone(e.People)
	return e
}
