package serversync_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// boxes returns n mailboxes of an organization.
func boxes(organization string, n int) (list []mailbox.Mailbox) {
	for i := range n {
		list = append(list, mailbox.Mailbox{Key: mailbox.Key{Organization: organization, Mailbox: fmt.Sprintf("m%05d", i)}, Address: "m@example.test"})
	}
	return list
}

// running runs s for a time and returns what Run returned.
func running(t *testing.T, s *Syncer, d time.Duration) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	time.Sleep(d)
	stop()
	return <-done
}

// Run polls each mailbox at its interval, and when it returns no goroutine and no
// session is left; synctest fails if one is.
func TestRunPollsEachMailboxAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		server.Latency = 20 * time.Millisecond
		cfg := newConfig(server, memory.New(), boxes("acme", 50)...)
		cfg.IdleInterval = time.Minute // no stretching
		cycles := make(map[mailbox.Key]int)
		var mu sync.Mutex
		cfg.Hooks.Cycle = func(ctx context.Context, key mailbox.Key) (context.Context, func(Report, error)) {
			return ctx, func(_ Report, err error) {
				mu.Lock()
				defer mu.Unlock()
				require.NoError(t, err)
				cycles[key]++
			}
		}
		require.NoError(t, running(t, newSyncer(t, cfg), time.Hour))
		require.Len(t, cycles, 50)
		for key, n := range cycles {
			require.InDelta(t, 12, n, 2, "%v: an hour has 12 times 5 minutes", key)
		}
		open, _ := server.Sessions()
		require.Zero(t, open)
		require.Empty(t, server.Misuse())
	})
}

// Nudge brings the next cycle forward, and many nudges bring one.
func TestNudgeBringsACycleForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		st := memory.New()
		s := newSyncer(t, newConfig(server, st))
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(time.Minute)
		server.Add(ann, "INBOX", letter(1))
		for range 100 {
			s.Nudge(ann)
		}
		time.Sleep(time.Second)
		require.Len(t, st.Messages("acme"), 1)
		stop()
		require.NoError(t, <-done)
	})
}

// A busy organization leaves half the workers to the others.
func TestRunIsFairBetweenOrganizations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		server.Latency = time.Second
		cfg := newConfig(server, memory.New(), append(boxes("big", 500), boxes("small", 3)...)...)
		cfg.Workers, cfg.PollInterval, cfg.IdleInterval = 4, 10*time.Second, time.Second
		var mu sync.Mutex
		cycles, now, most := map[string]int{}, 0, 0
		cfg.Hooks.Cycle = func(ctx context.Context, key mailbox.Key) (context.Context, func(Report, error)) {
			mu.Lock()
			defer mu.Unlock()
			if key.Organization == "big" {
				now++
				most = max(most, now)
			}
			return ctx, func(Report, error) {
				mu.Lock()
				defer mu.Unlock()
				cycles[key.Organization]++
				if key.Organization == "big" {
					now--
				}
			}
		}
		require.NoError(t, running(t, newSyncer(t, cfg), 10*time.Minute))
		require.Equal(t, 2, most)
		require.Greater(t, cycles["small"], 3*35, "as often as alone")
	})
}

// Mailboxes that share an account share its connections.
func TestRunKeepsToMaxConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		server.Latency = 100 * time.Millisecond
		var mu sync.Mutex
		p := testProfile
		p.MaxConnections = 3
		p.Incoming.Credentials, p.Incoming.Username, p.Incoming.Password = profile.FromProfile, "service", secret.New("x")
		cfg := newConfig(server, memory.New())
		cfg.Mailboxes = Static(p, boxes("acme", 40)...)
		cfg.Workers, cfg.OrganizationShare = 20, 20
		polls := 0
		cfg.Hooks.Cycle = func(ctx context.Context, _ mailbox.Key) (context.Context, func(Report, error)) {
			return ctx, func(_ Report, err error) {
				mu.Lock()
				defer mu.Unlock()
				require.NoError(t, err)
				polls++
			}
		}
		require.NoError(t, running(t, newSyncer(t, cfg), 30*time.Minute))
		_, peak := server.Sessions()
		require.Equal(t, 3, peak)
		require.Greater(t, polls, 40*3)
	})
}

// Cycles under way get Config.Drain to finish; then they are cut off, which Run
// tells. A Run without work ends at once and well.
func TestRunDrains(t *testing.T) {
	for _, tt := range []struct {
		name    string
		latency time.Duration
		drain   time.Duration
		want    error
		within  time.Duration
	}{
		{"in time", time.Second, 0, nil, 10 * time.Second},
		{"cut off", time.Hour, 0, ErrDrain, 11 * time.Second},
		{"at once", time.Hour, -1, ErrDrain, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := providertest.NewServer(providertest.IMAPLike)
				server.Latency = tt.latency
				cfg := newConfig(server, memory.New(), boxes("acme", 3)...)
				cfg.Drain = tt.drain
				began := time.Now()
				require.ErrorIs(t, running(t, newSyncer(t, cfg), time.Second), tt.want)
				require.LessOrEqual(t, time.Since(began), time.Second+tt.within)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		cfg := newConfig(providertest.NewServer(providertest.IMAPLike), memory.New())
		cfg.Drain = -1
		require.NoError(t, running(t, newSyncer(t, cfg), time.Minute), "nothing was under way")
	})
}

// M3: an outage of a server is told once when it begins and once when it ends; in
// between one mailbox every 30 seconds tries, none is blamed, and all resume by
// themselves.
func TestM3OutageOpensOneBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		var mu sync.Mutex
		down, opens := false, 0
		server.Fault = func(c providertest.Call) providertest.Outcome {
			mu.Lock()
			defer mu.Unlock()
			if !down || c.Op == providertest.OpClose {
				return providertest.Outcome{}
			}
			opens++
			return providertest.Outcome{Err: &provider.Error{Op: "dial", Kind: provider.ErrUnavailable, Err: errors.New("refused")}}
		}
		st := memory.New()
		cfg := newConfig(server, st, boxes("acme", 200)...)
		cfg.IdleSessions = -1
		var told []Outage
		cfg.Hooks.Outage = func(o Outage) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, o)
		}
		s := newSyncer(t, cfg)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(30 * time.Minute)
		set := func(is bool) { mu.Lock(); down = is; mu.Unlock() }
		set(true)
		time.Sleep(time.Hour)
		mu.Lock()
		require.Len(t, told, 1)
		require.True(t, told[0].Down)
		require.LessOrEqual(t, opens, 130, "a try every 30 seconds, and a few at first")
		mu.Unlock()
		set(false)
		time.Sleep(2 * time.Minute)
		mu.Lock()
		require.Len(t, told, 2)
		require.False(t, told[1].Down)
		mu.Unlock()
		time.Sleep(15 * time.Minute)
		for _, box := range boxes("acme", 200) {
			snap, _ := st.Load(context.Background(), box.Key)
			require.Equal(t, mailbox.Healthy, snap.State.Incoming.Phase)
			require.Empty(t, alertsOf(st, box.Key))
		}
		stop()
		require.NoError(t, <-done)
	})
}

// Two nodes that lease never work on a mailbox at once, and what one has begun the
// other takes over when the lease has lapsed.
func TestLeasesKeepNodesApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		server.Latency = 10 * time.Second
		for n := range 40 {
			server.Add(ann, "INBOX", letter(n))
		}
		st := memory.New()
		cfg := newConfig(server, st)
		cfg.BatchItems, cfg.Lease = 1, time.Minute
		one, two := newSyncer(t, cfg), newSyncer(t, cfg)
		done := make(chan error)
		go func() {
			_, err := one.SyncMailbox(context.Background(), ann)
			done <- err
		}()
		for range 5 { // the first one renews its lease
			time.Sleep(time.Minute)
			_, err := two.SyncMailbox(context.Background(), ann)
			require.ErrorIs(t, err, ErrLeased)
		}
		_, err := one.SyncMailbox(context.Background(), ann)
		require.ErrorIs(t, err, ErrBusy)
		require.NoError(t, <-done)
		require.Len(t, st.Messages("acme"), 40)
		require.Zero(t, syncOnce(t, two, ann).Commits)
	})
}

// No goroutine is left when Run has ended in real time either.
func TestRunLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	cfg := newConfig(providertest.NewServer(providertest.IMAPLike), memory.New(), boxes("acme", 100)...)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var polls atomic.Int64
	cfg.Hooks.Cycle = func(ctx context.Context, _ mailbox.Key) (context.Context, func(Report, error)) {
		return ctx, func(Report, error) {
			if polls.Add(1) == 50 {
				stop()
			}
		}
	}
	require.NoError(t, newSyncer(t, cfg).Run(ctx))
	// One that has done its work may still be about to end.
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, time.Minute, time.Millisecond)
}

// MBX-7: with one mailbox that is endlessly slow every other one is polled within
// twice the interval.
func TestRunIsFairBesideASlowMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		list := boxes("acme", 50)
		cfg := newConfig(server, memory.New(), list...)
		cfg.Workers, cfg.PollInterval, cfg.IdleInterval, cfg.CycleTimeout = 4, time.Minute, time.Second, 24*time.Hour
		var mu sync.Mutex
		last, worst := make(map[mailbox.Key]time.Time), time.Duration(0)
		began := time.Now()
		cfg.Hooks.Cycle = func(ctx context.Context, key mailbox.Key) (context.Context, func(Report, error)) {
			mu.Lock()
			defer mu.Unlock()
			before := last[key]
			if before.IsZero() {
				before = began
			}
			last[key] = time.Now()
			if key != list[7].Key {
				worst = max(worst, time.Since(before))
			}
			return ctx, func(Report, error) {}
		}
		s := newSyncer(t, cfg)
		s.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
			d := 100 * time.Millisecond
			if c.Mailbox == list[7].Key {
				d = time.Hour
			}
			if err := pause(ctx, d); err != nil {
				return err
			}
			return do(ctx)
		})
		err := running(t, s, 5*time.Hour)
		require.ErrorIs(t, err, ErrDrain)
		require.Len(t, last, 50)
		for key, at := range last {
			if key != list[7].Key {
				require.Less(t, began.Add(5*time.Hour).Sub(at), 2*cfg.PollInterval)
			}
		}
		require.LessOrEqual(t, worst, 2*cfg.PollInterval)
	})
}

// A mailbox in which nothing happens is polled less and less often, down to four
// times an hour, and mail brings it back; never more often than its profile allows.
func TestRunPollsIdleMailboxesLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		cfg := newConfig(server, memory.New(), annBox, bobBox)
		var mu sync.Mutex
		polls := make(map[mailbox.Key]int)
		cfg.Hooks.Cycle = func(ctx context.Context, key mailbox.Key) (context.Context, func(Report, error)) {
			mu.Lock()
			defer mu.Unlock()
			polls[key]++
			return ctx, func(Report, error) {}
		}
		s := newSyncer(t, cfg)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(2 * time.Hour)
		mu.Lock()
		clear(polls)
		mu.Unlock()
		for n := range 20 * 60 {
			if n%5 == 0 { // bob's mailbox is busy
				server.Add(bob, "INBOX", letter(n))
			}
			time.Sleep(time.Minute)
		}
		stop()
		require.NoError(t, <-done)
		require.InDelta(t, 20*4, polls[ann], 5)
		require.InDelta(t, 20*12, polls[bob], 15)
	})
}
