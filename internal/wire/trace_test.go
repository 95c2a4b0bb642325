package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A tale is what a Trace was told.
type tale struct {
	begun, ended []provider.Stage
	evidence     map[provider.Stage]provider.Evidence
	failed       provider.Stage
	err          error
	failures     int
}

func follow(ctx context.Context) (context.Context, *tale) {
	told := &tale{evidence: map[provider.Stage]provider.Evidence{}}
	return provider.WithTrace(ctx, &provider.Trace{
		Begin: func(s provider.Stage) { told.begun = append(told.begun, s) },
		End: func(s provider.Stage, e provider.Evidence, err error) {
			told.ended = append(told.ended, s)
			told.evidence[s] = e
			if err != nil {
				told.failed, told.err = s, err
				told.failures++
			}
		},
	}), told
}

func (told *tale) want(t *testing.T, err error, stages ...provider.Stage) {
	t.Helper()
	if fmt.Sprint(told.ended) != fmt.Sprint(stages) {
		t.Errorf("told were %v, want %v", told.ended, stages)
	}
	if err != nil && (told.failures != 1 || told.err != err || told.failed != stages[len(stages)-1]) {
		t.Errorf("%d stages failed, the last was %s with %v; the error was %v", told.failures, told.failed, told.err, err)
	}
	if err == nil && told.failures != 0 {
		t.Errorf("%s failed with %v, but there was no error", told.failed, told.err)
	}
}

func to(addr string) Lookup {
	return func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr(addr)}, nil
	}
}

func TestStagesOfADial(t *testing.T) {
	root := newAuthority(t)
	address, _ := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{root.issue(t, nil, nil)}})
	_, port, _ := net.SplitHostPort(address)
	o := options("localhost:" + port)
	o.TLS, o.TLSConfig = profile.ImplicitTLS, &tls.Config{RootCAs: root.pool()}
	ctx, told := follow(t.Context())
	c, err := dial(ctx, o, to("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	told.want(t, nil, provider.StageDNS, provider.StageTCP, provider.StageTLS)
	if len(told.begun) != 3 {
		t.Errorf("begun were %v", told.begun)
	}
	if e := told.evidence[provider.StageDNS]; e.Host != "localhost" || fmt.Sprint(e.Addresses) != "[127.0.0.1]" {
		t.Errorf("of DNS: %+v", e)
	}
	if e := told.evidence[provider.StageTCP]; fmt.Sprint(e.Addresses) != "["+address+"]" {
		t.Errorf("of TCP: %+v", e)
	}
	e := told.evidence[provider.StageTLS]
	if e.TLSVersion != "TLS 1.3" || e.CipherSuite == "" || fmt.Sprint(e.Chain) != "[CN=localhost]" || time.Until(e.NotAfter) < 30*time.Minute {
		t.Errorf("of TLS: %+v", e)
	}

	o.Address = address // an address is not looked up
	ctx, told = follow(t.Context())
	if c, err = dial(ctx, o, nil); err != nil {
		t.Fatal(err)
	}
	c.Close()
	told.want(t, nil, provider.StageTCP, provider.StageTLS)
}

func TestTheChainOfARefusedCertificateIsTold(t *testing.T) {
	root, stranger := newAuthority(t), newAuthority(t)
	expired := time.Now().Add(-time.Minute).Truncate(time.Second).UTC()
	for name, cert := range map[string]tls.Certificate{
		"expired":    root.issue(t, nil, func(c *x509.Certificate) { c.NotAfter = expired; c.Subject.CommonName = "old" }),
		"a stranger": stranger.issue(t, nil, func(c *x509.Certificate) { c.NotAfter = expired; c.Subject.CommonName = "old" }),
		"another name": root.issue(t, nil, func(c *x509.Certificate) {
			c.DNSNames, c.NotAfter, c.Subject.CommonName = []string{"other.example"}, expired, "old"
		}),
	} {
		address, _ := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}})
		o := options(address)
		o.TLS, o.TLSConfig = profile.ImplicitTLS, &tls.Config{RootCAs: root.pool()}
		ctx, told := follow(t.Context())
		_, err := Dial(ctx, o)
		wantKind(t, err, provider.ErrUnsafe)
		told.want(t, err, provider.StageTCP, provider.StageTLS)
		if e := told.evidence[provider.StageTLS]; fmt.Sprint(e.Chain) != "[CN=old]" || !e.NotAfter.Equal(expired) || e.TLSVersion != "TLS 1.3" {
			t.Errorf("%s: of TLS: %+v", name, e)
		}
		if code := err.(*provider.Error).Code; code != "SecureConnection" {
			t.Errorf("%s: code %q", name, code)
		}
	}
}

// Whatever goes wrong, one stage fails, with the error that is returned, and has
// the code that administrators look up.
func TestOneStageFails(t *testing.T) {
	refused := "127.0.0.1:1"
	silent := listen(t, stall)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	nobody := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	slow := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "i/o timeout", Name: host, IsTimeout: true}
	}
	for _, tt := range []struct {
		name, address string
		mode          profile.TLS
		ctx           context.Context
		look          Lookup
		config        *tls.Config
		policy        *profile.Policy
		stages        string
		code          string
	}{
		{name: "an ended context", address: refused, ctx: ended, stages: "tcp"},
		{name: "no port", address: "mail.example", stages: "dns"},
		{name: "an odd name", address: "0x7f.1:25", stages: "dns"},
		{name: "no such host", address: "mail.example:25", look: nobody, stages: "dns", code: "HostNotFound"},
		{name: "no answer", address: "mail.example:25", look: slow, stages: "dns", code: "TimedOut"},
		{name: "a bad port", address: "mail.example:0", stages: "tcp"},
		{name: "nothing listens", address: refused, stages: "tcp", code: "ConnectFailure"},
		{name: "nothing listens behind a name", address: "mail.example:1", look: to("127.0.0.1"), stages: "dns tcp", code: "ConnectFailure"},
		{name: "a refused address", address: "169.254.169.254:25", stages: "tcp"},
		{name: "plaintext", address: refused, mode: profile.Plaintext, policy: new(profile.Policy), stages: "tls"},
		{name: "no verification", address: refused, config: &tls.Config{InsecureSkipVerify: true}, stages: "tls"},
		{name: "silence in the handshake", address: silent, stages: "tcp tls", code: "TimedOut"},
		{name: "no TLS", address: listen(t, func(c net.Conn) { c.Write([]byte("220 hello there\r\n")); stall(c) }), stages: "tcp tls", code: "SecureConnection"},
		{name: "hung up", address: listen(t, func(net.Conn) {}), stages: "tcp tls", code: "ConnectionClosed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options(tt.address)
			o.TLSConfig, o.Limits.TLS = tt.config, soon
			if tt.address == silent {
				o.Limits.TLS = 300 * time.Millisecond
			}
			o.TLS = tt.mode
			if tt.policy != nil {
				o.Policy = *tt.policy
			}
			if tt.ctx == nil {
				tt.ctx = t.Context()
			}
			ctx, told := follow(tt.ctx)
			_, err := dial(ctx, o, tt.look)
			if err == nil {
				t.Fatal("it was dialled")
			}
			var stages []provider.Stage
			for _, s := range strings.Fields(tt.stages) {
				stages = append(stages, provider.Stage(s))
			}
			told.want(t, err, stages...)
			if e, ok := err.(*provider.Error); ok && e.Code != tt.code {
				t.Errorf("code = %q, want %q (%v)", e.Code, tt.code, err)
			}
		})
	}
}

func TestP6EvidenceIsDiscreet(t *testing.T) {
	const canary = "canary-Zx9!q7"
	ctx, told := follow(t.Context())
	end := provider.BeginStage(Discreet(ctx, func() []secret.Text { return []secret.Text{secret.New(canary)} }), provider.StageSignIn)
	end(provider.Evidence{
		Text: "you said AUTH PLAIN AGFubgBjYW5hcnktWng5IXE3", Username: strings.ToUpper(canary),
		Capabilities: []string{"IDLE", "X-" + canary}, Chain: []string{"CN=" + canary, "CN=mail"},
	}, nil)
	all := fmt.Sprintf("%+v", told.evidence)
	if strings.Contains(strings.ToLower(all), strings.ToLower(canary)) || strings.Contains(all, "jYW5h") {
		t.Errorf("the evidence shows the password: %s", all)
	}
	if !strings.Contains(all, "IDLE") || !strings.Contains(all, "CN=mail") {
		t.Errorf("too much is hidden: %s", all)
	}
}

func TestOfferedIsBounded(t *testing.T) {
	ctx, _ := follow(t.Context())
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf("X%03d\x1b[31m%s", 999-i, strings.Repeat("x", 1000)))
	}
	got := Offered(ctx, many).Capabilities
	if len(got) != maxCapabilities || !strings.HasPrefix(got[0], `X000\x1b`) || len(got[0]) > maxQuote {
		t.Errorf("%d capabilities, the first %q", len(got), got[0])
	}
}

// Without a Trace the stages cost nothing.
func TestNoTraceAllocatesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &Conn{}
	addrs := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	secrets := func() []secret.Text { return []secret.Text{secret.New("canary")} }
	if n := testing.AllocsPerRun(100, func() {
		ctx := Discreet(ctx, secrets)
		end := provider.BeginStage(ctx, provider.StageDNS)
		end(found(ctx, "mail.example", addrs), nil)
		end = provider.BeginStage(ctx, provider.StageTLS)
		end(c.Protection(ctx, nil), nil)
		end(Offered(ctx, nil), nil)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// A tardy context has a deadline that is past and takes a while to end.
type tardy struct {
	context.Context
	deadline time.Time
}

func (c tardy) Deadline() (time.Time, bool) { return c.deadline, true }

// P3: what failed at the context's deadline failed with the context, even where the context
// says so an instant later.
func TestP3ADeadlineIsTheContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("why")
		inner, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, why)
		defer cancel()
		if err := (DialOptions{}).explain(tardy{inner, time.Now()}, os.ErrDeadlineExceeded); err != why {
			t.Errorf("explain = %v, want the context's cause", err)
		}
		wantKind(t, DialOptions{}.explain(tardy{t.Context(), time.Now()}, os.ErrDeadlineExceeded), provider.ErrUnavailable) // it never ends
		if err := (DialOptions{}).explain(tardy{t.Context(), time.Now()}, nil); err != nil {
			t.Errorf("explain = %v of no error", err)
		}
		later, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		wantKind(t, DialOptions{}.explain(later, os.ErrDeadlineExceeded), provider.ErrUnavailable)
	})
}
