package hosted_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/hosted"
	"github.com/go-serversync/serversync/provider"
)

// What proves the host is told without a token, for profiles whose tokens name a mailbox.
func TestCertificateAlone(t *testing.T) {
	refused := &provider.Error{Kind: provider.ErrAuth, Code: "certificate-expired"}
	c := hosted.Caller{Op: "test", Repeats: func(string) bool { return false }}
	for _, row := range []struct {
		source provider.TokenSource
		stages int
		err    error
	}{{&plain{}, 0, nil}, {&inspector{}, 0, nil}, {&inspector{certificate: provider.Evidence{Text: "told"}}, 1, nil}, {&inspector{certificateErr: refused}, 1, provider.ErrAuth}} {
		var stages []provider.Stage
		ctx := provider.WithTrace(t.Context(), &provider.Trace{End: func(s provider.Stage, _ provider.Evidence, _ error) { stages = append(stages, s) }})
		err := c.Certificate(ctx, provider.Account{Tokens: row.source})
		require.Len(t, stages, row.stages)
		if row.err == nil {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, row.err)
		}
		if in, ok := row.source.(*inspector); ok {
			require.Zero(t, in.asked)
		}
	}
}
