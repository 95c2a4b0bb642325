package serversync_test

import (
	"context"
	"errors"
	"fmt"
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

// A call counts against organization, profile and mailbox, so none of them is ever
// exceeded; waits are visible and no failures (M2).
func TestRequestsStayWithinEachBudget(t *testing.T) {
	const minutes = 60
	for _, tt := range []struct {
		name     string
		requests Requests
		least    int // a minute, of all
		most     int
	}{
		{"organization", Requests{Organization: 60, Profile: 600, Mailbox: 600}, 50, 60},
		{"profile", Requests{Organization: 600, Profile: 60}, 50, 60},
		{"mailbox", Requests{Organization: 600, Mailbox: 3}, 20, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := providertest.NewServer(providertest.IMAPLike)
				cfg := newConfig(server, memory.New(), boxes("acme", 10)...)
				cfg.Requests, cfg.PollInterval, cfg.IdleInterval, cfg.IdleSessions = tt.requests, 5*time.Second, time.Second, -1
				var mu sync.Mutex
				failures := 0
				cfg.Hooks.Cycle = func(ctx context.Context, _ mailbox.Key) (context.Context, func(Report, error)) {
					return ctx, func(r Report, err error) {
						mu.Lock()
						defer mu.Unlock()
						failures += r.Incoming.Failures
						if err != nil && !errors.Is(err, provider.ErrThrottled) {
							failures++
						}
					}
				}
				s := newSyncer(t, cfg)
				calls := int64(0)
				s.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
					switch c.Name {
					case "Driver.Open", "Source.Folders", "Source.Changes", "Source.Fetch":
						mu.Lock()
						calls++
						mu.Unlock()
					}
					return do(ctx)
				})
				require.NoError(t, running(t, s, minutes*time.Minute))
				t.Logf("%d calls a minute", calls/minutes)
				require.Zero(t, failures)
				require.LessOrEqual(t, calls, int64(tt.most*(minutes+2)))
				require.GreaterOrEqual(t, calls, int64(tt.least*minutes))
			})
		})
	}
}

// With less than a quarter of the budget left backfill pauses and live mail goes on;
// in the end everything is there.
func TestBackfillLeavesTheBudgetToLiveMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		for n := range 600 {
			server.Add(ann, "INBOX", letter(n))
		}
		st := memory.New()
		cfg := newConfig(server, st)
		cfg.BatchItems = 2
		cfg.Requests.Mailbox = 40
		var mu sync.Mutex
		live := make(map[string]time.Duration)
		sent := make(map[string]time.Time)
		throttled := 0
		cfg.Hooks.Cycle = func(ctx context.Context, _ mailbox.Key) (context.Context, func(Report, error)) {
			return ctx, func(r Report, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					throttled++
				}
			}
		}
		s := newSyncer(t, cfg)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		for n := range 10 {
			time.Sleep(30 * time.Second)
			server.Add(ann, "INBOX", letter(10_000+n))
			sent[fmt.Sprintf("letter %d", 10_000+n)] = time.Now()
			s.Nudge(ann)
			time.Sleep(10 * time.Second)
			for _, m := range st.Messages("acme") {
				if at, is := sent[m.Subject]; is && live[m.Subject] == 0 {
					live[m.Subject] = time.Since(at)
				}
			}
		}
		tracked := len(st.Messages("acme"))
		time.Sleep(time.Hour)
		stop()
		require.NoError(t, <-done)
		require.Len(t, live, 10, "each within ten seconds")
		require.Less(t, tracked, 610, "backfill was not over by then")
		require.Zero(t, throttled)
		require.Len(t, st.Messages("acme"), 610)
	})
}

// Nothing is throttled between the irreversible byte and the outcome: an entry that
// cannot be sent now is due again, without a try, and is sent once.
func TestBudgetNeverPartsSubmittingFromItsOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		st := memory.New()
		cfg := newConfig(server, st)
		cfg.Requests.Mailbox = 4
		s := newSyncer(t, cfg)
		for n := range 5 {
			e := entry(ann, n, "carl@example.org")
			e.Queued = time.Now()
			require.NoError(t, st.Enqueue(context.Background(), e))
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(2 * time.Hour)
		stop()
		require.NoError(t, <-done)
		require.Len(t, server.Sent(), 5)
		for n := range 5 {
			e, err := st.Entry(context.Background(), ann, fmt.Sprintf("e%03d", n))
			require.NoError(t, err)
			require.Equal(t, PhaseDone, e.Phase, e.Reason)
		}
		require.Len(t, server.Items(ann, "Sent"), 5)
	})
}

// A counted driver counts connections by server and user, those that listen too.
type counted struct {
	provider.Driver
	mu   sync.Mutex
	open map[string]int
	peak map[string]int
}

func (d *counted) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	at := fmt.Sprint(a.Mailbox.Key, a.Endpoint)
	d.add(at, 1)
	time.Sleep(10 * time.Millisecond)
	p, err := d.Driver.Open(ctx, a)
	if err != nil {
		d.add(at, -1)
		return nil, err
	}
	return &countedSession{Provider: p, d: d, at: at}, nil
}

func (d *counted) add(at string, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[at] += n
	d.peak[at] = max(d.peak[at], d.open[at])
}

func (d *counted) Notify(ctx context.Context, accounts []provider.Account, _ func(mailbox.Key)) error {
	for _, a := range accounts {
		at := fmt.Sprint(a.Mailbox.Key, a.Endpoint)
		d.add(at, 1)
		defer d.add(at, -1)
	}
	<-ctx.Done()
	return ctx.Err()
}

type countedSession struct {
	provider.Provider
	d    *counted
	at   string
	once sync.Once
}

func (s *countedSession) Unwrap() provider.Provider { return s.Provider }

func (s *countedSession) Close() error {
	time.Sleep(10 * time.Millisecond)
	s.once.Do(func() { s.d.add(s.at, -1) })
	return s.Provider.Close()
}

// A mailbox has no more connections to a server at once than its profile allows, one
// that listens among them; with an account of its own that is counted by itself.
func TestMaxConnectionsOfAMailbox(t *testing.T) {
	for most := 1; most <= 2; most++ {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := providertest.NewServer(providertest.IMAPLike)
				d := &counted{Driver: server.Driver(), open: make(map[string]int), peak: make(map[string]int)}
				st := memory.New()
				cfg := newConfig(server, st)
				p := testProfile
				p.MaxConnections = most
				p.Outgoing.Host, p.Outgoing.Port, p.Incoming.Port = p.Incoming.Host, 993, 993 // one server for both
				cfg.Mailboxes = Static(p, annBox, bobBox)
				cfg.Drivers = map[profile.Protocol]provider.Driver{profile.IMAP: d, profile.SMTP: d}
				for n := range 20 {
					e := entry(ann, n, "carl@example.org")
					e.Queued, e.NotBefore = time.Now(), time.Now().Add(time.Duration(n)*time.Minute)
					require.NoError(t, st.Enqueue(context.Background(), e))
				}
				require.NoError(t, running(t, newSyncer(t, cfg), time.Hour))
				require.Len(t, server.Sent(), 20)
				require.Len(t, server.Items(ann, "Sent"), 20)
				for at, peak := range d.peak {
					require.Equal(t, most, peak, at)
					require.Zero(t, d.open[at])
				}
				require.Empty(t, server.Misuse())
			})
		})
	}
}

// The profile's Timeout bounds an Open. It is the server's failure, not the end of
// anybody's context.
func TestTimeoutBoundsAnOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		b.takes = time.Hour
		cfg := newConfig(b.server, memory.New())
		p := testProfile
		p.Timeout = 20 * time.Second
		cfg.Mailboxes, cfg.Drivers = Static(p, annBox), b.drivers()
		s := newSyncer(t, cfg)
		began := time.Now()
		report, err := s.SyncMailbox(context.Background(), ann)
		require.Equal(t, 20*time.Second, time.Since(began))
		var e *provider.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, provider.ErrUnavailable, e.Kind)
		require.Equal(t, "TimedOut", e.Code)
		require.NotEmpty(t, e.Remedy)
		require.NotErrorIs(t, err, context.Canceled)
		require.Equal(t, mailbox.Retrying, report.Incoming.Phase)

		time.Sleep(gap)
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		report, err = s.SyncMailbox(ctx, ann)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1, report.Incoming.Failures, "the caller's own end is no failure")
		b.takes = time.Second
		require.Equal(t, mailbox.Healthy, syncOnce(t, s, ann).Incoming.Phase)
	})
}

// No more than Config.Dials sessions are being opened at once, half of them for one
// side of a profile.
func TestDialsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		b.takes = time.Second
		cfg := newConfig(b.server, memory.New(), boxes("acme", 100)...)
		cfg.Drivers, cfg.Dials, cfg.Workers, cfg.OrganizationShare, cfg.IdleSessions = b.drivers(), 6, 50, 50, -1
		require.NoError(t, running(t, newSyncer(t, cfg), 10*time.Minute))
		require.Equal(t, 3, b.peak)
	})
}
