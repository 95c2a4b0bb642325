package serversync_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// idle returns a Syncer over n mailboxes that have been polled once and have no news.
func idle(tb testing.TB, n int, change func(*Config)) (*Syncer, []mailbox.Key, *providertest.Server) {
	server := providertest.NewServer(providertest.IMAPLike)
	list := boxes("acme", n)
	cfg := newConfig(server, memory.New(), list...)
	cfg.IdleSessions = n
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	keys := make([]mailbox.Key, n)
	for i, box := range list {
		keys[i] = box.Key
		if _, err := s.SyncMailbox(context.Background(), box.Key); err != nil {
			tb.Fatal(err)
		}
	}
	return s, keys, server
}

// BenchmarkPoll is a poll without news, from all processors. It must cost the same
// however many mailboxes there are.
func BenchmarkPoll(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n, " mailboxes"), func(b *testing.B) {
			s, keys, _ := idle(b, n, nil)
			var goroutines atomic.Int64
			share := len(keys) / runtime.GOMAXPROCS(0)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				// Each has its own mailboxes, for a second cycle of one is refused.
				own := keys[int(goroutines.Add(1)-1)*share:][:share]
				for i := 0; pb.Next(); i++ {
					if _, err := s.SyncMailbox(context.Background(), own[i%share]); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "polls/s")
		})
	}
}

// BenchmarkRun is Run at its limit: every mailbox is always due.
func BenchmarkRun(b *testing.B) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var polls atomic.Int64
	s, _, _ := idle(b, 50_000, func(cfg *Config) {
		cfg.PollInterval, cfg.IdleInterval = time.Second, time.Second
		cfg.Workers, cfg.OrganizationShare = 16, 16
		cfg.Notified = -1
		cfg.Hooks.Cycle = func(ctx context.Context, _ mailbox.Key) (context.Context, func(Report, error)) {
			return ctx, func(Report, error) {
				if polls.Add(1) == int64(b.N)+50_000 {
					stop()
				}
			}
		}
	})
	b.ResetTimer()
	s.Run(ctx)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "polls/s")
}

// BenchmarkBackfill is a first sync of small messages from one mailbox.
func BenchmarkBackfill(b *testing.B) {
	server := providertest.NewServer(providertest.IMAPLike)
	for n := range b.N {
		server.Add(ann, "INBOX", letter(n))
	}
	s, err := New(newConfig(server, memory.New()))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	b.ResetTimer()
	report, err := s.SyncMailbox(context.Background(), ann)
	if err != nil || report.Tracked != b.N {
		b.Fatal(report.Tracked, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// At 50 ms a call, workers that are always at work make workers ÷ latency polls a
// second; the schedule must leave them at least nine tenths of that.
func TestRunKeepsWorkersBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, latency = 50, 50 * time.Millisecond
		var polls atomic.Int64
		s, _, server := idle(t, 5000, func(cfg *Config) {
			cfg.Workers, cfg.OrganizationShare = workers, workers
			cfg.PollInterval, cfg.IdleInterval, cfg.Notified = time.Second, time.Second, -1
			cfg.Hooks.Cycle = func(ctx context.Context, _ mailbox.Key) (context.Context, func(Report, error)) {
				return ctx, func(Report, error) { polls.Add(1) }
			}
		})
		server.Latency = latency
		calls, before := server.Calls(), polls.Load()
		const seconds = 60
		if err := running(t, s, seconds*time.Second); err != nil {
			t.Fatal(err)
		}
		made := float64(server.Calls()-calls) / seconds
		t.Logf("%.0f calls/s of %.0f, %.0f polls/s", made, workers/latency.Seconds(), float64(polls.Load()-before)/seconds)
		if made < 0.9*workers/latency.Seconds() {
			t.Errorf("%.0f calls a second, want nine tenths of %.0f", made, workers/latency.Seconds())
		}
	})
}

// An idle mailbox costs little memory, no goroutine and, poll after poll, no more.
func TestIdleMailboxCostsLittle(t *testing.T) {
	const n = 10_000
	goroutines := runtime.NumGoroutine()
	before := heap()
	s, keys, server := idle(t, n, func(cfg *Config) { cfg.IdleSessions = 100 })
	after := heap()
	each := (after - before) / n
	t.Logf("%d bytes for each idle mailbox, with its state in the Store and on the fake server", each)
	if each > 10<<10 && !raceEnabled {
		t.Errorf("an idle mailbox costs %d bytes, want 10 KiB or less", each)
	}
	for until := time.Now().Add(time.Minute); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
	}
	for range 5 {
		for _, key := range keys {
			s.SyncMailbox(context.Background(), key)
		}
	}
	if later := heap(); later > after+1<<20 {
		t.Errorf("the heap has grown by %d bytes in %d polls", later-after, 5*n)
	}
	runtime.KeepAlive(server)
}

func heap() int {
	var m runtime.MemStats
	for range 2 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A poll without news stays cheap. The bound is loose: it guards against a cost that
// grows, not against a few bytes.
func TestPollAllocatesLittle(t *testing.T) {
	s, keys, _ := idle(t, 1, nil)
	allocs := testing.AllocsPerRun(100, func() { s.SyncMailbox(context.Background(), keys[0]) })
	t.Logf("%.0f allocations", allocs)
	if allocs > 60 {
		t.Errorf("a poll without news allocates %.0f times, want 60 or less", allocs)
	}
}
