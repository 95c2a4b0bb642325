package wire

import (
	"context"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// Discreet returns a context whose Trace, if it has one, gets no evidence that shows a secret. A
// server that was told one may put it into any words of any later connection. The secrets are
// asked for each time, for they may become more on the way, such as by a token that is had
// later.
func Discreet(ctx context.Context, secrets func() []secret.Text) context.Context {
	if !provider.Traced(ctx) {
		return ctx
	}
	return provider.FilterTrace(ctx, func(e provider.Evidence) provider.Evidence {
		for _, text := range secrets() {
			for _, s := range []*string{&e.Username, &e.Text} {
				hide(s, text)
			}
			for _, list := range [][]string{e.Chain, e.Capabilities} {
				for i := range list {
					hide(&list[i], text)
				}
			}
		}
		return e
	})
}

func hide(s *string, text secret.Text) {
	if text.In(*s) {
		*s = "(words that repeat the password)"
	}
}
