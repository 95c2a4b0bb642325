package imap_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/internal/link"
	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

// lacking are the capabilities that a class of servers lacks.
func lacking() map[string][]string {
	return map[string][]string{
		"QRESYNC":   nil,
		"CONDSTORE": {"QRESYNC"},
		"RFC 3501": {"QRESYNC", "CONDSTORE", "ENABLE", "ESEARCH", "SEARCHRES", "ESORT", "CONTEXT=SEARCH", "SASL-IR", "LITERAL+", "NAMESPACE",
			"MOVE", "SPECIAL-USE", "LIST-EXTENDED", "LIST-STATUS"},
	}
}

// far starts a driver for a Dovecot behind a line.
func far(t testing.TB, server *testserver.Dovecot, user string, o link.Options) (*link.Link, *imap.Driver, provider.Account) {
	t.Helper()
	line, err := link.Start(server.IMAPSAddr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(line.Close)
	host, port, _ := net.SplitHostPort(line.Addr())
	n, _ := strconv.Atoi(port)
	a := accountOf(profile.Endpoint{Host: host, Port: n})
	a.Mailbox.Username = user
	return line, &imap.Driver{SpoolDir: t.TempDir(), TLSConfig: &tls.Config{RootCAs: server.CA.CertPool()}}, a
}

func TestDovecotConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	for name, without := range lacking() {
		t.Run(name, func(t *testing.T) {
			users := map[string]string{}
			for i := range 60 {
				users[fmt.Sprintf("user%d", i)] = canary
			}
			server := servertest.Dovecot(t, testserver.DovecotOptions{Users: users, DisableCapabilities: without})
			next := 0
			providertest.Run(t, func(t *testing.T) providertest.Harness {
				next++
				return dovecotHarness(t, server, fmt.Sprintf("user%d", next-1))
			})
		})
	}
}

func dovecotHarness(t *testing.T, server *testserver.Dovecot, user string) providertest.Harness {
	line, d, a := far(t, server, user, link.Options{})
	var log buffer
	d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.Limits.Memory = 100_000
	ctx := context.Background()
	epoch := 2_000_000_000
	say := func(commands ...string) {
		t.Helper()
		if _, err := server.IMAP(ctx, user, commands...); err != nil {
			t.Fatal(err)
		}
	}
	in := func(f provider.FolderID, commands ...string) {
		t.Helper()
		say(append([]string{"SELECT " + string(f)}, commands...)...)
	}
	return providertest.Harness{
		Open:   func(ctx context.Context) (provider.Provider, error) { return d.Open(ctx, a) },
		Folder: "INBOX",
		Other:  "Archive",
		Add: func(f provider.FolderID, raw []byte, flags ...string) {
			if err := server.Append(ctx, user, string(f), raw, time.Time{}, flags...); err != nil {
				t.Fatal(err)
			}
		},
		Items: func(f provider.FolderID) []providertest.Message { return oracle(t, server, user, string(f)) },
		Remove: func(f provider.FolderID, id provider.ID) {
			in(f, fmt.Sprintf(`UID STORE %s +FLAGS (\Deleted)`, id), "UID EXPUNGE "+string(id))
		},
		SetFlags: func(f provider.FolderID, id provider.ID, flags ...string) {
			in(f, fmt.Sprintf("UID STORE %s FLAGS (%s)", id, strings.Join(flags, " ")))
		},
		Move: func(f provider.FolderID, id provider.ID, to provider.FolderID) {
			in(f, fmt.Sprintf("UID MOVE %s %s", id, to))
		},
		NewEpoch: func(f provider.FolderID) {
			epoch++
			if _, err := server.Doveadm(ctx, "mailbox", "update", "-u", testserver.Address(user), "--uid-validity", strconv.Itoa(epoch), string(f)); err != nil {
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

// oracle reads a folder with go-imap alone.
func oracle(t *testing.T, server *testserver.Dovecot, user, folder string) (items []providertest.Message) {
	t.Helper()
	c, err := imapclient.DialTLS(server.IMAPSAddr, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: server.CA.CertPool()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(user, canary).Wait(); err != nil {
		t.Fatal(err)
	}
	data, err := c.Select(folder, nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if data.NumMessages == 0 {
		return nil
	}
	section := &goimap.FetchItemBodySection{Peek: true}
	list, err := c.Fetch(goimap.UIDSet{{Start: 1}}, &goimap.FetchOptions{UID: true, Flags: true, BodySection: []*goimap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		item := providertest.Message{ID: provider.ID(strconv.Itoa(int(m.UID))), Raw: m.FindBodySection(section)}
		for _, f := range m.Flags {
			if f != `\Recent` {
				item.Flags = append(item.Flags, string(f))
			}
		}
		slices.Sort(item.Flags)
		items = append(items, item)
	}
	return items
}

// TestTurns counts the turns of the line that a first sync of 100 messages takes
// over 120 ms, sign-in included.
func TestTurns(t *testing.T) {
	for name, without := range lacking() {
		t.Run(name, func(t *testing.T) {
			server := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": canary}, DisableCapabilities: without})
			if err := server.Fill(context.Background(), "anna", "INBOX", 100, func(i int) []byte { return mailgen.Tiny(1, i) }); err != nil {
				t.Fatal(err)
			}
			line, d, a := far(t, server, "anna", link.Options{Delay: 60 * time.Millisecond})
			begun := time.Now()
			s := open(t, d, a)
			if _, err := s.Folders(context.Background()); err != nil {
				t.Fatal(err)
			}
			begin(t, s)
			r := provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies}
			n := 0
			for page := (provider.Page{}); !page.RoundEnd; r.Cursor = page.Next {
				page = changes(t, s, r)
				n += len(page.Changes)
				release(page.Changes)
			}
			s.Close()
			took := time.Since(begun)
			stats := line.Stats()
			t.Logf("%d messages in %v, %d turns, %d bytes up, %d down", n, took.Round(time.Millisecond), stats.Turns, stats.Up, stats.Down)
			most := 10
			if name == "RFC 3501" { // no initial response, no capabilities unasked
				most = 12
			}
			if n != 100 || stats.Turns > most {
				t.Errorf("%d messages took %d turns, want 100 and at most %d", n, stats.Turns, most)
			}
		})
	}
}

// TestEmptyPollOfMany holds what a poll of 100,000 messages may cost.
func TestEmptyPollOfMany(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills a large mailbox")
	}
	for name, without := range lacking() {
		t.Run(name, func(t *testing.T) {
			server := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": canary}, DisableCapabilities: without})
			if err := server.Fill(context.Background(), "anna", "INBOX", 100_000, func(i int) []byte { return fmt.Appendf(nil, "Subject: %d\r\n\r\n", i) }); err != nil {
				t.Fatal(err)
			}
			line, d, a := far(t, server, "anna", link.Options{})
			cursor := begin(t, open(t, d, a))
			s := open(t, d, a)
			for _, what := range []string{"new session", "same session"} {
				before, begun := line.Stats(), time.Now()
				page := changes(t, s, provider.Request{Folder: "INBOX", Cursor: cursor})
				after := line.Stats()
				bytes, turns := after.Up-before.Up+after.Down-before.Down, after.Turns-before.Turns
				t.Logf("%s: %d bytes up, %d down, %d turns, %v", what, after.Up-before.Up, after.Down-before.Down, turns, time.Since(begun).Round(100*time.Microsecond))
				if len(page.Changes) != 0 || !page.RoundEnd || bytes > 2000 || turns > 2 {
					t.Errorf("%s: an empty poll took %d bytes and %d turns", what, bytes, turns)
				}
			}
		})
	}
}

// TestDovecotDay follows a mailbox through what happens in it.
func TestDovecotDay(t *testing.T) {
	server := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": canary}})
	ctx := context.Background()
	_, d, a := far(t, server, "anna", link.Options{})
	s := open(t, d, a)
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	folders, err := s.Folders(ctx)
	if err != nil || !slices.ContainsFunc(folders, func(f provider.Folder) bool { return f.Role == provider.Sent && f.Name == "Sent" }) {
		t.Errorf("Folders = %+v, %v", folders, err)
	}
	cursor := begin(t, s)
	say := func(commands ...string) {
		if _, err := server.IMAP(ctx, "anna", append([]string{"SELECT INBOX"}, commands...)...); err != nil {
			t.Fatal(err)
		}
	}
	poll := func(want string) {
		t.Helper()
		page := changes(t, s, provider.Request{Folder: "INBOX", Cursor: cursor, Want: provider.WantBodies})
		if got := summary(page.Changes); got != want {
			t.Errorf("the poll told %q, want %q", got, want)
		}
		release(page.Changes)
		cursor = page.Next
	}
	for n := 1; n <= 3; n++ {
		if err := server.Deliver(ctx, "anna", "", mail(n, 500)); err != nil {
			t.Fatal(err)
		}
	}
	poll("upsert 1, upsert 2, upsert 3")
	say(`UID STORE 1 +FLAGS (\Seen)`, `UID STORE 2 +FLAGS (\Deleted)`, "UID EXPUNGE 2", "UID MOVE 3 Archive")
	poll("flags 1, gone 2, gone 3")
	poll("")
	if err := s.Act(ctx, provider.Act{Kind: provider.Move, Folder: "INBOX", Epoch: cursor.Epoch(), ID: "1", To: "Archive/2024"}); err != nil {
		t.Fatal(err)
	}
	poll("gone 1")
	places, err := s.Find(ctx, []provider.FolderID{"INBOX", "Archive", "Archive/2024"}, "m1@example.com")
	if err != nil || len(places) != 1 || places[0].Folder != "Archive/2024" {
		t.Errorf("Find = %+v, %v", places, err)
	}
}

// TestNotify hears of a delivery, and again after the line broke.
func TestNotify(t *testing.T) {
	server := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": canary}})
	line, d, a := far(t, server, "anna", link.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	news, done := make(chan mailbox.Key, 100), make(chan error, 1)
	go func() { done <- d.Notify(ctx, []provider.Account{a}, func(k mailbox.Key) { news <- k }) }()
	hear := func(what string) {
		t.Helper()
		select {
		case k := <-news:
			if k != a.Mailbox.Key {
				t.Errorf("%s: news of %v", what, k)
			}
		case <-time.After(soon):
			t.Errorf("%s: no news within %v", what, soon)
		}
	}
	// What comes before it listens is no news.
	for n, until := 1, time.Now().Add(soon); len(news) == 0 && time.Now().Before(until); n++ {
		if err := server.Deliver(ctx, "anna", "", mail(n, 100)); err != nil {
			t.Fatal(err)
		}
		for wait := time.Now().Add(500 * time.Millisecond); len(news) == 0 && time.Now().Before(wait); {
			time.Sleep(time.Millisecond)
		}
	}
	hear("a delivery")
	line.Cut()
	hear("a connection made again")
	cancel()
	select {
	case <-done:
	case <-time.After(soon):
		t.Error("Notify goes on after the end of its context")
	}
}

// BenchmarkPull reads 20,000 messages of 600 MB together over TLS, by the driver and
// by a reader that throws away what comes as fast as it can.
func BenchmarkPull(b *testing.B) {
	const n = 20_000
	server := servertest.Dovecot(b, testserver.DovecotOptions{Users: map[string]string{"anna": canary}})
	corpus := mailgen.NewCorpus(1, n, 600<<20)
	if err := server.Fill(context.Background(), "anna", "INBOX", n, func(i int) []byte { return corpus.Message(i) }); err != nil {
		b.Fatal(err)
	}
	_, d, a := far(b, server, "anna", link.Options{})
	host, port, _ := net.SplitHostPort(server.IMAPSAddr)
	a.Endpoint.Host = host
	a.Endpoint.Port, _ = strconv.Atoi(port)
	b.Run("bare", func(b *testing.B) {
		for range b.N {
			b.SetBytes(bare(b, server))
		}
	})
	b.Run("driver", func(b *testing.B) {
		for range b.N {
			s := open(b, d, a)
			r := provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies}
			var bytes int64
			count := 0
			for page := (provider.Page{}); !page.RoundEnd; r.Cursor = page.Next {
				page = changes(b, s, r)
				for _, c := range page.Changes {
					bytes += c.Raw.Size()
					count++
				}
				release(page.Changes)
			}
			if count != n {
				b.Errorf("%d messages came", count)
			}
			b.SetBytes(bytes)
			s.Close()
		}
	})
}

// bare reads everything with one command and returns how much it was.
func bare(b *testing.B, server *testserver.Dovecot) (total int64) {
	conn, err := tls.Dial("tcp", server.IMAPSAddr, &tls.Config{RootCAs: server.CA.CertPool()})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "a LOGIN anna %s\r\nb SELECT INBOX\r\nc UID FETCH 1:* (BODY.PEEK[])\r\n", canary)
	const keep = 200 // of what came before, for an end that comes in pieces
	buf := make([]byte, keep+64<<10)
	for {
		k, err := conn.Read(buf[keep:])
		total += int64(k)
		if err == io.EOF || bytes.Contains(buf[k:keep+k], []byte("\nc OK")) {
			return total
		}
		if err != nil {
			b.Fatal(err)
		}
		copy(buf, buf[k:keep+k])
	}
}
