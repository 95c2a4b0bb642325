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
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// A lockable is a server with one account, which notes when it was refused.
type lockable struct {
	*providertest.Server
	mu      sync.Mutex
	right   string
	refused []time.Time
	opened  int
}

func (l *lockable) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	time.Sleep(200 * time.Millisecond)
	l.mu.Lock()
	ok := a.Endpoint.Password.Reveal() == l.right
	if l.opened++; !ok {
		l.refused = append(l.refused, time.Now())
	}
	l.mu.Unlock()
	if !ok {
		return nil, &provider.Error{Op: "sign in", Kind: provider.ErrAuth, Err: errors.New("no")}
	}
	return l.Server.Open(ctx, a)
}

func (l *lockable) change(password string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.right = password
}

func (l *lockable) refusals() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.refused)
}

// A branch is many mailboxes that one account serves.
type branch struct {
	*lockable
	store     *memory.Store
	directory *Directory
	profile   profile.Profile
	boxes     []mailbox.Mailbox
}

func newBranch(n int) *branch {
	o := &branch{lockable: &lockable{Server: providertest.NewServer(providertest.IMAPLike), right: "right"}, store: memory.New(), boxes: boxes("acme", n)}
	o.directory = Static(o.with("1", "right"), o.boxes...)
	return o
}

// with returns the profile with another password.
func (o *branch) with(revision, password string) profile.Profile {
	p := testProfile
	p.Revision = revision
	for _, e := range []*profile.Endpoint{&p.Incoming, &p.Outgoing} {
		e.Credentials, e.Username, e.Password = profile.FromProfile, "service", secret.New(password)
	}
	o.profile = p
	return p
}

func (o *branch) edit(revision, password string) {
	o.directory.PutProfile("acme", o.with(revision, password))
}

func (o *branch) syncer(t *testing.T, node uint64, change func(*Config)) *Syncer {
	cfg := newConfig(o.Server, o.store)
	cfg.Drivers = map[profile.Protocol]provider.Driver{profile.IMAP: o.lockable, profile.SMTP: o.lockable}
	cfg.Mailboxes, cfg.Random, cfg.Workers, cfg.OrganizationShare = o.directory, counter(node), 50, 50
	if change != nil {
		change(&cfg)
	}
	return newSyncer(t, cfg)
}

// phases counts the mailboxes by the phase of their incoming side.
func (o *branch) phases(t *testing.T) map[mailbox.Phase]int {
	count := make(map[mailbox.Phase]int)
	for _, box := range o.boxes {
		snap, err := o.store.Load(context.Background(), box.Key)
		require.NoError(t, err)
		count[snap.State.Incoming.Phase]++
	}
	return count
}

// M1: a thousand mailboxes with one wrong password are refused three times among
// them, and no more until the profile is another one; then all go on by themselves.
func TestM1OnePasswordOfManyMailboxes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newBranch(1000)
		o.edit("1", "wrong")
		s := o.syncer(t, 1, nil)
		for _, box := range o.boxes {
			o.Server.Add(box.Key, "INBOX", letter(1))
			e := entry(box.Key, 1, "carl@example.org")
			e.Queued = time.Now()
			require.NoError(t, o.store.Enqueue(context.Background(), e))
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(4 * time.Hour)
		require.Equal(t, 3, o.refusals())
		count := o.phases(t)
		require.Equal(t, 1000, count[mailbox.NotRun]+count[mailbox.Retrying], "nobody is worse for what others were refused")
		require.LessOrEqual(t, count[mailbox.Retrying], 3)
		wall := onWall(t, o.store, true)
		require.Len(t, wall, 1)
		require.Equal(t, []any{"profile-sign-in-refused", mailbox.Side(""), 1}, []any{wall[0].Code, wall[0].Side, wall[0].Count})

		o.edit("2", "wrong too")
		time.Sleep(4 * time.Hour)
		require.LessOrEqual(t, o.refusals(), 6)
		require.Greater(t, o.refusals(), 3)
		refused := o.refusals()

		o.edit("3", "right")
		time.Sleep(2 * time.Hour)
		require.Equal(t, refused, o.refusals())
		require.Equal(t, map[mailbox.Phase]int{mailbox.Healthy: 1000}, o.phases(t))
		require.Len(t, o.Server.Sent(), 1000)
		require.Empty(t, onWall(t, o.store, true))
		stop()
		require.NoError(t, <-done)
	})
}

// M1: a cycle that is held back says why and is no failure; an open session goes on.
func TestM1HeldBackSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newBranch(6)
		s := o.syncer(t, 1, nil)
		syncOnce(t, s, o.boxes[0].Key)
		o.change("another")
		for i, box := range o.boxes[1:4] {
			_, err := s.SyncMailbox(context.Background(), box.Key)
			require.ErrorIs(t, err, provider.ErrAuth, i)
		}
		o.Server.Add(o.boxes[0].Key, "INBOX", letter(1))
		require.Equal(t, 1, syncOnce(t, s, o.boxes[0].Key).Tracked, "its session is open")
		report := syncOnce(t, s, o.boxes[5].Key)
		why := report.Closed[mailbox.Incoming]
		require.Equal(t, "credential-refused", why.Code)
		require.NotEmpty(t, why.Remedy)
		require.Equal(t, mailbox.NotRun, report.Incoming.Phase)
		dry, err := s.DryRun(context.Background(), o.boxes[5].Key, DryRun{})
		require.NoError(t, err)
		require.Equal(t, why, dry.Closed[mailbox.Incoming])
		time.Sleep(time.Hour)
		require.Contains(t, syncOnce(t, s, o.boxes[5].Key).Closed, mailbox.Incoming, "time alone mends no password")
		require.Equal(t, 3, o.refusals())

		o.change("right")
		test, err := s.TestConnection(context.Background(), "acme", o.profile, TestOptions{})
		require.NoError(t, err)
		require.True(t, test.Passed)
		require.Empty(t, syncOnce(t, s, o.boxes[5].Key).Closed)
		for _, a := range onWall(t, o.store, true) {
			require.NotEqual(t, "profile-sign-in-refused", a.Code)
		}
		s.Close()
	})
}

// M1: a test of all mailboxes of a profile locks no account either, and a success
// among refusals begins the count anew.
func TestM1TestsOfManyMailboxes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newBranch(100)
		o.edit("1", "wrong")
		s := o.syncer(t, 1, nil)
		codes := make(map[string]int)
		_, err := s.TestProfile(context.Background(), "acme", testProfile.ID, TestOptions{TestOnly: true}, func(p TestProgress) { codes[p.Report.Fault.Code]++ })
		require.NoError(t, err)
		require.Equal(t, 3, o.refusals())
		require.Equal(t, map[string]int{"sign-in-refused": 3, "credential-refused": 97}, codes)
		syncOnce(t, s, o.boxes[0].Key)
		require.Equal(t, 3, o.refusals(), "what a test was refused counts")

		o.edit("2", "right")
		for n := range 5 {
			syncOnce(t, s, o.boxes[3*n].Key)
			for i := range 2 {
				o.change("another")
				s.SyncMailbox(context.Background(), o.boxes[3*n+i+1].Key)
			}
			o.change("right")
		}
		require.Equal(t, 3+10, o.refusals())
		s.Close()
	})
}

// M1: a second node, and one that was started again, add one refusal each.
func TestM1NodesTellEachOtherByTheWall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newBranch(40)
		o.edit("1", "wrong")
		for node := range 4 {
			s := o.syncer(t, uint64(node), nil)
			for _, box := range o.boxes {
				s.SyncMailbox(context.Background(), box.Key)
			}
			require.Equal(t, 3+node, o.refusals())
			s.Close()
		}
		require.Len(t, onWall(t, o.store, true), 1)
		bare := o.syncer(t, 9, func(cfg *Config) { cfg.Store = plainStore{o.store} })
		for _, box := range o.boxes {
			bare.SyncMailbox(context.Background(), box.Key)
		}
		require.Equal(t, 3+3+3, o.refusals(), "without a wall each counts for itself")
		bare.Close()
	})
}

// plainStore is a Store without capabilities.
type plainStore struct{ Store }

// M1: mailboxes that have accounts of their own say nothing about each other.
func TestM1OwnCredentialsAreNobodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newBranch(10)
		p := testProfile
		p.Revision = "1"
		o.directory.PutProfile("acme", p)
		s := o.syncer(t, 1, nil)
		for n, box := range o.boxes {
			_, err := s.SyncMailbox(context.Background(), box.Key)
			require.ErrorIs(t, err, provider.ErrAuth, fmt.Sprint(n))
		}
		require.Equal(t, 10, o.refusals())
		s.Close()
	})
}
