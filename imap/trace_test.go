package imap_test

import (
	"context"
	"crypto/fips140"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
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
	if all := fmt.Sprintf("%+v", told.evidence); strings.Contains(strings.ToLower(all), strings.ToLower(canary)) {
		t.Errorf("the evidence shows the password: %s", all)
	}
}

const (
	dns, tcp, shaking, greeting, capabilities, signIn = provider.StageDNS, provider.StageTCP, provider.StageTLS, provider.StageGreeting, provider.StageCapabilities, provider.StageSignIn
)

func TestOpenTellsItsStages(t *testing.T) {
	for _, tt := range []struct {
		o      imaptest.Options
		stages []provider.Stage
	}{
		{imaptest.Options{}, []provider.Stage{dns, tcp, shaking, greeting, capabilities, signIn}},
		{imaptest.Options{TLS: profile.StartTLS, Quiet: true}, []provider.Stage{dns, tcp, greeting, shaking, capabilities, signIn}},
		{imaptest.Options{TLS: profile.Plaintext}, []provider.Stage{dns, tcp, greeting, capabilities, signIn}},
	} {
		_, d, a := start(t, tt.o)
		a.Endpoint.Host = "localhost"
		ctx, told := follow(t.Context())
		p, err := d.Open(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		told.want(t, nil, tt.stages...)
		if e := told.evidence[shaking]; tt.o.TLS != profile.Plaintext && (e.TLSVersion != "TLS 1.3" || fmt.Sprint(e.Chain) != "[CN=imaptest]" || e.NotAfter.IsZero()) {
			t.Errorf("of TLS: %+v", e)
		}
		if e := told.evidence[greeting]; e.Text != "ready" {
			t.Errorf("of the greeting: %+v", e)
		}
		if e := told.evidence[capabilities]; !slices.Contains(e.Capabilities, "AUTH=PLAIN") || !slices.IsSorted(e.Capabilities) {
			t.Errorf("of capabilities: %+v", e)
		}
		if e := told.evidence[signIn]; e.Mechanism != "PLAIN" || e.Username != "user" || !slices.Contains(e.Capabilities, "QRESYNC") {
			t.Errorf("of the sign-in: %+v", e)
		}
	}
}

// One stage fails, with what Open returns, whatever a server does.
func TestOneStageFails(t *testing.T) {
	tag := func(p *peer) string { tag, _, _ := strings.Cut(p.line(), " "); return tag }
	talk := func(greeting string, answers ...string) func(*peer) {
		return func(p *peer) {
			p.send("%s", greeting)
			for _, answer := range answers {
				p.send("%s", strings.ReplaceAll(answer, "%tag", tag(p)))
			}
			io.Copy(io.Discard, p.in)
		}
	}
	for _, r := range []struct {
		name string
		how  profile.TLS
		play func(*peer)
		at   provider.Stage
		code string
	}{
		{"silence", profile.Plaintext, talk(""), greeting, "TimedOut"},
		{"hung up", profile.Plaintext, func(*peer) {}, greeting, "ConnectionClosed"},
		{"busy", profile.Plaintext, talk("* BYE [UNAVAILABLE] later\r\n"), greeting, "UNAVAILABLE"},
		{"no IMAP", profile.Plaintext, talk("220 hello\r\n"), greeting, ""},
		{"no STARTTLS", profile.StartTLS, talk("* OK hi\r\n", "%tag NO none\r\n"), shaking, ""},
		{"PREAUTH", profile.StartTLS, talk("* PREAUTH hi\r\n"), shaking, ""},
		{"no TLS", profile.StartTLS, talk("* OK hi\r\n", "%tag OK go\r\n", "what is this?"), shaking, "SecureConnection"},
		{"no capabilities", profile.Plaintext, talk("* OK hi\r\n", "%tag OK done\r\n"), capabilities, ""},
		{"capabilities refused", profile.Plaintext, talk("* OK hi\r\n", "* BYE [LIMIT] enough\r\n"), capabilities, "LIMIT"},
		{"no mechanism", profile.Plaintext, talk("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] hi\r\n"), capabilities, ""},
		{"refused", profile.Plaintext, talk("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n", "%tag NO [AUTHENTICATIONFAILED] no\r\n"), signIn, "AUTHENTICATIONFAILED"},
		{"refused with the password", profile.Plaintext, talk("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR X"+canary+"] hi "+canary+"\r\n", "%tag NO ["+canary+"] "+canary+" is wrong\r\n"), signIn, ""},
		{"silence to the password", profile.Plaintext, talk("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"), signIn, "TimedOut"},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			a, _ := script(t, r.how, r.play)
			d := &imap.Driver{Limits: patient}
			switch { // one limit is waited for
			case r.code == "TimedOut" && r.at == greeting:
				d.Limits.Greeting = time.Second
			case r.code == "TimedOut":
				d.Limits.Command = time.Second
			}
			ctx, told := follow(t.Context())
			_, err := d.Open(ctx, a)
			if err == nil {
				t.Fatal("it was opened")
			}
			told.want(t, err)
			if at := told.stages[len(told.stages)-1]; at != r.at {
				t.Errorf("%s failed with %v, want %s", at, err, r.at)
			}
			if e, ok := err.(*provider.Error); !ok || e.Code != r.code {
				t.Errorf("the code of %v is not %q", err, r.code)
			}
		})
	}
}

func TestOneStageFailsWithTheContext(t *testing.T) {
	for _, how := range []profile.TLS{profile.ImplicitTLS, profile.StartTLS, profile.Plaintext} {
		a, _ := script(t, how, func(p *peer) { io.Copy(io.Discard, p.in) })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		ctx, told := follow(ctx)
		_, err := (&imap.Driver{}).Open(ctx, a)
		cancel()
		if err != context.DeadlineExceeded {
			t.Errorf("Open = %v, want the context's error", err)
		}
		told.want(t, err)
	}
}

// A Probe signs in nowhere, says goodbye and leaves nothing.
func TestProbe(t *testing.T) {
	for _, how := range []profile.TLS{profile.ImplicitTLS, profile.StartTLS, profile.Plaintext} {
		var mu sync.Mutex
		var heard []string
		server, d, a := start(t, imaptest.Options{TLS: how})
		server.SetFail(func(line string) string {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, line)
			return ""
		})
		saidGoodbye := func() bool { // Probe does not wait until the server has read it
			mu.Lock()
			defer mu.Unlock()
			return len(heard) > 0 && strings.HasSuffix(heard[len(heard)-1], "LOGOUT")
		}
		a.Mailbox.Password, a.Mailbox.Username = provider.Account{}.Mailbox.Password, ""
		before := runtime.NumGoroutine()
		ctx, told := follow(t.Context())
		if err := d.Probe(ctx, a); err != nil {
			t.Errorf("Probe = %v", err)
		}
		told.want(t, nil)
		if last := told.stages[len(told.stages)-1]; last != capabilities {
			t.Errorf("the last stage is %s", last)
		}
		settle(t, func() bool { return saidGoodbye() && runtime.NumGoroutine() <= before })
		server.Close()
		if all := strings.Join(heard, "\n"); strings.Contains(all, "AUTH") || !strings.HasSuffix(all, "LOGOUT") {
			t.Errorf("the server heard %q", all)
		}
	}
}

func settle(t *testing.T, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(soon); time.Now().Before(until); {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("something is left")
}

// What a server lacks is a reason of its own, found without a password.
func TestProbeTellsWhyNobodyCanSignIn(t *testing.T) {
	for caps, words := range map[string]string{
		"IMAP4rev1 LOGINDISABLED":                                "offers no sign-in",
		"IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2 AUTH=OAUTHBEARER":  "wants OAuth (XOAUTH2, OAUTHBEARER)",
		"IMAP4rev1 LOGINDISABLED AUTH=DIGEST-MD5 AUTH=" + canary: "it has DIGEST-MD5",
		"IMAP4rev1 LOGINDISABLED AUTH=CRAM-MD5":                  "",
		"IMAP4rev1 AUTH=XOAUTH2":                                 "", // LOGIN is there
		"IMAP4rev1 LOGINDISABLED AUTH=PLAIN":                     "",
	} {
		if strings.HasSuffix(caps, "CRAM-MD5") && fips140.Enabled() { // X6
			words = "not FIPS 140 approved: CRAM-MD5"
		}
		a, heard := script(t, profile.Plaintext, func(p *peer) {
			p.send("* OK [CAPABILITY %s] hi\r\n", caps)
			io.Copy(io.Discard, p.in)
		})
		ctx, told := follow(t.Context())
		err := (&imap.Driver{Limits: patient}).Probe(ctx, a)
		told.want(t, err, tcp, greeting, capabilities)
		if words == "" {
			if err != nil {
				t.Errorf("Probe with %q = %v", caps, err)
			}
			continue
		}
		wantKind(t, "Probe with "+caps, err, provider.ErrUnsupported)
		e, _ := err.(*provider.Error)
		if e == nil || !strings.Contains(e.Error()+"; "+e.Remedy, words) || strings.Contains(strings.ToLower(e.Remedy), strings.ToLower(canary)) {
			t.Errorf("Probe with %q = %+v, want %q in its words", caps, e, words)
		}
		settle(t, func() bool { return strings.HasSuffix(heard(), "LOGOUT\r\n") })
	}
}

// Nothing is dialled for a sign-in that the driver does not know, nor for a
// password that would go in clear.
func TestX4NothingIsSentThatCannotBeServed(t *testing.T) {
	server, d, a := start(t, imaptest.Options{TLS: profile.Plaintext})
	refuse := func(what string, kind provider.Kind, a provider.Account) {
		t.Helper()
		ctx, told := follow(t.Context())
		_, err := d.Open(ctx, a)
		wantKind(t, what, err, kind)
		told.want(t, err, signIn)
		if e, ok := err.(*provider.Error); !ok || e.Remedy == "" {
			t.Errorf("%s has no remedy", what)
		}
	}
	for _, c := range []profile.Credentials{profile.ServerToServer, profile.OAuth, profile.ClientCertificate} {
		bad := a
		bad.Endpoint.Credentials = c
		refuse(string(c)+" without TLS", provider.ErrUnsafe, bad)
	}
	for _, c := range []profile.Credentials{profile.IntegratedWindows, profile.Anonymous, "magic"} {
		bad := a
		bad.Endpoint.Credentials = c
		refuse(string(c), provider.ErrUnsupported, bad)
	}
	for _, c := range []profile.Authentication{profile.Negotiate, profile.NTLM, "magic"} {
		bad := a
		bad.Endpoint.Authentication = c
		refuse(string(c), provider.ErrUnsupported, bad)
	}
	bare := a
	bare.Policy.AllowBasicWithoutTLS = false
	refuse("a password without TLS", provider.ErrUnsafe, bare)
	if n := server.Counts().Connections; n != 0 {
		t.Errorf("there were %d connections", n)
	}
	for _, c := range []profile.Authentication{profile.AutoDetect, profile.Basic} {
		a.Endpoint.Authentication = c
		open(t, d, a)
	}
}

// A certificate that is refused is shown all the same.
func TestTLS02And03TheRefusedCertificateIsTold(t *testing.T) {
	for _, o := range []imaptest.Options{
		{Expired: true}, {Name: "mail.example.org"},
		{Expired: true, TLS: profile.StartTLS}, {Name: "mail.example.org", TLS: profile.StartTLS},
	} {
		_, d, a := start(t, o)
		ctx, told := follow(t.Context())
		_, err := d.Open(ctx, a)
		wantKind(t, "Open", err, provider.ErrUnsafe)
		told.want(t, err)
		e := told.evidence[shaking]
		if fmt.Sprint(e.Chain) != "[CN=imaptest]" || e.NotAfter.Before(time.Now()) != o.Expired {
			t.Errorf("%+v: of TLS: %+v", o, e)
		}
	}
}
