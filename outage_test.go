package serversync_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// A switchboard is a driver before a server that can be down. It counts what it is
// asked to open.
type switchboard struct {
	server *providertest.Server
	takes  time.Duration // to open a session, or to be refused
	hangs  time.Duration // while it is down, instead of a refusal at once

	mu     sync.Mutex
	down   bool
	probes int // opens begun or ended while it was down
	open   int // in flight
	peak   int
	wrong  map[mailbox.Key]error // what these mailboxes get
}

func newSwitchboard() *switchboard {
	b := &switchboard{server: providertest.NewServer(providertest.IMAPLike), takes: 50 * time.Millisecond, wrong: make(map[mailbox.Key]error)}
	b.server.Latency = 20 * time.Millisecond
	b.server.Fault = func(c providertest.Call) providertest.Outcome {
		if c.Op != providertest.OpClose && b.isDown() {
			return providertest.Outcome{Cut: true}
		}
		return providertest.Outcome{}
	}
	return b
}

func (b *switchboard) isDown() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.down
}

func (b *switchboard) set(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down = down; down {
		b.probes = b.open // those in flight run into it
	}
}

func (b *switchboard) drivers() map[profile.Protocol]provider.Driver {
	return map[profile.Protocol]provider.Driver{profile.IMAP: b, profile.SMTP: b}
}

var errSilent = &provider.Error{Op: "dial", Kind: provider.ErrUnavailable, Err: errors.New("no answer")}

func (b *switchboard) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	b.mu.Lock()
	takes := b.takes
	if b.open++; b.down {
		b.probes++
		takes += b.hangs
	}
	b.peak = max(b.peak, b.open)
	b.mu.Unlock()
	err := pause(ctx, takes)
	b.mu.Lock()
	b.open--
	if err == nil && b.down {
		err = errSilent
	}
	if err == nil {
		err = b.wrong[a.Mailbox.Key]
	}
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return b.server.Open(ctx, a)
}

// pause sleeps in virtual time.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// M3: a server with ten thousand mailboxes is down for an hour. Hardly anyone runs
// into it, all are back soon after it is, and nobody is left worse than healthy.
func TestM3OutageOfTenThousand(t *testing.T) {
	many, fewer := 10_000, 2_000
	if testing.Short() || raceEnabled {
		many, fewer = 1_000, 1_000
	}
	for _, tt := range []struct {
		name  string
		n     int
		hangs time.Duration
		at    time.Duration // of the outage
	}{
		{"it refuses connections", many, 0, 20 * time.Minute},
		{"it does not answer", fewer, 10 * time.Second, 20*time.Minute + 17*time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { outageOf(t, tt.n, tt.hangs, tt.at) })
		})
	}
}

func outageOf(t *testing.T, n int, hangs, at time.Duration) {
	b := newSwitchboard()
	b.hangs = hangs
	list := boxes("acme", n)
	st := memory.New()
	cfg := newConfig(b.server, st, list...)
	cfg.Drivers = b.drivers()
	cfg.Workers, cfg.OrganizationShare = 200, 100
	cfg.Random = counter(1)
	var mu sync.Mutex
	var told []Outage
	var back time.Time // when the server was
	cycles := 0        // during the outage
	polled := make(map[mailbox.Key]time.Duration)
	cfg.Hooks.Outage = func(o Outage) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, o)
	}
	cfg.Hooks.Cycle = func(ctx context.Context, key mailbox.Key) (context.Context, func(Report, error)) {
		return ctx, func(r Report, err error) {
			mu.Lock()
			defer mu.Unlock()
			if back.IsZero() {
				cycles++
				return
			}
			if _, was := polled[key]; !was && err == nil && len(r.Closed) == 0 {
				polled[key] = time.Since(back)
			}
		}
	}
	s := newSyncer(t, cfg)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	time.Sleep(at)
	mu.Lock()
	cycles = 0
	mu.Unlock()
	b.set(true)
	time.Sleep(time.Hour)
	b.set(false)
	mu.Lock()
	back = time.Now()
	mu.Unlock()
	time.Sleep(20 * time.Minute)
	stop()
	require.NoError(t, <-done)

	var last time.Duration
	soon, known := 0, time.Duration(-1)
	for _, after := range polled {
		last = max(last, after)
		if after <= time.Minute {
			soon++
		}
		if known < 0 || after < known {
			known = after
		}
	}
	t.Logf("%d mailboxes, an hour: %d probes, %d cycles; back: the first polled after %v, %.2f %% within 60 s, the last after %v; %d dials at once at most",
		n, b.probes, cycles, known.Round(time.Millisecond), 100*float64(soon)/float64(n), last.Round(time.Millisecond), b.peak)
	require.LessOrEqual(t, b.probes, 150)
	require.Len(t, polled, n)
	require.GreaterOrEqual(t, soon, n*99/100)
	require.LessOrEqual(t, b.peak, 50)
	require.Len(t, told, 2)
	require.Equal(t, mailbox.Incoming, told[0].Side)
	for _, box := range list {
		snap, _ := st.Load(context.Background(), box.Key)
		require.Equal(t, mailbox.Healthy, snap.State.Incoming.Phase)
		alerts, _ := st.Alerts(context.Background(), box.Key.Wall(), false, 1)
		require.Empty(t, alerts)
	}
	wall, _ := st.Alerts(context.Background(), mailbox.Wall{Organization: "acme", Profile: testProfile.ID}, false, 9)
	require.Len(t, wall, 1)
	require.NotZero(t, wall[0].Resolved)
}

// One outage, two mailboxes: what an hour of tries and the moment of its end show.
type pair struct {
	*switchboard
	*Syncer
	store *memory.Store
	told  []Outage // by mu
}

func newPair(t *testing.T, change func(*Config)) *pair {
	p := &pair{switchboard: newSwitchboard(), store: memory.New()}
	cfg := newConfig(p.server, p.store, annBox, bobBox)
	cfg.Drivers = p.drivers()
	cfg.IdleSessions = -1
	cfg.Random = counter(1)
	cfg.Hooks.Outage = func(o Outage) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.told = append(p.told, o)
	}
	if change != nil {
		change(&cfg)
	}
	p.Syncer = newSyncer(t, cfg)
	return p
}

// fall has the breaker open, by three failures of two mailboxes.
func (p *pair) fall(t *testing.T) {
	p.set(true)
	for range 2 {
		for _, key := range []mailbox.Key{ann, bob} {
			p.SyncMailbox(context.Background(), key)
		}
		time.Sleep(gap)
	}
	require.Len(t, p.told, 1)
	require.True(t, p.told[0].Down)
}

// M3: a host with a scheduler of its own is told when to come again, of many that
// come at once one tries, and a refused sign-in shows that the server is back.
func TestM3OneProbesAndARefusalHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil)
		p.fall(t)
		p.wrong[ann] = &provider.Error{Op: "sign in", Kind: provider.ErrAuth, Err: errors.New("wrong password")}
		probes := p.probes
		var both sync.WaitGroup
		var reports [2]Report
		for i, key := range []mailbox.Key{ann, bob} {
			both.Go(func() { reports[i], _ = p.SyncMailbox(context.Background(), key) })
		}
		both.Wait()
		require.Equal(t, probes+1, p.probes)
		for _, r := range reports {
			require.NotZero(t, r.Next)
			require.LessOrEqual(t, time.Until(r.Next), 30*time.Second)
		}
		require.Len(t, reports[0].Closed, 1-len(reports[1].Closed))

		p.set(false)
		time.Sleep(time.Minute)
		_, err := p.SyncMailbox(context.Background(), ann)
		require.ErrorIs(t, err, provider.ErrAuth)
		require.Len(t, p.told, 2)
		require.False(t, p.told[1].Down)
		require.Equal(t, mailbox.Healthy, syncOnce(t, p.Syncer, bob).Incoming.Phase)
	})
}

// M3: an outage of the outgoing server parks nobody's incoming mail, and what is in
// the outbox goes out soon after it is back.
func TestM3OutgoingOutageLeavesIncomingAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		smtp := newSwitchboard()
		p := newPair(t, func(cfg *Config) { cfg.Drivers[profile.SMTP] = smtp })
		smtp.set(true)
		for n, key := range []mailbox.Key{ann, bob, ann, bob} {
			e := entry(key, n, "carl@example.org")
			e.Queued = time.Now()
			require.NoError(t, p.store.Enqueue(context.Background(), e))
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(time.Hour)
		p.mu.Lock()
		told := p.told
		p.mu.Unlock()
		p.server.Add(ann, "INBOX", letter(1))
		p.Nudge(ann)
		time.Sleep(10 * time.Second)
		arrived := p.store.Messages("acme")
		smtp.set(false)
		time.Sleep(2 * time.Minute)
		stop()
		require.NoError(t, <-done)
		require.Len(t, told, 1)
		require.Equal(t, mailbox.Outgoing, told[0].Side)
		require.Len(t, arrived, 1, "mail comes in meanwhile")
		require.LessOrEqual(t, smtp.probes, 130)
		require.Len(t, smtp.server.Sent(), 4)
	})
}
