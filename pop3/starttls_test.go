package pop3_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// TestSTLS plays what somebody on the way may do before there is TLS. The password
// must never be sent.
func TestSTLS(t *testing.T) {
	answer := func(greeting, answer string) func(*peer) {
		return func(p *peer) {
			p.send("%s\r\n", greeting)
			p.line()
			p.send("%s", answer)
			p.rest()
		}
	}
	rows := []struct {
		id   string
		play func(*peer)
		kind provider.Kind // "" for ErrUnsafe
	}{
		{"STLS-03 continuation", answer("+OK ready", "+ continue\r\n"), ""},
		{"STLS-04 signed in already", answer("+OK you are signed in", "-ERR not now\r\n"), ""},
		{"STLS-07 ERR", answer("+OK ready", "-ERR no\r\n"), ""},
		{"STLS-07 ERR for now", answer("+OK ready", "-ERR [SYS/TEMP] TLS not available\r\n"), ""},
		{"STLS-07 unknown command", answer("+OK ready <1.2@x>", "-ERR unknown command STLS\r\n"), ""},
		{"STLS-07 capabilities without STLS", answer("+OK ready", "+OK capabilities\r\nUSER\r\n.\r\n"), ""},
		{"STLS-12 capabilities behind the agreement", answer("+OK ready", "+OK go\r\n+OK\r\nPLAIN\r\n.\r\n"), ""},
		{"STLS-12 a byte behind the agreement", answer("+OK ready", "+OK go\r\n\n"), ""},
		{"STLS-12 garbage", answer("+OK ready", "call 0900-12345\r\n"), ""},
		{"STLS-12 an answer in advance", answer("+OK ready\r\n+OK go ahead", ""), ""},
		{"STLS-17 banner in place of TLS", func(p *peer) {
			p.send("+OK ready\r\n")
			p.line()
			p.send("+OK begin\r\n")
			p.in.Peek(1)
			p.send("220 mail.example.com ready for you\r\n")
			p.rest()
		}, ""},
		{"STLS-16 silence in the handshake", func(p *peer) {
			p.send("+OK ready\r\n")
			p.line()
			p.send("+OK begin\r\n")
			p.rest()
		}, provider.ErrUnavailable},
		{"STLS-16 silence to STLS", func(p *peer) { p.send("+OK ready\r\n"); p.rest() }, provider.ErrUnavailable},
		{"STLS-16 silence", (*peer).rest, provider.ErrUnavailable},
	}
	for _, row := range rows {
		t.Run(row.id, func(t *testing.T) {
			t.Parallel()
			a, heard := script(t, profile.StartTLS, row.play)
			d := &pop3.Driver{Limits: patient}
			if row.kind == provider.ErrUnavailable { // it waits for a limit
				d.Limits = provider.Limits{TLS: time.Second, Greeting: time.Second, Command: time.Second}
			}
			if row.kind == "" {
				row.kind = provider.ErrUnsafe
			}
			ctx, told := follow(t.Context())
			p, err := d.Open(ctx, a)
			if err == nil {
				p.Close()
			}
			wantKind(t, "Open", err, row.kind)
			told.want(t, err)
			if all := heard(); strings.Contains(all, "USER") || strings.Contains(all, "AUTH") || strings.Contains(all, "PASS") || strings.Contains(all, canary) {
				t.Errorf("the server was told %q", all)
			}
			if err != nil && strings.Contains(err.Error(), "0900") {
				t.Errorf("the error shows what a stranger may have written: %v", err)
			}
		})
	}
}

// STLS-13: what is said before TLS is neither asked for nor believed.
func TestSTLS13NothingInClearIsBelieved(t *testing.T) {
	server, d, a := start(t, pop3test.Options{TLS: profile.StartTLS})
	server.Add("user", mail(1, 100))
	before := true
	server.SetFail(func(line string) string {
		if before && line != "STLS" {
			t.Errorf("in clear the server was told %q", line)
		}
		before = before && line != "STLS"
		return ""
	})
	ctx, told := follow(t.Context())
	p, err := d.Open(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	told.want(t, nil, tcp, greeting, shaking, capabilities, signIn)
}

func TestX4PlaintextNeedsBoth(t *testing.T) {
	server, d, a := start(t, pop3test.Options{TLS: profile.Plaintext})
	for _, policy := range []profile.Policy{{AllowPlaintext: true}, {AllowBasicWithoutTLS: true}, {}} {
		a.Policy.AllowPlaintext, a.Policy.AllowBasicWithoutTLS = policy.AllowPlaintext, policy.AllowBasicWithoutTLS
		_, err := d.Open(context.Background(), a)
		wantKind(t, "Open without the policy's leave", err, provider.ErrUnsafe)
	}
	if n := server.Counts().In; n != 0 {
		t.Errorf("the server was told %d bytes", n)
	}
}
