package imap_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// TestSTLS plays what somebody on the way may do before there is TLS. The password
// must never be sent.
func TestSTLS(t *testing.T) {
	tag := func(p *peer) string { tag, _, _ := strings.Cut(p.line(), " "); return tag }
	rest := func(p *peer) { io.Copy(io.Discard, p.in) }
	answer := func(greeting, answer string) func(*peer) {
		return func(p *peer) {
			p.send("%s\r\n", greeting)
			p.send("%s", strings.ReplaceAll(answer, "%tag", tag(p)))
			rest(p)
		}
	}
	rows := []struct {
		id    string
		play  func(*peer)
		kinds []provider.Kind
	}{
		{"STLS-01 BAD", answer("* OK ready", "%tag BAD STARTTLS not supported\r\n"), nil},
		{"STLS-02 NO", answer("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "%tag NO do not begin TLS now\r\n"), nil},
		{"STLS-02 BAD", answer("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "%tag BAD no\r\n"), nil},
		{"STLS-03 continuation", answer("* OK ready", "+ continue\r\n"), nil},
		{"STLS-04 PREAUTH", answer("* PREAUTH ready", ""), nil},
		{"STLS-04 PREAUTH with STARTTLS", answer("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] ready", ""), nil},
		{"STLS-05 IMAP4 only", answer("* OK [CAPABILITY IMAP4] ready", "%tag BAD unknown command\r\n"), nil},
		{"STLS-08 capabilities behind OK", answer("* OK ready", "%tag OK begin\r\n* CAPABILITY IMAP4REV1 AUTH=PLAIN\r\nA2 OK done\r\n"), nil},
		{"STLS-09 alert behind OK", answer("* OK ready", "%tag OK begin\r\n* OK [ALERT] call 0900-12345\r\n"), nil},
		{"STLS-10 BYE behind OK", answer("* OK ready", "%tag OK begin\r\n* BYE\r\n"), nil},
		{"STLS-17 banner in place of TLS", func(p *peer) {
			p.send("* OK ready\r\n%s", "")
			p.send("%s OK begin\r\n", tag(p))
			p.in.Peek(1)
			p.send("220 mail.example.com ready for you\r\n")
			rest(p)
		}, nil},
		{"STLS-16 silence in the handshake", func(p *peer) {
			p.send("* OK ready\r\n")
			p.send("%s OK begin\r\n", tag(p))
			rest(p)
		}, []provider.Kind{provider.ErrUnavailable}},
		{"STLS-16 silence", rest, []provider.Kind{provider.ErrUnavailable}},
	}
	for _, row := range rows {
		t.Run(row.id, func(t *testing.T) {
			t.Parallel()
			a, heard := script(t, profile.StartTLS, row.play)
			d := &imap.Driver{Limits: patient}
			if slices.Contains(row.kinds, provider.ErrUnavailable) { // it waits for a limit
				d.Limits = provider.Limits{TLS: time.Second, Greeting: time.Second, Command: 2 * time.Second}
			}
			if row.kinds == nil {
				row.kinds = []provider.Kind{provider.ErrUnsafe}
			}
			begun := time.Now()
			p, err := d.Open(context.Background(), a)
			if err == nil {
				p.Close()
			}
			wantKind(t, "Open", err, row.kinds...)
			if time.Since(begun) > soon {
				t.Errorf("it took %v", time.Since(begun))
			}
			if strings.Contains(heard(), "AUTHENTICATE") || strings.Contains(heard(), "LOGIN") || strings.Contains(heard(), canary) {
				t.Errorf("the server was told %q", heard())
			}
			if err != nil && strings.Contains(err.Error(), "0900") {
				t.Errorf("the error shows what a stranger may have written: %v", err)
			}
		})
	}
}

// STLS-13: what was said before TLS changes nothing after it.
func TestNothingInClearIsBelieved(t *testing.T) {
	junk := "* LIST () \"/\" Evil\r\n* 99 EXISTS\r\n* SEARCH 1 2 3\r\n* 5 EXPUNGE\r\n* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n* 1 FETCH (UID 9 FLAGS ())\r\n"
	server, d, a := start(t, imaptest.Options{TLS: profile.StartTLS})
	server.Add("user", "INBOX", mail(1, 100))
	server.SetFail(func(line string) string {
		chatter := ""
		if strings.Contains(line, "STARTTLS") {
			chatter = strings.TrimSuffix(junk, "\r\n")
		}
		server.SetFault(imaptest.Fault{Chatter: chatter})
		return ""
	})
	s := open(t, d, a)
	folders, err := s.Folders(context.Background())
	if err != nil || len(folders) != 6 {
		t.Errorf("Folders = %v, %v, want the server's six", folders, err)
	}
	page := changes(t, s, provider.Request{Folder: "INBOX", Lane: provider.Backfill})
	if got := summary(page.Changes); got != "upsert 1" {
		t.Errorf("Backfill = %q, want the one message", got)
	}
}

// STLS-14: a referral leads nowhere.
func TestReferral(t *testing.T) {
	server, d, a := start(t, imaptest.Options{Fail: func(line string) string {
		if strings.Contains(line, "SELECT") {
			return "%tag NO [REFERRAL imaps://evil.example/] over there"
		}
		return ""
	}})
	s := open(t, d, a)
	_, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX"})
	if err == nil {
		t.Error("a referral was taken for an answer")
	}
	if n := server.Counts().Connections; n != 1 {
		t.Errorf("there were %d connections, want 1", n)
	}
}

func TestPlaintextNeedsBoth(t *testing.T) {
	server, d, a := start(t, imaptest.Options{TLS: profile.Plaintext})
	a.Policy.AllowPlaintext = false
	_, err := d.Open(context.Background(), a)
	wantKind(t, "Open without the policy's leave", err, provider.ErrUnsafe)
	if n := server.Counts().In; n != 0 {
		t.Errorf("the server was told %d bytes", n)
	}
}
