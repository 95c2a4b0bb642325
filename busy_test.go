package serversync_test

import (
	"context"
	"errors"
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

// A crowd is mailboxes of one account, what the server does to each, and when each was
// looked at.
type crowd struct {
	*Syncer
	store *memory.Store

	mu    sync.Mutex
	fault func(providertest.Call) providertest.Outcome
	calls map[mailbox.Key]int
	looks map[mailbox.Key][]time.Time // cycles that ended well
	began time.Time
}

func newCrowd(t *testing.T, n int) (*crowd, []mailbox.Mailbox) {
	server := providertest.NewServer(providertest.EWSLike)
	server.Latency = 20 * time.Millisecond
	c := &crowd{store: memory.New(), calls: make(map[mailbox.Key]int), looks: make(map[mailbox.Key][]time.Time), began: time.Now()}
	server.Fault = func(call providertest.Call) providertest.Outcome {
		c.mu.Lock()
		fault := c.fault
		if call.Op != providertest.OpClose {
			c.calls[call.Mailbox]++
		}
		c.mu.Unlock()
		if fault == nil || call.Op == providertest.OpClose {
			return providertest.Outcome{}
		}
		return fault(call)
	}
	list := boxes("acme", n)
	cfg := newConfig(server, c.store, list...)
	p := testProfile
	for _, e := range []*profile.Endpoint{&p.Incoming, &p.Outgoing} {
		e.Credentials, e.Username, e.Password = profile.FromProfile, "service", secret.New("x")
	}
	cfg.Mailboxes = Static(p, list...)
	cfg.Random = counter(1)
	cfg.Hooks.Cycle = func(ctx context.Context, key mailbox.Key) (context.Context, func(Report, error)) {
		return ctx, func(r Report, err error) {
			if err != nil || len(r.Closed) > 0 {
				return
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.looks[key] = append(c.looks[key], time.Now())
		}
	}
	c.Syncer = newSyncer(t, cfg)
	return c, list
}

func (c *crowd) set(fault func(providertest.Call) providertest.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault, c.calls = fault, make(map[mailbox.Key]int)
}

// longest is the longest time between two looks at a mailbox within a window.
func (c *crowd) longest(key mailbox.Key, from, to time.Time) (gap time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := from
	for _, at := range c.looks[key] {
		if at.After(from) && at.Before(to) {
			gap, last = max(gap, at.Sub(last)), at
		}
	}
	return max(gap, to.Sub(last))
}

// HTTP-19, EWS-09 and M2: a mailbox that answers busily, or hardly at all, for hours delays
// no other.
func TestM2BusyMailboxDelaysNoOther(t *testing.T) {
	busy := &provider.Error{Op: "ews: SyncFolderItems", Kind: provider.ErrThrottled, Code: "ErrorServerBusy", RetryAfter: 5 * time.Second, Err: errors.New("busy")}
	for name, fault := range map[string]providertest.Outcome{"busily": {Err: busy}, "hardly": {Block: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, list := newCrowd(t, 8)
				bad := list[3].Key
				ctx, stop := context.WithCancel(context.Background())
				done := make(chan error)
				go func() { done <- c.Run(ctx) }()
				time.Sleep(time.Hour)
				from := time.Now()
				usual := time.Duration(0)
				for _, box := range list {
					usual = max(usual, c.longest(box.Key, from.Add(-30*time.Minute), from))
				}
				c.set(func(call providertest.Call) providertest.Outcome {
					if call.Mailbox == bad {
						return fault
					}
					return providertest.Outcome{}
				})
				time.Sleep(3 * time.Hour)
				to := time.Now()
				stop()
				if err := <-done; !fault.Block { // else the one that hangs is cut off
					require.NoError(t, err)
				}
				for _, box := range list {
					gap := c.longest(box.Key, from, to)
					if box.Key == bad {
						require.Greater(t, gap, 2*time.Hour, "the mailbox that is meant was served")
						continue
					}
					require.LessOrEqual(t, gap, usual+usual/4, box.Key.Mailbox)
				}
				if fault.Err != nil {
					snap, _ := c.store.Load(context.Background(), bad)
					require.Equal(t, mailbox.Waiting, snap.State.Incoming.Phase)
					require.Zero(t, snap.State.Incoming.Failures)
				}
			})
		})
	}
}

// HTTP-19 and M2: a wait that is the account's holds all its mailboxes back, without a failure
// counted, and they recover by themselves. Of another account nobody is held back.
func TestM2AccountsWaitHoldsItsMailboxesBack(t *testing.T) {
	for _, shared := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			const n = 40
			c, list := newCrowd(t, n)
			wait := &provider.Error{Op: "ews: SyncFolderItems", Kind: provider.ErrThrottled, Code: "HTTP 429", RetryAfter: 20 * time.Minute, Shared: shared, Err: errors.New("too many requests")}
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error)
			go func() { done <- c.Run(ctx) }()
			time.Sleep(30 * time.Minute)
			c.set(func(call providertest.Call) providertest.Outcome { return providertest.Outcome{Err: wait} })
			time.Sleep(19 * time.Minute)
			c.mu.Lock()
			asked := 0
			for _, calls := range c.calls {
				asked += calls
			}
			c.mu.Unlock()
			for _, box := range list {
				snap, _ := c.store.Load(context.Background(), box.Key)
				require.Zero(t, snap.State.Incoming.Failures, box.Key.Mailbox)
				require.Contains(t, []mailbox.Phase{mailbox.Healthy, mailbox.Waiting}, snap.State.Incoming.Phase)
			}
			c.set(nil)
			from := time.Now()
			time.Sleep(30 * time.Minute)
			stop()
			require.NoError(t, <-done)
			t.Logf("shared %v: %d calls of %d mailboxes within the wait", shared, asked, n)
			if shared {
				require.LessOrEqual(t, asked, 10, "each mailbox ran into it by itself")
			} else {
				require.GreaterOrEqual(t, asked, n)
			}
			for _, box := range list {
				require.LessOrEqual(t, c.longest(box.Key, from, from.Add(25*time.Minute)), 17*time.Minute, box.Key.Mailbox)
				snap, _ := c.store.Load(context.Background(), box.Key)
				require.Equal(t, mailbox.Healthy, snap.State.Incoming.Phase)
			}
		})
	}
}
