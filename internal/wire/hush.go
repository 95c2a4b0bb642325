package wire

import (
	"context"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// Discreet returns a context whose Trace, if it has one, gets no evidence that
// shows the password. A server that was told it may put it into any words of any
// later connection.
func Discreet(ctx context.Context, password secret.Text) context.Context {
	if !provider.Traced(ctx) {
		return ctx
	}
	return provider.FilterTrace(ctx, func(e provider.Evidence) provider.Evidence {
		for _, s := range []*string{&e.Username, &e.Text} {
			hide(s, password)
		}
		for _, list := range [][]string{e.Chain, e.Capabilities} {
			for i := range list {
				hide(&list[i], password)
			}
		}
		return e
	})
}

func hide(s *string, password secret.Text) {
	if password.In(*s) {
		*s = "(words that repeat the password)"
	}
}
