package pop3_test

import (
	"context"
	"fmt"
	"sync/atomic"
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
	var quits atomic.Int64
	server.SetFail(func(line string) string {
		if line == "QUIT" {
			quits.Add(1)
		}
		return ""
	})
	_, last := look(provider.Request{MaxItems: 10_000})
	await(t, "QUIT", func() bool { return quits.Load() == 1 }) // Close does not wait long
	before, heap := server.Counts(), watchHeap()
	news, end := look(provider.Request{Cursor: last.Next})
	peak := heap()
	await(t, "second QUIT", func() bool { return quits.Load() == 2 })
	after := server.Counts()
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

// A round over a mailbox of many costs what its pages have, and not the mailbox for each.
func BenchmarkRoundOfMany(b *testing.B) {
	server, d, a := start(b, pop3test.Options{})
	for n := range 100_000 {
		server.Add("user", mail(n, 10))
	}
	for b.Loop() {
		s := open(b, d, a)
		r := provider.Request{Folder: "INBOX"}
		for more := true; more; {
			page, err := s.Changes(context.Background(), r)
			if err != nil {
				b.Fatal(err)
			}
			r.Cursor, more = page.Next, page.More
		}
		s.Close()
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

// P8: with a bound, a deletion in a large mailbox has all ids listed again and hardly a
// header read, and the cursor stays small.
func TestP8FullRoundWithABound(t *testing.T) {
	const n = 20_000
	server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext})
	for i := range n {
		server.Add("user", received(i, i/100))
	}
	r := provider.Request{MaxItems: 1000, Since: day(150)}
	counted := func() int64 {
		before := server.Counts()
		all, last := look(t, d, a, r)
		after := server.Counts()
		r.Cursor = last.Next
		t.Logf("%d messages told for %d commands and %d bytes; the cursor has %d bytes", len(all), after.Commands-before.Commands, after.Out-before.Out, len(r.Cursor))
		return after.Commands - before.Commands
	}
	if first := counted(); first < n {
		t.Errorf("the first round took %d commands", first)
	}
	server.Remove("user", server.Messages("user")[17_000].UIDL)
	server.Add("user", received(n, 300))
	if again := counted(); again > 30 {
		t.Errorf("a round after a deletion took %d commands", again)
	}
	if len(r.Cursor) > 1000 {
		t.Errorf("the cursor has %d bytes", len(r.Cursor))
	}
}
