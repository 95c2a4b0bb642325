package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
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
			t.Log(r.err)
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
			t.Log(r.err)
			var report serversync.TestReport
			if err := json.Unmarshal([]byte(r.out), &report); err != nil || !report.Passed {
				t.Errorf("%v: the report says %s", err, r.out)
			}
		})
	}
}

var _ = fmt.Sprint
var _ = maps.Keys[map[int]int]
