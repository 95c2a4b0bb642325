package providertest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// opened returns a session of the mailbox of the tests.
func opened(t testing.TB, s *Server) provider.Provider {
	t.Helper()
	p, err := s.Open(context.Background(), ann)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// live asks for a page of the live lane of INBOX.
func live(p provider.Provider, c provider.Cursor, max int) (provider.Page, error) {
	source, _ := provider.As[provider.Source](p)
	return source.Changes(context.Background(), provider.Request{Folder: "INBOX", Lane: provider.Live, Cursor: c, MaxItems: max})
}

// kinds returns the changes of a page as "kind id".
func kinds(page provider.Page) []string {
	var all []string
	for _, c := range page.Changes {
		all = append(all, fmt.Sprintf("%s %s", c.Kind, c.ID))
	}
	return all
}

func TestTemperamentsTellTheSameEditsInTheirWays(t *testing.T) {
	key := ann.Mailbox.Key
	tests := []struct {
		temperament Temperament
		want        string
	}{
		{POP3Like, "[upsert uidl-00000002 upsert uidl-00000003] full"},
		{IMAPLike, "[upsert 2 upsert 3 flags 3 gone 1]"},
		{EWSLike, "[upsert AAMkADaaaaaaaaaaaaaaab= upsert AAMkADaaaaaaaaaaaaaaaB= upsert AAMkADaaaaaaaaaaaaaaaB= flags AAMkADaaaaaaaaaaaaaaaB= moved AAMkADaaaaaaaaaaaaaaaA=]"},
		{GraphLike, "[upsert immutable-00000002 upsert immutable-00000003 gone immutable-00000001 upsert immutable-00000002]"},
		{DAVLike, "[upsert /INBOX/2.eml upsert /INBOX/3.eml gone /INBOX/1.eml]"},
	}
	for _, tt := range tests {
		t.Run(string(tt.temperament), func(t *testing.T) {
			s := NewServer(tt.temperament)
			p := opened(t, s)
			first := s.Add(key, "INBOX", []byte("Subject: 1\r\n\r\n"))
			begin, err := live(p, "", 0)
			if err != nil {
				t.Fatal(err)
			}
			s.Add(key, "INBOX", []byte("Subject: 2\r\n\r\n"))
			s.SetFlags(key, "INBOX", s.Add(key, "INBOX", []byte("Subject: 3\r\n\r\n")), `\Seen`)
			if s.Move(key, "INBOX", first, "Trash") == "" {
				s.Remove(key, "INBOX", first)
			}
			if p.Traits().Snapshot {
				p = opened(t, s)
			}
			page, err := live(p, begin.Next, 0)
			got := fmt.Sprint(kinds(page))
			if page.Full {
				got += " full"
			}
			if got != tt.want || err != nil || !page.RoundEnd {
				t.Errorf("told %s, end %t, %v, want %s", got, page.RoundEnd, err, tt.want)
			}
		})
	}
}

func TestGraphLinksExpire(t *testing.T) {
	s := NewServer(GraphLike)
	s.KeepRounds = 2
	p := opened(t, s)
	old, err := live(p, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	cursor := old.Next
	for round := range 4 {
		s.Add(ann.Mailbox.Key, "INBOX", []byte("Subject: x\r\n\r\n"))
		var page provider.Page
		for range 3 { // asking again costs no round
			if page, err = live(p, cursor, 0); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		cursor = page.Next
		_, err := live(p, old.Next, 0)
		if expired := provider.KindOf(err) == provider.ErrCursorExpired; expired != (round >= 2) {
			t.Errorf("after %d rounds the first cursor gives %v", round+1, err)
		}
	}
}

func TestLatencyIsVirtualAndEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(IMAPLike)
		s.Latency = 3 * time.Second
		start := time.Now()
		p := opened(t, s)
		p.Check(context.Background())
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("two calls took %v, want 6s", took)
		}
		for _, limit := range []time.Duration{time.Second, 3 * time.Second} {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			start = time.Now()
			if err := p.Check(ctx); err != context.DeadlineExceeded || time.Since(start) != limit {
				t.Errorf("Check within %v = %v after %v", limit, err, time.Since(start))
			}
			cancel()
		}
	})
}

func TestMisuseIsSeen(t *testing.T) {
	s := NewServer(IMAPLike)
	entered, leave := make(chan bool), make(chan bool)
	s.Fault = func(c Call) Outcome {
		if c.Op == OpFolders {
			entered <- true
			<-leave
		}
		return Outcome{}
	}
	p := opened(t, s)
	source, _ := provider.As[provider.Source](p)
	var wg sync.WaitGroup
	wg.Go(func() { source.Folders(context.Background()) })
	<-entered
	p.Check(context.Background())
	leave <- true
	wg.Wait()
	p.Close()
	if err := p.Check(context.Background()); provider.KindOf(err) != provider.ErrUnavailable {
		t.Errorf("Check after Close = %v", err)
	}
	if got, want := s.Misuse(), []string{"check while another call of the session was under way", "check after Close"}; !slices.Equal(got, want) {
		t.Errorf("Misuse = %q, want %q", got, want)
	}
	if open, peak := s.Sessions(); open != 0 || peak != 1 {
		t.Errorf("Sessions = %d, %d, want 0, 1", open, peak)
	}
}

func TestHeldBlobs(t *testing.T) {
	s := NewServer(IMAPLike)
	s.Memory = -1
	s.Add(ann.Mailbox.Key, "INBOX", []byte("Subject: x\r\n\r\n"))
	source, _ := provider.As[provider.Source](opened(t, s))
	page, err := source.Changes(context.Background(), provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies})
	if err != nil || s.Held() != 1 {
		t.Fatalf("Held = %d, %v, want 1", s.Held(), err)
	}
	release(page)
	release(page)
	if s.Held() != 0 {
		t.Errorf("Held after Release done twice = %d, want 0", s.Held())
	}
}

// Many sessions of many mailboxes, and somebody who edits them, at once.
func TestServerIsSafeForManyGoroutines(t *testing.T) {
	s := NewServer(GraphLike)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			a := ann
			a.Mailbox.Mailbox = fmt.Sprint(n % 4)
			p, _ := s.Open(context.Background(), a)
			defer p.Close()
			var cursor provider.Cursor
			for range 200 {
				s.Add(a.Mailbox.Key, "INBOX", []byte("Subject: x\r\n\r\n"))
				for _, m := range s.Items(a.Mailbox.Key, "INBOX")[:1] {
					s.Move(a.Mailbox.Key, "INBOX", m.ID, "Trash")
				}
				page, err := live(p, cursor, 10)
				if cursor = page.Next; err != nil && provider.KindOf(err) != provider.ErrCursorExpired {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// A hundred thousand mailboxes with a message each must fit beside a test.
func TestManyMailboxesAreSmall(t *testing.T) {
	const n = 20_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, raw := NewServer(IMAPLike), []byte("Subject: x\r\n\r\n")
	for i := range n {
		s.Add(mailbox.Key{Organization: "acme", Mailbox: fmt.Sprint(i)}, "INBOX", raw)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (after.HeapAlloc - before.HeapAlloc) / n; each > 4096 {
		t.Errorf("a mailbox with a message takes %d bytes, want at most 4096", each)
	} else {
		t.Logf("a mailbox with a message takes %d bytes", each)
	}
	runtime.KeepAlive(s)
}

func BenchmarkEmptyPoll(b *testing.B) {
	s := NewServer(IMAPLike)
	p := opened(b, s)
	page, _ := live(p, "", 0)
	cursor := provider.Cursor([]byte(page.Next)) // as a Store gives it back
	b.ReportAllocs()
	for b.Loop() {
		if page, err := live(p, cursor, 0); err != nil || len(page.Changes) > 0 {
			b.Fatal(page, err)
		}
	}
}

func BenchmarkSessionWithOnePoll(b *testing.B) {
	s := NewServer(IMAPLike)
	page, _ := live(opened(b, s), "", 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := opened(b, s)
			if _, err := live(p, page.Next, 0); err != nil {
				b.Error(err)
			}
			p.Close()
		}
	})
}

// A caller sees from a cursor alone whether it stands between rounds.
func TestCursorsSayWhereARoundEnds(t *testing.T) {
	for _, temperament := range temperaments {
		s := NewServer(temperament)
		p := opened(t, s)
		begin, _ := live(p, "", 0)
		for range 3 {
			s.Add(ann.Mailbox.Key, "INBOX", []byte("Subject: x\r\n\r\n"))
		}
		cursor := begin.Next
		for told := false; !told; {
			page, err := live(p, cursor, 2)
			if err != nil || page.RoundEnd != page.Next.Done() {
				t.Fatalf("%s: round end %t, cursor done %t, %v", temperament, page.RoundEnd, page.Next.Done(), err)
			}
			cursor, told = page.Next, page.RoundEnd
		}
	}
}
