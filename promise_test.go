package serversync_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
)

// A promise is what people were told of an outbox entry of a simulation.
type promise struct {
	notBefore time.Time
	canceled  bool
	began     int // submissions
}

// Advance watches the step after which an entry cannot be kept back.
func (o *oracle) Advance(ctx context.Context, e Entry, alerts ...mailbox.Alert) error {
	err := o.Outbox.Advance(ctx, e, alerts...)
	if err != nil || e.Phase != PhaseSubmitting {
		return err
	}
	o.s.mu.Lock()
	p := o.s.promises[e.ID]
	p.began++
	early, canceled := time.Until(p.notBefore), p.canceled
	o.s.mu.Unlock()
	if canceled {
		o.s.fault("entry %s is sent though it was canceled", e.ID)
	}
	if early > 0 {
		o.s.fault("entry %s is sent %v too early", e.ID, early)
	}
	return nil
}

// write puts an email into the outbox, as a host does that enqueues it itself or as
// one that has Send do it: by either node, until one says that it is there.
func (s *simulation) write(key mailbox.Key, n int) {
	e := entry(key, n, "carl@example.org")
	if n%3 == 0 {
		e = entry(key, n, "carl@example.org", "nobody@example.org")
	}
	e.Queued = time.Now()
	if s.chance("scheduled", n)%3 == 0 {
		e.NotBefore = time.Now().Add(s.between(time.Minute, farthest-time.Minute, "scheduled for", n))
		e.Queued = e.NotBefore
	}
	s.mu.Lock()
	s.promises[e.ID] = &promise{notBefore: e.NotBefore}
	s.mu.Unlock()
	if s.chance("by", n)%2 == 0 {
		s.entries = append(s.entries, e)
		if err := s.store.Enqueue(context.Background(), e); err != nil {
			panic(err)
		}
		return
	}
	o := Outgoing{ID: e.ID, Subject: fmt.Sprint("out ", n), Text: "Hello.", NotBefore: e.NotBefore, Automatic: n%5 == 0}
	for _, r := range e.Recipients {
		o.To = append(o.To, item.Address{Addr: r.Address})
	}
	for try := 0; ; try++ {
		sent, err := s.syncers[s.chance("sender", n, try)%2].Send(context.Background(), key, o)
		var refused *RefusalError
		switch {
		case err == nil:
			sent.Raw.Release()
			if s.chance("again", n, try)%3 == 0 {
				continue // who is not sure asks again
			}
			s.entries = append(s.entries, sent)
			return
		case errors.As(err, &refused):
			return
		}
	}
}

// changeMind cancels or postpones an entry, now and then.
func (s *simulation) changeMind(n int) {
	dice := s.chance("mind", n) % 100
	if len(s.entries) == 0 || dice >= 30 {
		return
	}
	e := s.entries[len(s.entries)-1-int(s.chance("which entry", n)%uint64(min(len(s.entries), 6)))]
	syncer := s.syncers[s.chance("whose mind", n)%2]
	s.mu.Lock()
	p := s.promises[e.ID]
	s.mu.Unlock()
	if dice < 12 {
		err := syncer.Cancel(context.Background(), e.Mailbox, e.ID)
		s.told(e, err, func() { p.canceled = true })
		return
	}
	until := time.Now().Add(s.between(-2*time.Hour, farthest, "until", n))
	err := syncer.Postpone(context.Background(), e.Mailbox, e.ID, until)
	s.told(e, err, func() { p.notBefore = until })
}

func (s *simulation) told(e Entry, err error, kept func()) {
	switch {
	case err == nil:
		s.mu.Lock()
		kept()
		s.mu.Unlock()
	case !errors.Is(err, ErrTooLate):
		s.fault("entry %s: %v", e.ID, err)
	}
}
