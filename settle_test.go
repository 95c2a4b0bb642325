package serversync_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

// A draftServer sends as Exchange does: a draft is made, and sending it consumes it. It is a
// driver, and forgets nothing when a session dies.
type draftServer struct {
	mu        sync.Mutex
	drafts    map[string]int // by which try, by the id of the entry
	withdrawn map[string]int // by which try: drafts that Settle has put aside, as evidence
	sent      map[string]int

	lose   func(step string) (before, after bool) // the answer to a step is lost, before its effect or after it
	stays  bool                                   // what is called sent stays a draft
	silent bool                                   // its sessions cannot settle
}

func newDraftServer() *draftServer {
	return &draftServer{drafts: make(map[string]int), withdrawn: make(map[string]int), sent: make(map[string]int), lose: func(string) (bool, bool) { return false, false }}
}

func (d *draftServer) Open(_ context.Context, a provider.Account) (provider.Provider, error) {
	if d.silent {
		return struct {
			provider.Provider
			provider.Sender
		}{&draftSession{d}, &draftSession{d}}, nil
	}
	return &draftSession{d}, nil
}

type draftSession struct{ *draftServer }

func (*draftSession) Check(context.Context) error { return nil }
func (*draftSession) Traits() provider.Traits     { return provider.Traits{FilesSent: true} }
func (*draftSession) Close() error                { return nil }

var errLost = &provider.Error{Op: "drafts", Kind: provider.ErrUnavailable, Err: errors.New("the answer was lost")}

// step does something on the server, or not.
func (d *draftServer) step(name string, do func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, after := d.lose(name)
	if before {
		return errLost
	}
	do()
	if after {
		return errLost
	}
	return nil
}

func all(s provider.Submission, status provider.Status, text string) (r provider.Result) {
	for _, address := range s.Recipients {
		r.Recipients = append(r.Recipients, provider.Recipient{Address: address, Status: status, Text: text})
	}
	return r
}

func (d *draftSession) Send(ctx context.Context, s provider.Submission) (provider.Result, error) {
	if err := d.step("create", func() { d.drafts[s.EnvelopeID] = s.Attempt + 1 }); err != nil {
		return all(s, provider.StatusRetry, ""), err
	}
	if err := s.Submitting(ctx); err != nil {
		return all(s, provider.StatusRetry, ""), err
	}
	err := d.step("send", func() {
		if d.drafts[s.EnvelopeID] > 0 && !d.stays {
			delete(d.drafts, s.EnvelopeID)
			d.sent[s.EnvelopeID]++
		}
	})
	if err == nil && d.stays {
		return all(s, provider.StatusUncertain, "it stays"), &provider.Error{Op: "drafts", Kind: provider.ErrProtocol}
	}
	if err != nil {
		return all(s, provider.StatusUncertain, ""), err
	}
	return all(s, provider.StatusSent, ""), nil
}

func (d *draftSession) Settle(_ context.Context, s provider.Submission) (r provider.Result, err error) {
	err = d.step("settle", func() {
		switch {
		case d.sent[s.EnvelopeID] > 0:
			r = all(s, provider.StatusSent, "found among the sent mail")
		case d.stays:
			r = all(s, provider.StatusUncertain, "it is where it was")
			return
		case d.drafts[s.EnvelopeID] > 0:
			d.withdrawn[s.EnvelopeID] = d.drafts[s.EnvelopeID]
			delete(d.drafts, s.EnvelopeID)
		}
		switch {
		case r.Recipients != nil:
		case d.withdrawn[s.EnvelopeID] != s.Attempt+1: // or it is another try's
			r = all(s, provider.StatusUncertain, "there is no trace of it")
		default:
			r = all(s, provider.StatusRetry, "its draft was still there")
		}
	})
	return r, err
}

// drafting returns a Config for a draftServer.
func drafting(d *draftServer, st *memory.Store) Config {
	p := profile.Profile{ID: "p", Kind: profile.ExchangeServer, Incoming: profile.Endpoint{URL: "https://mail.example.test/EWS/Exchange.asmx"}}
	box := annBox
	box.Methods.Incoming = mailbox.None
	return Config{Store: st, Drivers: map[profile.Protocol]provider.Driver{profile.EWS: d}, Mailboxes: Static(p, box)}
}

// sendUntil runs cycles until the entry has come to an end.
func sendUntil(t *testing.T, s *Syncer, st *memory.Store, id string, within time.Duration) Entry {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(10 * time.Second) {
		_, _ = s.SyncMailbox(context.Background(), ann) // a cycle that fails is followed by others
		e, err := st.Entry(context.Background(), ann, id)
		require.NoError(t, err)
		if e.Phase == PhaseDone || e.Phase == PhaseHeld || time.Now().After(end) {
			return e
		}
	}
}

// O3: where the mail system can settle a message whose answer was lost, that decides: found
// it was sent, and what was not sent goes out again, once.
func TestO3Settled(t *testing.T) {
	for name, lose := range map[string]func(step string, n int) (before, after bool){
		"before the effect": func(step string, n int) (bool, bool) { return step == "send" && n == 1, false },
		"after the effect":  func(step string, n int) (bool, bool) { return false, step == "send" && n == 1 },
		"and the look too":  func(step string, n int) (bool, bool) { return step == "settle" && n < 3, step == "send" && n == 1 },
		"and what the look did": func(step string, n int) (bool, bool) {
			return step == "send" && n == 1, step == "settle" && n == 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, st, steps := newDraftServer(), memory.New(), make(map[string]int)
				d.lose = func(step string) (bool, bool) {
					steps[step]++
					return lose(step, steps[step])
				}
				s := newSyncer(t, drafting(d, st))
				require.NoError(t, st.Enqueue(context.Background(), entry(ann, 1, "carl@example.org")))
				e := sendUntil(t, s, st, "e001", 2*time.Hour)
				require.Equal(t, PhaseDone, e.Phase, e.Reason)
				require.Equal(t, provider.StatusSent, e.Recipients[0].Status)
				require.Equal(t, 1, d.sent["e001"])
				require.Empty(t, d.drafts)
			})
		})
	}
}

// O3, EWS-10: what a server calls sent without doing it is held, with what is known of it, and never
// sent again by itself.
func TestO3HeldWithEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, st := newDraftServer(), memory.New()
		d.stays = true
		s := newSyncer(t, drafting(d, st))
		require.NoError(t, st.Enqueue(context.Background(), entry(ann, 1, "carl@example.org")))
		e := sendUntil(t, s, st, "e001", time.Hour)
		require.Equal(t, PhaseHeld, e.Phase)
		require.Contains(t, e.Reason, "it is where it was")
		require.Equal(t, 1, e.Attempts)
		require.Zero(t, d.sent["e001"])
	})
}

// O3: a mail system that cannot settle and has no folder of sent mail holds what it lost, as before.
func TestO3NobodySettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, st, lost := newDraftServer(), memory.New(), false
		d.silent = true
		d.lose = func(step string) (bool, bool) {
			now := step == "send" && !lost
			lost = lost || now
			return now, false
		}
		s := newSyncer(t, drafting(d, st))
		require.NoError(t, st.Enqueue(context.Background(), entry(ann, 1, "carl@example.org")))
		e := sendUntil(t, s, st, "e001", time.Hour)
		require.Equal(t, PhaseHeld, e.Phase)
		require.Zero(t, d.sent["e001"])
	})
}

// O3, O4: whenever a process dies, and whichever answer is lost before or after its effect, no
// message is lost, none is sent twice, and none is held where it can be settled.
func TestO3SettledWhateverDies(t *testing.T) {
	seeds := 300
	if testing.Short() {
		seeds = 60
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 7))
			d, st := newDraftServer(), memory.New()
			for i := range 3 {
				e := entry(ann, i, "carl@example.org", "dora@example.org")
				e.Queued = time.Now()
				require.NoError(t, st.Enqueue(context.Background(), e))
			}
			faults := 6
			d.lose = func(step string) (before, after bool) {
				if faults == 0 || random.IntN(3) > 0 {
					return false, false
				}
				faults--
				return random.IntN(2) == 0, true
			}
			for life := 0; life < 4; life++ {
				ctx, kill := context.WithCancel(context.Background())
				s, err := New(drafting(d, st))
				require.NoError(t, err)
				at, calls := 1+random.IntN(12), 0
				s.Intercept(func(ctx context.Context, _ Call, do func(context.Context) error) error {
					calls++
					switch {
					case calls > at && life < 3: // the process has died: nothing of it has an effect any more
						kill()
						return context.Canceled
					case calls == at && life < 3 && random.IntN(2) == 0:
						do(ctx)
						kill()
						return context.Canceled
					}
					return do(ctx)
				})
				for end := time.Now().Add(24 * time.Hour); ctx.Err() == nil && time.Now().Before(end); time.Sleep(time.Minute) {
					s.SyncMailbox(ctx, ann)
				}
				kill()
				s.Close()
				time.Sleep(time.Hour) // claims lapse
			}
			for i := range 3 {
				id := fmt.Sprintf("e%03d", i)
				e, err := st.Entry(context.Background(), ann, id)
				require.NoError(t, err)
				require.Equal(t, PhaseDone, e.Phase, "seed %d, %s: %s", seed, id, e.Reason)
				require.Equal(t, 1, d.sent[id], "seed %d, %s", seed, id)
			}
		})
	}
}
