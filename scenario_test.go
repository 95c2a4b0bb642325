package serversync_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

// A scenario is a story in steps. Each step changes the world and lets it come to
// rest, or makes a number of rounds.
type scenario struct {
	name  string
	only  []providertest.Temperament // all if empty
	setUp func(*world)
	steps []step
}

type step struct {
	do     func(*world)
	rounds int // 0: until it is quiet
}

// play plays a scenario to its end. Steps begin a week apart whatever happens.
func (s scenario) play(w *world) {
	if s.setUp != nil {
		s.setUp(w)
	}
	w.start()
	began := time.Now()
	for i, st := range s.steps {
		time.Sleep(time.Until(began.Add(time.Duration(i) * 7 * 24 * time.Hour)))
		st.do(w)
		w.settle(st.rounds)
	}
	w.syncer.Close()
}

func add(key mailbox.Key, from, to int) step {
	return step{do: func(w *world) {
		for n := from; n < to; n++ {
			w.server.Add(key, "INBOX", letter(n))
		}
	}}
}

// nth is the id of the n-th message that is in a folder now.
func nth(w *world, folder provider.FolderID, n int) provider.ID {
	return w.server.Items(ann, folder)[n].ID
}

func once(st step) step {
	st.rounds = 1
	return st
}

func spoil(n int, kind provider.Kind) func(*world) {
	return func(w *world) { w.server.Spoil(ann, "INBOX", nth(w, "INBOX", n), kind) }
}

func both(do ...func(*world)) func(*world) {
	return func(w *world) {
		for _, f := range do {
			f(w)
		}
	}
}

var scenarios = []scenario{
	{
		name:  "first sync",
		steps: []step{add(ann, 0, 12)},
	},
	{
		name: "news",
		steps: []step{add(ann, 0, 6), {do: func(w *world) {
			w.server.Add(ann, "INBOX", letter(10))
			w.server.SetFlags(ann, "INBOX", nth(w, "INBOX", 0), `\Seen`)
			w.server.SetFlags(ann, "INBOX", nth(w, "INBOX", 1), `\Flagged`, `\Seen`)
			w.server.Remove(ann, "INBOX", nth(w, "INBOX", 2))
			w.server.Move(ann, "INBOX", nth(w, "INBOX", 2), "Trash")
			w.server.Add(ann, "INBOX", letter(11))
			w.server.Add(ann, "INBOX", letter(3)) // once more
		}}},
	},
	{
		name:  "new epoch",
		steps: []step{add(ann, 0, 6), {do: both(add(ann, 6, 8).do, func(w *world) { w.server.NewEpoch(ann, "INBOX") })}},
	},
	{
		name:  "cursors expired",
		steps: []step{add(ann, 0, 6), {do: both(add(ann, 6, 8).do, func(w *world) { w.server.ExpireCursors(ann) })}},
	},
	{
		name: "new epoch in the first sync",
		steps: []step{once(add(ann, 0, 9)), {do: func(w *world) { w.server.NewEpoch(ann, "INBOX") }},
			{do: both(add(ann, 9, 11).do, func(w *world) { w.server.NewEpoch(ann, "INBOX") })}},
	},
	{
		name: "filter and acts",
		only: []providertest.Temperament{providertest.IMAPLike, providertest.EWSLike, providertest.GraphLike},
		setUp: func(w *world) {
			w.cfg.Filter = func(_ context.Context, page []Candidate) (decisions []Decision, err error) {
				for _, c := range page {
					d := Decision{Reason: "because"}
					switch numbered(c.Message) % 4 {
					case 0:
						d.Verdict = Ignored
					case 1:
						d.Then = []provider.Act{{Kind: provider.Mark, Flag: `\Seen`}}
					case 2:
						d.Then = []provider.Act{{Kind: provider.Move, To: "Trash"}}
					case 3:
						d.DeleteAfter = time.Hour
					}
					decisions = append(decisions, d)
				}
				return decisions, nil
			}
		},
		steps: []step{add(ann, 0, 9), {do: func(*world) {}}, add(ann, 9, 12), {do: func(*world) {}}},
	},
	{
		name: "filter and delete",
		only: []providertest.Temperament{providertest.POP3Like, providertest.DAVLike},
		setUp: func(w *world) {
			w.cfg.Filter = func(_ context.Context, page []Candidate) (decisions []Decision, err error) {
				for _, c := range page {
					d := Decision{DeleteAfter: 48 * time.Hour}
					if numbered(c.Message)%3 == 0 {
						d = Decision{Verdict: Ignored}
					}
					decisions = append(decisions, d)
				}
				return decisions, nil
			}
		},
		steps: []step{add(ann, 0, 6), {do: func(*world) {}}},
	},
	{
		name:  "poison",
		steps: []step{{do: both(add(ann, 0, 6).do, spoil(2, provider.ErrBadItem), spoil(4, provider.ErrTooLarge))}},
	},
	{
		name:  "deferred and healed",
		setUp: func(w *world) { w.cfg.ItemTries = 8 }, // a crash takes some
		steps: []step{
			once(step{do: both(add(ann, 0, 6).do, spoil(2, provider.ErrBadItem))}),
			{do: spoil(2, "")},
		},
	},
	{
		name: "sending",
		setUp: func(w *world) {
			later := time.Now().Add(2 * time.Hour)
			w.server.Recipient = func(address string) provider.Status {
				switch {
				case address == "nobody@example.org":
					return provider.StatusRejected
				case address == "later@example.org" && time.Now().Before(later):
					return provider.StatusRetry
				}
				return provider.StatusSent
			}
		},
		steps: []step{{do: func(w *world) {
			enqueue(w, 1, "carl@example.org", "nobody@example.org", "later@example.org")
			enqueue(w, 2, "dora@example.org")
			enqueue(w, 3, "nobody@example.org")
		}}},
	},
	{
		name: "answers lost",
		setUp: func(w *world) {
			var n atomic.Int64
			w.server.Fault = func(c providertest.Call) providertest.Outcome {
				if c.Op != providertest.OpSent {
					return providertest.Outcome{}
				}
				switch n.Add(1) {
				case 1:
					return providertest.Outcome{Cut: true, Effect: true}
				case 2:
					return providertest.Outcome{Cut: true}
				}
				return providertest.Outcome{}
			}
		},
		steps: []step{{do: func(w *world) {
			enqueue(w, 1, "carl@example.org", "dora@example.org")
			enqueue(w, 2, "dora@example.org")
			enqueue(w, 3, "emil@example.org")
		}}},
	},
	{
		name: "rules",
		only: []providertest.Temperament{providertest.IMAPLike, providertest.EWSLike, providertest.GraphLike},
		setUp: func(w *world) {
			box := annBox
			box.Accept = mailbox.AcceptKnown
			box.TrackedFolders = []mailbox.TrackedFolder{{Folder: "Trash", RecordType: "case", RecordID: "7"}}
			w.cfg.Mailboxes = Static(testProfile, box)
			w.cfg.Tracking = &Tracking{Addresses: testPeople}
		},
		steps: []step{
			{do: both(add(ann, 0, 5).do, func(w *world) {
				for n := range 3 {
					w.server.Add(ann, "INBOX", from("stranger@example.org", fmt.Sprintf("stranger%d@example.org", n)))
				}
			})},
			{do: func(w *world) {
				w.server.SetFlags(ann, "INBOX", nth(w, "INBOX", 5), "Tracked") // a stranger's
				w.server.Move(ann, "INBOX", nth(w, "INBOX", 6), "Trash")
			}},
		},
	},
	{
		name: "forwarded, and deleted when it is processed",
		only: []providertest.Temperament{providertest.IMAPLike, providertest.EWSLike, providertest.GraphLike},
		setUp: func(w *world) {
			box := mailbox.Mailbox{Key: ann, Address: "forward@example.test", Kind: mailbox.Forward, DeleteProcessed: true}
			bobs := bobUser
			bobs.Accept = mailbox.AcceptAll
			w.cfg.Mailboxes = Static(testProfile, box)
			w.cfg.Tracking = &Tracking{Addresses: people{"bob@example.test": {bobs}}}
		},
		steps: []step{
			{do: func(w *world) {
				for n := range 5 {
					w.server.Add(ann, "INBOX", forwarded("bob@example.test", fmt.Sprint("wrapper", n, "@1"), letter(n/2)))
				}
				w.server.Add(ann, "INBOX", forwarded("mallory@example.org", "forged@1", letter(9)))
				w.server.Add(ann, "INBOX", from("bob@example.test", "bare@1"))
			}},
			{do: func(*world) {}},
		},
	},
	{
		name: "several folders",
		only: []providertest.Temperament{providertest.IMAPLike, providertest.EWSLike, providertest.GraphLike, providertest.DAVLike},
		setUp: func(w *world) {
			box := annBox
			box.Folders = []string{"INBOX", `\Sent`, "Trash"}
			w.cfg.Mailboxes = Static(testProfile, box)
		},
		steps: []step{
			{do: both(add(ann, 0, 5).do, func(w *world) {
				w.server.Add(ann, "Trash", letter(0))
				w.server.Add(ann, "Trash", letter(50))
				enqueue(w, 1, "carl@example.org")
			})},
			{do: func(w *world) {
				w.server.Move(ann, "INBOX", nth(w, "INBOX", 1), "Trash")
				w.server.Move(ann, "INBOX", nth(w, "INBOX", 1), "Trash")
				w.server.Move(ann, "Trash", nth(w, "Trash", 0), "INBOX")
			}},
		},
	},
	{
		name:  "bound moved back",
		setUp: func(w *world) { w.cfg.Mailboxes = Static(testProfile, annBox); bound(w, 10) },
		steps: []step{
			old(0, 12),
			{do: both(func(w *world) {
				bound(w, 20)
				w.server.Remove(ann, "INBOX", nth(w, "INBOX", 7))
				w.server.Remove(ann, "INBOX", nth(w, "INBOX", 5))
			}, old(20, 23).do)},
			{do: both(func(w *world) { bound(w, 2) }, old(30, 35).do)},
			once(step{do: func(w *world) { bound(w, 25) }}),
			{do: func(w *world) { bound(w, 1000) }},
		},
	},
	{
		name: "two mailboxes, leased",
		setUp: func(w *world) {
			w.cfg.Mailboxes = Static(testProfile, annBox, bobBox)
			w.cfg.Lease = 5 * time.Minute
			w.keys = []mailbox.Key{ann, bob}
		},
		steps: []step{{do: both(add(ann, 0, 5).do, add(bob, 3, 8).do)}},
	},
	{
		name: "deletions found by listing",
		only: []providertest.Temperament{providertest.IMAPLike},
		setUp: func(w *world) {
			useDriver(w, deaf{w.server})
		},
		steps: []step{add(ann, 0, 9), {do: func(w *world) {
			w.server.Remove(ann, "INBOX", nth(w, "INBOX", 2))
			w.server.Remove(ann, "INBOX", nth(w, "INBOX", 5))
			w.server.Add(ann, "INBOX", letter(20))
		}}},
	},
}

func enqueue(w *world, n int, to ...string) {
	e := entry(ann, n, to...)
	e.Queued = time.Now()
	if err := w.store.Enqueue(context.Background(), e); err != nil {
		w.t.Fatal(err)
	}
}

// old delivers letters that the server got 0, 3, 6 … days before the world began.
func old(from, to int) step {
	return step{do: func(w *world) {
		for n := from; n < to; n++ {
			w.server.Put(ann, "INBOX", providertest.Message{Raw: letter(n), Received: daysAgo(3 * (n - from))})
		}
	}}
}

// daysAgo is so many days before a bubble's time begins.
func daysAgo(n int) time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -n) }

// bound has the world's mailbox process email from so many days before it began.
func bound(w *world, days int) {
	box := annBox
	box.Profile, box.ProcessAfter = testProfile.ID, daysAgo(days)
	w.cfg.Mailboxes.(*Directory).PutMailbox(box)
}
