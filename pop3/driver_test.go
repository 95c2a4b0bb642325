package pop3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
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

// P7: what is too large is told with its header, and the page goes on.
func TestP7TooLarge(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	d.Limits.Message, d.Limits.Memory = 50_000, 10_000
	for n, size := range []int{300, 60_000, 20_000, 300} {
		server.Add("user", mail(n, size))
	}
	all, _ := look(t, d, a, provider.Request{Want: provider.WantBodies})
	if len(all) != 4 {
		t.Fatalf("told were %d", len(all))
	}
	for k, c := range all {
		if n := 3 - k; n == 1 {
			wantKind(t, "the large one", c.Err, provider.ErrTooLarge)
			if c.Raw != nil || !bytes.Contains(c.Header, []byte("Subject: 1\r\n")) {
				t.Errorf("the large one has the header %q", c.Header)
			}
		} else if !bytes.Equal(content(t, c), server.Messages("user")[n].Raw) {
			t.Errorf("%d is not what it was", n)
		}
	}
	if left, _ := os.ReadDir(d.SpoolDir); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}

// P8: a server that lies about sizes does not make a page hold more than was asked for
// by more than a message.
func TestP8SizesThatLie(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Fault: pop3test.Fault{Lie: -9_990}})
	for n := range 30 {
		server.Add("user", mail(n, 10_000))
	}
	s := open(t, d, a)
	r := provider.Request{Folder: "INBOX", Want: provider.WantBodies, MaxBytes: 25_000}
	told := 0
	for page := (provider.Page{}); !page.RoundEnd; r.Cursor = page.Next {
		var err error
		if page, err = s.Changes(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		var size int64
		for _, c := range page.Changes {
			size += c.Raw.Size()
		}
		if size > 40_000 {
			t.Errorf("a page has %d bytes", size)
		}
		told += len(page.Changes)
		release(page.Changes)
	}
	if told != 30 {
		t.Errorf("told were %d", told)
	}
}

// P9: words that trickle are no progress.
func TestP9Trickle(t *testing.T) {
	for _, to := range []string{"UIDL", "RETR 1"} {
		server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext})
		server.Add("user", mail(1, 300))
		s := hurried(t, d, a, 400*time.Millisecond)
		server.SetFail(func(line string) string {
			if line == to {
				server.SetFault(pop3test.Fault{Chunk: 1, Pause: 50 * time.Millisecond}) // of a status line that has no end
				return "+OK " + strings.Repeat("x", 8000)
			}
			return ""
		})
		page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", Want: provider.WantBodies})
		release(page.Changes)
		wantKind(t, to+" whose answer trickles", err, provider.ErrUnavailable)
	}
}

// P9: lines without end are too many or too long.
func TestP9Endless(t *testing.T) {
	for _, line := range []string{"1 a", "+OK", strings.Repeat("x", 5000)} {
		server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext})
		d.Limits.Responses = 1000
		s := open(t, d, a)
		server.SetFault(pop3test.Fault{Endless: line})
		_, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX"})
		wantKind(t, "Changes", err, provider.ErrProtocol, provider.ErrTooLarge)
	}
}

// P3: a context that ends in the middle of a body ends the call, and the session.
func TestP3EndedInABody(t *testing.T) {
	server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext})
	for n := range 20 {
		server.Add("user", mail(n, 100_000))
	}
	s := open(t, d, a)
	page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX"})
	if err != nil {
		t.Fatal(err)
	}
	server.SetFault(pop3test.Fault{Chunk: 1000, Pause: 5 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server.SetFail(func(line string) string {
		if strings.HasPrefix(line, "RETR") {
			cancel()
		}
		return ""
	})
	err = s.Fetch(ctx, "INBOX", "1", idsOf(page.Changes), func(c provider.Change) error { c.Raw.Release(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Fetch = %v", err)
	}
	wantKind(t, "Check", s.Check(context.Background()), provider.ErrUnavailable)
}

// A caller that wants no more gets no more, and loses nothing but the session.
func TestFetchStops(t *testing.T) {
	for _, without := range [][]string{nil, {"CAPA"}} {
		server, d, a := start(t, pop3test.Options{Without: without})
		d.Limits.Memory = 1000
		for n := range 100 {
			server.Add("user", mail(n, 3000))
		}
		s := open(t, d, a)
		page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", MaxItems: 100})
		if err != nil {
			t.Fatal(err)
		}
		stop, calls := errors.New("stop"), 0
		err = s.Fetch(context.Background(), "INBOX", "1", idsOf(page.Changes), func(c provider.Change) error {
			c.Raw.Release()
			if calls++; calls == 11 {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) || calls != 11 {
			t.Errorf("Fetch = %v after %d calls", err, calls)
		}
		s.Close()
		if left, _ := os.ReadDir(d.SpoolDir); len(left) != 0 {
			t.Errorf("%d files are left", len(left))
		}
	}
}

// No more than 64 commands are under way at once, and one where the server takes one.
func TestPipeliningIsBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		without []string
		most    int64
	}{"pipelined": {nil, 64}, "one by one": {[]string{"PIPELINING"}, 1}} {
		t.Run(name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{Without: tt.without})
			for n := range 500 {
				server.Add("user", mail(n, 2000))
			}
			s := open(t, d, a)
			page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", MaxItems: 500})
			if err != nil {
				t.Fatal(err)
			}
			before := server.Counts()
			var most atomic.Int64
			server.SetFail(func(line string) string {
				// A command is at least 6 bytes; what came and was not answered is under way.
				counts := server.Counts()
				pending := (counts.In-before.In)/int64(len("RETR 500\r\n")) - (counts.Commands - before.Commands)
				most.Store(max(most.Load(), pending+1))
				return ""
			})
			if got, err := fetch(t, s, idsOf(page.Changes)...); err != nil || len(got) != 500 {
				t.Errorf("Fetch gave %d, %v", len(got), err)
			}
			if most.Load() > tt.most {
				t.Errorf("%d commands were under way", most.Load())
			}
		})
	}
}

// Without TOP, or where nobody said that it is there, a header is taken from the whole.
func TestHeadersWithoutTOP(t *testing.T) {
	for _, without := range [][]string{{"TOP"}, {"TOP", "CAPA"}, {"CAPA"}, nil} {
		server, d, a := start(t, pop3test.Options{Without: without})
		for n := range 3 {
			server.Add("user", mail(n, 3000))
		}
		all, _ := look(t, d, a, provider.Request{Want: provider.WantHeaders})
		for k, c := range all {
			if head, _, _ := bytes.Cut(server.Messages("user")[2-k].Raw, []byte("\r\n\r\n")); c.Err != nil || string(c.Header) != string(head)+"\r\n\r\n" {
				t.Errorf("without %v the header is %q, %v", without, c.Header, c.Err)
			}
		}
		release(all)
		if len(all) != 3 {
			t.Errorf("told were %d", len(all))
		}
	}
}

// A server whose lines end in LF alone is read too.
func TestLineFeedsAlone(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Fault: pop3test.Fault{LineFeed: true}, TLS: profile.Plaintext})
	server.Add("user", []byte("Subject: a\r\n\r\n.\r\n..\r\nb\r\n"))
	got, err := readAll(t, d, a)
	for _, raw := range got {
		if string(raw) != "Subject: a\n\n.\n..\nb\n" {
			t.Errorf("it came as %q", raw)
		}
	}
	if err != nil || len(got) != 1 {
		t.Errorf("%d messages, %v", len(got), err)
	}
}

// UTF8 is said where the server speaks it, before the sign-in, and nowhere else.
func TestUTF8(t *testing.T) {
	for _, without := range [][]string{nil, {"UTF8"}} {
		server, d, a := start(t, pop3test.Options{Without: without})
		var said buffer
		server.SetFail(func(line string) string { fmt.Fprintln(&said, strings.Fields(line)[0]); return "" })
		open(t, d, a).Close()
		if got := strings.Contains(said.String(), "UTF8\nAUTH\n"); got != (without == nil) {
			t.Errorf("without %v the server was told %q", without, said.String())
		}
	}
}

// Capabilities are asked for again after the sign-in only where those before say nothing
// about reading mail.
func TestCapabilitiesAfterSignIn(t *testing.T) {
	for _, late := range []bool{false, true} {
		server, d, a := start(t, pop3test.Options{})
		asked := 0
		server.SetFail(func(line string) string {
			if line != "CAPA" {
				return ""
			}
			if asked++; late && asked == 1 {
				return "+OK\r\nSASL PLAIN\r\n."
			}
			return ""
		})
		server.Add("user", mail(1, 300))
		s := open(t, d, a)
		if want := map[bool]int{false: 1, true: 2}[late]; asked != want {
			t.Errorf("CAPA was asked %d times, want %d", asked, want)
		}
		issues, err := s.Advise(context.Background())
		if err != nil || len(issues) != 0 {
			t.Errorf("Advise = %v, %v", issues, err)
		}
	}
}

// A first response that does not fit into a command is given when asked for.
func TestLongInitialResponse(t *testing.T) {
	for _, size := range []int{8, 155, 156, 157, 158, 159, 160, 161, 162, 163, 164, 165, 166, 400} {
		name := strings.Repeat("u", size)
		server := pop3test.NewServer(pop3test.Options{Users: map[string]string{name: canary}})
		t.Cleanup(server.Close)
		_, d, a := start(t, pop3test.Options{})
		d.TLSConfig.RootCAs = server.CertPool()
		a.Endpoint, a.Mailbox.Username = server.Endpoint(), name
		var longest, lines atomic.Int64
		server.SetFail(func(line string) string {
			if strings.HasPrefix(line, "AUTH") {
				longest.Store(int64(len(line)) + 2)
				lines.Add(1)
			}
			return ""
		})
		open(t, d, a)
		if longest.Load() > 255 || lines.Load() != 1 {
			t.Errorf("a user name of %d bytes made a command of %d, said %d times", size, longest.Load(), lines.Load())
		}
	}
}

// Advise says QUIT and waits for the answer before it signs in again.
func TestAdviseOfAnExclusiveMailbox(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Exclusive: true, Fault: pop3test.Fault{SlowQuit: 50 * time.Millisecond}})
	server.Add("user", mail(1, 300))
	ctx, told := follow(context.Background())
	issues, err := open(t, d, a).Advise(ctx)
	if err != nil || len(issues) != 0 {
		t.Errorf("Advise = %v, %v", issues, err)
	}
	told.want(t, nil, tcp, shaking, greeting, capabilities, signIn)
}

// Other acts than Delete are no POP3.
func TestOnlyDelete(t *testing.T) {
	_, d, a := start(t, pop3test.Options{})
	s := open(t, d, a)
	for _, kind := range []provider.ActKind{provider.Mark, provider.Unmark, provider.Move, "else"} {
		wantKind(t, string(kind), s.Act(context.Background(), provider.Act{Kind: kind, Folder: "INBOX", Epoch: "1", ID: "u:x"}), provider.ErrUnsupported)
	}
}

// What the server refuses to delete is not taken for marked.
func TestRefusedDeletion(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	server.Add("user", mail(1, 300))
	var said buffer
	server.SetFail(func(line string) string {
		fmt.Fprintln(&said, line)
		if strings.HasPrefix(line, "DELE") {
			return "-ERR read-only"
		}
		return ""
	})
	s := open(t, d, a)
	act := provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: provider.ID("u:" + server.Messages("user")[0].UIDL)}
	wantKind(t, "Act", s.Act(context.Background(), act), provider.ErrBadItem)
	if err := s.Confirm(context.Background()); err != nil {
		t.Errorf("Confirm = %v", err)
	}
	s.Close()
	await(t, "QUIT", func() bool { return strings.HasSuffix(said.String(), "QUIT\n") }) // Close does not wait long
	if all := said.String(); strings.Contains(all, "RSET") {
		t.Errorf("the server was told %q", all)
	}
}

// A password or a user name that would be a second command is never sent.
func TestNoSecondCommand(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Without: []string{"SASL"}})
	for _, name := range []string{"user\r\nDELE 1", "user\n", "a\x00b"} {
		a.Mailbox.Username = name
		_, err := d.Open(context.Background(), a)
		wantKind(t, "Open", err, provider.ErrAuth)
	}
	if n := server.Counts().Commands; n > 12 {
		t.Errorf("the server got %d commands", n)
	}
}

// Messages that come while a round is told over several sessions are told by it; those
// that go begin it anew.
func TestP1RoundOverSessions(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	for n := range 10 {
		server.Add("user", mail(n, 300))
	}
	page := func(cursor provider.Cursor) provider.Page {
		t.Helper()
		s := open(t, d, a)
		defer s.Close()
		p, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", Cursor: cursor, MaxItems: 4})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	subjects := func(p provider.Page) (ids []provider.ID) {
		for _, c := range p.Changes {
			i := slices.IndexFunc(server.Messages("user"), func(m pop3test.Message) bool { return "u:"+m.UIDL == string(c.ID) })
			ids = append(ids, provider.ID(fmt.Sprint(i)))
		}
		return ids
	}
	first := page("")
	server.Add("user", mail(10, 300))
	second := page(first.Next)
	third := page(second.Next)
	if got := fmt.Sprint(subjects(first), subjects(second), subjects(third)); got != "[9 8 7 6] [5 4 3 2] [1 0 10]" || !third.RoundEnd || !third.Full {
		t.Errorf("the round told %s", got)
	}
	server.Remove("user", server.Messages("user")[0].UIDL)
	again := page(second.Next)
	if got := fmt.Sprint(subjects(again)); got != "[9 8 7 6]" || again.RoundEnd {
		t.Errorf("after a deletion the round told %s", got)
	}
}

func ExampleDriver_Probe() {
	server := pop3test.NewServer(pop3test.Options{TLS: profile.StartTLS})
	defer server.Close()
	driver, account := exampleDriver(server)
	ctx := provider.WithTrace(context.Background(), &provider.Trace{End: func(s provider.Stage, e provider.Evidence, err error) {
		fmt.Println(s, e.TLSVersion, err)
	}})
	if err := driver.Probe(ctx, account); err != nil {
		fmt.Println(err)
	}
	// Output:
	// tcp  <nil>
	// greeting  <nil>
	// tls TLS 1.3 <nil>
	// capabilities  <nil>
}

var _ provider.Driver = (*pop3.Driver)(nil)
