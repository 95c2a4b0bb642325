package storetest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/store/memory"
)

type (
	wallFunc  = func(context.Context, *memory.Store, mailbox.Wall, bool, int) ([]mailbox.Alert, error)
	raiseFunc = func(context.Context, *memory.Store, mailbox.Wall, []mailbox.Alert) error
	pruneFunc = func(context.Context, *memory.Store, string, time.Time) (int, error)
)

// sortedWall returns an Alerts that orders them in a way of its own.
func sortedWall(compare func(a, b mailbox.Alert) int) wallFunc {
	return func(c context.Context, m *memory.Store, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error) {
		on, err := m.Alerts(c, wall, open, 1000)
		slices.SortStableFunc(on, compare)
		return on[:min(limit, len(on))], err
	}
}

func lastTold(a mailbox.Alert) time.Time {
	if a.Last.IsZero() {
		return a.At
	}
	return a.Last
}

// alertFaults are what can be wrong with an alert that comes again, however it comes.
func alertFaults() []fault {
	// alerts returns a store that alters alerts on their way in.
	alerts := func(change func(m *memory.Store, wall mailbox.Wall, alerts []mailbox.Alert) []mailbox.Alert) func() methods {
		return func() methods {
			return methods{
				commit: altered(func(m *memory.Store, b *serversync.Batch) { b.Alerts = change(m, b.Mailbox.Wall(), b.Alerts) }),
				advance: func(c context.Context, m *memory.Store, e serversync.Entry, list []mailbox.Alert) error {
					return m.Advance(c, e, change(m, e.Mailbox.Wall(), list)...)
				},
				raise: func(c context.Context, m *memory.Store, wall mailbox.Wall, list []mailbox.Alert) error {
					return m.Raise(c, wall, change(m, wall, slices.Clone(list))...)
				},
			}
		}
	}
	// onto alters each alert that is there already.
	onto := func(change func(there mailbox.Alert, a *mailbox.Alert)) func() methods {
		return alerts(func(m *memory.Store, wall mailbox.Wall, list []mailbox.Alert) []mailbox.Alert {
			on, _ := m.Alerts(ctx, wall, false, 1000)
			for i, a := range list {
				if at := slices.IndexFunc(on, func(b mailbox.Alert) bool { return a.ID == b.ID }); at >= 0 {
					change(on[at], &list[i])
				}
			}
			return list
		})
	}
	lost := func(change func(a *mailbox.Alert)) func() methods {
		return alerts(func(_ *memory.Store, _ mailbox.Wall, list []mailbox.Alert) []mailbox.Alert {
			list = slices.Clone(list)
			for i := range list {
				change(&list[i])
			}
			return list
		})
	}
	also := []string{"S18"}
	return []fault{
		{name: "an alert that comes again changes nothing", rule: "S15", also: also, make: onto(func(there mailbox.Alert, a *mailbox.Alert) { *a = there })},
		{name: "an alert that comes again keeps when it was told first", rule: "S15", also: also,
			make: onto(func(there mailbox.Alert, a *mailbox.Alert) { a.At = there.At })},
		{name: "an alert that is resolved stays so", rule: "S15", also: also, make: onto(func(there mailbox.Alert, a *mailbox.Alert) {
			if !there.Resolved.IsZero() {
				a.Resolved = there.Resolved
			}
		})},
		{name: "an alert that comes again counts itself", rule: "S15", also: also, make: onto(func(there mailbox.Alert, a *mailbox.Alert) { a.Count += there.Count })},
		{name: "the first of two alerts in a batch stands", rule: "S15", also: also,
			make: alerts(func(_ *memory.Store, _ mailbox.Wall, list []mailbox.Alert) []mailbox.Alert {
				var first []mailbox.Alert
				for _, a := range list {
					if !slices.ContainsFunc(first, func(b mailbox.Alert) bool { return a.ID == b.ID }) {
						first = append(first, a)
					}
				}
				return first
			})},
		{name: "an alert's Last is lost", rule: "S15", also: also, make: lost(func(a *mailbox.Alert) { a.Last = time.Time{} })},
		{name: "an alert's Count is lost", rule: "S15", also: also, make: lost(func(a *mailbox.Alert) { a.Count = 1 })},
		{name: "an alert's Resolved is lost", rule: "S15", also: also, make: lost(func(a *mailbox.Alert) { a.Resolved = time.Time{} })},
		{name: "an alert's Level is lost", rule: "S15", also: also, make: lost(func(a *mailbox.Alert) { a.Level = "" })},
		{name: "an alert's Last is At where there is none", rule: "S15", also: also, make: lost(func(a *mailbox.Alert) { a.Last = lastTold(*a) })},
		{name: "alerts that an entry tells are not replaced", rule: "S15", also: also, make: func() methods {
			return methods{advance: func(c context.Context, m *memory.Store, e serversync.Entry, list []mailbox.Alert) error {
				on := alertsOf(m, e.Mailbox)
				return m.Advance(c, e, slices.DeleteFunc(slices.Clone(list), func(a mailbox.Alert) bool {
					return slices.ContainsFunc(on, func(b mailbox.Alert) bool { return a.ID == b.ID })
				})...)
			}}
		}},
	}
}

func wallFaults() []fault {
	shows := func(name string, wall wallFunc) fault {
		return fault{name: name, rule: "S18", make: func() methods { return methods{wall: wall} }}
	}
	raises := func(name string, raise raiseFunc) fault {
		return fault{name: name, rule: "S18", make: func() methods { return methods{raise: raise} }}
	}
	prunes := func(name string, prune pruneFunc) fault {
		return fault{name: name, rule: "S18", make: func() methods { return methods{pruneAlerts: prune} }}
	}
	return append(alertFaults(),
		shows("what was told first comes first", sortedWall(func(a, b mailbox.Alert) int { return lastTold(a).Compare(lastTold(b)) })),
		shows("alerts are in the order in which they began", sortedWall(func(a, b mailbox.Alert) int { return b.At.Compare(a.At) })),
		shows("alerts are in the order of their IDs", sortedWall(func(a, b mailbox.Alert) int { return cmp.Compare(a.ID, b.ID) })),
		shows("alerts told at once are in no order", sortedWall(func(a, b mailbox.Alert) int {
			return cmp.Or(lastTold(b).Compare(lastTold(a)), cmp.Compare(b.ID, a.ID))
		})),
		shows("alerts are in the order of their times' text", sortedWall(func(a, b mailbox.Alert) int {
			return cmp.Compare(lastTold(b).Format(time.RFC3339Nano), lastTold(a).Format(time.RFC3339Nano))
		})),
		shows("alerts are in the order of seconds", sortedWall(func(a, b mailbox.Alert) int {
			return cmp.Or(cmp.Compare(lastTold(b).Unix(), lastTold(a).Unix()), cmp.Compare(a.ID, b.ID))
		})),
		shows("there is no limit", func(c context.Context, m *memory.Store, wall mailbox.Wall, open bool, _ int) ([]mailbox.Alert, error) {
			return m.Alerts(c, wall, open, 1000)
		}),
		shows("what is resolved is shown as open", func(c context.Context, m *memory.Store, wall mailbox.Wall, _ bool, limit int) ([]mailbox.Alert, error) {
			return m.Alerts(c, wall, false, limit)
		}),
		shows("what is resolved is never shown", func(c context.Context, m *memory.Store, wall mailbox.Wall, _ bool, limit int) ([]mailbox.Alert, error) {
			return m.Alerts(c, wall, true, limit)
		}),
		shows("what is resolved is left out behind the limit", func(c context.Context, m *memory.Store, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error) {
			on, err := m.Alerts(c, wall, false, limit)
			return slices.DeleteFunc(on, func(a mailbox.Alert) bool { return open && !a.Resolved.IsZero() }), err
		}),
		fault{name: "what is raised is told to nobody", rule: "S18", also: []string{"S5"}, make: func() methods {
			return methods{raise: func(c context.Context, _ *memory.Store, _ mailbox.Wall, _ []mailbox.Alert) error { return c.Err() }}
		}},
		raises("one alert is raised at a time", func(c context.Context, m *memory.Store, wall mailbox.Wall, alerts []mailbox.Alert) error {
			return m.Raise(c, wall, alerts[0])
		}),
		raises("raising is a batch", func(c context.Context, m *memory.Store, wall mailbox.Wall, alerts []mailbox.Alert) error {
			if wall.Profile != "" {
				return m.Raise(c, wall, alerts...)
			}
			key := mailbox.Key{Organization: wall.Organization, Mailbox: wall.Mailbox}
			_, err := m.Commit(c, &serversync.Batch{ID: "raise " + alerts[0].ID, Mailbox: key, Fence: current(m, key).Fence, Alerts: alerts})
			return err
		}),
		fault{name: "of alerts raised at once some are lost", rule: "S18", make: func() methods {
			var busy atomic.Bool
			return methods{raise: func(c context.Context, m *memory.Store, wall mailbox.Wall, alerts []mailbox.Alert) error {
				if !busy.CompareAndSwap(false, true) {
					return nil
				}
				defer busy.Store(false)
				time.Sleep(10 * while)
				return m.Raise(c, wall, alerts...)
			}}
		}},
		fault{name: "a mailbox's wall shows what was raised alone", rule: "S18", also: []string{"S5", "S7"}, make: func() methods {
			raised := memory.New()
			return methods{
				raise: func(c context.Context, _ *memory.Store, wall mailbox.Wall, alerts []mailbox.Alert) error {
					return raised.Raise(c, wall, alerts...)
				},
				wall: func(c context.Context, _ *memory.Store, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error) {
					return raised.Alerts(c, wall, open, limit)
				},
				pruneAlerts: func(c context.Context, _ *memory.Store, organization string, before time.Time) (int, error) {
					return raised.PruneAlerts(c, organization, before)
				},
			}
		}},
		fault{name: "a restart clears the walls of profiles", rule: "S18", make: func() methods {
			return methods{reopen: func(m *memory.Store) *memory.Store {
				on, _ := m.Alerts(ctx, ann.Wall(), false, 1000)
				m.PruneAlerts(ctx, "acme", clock.AddDate(100, 0, 0))
				m.Raise(ctx, ann.Wall(), on...)
				return m
			}}
		}},
		wallsRenamed("profiles are compared without case", "S18", func(w mailbox.Wall) mailbox.Wall {
			w.Profile = profile.ID(strings.ToLower(string(w.Profile)))
			return w
		}),
		wallsRenamed("profiles are compared without trailing spaces", "S18", func(w mailbox.Wall) mailbox.Wall {
			w.Profile = profile.ID(strings.TrimRight(string(w.Profile), " "))
			return w
		}),
		wallsRenamed("a profile is one in all organizations", "S5", func(w mailbox.Wall) mailbox.Wall {
			if w.Profile != "" {
				w.Organization = "acme"
			}
			return w
		}, "S18"),
		wallsRenamed("a profile and a mailbox of one name have one wall", "S5", func(w mailbox.Wall) mailbox.Wall {
			return mailbox.Wall{Organization: w.Organization, Mailbox: w.Mailbox + string(w.Profile)}
		}),
		wallsRenamed("the names of a wall run together", "S5", func(w mailbox.Wall) mailbox.Wall {
			if w.Profile != "" {
				w.Organization, w.Profile = "", profile.ID(w.Organization+string(w.Profile))
			}
			return w
		}, "S18", "S7"),

		prunes("what was told at that very time is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			if !before.IsZero() {
				before = before.Add(1)
			}
			return m.PruneAlerts(c, organization, before)
		}),
		prunes("what was told in that second is kept", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			return m.PruneAlerts(c, organization, before.Truncate(time.Second))
		}),
		prunes("what was told first before that time is pruned", keeping(func(a mailbox.Alert, before time.Time) bool { return !a.At.Before(before) })),
		prunes("what is open is kept", keeping(func(a mailbox.Alert, before time.Time) bool {
			return a.Resolved.IsZero() || !lastTold(a).Before(before)
		})),
		prunes("what is resolved is kept", keeping(func(a mailbox.Alert, before time.Time) bool {
			return !a.Resolved.IsZero() || !lastTold(a).Before(before)
		})),
		prunes("the walls of profiles are kept", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			on, _ := m.Alerts(ctx, relay, false, 1000)
			n, err := m.PruneAlerts(c, organization, before)
			if err == nil && organization == relay.Organization && len(on) > 0 {
				m.Raise(c, relay, on...)
			}
			return n, err
		}),
		prunes("every organization is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			m.PruneAlerts(c, eve.Organization, before)
			return m.PruneAlerts(c, organization, before)
		}),
		prunes("nobody counts what is pruned", func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
			_, err := m.PruneAlerts(c, organization, before)
			return 0, err
		}),
		prunes("nothing is pruned", func(c context.Context, _ *memory.Store, _ string, _ time.Time) (int, error) { return 0, c.Err() }),
	)
}

// keeping returns a PruneAlerts that goes by a rule of its own.
func keeping(keep func(a mailbox.Alert, before time.Time) bool) pruneFunc {
	return func(c context.Context, m *memory.Store, organization string, before time.Time) (int, error) {
		if err := c.Err(); err != nil || before.IsZero() {
			return 0, err
		}
		pruned := 0
		kept := map[mailbox.Wall][]mailbox.Alert{}
		for _, wall := range []mailbox.Wall{ann.Wall(), bob.Wall(), relay} {
			on, _ := m.Alerts(c, wall, false, 1000)
			kept[wall] = slices.DeleteFunc(on, func(a mailbox.Alert) bool { return !keep(a, before) })
			pruned += len(on) - len(kept[wall])
		}
		if _, err := m.PruneAlerts(c, organization, clock.AddDate(100, 0, 0)); err != nil {
			return 0, err
		}
		for wall, alerts := range kept {
			m.Raise(c, wall, alerts...)
		}
		return pruned, nil
	}
}

// wallsRenamed is a store that takes walls for one that change makes one.
func wallsRenamed(name, rule string, change func(mailbox.Wall) mailbox.Wall, also ...string) fault {
	return fault{name: name, rule: rule, also: also, make: func() methods {
		return methods{
			raise: func(c context.Context, m *memory.Store, wall mailbox.Wall, alerts []mailbox.Alert) error {
				return m.Raise(c, change(wall), alerts...)
			},
			wall: func(c context.Context, m *memory.Store, wall mailbox.Wall, open bool, limit int) ([]mailbox.Alert, error) {
				return m.Alerts(c, change(wall), open, limit)
			},
		}
	}}
}
