package pop3_test

import (
	"fmt"
	"testing"

	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// many starts a server with n small messages.
func many(t testing.TB, n int) (*pop3test.Server, func(provider.Request) ([]provider.Change, provider.Page)) {
	server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext})
	for i := range n {
		server.Add("user", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i))
	}
	return server, func(r provider.Request) ([]provider.Change, provider.Page) { return look(t, d, a, r) }
}

// P8: a poll without news holds little, however large the mailbox; the server's own
// memory is counted in.
func TestP8PollOfMany(t *testing.T) {
	server, look := many(t, 100_000)
	_, last := look(provider.Request{MaxItems: 10_000})
	before, heap := server.Counts(), watchHeap()
	news, end := look(provider.Request{Cursor: last.Next})
	peak, after := heap(), server.Counts()
	t.Logf("%d KiB of heap more, %d bytes from the server, %d commands", peak>>10, after.Out-before.Out, after.Commands-before.Commands)
	if len(news) != 0 || end.Next != last.Next || peak > 64<<20 {
		t.Errorf("a poll without news told %d messages and held %d bytes, cursor moved %t", len(news), peak, end.Next != last.Next)
	}
	if n := after.Commands - before.Commands; n > 5 {
		t.Errorf("it took %d commands, want CAPA, UTF8, AUTH, UIDL and QUIT", n)
	}
	if len(end.Next) > 1000 {
		t.Errorf("the cursor has %d bytes", len(end.Next))
	}
}

// BenchmarkPoll is a poll of 100,000 messages without news, sign-in, server and all.
func BenchmarkPoll(b *testing.B) {
	_, look := many(b, 100_000)
	_, last := look(provider.Request{MaxItems: 10_000})
	b.ReportAllocs()
	for b.Loop() {
		look(provider.Request{Cursor: last.Next})
	}
}

// BenchmarkPull reads 2,000 messages of 30 KB.
func BenchmarkPull(b *testing.B) {
	server, d, a := start(b, pop3test.Options{})
	for n := range 2000 {
		server.Add("user", mail(n, 30_000))
	}
	b.SetBytes(2000 * 30_000)
	b.ReportAllocs()
	for b.Loop() {
		got := 0
		s := open(b, d, a)
		page, err := s.Changes(b.Context(), provider.Request{Folder: "INBOX", MaxItems: 2000})
		if err != nil {
			b.Fatal(err)
		}
		err = s.Fetch(b.Context(), "INBOX", "1", idsOf(page.Changes), func(c provider.Change) error {
			got++
			return c.Raw.Release()
		})
		if err != nil || got != 2000 {
			b.Fatal(got, err)
		}
		s.Close()
	}
}
