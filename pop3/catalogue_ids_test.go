package pop3_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// Ids that are none, or none of one message, are made of headers; what is named stays
// named, and nothing is told twice or left out.
func TestPOP3_03BadIDs(t *testing.T) {
	set := func(uidls map[int]string) func(*pop3test.Server) {
		return func(server *pop3test.Server) {
			for n, uidl := range uidls {
				server.SetUIDL("user", n, uidl)
			}
		}
	}
	for _, tt := range []struct {
		name    string
		without []string
		prepare func(*pop3test.Server)
		headed  int // how many of four are named by their header
		code    string
	}{
		{"good ones", nil, set(nil), 0, ""},
		{"no UIDL", []string{"UIDL"}, set(nil), 4, "uidl-missing"},
		{"no UIDL and no CAPA", []string{"UIDL", "CAPA"}, set(nil), 4, "uidl-missing"},
		{"empty", nil, set(map[int]string{2: ""}), 1, "uidl-invalid"},
		{"twice", nil, set(map[int]string{2: "x", 4: "x"}), 2, "uidl-repeats"},
		{"the same everywhere", nil, set(map[int]string{1: "x", 2: "x", 3: "x", 4: "x"}), 4, "uidl-repeats"},
		{"numbers", nil, set(map[int]string{1: "1", 2: "2", 3: "3", 4: "4"}), 4, "uidl-numbers"},
		{"numbers of something else", nil, set(map[int]string{1: "1", 2: "2", 3: "3", 4: "5"}), 0, ""},
		{"characters that may not be", nil, set(map[int]string{2: "a\xffb", 3: "a b"}), 2, "uidl-invalid"},
		{"71 characters", nil, set(map[int]string{1: strings.Repeat("x", 70), 2: strings.Repeat("x", 71)}), 1, "uidl-invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{Without: tt.without})
			for n := range 4 {
				server.Add("user", mail(n, 300+n))
			}
			tt.prepare(server)
			first, last := look(t, d, a, provider.Request{})
			headed := 0
			for _, c := range first {
				if strings.HasPrefix(string(c.ID), "t:") {
					headed++
				}
			}
			ids := idsOf(first)
			slices.Sort(ids)
			if len(first) != 4 || len(slices.Compact(ids)) != 4 || headed != tt.headed {
				t.Errorf("told were %v, want four ids, %d of them by header", ids, tt.headed)
			}
			s := open(t, d, a) // Fetch finds them without a listing before
			got, err := fetch(t, s, idsOf(first)...)
			if err != nil || len(got) != 4 {
				t.Errorf("Fetch gave %d of 4, %v", len(got), err)
			}
			for k, m := range server.Messages("user") {
				if !bytes.Equal(got[first[3-k].ID], m.Raw) {
					t.Errorf("%s has not its own content", first[3-k].ID)
				}
			}
			if news, end := look(t, d, a, provider.Request{Cursor: last.Next}); len(news) != 0 || end.Next != last.Next {
				t.Errorf("without news %v were told", idsOf(news))
			}
			wantAdvice(t, d, a, tt.code)
			server.Add("user", mail(5, 300))
			if news, _ := look(t, d, a, provider.Request{Cursor: last.Next}); len(news) == 0 {
				t.Error("the new message was not told")
			}
		})
	}
}

// wantAdvice fails the test unless the mailbox's warnings are those with a code, "" for
// none.
func wantAdvice(t testing.TB, d *pop3.Driver, a provider.Account, code string) {
	t.Helper()
	issues, err := open(t, d, a).Advise(context.Background())
	if err != nil {
		t.Errorf("Advise: %v", err)
	}
	var codes string
	for _, issue := range issues {
		if issue.Level == profile.Warning {
			codes += issue.Code
		}
		if issue.Message == "" || issue.Remedy == "" || issue.Field == "" || issue.Side != "" {
			t.Errorf("an advice without words: %+v", issue)
		}
	}
	if codes != code {
		t.Errorf("the advice is %q, want %q", codes, code)
	}
}

// A server that offers neither UIDL nor TOP is refused where it is tested and where it
// is used.
func TestPOP3_03NeitherUIDLNorTOP(t *testing.T) {
	for _, without := range [][]string{{"UIDL", "TOP"}, {"UIDL", "TOP", "CAPA"}} {
		server, d, a := start(t, pop3test.Options{Without: without})
		server.Add("user", mail(1, 300))
		server.Add("user", mail(2, 300))
		ctx := context.Background()
		_, err := open(t, d, a).Changes(ctx, provider.Request{Folder: "INBOX"})
		wantKind(t, "Changes", err, provider.ErrUnsupported)
		wantKind(t, "Check", open(t, d, a).Check(ctx), provider.ErrUnsupported)
		_, err = open(t, d, a).Advise(ctx)
		wantKind(t, "Advise", err, provider.ErrUnsupported)
	}
}

// Two messages with one header are two messages.
func TestPOP3_03SameHeader(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Without: []string{"UIDL"}})
	for n := range 3 {
		server.Add("user", fmt.Appendf(nil, "Status: R%d\r\nX-UID: %d\r\n folded %d\r\nSubject: same\r\n\r\nbody %d\r\n", n, n, n, n))
	}
	all, _ := look(t, d, a, provider.Request{Want: provider.WantBodies})
	if len(all) != 3 {
		t.Fatalf("told were %d", len(all))
	}
	if base := string(all[2].ID); string(all[1].ID) != base+"#2" || string(all[0].ID) != base+"#3" {
		t.Errorf("the ids are %v", idsOf(all))
	}
	for k, c := range all {
		if raw := content(t, c); !bytes.Contains(raw, fmt.Appendf(nil, "body %d", 2-k)) {
			t.Errorf("%s has %q", c.ID, raw)
		}
	}
}

// Once it is noticed that UIDLs are all new in each session, headers name the messages,
// without a reset.
func TestPOP3_04AllNewEachTime(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Fault: pop3test.Fault{Renumber: true}})
	for n := range 20 {
		server.Add("user", mail(n, 300+100*n))
	}
	_, last := look(t, d, a, provider.Request{})
	second, last := look(t, d, a, provider.Request{Cursor: last.Next})
	if len(second) != 20 || !last.Full || !strings.HasPrefix(string(second[0].ID), "t:") {
		t.Fatalf("the second look told %v", idsOf(second))
	}
	third, end := look(t, d, a, provider.Request{Cursor: last.Next})
	if len(third) != 0 || end.Next != last.Next {
		t.Errorf("the third look told %v", idsOf(third))
	}
	server.Add("user", mail(30, 300))
	news, last := look(t, d, a, provider.Request{Cursor: end.Next, Want: provider.WantBodies})
	if len(news) != 1 || last.Full {
		t.Errorf("a new message was told as %v", idsOf(news))
	}
	release(news)
	server.Remove("user", server.Messages("user")[3].UIDL)
	rest, last := look(t, d, a, provider.Request{Cursor: last.Next})
	if len(rest) != 20 || !last.Full {
		t.Errorf("after a deletion %d were told", len(rest))
	}
	s := open(t, d, a)
	if got, err := fetch(t, s, idsOf(rest)...); err != nil || len(got) != 20 {
		t.Errorf("Fetch by header gave %d of 20, %v", len(got), err)
	}
	wantAdvice(t, d, a, "uidl-changes")
}

// A mailbox that was emptied and filled again is not taken for one whose UIDLs change.
func TestPOP3_04OtherMail(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	for n := range 20 {
		server.Add("user", mail(n, 300+100*n))
	}
	_, last := look(t, d, a, provider.Request{})
	for _, m := range server.Messages("user") {
		server.Remove("user", m.UIDL)
	}
	for n := range 20 {
		server.Add("user", mail(n, 350+100*n))
	}
	news, last := look(t, d, a, provider.Request{Cursor: last.Next})
	if len(news) != 20 || !last.Full || !strings.HasPrefix(string(news[0].ID), "u:") {
		t.Errorf("told were %v", idsOf(news))
	}
}

// What cannot be looked at is said, and the pause is kept.
func TestAdviseKeepsLoginDelay(t *testing.T) {
	server, d, a := start(t, pop3test.Options{Delay: 300})
	server.Add("user", mail(1, 300))
	issues, err := open(t, d, a).Advise(context.Background())
	if err != nil || len(issues) != 1 || issues[0].Code != "uidl-unchecked" {
		t.Errorf("Advise = %v, %v", issues, err)
	}
	if n := server.Counts().Connections; n != 1 {
		t.Errorf("there were %d connections, want 1", n)
	}
}
