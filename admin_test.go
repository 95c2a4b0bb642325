package serversync_test

import (
	"encoding/json"
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
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// A pause is respected by the cycle under way too: it ends before the next email or
// page, and that is no failure.
func TestPauseEndsTheCycleUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		require.True(t, o.test(TestOptions{NoMessage: true}).Passed)
		for n := range 30 {
			e := entry(ann, n, "carl@example.org")
			e.Queued = time.Now()
			require.NoError(t, o.store.Enqueue(t.Context(), e))
		}
		o.server.Fault = func(c providertest.Call) providertest.Outcome {
			if c.Op == providertest.OpSend {
				time.Sleep(time.Second)
			}
			return providertest.Outcome{}
		}
		go func() {
			time.Sleep(5 * time.Second)
			require.NoError(t, o.syncer.Pause(t.Context(), ann, "Eve"))
		}()
		_, err := o.syncer.SyncMailbox(t.Context(), ann)
		require.ErrorIs(t, err, ErrFenced)
		require.Less(t, len(o.server.Sent()), 8)
		report, err := o.syncer.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, "paused", report.Closed[mailbox.Outgoing].Code)
		require.NoError(t, o.syncer.Resume(t.Context(), ann, "Eve"))
		for range 4 {
			time.Sleep(gap)
			syncOnce(t, o.syncer, ann)
		}
		require.Len(t, o.server.Sent(), 30, "none twice, none lost")
	})
}

// Ten thousand mailboxes are tested a few at a time, with one word of progress each.
func TestTestProfileOfManyMailboxes(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 500
	}
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		var boxes []mailbox.Mailbox
		for i := range n {
			key := mailbox.Key{Organization: "acme", Mailbox: fmt.Sprintf("m%05d", i)}
			boxes = append(boxes, mailbox.Mailbox{Key: key, Address: key.Mailbox + "@example.test", Password: secret.New("x")})
		}
		s := newSyncer(t, newConfig(server, memory.New(), boxes...))
		var mu sync.Mutex
		most, seen := 0, 0
		server.Fault = func(c providertest.Call) providertest.Outcome {
			open, _ := server.Sessions()
			mu.Lock()
			most = max(most, open)
			mu.Unlock()
			time.Sleep(time.Millisecond)
			return providertest.Outcome{}
		}
		sum, err := s.TestProfile(t.Context(), "acme", testProfile.ID, TestOptions{NoMessage: true}, func(TestProgress) { seen++ })
		require.NoError(t, err)
		require.Equal(t, n, seen)
		require.Equal(t, n, sum.Passed)
		require.LessOrEqual(t, most, 32)
	})
}

// A Directory may be read, paged and edited by many at once.
func TestDirectoryByMany(t *testing.T) {
	d := Static(testProfile, annBox, bobBox)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				key := mailbox.Key{Organization: "acme", Mailbox: fmt.Sprint(i, n)}
				d.PutMailbox(mailbox.Mailbox{Key: key, Profile: testProfile.ID, Folders: []string{"INBOX"}})
				require.NoError(t, d.Edit(t.Context(), ann, func(m *mailbox.Mailbox) {
					m.Folders = append(m.Folders[:0], fmt.Sprint(n))
				}))
				d.PutProfile("acme", profile.Profile{ID: profile.ID(key.Mailbox)})
				d.PutSettings("acme", mailbox.Settings{SendBatch: n})
				box, _, err := d.Mailbox(t.Context(), ann)
				require.NoError(t, err)
				require.Len(t, box.Folders, 1)
				after, last := mailbox.Key{}, ""
				for {
					page, err := d.Keys(t.Context(), after, 100)
					require.NoError(t, err)
					for _, k := range page {
						require.Greater(t, k.Mailbox, last)
						last = k.Mailbox
					}
					if len(page) < 100 {
						break
					}
					after = page[99]
				}
			}
		})
	}
	all.Wait()
}

// M5: whatever closes a gate says so with a code, a cause and a remedy.
func TestM5EveryClosedGateExplains(t *testing.T) {
	explains := func(t *testing.T, o *office) {
		report, _ := o.syncer.SyncMailbox(t.Context(), ann)
		for side, why := range report.Closed {
			require.NotEmpty(t, why.Code, "%s %v", side, why)
			require.NotEmpty(t, why.Cause, "%s %v", side, why)
			require.NotEmpty(t, why.Remedy, "%s %v", side, why)
		}
		for _, a := range alertsOf(o.store, ann) {
			require.NotEmpty(t, a.Message)
			require.True(t, a.Remedy != "" || a.Level == profile.Info, a)
		}
	}
	for _, kind := range []provider.Kind{provider.ErrAuth, provider.ErrThrottled, provider.ErrUnavailable, provider.ErrCursorExpired, provider.ErrNotFound,
		provider.ErrBadItem, provider.ErrProtocol, provider.ErrTooLarge, provider.ErrUnsafe, provider.ErrUnsupported, "of no kind"} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, providertest.IMAPLike)
			o.approve()
			require.True(t, o.test(TestOptions{NoMessage: true}).Passed)
			o.openErr = &provider.Error{Op: "odd", Kind: kind}
			for range 15 {
				explains(t, o)
				time.Sleep(7 * time.Minute)
			}
			o.test(TestOptions{})
			explains(t, o)
			require.NoError(t, o.syncer.Disable(t.Context(), ann, mailbox.Outgoing, "Eve"))
			explains(t, o)
			require.NoError(t, o.Edit(t.Context(), ann, func(m *mailbox.Mailbox) { m.Inactive = true }))
			explains(t, o)
		})
	}
}

// A mailbox that fails and heals for a month has few alerts on its wall, fewer open,
// and a small state.
func TestAFlappingMailboxTellsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, providertest.IMAPLike)
		o.approve()
		require.True(t, o.test(TestOptions{NoMessage: true}).Passed)
		for n := range 30 * 24 * 12 {
			o.server.Fault = nil
			if n%48 < 36 { // three hours of four, so that it is suspended each time
				o.server.Fault = func(providertest.Call) providertest.Outcome { return providertest.Outcome{Cut: true} }
			}
			o.syncer.SyncMailbox(t.Context(), ann)
			time.Sleep(5 * time.Minute)
		}
		require.Greater(t, len(alertsOf(o.store, ann)), 300)
		require.Less(t, len(alertsOf(o.store, ann)), 400, "one when it is suspended and one when it resumes")
		require.LessOrEqual(t, len(o.state().Open), 2)
		doc, err := json.Marshal(o.state())
		require.NoError(t, err)
		require.Less(t, len(doc), 4000)
		t.Log(len(alertsOf(o.store, ann)), "alerts,", len(doc), "bytes of state")
	})
}
