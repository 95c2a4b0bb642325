package smtp_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// openFails opens a connection under a fault and returns the error and the
// commands that the server got.
func openFails(t *testing.T, o smtptest.Options) ([]string, error) {
	t.Helper()
	if o.Users == nil && o.TLS != profile.Plaintext {
		o.Users = users
	}
	server := newServer(t, o)
	_, err := open(t, server, o.TLS)
	if err == nil {
		t.Fatal("the connection was opened")
	}
	server.Close()
	commands := server.Commands()
	for _, c := range commands {
		if strings.HasPrefix(c, "MAIL") || strings.HasPrefix(c, "AUTH") && o.TLS != profile.ImplicitTLS {
			t.Errorf("the server got %q", c)
		}
	}
	return commands, err
}

func TestSTLS06Refused(t *testing.T) {
	tests := []struct {
		name string
		o    smtptest.Options
		kind provider.Kind
	}{
		{"454", smtptest.Options{TLS: profile.StartTLS, Fail: on("STARTTLS", "454 4.7.0 TLS not available")}, provider.ErrUnavailable},
		{"501", smtptest.Options{TLS: profile.StartTLS, Fail: on("STARTTLS", "501 5.5.4 syntax")}, provider.ErrUnsafe},
		{"250", smtptest.Options{TLS: profile.StartTLS, Fail: on("STARTTLS", "250 fine")}, provider.ErrProtocol},
		{"not offered", smtptest.Options{TLS: profile.StartTLS, Fail: on("EHLO", "250-smtptest\r\n250 AUTH PLAIN")}, provider.ErrUnsafe},
		{"no EHLO", smtptest.Options{TLS: profile.StartTLS, Fail: on("EHLO", "502 5.5.1 unknown")}, provider.ErrUnsafe},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := openFails(t, tt.o)
			wantKind(t, err, tt.kind)
		})
	}
}

func TestSTLS11PlaintextBehindTheAgreement(t *testing.T) {
	_, err := openFails(t, smtptest.Options{TLS: profile.StartTLS, Fail: on("STARTTLS", "220 go\r\n250-x\r\n250 AUTH LOGIN")})
	wantKind(t, err, provider.ErrUnsafe)
}

func TestSTLS17PlaintextInPlaceOfTLS(t *testing.T) {
	// The banner comes late enough to be read as TLS's first bytes.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 512)
		io.WriteString(c, "220 hi\r\n")
		c.Read(buf)
		io.WriteString(c, "250-hi\r\n250 STARTTLS\r\n")
		c.Read(buf)
		io.WriteString(c, "220 go\r\n")
		c.Read(buf) // the client's hello
		io.WriteString(c, "250 this is no TLS\r\n")
		io.Copy(io.Discard, c)
	}()
	_, err = smtp.Driver{Limits: patient}.Open(t.Context(), account(l.Addr().String(), profile.StartTLS))
	wantKind(t, err, provider.ErrUnsafe)
	<-done
}

func TestSTLS13NothingLearnedBeforeTLSIsBelieved(t *testing.T) {
	first := true
	server := newServer(t, smtptest.Options{TLS: profile.StartTLS, Users: users, Fail: func(cmd string) string {
		if strings.HasPrefix(cmd, "EHLO") && first {
			first = false
			return "250-smtptest\r\n250-SIZE 1\r\n250-AUTH CRAM-MD5\r\n250 starttls"
		}
		return ""
	}})
	s := mustOpen(t, server, profile.StartTLS)
	send(t, s, mail, bob).want(t, "", provider.StatusSent)
}

func TestTLS01CertificateOfAStranger(t *testing.T) {
	server := newServer(t, smtptest.Options{Users: users})
	_, err := smtp.Driver{TLSConfig: &tls.Config{}, Limits: patient}.Open(t.Context(), account(server.Addr, profile.ImplicitTLS))
	wantKind(t, err, provider.ErrUnsafe)
	if len(server.Commands()) != 0 {
		t.Errorf("the server got %q", server.Commands())
	}
}

func TestSMTP01And02EndlessReplies(t *testing.T) {
	for name, fault := range map[string]string{
		"SMTP-01 lines without end": smtptest.Endless + "220-x",
		"SMTP-02 a line of 64 MiB":  "220 " + strings.Repeat("x", 64<<20),
		"64 KiB in long lines":      smtptest.Endless + "220-" + strings.Repeat("x", 3000),
	} {
		for _, cmd := range []string{"", "EHLO", "MAIL", "."} {
			t.Run(name+" at "+cmd, func(t *testing.T) {
				start := time.Now()
				server := plain(t, on(cmd, strings.ReplaceAll(fault, "220", map[string]string{"": "220"}[cmd]+map[bool]string{true: "250"}[cmd != ""])))
				p, err := open(t, server, profile.Plaintext)
				if err == nil {
					out := send(t, p.(provider.Sender), mail, bob)
					err = out.err
					if want := map[bool]provider.Status{true: provider.StatusUncertain, false: provider.StatusRetry}[cmd == "."]; out.Recipients[0].Status != want {
						t.Errorf("status = %s, want %s", out.Recipients[0].Status, want)
					}
				}
				wantKind(t, err, provider.ErrTooLarge)
				if time.Since(start) > soon {
					t.Error("it took long")
				}
			})
		}
	}
}

func TestSMTP03AnswersAheadOfQuestions(t *testing.T) {
	for _, mode := range []profile.TLS{profile.Plaintext, profile.ImplicitTLS} {
		t.Run("tls "+string(mode), func(t *testing.T) {
			for cmd, own := range map[string]string{"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go"} {
				server := newServer(t, smtptest.Options{TLS: mode, Fail: on(cmd, own+"\r\n250 ahead")})
				a := account(server.Addr, mode)
				a.Endpoint.Credentials = profile.Anonymous
				p, err := smtp.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, Limits: patient}.Open(t.Context(), a)
				if err != nil {
					t.Fatal(err)
				}
				out := sendWith(t, p.(provider.Sender), provider.Submission{From: ann, Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail))})
				out.want(t, provider.ErrProtocol, provider.StatusRetry)
				p.Close()
				server.Close()
				if len(server.Messages()) != 0 {
					t.Errorf("at %s a message was taken", cmd)
				}
			}
		})
	}
}

func TestSMTP04And05AfterTheTerminator(t *testing.T) {
	tests := []struct {
		name, fault string
		kind        provider.Kind
		status      provider.Status
	}{
		{"SMTP-04 no line end", smtptest.Cut + "250 ok", provider.ErrUnavailable, provider.StatusUncertain},
		{"SMTP-04 one digit", smtptest.Cut + "2", provider.ErrUnavailable, provider.StatusUncertain},
		{"SMTP-04 two digits", smtptest.Cut + "25", provider.ErrUnavailable, provider.StatusUncertain},
		{"SMTP-04 first line of two", smtptest.Accept + smtptest.Cut + "250-ok\r\n", provider.ErrUnavailable, provider.StatusUncertain},
		{"SMTP-05 end", smtptest.Drop, provider.ErrUnavailable, provider.StatusUncertain},
		{"SMTP-05 end after accepting", smtptest.Accept + smtptest.Drop, provider.ErrUnavailable, provider.StatusUncertain},
		{"SMTP-05 reset", smtptest.Accept + smtptest.Reset, provider.ErrUnavailable, provider.StatusUncertain},
		{"SMTP-05 silence", smtptest.Accept + smtptest.Hang, provider.ErrUnavailable, provider.StatusUncertain},
		{"SMTP-05 421", "421 4.3.2 going down", provider.ErrUnavailable, provider.StatusRetry},
		{"SMTP-05 999", smtptest.Accept + "999 huh", provider.ErrProtocol, provider.StatusUncertain},
		{"SMTP-05 for ever", smtptest.Endless + "250-ok", provider.ErrTooLarge, provider.StatusUncertain},
		{"garbage", smtptest.Accept + "hello", provider.ErrProtocol, provider.StatusUncertain},
		{"354", smtptest.Accept + "354 again", provider.ErrProtocol, provider.StatusUncertain},
		{"two codes", smtptest.Accept + "250-ok\r\n550 no", provider.ErrProtocol, provider.StatusUncertain},
		{"code alone", "250", "", provider.StatusSent},
		{"slow", smtptest.Slow, "", provider.StatusSent},
		{"451", "451 4.7.1 greylisted", provider.ErrBadItem, provider.StatusRetry},
		{"452", "452 4.3.1 disk full", provider.ErrUnavailable, provider.StatusRetry},
		{"550", "550 5.7.1 spam", provider.ErrBadItem, provider.StatusRejected},
		{"552", "552 5.3.4 too big", provider.ErrTooLarge, provider.StatusRejected},
		{"550 quota", "550 5.4.5 Daily sending quota exceeded", provider.ErrThrottled, provider.StatusRetry},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := plain(t, on(".", tt.fault))
			a := account(server.Addr, profile.Plaintext)
			limits := patient
			if strings.HasSuffix(tt.name, "silence") {
				limits.Terminator = 500 * time.Millisecond
			}
			p, err := smtp.Driver{Limits: limits}.Open(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			out := send(t, p.(provider.Sender), mail, bob, cid)
			out.want(t, tt.kind, tt.status, tt.status)
			if out.submitting != 1 {
				t.Errorf("submitting called %d times", out.submitting)
			}
		})
	}
}

func TestSMTP06WrongAnswers(t *testing.T) {
	for cmd, answer := range map[string]string{"DATA": "250 ok", "MAIL": "354 go", "RCPT": "354 go", "EHLO": "354 go"} {
		server := plain(t, on(cmd, answer))
		p, err := open(t, server, profile.Plaintext)
		if err == nil {
			out := send(t, p.(provider.Sender), mail, bob)
			out.want(t, provider.ErrProtocol, provider.StatusRetry)
			err = out.err
		}
		wantKind(t, err, provider.ErrProtocol)
		server.Close()
		if len(server.Messages()) != 0 {
			t.Errorf("%s answered by %s: a message was taken", cmd, answer)
		}
	}
}

func TestSMTP07EachRecipientHasItsOwnOutcome(t *testing.T) {
	server := plain(t, func(cmd string) string {
		switch {
		case strings.Contains(cmd, "TO:<"+bob):
			return "452 4.2.2 mailbox full"
		case strings.Contains(cmd, "TO:<"+cid):
			return "550 5.1.1 nobody"
		}
		return ""
	})
	s := mustOpen(t, server, profile.Plaintext)
	out := send(t, s, mail, ann, bob, cid)
	out.want(t, provider.ErrBadItem, provider.StatusSent, provider.StatusRetry, provider.StatusRejected)
	if out.Recipients[1].Code != 452 || out.Recipients[2].Text != "550 5.1.1 nobody" {
		t.Errorf("recipients = %+v", out.Recipients)
	}
	if m := server.Messages(); len(m) != 1 || len(m[0].To) != 1 {
		t.Errorf("the server took %+v", m)
	}
}

func TestSMTP09AllRefused(t *testing.T) {
	server := plain(t, func(cmd string) string {
		switch {
		case strings.Contains(cmd, "TO:<"+bob):
			return "450 4.2.0 later"
		case strings.Contains(cmd, "TO:<"+cid):
			return "550 5.1.1 nobody"
		case cmd == "DATA":
			return "354 go"
		}
		return ""
	})
	s := mustOpen(t, server, profile.Plaintext)
	out := send(t, s, mail, bob, cid)
	out.want(t, provider.ErrBadItem, provider.StatusRetry, provider.StatusRejected)
	if out.submitting != 0 || strings.Contains(strings.Join(server.Commands(), "\n"), "DATA") {
		t.Error("the body was sent to nobody")
	}
	send(t, s, mail, ann).want(t, "", provider.StatusSent) // the connection is still good
}

func TestSMTP10Extensions(t *testing.T) {
	eight := strings.Replace(mail, "bye", "größe", 1)
	sub := provider.Submission{From: ann, Recipients: []string{"jürgen@exämple.de", bob}, Raw: item.NewBlob([]byte(mail)), EnvelopeID: "id+1", Report: true}
	t.Run("none", func(t *testing.T) {
		server := newServer(t, smtptest.Options{TLS: profile.Plaintext, Extensions: []string{}})
		s := mustOpen(t, server, profile.Plaintext)
		sendWith(t, s, sub).want(t, provider.ErrBadItem, provider.StatusRejected, provider.StatusSent)
		send(t, s, eight, bob).want(t, provider.ErrBadItem, provider.StatusRejected)
		out := sendWith(t, s, provider.Submission{From: "jürgen@example.de", Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail))})
		out.want(t, provider.ErrBadItem, provider.StatusRejected)
		if m := server.Messages(); len(m) != 1 || strings.Join(m[0].Params, "") != "" {
			t.Errorf("the server took %+v", m)
		}
	})
	t.Run("all, in small letters", func(t *testing.T) {
		server := newServer(t, smtptest.Options{TLS: profile.Plaintext, Extensions: []string{"size 100000", "8bitmime", "smtpUTF8", "dsn"}})
		s := mustOpen(t, server, profile.Plaintext)
		sendWith(t, s, sub).want(t, "", provider.StatusSent, provider.StatusSent)
		send(t, s, eight, bob).want(t, "", provider.StatusSent)
		got := strings.Join(server.Messages()[0].Params, "|")
		if want := "BODY=8BITMIME SIZE=" + strconv.Itoa(len(mail)) + " SMTPUTF8 RET=HDRS ENVID=id+2B1|NOTIFY=SUCCESS,FAILURE,DELAY|NOTIFY=SUCCESS,FAILURE,DELAY"; got != want {
			t.Errorf("parameters = %s, want %s", got, want)
		}
	})
	t.Run("SIZE too small", func(t *testing.T) {
		server := newServer(t, smtptest.Options{TLS: profile.Plaintext, Extensions: []string{"SIZE 10"}})
		s := mustOpen(t, server, profile.Plaintext)
		send(t, s, mail, bob).want(t, provider.ErrTooLarge, provider.StatusRejected)
		if c := strings.Join(server.Commands(), "\n"); strings.Contains(c, "MAIL") {
			t.Errorf("the server got %q", c)
		}
	})
}

func TestSMTP11Auth(t *testing.T) {
	base := base64.StdEncoding.EncodeToString
	wire := base([]byte("\x00ann\x00" + canary))
	tests := []struct {
		name string
		fail func(string) string
		kind provider.Kind
	}{
		{"535", on("AUTH", "535 5.7.8 no"), provider.ErrAuth},
		{"534", on("AUTH", "534 5.7.9 app password needed"), provider.ErrAuth},
		{"454", on("AUTH", "454 4.7.0 temporary"), provider.ErrUnavailable},
		{"454 too many", on("AUTH", "454 4.7.0 Too many login attempts"), provider.ErrThrottled},
		{"432 Exchange Online", on("AUTH", "432 4.3.2 Concurrent connections limit exceeded"), provider.ErrThrottled},
		{"421", on("AUTH", "421 4.3.0 down"), provider.ErrUnavailable},
		{"repeats the sign-in", on("AUTH", "535 no such command: AUTH PLAIN "+wire), provider.ErrAuth},
		{"repeats the password", on("AUTH", "535 "+canary+" is wrong"), provider.ErrAuth},
		{"challenge of 1 MiB", on("AUTH", "334 "+base(make([]byte, 1<<20))), provider.ErrTooLarge},
		{"no base64", on("AUTH", "334 ???"), provider.ErrProtocol},
		{"a challenge to PLAIN", on("AUTH", "334 "), provider.ErrProtocol},
		{"endless for LOGIN", func(cmd string) string {
			if strings.HasPrefix(cmd, "EHLO") {
				return "250-x\r\n250 AUTH LOGIN"
			}
			if strings.HasPrefix(cmd, "AUTH") {
				return smtptest.Endless + "334 eA=="
			}
			return ""
		}, provider.ErrProtocol},
		{"OAuth alone", on("EHLO", "250-x\r\n250 AUTH XOAUTH2"), provider.ErrUnsupported},
		{"none", on("EHLO", "250 x"), provider.ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := openFails(t, smtptest.Options{Fail: tt.fail})
			wantKind(t, err, tt.kind)
		})
	}
}

func TestLogin(t *testing.T) {
	for _, offer := range []string{"AUTH LOGIN", "AUTH=LOGIN", "auth login"} {
		server := newServer(t, smtptest.Options{Users: users, Fail: on("EHLO", "250-x\r\n250 "+offer)})
		s := mustOpen(t, server, profile.ImplicitTLS)
		send(t, s, mail, bob).want(t, "", provider.StatusSent)
	}
}

func TestNoSignInWithoutPassword(t *testing.T) {
	server := newServer(t, smtptest.Options{Users: users})
	a := account(server.Addr, profile.ImplicitTLS)
	a.Endpoint.Credentials = profile.FromProfile
	_, err := smtp.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, Limits: patient}.Open(t.Context(), a)
	wantKind(t, err, provider.ErrAuth)
}

func TestSMTP13HostileWords(t *testing.T) {
	for _, words := range []string{strings.Repeat("x", 4000), "\x1b[31mred", "caf\xe9\x85", "<script>alert(1)</script>"} {
		server := plain(t, on("RCPT", "550 "+words))
		s := mustOpen(t, server, profile.Plaintext)
		out := send(t, s, mail, bob)
		out.want(t, provider.ErrBadItem, provider.StatusRejected)
		for _, text := range []string{out.Reply, out.Recipients[0].Text} {
			if len(text) > 256 || strings.ContainsAny(text, "\x1b\r\n\u0085") {
				t.Errorf("text = %q", text)
			}
		}
	}
}

func TestBusyServers(t *testing.T) {
	for cmd, answer := range map[string]string{"": "421 4.3.2 too busy", "EHLO": "421 4.3.2 too busy"} {
		_, err := openFails(t, smtptest.Options{TLS: profile.Plaintext, Fail: on(cmd, answer)})
		wantKind(t, err, provider.ErrUnavailable)
	}
	_, err := openFails(t, smtptest.Options{TLS: profile.Plaintext, Fail: on("", "554 5.7.1 not from you")})
	wantKind(t, err, provider.ErrUnavailable)
	_, err = openFails(t, smtptest.Options{TLS: profile.Plaintext, Fail: on("", "SSH-2.0-OpenSSH_9.9")})
	wantKind(t, err, provider.ErrProtocol)
}

// A server that hung up while we were idle, or while the caller made its note, is
// no reason for doubt.
func TestTheServerHangsUpBeforeTheTerminator(t *testing.T) {
	t.Run("idle, with 421", func(t *testing.T) {
		server := plain(t, on("NOOP", "250 ok\r\n421 4.4.2 idle for too long"))
		s := mustOpen(t, server, profile.Plaintext)
		s.(provider.Provider).Check(t.Context())
		out := send(t, s, mail, bob)
		out.want(t, provider.ErrUnavailable, provider.StatusRetry)
	})
	t.Run("during the note", func(t *testing.T) {
		server := plain(t, nil)
		s := mustOpen(t, server, profile.Plaintext)
		out := sendWith(t, s, provider.Submission{From: ann, Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail)),
			Submitting: func(context.Context) error { server.Close(); return nil }})
		out.want(t, provider.ErrUnavailable, provider.StatusRetry)
	})
}

func TestHELO(t *testing.T) {
	server := plain(t, on("EHLO", "502 5.5.1 what?"))
	s := mustOpen(t, server, profile.Plaintext)
	send(t, s, mail, bob).want(t, "", provider.StatusSent)
}
