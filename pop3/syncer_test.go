package pop3_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// A host is a Syncer over a Store in memory.
type host struct {
	t      *testing.T
	server *pop3test.Server
	driver *pop3.Driver
	store  *memory.Store
	key    mailbox.Key
	at     time.Time // zero for now
}

func newHost(t *testing.T, o pop3test.Options) *host {
	server, d, _ := start(t, o)
	return &host{t: t, server: server, driver: d, store: memory.New(), key: mailbox.Key{Organization: "org", Mailbox: "box"}}
}

// syncer returns a Syncer over what the host has.
func (h *host) syncer() *serversync.Syncer {
	h.t.Helper()
	endpoint := h.server.Endpoint()
	endpoint.Credentials = profile.FromMailbox
	cfg := serversync.Config{
		Store:   h.store,
		Drivers: map[profile.Protocol]provider.Driver{profile.POP3: h.driver},
		Mailboxes: serversync.Static(profile.Profile{ID: "p", Kind: profile.POP3SMTP, Incoming: endpoint, Outgoing: endpoint},
			mailbox.Mailbox{Key: h.key, Address: "user@example.com", Username: "user", Password: secret.New(canary)}),
		Policy:     loopback(),
		BatchItems: 7,
	}
	if !h.at.IsZero() {
		cfg.Clock = clock{h.at}
	}
	s, err := serversync.New(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// cycle makes one cycle with a Syncer, and so a session, of its own.
func (h *host) cycle() serversync.Report {
	h.t.Helper()
	s := h.syncer()
	defer s.Close()
	report, err := s.SyncMailbox(context.Background(), h.key)
	if err != nil {
		h.t.Fatal(err)
	}
	return report
}

// want fails the test unless the host has each of the server's messages once.
func (h *host) want(n int) {
	h.t.Helper()
	var got []string
	for _, m := range h.store.Messages("org") {
		got = append(got, m.MessageID)
	}
	slices.Sort(got)
	if len(got) != n || len(slices.Compact(got)) != n {
		h.t.Errorf("the host has %d messages, want %d, each once", len(got), n)
	}
}

// However ids come and go, each message is one record.
func TestPOP3_03EachMessageOnce(t *testing.T) {
	for name, without := range map[string][]string{"UIDL": nil, "no UIDL": {"UIDL"}, "bare": {"UIDL", "CAPA"}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, pop3test.Options{Without: without})
			for n := range 20 {
				h.server.Add("user", mail(n, 300+n))
			}
			h.cycle()
			h.want(20)
			writes := h.store.Writes()
			h.cycle()
			if h.store.Writes() != writes {
				t.Errorf("a cycle without news wrote %d times", h.store.Writes()-writes)
			}
			h.server.SetUIDL("user", 3, "x") // two that were good have one id now
			h.server.SetUIDL("user", 9, "x")
			h.server.Add("user", mail(20, 300))
			h.cycle()
			h.want(21)
			h.server.Remove("user", h.server.Messages("user")[4].UIDL)
			h.server.Add("user", mail(21, 300))
			h.cycle()
			h.want(22)
		})
	}
}

func TestPOP3_04EachMessageOnce(t *testing.T) {
	h := newHost(t, pop3test.Options{Fault: pop3test.Fault{Renumber: true}})
	for n := range 30 {
		h.server.Add("user", mail(n, 300+50*n))
	}
	for n := range 6 {
		h.cycle()
		h.want(30 + n)
		h.server.Add("user", mail(100+n, 400))
	}
	before := h.server.Counts().Out
	h.cycle()
	h.want(36)
	if sent := h.server.Counts().Out - before; sent > 12_000 {
		t.Errorf("a cycle of one new message read %d bytes: the bodies again?", sent)
	}
}

// What a session marked for deletion and did not confirm is there again, and known.
func TestPOP3_08EachMessageOnce(t *testing.T) {
	h := newHost(t, pop3test.Options{})
	for n := range 10 {
		h.server.Add("user", mail(n, 300))
	}
	h.cycle()
	for _, fault := range []pop3test.Fault{{Keep: true}, {Quit: "-ERR some deleted messages not removed"}, {}} {
		h.server.SetFault(fault)
		s := open(t, h.driver, accountOf(h.server.Endpoint()))
		for _, m := range h.server.Messages("user")[:3] {
			act := provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: provider.ID("u:" + m.UIDL)}
			if err := s.Act(context.Background(), act); err != nil {
				t.Fatal(err)
			}
		}
		s.Confirm(context.Background()) // another test's business
		h.server.SetFault(pop3test.Fault{})
		h.cycle()
		h.want(10)
	}
	if n := len(h.server.Messages("user")); n != 7 {
		t.Errorf("%d messages are left, want 7", n)
	}
}

// A message that cannot be read holds nothing up.
func TestI6BadItemHoldsNothingUp(t *testing.T) {
	h := newHost(t, pop3test.Options{})
	for n := range 12 {
		h.server.Add("user", mail(n, 300))
		if n == 6 {
			h.server.AddBad("user", fmt.Appendf(nil, "Subject: bad\r\n\r\n"))
		}
	}
	temporary := "RETR 3"
	h.server.SetFail(func(line string) string {
		if line == temporary {
			return "-ERR [SYS/TEMP] internal error"
		}
		return ""
	})
	h.cycle()
	h.want(11)
}

// A clock stands still between cycles.
type clock struct{ at time.Time }

func (c clock) Now() time.Time { return c.at }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// A deletion that a server did not confirm is owed until one does.
func TestPOP3_08OwedUntilConfirmed(t *testing.T) {
	h := newHost(t, pop3test.Options{Exclusive: true})
	for n := range 10 {
		h.server.Add("user", mail(n, 300))
	}
	h.at = time.Now()
	h.cycle()
	s := h.syncer()
	for _, m := range h.server.Messages("user")[:3] {
		if err := s.Owe(context.Background(), h.key, provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: provider.ID("u:" + m.UIDL)}); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	for _, step := range []struct {
		fault pop3test.Fault
		left  int
	}{{pop3test.Fault{Keep: true}, 10}, {pop3test.Fault{Quit: "-ERR some deleted messages not removed"}, 10}, {pop3test.Fault{}, 7}, {pop3test.Fault{}, 7}} {
		h.at = h.at.Add(49 * time.Hour)
		h.server.SetFault(step.fault)
		s := h.syncer()
		_, err := s.SyncMailbox(context.Background(), h.key)
		s.Close()
		if step.left == 7 && err != nil {
			t.Error(err)
		}
		if n := len(h.server.Messages("user")); n != step.left {
			t.Errorf("with %+v %d messages are left, want %d", step.fault, n, step.left)
		}
		h.want(10)
	}
}
