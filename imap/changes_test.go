package imap_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// lanes reads both lanes of the inbox to the end from cursors, with bodies.
func lanes(ctx context.Context, s session) (all []string, err error) {
	live, err := s.Changes(ctx, provider.Request{Folder: "INBOX", Lane: provider.Live})
	if err != nil {
		return nil, err
	}
	r := provider.Request{Folder: "INBOX", Lane: provider.Backfill, Want: provider.WantBodies, MaxItems: 2}
	for {
		page, err := s.Changes(ctx, r)
		if err != nil {
			return all, err
		}
		for _, c := range page.Changes {
			raw, _ := io.ReadAll(c.Raw.Open())
			all = append(all, fmt.Sprintf("%s %s %q %v", c.Kind, c.ID, c.Flags, len(raw)))
			if c.Err != nil || !bytes.Equal(raw, mail(int(c.ID[0]-'0'), 3000)) {
				all = append(all, "WRONG")
			}
		}
		release(page.Changes)
		if r.Cursor = page.Next; page.RoundEnd {
			break
		}
	}
	_, err = s.Changes(ctx, provider.Request{Folder: "INBOX", Cursor: live.Next})
	return all, err
}

// TestCutAnywhere ends the connection after each number of bytes of a whole first
// sync. What is told is never a short message, and every error is a proper one.
func TestCutAnywhere(t *testing.T) {
	server, d, a := start(t, imaptest.Options{TLS: profile.Plaintext})
	for n := 1; n <= 3; n++ {
		server.Add("user", "INBOX", mail(n, 3000))
	}
	before := server.Counts().Out
	want, err := lanes(context.Background(), open(t, d, a))
	if err != nil || len(want) != 3 {
		t.Fatalf("uncut: %q, %v", want, err)
	}
	whole := server.Counts().Out - before
	for limit := int64(1); limit < whole; limit += 1 + limit/700*3 {
		server.SetFault(imaptest.Fault{Limit: limit})
		p, err := d.Open(context.Background(), a)
		if err == nil {
			var got []string
			got, err = lanes(context.Background(), p.(session))
			for i, line := range got {
				if line != want[i] {
					t.Fatalf("cut after %d bytes: %q, want %q", limit, line, want[i])
				}
			}
			p.Close()
		}
		if err != nil {
			wantKind(t, fmt.Sprintf("cut after %d of %d bytes", limit, whole), err, provider.ErrUnavailable, provider.ErrProtocol)
		}
	}
}

// TestSlices sends the server's answers byte by byte.
func TestSlices(t *testing.T) {
	server, d, a := start(t, imaptest.Options{TLS: profile.Plaintext})
	for n := 1; n <= 3; n++ {
		server.Add("user", "INBOX", mail(n, 3000), `\Seen`)
	}
	want, err := lanes(context.Background(), open(t, d, a))
	if err != nil {
		t.Fatal(err)
	}
	server.SetFault(imaptest.Fault{Chunk: 1})
	got, err := lanes(context.Background(), open(t, d, a))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("in slices: %q, %v, want %q", got, err, want)
	}
}

// TestHighestAgain is IMAP-10: asked for messages from 101 on a server gives 100.
func TestHighestAgain(t *testing.T) {
	server, d, a := start(t, imaptest.Options{Without: []string{"QRESYNC", "CONDSTORE"}})
	server.Add("user", "INBOX", mail(1, 100))
	s := open(t, d, a)
	page := changes(t, s, provider.Request{Folder: "INBOX", Cursor: begin(t, s)})
	if len(page.Changes) != 0 || !page.RoundEnd {
		t.Errorf("nothing new gave %q", summary(page.Changes))
	}
}

// TestLyingUIDNext is IMAP-11: UIDNEXT promises 50, and 3 comes.
func TestLyingUIDNext(t *testing.T) {
	server, d, a := start(t, imaptest.Options{})
	server.Add("user", "INBOX", mail(1, 100))
	server.Add("user", "INBOX", mail(2, 100))
	server.SetUIDNext("user", "INBOX", 50)
	s := open(t, d, a)
	cursor := begin(t, s)
	server.SetUIDNext("user", "INBOX", 3)
	server.Add("user", "INBOX", mail(3, 100))
	if got := summary(changes(t, s, provider.Request{Folder: "INBOX", Cursor: cursor}).Changes); got != "upsert 3" {
		t.Errorf("the message below UIDNEXT gave %q", got)
	}
}

// TestNewValidity is IMAP-12, within a session.
func TestNewValidity(t *testing.T) {
	server, d, a := start(t, imaptest.Options{})
	server.Add("user", "INBOX", mail(1, 100))
	s := open(t, d, a)
	cursor := begin(t, s)
	server.SetUIDValidity("user", "INBOX", 99)
	_, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX", Cursor: cursor})
	wantKind(t, "Changes", err, provider.ErrCursorExpired)
	server.DeleteFolder("user", "Archive")
	_, err = s.Changes(context.Background(), provider.Request{Folder: "Archive"})
	wantKind(t, "Changes of a deleted folder", err, provider.ErrNotFound)
	changes(t, s, provider.Request{Folder: "INBOX"})
}

// TestReports tells new mail, flags and deletions as far as the server can.
func TestReports(t *testing.T) {
	for _, r := range []struct {
		without []string
		traits  provider.Traits
		want    string
	}{
		{nil, provider.Traits{ReportsGone: true, ReportsFlags: true, HasBackfill: true}, "flags 1, gone 2, upsert 4"},
		{[]string{"QRESYNC"}, provider.Traits{ReportsFlags: true, HasBackfill: true}, "flags 1, upsert 4"},
		{[]string{"QRESYNC", "CONDSTORE"}, provider.Traits{HasBackfill: true}, "upsert 4"},
	} {
		server, d, a := start(t, imaptest.Options{Without: r.without})
		for n := 1; n <= 3; n++ {
			server.Add("user", "INBOX", mail(n, 100))
		}
		s := open(t, d, a)
		cursor := begin(t, s)
		server.SetFlags("user", "INBOX", 1, `\Seen`)
		server.Remove("user", "INBOX", 2)
		server.Add("user", "INBOX", mail(4, 100))
		for range 2 { // asked twice
			page := changes(t, s, provider.Request{Folder: "INBOX", Cursor: cursor})
			if got := summary(page.Changes); got != r.want || s.Traits() != r.traits {
				t.Errorf("without %q: %q and %+v, want %q and %+v", r.without, got, s.Traits(), r.want, r.traits)
			}
		}
		page := changes(t, s, provider.Request{Folder: "INBOX", Cursor: cursor, Full: true, MaxItems: 10})
		if got := summary(page.Changes); got != "upsert 1, upsert 3, upsert 4" || !page.Full || !page.RoundEnd {
			t.Errorf("without %q the full round is %q, %+v", r.without, got, page)
		}
	}
}

// TestLostCount lists everything when the server lost its count of changes.
func TestLostCount(t *testing.T) {
	server, d, a := start(t, imaptest.Options{})
	for n := 1; n <= 3; n++ {
		server.Add("user", "INBOX", mail(n, 100))
	}
	s := open(t, d, a)
	cursor := begin(t, s)
	server.Remove("user", "INBOX", 2)
	server.ForgetChanges("user", "INBOX")
	page := changes(t, s, provider.Request{Folder: "INBOX", Cursor: cursor})
	if got := summary(page.Changes); got != "upsert 1, upsert 3" || !page.Full || !page.RoundEnd {
		t.Errorf("after the loss: %q, full %t", got, page.Full)
	}
	page = changes(t, s, provider.Request{Folder: "INBOX", Cursor: page.Next})
	if len(page.Changes) != 0 || page.Full {
		t.Errorf("afterwards: %q, full %t", summary(page.Changes), page.Full)
	}
}

// TestManyChanges tells more changes than are kept of one answer.
func TestManyChanges(t *testing.T) {
	const n = 21_000
	server, d, a := start(t, imaptest.Options{})
	for range n {
		server.Add("user", "INBOX", []byte("Subject: x\r\n\r\n"))
	}
	s := open(t, d, a)
	cursor := begin(t, s)
	var gone []uint32
	for uid := uint32(1); uid <= n; uid++ {
		gone = append(gone, uid)
	}
	server.Remove("user", "INBOX", gone...)
	told := map[provider.ID]bool{}
	r := provider.Request{Folder: "INBOX", Cursor: cursor, MaxItems: 3000}
	for pages := 0; ; pages++ {
		page := changes(t, s, r)
		for _, c := range page.Changes {
			told[c.ID] = c.Kind == provider.Gone
		}
		if r.Cursor = page.Next; page.RoundEnd {
			break
		}
		if pages == 3 { // another session takes over
			s = open(t, d, a)
		}
	}
	if len(told) != n {
		t.Errorf("%d of %d deletions were told", len(told), n)
	}
}

// TestSince leaves out what was received earlier, to the second.
func TestSince(t *testing.T) {
	server, d, a := start(t, imaptest.Options{})
	since := time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)
	for i, off := range []time.Duration{-48 * time.Hour, -time.Second, 0, time.Hour, 72 * time.Hour} {
		server.AddAt("user", "INBOX", since.Add(off), mail(i, 100))
	}
	s := open(t, d, a)
	cursor := changes(t, s, provider.Request{Folder: "INBOX", Since: since}).Next
	page := changes(t, s, provider.Request{Folder: "INBOX", Lane: provider.Backfill, Since: since})
	if got := summary(page.Changes); got != "upsert 5, upsert 4, upsert 3" || !page.RoundEnd {
		t.Errorf("since: %q", got)
	}
	server.AddAt("user", "INBOX", since.AddDate(-1, 0, 0), mail(6, 100))
	server.AddAt("user", "INBOX", since.AddDate(0, 0, 9), mail(7, 100))
	if got := summary(changes(t, s, provider.Request{Folder: "INBOX", Since: since, Cursor: cursor}).Changes); got != "upsert 7" {
		t.Errorf("live: %q", got)
	}
}

func TestActs(t *testing.T) {
	for _, without := range [][]string{nil, {"MOVE"}, {"MOVE", "UIDPLUS"}} {
		server, d, a := start(t, imaptest.Options{Without: without})
		for n := 1; n <= 3; n++ {
			server.Add("user", "INBOX", mail(n, 100))
		}
		server.SetFlags("user", "INBOX", 1, `\Deleted`) // somebody else's
		s := open(t, d, a)
		act := provider.Act{Kind: provider.Move, Folder: "INBOX", Epoch: begin(t, s).Epoch(), ID: "2", To: "New/Un&APw-blich"}
		if err := s.Act(context.Background(), act); err != nil {
			t.Fatalf("without %q: %v", without, err)
		}
		if got := server.Messages("user", "New/Unüblich"); len(got) != 1 {
			t.Errorf("without %q the new folder has %d messages", without, len(got))
		}
		act.Kind, act.ID = provider.Delete, "3"
		if err := s.Act(context.Background(), act); err != nil {
			t.Errorf("without %q: %v", without, err)
		}
		left := server.Messages("user", "INBOX")
		if len(without) < 2 && len(left) != 1 {
			t.Errorf("without %q %d messages are left, want the one of somebody else", without, len(left))
		}
		if len(without) == 2 && (len(left) != 3 || left[1].Flags[0] != `\Deleted` || left[2].Flags[0] != `\Deleted`) {
			t.Errorf(`without %q %+v are left, want all three, marked \Deleted`, without, left)
		}
	}
}

// TestMoveNeedsItsCopy is the hazard of deleting what was not copied.
func TestMoveNeedsItsCopy(t *testing.T) {
	server, d, a := start(t, imaptest.Options{Without: []string{"MOVE"}})
	server.Add("user", "INBOX", mail(1, 100))
	s := open(t, d, a)
	epoch := begin(t, s).Epoch()
	server.SetFail(func(line string) string {
		if strings.Contains(line, "COPY") {
			return "%tag NO [OVERQUOTA] full"
		}
		if strings.Contains(line, "STORE") || strings.Contains(line, "EXPUNGE") {
			t.Errorf("the driver said %q", line)
		}
		return ""
	})
	err := s.Act(context.Background(), provider.Act{Kind: provider.Move, Folder: "INBOX", Epoch: epoch, ID: "1", To: "Archive"})
	wantKind(t, "Act(move)", err, provider.ErrUnavailable)
}

func TestFolders(t *testing.T) {
	server, d, a := start(t, imaptest.Options{Delim: ".", Without: []string{"SPECIAL-USE"}})
	server.CreateFolder("user", "Projekte/Größe", "")
	got, err := open(t, d, a).Folders(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := []provider.Folder{
		{ID: "INBOX", Name: "INBOX", Kind: provider.Mail, Role: provider.Inbox},
		{ID: "Drafts", Name: "Drafts", Kind: provider.Mail, Role: provider.Drafts},
		{ID: "Sent", Name: "Sent", Kind: provider.Mail, Role: provider.Sent},
		{ID: "Junk", Name: "Junk", Kind: provider.Mail, Role: provider.Junk},
		{ID: "Trash", Name: "Trash", Kind: provider.Mail, Role: provider.Trash},
		{ID: "Archive", Name: "Archive", Kind: provider.Mail, Role: provider.Archive},
		{ID: "Projekte.Gr&APYA3w-e", Name: "Projekte/Größe", Kind: provider.Mail},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Folders = %+v, want %+v", got, want)
	}
}

// TestRefusedAppend goes on with the same connection after a refused APPEND, after
// which go-imap gives its side up.
func TestRefusedAppend(t *testing.T) {
	server, d, a := start(t, imaptest.Options{Without: []string{"LITERAL+"}})
	s := open(t, d, a)
	wantKind(t, "File", s.File(context.Background(), "Nowhere", item.NewBlob(mail(1, 9000)), nil), provider.ErrNotFound)
	if err := s.File(context.Background(), "Sent", item.NewBlob(mail(1, 9000)), []string{`\Seen`}); err != nil {
		t.Errorf("File after a refused one: %v", err)
	}
	if n := server.Counts().Connections; n != 1 {
		t.Errorf("it took %d connections", n)
	}
}

// TestEmptyPoll holds what a poll with nothing new may cost.
func TestEmptyPoll(t *testing.T) {
	for _, without := range [][]string{nil, {"QRESYNC"}, {"QRESYNC", "CONDSTORE", "ESEARCH"}} {
		server, d, a := start(t, imaptest.Options{Without: without})
		for n := range 1000 {
			server.Add("user", "INBOX", mail(n, 100))
		}
		s := open(t, d, a)
		cursor := begin(t, s)
		before := server.Counts()
		changes(t, s, provider.Request{Folder: "INBOX", Cursor: cursor})
		after := server.Counts()
		if bytes := after.In - before.In + after.Out - before.Out; bytes > 1000 || after.Commands-before.Commands > 2 {
			t.Errorf("without %q a poll costs %d bytes and %d commands", without, bytes, after.Commands-before.Commands)
		}
	}
}

// TestFalseOffers meets servers that refuse what they offer.
func TestFalseOffers(t *testing.T) {
	for _, refused := range []string{"QRESYNC (", "(CONDSTORE)", "ENABLE"} {
		server, d, a := start(t, imaptest.Options{})
		server.Add("user", "INBOX", mail(1, 100))
		s := open(t, d, a)
		cursor := begin(t, s)
		server.Add("user", "INBOX", mail(2, 100))
		server.SetFail(func(line string) string {
			if strings.Contains(line, refused) {
				return "%tag BAD I do not know that"
			}
			return ""
		})
		s = open(t, d, a)
		if got := summary(changes(t, s, provider.Request{Folder: "INBOX", Cursor: cursor}).Changes); got != "upsert 2" {
			t.Errorf("a server that refuses %s told %q", refused, got)
		}
	}
}
