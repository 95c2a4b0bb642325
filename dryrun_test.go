package serversync_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
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

// looking is all that a dry run may do.
var looking = map[string]bool{
	"Mailboxes.Mailbox": true, "Store.Load": true, "Store.Known": true, "Outbox.Entries": true, "Filter": true,
	"Driver.Open": true, "Source.Folders": true, "Source.Changes": true,
}

// dryRun makes a dry run and holds it to what it may do: no call that writes, and
// nothing is another than it was.
func dryRun(t *testing.T, w *dryWorld, s *Syncer, o DryRun) DryRunReport {
	t.Helper()
	var mu sync.Mutex
	s.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
		mu.Lock()
		defer mu.Unlock()
		if !looking[c.Name] {
			t.Errorf("a dry run calls %s", c.Name)
		}
		return do(ctx)
	})
	before, writes := w.everything(t), w.store.Writes()
	report, err := s.DryRun(context.Background(), ann, o)
	require.NoError(t, err)
	require.Equal(t, before, w.everything(t))
	require.Equal(t, writes, w.store.Writes())
	require.Zero(t, w.server.Held(), "no body is held")
	require.Empty(t, w.server.Misuse())
	s.Intercept(nil)
	return report
}

// A dryWorld is a server and a Store to be looked at.
type dryWorld struct {
	server *providertest.Server
	store  *memory.Store
	cfg    Config
	box    mailbox.Mailbox
}

func newDryWorld(temperament providertest.Temperament) *dryWorld {
	w := &dryWorld{server: providertest.NewServer(temperament), store: memory.New(), box: annBox}
	w.server.Memory = -1
	w.cfg = newConfig(w.server, w.store)
	return w
}

// syncer returns a new Syncer for the box as it is now.
func (w *dryWorld) syncer(t *testing.T) *Syncer {
	w.cfg.Mailboxes = Static(testProfile, w.box)
	return newSyncer(t, w.cfg)
}

// everything is all that stands in the Store and on the server.
func (w *dryWorld) everything(t *testing.T) string {
	ctx := context.Background()
	snap, err := w.store.Load(ctx, ann)
	require.NoError(t, err)
	text := fmt.Sprintf("%+v\n%+v\n", snap, w.store.Places(ann))
	for _, m := range w.store.Messages("acme") {
		text += fmt.Sprintf("%s %+v\n", m.MessageID, m.Places)
	}
	for _, phase := range []Phase{PhasePending, PhaseClaimed, PhaseSubmitting, PhaseAccepted, PhaseUncertain, PhaseHeld, PhaseDone, PhaseCanceled} {
		entries, err := w.store.Entries(ctx, ann, phase, "", 1000)
		require.NoError(t, err)
		for _, e := range entries {
			e.Raw = nil
			text += fmt.Sprintf("%+v\n", e)
		}
	}
	text += fmt.Sprintln(alertsOf(w.store, ann))
	for _, folder := range []provider.FolderID{"INBOX", "Sent", "Trash"} {
		text += fmt.Sprintf("%s %+v\n", folder, w.server.Items(ann, folder))
	}
	return text + fmt.Sprintln(w.server.Sent())
}

var dryBound = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// put delivers a letter so many days after the bound.
func (w *dryWorld) put(folder provider.FolderID, n, days int) provider.ID {
	return w.server.Put(ann, folder, providertest.Message{Raw: letter(n), Received: dryBound.AddDate(0, 0, days).Add(time.Hour)})
}

// dryFilter decides by the letter's number.
func dryFilter(acts bool) Filter {
	return func(_ context.Context, page []Candidate) (decisions []Decision, err error) {
		for _, c := range page {
			d := Decision{Reason: "a customer wrote it"}
			switch n := numbered(c.Message); {
			case n%5 == 1:
				d.Verdict, d.Reason = Ignored, "nobody knows the sender"
			case n%5 == 2:
				d.Verdict, d.Reason = Deferred, "not now"
			case acts && n%5 == 3:
				d.Then = []provider.Act{{Kind: provider.Mark, Flag: `\Flagged`}}
			case acts && n%5 == 4:
				d.DeleteAfter = 48 * time.Hour
			}
			decisions = append(decisions, d)
		}
		return decisions, nil
	}
}

// agree holds a cycle to what a dry run said of it.
func agree(t *testing.T, said DryRunReport, did Report) {
	t.Helper()
	require.Equal(t, did.Tracked, said.Tracked, "tracked")
	require.Equal(t, did.Ignored, said.Ignored, "ignored")
	require.Equal(t, did.Deferred, said.Deferred, "deferred")
	require.Equal(t, did.Quarantined, said.Quarantined, "quarantined")
	require.Equal(t, did.Sent+did.Rejected+did.Retried+did.Uncertain, said.Outgoing.Recipients)
	acts := 0
	for _, n := range said.Acts.Kinds {
		acts += n
	}
	for _, n := range said.Owed.Kinds {
		acts += n
	}
	require.Equal(t, did.Acts, acts, "acts")
	reasons := said.OtherReasons
	for _, r := range said.Reasons {
		reasons += r.Count
	}
	require.Equal(t, said.Tracked+said.Ignored+said.Deferred+said.Quarantined+said.Undecided, reasons)
	require.False(t, said.Limited)
}

// What a dry run says is what the next cycle does, with each temperament, whatever
// is in the mailbox, whatever filter and bound there is, and at whatever point of its
// history; and the dry run itself leaves no trace.
func TestDryRunSaysWhatTheCycleDoes(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			for seed := range uint64(24) {
				chance := rand.New(rand.NewPCG(seed, 7))
				w := newDryWorld(temperament)
				w.cfg.BatchItems = 1 + chance.IntN(7)
				flags := temperament == providertest.IMAPLike || temperament == providertest.EWSLike || temperament == providertest.GraphLike
				filtered := chance.IntN(3) > 0
				if filtered {
					w.cfg.Filter = dryFilter(flags)
				}
				if chance.IntN(2) == 0 && temperament != providertest.POP3Like {
					w.box.Folders = []string{"INBOX", "Sent"}
				}
				if chance.IntN(2) == 0 {
					w.box.ProcessAfter = dryBound
				}
				deliver := func(from, to int) {
					for n := from; n < to; n++ {
						folder := provider.FolderID("INBOX")
						if len(w.box.Folders) > 0 && chance.IntN(3) == 0 {
							folder = "Sent"
						}
						id := w.put(folder, n, chance.IntN(20)-10)
						if filtered && chance.IntN(10) == 0 {
							w.server.Spoil(ann, folder, id, []provider.Kind{provider.ErrBadItem, provider.ErrTooLarge}[n%2])
						}
					}
				}
				deliver(0, chance.IntN(40))
				for n := range chance.IntN(4) {
					require.NoError(t, w.store.Enqueue(context.Background(), entry(ann, n, "carl@example.org", "dora@example.org")))
				}
				s := w.syncer(t)
				if chance.IntN(2) == 0 { // the first cycle is cut somewhere
					left := chance.IntN(8)
					w.server.Fault = func(c providertest.Call) providertest.Outcome {
						if left--; left == 0 {
							return providertest.Outcome{Cut: true}
						}
						return providertest.Outcome{}
					}
					s.SyncMailbox(context.Background(), ann)
					w.server.Fault = nil
					w.box.Revision = "another" // so that nothing waits
					s = w.syncer(t)
				}
				agree(t, dryRun(t, w, s, DryRun{}), syncOnce(t, s, ann))

				if inbox := w.server.Items(ann, "INBOX"); len(inbox) > 3 {
					w.server.Remove(ann, "INBOX", inbox[1].ID)
					w.server.SetFlags(ann, "INBOX", inbox[2].ID, `\Seen`)
				}
				switch chance.IntN(4) {
				case 0:
					w.server.NewEpoch(ann, "INBOX")
				case 1:
					w.server.ExpireCursors(ann)
				}
				deliver(100, 100+chance.IntN(20))
				if chance.IntN(2) == 0 {
					s = w.syncer(t)
				}
				agree(t, dryRun(t, w, s, DryRun{}), syncOnce(t, s, ann))

				bound := dryBound.AddDate(0, 0, chance.IntN(20)-10)
				said := dryRun(t, w, s, DryRun{ProcessAfter: &bound})
				w.box.ProcessAfter = bound
				s = w.syncer(t)
				require.Equal(t, said.Tracked, dryRun(t, w, s, DryRun{}).Tracked)
				agree(t, said, syncOnce(t, s, ann))

				for range 3 { // there and back, with a cycle that is cut and mail that is put in meanwhile
					deliver(200, 200+chance.IntN(5))
					w.box.ProcessAfter = dryBound.AddDate(0, 0, chance.IntN(24)-12)
					if chance.IntN(6) == 0 {
						w.box.ProcessAfter = time.Time{}
					}
					s = w.syncer(t)
					if left := chance.IntN(12); left < 6 {
						w.server.Fault = func(c providertest.Call) providertest.Outcome {
							if left--; left == 0 {
								return providertest.Outcome{Cut: true}
							}
							return providertest.Outcome{}
						}
						s.SyncMailbox(context.Background(), ann)
						w.server.Fault = nil
						w.box.Revision += "another"
						s = w.syncer(t)
					}
					said := dryRun(t, w, s, DryRun{})
					require.Zero(t, said.Behind)
					agree(t, said, syncOnce(t, s, ann))
					require.Zero(t, dryRun(t, w, s, DryRun{}).Tracked, "nothing is left")
				}
			}
		})
	}
}

// Asked about a mailbox that was never synchronized, an earlier bound shows what it
// would add, and a later one what it would leave alone.
func TestDryRunOfAnotherBound(t *testing.T) {
	for _, temperament := range temperaments {
		if temperament == providertest.POP3Like {
			continue // it knows no time of receipt
		}
		t.Run(string(temperament), func(t *testing.T) {
			w := newDryWorld(temperament)
			w.box.ProcessAfter = dryBound
			for n := range 20 {
				w.put("INBOX", n, n-8)
			}
			s := w.syncer(t)
			report := dryRun(t, w, s, DryRun{})
			require.Equal(t, []int{12, 8, 0, 0}, []int{report.Tracked, report.Older, report.Added, report.Known})

			earlier := dryBound.AddDate(0, 0, -5)
			report = dryRun(t, w, s, DryRun{ProcessAfter: &earlier})
			require.Equal(t, []int{17, 3, 5, 0}, []int{report.Tracked, report.Older, report.Added, report.Behind})
			report = dryRun(t, w, s, DryRun{ProcessAfter: new(time.Time)})
			require.Equal(t, []int{20, 0, 8, 0}, []int{report.Tracked, report.Older, report.Added, report.Behind})
			later := dryBound.AddDate(0, 0, 5)
			report = dryRun(t, w, s, DryRun{ProcessAfter: &later})
			require.Equal(t, []int{7, 13, 0, 0}, []int{report.Tracked, report.Older, report.Added, report.Behind})

			require.Equal(t, 12, syncOnce(t, s, ann).Tracked)
			report = dryRun(t, w, s, DryRun{ProcessAfter: &earlier})
			require.Equal(t, []int{12, 5, 3, 5, 0}, []int{report.Known, report.Tracked, report.Older, report.Added, report.Behind})
			report = dryRun(t, w, s, DryRun{ProcessAfter: &later})
			require.Equal(t, []int{12, 0, 8}, []int{report.Known, report.Tracked, report.Older})
		})
	}
}

// The sample shows the first messages, and nothing is shown twice or cut by a limit
// without being said.
func TestDryRunSampleAndLimit(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			w := newDryWorld(temperament)
			w.cfg.BatchItems = 4
			for n := range 30 {
				w.put("INBOX", n, n)
			}
			s := w.syncer(t)
			var steps []int
			report := dryRun(t, w, s, DryRun{Progress: func(looked int) { steps = append(steps, looked) }})
			require.Len(t, report.Sample, 10)
			require.IsIncreasing(t, steps)
			m := report.Sample[0]
			require.Equal(t, "carl@example.org", m.From)
			require.Contains(t, m.Subject, "letter ")
			require.Equal(t, Tracked, m.Verdict)
			require.NotZero(t, m.Size)
			require.False(t, m.Date.IsZero())

			require.Empty(t, dryRun(t, w, s, DryRun{Sample: -1}).Sample)
			require.Len(t, dryRun(t, w, s, DryRun{Sample: 1000}).Sample, 30)

			report = dryRun(t, w, s, DryRun{Limit: 10, Sample: 100})
			require.True(t, report.Limited)
			require.LessOrEqual(t, report.Tracked, 10)
			require.GreaterOrEqual(t, report.Tracked, 7, "some may be listed twice")
			require.Contains(t, report.String(), "there is more than was looked at")
		})
	}
}

// Of a mail system that gives no header without the body a Filter is asked nothing,
// and no body is fetched.
func TestDryRunDecidesNothingWithoutHeader(t *testing.T) {
	w := newDryWorld(providertest.POP3Like)
	for n := range 5 {
		w.put("INBOX", n, 0)
	}
	w.cfg.Filter = func(context.Context, []Candidate) ([]Decision, error) {
		t.Error("the Filter was asked")
		return nil, nil
	}
	for protocol, driver := range w.cfg.Drivers {
		w.cfg.Drivers[protocol] = headless{driver}
	}
	report := dryRun(t, w, w.syncer(t), DryRun{})
	require.Equal(t, 5, report.Undecided)
	require.Zero(t, report.Tracked)
	require.NotZero(t, report.Bytes, "a cycle reads all of them in order to decide")
	require.Equal(t, Undecided, report.Sample[0].Verdict)
	require.Contains(t, report.String(), "5 not decided")

	w.cfg.Filter = nil
	require.Equal(t, 5, dryRun(t, w, w.syncer(t), DryRun{}).Tracked)
}

// headless gives no headers.
type headless struct{ provider.Driver }

type headlessSession struct {
	provider.Provider
	provider.Source
}

func (d headless) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	p, err := d.Driver.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	source, _ := provider.As[provider.Source](p)
	return headlessSession{p, source}, nil
}

func (s headlessSession) Changes(ctx context.Context, r provider.Request) (provider.Page, error) {
	r.Want = provider.WantIDs
	return s.Source.Changes(ctx, r)
}

// What is in the outbox is told by what a cycle would do with it, and nothing is
// claimed.
func TestDryRunOfTheOutbox(t *testing.T) {
	ctx := context.Background()
	w := newDryWorld(providertest.IMAPLike)
	now := time.Now()
	put := func(n int, phase Phase, change func(*Entry)) {
		e := entry(ann, n, "carl@example.org", "dora@example.org")
		e.NotBefore = now.Add(-time.Hour)
		if phase == PhasePending {
			change(&e)
		}
		require.NoError(t, w.store.Enqueue(ctx, e))
		if phase == PhasePending {
			return
		}
		e, err := w.store.Entry(ctx, ann, e.ID)
		require.NoError(t, err)
		e.Phase = phase
		change(&e)
		require.NoError(t, w.store.Advance(ctx, e))
	}
	as := func(*Entry) {}
	claimed := func(until time.Duration) func(*Entry) {
		return func(e *Entry) { e.Claimer, e.ClaimedUntil = "other", now.Add(until) }
	}
	for n := range 250 {
		put(n, PhasePending, as)
	}
	put(300, PhasePending, func(e *Entry) { e.NotBefore = now.Add(time.Hour) })
	put(301, PhaseClaimed, claimed(time.Hour))
	put(302, PhaseClaimed, claimed(-time.Hour))
	put(303, PhaseSubmitting, claimed(time.Hour))
	put(304, PhaseSubmitting, claimed(-time.Hour))
	put(305, PhaseUncertain, as)
	put(306, PhaseHeld, as)
	put(307, PhaseAccepted, as)
	put(308, PhaseDone, as)
	s := w.syncer(t)
	o := dryRun(t, w, s, DryRun{}).Outgoing
	require.NotZero(t, o.Bytes)
	o.Bytes = 0
	require.Equal(t, DryRunOutgoing{Due: 251, Recipients: 502, Waiting: 3, Accepted: 1, Uncertain: 2, Held: 1}, o)
	o = dryRun(t, w, s, DryRun{Limit: 120}).Outgoing
	require.True(t, o.Limited)
	require.Equal(t, 120, o.Due)
}

// What earlier cycles left to be done is told apart from what the decisions ask for.
func TestDryRunOfActsOwed(t *testing.T) { synctest.Test(t, dryRunOfActsOwed) }

func dryRunOfActsOwed(t *testing.T) {
	w := newDryWorld(providertest.IMAPLike)
	w.cfg.Filter = dryFilter(true)
	var last provider.ID
	for n := range 10 {
		last = w.put("INBOX", n, 0)
	}
	s := w.syncer(t)
	report := dryRun(t, w, s, DryRun{})
	require.Equal(t, DryRunActs{Kinds: map[provider.ActKind]int{provider.Mark: 2}, Deletions: 2}, report.Acts)
	syncOnce(t, s, ann)
	act := provider.Act{Folder: "INBOX", Epoch: w.server.Epoch(ann, "INBOX"), ID: last}
	mark, remove := act, act
	mark.Kind, mark.Flag, remove.Kind = provider.Mark, `\Seen`, provider.Delete
	require.NoError(t, s.Owe(context.Background(), ann, mark, remove))
	report = dryRun(t, w, s, DryRun{})
	require.Zero(t, report.Acts)
	require.Equal(t, DryRunActs{Kinds: map[provider.ActKind]int{provider.Mark: 1}}, report.Owed)
	time.Sleep(24 * time.Hour)
	report = dryRun(t, w, s, DryRun{})
	require.Equal(t, DryRunActs{Kinds: map[provider.ActKind]int{provider.Mark: 1}, Deletions: 1}, report.Owed)
	require.Contains(t, report.String(), "; 1 act; 1 deletion")
	s.Close()
}

// A dry run fails like a cycle and says nothing against the mailbox; it does not sign
// in where a cycle has to wait, and replaces a session that died.
func TestDryRunFailsWithoutTrace(t *testing.T) {
	ctx := context.Background()
	w := newDryWorld(providertest.IMAPLike)
	w.put("INBOX", 1, 0)
	refused := false
	w.server.Fault = func(c providertest.Call) providertest.Outcome {
		if refused && c.Op == providertest.OpOpen {
			return providertest.Outcome{Err: &provider.Error{Op: "sign in", Kind: provider.ErrAuth, Err: errors.New("no")}}
		}
		return providertest.Outcome{}
	}
	s := w.syncer(t)
	require.Equal(t, 1, syncOnce(t, s, ann).Tracked)
	w.put("INBOX", 2, 0)

	w.server.Break(ann)
	require.Equal(t, 1, dryRun(t, w, s, DryRun{}).Tracked, "the session that died was replaced")
	opened, _ := w.server.Sessions()
	require.Equal(t, 1, opened, "and the new one is kept")
	require.Equal(t, 1, dryRun(t, w, s, DryRun{}).Tracked)

	s = w.syncer(t)
	refused = true
	before, writes := w.everything(t), w.store.Writes()
	for range 5 {
		_, err := s.DryRun(ctx, ann, DryRun{})
		require.ErrorIs(t, err, provider.ErrAuth)
		require.ErrorContains(t, err, "mailbox acme/ann: incoming: ")
	}
	require.Equal(t, before, w.everything(t))
	require.Equal(t, writes, w.store.Writes())

	_, err := s.SyncMailbox(ctx, ann)
	require.ErrorIs(t, err, provider.ErrAuth)
	calls := w.server.Calls()
	report := dryRun(t, w, s, DryRun{})
	require.Contains(t, report.Closed, mailbox.Incoming)
	require.Equal(t, calls, w.server.Calls(), "nobody signed in")
	require.Contains(t, report.String(), "incoming would not be tried now: ")

	_, err = s.DryRun(ctx, bob, DryRun{})
	require.ErrorIs(t, err, ErrNotFound)
}

// One mailbox is worked on once at a time, and a Filter's error ends the dry run.
func TestDryRunTakesTheMailboxToItself(t *testing.T) {
	ctx := context.Background()
	w := newDryWorld(providertest.EWSLike)
	w.put("INBOX", 1, 0)
	var s *Syncer
	failed := errors.New("the CRM is down")
	w.cfg.Filter = func(context.Context, []Candidate) ([]Decision, error) {
		_, err := s.SyncMailbox(ctx, ann)
		require.ErrorIs(t, err, ErrBusy)
		_, err = s.DryRun(ctx, ann, DryRun{})
		require.ErrorIs(t, err, ErrBusy)
		return nil, failed
	}
	s = w.syncer(t)
	report, err := s.DryRun(ctx, ann, DryRun{})
	require.ErrorIs(t, err, failed)
	require.Zero(t, report.Tracked)
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_, err = s.DryRun(ctx, ann, DryRun{})
	require.ErrorIs(t, err, context.Canceled)
}

// A listing that the server gives up in the middle is begun again, and nothing counts
// twice.
func TestDryRunListsAgainWhatExpired(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(string(temperament), func(t *testing.T) {
			w := newDryWorld(temperament)
			w.cfg.BatchItems = 3
			w.cfg.Filter = dryFilter(false)
			w.box.ProcessAfter = dryBound
			for n := range 20 {
				w.put("INBOX", n, 1)
			}
			pages := 0
			w.server.Fault = func(c providertest.Call) providertest.Outcome {
				if c.Op == providertest.OpChanges {
					if pages++; pages == 3 || pages == 8 {
						return providertest.Outcome{Err: &provider.Error{Op: "list", Kind: provider.ErrCursorExpired}}
					}
				}
				return providertest.Outcome{}
			}
			report := dryRun(t, w, w.syncer(t), DryRun{})
			require.Equal(t, []int{12, 4, 4, 0}, []int{report.Tracked, report.Ignored, report.Deferred, report.Older})
			require.Len(t, report.Sample, 10)
			require.False(t, report.Limited)
		})
	}
}

// A bound on requests makes a dry run slow and not fail, and leaves something for live
// mail.
func TestDryRunKeepsToTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDryWorld(providertest.IMAPLike)
		w.cfg.BatchItems = 1
		w.cfg.Filter = dryFilter(false)
		w.cfg.Requests = Requests{Organization: 20}
		for n := range 100 {
			w.put("INBOX", n, 0)
		}
		s := w.syncer(t)
		began := time.Now()
		require.Equal(t, 60, dryRun(t, w, s, DryRun{}).Tracked)
		require.Greater(t, time.Since(began), 4*time.Minute)
		_, err := s.SyncMailbox(context.Background(), ann)
		require.NoError(t, err, "there is something left")
		s.Close()
	})
}

// The report is the same each time, as text and as JSON, however many reasons there
// are, and what others wrote cannot lead a terminal astray.
func TestDryRunReportIsBoundedAndTheSameEachTime(t *testing.T) {
	w := newDryWorld(providertest.IMAPLike)
	w.box.Folders = []string{"*"}
	for n := range 200 {
		w.put([]provider.FolderID{"INBOX", "Sent"}[n%2], n, 0)
	}
	w.cfg.Filter = func(_ context.Context, page []Candidate) (decisions []Decision, err error) {
		for _, c := range page {
			n := numbered(c.Message)
			d := Decision{Reason: fmt.Sprintf("\x1b[31mreason %d", n/2%70)}
			if n%3 == 0 {
				d.Then = []provider.Act{{Kind: provider.Mark, Flag: `\Seen`}, {Kind: provider.Move, To: "Trash"}}
			}
			decisions = append(decisions, d)
		}
		return decisions, nil
	}
	s := w.syncer(t)
	texts, encoded := make(map[string]bool), make(map[string]bool)
	for range 5 {
		report := dryRun(t, w, s, DryRun{})
		require.Len(t, report.Reasons, 50)
		require.NotZero(t, report.OtherReasons)
		report.Began, report.Took = time.Time{}, 0
		texts[report.String()] = true
		raw, err := json.Marshal(report)
		require.NoError(t, err)
		encoded[string(raw)] = true
		require.NotContains(t, report.String(), "\x1b")
		require.Contains(t, report.String(), "200 messages would be brought in")
		require.Contains(t, report.String(), "134 acts")
		var back DryRunReport
		require.NoError(t, json.Unmarshal(raw, &back))
		require.Equal(t, report.Tracked, back.Tracked)
		require.Equal(t, report.Folders[1].Tracked, back.Folders[1].Tracked)
	}
	require.Len(t, texts, 1)
	require.Len(t, encoded, 1)
}

func TestDryRunReportReadsWell(t *testing.T) {
	counts := DryRunCounts{Tracked: 1204, Bytes: 38_200_000, Ignored: 311, Known: 12,
		Reasons: []DryRunReason{{Tracked, "a customer wrote it", 1204}, {Ignored, "nobody knows the sender", 311}}}
	counts.Acts.Kinds = map[provider.ActKind]int{provider.Mark: 2}
	report := DryRunReport{Mailbox: ann, DryRunCounts: counts, Outgoing: DryRunOutgoing{Due: 3, Held: 1},
		Folders: []DryRunFolder{{ID: "INBOX", Name: "INBOX", DryRunCounts: counts}}}
	require.Equal(t, strings.Join([]string{
		"acme/ann: 1,204 messages would be brought in (38.2 MB), 311 ignored, 12 known already; 3 emails would be sent; 2 acts",
		"  folder INBOX: 1,204 brought in (38.2 MB), 311 ignored, 12 known already",
		"  1,204 tracked: a customer wrote it",
		"  311 ignored: nobody knows the sender",
		"  1 email held for a person",
	}, "\n"), report.String())
}

// A host shows what the first synchronization of a mailbox would do before it is
// switched on. With "process email from" moved back it shows what that would add.
func ExampleSyncer_DryRun() {
	ctx := context.Background()
	server := providertest.NewServer(providertest.IMAPLike)
	received := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for n := range 8 {
		server.Put(ann, "INBOX", providertest.Message{Raw: letter(n), Received: received.AddDate(0, 0, n)})
	}
	box := annBox
	box.ProcessAfter = received.AddDate(0, 0, 3)
	store := memory.New()
	store.Enqueue(ctx, entry(ann, 1, "carl@example.org"))
	cfg := newConfig(server, store, box)
	cfg.Filter = func(_ context.Context, page []Candidate) (decisions []Decision, err error) {
		for _, c := range page {
			d := Decision{Reason: "a customer wrote it", Then: []provider.Act{{Kind: provider.Mark, Flag: `\Seen`}}}
			if strings.HasSuffix(c.Message.Subject, "5") {
				d = Decision{Verdict: Ignored, Reason: "an advertisement"}
			}
			decisions = append(decisions, d)
		}
		return decisions, nil
	}
	syncer, err := New(cfg)
	if err != nil {
		panic(err)
	}
	defer syncer.Close()

	report, err := syncer.DryRun(ctx, ann, DryRun{Sample: 1})
	if err != nil {
		panic(err)
	}
	fmt.Println(report)
	for _, m := range report.Sample {
		fmt.Printf("%s from %s: %s\n", m.Subject, m.From, m.Verdict)
	}

	report, err = syncer.DryRun(ctx, ann, DryRun{ProcessAfter: &received})
	if err != nil {
		panic(err)
	}
	fmt.Println("an earlier bound would add", report.Added)
	// Output:
	// acme/ann: 4 messages would be brought in (616 B), 1 ignored, 3 from before 2026-11-24 09:00 UTC; 1 email would be sent; 4 acts
	//   folder INBOX: 4 brought in (616 B), 1 ignored, 3 from before 2026-11-24 09:00 UTC
	//   4 tracked: a customer wrote it
	//   1 ignored: an advertisement
	// letter 7 from carl@example.org: tracked
	// an earlier bound would add 3
}
