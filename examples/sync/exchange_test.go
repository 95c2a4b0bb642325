package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/internal/mailgen"
)

const bob = "bob@example.test"

// An exchange is Anna's mailbox, and Bob's, on a server that speaks EWS, and the files
// that the program is given.
type exchange struct {
	*bench
	*ewstest.Server
	ews []string // what is said of the server, -ews and all
}

// newExchange starts a server. Its users are Anna and Bob where the options name none.
func newExchange(t *testing.T, o ewstest.Options) *exchange {
	t.Helper()
	if o.Users == nil {
		o.Users = map[string]string{user: password, bob: password}
	}
	s := ewstest.NewServer(o)
	t.Cleanup(s.Close)
	x := &exchange{bench: newBench(t, "", ""), Server: s, ews: []string{"-ews", s.URL()}}
	if o.Plain {
		x.ews = append(x.ews, "-tls", "plain")
	} else {
		x.ca = x.write(t, "ca.pem", string(shown(t, s.Addr())))
	}
	return x
}

// shown returns the certificate that a server shows, whoever vouches for it.
func shown(t *testing.T, addr string) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer conn.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw})
}

// flags returns those of every run, and more.
func (x *exchange) flags(more ...string) []string {
	all := append(slices.Clone(x.ews), "-password-file", x.password, "-db", x.db)
	if !slices.Contains(more, "-user") {
		all = append(all, "-user", user)
	}
	if !slices.Contains(x.ews, "plain") {
		all = append(all, "-ca", x.ca)
	}
	return append(all, more...)
}

// once makes one cycle within the deadline.
func (x *exchange) once(t *testing.T, more ...string) ran {
	t.Helper()
	var out, progress bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	status := program(ctx, x.flags(append(more, "-once", "-json")...), &out, &progress, tune)
	if ctx.Err() != nil {
		t.Errorf("sync %q did not end by itself", more)
	}
	return ran{status, out.String(), progress.String()}
}

// raws returns what is in a folder.
func (x *exchange) raws(mailbox, folder string) (all []string) {
	for _, m := range x.Messages(mailbox, folder) {
		all = append(all, string(m.Raw))
	}
	slices.Sort(all)
	return all
}

// servers are kinds of servers that all do the main job.
var servers = map[string]ewstest.Options{
	"usual":              {},
	"odd":                {Style: ewstest.Odd, Lenient: true},
	"old":                {Style: ewstest.Old, Lenient: true, NoGzip: true},
	"default namespace":  {Style: ewstest.DefaultNamespaces, Lenient: true},
	"2010_SP2":           {Version: "2010_SP2"},
	"2013_SP1":           {Version: "2013_SP1"},
	"SE":                 {Version: "SE"},
	"plain http":         {Plain: true, Schemes: []string{"Basic"}},
	"NTLM only":          {Schemes: []string{"NTLM"}},
	"NTLM anew":          {Schemes: []string{"NTLM"}, Forgetful: true},
	"anchored":           {Anchor: ewstest.AnchorFault},
	"sync state of 1 MB": {Behavior: ewstest.Behavior{StateSize: 1 << 20}},
	"few at a time":      {Behavior: ewstest.Behavior{MaxFind: 10}},
}

// The main job over EWS: mail in, byte for byte, and out, against servers of all kinds.
func TestExchange(t *testing.T) {
	for name, o := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, o)
			var want []string
			for i := range 120 {
				raw := mailgen.Tiny(1, i)
				want = append(want, string(raw))
				x.Add(user, "inbox", raw)
			}
			slices.Sort(want)
			r := x.once(t, "-export", x.out)
			r.want(t, 0, "120 came in")
			if got := r.report(t); got.Tracked != 120 || got.Mailbox.Mailbox != user {
				t.Errorf("the report says %+v", got)
			}
			if got := exported(t, x.out); !slices.Equal(got, want) {
				t.Errorf("%d messages exported, want those %d that were put in, byte for byte", len(got), len(want))
			}
			x.once(t, "-export", x.out).want(t, 0, "nothing new")

			x.Add(user, "inbox", []byte(mail(200)))
			all := x.Messages(user, "inbox")
			x.SetFlags(all[6].ID, ewstest.FlagRead)
			x.Remove(all[7].ID)
			x.Move(all[8].ID, "archive")
			letter := x.write(t, "letter.eml", to("bob", 1))
			r = x.once(t, "-export", x.out, "-send", letter)
			r.want(t, 0, "1 came in, 1 changed flags, 2 left the server, 1 sent", "to bob@example.test: sent")
			x.once(t, "-send", letter).want(t, 0, "it is not sent twice", "nothing new")
			if got := x.raws(bob, "inbox"); len(got) != 1 || !strings.Contains(got[0], "letter-1@example.test") {
				t.Errorf("Bob got %q", got)
			}
			if got := x.raws(user, "sentitems"); len(got) != 1 || !strings.Contains(got[0], "letter-1@example.test") {
				t.Errorf("filed among the sent mail is %q", got)
			}
			if got := exported(t, x.out); len(got) != 121 {
				t.Errorf("%d messages exported, want 121", len(got))
			}
			r = x.once(t, "-test")
			r.want(t, 0, "passed in", "read-back", "arrived and was deleted")
			var report serversync.TestReport
			if err := json.Unmarshal([]byte(r.out), &report); err != nil || !report.Passed {
				t.Errorf("%v: the report says %s", err, r.out)
			}
		})
	}
}

// Folders are named, in any language, or meant by their use.
func TestExchangeFolders(t *testing.T) {
	x := newExchange(t, ewstest.Options{Behavior: ewstest.Behavior{FolderNames: map[string]string{"inbox": "Posteingang", "sentitems": "Gesendete Elemente", "deleteditems": "Gelöschte Elemente"}}})
	for i, folder := range []string{"inbox", "sentitems", "Posteingang/Kunden", "deleteditems", "junkemail", "drafts"} {
		x.Add(user, folder, []byte(mail(i)))
	}
	for i, tt := range []struct{ folders, did string }{
		{"INBOX", "1 came in"}, {"Posteingang", "1 came in"}, {`\Sent`, "1 came in"}, {"Gesendete Elemente", "1 came in"}, {"Posteingang/Kunden", "1 came in"},
		{`INBOX,\Sent,Posteingang/Kunden`, "3 came in"}, {"*", "3 came in"},
	} {
		x.db = filepath.Join(x.dir, fmt.Sprint(i, ".db"))
		x.once(t, "-folders", tt.folders).want(t, 0, tt.did)
	}
	x.once(t, "-folders", "*").want(t, 0, "nothing new")
	x.once(t, "-folders", "Entwürfe").want(t, 1, `there is no folder "Entwürfe"`)
}

// What was brought in is deleted on the server a day later where that is asked for.
func TestExchangeDeletes(t *testing.T) {
	for name, deletes := range map[string]bool{"left on the server": false, "deleted after a day": true} {
		t.Run(name, func(t *testing.T) {
			x := newExchange(t, ewstest.Options{})
			var flags []string
			left := 40
			if deletes {
				flags, left = []string{"-delete-after", "24h"}, 0
			}
			for i := range 40 {
				x.Add(user, "inbox", []byte(mail(i)))
			}
			x.once(t, append(flags, "-export", x.out)...).want(t, 0, "40 came in")
			if n := len(x.IDs(user, "inbox")); n != 40 {
				t.Errorf("%d messages are left before a day has passed, want 40", n)
			}
			t.Setenv(ahead, "25h")
			x.once(t, flags...)
			x.once(t, flags...)
			if n := len(x.IDs(user, "inbox")); n != left {
				t.Errorf("%d messages are left, want %d", n, left)
			}
			if got := exported(t, x.out); len(got) != 40 {
				t.Errorf("%d messages are stored in the end, want 40", len(got))
			}
		})
	}
	newExchange(t, ewstest.Options{}).once(t, "-delete-after", "1h").want(t, 2, "less than 24h")
}

// It runs until it is stopped, and hears of mail when there is some.
func TestExchangeForever(t *testing.T) {
	x := newExchange(t, ewstest.Options{})
	x.Add(user, "inbox", []byte(mail(1)))
	ctx, stop := context.WithCancel(t.Context())
	var out, progress bytes.Buffer
	status := make(chan int)
	go func() { status <- program(ctx, x.flags("-json", "-export", x.out), &out, &progress, tune) }()
	wait(t, func() bool { return len(exported(t, x.out)) == 1 })
	x.Add(user, "inbox", []byte(mail(2)))
	wait(t, func() bool { return len(exported(t, x.out)) == 2 })
	stop()
	if got := <-status; got != 0 {
		t.Errorf("exit status %d\n%s", got, progress.String())
	}
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of standard output is no JSON: %s", line)
		}
	}
}
