package providertest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-serversync/serversync/provider"
)

// A fault is one way in which a driver breaks the contract.
type fault struct {
	name string
	rule string   // the rule that must notice
	also []string // beginnings of names of rules that may notice as well
	wrap func(*faulty)
	turn func(*Harness) // for a fault in what the harness shows
}

// Every rule notices the driver that breaks it, and no other rule does without
// reason.
func TestBrokenDrivers(t *testing.T) {
	all := slices.Concat(brokenChanges(), brokenCursors(), brokenSessions(t), brokenTraces(), brokenItems(), brokenActs(), brokenSends(), brokenSettlers())
	var found sync.Map
	t.Run("fault", func(t *testing.T) {
		for _, f := range all {
			t.Run(f.name, func(t *testing.T) {
				leaks := func(r rule) bool { return strings.HasPrefix(r.name, "P5/") }
				for _, r := range rules() {
					if leaks(r) { // they look at the whole process, so nothing else may run
						f.check(t, r, &found)
					}
				}
				t.Parallel()
				for _, r := range rules() {
					if !leaks(r) {
						f.check(t, r, &found)
					}
				}
			})
		}
	})
	for _, r := range rules() {
		if _, ok := found.Load(r.name); !ok {
			t.Errorf("no broken driver shows that %q can fail", r.name)
		}
	}
}

// check runs a rule on a driver with the fault.
func (f fault) check(t *testing.T, r rule, found *sync.Map) {
	t.Helper()
	if testing.Short() && r.name != f.rule {
		return
	}
	rec := newRecorder(r)
	var noticed chan struct{}
	if r.name == f.rule {
		noticed = rec.noticed
	}
	rec.record(r, f.harness(noticed))
	expected := slices.ContainsFunc(f.also, func(prefix string) bool { return strings.HasPrefix(r.name, prefix) })
	switch {
	case r.name == f.rule && rec.Failed():
		found.Store(r.name, true)
	case r.name == f.rule:
		t.Errorf("%q did not notice", r.name)
	case rec.Failed() && !expected:
		t.Errorf("%q failed too: %s", r.name, rec.failures[0])
	}
}

func (f fault) harness(noticed <-chan struct{}) Harness {
	h := harness(IMAPLike, func(p provider.Provider) provider.Provider {
		broken := &faulty{full: p.(full), noticed: noticed}
		if f.wrap != nil {
			f.wrap(broken)
		}
		return broken
	})
	if f.turn != nil {
		f.turn(&h)
	}
	return h
}

const follows = "P1/a follower ends with the server's view"

func brokenChanges() []fault {
	drop := func(kind provider.ChangeKind) func(*faulty) {
		return func(f *faulty) {
			f.onPage(func(_ provider.Request, page *provider.Page) {
				page.Changes = slices.DeleteFunc(page.Changes, func(c provider.Change) bool { return c.Kind == kind })
			})
		}
	}
	return []fault{
		{name: "skips flags", rule: follows, wrap: drop(provider.Flags)},
		{name: "skips deletions", rule: follows, wrap: drop(provider.Gone)},
		{name: "skips the last of each page", rule: follows, also: []string{"P1/", "P7/", "P8/", "P2/", "P10/"}, wrap: func(f *faulty) {
			f.onPage(func(_ provider.Request, page *provider.Page) {
				if n := len(page.Changes); n > 0 && page.More {
					page.Changes = page.Changes[:n-1]
				}
			})
		}},
		{name: "lists from the live zero", rule: "P1/live begins now", wrap: func(f *faulty) {
			f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
				r.Full = r.Full || r.Cursor == "" && r.Lane == provider.Live
				return f.full.Changes(ctx, r)
			}
		}},
		{name: "oldest first", rule: "P1/backfill is everything, newest first", wrap: func(f *faulty) {
			f.onPage(func(_ provider.Request, page *provider.Page) {
				slices.Reverse(page.Changes)
			})
		}},
		{name: "backfill is never done", rule: "P1/backfill is everything, newest first", wrap: func(f *faulty) {
			f.onPage(func(r provider.Request, page *provider.Page) { undone(r, page, provider.Backfill) })
		}},
		{name: "a live round does not say its end", rule: "P1/a full round lists everything", wrap: func(f *faulty) {
			f.onPage(func(r provider.Request, page *provider.Page) { undone(r, page, provider.Live) })
		}},
		{name: "tells once", rule: "P1/asked twice gives the same or more", also: []string{follows, "P8/"}, wrap: tellsOnce},
		{name: "live begins late", rule: "P1/nothing is skipped between lanes", also: []string{"P1/", "P2/", "P10/a lost"}, wrap: func(f *faulty) {
			f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
				if e, state, _ := r.Cursor.Open(); r.Lane == provider.Live && state != "" && e.Driver == "late" {
					r.Cursor = ""
				}
				page, err := f.full.Changes(ctx, r)
				if e, state, _ := page.Next.Open(); r.Lane == provider.Live && r.Cursor == "" && !r.Full {
					e.Driver = "late"
					page.Next = provider.NewCursor(e, state)
				}
				return page, err
			}
		}},
		{name: "full without the first", rule: "P1/a full round lists everything", also: []string{follows}, wrap: func(f *faulty) {
			f.onPage(func(_ provider.Request, page *provider.Page) {
				if page.Full && len(page.Changes) > 1 {
					page.Changes = page.Changes[1:]
				}
			})
		}},
		{name: "takes Since for the cursor", rule: "P1/a bound in the past hides nothing", wrap: func(f *faulty) {
			f.onPage(func(r provider.Request, page *provider.Page) {
				if !r.Since.IsZero() {
					page.Changes = nil
				}
			})
		}},
	}
}

// tellsOnce gives a page once and an empty one in its place ever after.
func tellsOnce(f *faulty) {
	seen := make(map[provider.Cursor]bool)
	f.onPage(func(r provider.Request, page *provider.Page) {
		if seen[r.Cursor] && r.Lane == provider.Live {
			page.Changes = nil
		}
		seen[r.Cursor] = len(page.Changes) > 0 && r.Cursor != ""
	})
}

func brokenCursors() []fault {
	// accept makes f ask again from cursor(r) where when(envelope, ok) holds of a refused one.
	accept := func(f *faulty, when func(e provider.Envelope, ok bool) bool) {
		f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
			page, err := f.full.Changes(ctx, r)
			if e, _, ok := r.Cursor.Open(); provider.KindOf(err) == provider.ErrCursorExpired && when(e, ok) {
				r.Cursor = ""
				return f.full.Changes(ctx, r)
			}
			return page, err
		}
	}
	current := func(f *faulty, folder provider.FolderID) string { return f.server.Epoch(f.box.key, folder) }
	return []fault{
		{name: "accepts a foreign cursor", rule: "P2/foreign cursor", wrap: func(f *faulty) {
			accept(f, func(e provider.Envelope, ok bool) bool { return ok && e.Driver == "nobody" })
		}},
		{name: "accepts a damaged cursor", rule: "P2/damaged cursor", wrap: func(f *faulty) {
			accept(f, func(_ provider.Envelope, ok bool) bool { return !ok })
		}},
		{name: "panics at a damaged cursor", rule: "P2/damaged cursor", wrap: func(f *faulty) {
			f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
				if _, state, _ := r.Cursor.Open(); strings.Contains(state, "noise") {
					panic("index out of range")
				}
				return f.full.Changes(ctx, r)
			}
		}},
		{name: "accepts an old cursor", rule: "P2/old cursor", also: []string{follows}, wrap: func(f *faulty) {
			f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
				page, err := f.full.Changes(ctx, r)
				if err != nil && strings.Contains(err.Error(), "forgotten") {
					r.Cursor = ""
					return f.full.Changes(ctx, r)
				}
				return page, err
			}
		}},
		{name: "does not look at the epoch", rule: "P2/other epoch", also: []string{follows, "P2/foreign"}, wrap: func(f *faulty) {
			accept(f, func(e provider.Envelope, ok bool) bool {
				return ok && e.Driver != "nobody" && e.Epoch != current(f, "INBOX")
			})
		}},
		{name: "fetches in any epoch", rule: "P2/other epoch gives no content", wrap: func(f *faulty) {
			f.fetch = func(ctx context.Context, folder provider.FolderID, _ string, ids []provider.ID, got func(provider.Change) error) error {
				return f.full.Fetch(ctx, folder, current(f, folder), ids, got)
			}
		}, also: []string{"P10/a missing folder"}},
	}
}

// undone takes the end of a round from the cursors of a lane.
func undone(r provider.Request, page *provider.Page, lane provider.Lane) {
	if e, state, ok := page.Next.Open(); ok && r.Lane == lane {
		e.Done = false
		page.Next = provider.NewCursor(e, state)
	}
}
