package provider_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-serversync/serversync/provider"
)

func TestTrace(t *testing.T) {
	var told []string
	note := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	ctx := provider.WithTrace(context.Background(), &provider.Trace{
		Begin: func(s provider.Stage) { note("begin %s", s) },
		End:   func(s provider.Stage, e provider.Evidence, err error) { note("end %s %s %v", s, e.Text, err) },
	})
	refused := errors.New("refused")
	provider.BeginStage(ctx, provider.StageDNS)(provider.Evidence{Text: "found"}, nil)
	if err := provider.FailStage(ctx, provider.StageTCP, refused); err != refused {
		t.Errorf("FailStage = %v", err)
	}
	upper := provider.FilterTrace(ctx, func(e provider.Evidence) provider.Evidence { e.Text = "edited"; return e })
	provider.BeginStage(upper, provider.StageTLS)(provider.Evidence{Text: "x"}, nil)
	want := "[begin dns end dns found <nil> end tcp  refused begin tls end tls edited <nil>]"
	if got := fmt.Sprint(told); got != want || !provider.Traced(ctx) || !provider.Traced(upper) {
		t.Errorf("told was %s, want %s", got, want)
	}
}

func TestTraceMayBeLeftOut(t *testing.T) {
	for _, ctx := range []context.Context{
		context.Background(),
		provider.WithTrace(context.Background(), nil),
		provider.WithTrace(context.Background(), &provider.Trace{}),
		provider.FilterTrace(context.Background(), nil),
	} {
		provider.BeginStage(ctx, provider.StageDNS)(provider.Evidence{}, nil)
		if err := provider.FailStage(ctx, provider.StageTCP, nil); err != nil {
			t.Error(err)
		}
	}
	if provider.Traced(context.Background()) {
		t.Error("a context without a Trace is traced")
	}
}
