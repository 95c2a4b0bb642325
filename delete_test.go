package serversync_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

// I2: whoever asks for a deletion waits a day for it, from the commit on; other acts
// do not wait.
func TestI2EveryDeletionWaitsADay(t *testing.T) {
	asks := map[string]func(w *dryWorld) (owe []provider.Act){
		"a Filter, among the acts": func(w *dryWorld) []provider.Act {
			w.cfg.Filter = func(_ context.Context, page []Candidate) ([]Decision, error) {
				return []Decision{{Then: []provider.Act{{Kind: provider.Mark, Flag: `\Seen`}, {Kind: provider.Delete}}}}, nil
			}
			return nil
		},
		"a Filter that ignores the message": func(w *dryWorld) []provider.Act {
			w.cfg.Filter = func(_ context.Context, page []Candidate) ([]Decision, error) {
				return []Decision{{Verdict: Ignored, Then: []provider.Act{{Kind: provider.Mark, Flag: `\Seen`}, {Kind: provider.Delete}}}}, nil
			}
			return nil
		},
		"the host": func(w *dryWorld) []provider.Act {
			return []provider.Act{{Kind: provider.Mark, Flag: `\Seen`}, {Kind: provider.Delete}}
		},
	}
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newDryWorld(providertest.IMAPLike)
				id := w.put("INBOX", 1, 0)
				acts := ask(w)
				s := w.syncer(t)
				syncOnce(t, s, ann)
				for i := range acts {
					acts[i].Folder, acts[i].Epoch, acts[i].ID = "INBOX", w.server.Epoch(ann, "INBOX"), id
				}
				if len(acts) > 0 {
					require.NoError(t, s.Owe(context.Background(), ann, acts...))
				}
				began := time.Now()
				for time.Since(began) < 24*time.Hour-time.Hour {
					syncOnce(t, s, ann)
					require.Len(t, w.server.Items(ann, "INBOX"), 1)
					require.Equal(t, []string{`\Seen`}, w.server.Items(ann, "INBOX")[0].Flags)
					time.Sleep(time.Hour)
				}
				time.Sleep(2 * time.Hour)
				syncOnce(t, s, ann)
				require.Empty(t, w.server.Items(ann, "INBOX"))
				s.Close()
			})
		})
	}
}

// I2: DeleteProcessed deletes from the mailboxes of queues and from forward
// mailboxes, after a day, what was tracked and nothing else; from a user's never.
func TestI2DeleteProcessed(t *testing.T) {
	for kind, deletes := range map[mailbox.Kind]bool{mailbox.User: false, mailbox.Queue: true, mailbox.Forward: true} {
		for _, temperament := range temperaments {
			t.Run(string(kind)+"/"+string(temperament), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newDryWorld(temperament)
					w.box.Kind, w.box.DeleteProcessed = kind, true
					w.cfg.ItemTries = 2
					w.cfg.Filter = func(_ context.Context, page []Candidate) (decisions []Decision, err error) {
						for _, c := range page {
							d := Decision{}
							switch numbered(c.Message) % 4 {
							case 1:
								d.Verdict = Ignored
							case 2:
								d.Verdict, d.Reason = Deferred, "not now"
							}
							decisions = append(decisions, d)
						}
						return decisions, nil
					}
					for n := range 12 {
						id := w.put("INBOX", n, 0)
						if n == 3 {
							w.server.Spoil(ann, "INBOX", id, provider.ErrBadItem)
						}
					}
					s := w.syncer(t)
					require.Equal(t, 5, syncOnce(t, s, ann).Tracked)
					for range 23 {
						time.Sleep(time.Hour)
						syncOnce(t, s, ann)
					}
					require.Len(t, w.server.Items(ann, "INBOX"), 12)
					time.Sleep(2 * time.Hour)
					syncOnce(t, s, ann)
					left := w.server.Items(ann, "INBOX")
					if !deletes {
						require.Len(t, left, 12)
						require.Empty(t, load(t, w).Owed)
						s.Close()
						return
					}
					require.Len(t, left, 7, "what was ignored or quarantined stays")
					for _, m := range left {
						for _, n := range []int{0, 4, 7, 8, 11} {
							require.NotEqual(t, string(letter(n)), string(m.Raw))
						}
					}
					require.Len(t, w.store.Messages("acme"), 5)
					s.Close()
				})
			})
		}
	}
}

func load(t *testing.T, w *dryWorld) Snapshot {
	t.Helper()
	snap, err := w.store.Load(context.Background(), ann)
	require.NoError(t, err)
	return snap
}

// I2: what the Store refuses is not the host's yet, so that neither its deletion nor
// any other act is owed until it has taken it.
func TestI2NothingIsOwedForWhatTheStoreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDryWorld(providertest.IMAPLike)
		p := &poison{server: w.server, store: w.store}
		w.cfg.Store = refusing{w.store, p}
		w.box.Kind, w.box.DeleteProcessed = mailbox.Queue, true
		w.cfg.Filter = func(_ context.Context, page []Candidate) (decisions []Decision, err error) {
			for range page {
				decisions = append(decisions, Decision{Then: []provider.Act{{Kind: provider.Mark, Flag: `\Seen`}}})
			}
			return decisions, nil
		}
		for n := range 3 {
			id := w.put("INBOX", n, 0)
			if n == 1 {
				p.id = id
			}
		}
		s := w.syncer(t)
		syncOnce(t, s, ann)
		for _, act := range load(t, w).Owed {
			require.NotEqual(t, p.id, act.Act.ID)
		}
		for range 40 {
			time.Sleep(time.Hour)
			syncOnce(t, s, ann)
		}
		left := w.server.Items(ann, "INBOX")
		require.Len(t, left, 1)
		require.Equal(t, p.id, left[0].ID)
		require.Empty(t, left[0].Flags)
		s.Close()
	})
}

// I2: nothing is deleted whose commit failed, however long ago that is.
func TestI2NothingIsDeletedBeforeItsCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDryWorld(providertest.IMAPLike)
		w.box.Kind, w.box.DeleteProcessed = mailbox.Queue, true
		for n := range 3 {
			w.put("INBOX", n, 0)
		}
		s := w.syncer(t)
		fails := true
		s.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
			if c.Name == "Store.Commit" && fails {
				return errors.New("the database is down")
			}
			return do(ctx)
		})
		for range 50 {
			_, err := s.SyncMailbox(context.Background(), ann)
			require.Error(t, err)
			time.Sleep(time.Hour)
		}
		require.Len(t, w.server.Items(ann, "INBOX"), 3)
		fails = false
		syncOnce(t, s, ann)
		time.Sleep(23 * time.Hour)
		syncOnce(t, s, ann)
		require.Len(t, w.server.Items(ann, "INBOX"), 3)
		time.Sleep(2 * time.Hour)
		syncOnce(t, s, ann)
		require.Empty(t, w.server.Items(ann, "INBOX"))
		s.Close()
	})
}
