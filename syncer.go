package serversync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/track"
)

// A Syncer synchronizes mailboxes. It is safe for use by many goroutines.
type Syncer struct {
	cfg     Config
	outbox  Outbox // nil if the Store has none
	lister  Lister // nil if the Store has none
	leases  Leases // nil if not leased
	walls   Walls
	journal Journal
	editor  Editor // nil if there is none
	seam    seam
	pool    pool
	dials   slots
	budgets budgets
	outages outages
	waits   waits

	credentials credentials

	health       health
	certificates certificates
	herald       herald
	idles        idles
	plan         plan

	rates      rates
	automatics automatics
	schedules  schedules
	guesses    guesses

	mu   sync.Mutex
	busy map[mailbox.Key]bool // true: its state was changed from outside since it began
	full map[laneOf]time.Time // when a lane was last listed in full

	checked sync.Map     // by profileKey, a *checked
	ruled   sync.Map     // by organization, a *compiled
	emails  track.Emails // that messages may answer; nil if nobody knows

	tests    map[string][]time.Time // of organizations that enter hosts, within the last hour
	followed map[mailbox.Key]bool   // logged in detail
}

// A laneOf names a lane of a mailbox.
type laneOf struct {
	Mailbox mailbox.Key
	LaneKey
}

// ErrBusy says that this Syncer is at work on the mailbox already.
var ErrBusy = errors.New("serversync: the mailbox is being synchronized already")

// New returns a Syncer. The error lists everything that is wrong with cfg. It does
// no I/O.
func New(cfg Config) (*Syncer, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Syncer{cfg: cfg, busy: make(map[mailbox.Key]bool), full: make(map[laneOf]time.Time)}
	if s.cfg.Node == "" {
		s.cfg.Node = s.newID()
	}
	s.outbox, _ = StoreAs[Outbox](cfg.Store)
	s.lister, _ = StoreAs[Lister](cfg.Store)
	if s.editor, _ = cfg.Mailboxes.(Editor); s.editor == nil {
		s.editor, _ = StoreAs[Editor](cfg.Store)
	}
	if cfg.Lease > 0 {
		s.leases, _ = StoreAs[Leases](cfg.Store)
	}
	s.walls, _ = StoreAs[Walls](cfg.Store)
	s.journal, _ = StoreAs[Journal](cfg.Store)
	if cfg.Tracking != nil {
		if s.emails = cfg.Tracking.Emails; s.emails == nil {
			s.emails, _ = StoreAs[track.Emails](cfg.Store)
		}
	}
	s.seam.hook = cfg.Hooks.Call
	s.pool.init(s)
	s.dials.init(cfg.Clock)
	s.budgets.init(s)
	s.outages.init(s)
	s.waits.init(s)
	s.credentials.init(s)
	s.health.init(s)
	s.certificates.init(s)
	s.herald.init(s)
	s.idles.init()
	s.plan.init(s)
	return s, nil
}

// Close closes the sessions that are kept between cycles. Cycles under way are not
// touched; a cycle begun later opens sessions again.
func (s *Syncer) Close() error {
	s.pool.closeAll()
	return nil
}

// SyncMailbox makes one cycle: mail in, acts owed, mail out. It returns when the
// cycle is over, with a report that is true even beside an error.
//
// The error says why a direction could not be tried to its end, joined if both
// could not; [ErrBusy] that this Syncer is at the mailbox already, [ErrLeased] that
// another node is, [ErrFenced] that somebody changed the mailbox's state meanwhile,
// such as an administrator who paused it: the next cycle finds what they left. What was committed before an error stays, and the next cycle
// goes on from there. A failing item is no error of the cycle.
func (s *Syncer) SyncMailbox(ctx context.Context, key mailbox.Key) (Report, error) {
	return s.sync(ctx, key, func(*cycle, time.Time) {})
}

// sync makes a cycle, and tells how it ended: when it is due again if an outage that
// holds it back is left to the plan.
func (s *Syncer) sync(ctx context.Context, key mailbox.Key, tell func(c *cycle, due time.Time)) (report Report, err error) {
	if !s.begin(key) {
		return Report{Mailbox: key}, fmt.Errorf("mailbox %s: %w", key, ErrBusy)
	}
	defer s.end(key)
	if hook := s.cfg.Hooks.Cycle; hook != nil {
		var end func(Report, error)
		ctx, end = hook(ctx, key)
		defer func() { end(report, err) }()
	}
	c := &cycle{s: s, key: key, began: s.cfg.Clock.Now()}
	err = c.run(ctx)
	c.report.Mailbox, c.report.Began = key, c.began
	c.report.Took = s.cfg.Clock.Now().Sub(c.began)
	c.report.Incoming, c.report.Outgoing = c.state.Incoming, c.state.Outgoing
	c.empty = s.idles.note(&c.report, err == nil && len(c.report.Closed) == 0)
	if errors.Is(err, ErrNotFound) {
		s.idles.forget(key)
		s.schedules.forget(key)
		s.unfollow(key)
	}
	s.health.note(ctx, c)
	due := c.next()
	if c.report.Next = due; c.held != [2]bool{} {
		c.report.Next = earlier(due, s.cfg.Clock.Now().Add(outageProbe))
	}
	tell(c, due)
	if err != nil {
		err = fmt.Errorf("mailbox %s: %w", key, err)
		level := slog.LevelWarn
		if errors.Is(err, ErrFenced) || errors.Is(err, ErrLeased) {
			level = slog.LevelInfo // somebody else was there first, which is no failure
		}
		s.cfg.Logger.Log(ctx, level, "cycle failed", "mailbox", key.String(), "error", err)
	}
	return c.report, err
}

func (s *Syncer) begin(key mailbox.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, is := s.busy[key]; is {
		return false
	}
	s.busy[key] = false
	return true
}

// overtake says that somebody has changed the state of a mailbox on which a cycle may
// be at work, so that it ends soon; overtaken reports that.
func (s *Syncer) overtake(key mailbox.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, is := s.busy[key]; is {
		s.busy[key] = true
	}
}

func (s *Syncer) overtaken(key mailbox.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy[key]
}

func (s *Syncer) end(key mailbox.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, key)
}
