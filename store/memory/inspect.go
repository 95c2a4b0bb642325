package memory

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A StoredMessage is a message of an organization, with all places where it is or
// was.
type StoredMessage struct {
	Content      item.Content
	item.Message         // Raw holds the stored bytes
	Places       []Place // in the order of organization, mailbox, folder, epoch and id
}

// A Place is what is recorded of one id.
type Place struct {
	Mailbox mailbox.Key
	provider.Place
	Kind     serversync.RecordKind // the decision
	Gone     bool
	Flags    []string // sorted
	Received time.Time
	Reason   string
	Content  item.Content // of a tracked one
}

// A Ledger counts the ids of a mailbox by what was decided about them.
type Ledger struct {
	Tracked, Ignored, Deferred, Quarantined int

	Gone int // those of all four that have left their folder
}

// Messages returns the messages of the organization in the order in which they were
// added. It takes one mailbox after the other; commits at the same time may show in
// part.
func (s *Store) Messages(organization string) []StoredMessage {
	s.mu.RLock()
	o := s.orgs[organization]
	s.mu.RUnlock()
	if o == nil {
		return nil
	}
	places := map[item.Content][]Place{}
	s.each(organization, func(key mailbox.Key, x *box) {
		for _, p := range x.places(key) {
			if p.Kind == serversync.Tracked {
				places[p.Content] = append(places[p.Content], p)
			}
		}
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]StoredMessage, 0, len(o.messages))
	for _, m := range o.messages {
		all = append(all, StoredMessage{
			Content: m.content,
			Message: m.open(),
			Places:  slices.SortedFunc(slices.Values(places[m.content]), compareRecorded),
		})
	}
	return all
}

// open returns a copy of the message. Its attachments are found once more, in the
// stored bytes.
func (m *message) open() item.Message {
	c := cloneMessage(&m.message, m.message.Raw)
	if c.Raw == nil || len(c.Attachments) == 0 {
		return c
	}
	again, err := item.ParseMessage(c.Raw, item.Limits{})
	if err == nil && len(again.Attachments) == len(c.Attachments) {
		c.Attachments = again.Attachments
	}
	return c
}

// Places returns what is recorded of every id of the mailbox, in the order of
// folder, epoch and id.
func (s *Store) Places(key mailbox.Key) []Place {
	x := s.lookup(key)
	if x == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.SortedFunc(slices.Values(x.places(key)), compareRecorded)
}

// Ledger counts the ids of the mailbox.
func (s *Store) Ledger(key mailbox.Key) Ledger {
	var n Ledger
	for _, p := range s.Places(key) {
		switch p.Kind {
		case serversync.Tracked:
			n.Tracked++
		case serversync.Ignored:
			n.Ignored++
		case serversync.Deferred:
			n.Deferred++
		case serversync.Quarantined:
			n.Quarantined++
		}
		if p.Gone {
			n.Gone++
		}
	}
	return n
}

// Writes returns how often the Store was changed: batches applied, alerts raised, outbox
// entries enqueued, claimed and advanced, emails set regarding something, and numbers
// given. What was refused or there already does not count.
func (s *Store) Writes() int { return int(s.writes.Load()) }

// places returns what is recorded of every id, in no set order.
func (x *box) places(key mailbox.Key) []Place {
	if x.ledger == nil {
		return nil
	}
	var all []Place
	for space, e := range x.ledger.epochs {
		for id, p := range e.places {
			found := Place{
				Mailbox:  key,
				Place:    provider.Place{Folder: space.Folder, Epoch: space.Epoch, ID: id},
				Kind:     p.kind,
				Gone:     p.gone,
				Flags:    slices.Clone(p.flags),
				Received: p.received,
				Reason:   p.reason,
			}
			if p.message != nil {
				found.Content = p.message.content
			}
			all = append(all, found)
		}
	}
	return all
}

func compareRecorded(a, b Place) int {
	return cmp.Or(
		cmp.Compare(a.Mailbox.Organization, b.Mailbox.Organization),
		cmp.Compare(a.Mailbox.Mailbox, b.Mailbox.Mailbox),
		comparePlaces(a.Place, b.Place),
	)
}
