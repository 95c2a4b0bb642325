package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// TestMain fails the run if a test leaves a goroutine.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(code) // fuzzing has goroutines of its own
	}
	for until := time.Now().Add(soon); time.Now().Before(until); {
		if runtime.NumGoroutine() <= before {
			os.Exit(code)
		}
		time.Sleep(50 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	os.Stderr.Write(buf[:runtime.Stack(buf, true)])
	os.Stderr.WriteString("\ngoroutines are left\n")
	os.Exit(1)
}

// soon is how long what happens at once may take on a busy machine.
const soon = time.Minute

const (
	ann, bob, cid = "ann@example.com", "bob@example.net", "cid@example.org"
	canary        = "c4nary-passw0rd"
	mail          = "From: ann@example.com\r\nTo: bob@example.net\r\nMessage-ID: <1@example.com>\r\nSubject: hello\r\n\r\n.hidden dot\r\nbye\r\n"
)

func newServer(t testing.TB, o smtptest.Options) *smtptest.Server {
	s := smtptest.NewServer(o)
	t.Cleanup(s.Close)
	return s
}

// plain is a server without TLS and sign-in, for what has nothing to do with them.
func plain(t testing.TB, fail func(string) string) *smtptest.Server {
	return newServer(t, smtptest.Options{TLS: profile.Plaintext, Fail: fail})
}

// on returns a fault for the commands that begin with cmd.
func on(cmd, fault string) func(string) string {
	return func(line string) string {
		if line == cmd || len(cmd) > 1 && strings.HasPrefix(line, cmd) {
			return fault
		}
		return ""
	}
}

func account(addr string, mode profile.TLS) provider.Account {
	host, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	a := provider.Account{
		Mailbox:  mailbox.Mailbox{Address: ann, Username: "ann", Password: secret.New(canary)},
		Endpoint: profile.Endpoint{Host: host, Port: n, TLS: mode},
		Policy:   profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	}
	if mode == profile.Plaintext {
		a.Endpoint.Credentials = profile.Anonymous
	}
	return a
}

var users = map[string]string{"ann": canary}

func open(t testing.TB, s *smtptest.Server, mode profile.TLS) (provider.Provider, error) {
	d := smtp.Driver{TLSConfig: &tls.Config{RootCAs: s.CertPool()}, Limits: patient}
	p, err := d.Open(t.Context(), account(s.Addr, mode))
	if err == nil {
		t.Cleanup(func() { p.Close() })
	}
	noSecret(t, err)
	return p, err
}

func mustOpen(t testing.TB, s *smtptest.Server, mode profile.TLS) provider.Sender {
	t.Helper()
	p, err := open(t, s, mode)
	if err != nil {
		t.Fatal(err)
	}
	sender, ok := provider.As[provider.Sender](p)
	if !ok {
		t.Fatal("the provider is no Sender")
	}
	return sender
}

func noSecret(t testing.TB, err error) {
	t.Helper()
	if err != nil && (strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "YzRuYXJ5") || strings.ContainsAny(err.Error(), "\r\n\x1b")) {
		t.Errorf("an error holds a secret or control characters: %q", err)
	}
}

// A sending is what came out of one Send.
type sending struct {
	provider.Result
	err        error
	submitting int // calls of Submitting
}

func send(t testing.TB, s provider.Sender, raw string, to ...string) sending {
	return sendWith(t, s, provider.Submission{From: ann, Recipients: to, Raw: item.NewBlob([]byte(raw))})
}

func sendWith(t testing.TB, s provider.Sender, sub provider.Submission) (out sending) {
	t.Helper()
	then := sub.Submitting
	sub.Submitting = func(ctx context.Context) error {
		out.submitting++
		if then != nil {
			return then(ctx)
		}
		return nil
	}
	out.Result, out.err = s.Send(t.Context(), sub)
	noSecret(t, out.err)
	if len(out.Recipients) != len(sub.Recipients) {
		t.Fatalf("%d recipients in the result of %d", len(out.Recipients), len(sub.Recipients))
	}
	all := true
	for i, r := range out.Recipients {
		if r.Address != sub.Recipients[i] || r.Status == "" || len(r.Text) > 256 {
			t.Errorf("recipient %d is %+v", i, r)
		}
		all = all && r.Status == provider.StatusSent
	}
	if all != (out.err == nil) && len(sub.Recipients) > 0 {
		t.Errorf("every one sent: %t, but the error is %v", all, out.err)
	}
	return out
}

// want fails the test unless every recipient has its status and the error its kind.
func (s sending) want(t testing.TB, kind provider.Kind, statuses ...provider.Status) {
	t.Helper()
	for i, status := range statuses {
		if s.Recipients[i].Status != status {
			t.Errorf("%s is %s (%d %s), want %s", s.Recipients[i].Address, s.Recipients[i].Status, s.Recipients[i].Code, s.Recipients[i].Text, status)
		}
	}
	if got := provider.KindOf(s.err); got != kind {
		t.Errorf("error = %v, want the kind %q", s.err, kind)
	}
}

func wantKind(t testing.TB, err error, kind provider.Kind) {
	t.Helper()
	if provider.KindOf(err) != kind {
		t.Fatalf("error = %v, want the kind %q", err, kind)
	}
}

func TestSend(t *testing.T) {
	for _, mode := range []profile.TLS{profile.ImplicitTLS, profile.StartTLS, profile.Plaintext} {
		t.Run("tls "+string(mode), func(t *testing.T) {
			o := smtptest.Options{TLS: mode, Users: users}
			if mode == profile.Plaintext {
				o.Users = nil
			}
			server := newServer(t, o)
			s := mustOpen(t, server, mode)
			for range 3 {
				out := send(t, s, mail, bob, cid)
				out.want(t, "", provider.StatusSent, provider.StatusSent)
				if out.submitting != 1 || out.Reply != "250 2.0.0 taken" || out.Recipients[0].Code != 250 {
					t.Errorf("submitting called %d times, reply %q", out.submitting, out.Reply)
				}
			}
			if err := s.(provider.Provider).Check(t.Context()); err != nil {
				t.Error(err)
			}
			got := server.Messages()
			if len(got) != 3 || server.Connections() != 1 {
				t.Fatalf("%d messages over %d connections", len(got), server.Connections())
			}
			if m := got[2]; string(m.Data) != mail || m.From != ann || strings.Join(m.To, " ") != bob+" "+cid || m.User != map[bool]string{true: "ann"}[o.Users != nil] {
				t.Errorf("the server took %+v", m)
			}
		})
	}
}

func TestP4CloseTwice(t *testing.T) {
	server := plain(t, nil)
	p, err := open(t, server, profile.Plaintext)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	untilQuit(t, server)
	send(t, p.(provider.Sender), mail, bob).want(t, provider.ErrUnavailable, provider.StatusRetry)
	wantKind(t, p.Check(t.Context()), provider.ErrUnavailable)
}

func TestP4CloseDoesNotWaitForASilentServer(t *testing.T) {
	p, err := open(t, plain(t, on("QUIT", smtptest.Hang)), profile.Plaintext)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	p.Close()
	if took := time.Since(start); took > soon/2 {
		t.Errorf("Close took %v", took)
	}
}

func TestPolicyAndPlaintextAreHeldTo(t *testing.T) {
	server := plain(t, nil)
	a := account(server.Addr, profile.Plaintext)
	a.Policy = profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true}
	_, err := smtp.Driver{Limits: patient}.Open(t.Context(), a)
	wantKind(t, err, provider.ErrUnsafe)
	a.Policy = profile.Policy{AllowPrivate: true, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	_, err = smtp.Driver{Limits: patient}.Open(t.Context(), a)
	wantKind(t, err, provider.ErrUnsafe)
	if server.Connections() != 0 {
		t.Error("the server was dialled all the same")
	}
}

func TestTraits(t *testing.T) {
	server := newServer(t, smtptest.Options{Users: users})
	p, err := open(t, server, profile.ImplicitTLS)
	if err != nil {
		t.Fatal(err)
	}
	if p.Traits() != (provider.Traits{}) {
		t.Errorf("Traits() = %+v for a server that nothing is known of", p.Traits())
	}
}

// P3: every call ends within a second of its context, wherever it is.
func TestP3ContextEnds(t *testing.T) {
	why := errors.New("why")
	for _, cmd := range []string{"", "EHLO", "NOOP", "MAIL", "RCPT", "DATA", ".", "RSET"} {
		t.Run("at "+strconv.Quote(cmd), func(t *testing.T) {
			hung := make(chan struct{}, 10)
			server := plain(t, func(line string) string {
				if line == cmd || len(cmd) > 1 && strings.HasPrefix(line, cmd) {
					hung <- struct{}{}
					return smtptest.Hang
				}
				if cmd == "RSET" && strings.HasPrefix(line, "RCPT") {
					return "550 no"
				}
				return ""
			})
			ctx, cancel := context.WithCancelCause(t.Context())
			var began time.Time
			done := make(chan struct{})
			go func() {
				<-hung
				began = time.Now()
				cancel(why)
				close(done)
			}()
			d := smtp.Driver{Limits: patient}
			p, err := d.Open(ctx, account(server.Addr, profile.Plaintext))
			var result provider.Result
			if err == nil {
				defer p.Close()
				if cmd == "NOOP" {
					err = p.Check(ctx)
				} else {
					result, err = p.(provider.Sender).Send(ctx, provider.Submission{From: ann, Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail))})
				}
			}
			<-done
			if took := time.Since(began); took > soon {
				t.Errorf("it took %v", took)
			}
			if err != why && cmd != "RSET" {
				t.Errorf("error = %v, want the context's cause", err)
			}
			if len(result.Recipients) == 1 {
				want := provider.StatusRetry
				switch cmd {
				case ".":
					want = provider.StatusUncertain
				case "RSET":
					want = provider.StatusRejected
				}
				if got := result.Recipients[0].Status; got != want {
					t.Errorf("status = %s, want %s", got, want)
				}
			}
		})
	}
}

func TestAnEndedContextDoesNothing(t *testing.T) {
	server := plain(t, nil)
	s := mustOpen(t, server, profile.Plaintext)
	before := len(server.Commands())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := s.Send(ctx, provider.Submission{From: ann, Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail))})
	if err != context.Canceled || result.Recipients[0].Status != provider.StatusRetry || len(server.Commands()) != before {
		t.Errorf("Send = %+v, %v", result, err)
	}
	send(t, s, mail, bob).want(t, "", provider.StatusSent)
}

func TestSubmittingRefuses(t *testing.T) {
	server := plain(t, nil)
	s := mustOpen(t, server, profile.Plaintext)
	broke := errors.New("the journal is full")
	out := sendWith(t, s, provider.Submission{From: ann, Recipients: []string{bob}, Raw: item.NewBlob([]byte(mail)),
		Submitting: func(context.Context) error { return broke }})
	if out.err != broke || out.Recipients[0].Status != provider.StatusRetry {
		t.Errorf("Send = %+v, %v, want Submitting's error", out.Result, out.err)
	}
	server.Close()
	if len(server.Messages()) != 0 {
		t.Error("the message was taken")
	}
}
