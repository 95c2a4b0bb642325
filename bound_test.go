package serversync_test

import (
	"context"
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

// I8: an earlier bound brings in what the one before left out, be it old or put in
// since; a later one takes nothing back. Neither is forgotten by a restart.
func TestI8BoundMovedBackPullsEarlierMail(t *testing.T) {
	for _, temperament := range temperaments {
		if temperament == providertest.POP3Like {
			continue // it knows no time of receipt
		}
		t.Run(string(temperament), func(t *testing.T) {
			w := newDryWorld(temperament)
			w.cfg.BatchItems = 3
			tracked := func(days int) int {
				t.Helper()
				w.box.ProcessAfter = dryBound.AddDate(0, 0, days)
				s := w.syncer(t)
				report := syncOnce(t, s, ann)
				require.Empty(t, report.Resets)
				require.Empty(t, report.Alerts)
				require.Zero(t, report.Gone)
				syncOnce(t, s, ann) // to Graph two listings are two rounds of news
				require.Zero(t, syncOnce(t, s, ann).Commits, "and then nothing is written")
				return report.Tracked
			}
			for n := range 20 {
				w.put("INBOX", n, n)
			}
			require.Equal(t, 8, tracked(12))
			require.Equal(t, 4, tracked(8))
			require.Equal(t, 0, tracked(15))
			w.put("INBOX", 20, 10)
			w.put("INBOX", 21, 16)
			require.Equal(t, 1, tracked(15))
			require.Equal(t, 1, tracked(9))
			require.Equal(t, 8, tracked(-1000))
			require.Len(t, w.store.Messages("acme"), 22)
			snap, err := w.store.Load(context.Background(), ann)
			require.NoError(t, err)
			require.Empty(t, snap.State.Reach.Again)
		})
	}
}

// I8: the profile's bound counts like the mailbox's; the later of the two holds.
func TestI8BoundOfTheProfile(t *testing.T) {
	w := newDryWorld(providertest.IMAPLike)
	for n := range 10 {
		w.put("INBOX", n, n)
	}
	sync := func(box, profile int) int {
		p := testProfile
		p.ProcessAfter, w.box.ProcessAfter = dryBound.AddDate(0, 0, profile), dryBound.AddDate(0, 0, box)
		w.cfg.Mailboxes = Static(p, w.box)
		return syncOnce(t, newSyncer(t, w.cfg), ann).Tracked
	}
	require.Equal(t, 2, sync(3, 8))
	require.Zero(t, sync(-5, 8))
	require.Equal(t, 3, sync(-5, 5))
	require.Equal(t, 5, sync(-5, -5))
}

// I8: a folder that is not synchronized while the bound moves has its turn when it
// is again.
func TestI8BoundMovedWhileAFolderIsLeftOut(t *testing.T) {
	for _, temperament := range []providertest.Temperament{providertest.IMAPLike, providertest.EWSLike, providertest.GraphLike, providertest.DAVLike} {
		w := newDryWorld(temperament)
		for n := range 20 {
			w.put([]provider.FolderID{"INBOX", "Sent"}[n%2], n, n)
		}
		sync := func(days int, folders ...string) int {
			w.box.ProcessAfter, w.box.Folders = dryBound.AddDate(0, 0, days), folders
			return syncOnce(t, w.syncer(t), ann).Tracked
		}
		require.Equal(t, 10, sync(10, "INBOX", "Sent"))
		require.Equal(t, 3, sync(4, "INBOX"), temperament)
		require.Equal(t, 3, sync(4, "INBOX", "Sent"), temperament)
		require.Zero(t, sync(4, "INBOX", "Sent"), temperament)
	}
}

// I8, I3: what is deleted while a folder is listed once more is heard of, and live
// mail does not wait for it.
func TestI8DeletionsAreHeardWhileListedOnceMore(t *testing.T) {
	for _, temperament := range []providertest.Temperament{providertest.IMAPLike, providertest.EWSLike, providertest.GraphLike, providertest.DAVLike} {
		w := newDryWorld(temperament)
		w.cfg.BatchItems = 2
		var ids []provider.ID
		for n := range 20 {
			ids = append(ids, w.put("INBOX", n, n))
		}
		w.box.ProcessAfter = dryBound.AddDate(0, 0, 10)
		syncOnce(t, w.syncer(t), ann)
		w.box.ProcessAfter = dryBound
		s := w.syncer(t)
		commits := 0
		s.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
			if c.Name == "Store.Commit" {
				if commits++; commits == 2 {
					w.server.Remove(ann, "INBOX", ids[15])
					w.server.Remove(ann, "INBOX", ids[9])
					w.put("INBOX", 30, 30)
				}
			}
			return do(ctx)
		})
		syncOnce(t, s, ann)
		syncOnce(t, s, ann)
		there := 0
		for _, p := range w.store.Places(ann) {
			if !p.Gone {
				there++
			}
		}
		require.Equal(t, 19, there, temperament)
	}
}

// I8: a bound that moves forwards with every look costs no write by itself.
func TestI8SlidingBoundCostsNoWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		for n := range 5 {
			server.Add(ann, "INBOX", letter(n))
		}
		st := memory.New()
		cfg := newConfig(server, st)
		directory := Static(testProfile)
		cfg.Mailboxes = directory
		s := newSyncer(t, cfg)
		slide := func() Report {
			box := annBox
			box.Profile, box.ProcessAfter = testProfile.ID, time.Now().AddDate(0, 0, -30)
			directory.PutMailbox(box)
			return syncOnce(t, s, ann)
		}
		directory.PutProfile(ann.Organization, testProfile)
		require.Equal(t, 5, slide().Tracked)
		for range 5 {
			time.Sleep(time.Hour)
			require.Zero(t, slide().Commits)
		}
		server.Add(ann, "INBOX", letter(9))
		require.Equal(t, 1, slide().Tracked)
		snap, err := st.Load(context.Background(), ann)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().AddDate(0, 0, -30), snap.State.Reach.Since, 0)
		require.Equal(t, mailbox.Healthy, snap.State.Incoming.Phase)
		s.Close()
	})
}
