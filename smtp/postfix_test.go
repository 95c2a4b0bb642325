package smtp_test

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
)

const anna, bela = "anna@example.test", "bela@example.test"

// postfix starts a Postfix that delivers to a Dovecot.
func postfix(t testing.TB, o testserver.PostfixOptions) (*testserver.Postfix, *testserver.Dovecot) {
	t.Helper()
	o.Dovecot = servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"anna": canary, "bela": "other"}})
	return servertest.Postfix(t, o), o.Dovecot
}

func openPostfix(t testing.TB, d *testserver.Dovecot, addr string, mode profile.TLS, password string) (provider.Provider, error) {
	t.Helper()
	a := account(addr, mode)
	a.Endpoint.Credentials = profile.FromMailbox
	a.Mailbox.Username, a.Mailbox.Password = anna, secret.New(password)
	p, err := smtp.Driver{TLSConfig: &tls.Config{RootCAs: d.CA.CertPool()}}.Open(t.Context(), a)
	noSecret(t, err)
	if err == nil {
		t.Cleanup(func() { p.Close() })
	}
	return p, err
}

func TestPostfix(t *testing.T) {
	full := "full@example.test"
	server, dovecot := postfix(t, testserver.PostfixOptions{Answers: map[string]string{full: "450 4.2.2 Mailbox full"}})
	for _, tt := range []struct {
		mode profile.TLS
		addr string
	}{{profile.StartTLS, server.SubmissionAddr}, {profile.ImplicitTLS, server.SMTPSAddr}} {
		_, err := openPostfix(t, dovecot, tt.addr, tt.mode, "wrong")
		wantKind(t, err, provider.ErrAuth)
		p, err := openPostfix(t, dovecot, tt.addr, tt.mode, canary)
		if err != nil {
			t.Fatal(err)
		}
		s := p.(provider.Sender)
		// A smuggled second message, bare line ends, dots, and 8-bit text.
		raw := "From: " + anna + "\r\nTo: " + bela + "\r\nMessage-ID: <" + string(tt.mode) + "1@example.test>\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nSubject: größe\r\n\r\n.\r\n..\r\na\n.\r\nMAIL FROM:<" + anna + ">\r\nRCPT TO:<" + bela + ">\r\nDATA\r\nno\r.\rend"
		out := sendWith(t, s, provider.Submission{From: anna, Recipients: []string{bela, full, "nobody@example.test"}, Raw: item.NewBlob([]byte(raw))})
		out.want(t, provider.ErrBadItem, provider.StatusSent, provider.StatusRetry, provider.StatusRejected)
		if err := p.Check(t.Context()); err != nil {
			t.Error(err)
		}
		sendWith(t, s, provider.Submission{From: anna, Recipients: []string{"x@elsewhere.example"}, Raw: item.NewBlob([]byte(mail)), Report: true, EnvelopeID: "id 1"}).want(t, "", provider.StatusSent)
		large := strings.Repeat(mail, 120_000)
		sendWith(t, s, provider.Submission{From: anna, Recipients: []string{bela}, Raw: item.NewBlob([]byte(large))}).want(t, provider.ErrTooLarge, provider.StatusRejected)
		want := strings.NewReplacer("\r\n", "\n", "no\r.\rend", "no . end\n").Replace(raw)
		arrives(t, dovecot, "Message-ID", string(tt.mode)+"1@example.test", want)
	}
}

// arrives waits until bela's mailbox has the message and compares it.
func arrives(t *testing.T, d *testserver.Dovecot, header, id, want string) {
	t.Helper()
	var got string
	for until := time.Now().Add(soon); time.Now().Before(until); {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		var err error
		got, err = d.Doveadm(ctx, "fetch", "-u", bela, "text", "mailbox", "INBOX", "header", header, "<"+id+">")
		cancel()
		if err == nil && strings.Contains(got, id) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	got = strings.ReplaceAll(got, "\r\n", "\n")
	if !strings.Contains(got, want) || strings.Count(got, "Received:") > 3 {
		t.Errorf("bela has\n%q\nwant in it\n%q", got, want)
	}
}

// BenchmarkPostfix sends messages of 30 KB over one connection with TLS, which
// Postfix writes to disk.
func BenchmarkPostfix(b *testing.B) {
	server, dovecot := postfix(b, testserver.PostfixOptions{})
	p, err := openPostfix(b, dovecot, server.SMTPSAddr, profile.ImplicitTLS, canary)
	if err != nil {
		b.Fatal(err)
	}
	message := mail + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 30<<10/78)
	sub := provider.Submission{From: anna, Recipients: []string{"x@elsewhere.example"}, Raw: item.NewBlob([]byte(message))}
	for b.Loop() {
		if out := sendWith(b, p.(provider.Sender), sub); out.err != nil {
			b.Fatal(out.err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
}
