package smtp_test

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// A tale is what a Trace was told.
type tale struct {
	stages   []provider.Stage
	evidence map[provider.Stage]provider.Evidence
	errs     []error
	last     error // of the last stage
}

func follow(ctx context.Context) (context.Context, *tale) {
	told := &tale{evidence: map[provider.Stage]provider.Evidence{}}
	return provider.WithTrace(ctx, &provider.Trace{End: func(s provider.Stage, e provider.Evidence, err error) {
		told.stages, told.last = append(told.stages, s), err
		told.evidence[s] = e
		if err != nil {
			told.errs = append(told.errs, err)
		}
	}}), told
}

// want fails the test unless the stages were told, and the last alone failed, with err.
func (told *tale) want(t testing.TB, err error, stages ...provider.Stage) {
	t.Helper()
	if stages != nil && !slices.Equal(told.stages, stages) {
		t.Errorf("told were %v, want %v", told.stages, stages)
	}
	if err == nil && len(told.errs) != 0 || err != nil && (len(told.errs) != 1 || told.last != err) {
		t.Errorf("the stages failed with %v, the error was %v", told.errs, err)
	}
	if all := fmt.Sprintf("%+v", told.evidence); strings.Contains(strings.ToLower(all), canary) {
		t.Errorf("the evidence shows the password: %s", all)
	}
}

const (
	dns, tcp, shaking, greeting, capabilities, signIn = provider.StageDNS, provider.StageTCP, provider.StageTLS, provider.StageGreeting, provider.StageCapabilities, provider.StageSignIn
)

func driver(s *smtptest.Server) smtp.Driver {
	return smtp.Driver{TLSConfig: &tls.Config{RootCAs: s.CertPool()}, Limits: patient}
}

func TestOpenTellsItsStages(t *testing.T) {
	for _, tt := range []struct {
		mode   profile.TLS
		stages []provider.Stage
	}{
		{profile.ImplicitTLS, []provider.Stage{dns, tcp, shaking, greeting, capabilities, signIn}},
		{profile.StartTLS, []provider.Stage{dns, tcp, greeting, shaking, capabilities, signIn}},
		{profile.Plaintext, []provider.Stage{dns, tcp, greeting, capabilities}}, // for a relay
	} {
		server := newServer(t, smtptest.Options{TLS: tt.mode, Users: users})
		a := account(server.Addr, tt.mode)
		a.Endpoint.Host = "localhost"
		ctx, told := follow(t.Context())
		p, err := driver(server).Open(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		told.want(t, nil, tt.stages...)
		if e := told.evidence[shaking]; tt.mode != profile.Plaintext && (e.TLSVersion != "TLS 1.3" || fmt.Sprint(e.Chain) != "[CN=smtptest]" || e.NotAfter.IsZero()) {
			t.Errorf("of TLS: %+v", e)
		}
		if e := told.evidence[greeting]; e.Text != "220 smtptest ready" {
			t.Errorf("of the greeting: %+v", e)
		}
		if e := told.evidence[capabilities]; !slices.Contains(e.Capabilities, "AUTH PLAIN LOGIN") || !slices.IsSorted(e.Capabilities) {
			t.Errorf("of capabilities: %+v", e)
		}
		if e := told.evidence[signIn]; tt.mode != profile.Plaintext && (e.Mechanism != "PLAIN" || e.Username != "ann") {
			t.Errorf("of the sign-in: %+v", e)
		}
	}
}

// One stage fails, with what Open returns, whatever a server does.
func TestOneStageFails(t *testing.T) {
	for _, r := range []struct {
		name string
		mode profile.TLS
		fail func(string) string
		at   provider.Stage
		code string
	}{
		{"silence", profile.ImplicitTLS, on("", smtptest.Hang), greeting, "TimedOut"},
		{"hung up", profile.ImplicitTLS, on("", smtptest.Drop), greeting, "ConnectionClosed"},
		{"not for us", profile.StartTLS, on("", "554 5.7.1 go away"), greeting, "554 5.7.1"},
		{"no SMTP", profile.ImplicitTLS, on("", "* OK IMAP"), greeting, ""},
		{"no STARTTLS", profile.StartTLS, on("EHLO", "250 x"), shaking, ""},
		{"STARTTLS refused", profile.StartTLS, on("STARTTLS", "454 4.7.0 no"), shaking, "454 4.7.0"},
		{"plaintext behind STARTTLS", profile.StartTLS, on("STARTTLS", "220 go\r\n250 x"), shaking, "SecureConnection"},
		{"busy", profile.ImplicitTLS, on("EHLO", "421 4.3.2 busy"), capabilities, "421 4.3.2"},
		{"no mechanism", profile.ImplicitTLS, on("EHLO", "250-x\r\n250 AUTH XOAUTH2"), capabilities, ""},
		{"refused", profile.ImplicitTLS, on("AUTH", "535 5.7.8 no"), signIn, "535 5.7.8"},
		{"refused without an enhanced code", profile.ImplicitTLS, on("AUTH", "535 no"), signIn, "535"},
		{"silence to the password", profile.ImplicitTLS, on("AUTH", smtptest.Hang), signIn, "TimedOut"},
		{"shows the password", profile.ImplicitTLS, func(cmd string) string {
			switch {
			case cmd == "":
				return "220 " + canary
			case strings.HasPrefix(cmd, "EHLO"):
				return "250-" + canary + "\r\n250-X" + canary + "\r\n250 AUTH PLAIN " + canary
			case strings.HasPrefix(cmd, "AUTH"):
				return "535 5.7.8 " + canary
			}
			return ""
		}, signIn, "535 5.7.8"},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t, smtptest.Options{TLS: r.mode, Users: users, Fail: r.fail})
			d := driver(server)
			limit := soon
			switch { // one limit is waited for
			case r.code == "TimedOut" && r.at == greeting:
				d.Limits.Greeting = time.Second
			case r.code == "TimedOut":
				limit = time.Second
			}
			told, err := fails(t, d, account(server.Addr, r.mode), limit)
			if err == nil {
				t.Fatal("it was opened")
			}
			noSecret(t, err)
			told.want(t, err)
			if at := told.stages[len(told.stages)-1]; at != r.at {
				t.Errorf("%s failed with %v, want %s", at, err, r.at)
			}
			if e, ok := err.(*provider.Error); !ok || e.Code != r.code {
				t.Errorf("the code of %+v is not %q", err, r.code)
			}
		})
	}
}

// fails opens a session under a limit for commands that only the sign-in is to meet: a machine
// that is too slow for it even at EHLO gets twice as long.
func fails(t *testing.T, d smtp.Driver, a provider.Account, limit time.Duration) (*tale, error) {
	for ; ; limit *= 2 {
		ctx, told := follow(t.Context())
		d.Limits.Command = limit
		_, err := d.Open(ctx, a)
		e, ok := err.(*provider.Error)
		if early := ok && e.Code == "TimedOut" && told.stages[len(told.stages)-1] == capabilities; !early || limit >= soon {
			return told, err
		}
	}
}

func TestOneStageFailsWithTheContext(t *testing.T) {
	for _, cmd := range []string{"", "EHLO", "AUTH"} {
		server := newServer(t, smtptest.Options{Users: users, Fail: on(cmd, smtptest.Hang)})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		ctx, told := follow(ctx)
		_, err := driver(server).Open(ctx, account(server.Addr, profile.ImplicitTLS))
		cancel()
		if err != context.DeadlineExceeded {
			t.Errorf("Open = %v, want the context's error", err)
		}
		told.want(t, err)
	}
}

// A Probe signs in nowhere, says goodbye and leaves nothing.
func TestProbe(t *testing.T) {
	for _, mode := range []profile.TLS{profile.ImplicitTLS, profile.StartTLS, profile.Plaintext} {
		server := newServer(t, smtptest.Options{TLS: mode, Users: users})
		a := account(server.Addr, mode)
		a.Mailbox.Username, a.Mailbox.Password = "", secret.Text{}
		before := runtime.NumGoroutine()
		ctx, told := follow(t.Context())
		if err := driver(server).Probe(ctx, a); err != nil {
			t.Errorf("Probe = %v", err)
		}
		told.want(t, nil)
		if last := told.stages[len(told.stages)-1]; last != capabilities {
			t.Errorf("the last stage is %s", last)
		}
		for until := time.Now().Add(soon); runtime.NumGoroutine() > before && time.Now().Before(until); {
			time.Sleep(10 * time.Millisecond)
		}
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines are left of a Probe", n-before)
		}
		if all := strings.Join(untilQuit(t, server), "\n"); strings.Contains(all, "AUTH") {
			t.Errorf("the server heard %q", all)
		}
	}
}

// What a server lacks is a reason of its own, found without a password.
func TestProbeTellsWhyNobodyCanSignIn(t *testing.T) {
	for offer, words := range map[string]string{
		"SIZE 1000":                          "offers no sign-in",
		"AUTH XOAUTH2 OAUTHBEARER":           "wants OAuth (XOAUTH2, OAUTHBEARER)",
		"AUTH DIGEST-MD5 " + canary:          "it has DIGEST-MD5",
		"AUTH CRAM-MD5":                      "",
		"AUTH=LOGIN":                         "",
		"auth plain xoauth2 gssapi cram-md5": "",
	} {
		if offer == "AUTH CRAM-MD5" && fips140.Enabled() {
			words = "not FIPS 140 approved"
		}
		server := newServer(t, smtptest.Options{Fail: on("EHLO", "250-x\r\n250 "+offer)})
		ctx, told := follow(t.Context())
		err := driver(server).Probe(ctx, account(server.Addr, profile.ImplicitTLS))
		told.want(t, err, tcp, shaking, greeting, capabilities)
		untilQuit(t, server)
		if words == "" {
			if err != nil {
				t.Errorf("Probe with %q = %v", offer, err)
			}
			continue
		}
		wantKind(t, err, provider.ErrUnsupported)
		e, _ := err.(*provider.Error)
		if e == nil || !strings.Contains(e.Error()+"; "+e.Remedy, words) || strings.Contains(strings.ToLower(e.Remedy), canary) {
			t.Errorf("Probe with %q = %+v, want %q in its words", offer, e, words)
		}
		a := account(server.Addr, profile.ImplicitTLS)
		a.Endpoint.Credentials = profile.Anonymous
		if err := driver(server).Probe(t.Context(), a); err != nil {
			t.Errorf("Probe for a relay = %v", err)
		}
	}
}

// Nothing is dialled for a sign-in that the driver does not know, nor for a
// password that would go in clear.
func TestX4NothingIsSentThatCannotBeServed(t *testing.T) {
	server := newServer(t, smtptest.Options{TLS: profile.Plaintext, Users: users})
	good := account(server.Addr, profile.Plaintext)
	good.Endpoint.Credentials = profile.FromMailbox
	refuse := func(what string, kind provider.Kind, a provider.Account) {
		t.Helper()
		ctx, told := follow(t.Context())
		_, err := driver(server).Open(ctx, a)
		wantKind(t, err, kind)
		told.want(t, err, signIn)
		if e, ok := err.(*provider.Error); !ok || e.Remedy == "" {
			t.Errorf("%s has no remedy", what)
		}
	}
	for _, c := range []profile.Credentials{profile.ServerToServer, profile.OAuth, profile.ClientCertificate} {
		a := good
		a.Endpoint.Credentials = c
		refuse(string(c)+" without TLS", provider.ErrUnsafe, a)
	}
	for _, c := range []profile.Credentials{profile.IntegratedWindows, "magic"} {
		a := good
		a.Endpoint.Credentials = c
		refuse(string(c), provider.ErrUnsupported, a)
	}
	for _, c := range []profile.Authentication{profile.Negotiate, profile.NTLM, "magic"} {
		a := good
		a.Endpoint.Authentication = c
		refuse(string(c), provider.ErrUnsupported, a)
	}
	bare := good
	bare.Policy.AllowBasicWithoutTLS = false
	refuse("a password without TLS", provider.ErrUnsafe, bare)
	if n := server.Connections(); n != 0 {
		t.Errorf("there were %d connections", n)
	}
	for _, c := range []profile.Authentication{profile.AutoDetect, profile.Basic} {
		a := good
		a.Endpoint.Authentication = c
		p, err := driver(server).Open(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
}

// What is taken by one loopback server reaches a mailbox of the other.
func TestDeliver(t *testing.T) {
	box := imaptest.NewServer(imaptest.Options{Users: map[string]string{"bob": "x"}})
	t.Cleanup(box.Close)
	server := newServer(t, smtptest.Options{TLS: profile.Plaintext, Fail: on("RCPT TO:<"+cid, "550 5.1.1 nobody"),
		Deliver: func(from string, to []string, raw []byte) {
			if from == ann && slices.Equal(to, []string{bob}) {
				box.Add("bob", "INBOX", raw)
			}
		}})
	s := mustOpen(t, server, profile.Plaintext)
	send(t, s, mail, bob, cid).want(t, provider.ErrBadItem, provider.StatusSent, provider.StatusRejected)
	if got := box.Messages("bob", "INBOX"); len(got) != 1 || string(got[0].Raw) != mail {
		t.Errorf("the mailbox has %+v", got)
	}
}

// A certificate that is refused is shown all the same.
func TestTLS02And03TheRefusedCertificateIsTold(t *testing.T) {
	for words, o := range map[string]smtptest.Options{
		"expired":      {Expired: true},
		"another name": {Name: "mail.example.org"},
		"expired on":   {Expired: true, TLS: profile.StartTLS},
		"other name":   {Name: "mail.example.org", TLS: profile.StartTLS},
	} {
		server := newServer(t, o)
		ctx, told := follow(t.Context())
		_, err := driver(server).Open(ctx, account(server.Addr, o.TLS))
		wantKind(t, err, provider.ErrUnsafe)
		told.want(t, err)
		e := told.evidence[shaking]
		if fmt.Sprint(e.Chain) != "[CN=smtptest]" || e.NotAfter.Before(time.Now()) != o.Expired {
			t.Errorf("%s: of TLS: %+v", words, e)
		}
		if code := err.(*provider.Error).Code; code != "SecureConnection" {
			t.Errorf("%s: code %q", words, code)
		}
		if c := strings.Join(server.Commands(), "\n"); strings.Contains(c, "AUTH") {
			t.Errorf("the server got %q", c)
		}
	}
}
