package pop3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// What was not confirmed with QUIT is not deleted, and what the server did not say it
// deleted is not taken for deleted.
func TestPOP3_08Deletion(t *testing.T) {
	ctx := context.Background()
	confirm := func(_ *pop3test.Server, s session) error { return s.Confirm(ctx) }
	// brokenOff ends the context when the server has QUIT, which it answers when all is over.
	brokenOff := func(server *pop3test.Server, s session) error {
		short, cancel := context.WithCancel(ctx)
		over := make(chan struct{})
		defer close(over)
		server.SetFail(func(line string) string {
			if line == "QUIT" {
				cancel()
				<-over
			}
			return ""
		})
		if err := s.Confirm(short); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("Confirm = %w", err)
		}
		return nil
	}
	for _, tt := range []struct {
		name  string
		fault pop3test.Fault
		end   func(*pop3test.Server, session) error
		kind  provider.Kind
		left  int
	}{
		{"confirmed", pop3test.Fault{}, confirm, "", 2},
		{"closed", pop3test.Fault{}, func(_ *pop3test.Server, s session) error { return s.Close() }, "", 3},
		{"not all deleted", pop3test.Fault{Quit: "-ERR some deleted messages not removed"}, confirm, provider.ErrBadItem, 3},
		{"killed", pop3test.Fault{Keep: true}, confirm, provider.ErrUnavailable, 3},
		{"garbled", pop3test.Fault{Quit: "250 bye"}, confirm, provider.ErrProtocol, 3},
		{"broken off", pop3test.Fault{}, brokenOff, "", -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{Fault: tt.fault})
			for n := range 3 {
				server.Add("user", mail(n, 300))
			}
			s := open(t, d, a)
			act := provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: provider.ID("u:" + server.Messages("user")[1].UIDL)}
			for range 2 { // done again it is done
				if err := s.Act(ctx, act); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := fetch(t, s, act.ID); err != nil || len(got) != 0 {
				t.Errorf("what is marked was given: %d, %v", len(got), err)
			}
			if err := tt.end(server, s); provider.KindOf(err) != tt.kind || tt.kind == "" && err != nil {
				t.Errorf("the end: %v, want %q", err, tt.kind)
			}
			wantKind(t, "Check of what has ended", s.Check(ctx), provider.ErrUnavailable)
			s.Close()
			if tt.left >= 0 && len(server.Messages("user")) != tt.left {
				t.Errorf("%d messages are left, want %d", len(server.Messages("user")), tt.left)
			}
		})
	}
}

// Confirm with nothing to confirm leaves the session as it is.
func TestPOP3_08NothingToConfirm(t *testing.T) {
	_, d, a := start(t, pop3test.Options{})
	s := open(t, d, a)
	if err := s.Confirm(context.Background()); err != nil {
		t.Error(err)
	}
	if err := s.Check(context.Background()); err != nil {
		t.Error(err)
	}
}

// A message is never given, nor deleted, for another one whose number it has come to
// have.
func TestPOP3_09ShiftedNumbers(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"UIDL", "no UIDL", "one by one"} {
		without := map[string][]string{"no UIDL": {"UIDL"}, "one by one": {"CAPA"}}[name]
		for shift := 1; shift <= 30; shift += 7 {
			for before := 1; before <= 31; before += 6 {
				t.Run(fmt.Sprintf("%s, message %d leaves before %d is read", name, shift, before), func(t *testing.T) {
					server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext, Without: without})
					for n := range 30 {
						server.Add("user", mail(n, 300))
					}
					all, _ := look(t, d, a, provider.Request{})
					want := map[provider.ID][]byte{}
					for k, c := range all {
						want[c.ID] = server.Messages("user")[29-k].Raw
					}
					s := open(t, d, a)
					if err := s.Act(ctx, provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: "u:none"}); provider.KindOf(err) != provider.ErrNotFound {
						t.Fatal(err)
					}
					if name == "no UIDL" { // and now the headers
						fetch(t, s, all[0].ID)
					}
					var read atomic.Int64
					server.SetFail(func(line string) string {
						if strings.HasPrefix(line, "RETR") && read.Add(1) == int64(before) {
							server.Shift("user", shift)
						}
						return ""
					})
					got, err := fetch(t, s, idsOf(all)...)
					for id, raw := range got {
						if !bytes.Equal(raw, want[id]) {
							t.Fatalf("%s came with the content of another message", id)
						}
					}
					if before <= 30 && err == nil && shift < 31-before {
						t.Errorf("nobody noticed: %d given", len(got))
					}
					if err != nil {
						wantKind(t, "Fetch", err, provider.ErrProtocol)
					}
				})
			}
		}
	}
}

// Whenever numbers move, before the question, between it and the mark, or behind it, no
// other message is deleted than the one meant, and marks of before are not made good
// either where one may be wrong.
func TestPOP3_09ShiftBeforeDeletion(t *testing.T) {
	ctx := context.Background()
	for name, without := range map[string][]string{"UIDL": nil, "no UIDL": {"UIDL"}, "one by one": {"PIPELINING"}, "bare": {"CAPA", "UIDL"}} {
		t.Run(name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{Without: without})
			for n := range 5 {
				server.Add("user", mail(n, 300))
			}
			s := open(t, d, a)
			page, err := s.Changes(ctx, provider.Request{Folder: "INBOX"})
			if err != nil {
				t.Fatal(err)
			}
			remove := func(k int) error {
				return s.Act(ctx, provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: page.Changes[k].ID})
			}
			if err := remove(0); err != nil {
				t.Fatal(err)
			}
			server.Shift("user", 1)
			wantKind(t, "Act", remove(2), provider.ErrProtocol)
			wantKind(t, "Act after it", remove(3), provider.ErrUnavailable)
			wantKind(t, "Confirm", s.Confirm(ctx), provider.ErrUnavailable)
			s.Close()
			if n := len(server.Messages("user")); n != 5 {
				t.Errorf("%d messages are left", n)
			}
		})
	}
}

// A deletion takes one turn where commands may be sent together, and QUIT one for all.
func TestDeletionTurns(t *testing.T) {
	for _, tt := range []struct {
		without []string
		turns   int
	}{{nil, 1}, {[]string{"PIPELINING"}, 2}} {
		server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext, Without: tt.without})
		uidl := server.Add("user", mail(1, 300))
		s := open(t, d, a)
		if _, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX"}); err != nil {
			t.Fatal(err)
		}
		var together atomic.Bool
		before := server.Counts().In
		server.SetFail(func(line string) string {
			if strings.HasPrefix(line, "UIDL") { // the mark came with it, or waits for the answer
				together.Store(server.Counts().In-before == int64(len("UIDL 1\r\nDELE 1\r\n")))
			}
			return ""
		})
		if err := s.Act(context.Background(), provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: provider.ID("u:" + uidl)}); err != nil {
			t.Fatal(err)
		}
		if together.Load() != (tt.turns == 1) {
			t.Errorf("without %v the mark went with the question: %t", tt.without, together.Load())
		}
	}
}

func TestPOP3_10ResponseCodes(t *testing.T) {
	for code, kind := range map[string]provider.Kind{
		"[IN-USE] busy": provider.ErrUnavailable, "[LOGIN-DELAY] slowly": provider.ErrThrottled, "[SYS/TEMP] later": provider.ErrUnavailable,
		"[SYS/PERM] never": provider.ErrUnsupported, "[AUTH] wrong": provider.ErrAuth, "[in-use] busy": provider.ErrUnavailable,
		"wrong": provider.ErrAuth, "mailbox is locked": provider.ErrUnavailable, "too many sessions": provider.ErrThrottled, "[OTHER] x": provider.ErrAuth,
		"[": provider.ErrAuth, "[]": provider.ErrAuth, "": provider.ErrAuth,
	} {
		for delay, want := range map[int]time.Duration{0: time.Minute, 300: 5 * time.Minute, 5: time.Minute, 1 << 30: 24 * time.Hour} {
			for _, command := range []string{"AUTH", "PASS"} {
				o := pop3test.Options{Delay: delay, Fail: func(line string) string {
					if strings.HasPrefix(line, command) {
						return "-ERR " + code
					}
					return ""
				}}
				if command == "PASS" {
					o.Without = []string{"SASL"}
				}
				_, d, a := start(t, o)
				_, err := d.Open(context.Background(), a)
				wantKind(t, command+" refused with "+code, err, kind)
				var e *provider.Error
				if errors.As(err, &e) && kind == provider.ErrThrottled && e.RetryAfter != want {
					t.Errorf("the wait is %v, want %v", e.RetryAfter, want)
				}
			}
		}
	}
}

func TestPOP3_10InUse(t *testing.T) {
	_, d, a := start(t, pop3test.Options{Exclusive: true, Fault: pop3test.Fault{SlowQuit: 5 * time.Millisecond}})
	s := open(t, d, a)
	_, err := d.Open(context.Background(), a)
	wantKind(t, "Open of a mailbox that somebody holds", err, provider.ErrUnavailable)
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != "IN-USE" || e.Remedy == "" {
		t.Errorf("the error is %+v", e)
	}
	for range 20 { // Close gives the mailbox free
		if closeInTime(s) {
			s = open(t, d, a)
		} else {
			s = whenFree(t, d, a)
		}
	}
}

// An answer of another shape than asked for ends the session, and nothing is given out.
func TestPOP3_11OutOfStep(t *testing.T) {
	ctx := context.Background()
	read := func(s session) error {
		page, err := s.Changes(ctx, provider.Request{Folder: "INBOX"})
		if err != nil {
			return err
		}
		_, err = fetch(t, s, idsOf(page.Changes)...)
		return err
	}
	remove := func(s session) error {
		page, err := s.Changes(ctx, provider.Request{Folder: "INBOX"})
		if err != nil {
			return err
		}
		act := provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: page.Changes[0].ID}
		if err := s.Act(ctx, act); err != nil {
			return err
		}
		return s.Confirm(ctx)
	}
	for _, tt := range []struct {
		name, to, answer string
		call             func(session) error
		kinds            []provider.Kind
	}{
		{"several lines for STAT", "STAT", "+OK 2 5\r\n1 5\r\n.", func(s session) error { return errors.Join(s.Check(ctx), s.Check(ctx)) }, nil},
		{"several lines for DELE", "DELE 2", "+OK\r\nand more\r\n.", remove, nil},
		{"two answers to DELE", "DELE 2", "+OK\r\n+OK", remove, nil},
		{"several lines for UIDL n", "UIDL 2", "+OK 2 x\r\n.", remove, nil},
		{"one line for UIDL", "UIDL", "+OK 2 messages", read, []provider.Kind{provider.ErrUnavailable, provider.ErrProtocol}},
		{"one line for LIST", "LIST", "+OK 2 messages", read, []provider.Kind{provider.ErrUnavailable, provider.ErrProtocol}},
		{"one line for RETR", "RETR 2", "+OK 300 octets", read, []provider.Kind{provider.ErrUnavailable, provider.ErrProtocol}},
		{"two answers to RETR", "RETR 2", "+OK\r\n\r\n.\r\n+OK\r\n\r\n.", read, nil},
		{"no status for RETR", "RETR 2", "Subject: x\r\n\r\n.", read, nil},
		{"a challenge for RETR", "RETR 2", "+ ", read, nil},
		{"UIDL n of another number", "UIDL 2", "+OK 1 x", remove, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, without := range [][]string{nil, {"CAPA"}} {
				server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext, Without: without})
				server.Add("user", mail(1, 300))
				server.Add("user", mail(2, 300))
				server.SetFail(func(line string) string {
					if line == tt.to {
						return tt.answer
					}
					return ""
				})
				limit := soon
				if slices.Contains(tt.kinds, provider.ErrUnavailable) { // it waits for the limit
					limit = time.Second
				}
				s := hurried(t, d, a, limit)
				if tt.kinds == nil {
					tt.kinds = []provider.Kind{provider.ErrProtocol}
				}
				wantKind(t, "the call", tt.call(s), tt.kinds...)
				wantKind(t, "the next", s.Check(ctx), provider.ErrUnavailable)
				s.Close()
				if n := len(server.Messages("user")); n != 2 {
					t.Errorf("%d messages are left", n)
				}
			}
		})
	}
}
