package pop3_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// Numbers that are none, in every answer that has some, cost neither memory nor the
// process.
func TestPOP3_05Numbers(t *testing.T) {
	ctx := context.Background()
	check := func(s session) error { return s.Check(ctx) }
	changes := func(s session) error {
		page, err := s.Changes(ctx, provider.Request{Folder: "INBOX", Want: provider.WantBodies})
		release(page.Changes)
		return err
	}
	protocol, large := provider.ErrProtocol, provider.ErrTooLarge
	for _, tt := range []struct {
		to, answer string
		call       func(session) error
		kind       provider.Kind
	}{
		{"STAT", "+OK 999999999999 99999999999999999999", check, protocol},
		{"STAT", "+OK 999999999999 9999999", check, large},
		{"STAT", "+OK -1 5", check, protocol},
		{"STAT", "+OK many", check, protocol},
		{"STAT", "+OK", check, protocol},
		{"LIST", "+OK\r\n1 99999999999999999999\r\n2 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1 -5\r\n2 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1\r\n2\r\n.", changes, protocol},
		{"LIST", "+OK\r\n2 5\r\n1 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1 5\r\n1 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1 5\r\n.", changes, protocol},
		{"LIST", "+OK\r\n1 5\r\n2 5\r\n3 5\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n0 a\r\n1 b\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n-1 a\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n999999999999999999999 a\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n4294967297 a\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n0x1 a\r\n.", changes, protocol},
		{"UIDL", "+OK\r\nfirst\r\n.", changes, protocol},
		{"UIDL", "+OK\r\n1 " + strings.Repeat("x", 10<<20) + "\r\n.", changes, large},
		{"UIDL", "+OK\r\n" + strings.Repeat("1 a\r\n", 2) + ".", changes, protocol},
	} {
		t.Run(tt.to+" "+tt.answer[:min(len(tt.answer), 40)], func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext})
			d.Limits.Command = soon
			server.Add("user", mail(1, 300))
			server.Add("user", mail(2, 300))
			server.SetFail(func(line string) string {
				if line == tt.to {
					return tt.answer
				}
				return ""
			})
			s := open(t, d, a)
			heap := watchHeap()
			wantKind(t, tt.to, tt.call(s), tt.kind)
			if peak := heap(); peak > 40<<20 { // the server's own answer is in it
				t.Errorf("it took %d bytes", peak)
			}
			if tt.to != "STAT" {
				wantKind(t, "the next call", s.Check(ctx), provider.ErrUnavailable)
			}
		})
	}
}

// More messages than are taken are too many, whatever they are.
func TestPOP3_05TooMany(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	d.Limits.Responses = 50
	for n := range 51 {
		server.Add("user", mail(n, 100))
	}
	_, err := open(t, d, a).Changes(context.Background(), provider.Request{Folder: "INBOX"})
	wantKind(t, "Changes", err, provider.ErrTooLarge)
	wantKind(t, "Check", open(t, d, a).Check(context.Background()), provider.ErrTooLarge)
}

// Messages without header, without body, and without anything are messages.
func TestPOP3_06OddMessages(t *testing.T) {
	odd := [][]byte{nil, []byte("\r\n"), []byte("\r\nno header at all\r\n"), []byte("Subject: only a header\r\n"), []byte("no header, no line end"), []byte(".\r\n"), []byte("..\r\n"), []byte("\r\n.\r\n"), {0}, []byte("a\rb\nc\r\r\n")}
	for name, without := range map[string][]string{"UIDL": nil, "no UIDL": {"UIDL"}, "one by one": {"CAPA"}} {
		t.Run(name, func(t *testing.T) {
			server, d, a := start(t, pop3test.Options{Without: without})
			for _, raw := range odd {
				server.Add("user", raw)
			}
			for want := provider.WantIDs; want <= provider.WantBodies; want++ {
				all, _ := look(t, d, a, provider.Request{Want: want})
				if len(all) != len(odd) {
					t.Errorf("told were %d of %d", len(all), len(odd))
				}
				for k, c := range all {
					m := server.Messages("user")[len(odd)-1-k]
					if c.Err != nil {
						t.Errorf("%q has the error %v", m.Raw, c.Err)
					} else if want == provider.WantBodies {
						if raw := content(t, c); !bytes.Equal(raw, m.Raw) {
							t.Errorf("%q came as %q", m.Raw, raw)
						}
					}
				}
			}
		})
	}
}

// Whatever stands in the greeting, APOP is never said.
func TestPOP3_07NoAPOP(t *testing.T) {
	for _, challenge := range []string{"<@>", "<1896.697170952@dbc.mtview.ca.us>", "<a\x00b", "<" + strings.Repeat("x", 400) + "@y>"} {
		a, heard := script(t, profile.Plaintext, func(p *peer) {
			p.send("+OK ready %s\r\n", challenge)
			for p.line() != "" {
				p.send("-ERR no\r\n")
			}
		})
		_, err := (&pop3.Driver{Limits: patient}).Open(context.Background(), a)
		wantKind(t, "Open", err, provider.ErrAuth)
		if strings.Contains(heard(), "APOP") {
			t.Errorf("the server was told %q", heard())
		}
	}
}
