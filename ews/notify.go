package ews

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A pace says when what is done about news.
type pace struct {
	quiet      time.Duration // the least time between two notices for a mailbox
	first      time.Duration // the wait before connecting again grows from this
	last       time.Duration // to this; a connection that stood for so long begins at the first again
	silence    time.Duration // after so long without a word a stream is dead
	poll       time.Duration // how often a server without streams is asked
	streamLife int           // minutes after which the server ends a stream, at most 30
	pullLife   int           // minutes after which it forgets who does not ask
	farewell   time.Duration // for telling the server that nobody listens any more
}

// Exchange says something on a stream every 45 seconds; what takes two and a half times as
// long does not come any more.
var usualPace = pace{
	quiet: 5 * time.Second, first: 5 * time.Second, last: 5 * time.Minute,
	silence: 113 * time.Second, poll: time.Minute, streamLife: 29, pullLife: 10,
	farewell: 500 * time.Millisecond,
}

const (
	// maxSubscribed is how many mailboxes one stream may serve.
	maxSubscribed = 200

	// maxStreams is how many streams one account opens at a server: the limit of hanging
	// connections that Exchange has since 2016, and Exchange Online.
	maxStreams = 10

	// refusals is how often in a row a sign-in may be refused.
	refusals = 2
)

// Notify listens on streams (MS-OXWSNTIF, section 3.1.4.1), one for up to 200 mailboxes that an
// account may impersonate, else one for each; where a server or its rules have none it asks every
// minute for what happened (section 3.1.4.2). It calls news at most once in five seconds
// for a mailbox, also when it could not listen for a while, for nobody knows what happened meanwhile.
//
// A mailbox falls silent when its server has neither, or refuses it or its sign-in.
// Notify returns when ctx has ended, or every mailbox is silent; the error is then the last
// refusals.
func (d *Driver) Notify(ctx context.Context, accounts []provider.Account, news func(mailbox.Key)) error {
	return d.notify(ctx, usualPace, accounts, news)
}

func (d *Driver) notify(ctx context.Context, p pace, accounts []provider.Account, news func(mailbox.Key)) error {
	listening, stop := context.WithCancel(ctx)
	h := newHerald(p.quiet, news)
	var crier, listeners sync.WaitGroup
	crier.Go(func() { h.run(listening) })
	groups := groupsOf(accounts)
	errs := make([]error, len(groups))
	for i, g := range groups {
		listeners.Go(func() {
			l := &listener{driver: d, pace: p, accounts: g, tell: h.tell}
			errs[i] = l.run(listening)
		})
	}
	listeners.Wait()
	stop()
	crier.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// Gather puts mailboxes together that one stream serves.
func (d *Driver) Gather(accounts []provider.Account) [][]provider.Account { return groupsOf(accounts) }

// groupsOf puts mailboxes together that one stream can serve: those that one account
// impersonates at one server. Where these would be too many streams, the rest is left to
// polling.
func groupsOf(accounts []provider.Account) (groups [][]provider.Account) {
	type sharing struct{ organization, profile, url string }
	shared := make(map[sharing][]provider.Account)
	var order []sharing
	for _, a := range accounts {
		if !impersonates(a) {
			groups = append(groups, []provider.Account{a})
			continue
		}
		of := sharing{a.Mailbox.Key.Organization, string(a.Profile.ID), a.Endpoint.URL}
		if shared[of] == nil {
			order = append(order, of)
		}
		shared[of] = append(shared[of], a)
	}
	for _, of := range order {
		list := shared[of]
		// Requests for a group go by the first of its names, so that all of it lands on one
		// server.
		slices.SortFunc(list, func(a, b provider.Account) int {
			return strings.Compare(strings.ToLower(a.Mailbox.Address), strings.ToLower(b.Mailbox.Address))
		})
		for n := 0; len(list) > 0 && n < maxStreams; n++ {
			g := list[:min(len(list), maxSubscribed)]
			groups = append(groups, g)
			list = list[len(g):]
		}
	}
	return groups
}

// A herald passes news on, not too often for each mailbox.
type herald struct {
	quiet time.Duration
	news  func(mailbox.Key)
	wake  chan struct{}

	mu      sync.Mutex
	waiting map[mailbox.Key]bool
	told    map[mailbox.Key]time.Time
}

func newHerald(quiet time.Duration, news func(mailbox.Key)) *herald {
	return &herald{quiet: quiet, news: news, wake: make(chan struct{}, 1),
		waiting: make(map[mailbox.Key]bool), told: make(map[mailbox.Key]time.Time)}
}

// tell has news of a mailbox passed on, now or when it may be.
func (h *herald) tell(key mailbox.Key) {
	h.mu.Lock()
	h.waiting[key] = true
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// run passes on what is told until ctx ends.
func (h *herald) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-timer.C:
		}
		due, next := h.due(time.Now())
		for _, key := range due {
			h.news(key)
		}
		if next > 0 {
			timer.Reset(next)
		}
	}
}

// due returns what may be told now, and how long to wait for the rest; 0 if there is none.
func (h *herald) due(now time.Time) (keys []mailbox.Key, next time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key := range h.waiting { // in no order: each is another mailbox's
		wait := h.quiet - now.Sub(h.told[key])
		if wait <= 0 {
			keys = append(keys, key)
			delete(h.waiting, key)
			h.told[key] = now
		} else if next == 0 || wait < next {
			next = wait
		}
	}
	return keys, next
}
