package serversync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// OUT-6: whoever cancels while a worker is at the entry either gets nil, and it is
// never sent, or ErrTooLate, and it is. It may come at any call that the worker makes.
func TestOUT6CancelAtEveryCall(t *testing.T) {
	outcomes := map[string]int{}
	for at := 1; ; at++ {
		done := false
		synctest.Test(t, func(t *testing.T) {
			server, st := providertest.NewServer(providertest.IMAPLike), memory.New()
			s := newSyncer(t, newConfig(server, st))
			require.NoError(t, st.Enqueue(t.Context(), entry(ann, 1, "carl@example.org")))
			calls, canceled := 0, error(nil)
			s.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
				if calls++; calls == at {
					canceled = s.Cancel(ctx, ann, "e001")
				}
				return do(ctx)
			})
			_, err := s.SyncMailbox(t.Context(), ann)
			require.NoError(t, err)
			done = calls < at
			if done {
				return
			}
			require.NoError(t, st.Enqueue(t.Context(), entry(ann, 2, "carl@example.org"))) // the session that was left goes on
			_, err = s.SyncMailbox(t.Context(), ann)
			require.NoError(t, err)
			first := slices.ContainsFunc(server.Sent(), func(m providertest.SentMessage) bool { return m.EnvelopeID == "e001" })
			e, err := st.Entry(t.Context(), ann, "e001")
			require.NoError(t, err)
			switch {
			case canceled == nil:
				require.False(t, first, "call %d", at)
				require.Equal(t, PhaseCanceled, e.Phase)
			default:
				require.ErrorIs(t, canceled, ErrTooLate)
				require.True(t, first, "call %d", at)
				require.Equal(t, PhaseDone, e.Phase)
			}
			outcomes[fmt.Sprint(canceled == nil)]++
		})
		if done {
			break
		}
	}
	require.Greater(t, outcomes["true"], 5, "%v", outcomes)
	require.Greater(t, outcomes["false"], 2, "%v", outcomes)
}

// OUT-6, O4: the same with many at once: workers of two nodes, people who cancel, and
// people who postpone.
func TestOUT6CancelRace(t *testing.T) {
	const entries = 200
	server, st := providertest.NewServer(providertest.IMAPLike), memory.New()
	var syncers []*Syncer
	for range 2 {
		cfg := newConfig(server, st)
		cfg.Sending.NoCopy = true
		syncers = append(syncers, newSyncer(t, cfg))
	}
	for n := range entries {
		e := entry(ann, n, "carl@example.org")
		e.Queued = time.Now()
		require.NoError(t, st.Enqueue(t.Context(), e))
	}
	var all sync.WaitGroup
	var stop atomic.Bool
	for _, s := range syncers {
		all.Go(func() {
			for !stop.Load() {
				s.SyncMailbox(t.Context(), ann)
			}
		})
	}
	canceled := make([]error, entries)
	for n := range entries {
		e := entries - 1 - n // towards the workers
		if n%3 == 0 {
			if err := syncers[1].Postpone(t.Context(), ann, fmt.Sprintf("e%03d", e), time.Time{}); err != nil {
				require.ErrorIs(t, err, ErrTooLate)
			}
		}
		canceled[e] = syncers[0].Cancel(t.Context(), ann, fmt.Sprintf("e%03d", e))
	}
	for len(left(t, st, PhasePending, PhaseClaimed, PhaseSubmitting, PhaseAccepted)) > 0 {
		time.Sleep(time.Millisecond)
	}
	stop.Store(true)
	all.Wait()
	times := map[string]int{}
	for _, m := range server.Sent() {
		times[m.EnvelopeID]++
	}
	sent := 0
	for n, err := range canceled {
		id := fmt.Sprintf("e%03d", n)
		if err == nil {
			require.Zero(t, times[id], id)
			continue
		}
		require.ErrorIs(t, err, ErrTooLate)
		require.Equal(t, 1, times[id], id)
		sent++
	}
	t.Logf("%d sent, %d canceled", sent, entries-sent)
}

func left(t testing.TB, st *memory.Store, phases ...Phase) (ids []string) {
	for _, phase := range phases {
		entries, err := st.Entries(context.Background(), ann, phase, "", 1000)
		require.NoError(t, err)
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// An entry that some have got already is withdrawn for the others, and its copy filed.
func TestOUT6CancelTheRest(t *testing.T) {
	server, st := providertest.NewServer(providertest.IMAPLike), memory.New()
	server.Recipient = func(address string) provider.Status {
		if address[0] == 'b' {
			return provider.StatusRetry
		}
		return provider.StatusSent
	}
	s := newSyncer(t, newConfig(server, st))
	e := entry(ann, 1, "a@example.org", "b@example.org")
	e.Queued = time.Now()
	require.NoError(t, st.Enqueue(t.Context(), e))
	s.SyncMailbox(t.Context(), ann)
	require.NoError(t, s.Cancel(t.Context(), ann, "e001"))
	syncOnce(t, s, ann)
	e, err := st.Entry(t.Context(), ann, "e001")
	require.NoError(t, err)
	require.Equal(t, PhaseDone, e.Phase)
	require.Equal(t, provider.Recipient{Address: "b@example.org", Status: provider.StatusRejected, Code: 450, Text: "canceled"}, e.Recipients[1])
	require.Equal(t, provider.StatusSent, e.Recipients[0].Status)
	require.Len(t, server.Items(ann, "Sent"), 1)
	require.Len(t, server.Sent(), 1)
}

// A scheduled email is sent at its time, not at the next poll, by Run, also after a
// restart, and after it was postponed.
func TestScheduled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, func(cfg *Config) { cfg.PollInterval, cfg.IdleInterval = time.Hour, 8*time.Hour })
		var at []time.Duration
		began := time.Now()
		d.server.Fault = func(c providertest.Call) providertest.Outcome {
			if c.Op == providertest.OpSent {
				at = append(at, time.Since(began).Round(time.Second))
			}
			return providertest.Outcome{}
		}
		run := func(s *Syncer) (end func()) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.Run(ctx) }()
			synctest.Wait()
			return func() { cancel(); require.NoError(t, <-ended) }
		}
		end := run(d.Syncer)
		for i, minutes := range []int{50, 20, 35, 300} {
			o := outgoing(fmt.Sprint(i))
			o.NotBefore = began.Add(time.Duration(minutes) * time.Minute)
			_, m := d.send(o)
			require.Equal(t, o.NotBefore.Unix(), m.Date.Unix())
		}
		time.Sleep(21 * time.Minute)
		require.NoError(t, d.Postpone(t.Context(), ann, "0", began.Add(40*time.Minute)))
		require.ErrorIs(t, d.Postpone(t.Context(), ann, "1", began), ErrTooLate)
		time.Sleep(10 * time.Minute)
		end()
		end = run(newSyncer(t, d.cfg))
		time.Sleep(20 * time.Minute)
		require.NoError(t, d.Postpone(t.Context(), ann, "3", began.Add(299*time.Minute)))
		time.Sleep(20 * time.Hour)
		end()
		require.Len(t, at, 4)
		for i, want := range []time.Duration{20 * time.Minute, 35 * time.Minute, 40 * time.Minute, 300 * time.Minute} {
			require.InDelta(t, want.Seconds(), at[i].Seconds(), 61, "%v", at)
		}
		require.InDelta(t, 20*60, at[0].Seconds(), 1)
		require.InDelta(t, 35*60, at[1].Seconds(), 1)
	})
}

// GiveUp counts from when a scheduled email was to be sent.
func TestScheduledIsNotGivenUpEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, func(cfg *Config) { cfg.ItemTries = 1 })
		putOff := 1
		d.server.Recipient = func(string) provider.Status {
			if putOff--; putOff >= 0 {
				return provider.StatusRetry
			}
			return provider.StatusSent
		}
		o := outgoing("1")
		o.NotBefore = time.Now().Add(30 * 24 * time.Hour)
		d.send(o)
		syncOnce(t, d.Syncer, ann)
		require.Empty(t, d.server.Sent())
		time.Sleep(30*24*time.Hour + time.Second)
		d.SyncMailbox(t.Context(), ann)
		time.Sleep(gap)
		syncOnce(t, d.Syncer, ann)
		require.Len(t, d.server.Sent(), 1)
	})
}

// M2: over its rate a mailbox's email waits, says so, fails nothing and is all sent, in
// its order; in no minute are there more. What has to be found out or filed goes on.
func TestM2SendRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		require.True(t, o.test(TestOptions{NoMessage: true}).Passed)
		o.PutSettings("acme", mailbox.Settings{SendRate: 7})
		var times []time.Time
		lost := true
		o.server.Fault = func(c providertest.Call) providertest.Outcome {
			if c.Op != providertest.OpSent {
				return providertest.Outcome{}
			}
			times = append(times, time.Now())
			return providertest.Outcome{Cut: lost, Effect: true}
		}
		const entries = 40
		for n := range entries {
			require.NoError(t, o.store.Enqueue(t.Context(), entry(ann, n, "carl@example.org")))
		}
		report, _ := o.syncer.SyncMailbox(t.Context(), ann)
		require.Equal(t, mailbox.Retrying, report.Outgoing.Phase)
		time.Sleep(time.Until(report.Outgoing.Until))
		lost = false
		began := time.Now()
		waited, early := false, Phase("")
		for len(o.server.Sent()) < entries {
			report, err := o.syncer.SyncMailbox(t.Context(), ann)
			if why, is := report.Closed[mailbox.Outgoing]; is {
				require.NoError(t, err)
				require.Equal(t, "send-rate", why.Code)
				require.Equal(t, mailbox.Healthy, report.Outgoing.Phase)
				pending, err := o.store.Entries(t.Context(), ann, PhasePending, "", 1)
				require.NoError(t, err)
				require.Contains(t, pending[0].Reason, "it waits until ")
				require.Zero(t, pending[0].Attempts)
				waited = true
			}
			require.Less(t, time.Since(began), 10*time.Minute)
			if early == "" && time.Since(began) > 90*time.Second {
				e, err := o.store.Entry(t.Context(), ann, "e000")
				require.NoError(t, err)
				early = e.Phase
			}
			time.Sleep(max(time.Second, time.Until(report.Next)))
		}
		require.True(t, waited)
		require.Equal(t, PhaseHeld, early, "the uncertain one did not wait for all others")
		for i := range times {
			if i >= 7 {
				require.GreaterOrEqual(t, times[i].Sub(times[i-7]), time.Minute)
			}
		}
		require.InDelta(t, 5, times[entries-1].Sub(began).Minutes(), 0.2, "nor are there fewer than may be")
		for i, m := range o.server.Sent() {
			require.Equal(t, fmt.Sprintf("e%03d", i), m.EnvelopeID)
		}
	})
}

// Nothing that Cancel and Postpone say is said of an outbox that is not there.
func TestWithoutOutbox(t *testing.T) {
	server := providertest.NewServer(providertest.IMAPLike)
	s := newSyncer(t, newConfig(server, onlyStore{memory.New()}))
	_, err := s.Send(t.Context(), ann, outgoing("1"))
	require.ErrorContains(t, err, "no Outbox")
	for _, err := range []error{s.Cancel(t.Context(), ann, "1"), s.Postpone(t.Context(), ann, "1", time.Now()), s.Resolve(t.Context(), ann, "1", WasSent)} {
		require.ErrorContains(t, err, "no Outbox")
		require.False(t, errors.Is(err, ErrTooLate))
	}
}

// An onlyStore has no capabilities.
type onlyStore struct{ store Store }

func (o onlyStore) Load(ctx context.Context, key mailbox.Key) (Snapshot, error) {
	return o.store.Load(ctx, key)
}
func (o onlyStore) Known(ctx context.Context, key mailbox.Key, folder provider.FolderID, epoch string, ids []provider.ID) ([]Place, error) {
	return o.store.Known(ctx, key, folder, epoch, ids)
}
func (o onlyStore) Commit(ctx context.Context, b *Batch) (Receipt, error) {
	return o.store.Commit(ctx, b)
}

// A scheduled email does not wait for a poll because other mailboxes were written from
// while its time was looked up.
func TestScheduledAmongOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, st := providertest.NewServer(providertest.IMAPLike), memory.New()
		cfg := newConfig(server, st, annBox, bobBox)
		cfg.PollInterval, cfg.IdleInterval = 8*time.Hour, 8*time.Hour
		s := newSyncer(t, cfg)
		s.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
			if c.Name == "Outbox.Entries" {
				s.Nudge(bob)
			}
			return do(ctx)
		})
		e := entry(ann, 1, "carl@example.org")
		e.NotBefore = time.Now().Add(time.Hour)
		require.NoError(t, st.Enqueue(t.Context(), e))
		report := syncOnce(t, s, ann)
		require.Equal(t, e.NotBefore, report.Next)
	})
}

// M2: what has to be filed does not wait for the rate, however many others in its phase
// are not due yet.
func TestM2SendRateHidesNoCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		require.True(t, o.test(TestOptions{NoMessage: true}).Passed)
		o.PutSettings("acme", mailbox.Settings{SendRate: 1})
		enqueue := func(n int, phase Phase, notBefore time.Time) {
			e := entry(ann, n, "carl@example.org")
			e.NotBefore, e.Queued = notBefore, time.Now()
			require.NoError(t, o.store.Enqueue(t.Context(), e))
			e, err := o.store.Entry(t.Context(), ann, e.ID)
			require.NoError(t, err)
			if phase != PhasePending {
				e.Phase, e.Recipients[0].Status = phase, provider.StatusSent
				require.NoError(t, o.store.Advance(t.Context(), e))
			}
		}
		for n := range 120 {
			enqueue(n, PhaseAccepted, time.Now().Add(time.Hour))
		}
		enqueue(500, PhaseAccepted, time.Now().Add(-time.Second))
		for n := range 3 {
			enqueue(600+n, PhasePending, time.Now().Add(-time.Hour))
		}
		report, err := o.syncer.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, "send-rate", report.Closed[mailbox.Outgoing].Code)
		e, err := o.store.Entry(t.Context(), ann, "e500")
		require.NoError(t, err)
		require.Equal(t, PhaseDone, e.Phase)
	})
}
