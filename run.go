package serversync

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync/mailbox"
)

// refreshEvery is how often the set of mailboxes is read anew.
const refreshEvery = time.Minute

// keysAtOnce is how many keys are read at once.
const keysAtOnce = 1000

// storeRest is for how long a mailbox rests after the Store failed.
const storeRest = 30 * time.Second

// ErrDrain says that cycles were cut off because they did not end within
// Config.Drain. What they had committed stays.
var ErrDrain = errors.New("serversync: cycles were cut off at the end of Config.Drain")

// Run synchronizes all mailboxes, each when it is due, up to Config.Workers at
// once, until ctx ends. Mailboxes that come and go are noticed within a minute.
//
// Cycles under way when ctx ends get Config.Drain to finish and are then cut off.
// Run returns nil, or [ErrDrain] if one was cut off, or the error of reading the
// mailboxes at the start. By then every goroutine it started has ended and every
// session is closed.
func (s *Syncer) Run(ctx context.Context) error {
	if err := s.refresh(ctx); err != nil {
		return err
	}
	defer s.pool.closeAll()
	take, stop := context.WithCancel(ctx)
	defer stop()
	work, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)

	var helpers, workers sync.WaitGroup
	var cutOff atomic.Bool
	helpers.Go(func() { s.keepFresh(take) })
	helpers.Go(func() { s.watch(take) })
	helpers.Go(func() { s.keepHouse(take) })
	for range s.cfg.Workers {
		workers.Go(func() { s.worker(take, work, &cutOff) })
	}
	done := make(chan struct{})
	go func() {
		workers.Wait()
		close(done)
	}()
	<-take.Done()
	helpers.Wait()

	drain, expire := context.WithCancel(context.Background())
	expired := make(chan struct{})
	go func() {
		defer close(expired)
		if s.cfg.Clock.Sleep(drain, max(s.cfg.Drain, 0)) == nil {
			cut(ErrDrain)
		}
	}()
	<-done
	expire()
	<-expired
	if cutOff.Load() {
		return ErrDrain
	}
	return nil
}

// worker makes one cycle after the other, and notes whether one was cut off.
func (s *Syncer) worker(take, work context.Context, cutOff *atomic.Bool) {
	for {
		e, err := s.plan.next(take)
		if err != nil {
			return
		}
		if err := s.cycleOf(work, e); err != nil && context.Cause(work) == ErrDrain {
			cutOff.Store(true)
		}
	}
}

func (s *Syncer) cycleOf(ctx context.Context, e *planned) error {
	end := ending{account: e.account, limit: e.limit}
	report, err := s.sync(ctx, e.key, func(c *cycle, due time.Time) {
		_, own := connectionOf(c.key, c.profile, mailbox.Incoming)
		end = ending{account: c.profileKey(), limit: sharedLimit(c.profile), watch: own > 1, next: due, held: c.held}
		in := c.box.Method(mailbox.Incoming) == mailbox.ServerSide
		out := c.box.Method(mailbox.Outgoing) == mailbox.ServerSide && s.outbox != nil
		end.parked = c.held != [2]bool{} && (!in || c.held[0]) && (!out || c.held[1])
	})
	end.report = report
	if isStoreError(err) || errors.Is(err, ErrBusy) || end.next.IsZero() {
		end.next = s.cfg.Clock.Now().Add(time.Duration(float64(storeRest) * (0.5 + s.spread())))
		end.parked = false
	}
	s.plan.done(e, end)
	return err
}

// refresh reads the set of mailboxes.
func (s *Syncer) refresh(ctx context.Context) error {
	keys, err := s.allKeys(ctx)
	if err == nil {
		s.plan.set(keys)
	}
	return err
}

// allKeys reads the keys of all mailboxes.
func (s *Syncer) allKeys(ctx context.Context) (keys []mailbox.Key, err error) {
	var after mailbox.Key
	for {
		page, err := through(ctx, &s.seam, mailbox.Key{}, "Mailboxes.Keys", func(ctx context.Context) ([]mailbox.Key, error) {
			return s.cfg.Mailboxes.Keys(ctx, after, keysAtOnce)
		})
		if err != nil {
			return nil, &storeError{err}
		}
		keys = append(keys, page...)
		if len(page) < keysAtOnce {
			return keys, nil
		}
		after = page[len(page)-1]
	}
}

func (s *Syncer) keepFresh(ctx context.Context) {
	for s.cfg.Clock.Sleep(ctx, refreshEvery) == nil {
		if err := s.refresh(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("could not read the mailboxes", "error", err)
		}
		s.herald.flush(ctx)
	}
}

// Nudge brings the next cycle of a mailbox forward. It is for a host that knows that
// something is there, such as an email that it put into the outbox. It only has an
// effect while [Syncer.Run] runs.
func (s *Syncer) Nudge(key mailbox.Key) {
	s.schedules.forget(key)
	s.plan.bring(key)
}
