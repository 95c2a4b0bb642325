package testserver_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

// sender is a client of net/smtp that fails its test.
type sender struct {
	t *testing.T
	*smtp.Client
}

// submit connects to a port that has STARTTLS, or TLS from the start, and signs in.
func submit(t *testing.T, d *testserver.Dovecot, addr string, implicit bool, password string) (*sender, error) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	if implicit {
		c = tls.Client(c, trust(d))
	}
	s, err := smtp.NewClient(c, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	if !implicit {
		if ok, _ := s.Extension("AUTH"); ok {
			t.Error("AUTH is offered before STARTTLS")
		}
		if err := s.StartTLS(trust(d)); err != nil {
			t.Fatal(err)
		}
	}
	if ok, mechanisms := s.Extension("AUTH"); !ok || !strings.Contains(mechanisms, "PLAIN") || !strings.Contains(mechanisms, "LOGIN") {
		t.Errorf("AUTH offers %q", mechanisms)
	}
	return &sender{t, s}, s.Auth(smtp.PlainAuth("", "anna@example.test", password, "localhost"))
}

func (s *sender) send(to string, raw []byte) error {
	if err := s.Mail("anna@example.test"); err != nil {
		return err
	}
	if err := s.Rcpt(to); err != nil {
		return errors.Join(err, s.Reset())
	}
	w, err := s.Data()
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return errors.Join(err, w.Close())
}

// arrived waits until a mailbox holds n messages and returns the last.
func arrived(t *testing.T, d *testserver.Dovecot, n int) []byte {
	t.Helper()
	c := dial(t, d.IMAPSAddr, trust(d))
	c.line()
	c.ok("LOGIN bob b")
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if strings.Contains(c.ok("STATUS INBOX (MESSAGES)")[0], fmt.Sprintf("MESSAGES %d)", n)) {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("message %d has not arrived", n)
		}
	}
	c.ok("SELECT INBOX")
	return fetch(c, n)
}

// code returns the number of an SMTP server's refusal, 0 if there was none.
func code(err error) int {
	var refusal *textproto.Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return 0
}

func TestPostfixDelivers(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	p := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d})
	for i, addr := range []string{p.SubmissionAddr, p.SMTPSAddr} {
		s, err := submit(t, d, addr, addr == p.SMTPSAddr, users["anna"])
		if err != nil {
			t.Fatal(err)
		}
		raw := mailgen.Message(1, i, 20_000)
		if err := s.send("bob@example.test", raw); err != nil {
			t.Fatal(err)
		}
		if err := s.send("someone@elsewhere.example", raw); err != nil {
			t.Errorf("mail for elsewhere: %v", err)
		}
		if err := s.Quit(); err != nil {
			t.Error(err)
		}
		// Postfix puts trace fields before it, and Return-Path, if it has one, away.
		_, sent, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
		if _, got, _ := bytes.Cut(arrived(t, d, i+1), []byte("\r\n\r\n")); !bytes.Equal(got, sent) {
			t.Errorf("%d bytes of body arrived, want %d", len(got), len(sent))
		}
	}
}

func TestPostfixRefuses(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	p := servertest.Postfix(t, testserver.PostfixOptions{
		Dovecot: d, MessageSizeLimit: 100_000,
		Answers: map[string]string{"Full@example.test": "450 4.2.2 Mailbox full"},
	})
	if _, err := submit(t, d, p.SubmissionAddr, false, "wrong"); code(err) != 535 {
		t.Errorf("a wrong password got %v", err)
	}
	s, err := submit(t, d, p.SubmissionAddr, false, users["anna"])
	if err != nil {
		t.Fatal(err)
	}
	if ok, size := s.Extension("SIZE"); !ok || size != "100000" {
		t.Errorf("SIZE is %q", size)
	}
	raw := mailgen.Message(1, 1, 3000)
	for to, want := range map[string]int{"bob@example.test": 0, "none@example.test": 550, "full@example.test": 450} {
		if err := s.send(to, raw); code(err) != want || err != nil && want == 0 {
			t.Errorf("%s: %v, want %d", to, err, want)
		}
	}
	if err := s.send("bob@example.test", mailgen.Message(1, 1, 200_000)); code(err) != 552 {
		t.Errorf("a message that is too long: %v", err)
	}
}

func TestPostfixPlain(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	p := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d})
	c, err := smtp.Dial(p.PlainAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := &sender{t, c}
	if tls, _ := s.Extension("STARTTLS"); tls {
		t.Error("the plain port offers STARTTLS")
	}
	if auth, _ := s.Extension("AUTH"); !auth {
		t.Error("the plain port does not offer AUTH")
	}
	if err := s.send("someone@elsewhere.example", nil); code(err) != 554 {
		t.Errorf("relaying got %v", err)
	}
	if err := s.send("bob@example.test", mailgen.Tiny(1, 1)); err != nil {
		t.Error(err)
	}
	arrived(t, d, 1)
	// The submission port takes nothing before STARTTLS.
	if c, err = smtp.Dial(p.SubmissionAddr); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Mail("anna@example.test"); code(err) != 530 {
		t.Errorf("mail before STARTTLS got %v", err)
	}
}

func TestPostfixKillRestartClose(t *testing.T) {
	servertest.Need(t)
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	p, err := testserver.StartPostfix(t.Context(), testserver.PostfixOptions{Dovecot: d})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i := range 3 {
		s, err := submit(t, d, p.SubmissionAddr, false, users["anna"])
		if err != nil {
			t.Fatal(err)
		}
		if err := s.send("bob@example.test", mailgen.Tiny(1, i)); err != nil {
			t.Fatal(err)
		}
		arrived(t, d, i+1)
		if err := p.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		pids := p.PIDs()
		if len(pids) < 3 {
			t.Errorf("only processes %d run", pids)
		}
		switch i {
		case 0:
			p.Kill()
			gone(t, pids)
			fallthrough
		case 1:
			if err := p.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		default:
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
		}
		gone(t, pids)
	}
	if _, err := os.Stat(p.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestPostfixNeedsDovecot(t *testing.T) {
	servertest.Need(t)
	if _, err := testserver.StartPostfix(t.Context(), testserver.PostfixOptions{}); err == nil {
		t.Error("a Postfix without a Dovecot was started")
	}
}
