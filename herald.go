package serversync

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// What is told about a profile as a whole goes to its wall, where the Store has
// one, and to Hooks.ProfileAlert.

// The codes of alerts about a profile.
const (
	codeOutage  = "profile-outage"          // a server answers none of its mailboxes; by side
	codeSignIn  = "profile-sign-in-refused" // the account that its mailboxes share is refused; by side, "" for both
	codeFailing = "profile-failing"         // more than half of its mailboxes fail
	codeTest    = "test-failed"             // a test has found something that concerns all of its mailboxes
	// and certificate-expires, of expiry.go
)

// wallAlerts is how many open alerts of a wall are looked through.
const wallAlerts = 1000

// A herald tells of profiles, one thing after the other in the order in which they
// happened, so that the end of a thing never overtakes its beginning. What the Store
// does not take is tried again later.
type herald struct {
	s    *Syncer
	mu   sync.Mutex
	todo []news
	busy bool // somebody is at it

	open map[newsKey]mailbox.Alert // told by this process, where the Store has no Walls
}

// News is an alert to be raised, or resolved where one of its code and side is open.
type news struct {
	profile profile.Profile
	wall    mailbox.Wall
	alert   mailbox.Alert
	at      time.Time
	over    bool
}

type newsKey struct {
	wall mailbox.Wall
	code string
	side mailbox.Side
}

func (h *herald) init(s *Syncer) { h.s, h.open = s, make(map[newsKey]mailbox.Alert) }

// raise tells of something that has begun.
func (h *herald) raise(ctx context.Context, c *cycle, alert mailbox.Alert) {
	alert.Level = profile.Error
	h.add(ctx, c, alert, false)
}

// inform tells of something that asks for nothing.
func (h *herald) inform(ctx context.Context, c *cycle, alert mailbox.Alert) {
	alert.Level = profile.Info
	h.add(ctx, c, alert, false)
}

// resolve tells that something is over, if anyone was told of it: by this process,
// by one that has ended since, or by another node.
func (h *herald) resolve(ctx context.Context, c *cycle, side mailbox.Side, code string) {
	h.add(ctx, c, mailbox.Alert{Code: code, Side: side}, true)
}

func (h *herald) add(ctx context.Context, c *cycle, alert mailbox.Alert, over bool) {
	if !over && c.strict && !c.settings.Alerts(alert.Level) {
		return
	}
	if h.s.walls == nil && h.s.cfg.Hooks.ProfileAlert == nil {
		return
	}
	h.mu.Lock()
	h.todo = append(h.todo, news{c.profile, mailbox.Wall{Organization: c.key.Organization, Profile: c.profile.ID}, alert, h.s.cfg.Clock.Now(), over})
	h.mu.Unlock()
	h.flush(ctx)
}

// flush tells what is still to be told. Where somebody is at it already, they do.
func (h *herald) flush(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy {
		return
	}
	h.busy = true
	for len(h.todo) > 0 {
		next := h.todo[0]
		h.mu.Unlock()
		err := h.tell(context.WithoutCancel(ctx), next)
		h.mu.Lock()
		if err != nil {
			h.s.cfg.Logger.Error("an alert about a profile could not be kept; it is tried again", "organization", next.wall.Organization,
				"profile", string(next.wall.Profile), "code", next.alert.Code, "error", err)
			break
		}
		h.todo = h.todo[1:]
	}
	h.busy = false
}

// tell puts news on the wall and calls the hook. An alert that is open there already
// is told again under its ID, so that several nodes make one.
func (h *herald) tell(ctx context.Context, n news) error {
	alert, found, err := h.find(ctx, n)
	if err != nil || n.over && !found {
		return err
	}
	switch {
	case n.over:
		alert.Resolved = n.at
	case found:
		alert.Level, alert.Cause, alert.Message, alert.Remedy = n.alert.Level, n.alert.Cause, n.alert.Message, n.alert.Remedy
		alert.At = earlier(alert.At, n.at) // what the Store did not take may come late
		if n.at.After(alert.Last) {
			alert.Last = n.at
		}
		alert.Count++
	default:
		alert = n.alert
		alert.ID, alert.At, alert.Last, alert.Count = h.s.newID(), n.at, n.at, 1
		if alert.Level == profile.Info {
			alert.Resolved = n.at
		}
	}
	if err := h.keep(ctx, n, alert); err != nil {
		return err
	}
	h.s.cfg.Logger.Warn("profile alert", "organization", n.wall.Organization, "profile", string(n.wall.Profile), "code", alert.Code, "side", string(alert.Side), "over", n.over, "message", alert.Message)
	if hook := h.s.cfg.Hooks.ProfileAlert; hook != nil {
		hook(ProfileAlert{Organization: n.wall.Organization, Profile: n.wall.Profile, Owner: n.profile.Owner, Alert: alert, Mail: n.profile.AlertOwner})
	}
	return nil
}

// find returns the open alert of the same code and side.
func (h *herald) find(ctx context.Context, n news) (mailbox.Alert, bool, error) {
	if h.s.walls == nil {
		alert, found := h.open[newsKey{n.wall, n.alert.Code, n.alert.Side}]
		return alert, found, nil
	}
	alerts, err := through(ctx, &h.s.seam, mailbox.Key{Organization: n.wall.Organization}, "Walls.Alerts", func(ctx context.Context) ([]mailbox.Alert, error) {
		return h.s.walls.Alerts(ctx, n.wall, true, wallAlerts)
	})
	i := slices.IndexFunc(alerts, func(a mailbox.Alert) bool { return a.Code == n.alert.Code && a.Side == n.alert.Side })
	if err != nil || i < 0 {
		return mailbox.Alert{}, false, err
	}
	return alerts[i], true, nil
}

// isOpen reports whether somebody, such as another node, has told of a thing that is
// not over.
func (h *herald) isOpen(ctx context.Context, c *cycle, side mailbox.Side, code string) bool {
	if h.s.walls == nil {
		return false
	}
	wall := mailbox.Wall{Organization: c.key.Organization, Profile: c.profile.ID}
	_, found, err := h.find(ctx, news{wall: wall, alert: mailbox.Alert{Code: code, Side: side}})
	return err == nil && found
}

// keep keeps an alert. Only one goroutine at a time is in here.
func (h *herald) keep(ctx context.Context, n news, alert mailbox.Alert) error {
	if h.s.walls == nil {
		h.open[newsKey{n.wall, alert.Code, alert.Side}] = alert
		if n.over {
			delete(h.open, newsKey{n.wall, alert.Code, alert.Side})
		}
		return nil
	}
	_, err := through(ctx, &h.s.seam, mailbox.Key{Organization: n.wall.Organization}, "Walls.Raise", only(func(ctx context.Context) error {
		return h.s.walls.Raise(ctx, n.wall, alert)
	}))
	return err
}
