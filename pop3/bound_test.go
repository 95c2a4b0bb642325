package pop3_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/pop3/pop3test"
)

// bounded makes two cycles with a bound, of which the second must write nothing, and holds
// the first to what a dry run said of it and to what it should bring in.
func (h *host) bounded(what string, since time.Time, want int) {
	h.t.Helper()
	h.since = since
	s := h.syncer()
	said, err := s.DryRun(context.Background(), h.key, serversync.DryRun{})
	s.Close()
	if err != nil {
		h.t.Fatal(err)
	}
	before := len(h.store.Messages("org"))
	report := h.cycle()
	if report.Tracked != want || len(h.store.Messages("org")) != before+want {
		h.t.Errorf("%s brought in %d, want %d", what, report.Tracked, want)
	}
	if said.Tracked != want || said.Known+said.Tracked+said.Older != len(h.server.Messages("user")) {
		h.t.Errorf("%s: a dry run told of %d messages of which %d are known and %d older, want %d", what, said.Tracked, said.Known, said.Older, want)
	}
	writes := h.store.Writes()
	h.cycle()
	h.since = h.since.Add(time.Minute) // a bound that moves with the clock
	h.cycle()
	if n := h.store.Writes() - writes; n != 0 {
		h.t.Errorf("after %s cycles without news wrote %d times", what, n)
	}
}

// there fails the test unless what the host has is recorded as there exactly if it is.
func (h *host) there() {
	h.t.Helper()
	on := map[string]bool{}
	for _, m := range h.server.Messages("user") {
		on["u:"+m.UIDL] = true
	}
	for _, p := range h.store.Places(h.key) {
		if p.Gone == on[string(p.ID)] {
			h.t.Errorf("%s is on the server: %t, recorded as gone: %t", p.ID, on[string(p.ID)], p.Gone)
		}
	}
}

// I8: a bound keeps old mail of a POP3 mailbox out; moved back it brings it in, moved
// forwards it changes nothing, and what has not gone is not recorded as gone.
func TestI8BoundOverPOP3(t *testing.T) {
	for name, without := range map[string][]string{"UIDL": nil, "no UIDL": {"UIDL"}, "bare": {"CAPA"}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, pop3test.Options{Without: without})
			there := h.there
			if name == "no UIDL" {
				there = func() {} // ids are other ones there
			}
			remove := func(n int) { h.server.Remove("user", h.server.Messages("user")[n].UIDL) }
			for n := range 30 {
				h.server.Add("user", received(n, n))
			}
			h.server.Add("user", mail(30, 300)) // nobody says when it came
			h.bounded("a bound in the future", day(100), 1)
			h.bounded("a bound in the middle", day(20), 10)
			remove(25)
			remove(3)
			h.bounded("the same with two gone", day(20), 0)
			there()
			h.server.Add("user", received(31, 31))
			h.server.Add("user", received(32, 5))
			h.bounded("news, an old one with them", day(20), 1)
			h.bounded("a bound moved back", day(10), 10)
			there()
			h.bounded("a bound moved forwards", day(25), 0)
			remove(12)
			remove(0)
			h.bounded("a bound moved back with two gone", day(5), 6)
			there()
			h.bounded("a bound in the past", day(-1000), 3)
			h.bounded("no bound", time.Time{}, 0)
			there()
			h.want(31)
		})
	}
}

// A dry run of another bound says what it would add, without one too.
func TestI8DryRunOverPOP3(t *testing.T) {
	h := newHost(t, pop3test.Options{})
	for n := range 20 {
		h.server.Add("user", received(n, n))
	}
	h.bounded("the first cycle", day(12), 8)
	s := h.syncer()
	defer s.Close()
	for _, tt := range []struct {
		bound                 time.Time
		tracked, older, added int
	}{{day(12), 0, 12, 0}, {day(5), 7, 5, 7}, {time.Time{}, 12, 0, 12}, {day(-9), 12, 0, 12}, {day(15), 0, 12, 0}} {
		said, err := s.DryRun(context.Background(), h.key, serversync.DryRun{ProcessAfter: &tt.bound})
		if err != nil || said.Tracked != tt.tracked || said.Older != tt.older || said.Added != tt.added || said.Known != 8 {
			t.Errorf("of %v a dry run says %+v, %v", tt.bound, said.DryRunCounts, err)
		}
	}
}
