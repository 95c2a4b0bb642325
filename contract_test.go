package serversync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// I2: nothing is deleted earlier than a day after its commit, whatever a Filter asks
// for, and nothing is done on the server whose commit failed.
func TestI2ActsFollowTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		server.Add(ann, "INBOX", letter(1))
		cfg := newConfig(server, memory.New())
		cfg.Filter = func(_ context.Context, page []Candidate) ([]Decision, error) {
			return []Decision{{Then: []provider.Act{{Kind: provider.Mark, Flag: `\Seen`}}, DeleteAfter: time.Minute}}, nil
		}
		s := newSyncer(t, cfg)
		fails := true
		s.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
			if c.Name == "Store.Commit" && fails {
				return errors.New("the database is down")
			}
			return do(ctx)
		})
		_, err := s.SyncMailbox(context.Background(), ann)
		require.ErrorContains(t, err, "the database is down")
		require.Empty(t, server.Items(ann, "INBOX")[0].Flags)
		fails = false
		syncOnce(t, s, ann)
		require.Equal(t, []string{`\Seen`}, server.Items(ann, "INBOX")[0].Flags)
		time.Sleep(24*time.Hour - time.Minute)
		syncOnce(t, s, ann)
		require.Len(t, server.Items(ann, "INBOX"), 1)
		time.Sleep(2 * time.Minute)
		syncOnce(t, s, ann)
		require.Empty(t, server.Items(ann, "INBOX"))
	})
}

// I4: a reset is announced once, with what was listed again, and deletes nothing.
func TestI4ResetIsAnnouncedOnce(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			server := providertest.NewServer(temperament)
			for n := range 9 {
				server.Add(ann, "INBOX", letter(n))
			}
			st := memory.New()
			cfg := newConfig(server, st)
			cfg.BatchItems = 4
			s := newSyncer(t, cfg)
			syncOnce(t, s, ann)
			old := server.Epoch(ann, "INBOX")
			server.NewEpoch(ann, "INBOX")
			server.Add(ann, "INBOX", letter(20))
			report := syncOnce(t, s, ann)
			require.Len(t, report.Resets, 1)
			reset := report.Resets[0]
			require.Equal(t, [3]int{10, 9, 1}, [3]int{reset.Relisted, reset.Matched, reset.New})
			require.Equal(t, []string{old}, reset.OldEpochs)
			require.Len(t, report.Alerts, 1)
			require.Equal(t, "cursor-reset", report.Alerts[0].Code)
			require.Contains(t, report.Alerts[0].Message, "10 items, of which 9 were known and 1 are new")
			require.Zero(t, report.Gone)
			require.Len(t, st.Messages("acme"), 10)
			require.Len(t, st.Places(ann), 10, "the ids of the old epoch are forgotten")
			require.Zero(t, syncOnce(t, s, ann).Commits)
			require.Len(t, alertsOf(st, ann), 1)
		})
	}
}

// I4: what is listed again is bounded by ProcessAfter.
func TestI4ResetIsBounded(t *testing.T) {
	server := providertest.NewServer(providertest.IMAPLike)
	bound := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := range 8 {
		server.Put(ann, "INBOX", providertest.Message{Raw: letter(n), Received: bound.AddDate(0, n-4, 1)})
	}
	cfg := newConfig(server, memory.New())
	box := annBox
	box.ProcessAfter = bound
	cfg.Mailboxes = Static(testProfile, box)
	s := newSyncer(t, cfg)
	require.Equal(t, 4, syncOnce(t, s, ann).Tracked)
	server.NewEpoch(ann, "INBOX")
	report := syncOnce(t, s, ann)
	require.Len(t, report.Resets, 1)
	require.Equal(t, 4, report.Resets[0].Relisted)
}

// I5: one message in two folders and two mailboxes is one message with four places;
// a Message-ID with other content is another message; none is needed.
func TestI5OneMessageManyPlaces(t *testing.T) {
	server := providertest.NewServer(providertest.IMAPLike)
	anonymous := []byte("From: carl@example.org\r\nSubject: no id\r\n\r\nHello.\r\n")
	for _, key := range []mailbox.Key{ann, bob} {
		server.Add(key, "INBOX", letter(1))
		server.Add(key, "Trash", letter(1))
		server.Add(key, "INBOX", anonymous)
	}
	server.Add(ann, "INBOX", []byte(strings.ReplaceAll(string(letter(1)), "This is", "This is not")))
	st := memory.New()
	cfg := newConfig(server, st)
	folders := []string{"INBOX", "Trash"}
	one, two := annBox, bobBox
	one.Folders, two.Folders = folders, folders
	cfg.Mailboxes = Static(testProfile, one, two)
	s := newSyncer(t, cfg)
	syncOnce(t, s, ann)
	syncOnce(t, s, bob)
	places := map[string]int{}
	for _, m := range st.Messages("acme") {
		require.NotEmpty(t, m.MessageID)
		places[fmt.Sprintf("%s, %d bytes", m.Subject, m.Raw.Size())] = len(m.Places)
	}
	require.Equal(t, map[string]int{
		fmt.Sprintf("letter 1, %d bytes", len(letter(1))):   4,
		fmt.Sprintf("letter 1, %d bytes", len(letter(1))+4): 1,
		fmt.Sprintf("no id, %d bytes", len(anonymous)):      2,
	}, places)
}

// I6: a message that cannot be dealt with, wherever the reason lies, delays no other
// one, is tried a few times and then quarantined, and can be replayed.
func TestI6PoisonDelaysNothing(t *testing.T) {
	poisoned := map[string]func(*poison){
		"the server cannot read it": func(p *poison) { p.server.Spoil(ann, "INBOX", p.id, provider.ErrBadItem) },
		"it is too large":           func(p *poison) { p.server.Spoil(ann, "INBOX", p.id, provider.ErrTooLarge) },
		"the Store refuses it": func(p *poison) {
			p.cfg.Store = refusing{p.store, p}
		},
		"the Filter panics": func(p *poison) {
			p.cfg.Filter = func(_ context.Context, page []Candidate) ([]Decision, error) {
				for _, c := range page {
					if c.ID == p.id && !p.mended {
						panic("no such sender")
					}
				}
				return make([]Decision, len(page)), nil
			}
		},
	}
	for name, put := range poisoned {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &poison{server: providertest.NewServer(providertest.IMAPLike), store: memory.New()}
				for n := range 11 {
					id := p.server.Add(ann, "INBOX", letter(n))
					if n == 5 {
						p.id = id
					}
				}
				p.cfg = newConfig(p.server, p.store)
				put(p)
				s := newSyncer(t, p.cfg)
				require.Equal(t, 10, syncOnce(t, s, ann).Tracked)
				for range 6 {
					time.Sleep(gap)
					syncOnce(t, s, ann)
				}
				require.Equal(t, memory.Ledger{Tracked: 10, Quarantined: 1}, p.store.Ledger(ann))
				require.Zero(t, syncOnce(t, s, ann).Commits)

				p.mended = true
				p.server.Spoil(ann, "INBOX", p.id, "")
				items, err := p.store.Quarantined(context.Background(), ann, provider.Place{}, 10)
				require.NoError(t, err)
				require.Len(t, items, 1)
				require.NotEmpty(t, items[0].Reason)
				require.NoError(t, s.Replay(context.Background(), ann, items[0]))
				syncOnce(t, s, ann)
				require.Equal(t, memory.Ledger{Tracked: 11}, p.store.Ledger(ann))
				require.Len(t, p.store.Messages("acme"), 11)
			})
		})
	}
}

type poison struct {
	server *providertest.Server
	store  *memory.Store
	cfg    Config
	id     provider.ID
	mended bool
}

// refusing is a Store that refuses one record.
type refusing struct {
	Store
	p *poison
}

func (r refusing) Unwrap() Store { return r.Store }

func (r refusing) Commit(ctx context.Context, b *Batch) (Receipt, error) {
	for i, rec := range b.Records {
		if rec.Kind == Tracked && rec.ID == r.p.id && !r.p.mended {
			return Receipt{}, &RecordError{Index: i, Err: errors.New("a value is too long")}
		}
	}
	return r.Store.Commit(ctx, b)
}

// I6: a panic on the other side of the seam ends a cycle and nothing else.
func TestI6PanicsAreContained(t *testing.T) {
	names := []string{"Mailboxes.Mailbox", "Store.Load", "Driver.Open", "Source.Folders", "Source.Changes", "Store.Known", "Store.Commit", "Outbox.Claim"}
	for _, name := range names {
		server := providertest.NewServer(providertest.IMAPLike)
		server.Add(ann, "INBOX", letter(1))
		st := memory.New()
		s := newSyncer(t, newConfig(server, st))
		panics := &panicking{name: name}
		s.Intercept(panics.intercept)
		_, err := s.SyncMailbox(context.Background(), ann)
		require.ErrorContains(t, err, name+" panicked", name)
		snap, err := st.Load(context.Background(), ann)
		require.NoError(t, err)
		require.NotEqual(t, mailbox.Stopped, snap.State.Incoming.Phase)
	}
}

// panicking has the first call of a name panic on its far side.
type panicking struct {
	name string
	done bool
}

func (p *panicking) intercept(ctx context.Context, c Call, do func(context.Context) error) error {
	if c.Name == p.name && !p.done {
		p.done = true
		return do(panicContext{ctx})
	}
	return do(ctx)
}

// panicContext panics when it is first used, which every call does.
type panicContext struct{ context.Context }

func (panicContext) Err() error { panic("poison") }

// I7: new mail and mail to be sent wait no longer than a slice of time behind a long
// backfill.
func TestI7LiveMailAndSendingGoBeforeBackfill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		server.Latency = time.Second
		for n := range 6000 {
			server.Add(ann, "INBOX", letter(n))
		}
		st := memory.New()
		cfg := newConfig(server, st)
		cfg.BatchItems = 5
		s := newSyncer(t, cfg)
		done := make(chan Report)
		go func() {
			report, _ := s.SyncMailbox(context.Background(), ann)
			done <- report
		}()
		time.Sleep(5 * time.Minute)
		server.Add(ann, "INBOX", letter(9999))
		e := entry(ann, 1, "carl@example.org")
		e.Queued = time.Now()
		require.NoError(t, st.Enqueue(context.Background(), e))
		time.Sleep(90 * time.Second)
		found := false
		for _, m := range st.Messages("acme") {
			found = found || m.Subject == "letter 9999"
		}
		require.True(t, found, "live mail")
		require.Len(t, server.Sent(), 1)
		require.Less(t, len(st.Messages("acme")), 5000, "backfill goes on")
		report := <-done
		require.InDelta(t, 15*time.Minute, report.Took, float64(90*time.Second), "CycleTimeout")
		require.True(t, report.More)
	})
}

// M1, M5: failures of a direction lead to waits, a suspension with an alert, and by
// themselves back; what is refused stops it until the revision changes.
func TestM1DirectionsFailAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		var fail error
		server.Fault = func(c providertest.Call) providertest.Outcome {
			if c.Op == providertest.OpOpen {
				return providertest.Outcome{Err: fail}
			}
			return providertest.Outcome{}
		}
		st := memory.New()
		cfg := newConfig(server, st)
		cfg.IdleSessions = -1
		s := newSyncer(t, cfg)
		state := func() mailbox.Direction {
			snap, err := st.Load(context.Background(), ann)
			require.NoError(t, err)
			return snap.State.Incoming
		}
		fail = &provider.Error{Op: "open", Kind: provider.ErrUnavailable}
		for range 10 {
			_, err := s.SyncMailbox(context.Background(), ann)
			require.ErrorIs(t, err, provider.ErrUnavailable)
			calls := server.Calls()
			report := syncOnce(t, s, ann) // too early
			require.Equal(t, "unavailable", report.Closed[mailbox.Incoming].Code)
			require.Equal(t, calls, server.Calls())
			require.False(t, report.Next.After(state().Until))
			time.Sleep(time.Until(state().Until))
		}
		require.Equal(t, mailbox.Suspended, state().Phase)
		require.Len(t, alertsOf(st, ann), 1)
		fail = nil
		time.Sleep(time.Until(state().Until))
		syncOnce(t, s, ann)
		require.Equal(t, mailbox.Healthy, state().Phase)
		told := []string{} // at once, so in the order of their IDs
		for _, a := range alertsOf(st, ann) {
			told = append(told, a.Code)
		}
		require.ElementsMatch(t, []string{"suspended", "resumed"}, told)

		fail = &provider.Error{Op: "open", Kind: provider.ErrThrottled, RetryAfter: 7 * time.Minute}
		_, err := s.SyncMailbox(context.Background(), ann)
		require.ErrorIs(t, err, provider.ErrThrottled)
		require.Equal(t, mailbox.Waiting, state().Phase, "M2: throttling is no failure")
		require.Zero(t, state().Failures)
		require.Equal(t, 7*time.Minute, time.Until(state().Until))

		time.Sleep(time.Hour)
		fail = &provider.Error{Op: "open", Kind: provider.ErrUnsafe, Err: errors.New("the certificate has expired")}
		_, err = s.SyncMailbox(context.Background(), ann)
		require.ErrorIs(t, err, provider.ErrUnsafe)
		require.Equal(t, mailbox.Stopped, state().Phase)
		require.NotEmpty(t, state().Fault.Remedy)
		fail = nil
		time.Sleep(100 * time.Hour)
		require.Contains(t, syncOnce(t, s, ann).Closed, mailbox.Incoming)
		box := annBox
		box.Revision = "2"
		cfg.Mailboxes = Static(testProfile, box)
		syncOnce(t, newSyncer(t, cfg), ann)
		require.Equal(t, mailbox.Healthy, state().Phase)
	})
}

// M1, M3: with nothing to send the outgoing side neither fails nor heals.
func TestM1NothingToSendProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		server.Fault = func(c providertest.Call) providertest.Outcome {
			if c.Op == providertest.OpSend {
				return providertest.Outcome{Err: &provider.Error{Op: "send", Kind: provider.ErrUnavailable}}
			}
			return providertest.Outcome{}
		}
		st := memory.New()
		s := newSyncer(t, newConfig(server, st))
		require.Equal(t, mailbox.NotRun, syncOnce(t, s, ann).Outgoing.Phase)
		e := entry(ann, 1, "carl@example.org")
		e.Queued = time.Now()
		require.NoError(t, st.Enqueue(context.Background(), e))
		for n := range 12 {
			s.SyncMailbox(context.Background(), ann)
			report, _ := s.SyncMailbox(context.Background(), ann)
			require.Equal(t, min(n+1, 12), report.Outgoing.Failures)
			time.Sleep(time.Hour)
		}
		snap, _ := st.Load(context.Background(), ann)
		require.Equal(t, mailbox.Suspended, snap.State.Outgoing.Phase)
	})
}

// O4, O6: an entry can be canceled until it is being sent; Resolve decides only about
// what is held; Owe has acts done with the next cycle.
func TestCancelResolveOwe(t *testing.T) {
	ctx := context.Background()
	server := providertest.NewServer(providertest.IMAPLike)
	server.Add(ann, "INBOX", letter(1))
	st := memory.New()
	s := newSyncer(t, newConfig(server, st))
	require.NoError(t, st.Enqueue(ctx, entry(ann, 1, "carl@example.org")))
	require.ErrorIs(t, s.Resolve(ctx, ann, "e001", WasSent), ErrTooLate)
	require.NoError(t, s.Cancel(ctx, ann, "e001"))
	require.ErrorIs(t, s.Cancel(ctx, ann, "e001"), ErrTooLate)
	require.ErrorIs(t, s.Cancel(ctx, ann, "none"), ErrNotFound)
	syncOnce(t, s, ann)
	require.Empty(t, server.Sent())

	at := st.Places(ann)[0].Place
	require.NoError(t, s.Owe(ctx, ann, provider.Act{Kind: provider.Mark, Flag: `\Seen`, Folder: at.Folder, Epoch: at.Epoch, ID: at.ID}))
	require.Equal(t, 1, syncOnce(t, s, ann).Acts)
	require.Equal(t, []string{`\Seen`}, server.Items(ann, "INBOX")[0].Flags)
}

// Config tells everything that is wrong with it at once.
func TestConfigReportsAllFaults(t *testing.T) {
	_, err := New(Config{
		Tokens:       map[profile.Credentials]provider.TokenSource{profile.OAuth: nil, profile.FromMailbox: new(tokens)},
		Mechanisms:   []provider.Mechanism{nil},
		PollInterval: time.Millisecond, BatchItems: -1, Workers: 20_000, Lease: -1, ItemTries: -1, Sending: Sending{Claim: -1}, CycleTimeout: time.Millisecond,
	})
	for _, field := range []string{`Tokens["oauth"] is nil`, `Tokens[""] is never asked`, "Mechanisms[0] is nil", "Store", "Drivers", "Mailboxes", "PollInterval", "BatchItems", "ItemTries", "Workers", "CycleTimeout", "Lease", "Sending.Claim"} {
		require.ErrorContains(t, err, "Config."+field)
	}
}
