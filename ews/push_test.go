package ews_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	serversync "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
)

// A pushed Syncer polls every hour, and listens.
type pushed struct {
	t      *testing.T
	server *ewstest.Server
	store  *memory.Store
	boxes  []mailbox.Mailbox
	n      int
	before ewstest.Counts // when everybody had had a cycle
	stop   func()
}

func push(t *testing.T, boxes int) *pushed {
	t.Helper()
	w := &pushed{t: t, store: memory.New()}
	cycles := make(chan mailbox.Key, 10_000)
	var syncer *serversync.Syncer
	w.server, syncer, w.boxes = shared(t, boxes, func(_ *ewstest.Options, cfg *serversync.Config) {
		cfg.Store, cfg.PollInterval, cfg.Notified = w.store, time.Hour, 1000
		// A cycle that a cut hits waits before it is tried again, whoever tells of news (M1).
		cfg.Retry = mailbox.Retry{Waits: []time.Duration{time.Second}, Tries: 1000}
		cfg.Hooks.Cycle = func(ctx context.Context, key mailbox.Key) (context.Context, func(serversync.Report, error)) {
			return ctx, func(_ serversync.Report, err error) {
				if err == nil {
					select {
					case cycles <- key:
					default:
					}
				}
			}
		}
	})
	// Those are listened to that have had a cycle; who has had none after five seconds waits for a minute more.
	stop := running(t, syncer)
	for had := make(map[mailbox.Key]bool); len(had) < boxes; {
		select {
		case key := <-cycles:
			had[key] = true
		case <-time.After(time.Minute):
			require.Fail(t, "not everybody has a cycle", "%d of %d have", len(had), boxes)
		}
	}
	stop()
	w.before, w.stop = w.server.Counts(), running(t, syncer)
	w.until("everybody is listened to", time.Minute, func() bool { return w.asked("Subscribe") >= int64(boxes) })
	return w
}

// running runs a Syncer until stop.
func running(t *testing.T, s *serversync.Syncer) (stop func()) {
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		t.Helper()
		end()
		require.NoError(t, <-done)
	}
}

// asked returns how often the server was asked for something since everybody had had a cycle.
func (w *pushed) asked(op string) int64 {
	return w.server.Counts().Requests[op] - w.before.Requests[op]
}

func (w *pushed) until(what string, bound time.Duration, is func() bool) {
	w.t.Helper()
	require.Eventually(w.t, is, bound, 10*time.Millisecond, what)
}

// deliver delivers a message to each mailbox, and returns how long it takes until the last one is there.
func (w *pushed) deliver(bound time.Duration) time.Duration {
	w.t.Helper()
	w.n++
	want := make(map[string]bool)
	for i, b := range w.boxes {
		id := fmt.Sprintf("push-%d-%d@example.net", w.n, i)
		want[id] = true
		w.server.Add(b.Address, "inbox", fmt.Appendf(nil, "From: a@example.net\r\nTo: %s\r\nSubject: x\r\nMessage-ID: <%s>\r\n\r\n%s\r\n", b.Address, id, id))
	}
	began := time.Now()
	w.until("the messages come in", bound, func() bool {
		found := 0
		for _, m := range w.store.Messages("org") {
			if want[m.MessageID] {
				found++
			}
		}
		return found == len(want)
	})
	return time.Since(began)
}

// What is delivered comes in without a poll: many mailboxes on one stream, whose subscriptions are
// lost and whose connection is cut. Nothing of it is left at the end.
func TestPushThroughTheSyncer(t *testing.T) {
	before := runtime.NumGoroutine()
	w := push(t, 12)
	w.until("the stream is open", time.Minute, func() bool { return w.asked("GetStreamingEvents") == 1 })
	took := w.deliver(time.Minute)
	require.Less(t, took, time.Hour/2, "no poll brings it in for an hour")
	t.Logf("12 mailboxes: %v", took)
	require.Equal(t, int64(1), w.asked("GetStreamingEvents"), "a stream goes on when it has told something")
	require.Equal(t, int64(12), w.asked("Subscribe"))
	w.server.LoseSubscriptions()
	w.until("they are made anew", time.Minute, func() bool { return w.asked("Subscribe") >= 24 })
	t.Logf("after lost subscriptions: %v", w.deliver(time.Minute))
	w.server.Break()
	t.Logf("after a cut: %v", w.deliver(3*time.Minute)) // in which a profile that seems to be down is probed several times
	require.Less(t, w.asked("Subscribe"), int64(100))
	w.stop()
	w.server.Close()
	w.until("nothing is left", time.Minute, func() bool { return runtime.NumGoroutine() <= before+1 })
}

// More mailboxes than one stream may serve are listened to on two, and no more.
func TestPushOf250Mailboxes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	w := push(t, 250)
	w.until("both streams are open", time.Minute, func() bool { return w.asked("GetStreamingEvents") == 2 })
	t.Logf("250 mailboxes: %v", w.deliver(5*time.Minute))
	require.LessOrEqual(t, w.server.Counts().Connections-w.before.Connections, int64(32+2), "who listens has a connection for each stream")
	w.stop()
}

// One mailbox whose server hardly answers delays no other: nine are polled as often as they should.
func TestSlowMailboxDelaysNoOther(t *testing.T) {
	for name, fault := range map[string]ewstest.Fault{"slow": {Mailbox: "box0@example.com", Delay: 700 * time.Millisecond}, "hangs": {Mailbox: "box0@example.com", Hang: true}, "busy": func() ewstest.Fault {
		f := ewstest.Busy("3600000")
		f.Mailbox = "box0@example.com"
		return f
	}()} {
		t.Run(name, func(t *testing.T) {
			looks := make(map[mailbox.Key][]time.Time)
			done := make(chan mailbox.Key, 1000)
			w := &pushed{t: t, store: memory.New()}
			server, syncer, boxes := shared(t, 10, func(o *ewstest.Options, cfg *serversync.Config) {
				cfg.Store, cfg.PollInterval, cfg.IdleInterval, cfg.Notified, cfg.Workers, cfg.Drain = w.store, time.Second, time.Second, -1, 4, -1
				cfg.Hooks.Cycle = func(ctx context.Context, key mailbox.Key) (context.Context, func(serversync.Report, error)) {
					return ctx, func(_ serversync.Report, err error) {
						if err == nil {
							done <- key
						}
					}
				}
			})
			server.SetFault(fault)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- syncer.Run(ctx) }()
			patience := time.After(5 * time.Minute)
			enough := func() bool {
				for _, b := range boxes[1:] {
					if len(looks[b.Key]) < 6 {
						return false
					}
				}
				return true
			}
			began := time.Now()
			for !enough() {
				select {
				case key := <-done:
					looks[key] = append(looks[key], time.Now())
				case <-patience:
					require.Fail(t, "the others are not polled", "%v", looks)
				}
			}
			t.Logf("six polls of nine mailboxes: %v; of the one: %d", time.Since(began), len(looks[boxes[0].Key]))
			stop()
			go func() {
				for range done {
				}
			}()
			if err := <-ended; err != nil {
				require.True(t, errors.Is(err, serversync.ErrDrain), "%v", err)
			}
			close(done)
		})
	}
}
