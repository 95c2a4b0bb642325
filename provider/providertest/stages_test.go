package providertest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-serversync/serversync/provider"
)

// The fake fails at the stage that a test names, or that fits the error, in Open
// and in Probe.
func TestFakeFailsAtAStage(t *testing.T) {
	of := func(kind provider.Kind) error { return &provider.Error{Op: "fake: open", Kind: kind} }
	for _, tt := range []struct {
		o           Outcome
		open, probe string
	}{
		{Outcome{}, "dns tcp tls greeting capabilities sign-in", "dns tcp tls greeting capabilities"},
		{Outcome{Err: of(provider.ErrAuth)}, "dns tcp tls greeting capabilities sign-in!", "dns tcp tls greeting capabilities!"},
		{Outcome{Err: of(provider.ErrUnsafe)}, "dns tcp tls!", "dns tcp tls!"},
		{Outcome{Err: of(provider.ErrUnsupported)}, "dns tcp tls greeting capabilities!", "dns tcp tls greeting capabilities!"},
		{Outcome{Err: of(provider.ErrUnavailable)}, "dns tcp!", "dns tcp!"},
		{Outcome{Cut: true}, "dns tcp!", "dns tcp!"},
		{Outcome{Err: errors.New("bare"), Stage: provider.StageDNS}, "dns!", "dns!"},
	} {
		s := NewServer(IMAPLike)
		var ops []Op
		s.Fault = func(c Call) Outcome { ops = append(ops, c.Op); return tt.o }
		told := ""
		var last error
		ctx := provider.WithTrace(context.Background(), &provider.Trace{End: func(stage provider.Stage, _ provider.Evidence, err error) {
			if told != "" {
				told += " "
			}
			if told, last = told+string(stage), err; err != nil {
				told += "!"
			}
		}})
		_, err := s.Open(ctx, ann)
		if told != tt.open || err != last || s.Fault == nil {
			t.Errorf("%+v: Open told %q with %v and returned %v, want %q", tt.o, told, last, err, tt.open)
		}
		told = ""
		if err = s.Probe(ctx, ann); told != tt.probe || err != last {
			t.Errorf("%+v: Probe told %q with %v and returned %v, want %q", tt.o, told, last, err, tt.probe)
		}
		if fmt.Sprint(ops) != "[open probe]" {
			t.Errorf("the hook saw %v", ops)
		}
	}
}

// The server is found before anything else, and a token is had before anything is looked up.
func TestTheTokenComesFirst(t *testing.T) {
	for stage, order := range map[provider.Stage]int{
		provider.StageAutodiscover: 0, provider.StageCertificate: 1, provider.StageToken: 2, provider.StagePermission: 3, provider.StageDNS: 4, provider.StageTCP: 5,
		provider.StageTLS: 6, provider.StageGreeting: 6, provider.StageCapabilities: 7, provider.StageSignIn: 8, "coffee": -1,
	} {
		if got := rank(stage); got != order {
			t.Errorf("rank(%s) = %d, want %d", stage, got, order)
		}
	}
}
