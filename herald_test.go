package serversync_test

import (
	"context"
	"errors"
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

var profileWall = mailbox.Wall{Organization: "acme", Profile: testProfile.ID}

func onWall(t *testing.T, st Walls, open bool) []mailbox.Alert {
	alerts, err := st.Alerts(context.Background(), profileWall, open, 10)
	require.NoError(t, err)
	return alerts
}

// M3: an outage is one alert on the profile's wall, also of several nodes and over a
// restart, and it is resolved when the outage is over.
func TestM3OutageIsOneAlertOnTheProfilesWall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []ProfileAlert
		own := testProfile
		own.Owner, own.AlertOwner = profile.Owner{ID: "olga", Address: "olga@example.test"}, true
		p := newPair(t, func(cfg *Config) {
			cfg.Mailboxes = Static(own, annBox, bobBox)
			cfg.Hooks.ProfileAlert = func(a ProfileAlert) { told = append(told, a) }
		})
		refuse := true // the Store, at first
		p.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
			if refuse && c.Name == "Walls.Raise" {
				return errors.New("the database is down")
			}
			return do(ctx)
		})
		p.fall(t)
		require.Empty(t, onWall(t, p.store, false))
		refuse = false
		time.Sleep(time.Minute)
		other := newSyncer(t, func() Config {
			cfg := newConfig(p.server, p.store)
			cfg.Mailboxes, cfg.Drivers, cfg.Random = Static(own, annBox, bobBox), p.drivers(), counter(2)
			return cfg
		}())
		for range 3 {
			for _, key := range []mailbox.Key{ann, bob} {
				other.SyncMailbox(context.Background(), key)
				p.SyncMailbox(context.Background(), key)
			}
			time.Sleep(gap)
		}
		p.set(false)
		for _, s := range []*Syncer{p.Syncer, other} {
			syncOnce(t, s, ann)
			syncOnce(t, s, bob)
		}
		alerts := onWall(t, p.store, false)
		require.Len(t, alerts, 1)
		require.Equal(t, "profile-outage", alerts[0].Code)
		require.Equal(t, profile.Error, alerts[0].Level)
		require.Equal(t, mailbox.Incoming, alerts[0].Side)
		require.NotEmpty(t, alerts[0].Remedy)
		require.NotZero(t, alerts[0].Resolved)
		require.False(t, alerts[0].Last.Before(alerts[0].At))
		require.NotEmpty(t, told)
		require.True(t, told[0].Mail)
		require.Equal(t, "olga", told[0].Owner.ID)
		require.Equal(t, testProfile.ID, told[0].Profile)
	})
}

// An alert that a process left open, which has ended since, is resolved by the next
// one that finds the server well.
func TestAlertOfAnEarlierProcessIsResolved(t *testing.T) {
	st := memory.New()
	require.NoError(t, st.Raise(context.Background(), profileWall, mailbox.Alert{ID: "1", At: time.Now(), Count: 1, Level: profile.Error, Code: "profile-outage", Side: mailbox.Incoming}))
	syncOnce(t, newSyncer(t, newConfig(providertest.NewServer(providertest.IMAPLike), st)), ann)
	require.Empty(t, onWall(t, st, true))
	require.Len(t, onWall(t, st, false), 1)
}

// More than half of a profile's mailboxes fail: one alert, resolved when it is over.
func TestProfileIsFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		st := memory.New()
		list := boxes("acme", 10)
		cfg := newConfig(b.server, st, list...)
		cfg.Drivers, cfg.IdleSessions = b.drivers(), -1
		s := newSyncer(t, cfg)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(time.Hour)
		before := len(onWall(t, st, false))
		fail := func(n int, err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, box := range list[:n] {
				b.wrong[box.Key] = err
			}
		}
		fail(6, &provider.Error{Op: "sign in", Kind: provider.ErrProtocol, Err: errors.New("nonsense")})
		time.Sleep(time.Hour)
		failing := onWall(t, st, true)
		fail(6, nil)
		time.Sleep(time.Hour)
		open := onWall(t, st, true)
		stop()
		require.NoError(t, <-done)
		require.Zero(t, before)
		require.Len(t, failing, 1)
		require.Equal(t, "profile-failing", failing[0].Code)
		require.True(t, strings.HasPrefix(failing[0].Message, "6 of the 10 mailboxes"), failing[0].Message)
		require.Empty(t, open)
	})
}

// What is old is pruned once an hour.
func TestRunPrunesWalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New()
		for id, age := range map[string]time.Duration{"old": 31 * 24 * time.Hour, "new": 29 * 24 * time.Hour} {
			require.NoError(t, st.Raise(context.Background(), ann.Wall(), mailbox.Alert{ID: id, At: time.Now().Add(-age), Count: 1}))
		}
		require.NoError(t, running(t, newSyncer(t, newConfig(providertest.NewServer(providertest.IMAPLike), st)), 61*time.Minute))
		alerts, err := st.Alerts(context.Background(), ann.Wall(), false, 10)
		require.NoError(t, err)
		require.Len(t, alerts, 1)
		require.Equal(t, "new", alerts[0].ID)
	})
}
