package serversync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A session is an open provider for one side of one mailbox.
type session struct {
	provider.Provider
	key      sessionKey
	account  profileKey
	revision string
	reused   bool // it was open before this cycle, so it may have died since
	broken   bool
	idle     time.Time // since when it is not in use

	folders   []provider.Folder
	foldersAt time.Time
}

type sessionKey struct {
	mailbox.Key
	side mailbox.Side
}

// A profileKey names a profile. One of its servers serves many mailboxes.
type profileKey struct {
	organization string
	profile      profile.ID
}

func (c *cycle) profileKey() profileKey { return profileKey{c.key.Organization, c.profile.ID} }

// onSession runs do with a session of one side. A session from an earlier cycle
// that turns out to have died is replaced once.
func (c *cycle) onSession(ctx context.Context, side mailbox.Side, at **session, do func() error) error {
	for {
		if *at == nil {
			var err error
			if *at, err = c.open(ctx, side); err != nil {
				return err
			}
		}
		current := *at
		err := do()
		if err == nil {
			return nil
		}
		kind := provider.KindOf(err)
		if isStoreError(err) && ctx.Err() == nil {
			return err
		}
		current.broken = kind != provider.ErrNotFound && kind != provider.ErrBadItem
		if !current.reused || ctx.Err() != nil || kind != provider.ErrUnavailable && kind != provider.ErrProtocol {
			return err
		}
		c.s.pool.put(current)
		*at = nil
	}
}

// open takes a session from the pool or opens one.
func (c *cycle) open(ctx context.Context, side mailbox.Side) (*session, error) {
	key := sessionKey{c.key, side}
	if kept := c.s.pool.take(key, c.revision); kept != nil {
		return kept, nil
	}
	endpoint, protocol := c.profile.Endpoint(side), c.profile.Kind.Protocol(side)
	driver, ok := c.s.cfg.Drivers[protocol]
	if !ok {
		return nil, &provider.Error{Op: "open", Kind: provider.ErrUnsupported, Err: fmt.Errorf("no driver for %q", protocol),
			Remedy: "name one in Config.Drivers"}
	}
	c.s.pool.makeRoom(c.profileKey(), endpoint, c.profile.MaxConnections)
	p, err := remote(ctx, c, "Driver.Open", func(ctx context.Context) (provider.Provider, error) {
		return driver.Open(ctx, provider.Account{Mailbox: c.box, Profile: c.profile, Endpoint: endpoint, Policy: c.s.cfg.Policy})
	})
	if err == nil && p == nil {
		err = &provider.Error{Op: "Driver.Open", Kind: provider.ErrProtocol, Err: errors.New("the driver returned nothing")}
	}
	if err != nil {
		if p != nil {
			p.Close()
		}
		return nil, err
	}
	return &session{Provider: p, key: key, account: c.profileKey(), revision: c.revision}, nil
}

// pool keeps sessions open between cycles, so that a poll costs no sign-in.
type pool struct {
	s    *Syncer
	mu   sync.Mutex
	kept map[sessionKey]*session
}

func (p *pool) init(s *Syncer) { p.s, p.kept = s, make(map[sessionKey]*session) }

// take returns the kept session of key, nil if there is none of this revision.
func (p *pool) take(key sessionKey, revision string) *session {
	p.mu.Lock()
	kept := p.kept[key]
	delete(p.kept, key)
	p.mu.Unlock()
	if kept != nil && kept.revision != revision {
		p.close(kept)
		return nil
	}
	if kept != nil {
		kept.reused = true
	}
	return kept
}

// put keeps a session that is whole for later, in place of the one that was idle
// longest if there are too many.
func (p *pool) put(s *session) {
	if s == nil {
		return
	}
	if s.broken || p.s.cfg.IdleSessions <= 0 {
		p.close(s)
		return
	}
	s.idle = p.s.cfg.Clock.Now()
	p.mu.Lock()
	p.kept[s.key] = s
	var oldest *session
	if len(p.kept) > p.s.cfg.IdleSessions {
		oldest = p.oldest(func(*session) bool { return true })
		delete(p.kept, oldest.key)
	}
	p.mu.Unlock()
	p.close(oldest)
}

// makeRoom closes idle sessions of a profile whose mailboxes share one account, so
// that a new one stays within its connections.
func (p *pool) makeRoom(account profileKey, endpoint profile.Endpoint, limit int) {
	if endpoint.Credentials != profile.FromProfile {
		return
	}
	if limit == 0 {
		limit = defaultConnections
	}
	same := func(s *session) bool { return s.account == account }
	p.mu.Lock()
	var idle []*session
	for count := p.count(same) + p.s.plan.running(account); count >= limit; count-- {
		s := p.oldest(same)
		if s == nil {
			break
		}
		delete(p.kept, s.key)
		idle = append(idle, s)
	}
	p.mu.Unlock()
	for _, s := range idle {
		p.close(s)
	}
}

func (p *pool) count(of func(*session) bool) (n int) {
	for _, s := range p.kept {
		if of(s) {
			n++
		}
	}
	return n
}

// oldest returns the session of a kind that was idle longest; the smaller key of
// two, so that map order decides nothing.
func (p *pool) oldest(of func(*session) bool) (oldest *session) {
	for _, s := range p.kept {
		if of(s) && (oldest == nil || s.idle.Before(oldest.idle) || s.idle.Equal(oldest.idle) && compareKeys(s.key.Key, oldest.key.Key) < 0) {
			oldest = s
		}
	}
	return oldest
}

func (p *pool) close(s *session) {
	if s == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			p.s.cfg.Logger.Error("driver panicked", "mailbox", s.key.String(), "call", "Provider.Close", "panic", fmt.Sprint(r))
		}
	}()
	if err := s.Provider.Close(); err != nil {
		p.s.cfg.Logger.Debug("session closed with an error", "mailbox", s.key.String(), "error", err)
	}
}

func (p *pool) closeAll() {
	p.mu.Lock()
	kept := p.kept
	p.kept = make(map[sessionKey]*session)
	p.mu.Unlock()
	for _, s := range kept {
		p.close(s)
	}
}
