package serversync

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// watch listens for news of the healthy mailboxes. A notice only ever brings the
// next cycle forward, so a lost one costs no more than the poll interval.
func (s *Syncer) watch(ctx context.Context) {
	if s.cfg.Notified <= 0 {
		return
	}
	for s.cfg.Clock.Sleep(ctx, wakeEvery) == nil {
		keys, version := s.plan.watched(s.cfg.Notified)
		if len(keys) == 0 {
			continue
		}
		s.listen(ctx, keys, version)
	}
}

// listen listens until the set of mailboxes changes, or a while after the drivers
// gave up.
func (s *Syncer) listen(ctx context.Context, keys []mailbox.Key, version int) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	accounts := make(map[profile.Protocol][]provider.Account)
	for _, key := range keys {
		box, p, err := s.cfg.Mailboxes.Mailbox(ctx, key)
		if stopped, _ := s.credentials.isStopped(profileKey{key.Organization, p.ID}, p, mailbox.Incoming); stopped {
			continue
		}
		if err == nil && box.Syncs(mailbox.Incoming) {
			protocol := p.Kind.Incoming()
			accounts[protocol] = append(accounts[protocol], s.account(box, p, p.Endpoint(mailbox.Incoming)))
		}
	}
	var listeners sync.WaitGroup
	defer listeners.Wait()
	for _, protocol := range slices.Sorted(maps.Keys(accounts)) {
		notifier, ok := s.cfg.Drivers[protocol].(provider.Notifier)
		if !ok {
			continue
		}
		var list []provider.Account
		for _, group := range gathered(notifier, accounts[protocol]) {
			free, ok := s.listener(group[0].Mailbox.Key, group[0].Profile)
			if !ok {
				continue
			}
			defer free()
			list = append(list, group...)
		}
		if len(list) == 0 {
			continue
		}
		listeners.Go(func() {
			_, err := through(ctx, &s.seam, mailbox.Key{}, "Notifier.Notify", only(func(ctx context.Context) error {
				return notifier.Notify(ctx, list, s.Nudge)
			}))
			if err != nil && ctx.Err() == nil {
				s.cfg.Logger.Warn("no news from the server any more; polling goes on", "protocol", string(protocol), "error", err)
			}
		})
	}
	for range 15 {
		if s.cfg.Clock.Sleep(ctx, refreshEvery) != nil {
			return
		}
		if now, changed := s.plan.watched(s.cfg.Notified); changed != version || len(now) != len(keys) {
			break
		}
	}
	stop()
}

// gathered returns the accounts by the connections that they are listened to on.
func gathered(n provider.Notifier, accounts []provider.Account) (groups [][]provider.Account) {
	if g, ok := n.(provider.Gatherer); ok {
		return slices.DeleteFunc(g.Gather(accounts), func(g []provider.Account) bool { return len(g) == 0 })
	}
	for _, a := range accounts {
		groups = append(groups, []provider.Account{a})
	}
	return groups
}

// listener takes a connection to listen on, which counts as the mailbox's own or, of
// an account that mailboxes share, as one of the half that polls can do without. A
// mailbox that may have only one connection polls with it.
func (s *Syncer) listener(key mailbox.Key, p profile.Profile) (free func(), ok bool) {
	of, limit := connectionOf(key, p, mailbox.Incoming)
	if limit < 2 {
		return nil, false
	}
	shared := of.mailbox == ""
	if shared && !s.plan.lend(of.account, limit/2) {
		return nil, false
	}
	giveShare := func() {
		if shared {
			s.plan.takeBack(of.account)
		}
	}
	s.pool.makeRoom(of, limit)
	if !s.pool.slots.try(of, limit) {
		giveShare()
		return nil, false
	}
	return func() {
		s.pool.slots.give(of)
		giveShare()
	}, true
}

// lend lends a share of an account to one that listens, at most so many at once.
func (p *plan) lend(account profileKey, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent[account] >= most {
		return false
	}
	p.lent[account]++
	p.shares[account]++
	return true
}

// takeBack takes a share back that was lent.
func (p *plan) takeBack(account profileKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent[account]--; p.lent[account] == 0 {
		delete(p.lent, account)
	}
	p.leave(account)
}
