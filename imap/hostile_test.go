package imap_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// A row is one entry of the catalogue of hostile servers: what it answers to
// commands that contain a word, and what must come of it.
type row struct {
	id     string
	to     string // part of the command line
	answer string // in its place; "%tag" is the tag
	call   func(session) error
	kinds  []provider.Kind // nil: no error
}

func folders(s session) error {
	_, err := s.Folders(context.Background())
	return err
}

func backfill(s session) error {
	page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies})
	release(page.Changes)
	return err
}

// TestHostile plays rows of the catalogue. Each ends within two seconds, holds
// little memory and leaves the process alive.
func TestHostile(t *testing.T) {
	protocol := []provider.Kind{provider.ErrProtocol}
	large := []provider.Kind{provider.ErrTooLarge}
	unavailable := []provider.Kind{provider.ErrUnavailable}
	listing := "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"01-Jan-2024 00:00:00 +0000\" RFC822.SIZE 100%s)\r\n%%tag OK done"
	rows := []row{
		{"IMAP-01 a literal of 4 GiB and then silence", "BODY.PEEK[]", "* 1 FETCH (UID 1 BODY[] {4294967295}", backfill, unavailable},
		{"IMAP-02 negative", "BODY.PEEK[]", "* 1 FETCH (UID 1 BODY[] {-1}\r\n", backfill, protocol},
		{"IMAP-02 huge", "BODY.PEEK[]", "* 1 FETCH (UID 1 BODY[] {9999999999999999999999}\r\n", backfill, protocol},
		{"IMAP-02 hexadecimal", "BODY.PEEK[]", "* 1 FETCH (UID 1 BODY[] {0x10}\r\n", backfill, protocol},
		{"IMAP-02 leading zeros", "BODY.PEEK[]", "* 1 FETCH (UID 1 BODY[] {007}\r\n1234567)\r\n", backfill, protocol},
		{"IMAP-02 that does not wait", "BODY.PEEK[]", "* 1 FETCH (UID 1 BODY[] {10+}\r\n0123456789)\r\n", backfill, protocol},
		{"IMAP-03 a line of 8 MiB", "SELECT", "* OK " + strings.Repeat("x", 8<<20), backfill, large},
		{"IMAP-04 a name of 64 MiB", "LIST", `* LIST () "/" {67108864}` + "\r\n" + strings.Repeat("x", 1<<20), folders, large},
		{"IMAP-05 8 MiB of parentheses", "UID FETCH", "* 1 FETCH (UID 1 BODYSTRUCTURE " + strings.Repeat("(", 8<<20), backfill, []provider.Kind{provider.ErrProtocol, provider.ErrTooLarge}},
		{"IMAP-05 parentheses in lines", "UID FETCH", "* 1 FETCH (UID 1 BODYSTRUCTURE " + strings.Repeat("(", 60<<10), backfill, protocol},
		{"IMAP-06 every UID there could be", "UID SEARCH", "* SEARCH 1\r\n* ESEARCH UID ALL 1:4294967295\r\n%tag OK done", backfill, large},
		{"IMAP-06 a million numbers", "UID SEARCH", "* SEARCH" + strings.Repeat(" 1", 1_000_001) + "\r\n%tag OK done", backfill, large},
		{"IMAP-07 endless EXPUNGE", "UID FETCH", "* 4294967295 EXISTS\r\n" + strings.Repeat("* 1 EXPUNGE\r\n", 1_000_001) + "%tag OK done", backfill, large},
		{"IMAP-08 UID 0", "UID FETCH", "* 1 FETCH (UID 0 FLAGS ())\r\n%tag OK done", backfill, protocol},
		{"IMAP-08 UID 0 found", "UID SEARCH", "* SEARCH 0 1\r\n%tag OK done", backfill, protocol},
		{"IMAP-09 a message without UID", "UID FETCH", "* 1 FETCH (FLAGS ())\r\n* 2 FETCH (FLAGS ())\r\n" + fmt.Sprintf(listing, ""), backfill, nil},
		{"IMAP-09 very many that nobody asked for", "UID FETCH", strings.Repeat("* 1 FETCH (UID 77 FLAGS ())\r\n", 1100) + "%tag OK done", backfill, protocol},
		{"IMAP-15 another tag", "UID FETCH", "B99 OK done", backfill, protocol},
		{"IMAP-15 the tag of an older command", "UID FETCH", "A1 OK done", backfill, protocol},
		{"IMAP-15 two answers to one tag", "SELECT", "%tag OK done\r\n%tag OK done", backfill, protocol},
		{"IMAP-17 silence", "SELECT", "* OK wait", backfill, unavailable},
		{"IMAP-19 a million folders", "LIST", strings.Repeat("* LIST () \"/\" x\r\n", 50_001) + "%tag OK done", folders, large},
		{"IMAP-19 odd names", "LIST", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" inbox\r\n* LIST () NIL \"../../x\"\r\n* LIST () \"\\\"\" \"a\x00b\"\r\n* LIST () \"\xc3\xa4\" \"&-&AAAA\"\r\n%tag OK done", folders, nil},
		{"IMAP-20 an ENVELOPE of NIL and a date that is none", "UID FETCH", "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) UID 1 FLAGS () INTERNALDATE \"32-Foo-9999 99:99:99 +9999\" RFC822.SIZE 3)\r\n%tag OK done", backfill, nil},
		{"IMAP-20 a long address list", "UID FETCH", "* 1 FETCH (ENVELOPE (" + strings.Repeat("(NIL NIL NIL NIL) ", 60_000) + ") UID 1)\r\n%tag OK done", backfill, large},
		{"IMAP-29 brackets in brackets", "SELECT", "* OK [[[[[[[[[[[[[[ x\r\n* OK [UNKNOWN [a] b] c\r\n* OK [UIDVALIDITY 5] ids\r\n* 0 EXISTS\r\n%tag OK done", backfill, nil},
		{"IMAP-29 a code of 1 MiB", "SELECT", "* OK [X" + strings.Repeat("x", 1<<20) + "] c\r\n%tag OK done", backfill, large},
		{"IMAP-30 very many flags", "UID FETCH", "* 1 FETCH (UID 1 FLAGS (" + strings.Repeat("k ", 2000) + "))\r\n%tag OK done", backfill, protocol},
		{"IMAP-30 a keyword with quotes", "UID FETCH", "* 1 FETCH (UID 1 FLAGS (\"a b\"))\r\n%tag OK done", backfill, protocol},
		{"IMAP-30 a keyword as a literal", "UID FETCH", "* 1 FETCH (UID 1 FLAGS ({4}\r\nab\r\n))\r\n%tag OK done", backfill, protocol},
		{"a UIDVALIDITY of 0", "SELECT", "* OK [UIDVALIDITY 0] ids\r\n%tag OK done", backfill, []provider.Kind{provider.ErrUnsupported}},
		{"no UIDVALIDITY", "SELECT", "* 3 EXISTS\r\n%tag OK done", backfill, []provider.Kind{provider.ErrUnsupported}},
		{"a UIDVALIDITY that is no number", "SELECT", "* OK [UIDVALIDITY x] ids\r\n%tag OK done", backfill, protocol},
		{"words for an answer", "SELECT", "%tag HELLO there", backfill, protocol},
		{"VANISHED without numbers", "SELECT", "* OK [UIDVALIDITY 5] ids\r\n* VANISHED (EARLIER) x\r\n%tag OK done", backfill, nil},
	}
	for _, r := range rows {
		t.Run(r.id, func(t *testing.T) {
			server, d, a := start(t, imaptest.Options{TLS: profile.Plaintext, Without: []string{"ESEARCH"}})
			server.Add("user", "INBOX", mail(1, 100))
			limit := soon
			if slices.Contains(r.kinds, provider.ErrUnavailable) { // it waits for the limit
				limit = 500 * time.Millisecond
			}
			s := hurried(t, d, a, limit)
			played := false
			server.SetFail(func(line string) string {
				if played || !strings.Contains(line, r.to) {
					return ""
				}
				played = true
				return r.answer
			})
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begun := time.Now()
			err := r.call(s)
			if took := time.Since(begun); took > soon {
				t.Errorf("it took %v", took)
			}
			s.Close()
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
				t.Errorf("it left %d MiB in memory", grown>>20)
			}
			if r.kinds == nil && err != nil {
				t.Errorf("it gave %v, want no error", err)
			} else if r.kinds != nil {
				wantKind(t, "the call", err, r.kinds...)
			}
		})
	}
}

// TestGreetings is IMAP-24.
func TestGreetings(t *testing.T) {
	for _, r := range []struct {
		greeting string
		kind     provider.Kind
	}{
		{"* BYE too busy\r\n", provider.ErrUnavailable},
		{"* BYE [UNAVAILABLE] try later\r\n", provider.ErrUnavailable},
		{"* NO go away\r\n", provider.ErrProtocol},
		{"HTTP/1.1 400 Bad Request\r\n", provider.ErrProtocol},
		{"* OK " + strings.Repeat("x", 10<<20) + "\r\n", provider.ErrTooLarge},
		{"", provider.ErrUnavailable},
	} {
		a, _ := script(t, profile.Plaintext, func(p *peer) { p.send("%s", r.greeting) })
		d := &imap.Driver{Limits: patient}
		_, err := d.Open(context.Background(), a)
		wantKind(t, fmt.Sprintf("Open with the greeting %.20q", r.greeting), err, r.kind)
	}
}

// TestRefusals is what a server may say at sign-in, and IMAP-25: one try each.
func TestRefusals(t *testing.T) {
	for answer, kind := range map[string]provider.Kind{
		"NO [AUTHENTICATIONFAILED] no":                        provider.ErrAuth,
		"NO [EXPIRED] the password":                           provider.ErrAuth,
		"NO [UNAVAILABLE] the directory":                      provider.ErrUnavailable,
		"NO [INUSE] locked":                                   provider.ErrUnavailable,
		"NO [LIMIT] slowly":                                   provider.ErrThrottled,
		"NO [ALERT] Too many simultaneous connections.":       provider.ErrThrottled,
		"NO [PRIVACYREQUIRED] TLS":                            provider.ErrUnsafe,
		"NO LOGIN failed.":                                    provider.ErrAuth,
		"NO [REFERRAL imap://evil.example/] go there":         provider.ErrAuth,
		"BAD User is authenticated but not connected.":        provider.ErrUnavailable,
		"NO you said \x00 AHVzZXIAY2FuYXJ5LVp4OSFxNw== to me": provider.ErrAuth,
		"NO " + canary + " is not your password":              provider.ErrAuth,
	} {
		tries := 0
		_, d, a := start(t, imaptest.Options{Fail: func(line string) string {
			if strings.Contains(line, "AUTHENTICATE") {
				tries++
				return "%tag " + answer
			}
			return ""
		}})
		_, err := d.Open(context.Background(), a)
		wantKind(t, "Open, answered "+answer, err, kind)
		if tries != 1 {
			t.Errorf("the password was sent %d times", tries)
		}
		for _, word := range []string{canary, "Y2FuYXJ5LVp4OSFxNw"} {
			if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), word) {
				t.Errorf("the error shows the password")
			}
		}
	}
}

// TestChallenges is IMAP-26.
func TestChallenges(t *testing.T) {
	for _, challenge := range []string{"+ " + strings.Repeat("A", 10<<20), "+ \r\n+ \r\n+ \r\n+ ", "+ !!!"} {
		_, d, a := start(t, imaptest.Options{Fail: func(line string) string {
			if strings.Contains(line, "AUTHENTICATE") {
				return challenge
			}
			return ""
		}})
		d.Limits.Command = time.Second
		_, err := d.Open(context.Background(), a)
		wantKind(t, fmt.Sprintf("Open, challenged by %.10q", challenge), err, provider.ErrTooLarge, provider.ErrProtocol, provider.ErrUnavailable, provider.ErrAuth)
	}
}

// TestEndlessTalk is IMAP-16.
func TestEndlessTalk(t *testing.T) {
	server, d, a := start(t, imaptest.Options{})
	s := hurried(t, d, a, 2*time.Second)
	server.SetFault(imaptest.Fault{Endless: "* OK still here", Slow: 20 * time.Millisecond})
	begun := time.Now()
	err := backfill(s)
	wantKind(t, "Changes", err, provider.ErrUnavailable)
	if took := time.Since(begun); took > soon {
		t.Errorf("it took %v", took)
	}
}

// TestShortLiteral is IMAP-13, with a goodbye or a reset behind what came.
func TestShortLiteral(t *testing.T) {
	server, d, a := start(t, imaptest.Options{})
	server.Add("user", "INBOX", mail(1, 5000))
	for _, f := range []imaptest.Fault{{Cut: 1}, {Cut: 4999}, {Lie: 100}, {Lie: -1}} {
		server.SetFault(imaptest.Fault{})
		s := hurried(t, d, a, 2*time.Second)
		server.SetFault(f)
		page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies})
		if err == nil {
			t.Errorf("with %+v the page has %s", f, summary(page.Changes))
		}
		wantKind(t, fmt.Sprintf("Changes with %+v", f), err, provider.ErrUnavailable, provider.ErrProtocol)
	}
}

// TestLyingSizes is IMAP-22: a size is a hint, the limit holds for bytes.
func TestLyingSizes(t *testing.T) {
	server, d, a := start(t, imaptest.Options{})
	d.Limits.Message = 50_000
	server.Add("user", "INBOX", mail(1, 100))
	server.Add("user", "INBOX", mail(2, 90_000))
	server.SetFail(func(line string) string {
		if strings.Contains(line, "RFC822.SIZE") {
			return "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"01-Jan-2024 00:00:00 +0000\" RFC822.SIZE 90000000)\r\n" +
				"* 2 FETCH (UID 2 FLAGS () INTERNALDATE \"01-Jan-2024 00:00:00 +0000\" RFC822.SIZE 10)\r\n%tag OK done"
		}
		return ""
	})
	page := changes(t, open(t, d, a), provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies})
	defer release(page.Changes)
	if got := summary(page.Changes); got != "upsert 2 too large, upsert 1 too large" {
		t.Fatalf("the page has %q", got)
	}
	for _, c := range page.Changes {
		if !strings.Contains(string(c.Header), "Message-ID") {
			t.Errorf("%s has the header %q, want something to know it by", c.ID, c.Header)
		}
	}
}

// TestLeftOut is IMAP-14 and the UID behind the literal, for which go-imap loses a
// message.
func TestLeftOut(t *testing.T) {
	server, d, a := start(t, imaptest.Options{})
	for n := range 10 {
		server.Add("user", "INBOX", mail(n, 100))
	}
	asked := 0
	server.SetFail(func(line string) string {
		if !strings.Contains(line, "BODY.PEEK[]") {
			return ""
		}
		if asked++; asked == 1 {
			return "* 1 FETCH (BODY[] {4}\r\nabcd UID 1)\r\n* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n%tag OK done"
		}
		if strings.Contains(line, "FETCH 7 ") {
			return "%tag NO not this one"
		}
		return ""
	})
	page := changes(t, open(t, d, a), provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies})
	defer release(page.Changes)
	if got := summary(page.Changes); got != "upsert 10, upsert 9, upsert 8, upsert 7 bad item, upsert 6, upsert 5, upsert 4, upsert 3, upsert 2, upsert 1" {
		t.Errorf("the page has %q", got)
	}
	if raw, _ := page.Changes[9].Raw.Bytes(); string(raw) != "abcd" {
		t.Errorf("message 1 is %q", raw)
	}
}

// TestTwoBodies is IMAP-08: one UID with two contents.
func TestTwoBodies(t *testing.T) {
	server, d, a := start(t, imaptest.Options{})
	server.Add("user", "INBOX", mail(1, 100))
	server.SetFail(func(line string) string {
		if strings.Contains(line, "BODY.PEEK[]") {
			return "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* 1 FETCH (UID 1 BODY[] {3}\r\nxyz)\r\n%tag OK done"
		}
		return ""
	})
	page := changes(t, open(t, d, a), provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies})
	if got := summary(page.Changes); got != "upsert 1 bad item" {
		t.Errorf("the page has %q", got)
	}
}

// TestAppendLost is IMAP-27: the driver itself never repeats an APPEND.
func TestAppendLost(t *testing.T) {
	for _, answer := range []string{"+ go on", "drop"} {
		var tries atomic.Int32
		server, d, a := start(t, imaptest.Options{Without: []string{"LITERAL+"}})
		s := hurried(t, d, a, 2*time.Second)
		server.SetFail(func(line string) string {
			if strings.Contains(line, "APPEND") {
				tries.Add(1)
				return answer
			}
			return "drop"
		})
		err := s.File(context.Background(), "Sent", item.NewBlob(mail(1, 10_000)), nil)
		wantKind(t, "File", err, provider.ErrUnavailable, provider.ErrProtocol)
		if n := tries.Load(); n > 1 {
			t.Errorf("APPEND was sent %d times", n)
		}
	}
}

// TestNoCompress is IMAP-23.
func TestNoCompress(t *testing.T) {
	_, d, a := start(t, imaptest.Options{Fail: func(line string) string {
		if strings.Contains(line, "COMPRESS") {
			t.Errorf("the driver said %q", line)
		}
		if strings.Contains(line, "AUTHENTICATE") {
			return "%tag OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in"
		}
		return ""
	}})
	if _, err := d.Open(context.Background(), a); err != nil {
		t.Error(err)
	}
}

// TestTrickle is IMAP-18: a body that comes at ten bytes a second.
func TestTrickle(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes the 30 seconds over which the rate is measured")
	}
	t.Parallel()
	server, d, a := start(t, imaptest.Options{})
	server.Add("user", "INBOX", mail(1, 100_000))
	s := open(t, d, a)
	server.SetFail(func(line string) string {
		if strings.Contains(line, "BODY.PEEK[]") {
			server.SetFault(imaptest.Fault{Chunk: 1, Pause: 100 * time.Millisecond})
		}
		return ""
	})
	begun := time.Now()
	wantKind(t, "Changes", backfill(s), provider.ErrUnavailable)
	if took := time.Since(begun); took > 30*time.Second+soon {
		t.Errorf("it took %v", took)
	}
}
