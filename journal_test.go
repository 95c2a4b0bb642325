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

func journalOf(t *testing.T, w *world) []JournalItem {
	items, err := w.store.Items(t.Context(), ann, ItemKey{}, 100)
	require.NoError(t, err)
	return items
}

// The journal says for each item that failed or was skipped what, why and how
// often, and that it was dealt with in the end.
func TestJournalOfIncomingItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, providertest.IMAPLike)
		w.cfg.Filter = func(_ context.Context, page []Candidate) ([]Decision, error) {
			decisions := make([]Decision, len(page))
			for i, c := range page {
				if c.Message.Subject == "letter 2" {
					decisions[i] = Decision{Verdict: Ignored, Reason: "from nobody we know"}
				}
			}
			return decisions, nil
		}
		w.start()
		w.server.Add(ann, "INBOX", letter(1))
		skipped := w.server.Add(ann, "INBOX", letter(2))
		bad := w.server.Add(ann, "INBOX", letter(3))
		w.server.Spoil(ann, "INBOX", bad, provider.ErrBadItem)
		syncOnce(t, w.syncer, ann)
		items := journalOf(t, w)
		require.Len(t, items, 2, "what went well is not in it")
		byID := map[provider.ID]JournalItem{items[0].ID: items[0], items[1].ID: items[1]}
		require.Equal(t, Ignored, byID[skipped].Kind)
		require.Equal(t, "from nobody we know", byID[skipped].Reason)
		require.Empty(t, byID[skipped].Code)
		require.Equal(t, Deferred, byID[bad].Kind)
		require.Equal(t, "bad-item", byID[bad].Code)
		require.Equal(t, 1, byID[bad].Tries)
		first := byID[bad].First

		time.Sleep(gap)
		syncOnce(t, w.syncer, ann)
		time.Sleep(gap)
		syncOnce(t, w.syncer, ann)
		byID[bad] = find(journalOf(t, w), bad)
		require.Equal(t, Quarantined, byID[bad].Kind)
		require.Equal(t, 3, byID[bad].Tries)
		require.Equal(t, first, byID[bad].First)
		require.True(t, byID[bad].Last.After(first))
	})
}

func find(items []JournalItem, id provider.ID) JournalItem {
	for _, i := range items {
		if i.ID == id {
			return i
		}
	}
	return JournalItem{}
}

// So it does for mail on its way out.
func TestJournalOfOutgoingItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		require.True(t, o.test(TestOptions{NoMessage: true}).Passed)
		e := entry(ann, 1, "carl@example.org")
		e.Queued = time.Now()
		require.NoError(t, o.store.Enqueue(t.Context(), e))
		o.sendErr = &provider.Error{Op: "smtp: MAIL", Kind: provider.ErrUnavailable, Code: "421", Err: errors.New("busy")}
		o.syncer.SyncMailbox(t.Context(), ann)
		items := journalOf(t, o.world)
		require.Len(t, items, 1)
		require.Equal(t, Retried, items[0].Kind)
		require.Equal(t, mailbox.Outgoing, items[0].Side)
		require.Equal(t, provider.ID("e001"), items[0].ID)
		require.NotEmpty(t, items[0].Code)
		require.NotEmpty(t, items[0].Reason)

		o.sendErr = nil
		time.Sleep(gap)
		_, err := o.syncer.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		items = journalOf(t, o.world)
		require.Len(t, items, 1)
		require.Equal(t, Tracked, items[0].Kind)
		require.Equal(t, 1, items[0].Tries)

		o.PutSettings(ann.Organization, mailbox.Settings{JournalOff: true})
		o.sendErr = &provider.Error{Op: "smtp: MAIL", Kind: provider.ErrUnavailable, Err: errors.New("busy")}
		require.NoError(t, o.store.Enqueue(t.Context(), entry(ann, 2, "carl@example.org")))
		o.syncer.SyncMailbox(t.Context(), ann)
		require.Len(t, journalOf(t, o.world), 1, "switched off")

		bad := QuarantinedItem{Place: provider.Place{Folder: "INBOX", Epoch: "1", ID: "77"}}
		require.NoError(t, o.syncer.Replay(t.Context(), ann, bad))
		require.Len(t, journalOf(t, o.world), 1, "and not written by a replay either")
	})
}
