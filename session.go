package serversync

import (
	"cmp"
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
	slot     connection

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

// A connection names what connections are counted by: the server and, where each
// mailbox has its own account there, the mailbox.
type connection struct {
	account profileKey
	server  string
	mailbox string // "" where one account serves all mailboxes
}

// connection returns what the connections of one side count against, and how many
// there may be.
func connectionOf(key mailbox.Key, p profile.Profile, side mailbox.Side) (of connection, limit int) {
	endpoint, protocol := p.Endpoint(side), p.Kind.Protocol(side)
	of = connection{account: profileKey{key.Organization, p.ID}, server: endpoint.URL}
	if of.server == "" {
		of.server = endpoint.Address(protocol)
	}
	if !p.SharesAccount(side) {
		of.mailbox = key.Mailbox
	}
	return of, cmp.Or(p.MaxConnections, defaultConnections)
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
		if ctx.Err() == nil && (isStoreError(err) || errors.Is(err, errHeldBack)) {
			return err // the session has nothing to do with it
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
	return c.openNew(ctx, side)
}

// openNew opens a session.
func (c *cycle) openNew(ctx context.Context, side mailbox.Side) (*session, error) {
	key := sessionKey{c.key, side}
	endpoint, protocol := c.profile.Endpoint(side), c.profile.Kind.Protocol(side)
	driver, ok := c.s.cfg.Drivers[protocol]
	if !ok {
		return nil, &provider.Error{Op: "open", Kind: provider.ErrUnsupported, Err: fmt.Errorf("no driver for %q", protocol),
			Remedy: "name one in Config.Drivers"}
	}
	slot, err := c.connect(ctx, side)
	if err != nil {
		return nil, err
	}
	p, err := c.dial(ctx, side, func(ctx context.Context) (provider.Provider, error) {
		return driver.Open(ctx, c.s.account(c.box, c.profile, endpoint))
	})
	if err == nil && p == nil {
		err = &provider.Error{Op: "Driver.Open", Kind: provider.ErrProtocol, Err: errors.New("the driver returned nothing")}
	}
	if err != nil {
		if p != nil {
			p.Close()
		}
		c.s.pool.slots.give(slot)
		return nil, wayError{err}
	}
	return &session{Provider: p, key: key, account: c.profileKey(), revision: c.revision, slot: slot}, nil
}

// account is what a driver is told.
func (s *Syncer) account(box mailbox.Mailbox, p profile.Profile, e profile.Endpoint) provider.Account {
	return provider.Account{Mailbox: box, Profile: p, Endpoint: e, Policy: s.cfg.Policy, Tokens: s.tokens(e.Credentials), Mechanisms: s.cfg.Mechanisms}
}

// connectionPatience is how long a cycle waits for a connection of an account that
// other mailboxes use. A test that somebody waits for has more.
const connectionPatience = 10 * time.Second

// connect takes one of the account's connections, for which idle ones are closed.
func (c *cycle) connect(ctx context.Context, side mailbox.Side) (connection, error) {
	of, limit := connectionOf(c.key, c.profile, side)
	for _, own := range []**session{&c.in, &c.out} { // only one side is used at a time
		if used, _ := c.s.pool.slots.count(of); *own != nil && (*own).slot == of && used >= limit {
			c.s.pool.close(*own)
			*own = nil
		}
	}
	c.s.pool.makeRoom(of, limit)
	patience := connectionPatience
	if c.testing {
		patience = c.s.cfg.CycleTimeout
	}
	err := c.s.pool.slots.take(ctx, of, limit, patience)
	if errors.Is(err, errNoSlot) {
		err = heldBack("open", provider.ErrThrottled, "MaxConnections", connectionPatience,
			"all connections that the profile allows are in use", "nothing: it goes on by itself; the profile says how many there may be")
	}
	return of, err
}

// dial opens a session when it is its turn to, unless an outage has begun meanwhile.
func (c *cycle) dial(ctx context.Context, side mailbox.Side, open func(context.Context) (provider.Provider, error)) (p provider.Provider, err error) {
	leave, err := c.s.credentials.enter(ctx, c, side)
	if err != nil {
		return nil, err
	}
	defer func() { leave(err) }()
	all := c.s.cfg.Dials
	of := outageKey{c.profileKey(), side}
	for _, turn := range []struct {
		key   any
		limit int
	}{{of, max(1, all/2)}, {none{}, all}} {
		if err := c.s.dials.take(ctx, turn.key, turn.limit, c.s.cfg.CycleTimeout); err != nil {
			if errors.Is(err, errNoSlot) {
				err = heldBack("open", provider.ErrThrottled, "Dials", time.Minute, "too many sessions are being opened", "nothing: it goes on by itself")
			}
			return nil, err
		}
		defer c.s.dials.give(turn.key)
	}
	if err := c.s.outages.refuse(c, side); err != nil {
		return nil, err
	}
	return remote(ctx, c, "Driver.Open", func(ctx context.Context) (provider.Provider, error) {
		return c.within(ctx, c.profile.Timeout, open)
	})
}

// within bounds how long opening a session may take.
func (c *cycle) within(ctx context.Context, timeout time.Duration, open func(context.Context) (provider.Provider, error)) (provider.Provider, error) {
	if timeout <= 0 {
		return open(ctx)
	}
	bounded, cut := context.WithCancel(ctx)
	defer cut()
	timer, stop := context.WithCancel(ctx)
	late := make(chan bool, 1)
	go func() {
		passed := c.s.cfg.Clock.Sleep(timer, timeout) == nil
		if passed {
			cut()
		}
		late <- passed
	}()
	p, err := open(bounded)
	stop()
	if <-late && err != nil && ctx.Err() == nil && provider.KindOf(err) != provider.ErrAuth {
		err = &provider.Error{Op: "Driver.Open", Kind: provider.ErrUnavailable, Code: "TimedOut", Err: fmt.Errorf("no session within %v", timeout),
			Remedy: "check that the server can be reached and is not overloaded, or raise the profile's timeout"}
	}
	return p, err
}

// pool keeps sessions open between cycles, so that a poll costs no sign-in.
type pool struct {
	s     *Syncer
	slots slots // of connections: of sessions in use and kept, and of those that listen
	mu    sync.Mutex
	kept  map[sessionKey]*session
}

func (p *pool) init(s *Syncer) {
	p.s, p.kept = s, make(map[sessionKey]*session)
	p.slots.init(s.cfg.Clock)
}

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

// has reports whether a session is kept.
func (p *pool) has(key sessionKey, revision string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.kept[key]
	return kept != nil && kept.revision == revision
}

// put keeps a session that is whole for later, in place of the one that was idle
// longest if there are too many.
func (p *pool) put(s *session) {
	if s == nil {
		return
	}
	if _, waited := p.slots.count(s.slot); s.broken || waited || p.s.cfg.IdleSessions <= 0 || s.Traits().Snapshot {
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

// makeRoom closes idle sessions until there is room for one more connection.
func (p *pool) makeRoom(of connection, limit int) {
	for {
		used, _ := p.slots.count(of)
		if used < limit {
			return
		}
		p.mu.Lock()
		idle := p.oldest(func(s *session) bool { return s.slot == of })
		if idle != nil {
			delete(p.kept, idle.key)
		}
		p.mu.Unlock()
		if idle == nil {
			return
		}
		p.close(idle)
	}
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
	defer p.slots.give(s.slot)
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
