package pop3_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// The tests of the catalogue files are the rows of the catalogue of hostile servers.

// truth returns the server's messages as a driver names those with good UIDLs.
func truth(server *pop3test.Server) map[provider.ID][]byte {
	all := map[provider.ID][]byte{}
	for _, m := range server.Messages("user") {
		all[provider.ID("u:"+m.UIDL)] = m.Raw
	}
	return all
}

// A body without its final dot is never taken for whole: the line is cut at each byte
// of what the server has to say, and nothing short comes out of it.
func TestPOP3_01CutAtEveryByte(t *testing.T) {
	for name, without := range map[string][]string{"pipelined": nil, "one by one": {"CAPA"}} {
		t.Run(name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext, Without: without})
			server.Add("user", []byte("Subject: a\r\n\r\nfirst\r\n.\r\n..\r\nend\r\n"))
			server.Add("user", []byte("Subject: b\r\n\r\n"))
			server.Add("user", []byte("Subject: c\r\n\r\nthird\r\n"))
			want := truth(server)
			whole := 0
			for cut := int64(1); whole == 0; cut++ {
				server.SetFault(pop3test.Fault{Limit: cut})
				got, err := readAll(t, d, a)
				for id, raw := range got {
					if !bytes.Equal(raw, want[id]) {
						t.Fatalf("cut at byte %d: %q was given for %s", cut, raw, id)
					}
				}
				switch {
				case err == nil && len(got) == len(want):
					whole++
				case err == nil:
					t.Fatalf("cut at byte %d: %d messages and no error", cut, len(got))
				default:
					wantKind(t, fmt.Sprintf("cut at byte %d", cut), err, provider.ErrUnavailable)
				}
				if cut > 1<<16 {
					t.Fatal("the whole transcript is not enough")
				}
			}
		})
	}
}

// readAll lists the mailbox and reads every message, and returns what was given.
func readAll(t testing.TB, d *pop3.Driver, a provider.Account) (map[provider.ID][]byte, error) {
	t.Helper()
	p, err := d.Open(context.Background(), a)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	s := p.(session)
	page, err := s.Changes(context.Background(), provider.Request{Folder: "INBOX"})
	if err != nil {
		return nil, err
	}
	return fetch(t, s, idsOf(page.Changes)...)
}

// What looks like an answer within a body is content, and a line with a dot that the
// server did not double ends the message: it is that message's failure, and tells the
// operator.
func TestPOP3_02ByGrammar(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	var log buffer
	d.Logger = slog.New(slog.NewTextHandler(&log, nil))
	server.Add("user", []byte("Subject: a\r\n\r\n-ERR [SYS/PERM] no\r\n+OK 1 x\r\n+ go on\r\n"))
	server.Add("user", mail(2, 2000))
	server.Add("user", mail(3, 300))
	want := truth(server)
	if got, err := readAll(t, d, a); err != nil || len(got) != 3 {
		t.Errorf("%d messages were read, %v", len(got), err)
	} else {
		for id, raw := range got {
			if !bytes.Equal(raw, want[id]) {
				t.Errorf("%q was given for %s", raw, id)
			}
		}
	}
	if strings.Contains(log.String(), "WARN") {
		t.Errorf("the log says %s", log.String())
	}
	server.SetFail(func(line string) string {
		if line == "RETR 2" {
			return "+OK\r\nSubject: 2\r\n\r\nthat\r\n.\r\nwas not all of it\r\n."
		}
		return ""
	})
	got, err := readAll(t, d, a)
	if err != nil || len(got) != 2 || got[provider.ID("u:"+server.Messages("user")[1].UIDL)] != nil {
		t.Errorf("%d messages were read, %v, want the other two", len(got), err)
	}
	server.SetFail(nil)
	server.SetFault(pop3test.Fault{Lie: 500})
	if got, err := readAll(t, d, a); err != nil || len(got) != 3 || !strings.Contains(log.String(), "not as large") {
		t.Errorf("%d messages were read, %v; the log says %s", len(got), err, log.String())
	}
}
