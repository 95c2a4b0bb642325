package pop3_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// Whatever a caller asks between the pages of a round, each message is given with its own
// content, and what was asked for ahead is in nobody's way.
func TestReadingAheadIsInNobodysWay(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		server, d, a := start(t, pop3test.Options{TLS: []profile.TLS{profile.ImplicitTLS, profile.Plaintext}[seed%2]})
		want := map[provider.ID][]byte{}
		var all []provider.ID
		for n := range 150 {
			raw := mail(n, rng.IntN(20_000))
			id := provider.ID("u:" + server.Add("user", raw))
			want[id], all = raw, append(all, id)
			if n%50 == 49 {
				server.AddBad("user", mail(1000+n, 300))
			}
		}
		ahead(t, rng, open(t, d, a), want, all, 8+rng.IntN(60))
		if t.Failed() {
			t.Fatalf("this was seed %d", seed)
		}
	}
}

func ahead(t *testing.T, rng *rand.Rand, s session, want map[provider.ID][]byte, all []provider.ID, page int) {
	ctx := context.Background()
	defer s.Close()
	check := func(got map[provider.ID][]byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for id, raw := range got {
			if !bytes.Equal(raw, want[id]) {
				t.Errorf("%s has the content of another message", id)
			}
		}
	}
	deleted := map[provider.ID]bool{}
	r := provider.Request{Folder: "INBOX", MaxItems: page}
	seen := 0
	for more := true; more; {
		told, err := s.Changes(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		r.Cursor, more = told.Next, told.More
		ids := idsOf(told.Changes)
		if rng.IntN(5) == 0 {
			ids = ids[:rng.IntN(len(ids))] // the others are known
		}
		check(fetch(t, s, ids...))
		seen += len(told.Changes)
		switch rng.IntN(6) {
		case 0:
			if err := s.Check(ctx); err != nil {
				t.Fatal(err)
			}
		case 1:
			check(fetch(t, s, all[rng.IntN(len(all))]))
		case 2:
			id := all[rng.IntN(len(all))]
			if err := s.Act(ctx, provider.Act{Kind: provider.Delete, Folder: "INBOX", Epoch: "1", ID: id}); err != nil && !deleted[id] {
				t.Errorf("Act: %v", err)
			}
			deleted[id] = true
		case 3:
			headers, err := s.Changes(ctx, provider.Request{Folder: "INBOX", Want: provider.WantHeaders, MaxItems: 5})
			if err != nil || len(headers.Changes) != 5 {
				t.Fatalf("headers: %d, %v", len(headers.Changes), err)
			}
		}
	}
	if seen != len(all)+3 {
		t.Errorf("%d messages were told, want %d", seen, len(all)+3)
	}
	if err := s.Confirm(ctx); err != nil {
		t.Errorf("Confirm: %v", err)
	}
}

// The next page's messages are on their way when a page has been fetched, and a session
// that is closed then deletes nothing and is a goodbye short.
func TestReadingAheadSavesTurns(t *testing.T) {
	var retrieved atomic.Int64
	server, d, a := start(t, pop3test.Options{Fail: func(line string) string {
		if strings.HasPrefix(line, "RETR ") {
			retrieved.Add(1)
		}
		return ""
	}})
	for n := range 100 {
		server.Add("user", mail(n, 500))
	}
	ctx := context.Background()
	for _, pages := range []int{1, 2} {
		s := open(t, d, a)
		r := provider.Request{Folder: "INBOX", MaxItems: 50}
		for page := range pages {
			told, err := s.Changes(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			r.Cursor = told.Next
			got, err := fetch(t, s, idsOf(told.Changes)...)
			if err != nil || len(got) != 50 {
				t.Fatalf("page %d: %d messages, %v", page, len(got), err)
			}
		}
		if pages == 1 { // nobody has asked for the other page
			deadline := time.Now().Add(time.Minute)
			for retrieved.Load() < 100 && time.Now().Before(deadline) {
				time.Sleep(time.Millisecond)
			}
			if n := retrieved.Load(); n != 100 {
				t.Errorf("the server was asked for %d messages, want those of both pages", n)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := len(server.Messages("user")); n != 100 {
		t.Errorf("%d messages are left", n)
	}
}

// A server that breaks off while something is on its way is unavailable, to whoever asks
// next and whatever for.
func TestReadingAheadOfALostConnection(t *testing.T) {
	for name, next := range map[string]func(context.Context, session, []provider.ID) error{
		"the next page": func(ctx context.Context, s session, ids []provider.ID) error {
			return s.Fetch(ctx, "INBOX", "1", ids, func(c provider.Change) error {
				return c.Raw.Release() // some had arrived
			})
		},
		"something else": func(ctx context.Context, s session, _ []provider.ID) error { return s.Check(ctx) },
	} {
		server, d, a := start(t, pop3test.Options{})
		for n := range 90 {
			server.Add("user", mail(n, 60_000)) // a page is more than is asked for ahead
		}
		server.Add("user", mail(99, 100))
		s := open(t, d, a)
		told, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", MaxItems: 1})
		if err != nil {
			t.Fatal(err)
		}
		behind, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", MaxItems: 40, Cursor: told.Next})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fetch(t, s, idsOf(behind.Changes)...); err != nil {
			t.Fatal(err)
		}
		server.Break()
		last, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", Cursor: behind.Next})
		if err != nil {
			t.Fatal(err)
		}
		wantKind(t, name, next(context.Background(), s, idsOf(last.Changes)), provider.ErrUnavailable)
		s.Close()
	}
}
