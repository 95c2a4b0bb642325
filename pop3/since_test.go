package pop3_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// begun is the day from which on the tests of bounds receive mail.
var begun = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func day(n int) time.Time { return begun.AddDate(0, 0, n) }

// received returns message n as a server got it on a day; its sender's clock stands wrong.
func received(n, on int) []byte {
	return fmt.Appendf(nil, "Received: from a by b;\r\n\t%s (UTC)\r\nReceived: from c by a; Mon, 1 Jan 2001 00:00:00 +0000\r\nDate: Thu, 1 Jan 1998 00:00:00 +0000\r\n%s",
		day(on).Format(time.RFC1123Z), mail(n, 300))
}

// A folder is a mailbox of which the n-th message was received on day n, and how much of
// it was looked at.
type folder struct {
	t      *testing.T
	server *pop3test.Server
	page   int
	open   func() session
	look   func(provider.Request) ([]provider.Change, provider.Page)
	tops   atomic.Int64
}

func newFolder(t *testing.T, o pop3test.Options, n int) *folder {
	server, d, a := start(t, o)
	f := &folder{t: t, server: server, page: 4}
	for i := range n {
		server.Add("user", received(i, i))
	}
	server.SetFail(func(line string) string {
		if strings.HasPrefix(line, "TOP") {
			f.tops.Add(1)
		}
		return ""
	})
	f.open = func() session { return open(t, d, a) }
	f.look = func(r provider.Request) ([]provider.Change, provider.Page) {
		f.tops.Store(0)
		r.MaxItems = f.page
		return look(t, d, a, r)
	}
	return f
}

// told tells a round by the days of its messages: those before the bound in brackets, and
// with a question mark those of which nobody says when they came.
func (f *folder) told(since time.Time, changes []provider.Change) string {
	var all []string
	for _, c := range changes {
		i := slices.IndexFunc(f.server.Messages("user"), func(m pop3test.Message) bool { return "u:"+m.UIDL == string(c.ID) })
		text := subjectOf(f.server.Messages("user")[i].Raw)
		switch {
		case c.Received.IsZero():
			text += "?"
		case c.Received.Before(since):
			text = "(" + text + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// want makes a round and holds it to what it should tell and to how many headers it may
// read.
func (f *folder) want(what string, from provider.Cursor, since time.Time, want string, tops int64) provider.Cursor {
	f.t.Helper()
	changes, last := f.look(provider.Request{Cursor: from, Since: since})
	if got := f.told(since, changes); got != want {
		f.t.Errorf("%s told %q, want %q", what, got, want)
	}
	if n := f.tops.Load(); n != tops {
		f.t.Errorf("%s read %d headers, want %d", what, n, tops)
	}
	return last.Next
}

// remove deletes the n-th message, from 0.
func (f *folder) remove(n int) { f.server.Remove("user", f.server.Messages("user")[n].UIDL) }

// I8: a round that lists everything has what is older than the bound, as ids alone; news
// have not. A bound that moves forwards moves no cursor, one that moves back has all listed.
func TestI8Since(t *testing.T) {
	f := newFolder(t, pop3test.Options{}, 8)
	at := f.want("the first round", "", day(5), "7 6 5 (4) (3) (2) (1) (0)", 8)
	if next := f.want("a poll", at, day(5), "", 0); next != at {
		t.Error("a poll without news moved the cursor")
	}
	if next := f.want("a poll with a later bound", at, day(7), "", 0); next != at {
		t.Error("a later bound moved the cursor")
	}
	f.server.Add("user", received(8, 8))
	f.server.Add("user", received(2, 2))
	f.server.Add("user", mail(9, 300))
	at = f.want("news", at, day(5), "9? 8", 3)
	if next := f.want("a poll", at, day(6), "", 0); next != at {
		t.Error("a poll without news moved the cursor")
	}
	at = f.want("a bound moved back", at, day(3), "9? (2) 8 7 6 5 4 3 (2) (1) (0)", 11)
	f.want("no bound", at, time.Time{}, "9? 2? 8? 7? 6? 5? 4? 3? 2? 1? 0?", 0)
	if _, last := f.look(provider.Request{}); last.Next == at {
		t.Error("a cursor without bound is as one with")
	} else {
		f.want("a bound set later", last.Next, day(5), "", 0)
	}
}

// I8: what news leave out is brought in when the bound is moved back, though the page that
// left it out was empty, and the round under way.
func TestI8SinceOfAnEmptyPage(t *testing.T) {
	f := newFolder(t, pop3test.Options{}, 2)
	at := f.want("the first round", "", day(1), "1 (0)", 2)
	for n := range 9 {
		f.server.Add("user", received(n, -n))
	}
	f.want("old news", at, day(1), "", 9)
	s := f.open()
	page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", Cursor: at, Since: day(1), MaxItems: 4})
	if err != nil || len(page.Changes) != 0 || !page.More || page.Full {
		t.Fatalf("the page is %+v, %v", page, err)
	}
	f.want("moved back within the round", page.Next, day(-3), "(8) (7) (6) (5) (4) 3 2 1 0 1? 0", 10)
}

// A round that lists everything reads the headers of what it does not know, whatever has
// gone: never is a young message taken for an old one.
func TestI8SinceFullAgain(t *testing.T) {
	begin := func(t *testing.T) (*folder, provider.Cursor) {
		f := newFolder(t, pop3test.Options{}, 20)
		changes, last := f.look(provider.Request{Since: day(10)})
		if len(changes) != 20 || f.tops.Load() != 20 {
			t.Fatalf("%d were told for %d headers", len(changes), f.tops.Load())
		}
		return f, last.Next
	}
	young := func(from, to int) (text string) {
		for n := from; n >= to; n-- {
			text += fmt.Sprintf("%d? ", n)
		}
		return text
	}
	old := func(from int) (text string) {
		for n := from; n >= 0; n-- {
			text += fmt.Sprintf("(%d) ", n)
		}
		return text
	}
	t.Run("a young one has gone", func(t *testing.T) {
		f, at := begin(t)
		f.remove(15)
		f.server.Add("user", received(20, 20))
		f.server.Add("user", received(5, 5))
		at = f.want("the round", at, day(10), "(5) 20 "+young(19, 16)+young(14, 10)+strings.TrimSpace(old(9)), 2)
		f.remove(18)
		f.want("the next, of mixed ones", at, day(10), "(5) 20 18 17 16 14 13 12 11 10 "+strings.TrimSpace(old(9)), 10)
	})
	t.Run("an old one has gone", func(t *testing.T) {
		f, at := begin(t)
		f.remove(3)
		at = f.want("the round", at, day(10), strings.TrimSpace(young(19, 10)+"(9) (8) (7) (6) (5) (4) "+old(2)), 9)
		f.remove(18 - 1)
		f.want("the next", at, day(11), strings.TrimSpace(young(19, 19)+young(17, 10)+"(9) (8) (7) (6) (5) (4) "+old(2)), 0)
	})
	t.Run("young ones have come in the place of old ones", func(t *testing.T) {
		f, at := begin(t)
		for range 15 {
			f.remove(5)
		}
		at = f.want("the round", at, day(10), strings.TrimSpace(old(4)), 5)
		for range 3 {
			f.remove(1)
		}
		f.server.Add("user", received(20, 20))
		f.server.Add("user", received(21, 21))
		f.want("the next", at, day(10), "21 20 (4) (0)", 4)
	})
	t.Run("the edges have gone", func(t *testing.T) {
		f, at := begin(t)
		for range 4 {
			f.remove(16)
		}
		for range 4 {
			f.remove(10)
		}
		f.want("the round", at, day(10), strings.TrimSpace("15 14 "+old(9)), 2)
	})
	t.Run("the bound was moved back and one has gone", func(t *testing.T) {
		f, at := begin(t)
		f.remove(19)
		f.want("the round", at, day(8), strings.TrimSpace(young(18, 10)+"9 8 "+old(7)), 10)
	})
}

// Nobody says when a message came: it is in scope. So are all where headers cannot be had.
func TestI8SinceUnsaid(t *testing.T) {
	for _, head := range []string{"", "Received: from a by b\r\n", "Received: from a by b; never\r\n", "Received:\r\n", "Received: from a by b; Thu, 1 Jan 1970 00:00:07 +0000\r\n",
		"Received: from a by b;\r\nReceived: from a by b; Mon, 1 Jan 2001 00:00:00 +0000\r\n", "X-Received: a; Mon, 1 Jan 2001 00:00:00 +0000\r\n", "Date: Mon, 1 Jan 2001 00:00:00 +0000\r\n"} {
		f := newFolder(t, pop3test.Options{}, 0)
		f.server.Add("user", append([]byte(head), mail(1, 300)...))
		f.want(fmt.Sprintf("%q", head), "", day(0), "1?", 1)
	}
	for _, head := range []string{"received: x;1 Jan 2001 00:00 EST", "X: y\r\n z\r\nRECEIVED: by a; b;\r\n  Mon,\r\n 01 Jan 01 0:00:00 -0500 (EST)"} {
		f := newFolder(t, pop3test.Options{}, 0)
		f.server.Add("user", append([]byte(head+"\r\n"), mail(1, 300)...))
		f.want(fmt.Sprintf("%q", head), "", day(0), "(1)", 1)
	}
	for _, without := range [][]string{{"TOP"}, {"TOP", "CAPA"}} {
		f := newFolder(t, pop3test.Options{Without: without}, 3)
		f.want(fmt.Sprint("without ", without), "", day(2), "2? 1? 0?", int64(3*(len(without)-1)))
	}
	f := newFolder(t, pop3test.Options{}, 0)
	f.server.AddBad("user", received(1, 1))
	f.want("a header that cannot be had", "", day(2), "1?", 1)
}

// However much is wanted of a message, an old one comes as its id, and the bodies of a
// page end where they should.
func TestI8SinceWithBodies(t *testing.T) {
	for _, want := range []provider.Want{provider.WantHeaders, provider.WantBodies} {
		f := newFolder(t, pop3test.Options{}, 6)
		for n := range 3 {
			f.server.Add("user", received(n, n))
			f.server.Add("user", received(6+n, 6+n))
		}
		changes, last := f.look(provider.Request{Since: day(4), Want: want, MaxBytes: 700})
		if got := f.told(day(4), changes); got != "8 (2) 7 (1) 6 (0) 5 4 (3) (2) (1) (0)" || !last.Full {
			t.Errorf("told was %q", got)
		}
		for _, c := range changes {
			if old := c.Received.Before(day(4)); old != (c.Header == nil && c.Raw == nil) || c.Size == 0 {
				t.Errorf("%s has a header %t, a body %t, size %d", c.ID, c.Header != nil, c.Raw != nil, c.Size)
			}
		}
		release(changes)
	}
}

// I8, P1: whatever comes and goes, however the bound moves, and wherever a session ends,
// at the end of a round everything in scope has been told as such, nothing that is older
// than every bound so far has, and a round that is Full has told all that is there.
func TestI8SinceWhateverHappens(t *testing.T) {
	for seed := range uint64(80) {
		chance := rand.New(rand.NewPCG(seed, 3))
		o := pop3test.Options{TLS: profile.Plaintext, Without: [][]string{nil, nil, {"UIDL"}, {"CAPA"}}[chance.IntN(4)], Fault: pop3test.Fault{Renumber: seed%5 == 4}}
		server, d, a := start(t, o)
		days := map[string]int{} // by what Subject says
		count := 0
		deliver := func(n int) {
			for range n {
				on := count
				raw := received(count, on)
				switch chance.IntN(8) {
				case 0:
					on = chance.IntN(count + 1)
					raw = received(count, on)
				case 1:
					on, raw = 1<<20, mail(count, 300)
				}
				days[subjectOf(raw)] = on
				server.Add("user", raw)
				count++
			}
		}
		deliver(chance.IntN(25))
		have, listed := map[string]bool{}, map[string]bool{}
		bound, least := chance.IntN(20), 1<<20
		var at provider.Cursor
		for range 40 {
			for range chance.IntN(4) {
				switch chance.IntN(4) {
				case 0:
					bound = chance.IntN(count + 2)
				case 1, 2:
					deliver(chance.IntN(4))
				case 3:
					for range min(chance.IntN(6), len(server.Messages("user"))) {
						server.Remove("user", server.Messages("user")[chance.IntN(len(server.Messages("user")))].UIDL)
					}
				}
			}
			least = min(least, bound)
			s := open(t, d, a)
			for pages := 1 + chance.IntN(8); pages > 0; pages-- {
				page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", Cursor: at, Since: day(bound), MaxItems: 3})
				if err != nil {
					t.Fatal(err)
				}
				if at == "" || at.Done() {
					clear(listed)
				}
				for _, c := range page.Changes {
					raw, err := fetch(t, s, c.ID)
					if err != nil {
						t.Fatal(err)
					}
					name := subjectOf(raw[c.ID])
					listed[name] = true
					if c.Received.IsZero() || !c.Received.Before(day(bound)) {
						have[name] = true
					}
				}
				if at = page.Next; !page.RoundEnd {
					continue
				}
				for _, m := range server.Messages("user") {
					name := subjectOf(m.Raw)
					if days[name] >= bound && !have[name] {
						t.Fatalf("seed %d: message %s, received on day %d, was not told with the bound %d", seed, name, days[name], bound)
					}
					if page.Full && !listed[name] {
						t.Fatalf("seed %d: message %s was not listed", seed, name)
					}
				}
				break
			}
			s.Close()
		}
		for name := range have {
			if days[name] < least {
				t.Errorf("seed %d: message %s, received on day %d, was told though no bound went below %d", seed, name, days[name], least)
			}
		}
	}
}

func subjectOf(raw []byte) string {
	_, rest, _ := strings.Cut(string(raw), "Subject: ")
	subject, _, _ := strings.Cut(rest, "\r\n")
	return subject
}
