package websignin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// What changes nothing is made again where a kept connection has ended. What changes something is not, nor what
// needs the connection that was signed in: on another one it would be a refused sign-in.
func TestMayRepeat(t *testing.T) {
	for name, row := range map[string]struct {
		a       provider.Account
		read    bool
		repeats bool
	}{
		"a read":             {account(by(profile.Basic)), true, true},
		"a write":            {account(by(profile.Basic)), false, false},
		"a read by Kerberos": {account(by(profile.Negotiate), with(kerberos())), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var cut atomic.Bool
			var shown atomic.Value
			s := &site{}
			s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				shown.Store(r.Header.Values(repeatable))
				if cut.CompareAndSwap(true, false) {
					panic(http.ErrAbortHandler)
				}
				w.Write(body)
			}))
			t.Cleanup(s.Close)
			c := client(t, s, row.a)
			say := func(text string) error {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(text))
				require.NoError(t, err)
				if row.read {
					MayRepeat(r.Header)
				}
				answer, err := c.Do(r)
				if err != nil {
					return err
				}
				defer answer.Body.Close()
				b, err := io.ReadAll(answer.Body)
				require.Equal(t, text, string(b))
				return err
			}
			require.NoError(t, say("first"))
			cut.Store(true)
			err := say("second")
			require.Empty(t, shown.Load(), "the server is shown nothing of it")
			if row.repeats {
				require.NoError(t, err)
			} else {
				require.Equal(t, provider.ErrUnavailable, provider.KindOf(err), "%v", err)
			}
			require.NoError(t, say("third"))
		})
	}
}
