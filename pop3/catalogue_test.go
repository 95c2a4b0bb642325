package pop3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// The tests of this file are the rows of the catalogue of hostile servers.

// truth returns the server's messages as a driver names those with good UIDLs.
func truth(server *pop3test.Server) map[provider.ID][]byte {
	all := map[provider.ID][]byte{}
	for _, m := range server.Messages("user") {
		all[provider.ID("u:"+m.UIDL)] = m.Raw
	}
	return all
}

// A body without its final dot is never taken for whole: the line is cut at each byte
// of what the server has to say, and nothing short comes out of it.
func TestPOP3_01CutAtEveryByte(t *testing.T) {
	for name, without := range map[string][]string{"pipelined": nil, "one by one": {"CAPA"}} {
		t.Run(name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext, Without: without})
			server.Add("user", []byte("Subject: a\r\n\r\nfirst\r\n.\r\n..\r\nend\r\n"))
			server.Add("user", []byte("Subject: b\r\n\r\n"))
			server.Add("user", []byte("Subject: c\r\n\r\nthird\r\n"))
			want := truth(server)
			whole := 0
			for cut := int64(1); whole == 0; cut++ {
				server.SetFault(pop3test.Fault{Limit: cut})
				got, err := readAll(t, d, a)
				for id, raw := range got {
					if !bytes.Equal(raw, want[id]) {
						t.Fatalf("cut at byte %d: %q was given for %s", cut, raw, id)
					}
				}
				switch {
				case err == nil && len(got) == len(want):
					whole++
				case err == nil:
					t.Fatalf("cut at byte %d: %d messages and no error", cut, len(got))
				default:
					wantKind(t, fmt.Sprintf("cut at byte %d", cut), err, provider.ErrUnavailable)
				}
				if cut > 1<<16 {
					t.Fatal("the whole transcript is not enough")
				}
			}
		})
	}
}

// readAll lists the mailbox and reads every message, and returns what was given.
func readAll(t testing.TB, d *pop3.Driver, a provider.Account) (map[provider.ID][]byte, error) {
	t.Helper()
	p, err := d.Open(context.Background(), a)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	s := p.(session)
	page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX"})
	if err != nil {
		return nil, err
	}
	return fetch(t, s, idsOf(page.Changes)...)
}

// What looks like an answer within a body is content, and a line with a dot that the
// server did not double ends the message: it is that message's failure, and tells the
// operator.
func TestPOP3_02ByGrammar(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	var log buffer
	d.Logger = slog.New(slog.NewTextHandler(&log, nil))
	server.Add("user", []byte("Subject: a\r\n\r\n-ERR [SYS/PERM] no\r\n+OK 1 x\r\n+ go on\r\n"))
	server.Add("user", mail(2, 2000))
	server.Add("user", mail(3, 300))
	want := truth(server)
	if got, err := readAll(t, d, a); err != nil || len(got) != 3 {
		t.Errorf("%d messages were read, %v", len(got), err)
	} else {
		for id, raw := range got {
			if !bytes.Equal(raw, want[id]) {
				t.Errorf("%q was given for %s", raw, id)
			}
		}
	}
	if strings.Contains(log.String(), "WARN") {
		t.Errorf("the log says %s", log.String())
	}
	server.SetFail(func(line string) string {
		if line == "RETR 2" {
			return "+OK\r\nSubject: 2\r\n\r\nthat\r\n.\r\nwas not all of it\r\n."
		}
		return ""
	})
	got, err := readAll(t, d, a)
	if err != nil || len(got) != 2 || got[provider.ID("u:"+server.Messages("user")[1].UIDL)] != nil {
		t.Errorf("%d messages were read, %v, want the other two", len(got), err)
	}
	server.SetFail(nil)
	server.SetFault(pop3test.Fault{Lie: 500})
	if got, err := readAll(t, d, a); err != nil || len(got) != 3 || !strings.Contains(log.String(), "not as large") {
		t.Errorf("%d messages were read, %v; the log says %s", len(got), err, log.String())
	}
}

// Ids that are none, or none of one message, are made of headers; what is named stays
// named, and nothing is told twice or left out.
func TestPOP3_03BadIDs(t *testing.T) {
	set := func(uidls map[int]string) func(*pop3test.Server) {
		return func(server *pop3test.Server) {
			for n, uidl := range uidls {
				server.SetUIDL("user", n, uidl)
			}
		}
	}
	for _, tt := range []struct {
		name    string
		without []string
		prepare func(*pop3test.Server)
		headed  int // how many of four are named by their header
		code    string
	}{
		{"good ones", nil, set(nil), 0, ""},
		{"no UIDL", []string{"UIDL"}, set(nil), 4, "uidl-missing"},
		{"no UIDL and no CAPA", []string{"UIDL", "CAPA"}, set(nil), 4, "uidl-missing"},
		{"empty", nil, set(map[int]string{2: ""}), 1, "uidl-invalid"},
		{"twice", nil, set(map[int]string{2: "x", 4: "x"}), 2, "uidl-repeats"},
		{"the same everywhere", nil, set(map[int]string{1: "x", 2: "x", 3: "x", 4: "x"}), 4, "uidl-repeats"},
		{"numbers", nil, set(map[int]string{1: "1", 2: "2", 3: "3", 4: "4"}), 4, "uidl-numbers"},
		{"numbers of something else", nil, set(map[int]string{1: "1", 2: "2", 3: "3", 4: "5"}), 0, ""},
		{"characters that may not be", nil, set(map[int]string{2: "a\xffb", 3: "a b"}), 2, "uidl-invalid"},
		{"71 characters", nil, set(map[int]string{1: strings.Repeat("x", 70), 2: strings.Repeat("x", 71)}), 1, "uidl-invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{Without: tt.without})
			for n := range 4 {
				server.Add("user", mail(n, 300+n))
			}
			tt.prepare(server)
			first, last := look(t, d, a, provider.Request{})
			headed := 0
			for _, c := range first {
				if strings.HasPrefix(string(c.ID), "t:") {
					headed++
				}
			}
			ids := idsOf(first)
			slices.Sort(ids)
			if len(first) != 4 || len(slices.Compact(ids)) != 4 || headed != tt.headed {
				t.Errorf("told were %v, want four ids, %d of them by header", ids, tt.headed)
			}
			s := open(t, d, a) // Fetch finds them without a listing before
			got, err := fetch(t, s, idsOf(first)...)
			if err != nil || len(got) != 4 {
				t.Errorf("Fetch gave %d of 4, %v", len(got), err)
			}
			for k, m := range server.Messages("user") {
				if !bytes.Equal(got[first[3-k].ID], m.Raw) {
					t.Errorf("%s has not its own content", first[3-k].ID)
				}
			}
			if news, end := look(t, d, a, provider.Request{Cursor: last.Next}); len(news) != 0 || end.Next != last.Next {
				t.Errorf("without news %v were told", idsOf(news))
			}
			wantAdvice(t, d, a, tt.code)
			server.Add("user", mail(5, 300))
			if news, _ := look(t, d, a, provider.Request{Cursor: last.Next}); len(news) == 0 {
				t.Error("the new message was not told")
			}
		})
	}
}

// wantAdvice fails the test unless the mailbox's warnings are those with a code, "" for
// none.
func wantAdvice(t testing.TB, d *pop3.Driver, a provider.Account, code string) {
	t.Helper()
	issues, err := open(t, d, a).Advise(context.Background())
	if err != nil {
		t.Errorf("Advise: %v", err)
	}
	var codes string
	for _, issue := range issues {
		if issue.Level == profile.Warning {
			codes += issue.Code
		}
		if issue.Message == "" || issue.Remedy == "" || issue.Field == "" || issue.Side != "" {
			t.Errorf("an advice without words: %+v", issue)
		}
	}
	if codes != code {
		t.Errorf("the advice is %q, want %q", codes, code)
	}
}

// A server that offers neither UIDL nor TOP is refused where it is tested and where it
// is used.
func TestPOP3_03NeitherUIDLNorTOP(t *testing.T) {
	for _, without := range [][]string{{"UIDL", "TOP"}, {"UIDL", "TOP", "CAPA"}} {
		server, d, a := start(t, pop3test.Options{Without: without})
		server.Add("user", mail(1, 300))
		server.Add("user", mail(2, 300))
		ctx := context.Background()
		_, err := open(t, d, a).Changes(ctx, provider.Request{Folder: "INBOX"})
		wantKind(t, "Changes", err, provider.ErrUnsupported)
		wantKind(t, "Check", open(t, d, a).Check(ctx), provider.ErrUnsupported)
		_, err = open(t, d, a).Advise(ctx)
		wantKind(t, "Advise", err, provider.ErrUnsupported)
	}
}

// Two messages with one header are two messages.
func TestPOP3_03SameHeader(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Without: []string{"UIDL"}})
	for n := range 3 {
		server.Add("user", fmt.Appendf(nil, "Status: R%d\r\nX-UID: %d\r\n folded %d\r\nSubject: same\r\n\r\nbody %d\r\n", n, n, n, n))
	}
	all, _ := look(t, d, a, provider.Request{Want: provider.WantBodies})
	if len(all) != 3 {
		t.Fatalf("told were %d", len(all))
	}
	if base := string(all[2].ID); string(all[1].ID) != base+"#2" || string(all[0].ID) != base+"#3" {
		t.Errorf("the ids are %v", idsOf(all))
	}
	for k, c := range all {
		if raw := content(t, c); !bytes.Contains(raw, fmt.Appendf(nil, "body %d", 2-k)) {
			t.Errorf("%s has %q", c.ID, raw)
		}
	}
}

// Once it is noticed that UIDLs are all new in each session, headers name the messages,
// without a reset.
func TestPOP3_04AllNewEachTime(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Fault: pop3test.Fault{Renumber: true}})
	for n := range 20 {
		server.Add("user", mail(n, 300+100*n))
	}
	_, last := look(t, d, a, provider.Request{})
	second, last := look(t, d, a, provider.Request{Cursor: last.Next})
	if len(second) != 20 || !last.Full || !strings.HasPrefix(string(second[0].ID), "t:") {
		t.Fatalf("the second look told %v", idsOf(second))
	}
	third, end := look(t, d, a, provider.Request{Cursor: last.Next})
	if len(third) != 0 || end.Next != last.Next {
		t.Errorf("the third look told %v", idsOf(third))
	}
	server.Add("user", mail(30, 300))
	news, last := look(t, d, a, provider.Request{Cursor: end.Next, Want: provider.WantBodies})
	if len(news) != 1 || last.Full {
		t.Errorf("a new message was told as %v", idsOf(news))
	}
	release(news)
	server.Remove("user", server.Messages("user")[3].UIDL)
	rest, last := look(t, d, a, provider.Request{Cursor: last.Next})
	if len(rest) != 20 || !last.Full {
		t.Errorf("after a deletion %d were told", len(rest))
	}
	s := open(t, d, a)
	if got, err := fetch(t, s, idsOf(rest)...); err != nil || len(got) != 20 {
		t.Errorf("Fetch by header gave %d of 20, %v", len(got), err)
	}
	wantAdvice(t, d, a, "uidl-changes")
}

// A mailbox that was emptied and filled again is not taken for one whose UIDLs change.
func TestPOP3_04OtherMail(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	for n := range 20 {
		server.Add("user", mail(n, 300+100*n))
	}
	_, last := look(t, d, a, provider.Request{})
	for _, m := range server.Messages("user") {
		server.Remove("user", m.UIDL)
	}
	for n := range 20 {
		server.Add("user", mail(n, 350+100*n))
	}
	news, last := look(t, d, a, provider.Request{Cursor: last.Next})
	if len(news) != 20 || !last.Full || !strings.HasPrefix(string(news[0].ID), "u:") {
		t.Errorf("told were %v", idsOf(news))
	}
}

// What cannot be looked at is said, and the pause is kept.
func TestAdviseKeepsLoginDelay(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Delay: 300})
	server.Add("user", mail(1, 300))
	issues, err := open(t, d, a).Advise(context.Background())
	if err != nil || len(issues) != 1 || issues[0].Code != "uidl-unchecked" {
		t.Errorf("Advise = %v, %v", issues, err)
	}
	if n := server.Counts().Connections; n != 1 {
		t.Errorf("there were %d connections, want 1", n)
	}
}

// Numbers that are none, in every answer that has some, cost neither memory nor the
// process.
func TestPOP3_05Numbers(t *testing.T) {
	ctx := context.Background()
	check := func(s session) error { return s.Check(ctx) }
	changes := func(s session) error {
		page, err := s.Changes(ctx, provider.Request{Folder: "INBOX", Want: provider.WantBodies})
		release(page.Changes)
		return err
	}
	protocol, large := provider.ErrProtocol, provider.ErrTooLarge
	for _, tt := range []struct {
		to, answer string
		call       func(session) error
		kind       provider.Kind
	}{
		{"STAT", "+OK 999999999999 99999999999999999999", check, protocol},
		{"STAT", "+OK 999999999999 9999999", check, large},
		{"STAT", "+OK -1 5", check, protocol},
		{"STAT", "+OK many", check, protocol},
		{"STAT", "+OK", check, protocol},
		{"LIST", "+OK\r\n1 99999999999999999999\r\n2 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1 -5\r\n2 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1\r\n2\r\n.", changes, protocol},
		{"LIST", "+OK\r\n2 5\r\n1 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1 5\r\n1 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1 5\r\n2 5\r\n3 5\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n0 a\r\n1 b\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n-1 a\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n999999999999999999999 a\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n4294967297 a\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n0x1 a\r\n.", changes, protocol},
		{"UIDL", "+OK\r\nfirst\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n1 " + strings.Repeat("x", 10<<20) + "\r\n.", changes, large},
		{"UIDL", "+OK\r\n" + strings.Repeat("1 a\r\n", 2) + ".", changes, protocol},
	} {
		t.Run(tt.to+" "+tt.answer[:min(len(tt.answer), 40)], func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext})
			d.Limits.Command = time.Second
			server.Add("user", mail(1, 300))
			server.Add("user", mail(2, 300))
			server.SetFail(func(line string) string {
				if line == tt.to {
					return tt.answer
				}
				return ""
			})
			s := open(t, d, a)
			heap := watchHeap()
			wantKind(t, tt.to, tt.call(s), tt.kind)
			if peak := heap(); peak > 40<<20 { // the server's own answer is in it
				t.Errorf("it took %d bytes", peak)
			}
			if tt.to != "STAT" {
				wantKind(t, "the next call", s.Check(ctx), provider.ErrUnavailable)
			}
		})
	}
}

// More messages than are taken are too many, whatever they are.
func TestPOP3_05TooMany(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	d.Limits.Responses = 50
	for n := range 51 {
		server.Add("user", mail(n, 100))
	}
	_, err := open(t, d, a).Changes(context.Background(), provider.Request{Folder: "INBOX"})
	wantKind(t, "Changes", err, provider.ErrTooLarge)
	wantKind(t, "Check", open(t, d, a).Check(context.Background()), provider.ErrTooLarge)
}

// Messages without header, without body, and without anything are messages.
func TestPOP3_06OddMessages(t *testing.T) {
	odd := [][]byte{nil, []byte("\r\n"), []byte("\r\nno header at all\r\n"), []byte("Subject: only a header\r\n"), []byte("no header, no line end"), []byte(".\r\n"), []byte("..\r\n"), []byte("\r\n.\r\n"), {0}, []byte("a\rb\nc\r\r\n")}
	for name, without := range map[string][]string{"UIDL": nil, "no UIDL": {"UIDL"}, "one by one": {"CAPA"}} {
		t.Run(name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{Without: without})
			for _, raw := range odd {
				server.Add("user", raw)
			}
			for want := provider.WantIDs; want <= provider.WantBodies; want++ {
				all, _ := look(t, d, a, provider.Request{Want: want})
				if len(all) != len(odd) {
					t.Errorf("told were %d of %d", len(all), len(odd))
				}
				for k, c := range all {
					m := server.Messages("user")[len(odd)-1-k]
					if c.Err != nil {
						t.Errorf("%q has the error %v", m.Raw, c.Err)
					} else if want == provider.WantBodies {
						if raw := content(t, c); !bytes.Equal(raw, m.Raw) {
							t.Errorf("%q came as %q", m.Raw, raw)
						}
					}
				}
			}
		})
	}
}

// Whatever stands in the greeting, APOP is never said.
func TestPOP3_07NoAPOP(t *testing.T) {
	for _, challenge := range []string{"<@>", "<1896.697170952@dbc.mtview.ca.us>", "<a\x00b", "<" + strings.Repeat("x", 400) + "@y>"} {
		a, heard := script(t, profile.Plaintext, func(p *peer) {
			p.send("+OK ready %s\r\n", challenge)
			for p.line() != "" {
				p.send("-ERR no\r\n")
			}
		})
		_, err := (&pop3.Driver{}).Open(context.Background(), a)
		wantKind(t, "Open", err, provider.ErrAuth)
		if strings.Contains(heard(), "APOP") {
			t.Errorf("the server was told %q", heard())
		}
	}
}

// What was not confirmed with QUIT is not deleted, and what the server did not say it
// deleted is not taken for deleted.
func TestPOP3_08Deletion(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name  string
		fault pop3test.Fault
		end   func(session) error
		kind  provider.Kind
		left  int
	}{
		{"confirmed", pop3test.Fault{}, func(s session) error { return s.Confirm(ctx) }, "", 2},
		{"closed", pop3test.Fault{}, session.Close, "", 3},
		{"not all deleted", pop3test.Fault{Quit: "-ERR some deleted messages not removed"}, func(s session) error { return s.Confirm(ctx) }, provider.ErrUnavailable, 3},
		{"killed", pop3test.Fault{Keep: true}, func(s session) error { return s.Confirm(ctx) }, provider.ErrUnavailable, 3},
		{"garbled", pop3test.Fault{Quit: "250 bye"}, func(s session) error { return s.Confirm(ctx) }, provider.ErrProtocol, 3},
		{"broken off", pop3test.Fault{SlowQuit: 300 * time.Millisecond}, func(s session) error {
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			if err := s.Confirm(short); !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("Confirm = %w", err)
			}
			return nil
		}, "", -1},
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
			if err := tt.end(s); provider.KindOf(err) != tt.kind || tt.kind == "" && err != nil {
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

func TestPOP3_09ShiftBeforeDeletion(t *testing.T) {
	for name, without := range map[string][]string{"UIDL": nil, "no UIDL": {"UIDL"}} {
		t.Run(name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{Without: without})
			for n := range 5 {
				server.Add("user", mail(n, 300))
			}
			s := open(t, d, a)
			page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX"})
			if err != nil {
				t.Fatal(err)
			}
			server.Shift("user", 1)
			err = s.Act(context.Background(), provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: page.Changes[2].ID})
			wantKind(t, "Act", err, provider.ErrProtocol)
			s.Close()
			if n := len(server.Messages("user")); n != 5 {
				t.Errorf("%d messages are left", n)
			}
		})
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
	_, d, a := start(t, pop3test.Options{Exclusive: true})
	s := open(t, d, a)
	_, err := d.Open(context.Background(), a)
	wantKind(t, "Open of a mailbox that somebody holds", err, provider.ErrUnavailable)
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != "IN-USE" || e.Remedy == "" {
		t.Errorf("the error is %+v", e)
	}
	for range 20 { // Close gives the mailbox free
		s.Close()
		s = open(t, d, a)
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
				d.Limits.Command = 300 * time.Millisecond
				server.Add("user", mail(1, 300))
				server.Add("user", mail(2, 300))
				server.SetFail(func(line string) string {
					if line == tt.to {
						return tt.answer
					}
					return ""
				})
				s := open(t, d, a)
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
