package pop3_test

import (
	"bufio"
	"context"
	"crypto/fips140"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/link"
	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/secret"
)

// far starts a driver for a Dovecot behind a line.
func far(t testing.TB, server *testserver.Dovecot, user string, how profile.TLS, o link.Options) (*link.Link, *pop3.Driver, provider.Account) {
	t.Helper()
	target := server.POP3SAddr
	if how != profile.ImplicitTLS {
		target = server.POP3Addr
	}
	line, err := link.Start(target, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(line.Close)
	host, port, _ := net.SplitHostPort(line.Addr())
	n, _ := strconv.Atoi(port)
	a := accountOf(profile.Endpoint{Host: host, Port: n, TLS: how})
	a.Mailbox.Username = user
	return line, &pop3.Driver{SpoolDir: t.TempDir(), TLSConfig: &tls.Config{RootCAs: server.CA.CertPool()}}, a
}

func TestDovecotConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	users := map[string]string{}
	for i := range 60 {
		users[fmt.Sprintf("user%d", i)] = canary
	}
	server := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	next := 0
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		next++
		return dovecotHarness(t, server, fmt.Sprintf("user%d", next-1))
	})
}

func dovecotHarness(t *testing.T, server *testserver.Dovecot, user string) providertest.Harness {
	line, d, a := far(t, server, user, profile.ImplicitTLS, link.Options{})
	var log buffer
	d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.Limits.Memory = 100_000
	ctx := context.Background()
	return providertest.Harness{
		Open:   func(ctx context.Context) (provider.Provider, error) { return d.Open(ctx, a) },
		Folder: "INBOX",
		Add: func(_ provider.FolderID, raw []byte, _ ...string) {
			if err := server.Append(ctx, user, "INBOX", raw, time.Time{}); err != nil {
				t.Fatal(err)
			}
		},
		Items: func(provider.FolderID) []providertest.Message { return oracle(t, server, user) },
		Remove: func(_ provider.FolderID, id provider.ID) {
			uid, err := strconv.ParseUint(string(id)[2:10], 16, 32) // Dovecot's UIDL begins with the UID
			if err == nil {
				_, err = server.IMAP(ctx, user, "SELECT INBOX", fmt.Sprintf(`UID STORE %d +FLAGS (\Deleted)`, uid), fmt.Sprintf("UID EXPUNGE %d", uid))
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		Break: line.Cut,
		Stall: func() { line.Silence(true) },
		Refuse: func() {
			if err := server.SetPassword(user, "another"); err != nil {
				t.Fatal(err)
			}
		},
		Secret: canary,
		Log:    log.String,
		Memory: d.Limits.Memory,
	}
}

// oracle reads the mailbox with what little a POP3 client needs.
func oracle(t *testing.T, server *testserver.Dovecot, user string) (items []providertest.Message) {
	t.Helper()
	conn, err := tls.Dial("tcp", server.POP3SAddr, &tls.Config{RootCAs: server.CA.CertPool()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	ask := func(command string, multi bool) (all string) {
		if command != "" {
			fmt.Fprintf(conn, "%s\r\n", command)
		}
		status, err := in.ReadString('\n')
		if err != nil || !strings.HasPrefix(status, "+OK") {
			t.Fatalf("%s: %q, %v", command, status, err)
		}
		for multi {
			text, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if text == ".\r\n" {
				break
			}
			all += strings.TrimPrefix(text, ".")
		}
		return all
	}
	ask("", false)
	ask("USER "+user, false)
	ask("PASS "+canary, false)
	for text := range strings.Lines(ask("UIDL", true)) {
		number, uid, _ := strings.Cut(strings.TrimSpace(text), " ")
		items = append(items, providertest.Message{ID: provider.ID("u:" + uid), Raw: []byte(ask("RETR "+number, true))})
	}
	ask("QUIT", false)
	return items
}

// TestTurns counts the turns of the line that a first sync of 100 messages takes over
// 120 ms, sign-in and goodbye included.
func TestTurns(t *testing.T) {
	for name, how := range map[string]profile.TLS{"TLS": profile.ImplicitTLS, "STLS": profile.StartTLS} {
		t.Run(name, func(t *testing.T) {
			server := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": canary}})
			if err := server.Fill(context.Background(), "anna", "INBOX", 100, func(i int) []byte { return mailgen.Tiny(1, i) }); err != nil {
				t.Fatal(err)
			}
			line, d, a := far(t, server, "anna", how, link.Options{Delay: 60 * time.Millisecond})
			begun := time.Now()
			s := open(t, d, a)
			if _, err := s.Folders(context.Background()); err != nil {
				t.Fatal(err)
			}
			n := 0
			r := provider.Request{Folder: "INBOX"}
			for page := (provider.Page{}); !page.RoundEnd; r.Cursor = page.Next {
				var err error
				if page, err = s.Changes(context.Background(), r); err != nil {
					t.Fatal(err)
				}
				got, err := fetch(t, s, idsOf(page.Changes)...)
				if err != nil {
					t.Fatal(err)
				}
				n += len(got)
			}
			s.Close()
			took, stats := time.Since(begun), line.Stats()
			t.Logf("%d messages in %v, %d turns, %d bytes up, %d down", n, took.Round(time.Millisecond), stats.Turns, stats.Up, stats.Down)
			if n != 100 || stats.Turns > 12 {
				t.Errorf("%d messages took %d turns, want 100 and at most 12", n, stats.Turns)
			}
		})
	}
}

// TestEmptyPollOfMany holds what a poll of 100,000 messages may cost.
func TestEmptyPollOfMany(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills a large mailbox")
	}
	server := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": canary}})
	if err := server.Fill(context.Background(), "anna", "INBOX", 100_000, func(i int) []byte { return fmt.Appendf(nil, "Subject: %d\r\n\r\n", i) }); err != nil {
		t.Fatal(err)
	}
	line, d, a := far(t, server, "anna", profile.ImplicitTLS, link.Options{})
	all, last := look(t, d, a, provider.Request{MaxItems: 5000})
	if len(all) != 100_000 || !last.Full {
		t.Fatalf("the first look told %d messages", len(all))
	}
	all = nil
	before, heap, begun := line.Stats(), watchHeap(), time.Now()
	news, end := look(t, d, a, provider.Request{Cursor: last.Next})
	after, took, peak := line.Stats(), time.Since(begun), heap()
	t.Logf("nothing new: %d bytes up, %d down, %d turns, %v, %d KiB of heap more", after.Up-before.Up, after.Down-before.Down, after.Turns-before.Turns, took.Round(time.Millisecond), peak>>10)
	if len(news) != 0 || end.Next != last.Next {
		t.Errorf("an empty poll told %d messages, or moved its cursor", len(news))
	}
	if turns := after.Turns - before.Turns; turns > 9 || peak > 64<<20 {
		t.Errorf("an empty poll took %d turns and %d bytes of memory", turns, peak)
	}
	for i := range 10 {
		if err := server.Append(context.Background(), "anna", "INBOX", mail(i, 500), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	before, begun = line.Stats(), time.Now()
	news, end = look(t, d, a, provider.Request{Cursor: last.Next, Want: provider.WantBodies})
	after = line.Stats()
	release(news)
	t.Logf("ten new: %d bytes up, %d down, %d turns, %v", after.Up-before.Up, after.Down-before.Down, after.Turns-before.Turns, time.Since(begun).Round(time.Millisecond))
	if len(news) != 10 || end.Full {
		t.Errorf("a poll of ten new messages told %d, full %t", len(news), end.Full)
	}
}

// watchHeap returns a function that returns how much the heap had grown at most since.
func watchHeap() func() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, stop, peak := m.HeapAlloc, make(chan struct{}), make(chan uint64)
	go func() {
		most := before
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-stop:
				peak <- most - before
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-peak
	}
}

// TestDovecotDay follows a mailbox through what happens in it.
func TestDovecotDay(t *testing.T) {
	server := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": canary}})
	ctx := context.Background()
	_, d, a := far(t, server, "anna", profile.ImplicitTLS, link.Options{})
	deliver := func(n int) {
		t.Helper()
		if err := server.Append(ctx, "anna", "INBOX", mail(n, 300), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5 {
		deliver(n)
	}
	first, last := look(t, d, a, provider.Request{})
	if len(first) != 5 || !last.Full || first[0].Size == 0 {
		t.Fatalf("the first look told %d messages, full %t", len(first), last.Full)
	}
	deliver(5)
	news, then := look(t, d, a, provider.Request{Cursor: last.Next, Want: provider.WantHeaders})
	if len(news) != 1 || then.Full || !strings.Contains(string(news[0].Header), "Subject: 5\r\n") {
		t.Errorf("the poll told %+v, full %t", news, then.Full)
	}
	s := open(t, d, a)
	issues, err := s.Advise(ctx)
	if err != nil || len(issues) != 0 {
		t.Errorf("Advise = %v, %v, want no advice about a good server", issues, err)
	}
	s = open(t, d, a)
	for _, id := range []provider.ID{first[0].ID, first[2].ID} {
		if err := s.Act(ctx, provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Confirm(ctx); err != nil {
		t.Fatal(err)
	}
	all, end := look(t, d, a, provider.Request{Cursor: then.Next})
	if len(all) != 4 || !end.Full {
		t.Errorf("after a deletion the poll told %d messages, full %t, want all 4", len(all), end.Full)
	}
	again, unmoved := look(t, d, a, provider.Request{Cursor: end.Next})
	if len(again) != 0 || unmoved.Next != end.Next {
		t.Errorf("without news the poll told %d messages, or moved its cursor", len(again))
	}
}

// Exchanges of several steps go over AUTH as one of a single step does.
func TestDovecotMechanisms(t *testing.T) {
	server := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": canary}, Mechanisms: "plain login scram-sha-256 cram-md5"})
	for how, want := range map[profile.Authentication]string{profile.AutoDetect: "SCRAM-SHA-256", profile.SCRAM: "SCRAM-SHA-256", profile.CRAMMD5: "CRAM-MD5", profile.Basic: "PLAIN"} {
		_, d, a := far(t, server, "anna", profile.ImplicitTLS, link.Options{})
		a.Endpoint.Authentication = how
		ctx, told := follow(context.Background())
		p, err := d.Open(ctx, a)
		if how == profile.CRAMMD5 && fips140.Enabled() { // X6
			wantKind(t, "CRAM-MD5 under FIPS 140", err, provider.ErrUnsupported)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		p.Close()
		if got := told.evidence[signIn].Mechanism; got != want {
			t.Errorf("%q signed in with %s, want %s", how, got, want)
		}
		a.Mailbox.Password = secret.New("another")
		_, err = d.Open(context.Background(), a)
		wantKind(t, string(how)+" with a wrong password", err, provider.ErrAuth)
	}
}
