package pop3_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
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
		o         pop3test.Options
		stages    []provider.Stage
		mechanism string
	}{
		{pop3test.Options{}, []provider.Stage{dns, tcp, shaking, greeting, capabilities, signIn}, "PLAIN"},
		{pop3test.Options{TLS: profile.StartTLS}, []provider.Stage{dns, tcp, greeting, shaking, capabilities, signIn}, "PLAIN"},
		{pop3test.Options{TLS: profile.Plaintext, Without: []string{"CAPA"}}, []provider.Stage{dns, tcp, greeting, capabilities, signIn}, "command"},
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
		if e := told.evidence[shaking]; tt.o.TLS != profile.Plaintext && (e.TLSVersion != "TLS 1.3" || fmt.Sprint(e.Chain) != "[CN=pop3test]" || e.NotAfter.IsZero()) {
			t.Errorf("of TLS: %+v", e)
		}
		if e := told.evidence[greeting]; e.Text != "ready <@>" {
			t.Errorf("of the greeting: %+v", e)
		}
		e := told.evidence[capabilities]
		if known := tt.o.Without == nil; known && (!slices.Contains(e.Capabilities, "SASL PLAIN LOGIN") || !slices.IsSorted(e.Capabilities)) || !known && e.Text == "" {
			t.Errorf("of capabilities: %+v", e)
		}
		if e := told.evidence[signIn]; e.Username != "user" || tt.mechanism == "PLAIN" && e.Mechanism != "PLAIN" || e.Mechanism == "" {
			t.Errorf("of the sign-in: %+v", e)
		}
	}
}

// One stage fails, with what Open returns, whatever a server does, and Probe fails as
// Open does up to there.
func TestOneStageFails(t *testing.T) {
	talk := func(greeting string, answers ...string) func(*peer) {
		return func(p *peer) {
			p.send("%s", greeting)
			for _, answer := range answers {
				if p.line() == "" {
					return
				}
				p.send("%s", answer)
			}
			p.rest()
		}
	}
	for _, r := range []struct {
		name string
		play func(*peer)
		at   provider.Stage
		kind provider.Kind
	}{
		{"silence", talk(""), greeting, provider.ErrUnavailable},
		{"hung up", func(*peer) {}, greeting, provider.ErrUnavailable},
		{"busy", talk("-ERR [SYS/TEMP] later\r\n"), greeting, provider.ErrUnavailable},
		{"too many", talk("-ERR too many connections\r\n"), greeting, provider.ErrThrottled},
		{"another protocol", talk("220 mail.example.com ESMTP\r\n"), greeting, provider.ErrProtocol},
		{"a greeting without end", talk("+OK " + strings.Repeat("x", 1<<20)), greeting, provider.ErrTooLarge},
		{"two greetings", talk("+OK ready\r\n+OK ready\r\n"), capabilities, provider.ErrProtocol},
		{"no way to sign in", talk("+OK ready\r\n", "+OK\r\nUIDL\r\n.\r\n"), capabilities, provider.ErrUnsupported},
		{"capabilities without end", talk("+OK ready\r\n", "+OK\r\n"+strings.Repeat("X\r\n", 300)), capabilities, provider.ErrTooLarge},
		{"half an answer", talk("+OK ready\r\n", "+OK\r\nUS"), capabilities, provider.ErrUnavailable},
		{"refused", talk("+OK ready\r\n", "-ERR what?\r\n", "+OK\r\n", "-ERR wrong\r\n"), signIn, provider.ErrAuth},
		{"a password that comes back", talk("+OK ready\r\n", "-ERR what?\r\n", "+OK\r\n", "-ERR ["+canary+"] "+canary+" is wrong\r\n"), signIn, provider.ErrAuth},
		{"a challenge to USER", talk("+OK ready\r\n", "-ERR what?\r\n", "+ \r\n"), signIn, provider.ErrProtocol},
		{"a challenge that is none", talk("+OK ready\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", "+ !!!\r\n", "-ERR given up\r\n"), signIn, provider.ErrProtocol},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			a, _ := script(t, profile.Plaintext, r.play)
			d := &pop3.Driver{Limits: patient}
			late := true
			switch r.name { // one limit is waited for
			case "silence":
				d.Limits.Greeting = time.Second
			case "half an answer":
				d.Limits.Command = time.Second
			default:
				late = false
			}
			ctx, told := follow(t.Context())
			p, err := d.Open(ctx, a)
			if err == nil {
				p.Close()
			}
			wantKind(t, "Open", err, r.kind)
			if e, ok := err.(*provider.Error); late && (!ok || e.Code != "TimedOut") {
				t.Errorf("Open = %v, want it to have waited for the limit", err)
			}
			told.want(t, err)
			if told.stages[len(told.stages)-1] != r.at {
				t.Errorf("told were %v, want the last to be %s", told.stages, r.at)
			}
			if text := fmt.Sprintf("%v %#v", err, err); strings.Contains(text, canary) {
				t.Errorf("the error shows the password: %s", text)
			}
			ctx, told = follow(t.Context())
			if err = d.Probe(ctx, a); r.at == signIn && err != nil || r.at != signIn && provider.KindOf(err) != r.kind {
				t.Errorf("Probe = %v", err)
			}
			told.want(t, err)
		})
	}
}

func TestProbeSignsNobodyIn(t *testing.T) {
	server, d, a := start(t, pop3test.Options{})
	server.SetFail(func(line string) string {
		if line != "CAPA" && line != "QUIT" {
			t.Errorf("Probe says %q", line)
		}
		return ""
	})
	a.Mailbox.Username, a.Mailbox.Address = "", ""
	if err := d.Probe(context.Background(), a); err != nil {
		t.Error(err)
	}
}
