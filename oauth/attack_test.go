package oauth_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// TOK-1, TOK-5: one call of a process's Store fails, whichever, and another process wants
// the token before the first one is asked again. The strictest issuer sees no refresh
// token twice, and the grant lives.
func TestTOK5AnotherProcessComesFirst(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; at <= 3; at++ {
			t.Run(fmt.Sprint(at, after), func(t *testing.T) {
				w := newWorld(t, oauthtest.Options{})
				w.consent(w.source, w.ann())
				w.clock.pass(time.Hour)
				first := w.another(func(s *oauth.Source) { s.Grants = &brokenStore{Grants: w.store, at: at, after: after} })
				_, _ = first.Token(context.Background(), w.ann(), secret.Text{})
				second := w.another()
				token := w.token(second, "")
				require.Equal(t, token, w.token(first, ""))
				require.Zero(t, w.issuer.Reuses())
				w.clock.pass(time.Hour)
				require.NotEqual(t, token, w.token(second, ""))
			})
		}
	}
}

// TOK-5: an issuer that answers after the claim has lapsed, so late that its request was
// given up, or in time though the clock jumped: nobody uses a refresh token twice that
// was answered.
func TestTOK5AnswerAfterTheClaim(t *testing.T) {
	w := newWorld(t, oauthtest.Options{Grace: true})
	w.consent(w.source, w.ann())
	w.clock.pass(time.Hour)
	other := w.another()
	late := w.another(func(s *oauth.Source) {
		s.Transport = transport(func(req *http.Request) (*http.Response, error) {
			res, err := w.issuer.RoundTrip(req)
			w.clock.pass(5 * time.Minute)
			_, _ = other.Token(context.Background(), w.ann(), secret.Text{})
			return res, err
		})
	})
	token := w.token(late, "")
	require.Equal(t, token, w.token(other, ""))
	require.Equal(t, "ann@example.com", w.issuer.User(token))
	w.clock.pass(2 * time.Hour)
	w.token(other, "")
	require.Zero(t, w.issuer.Reuses())
}

// P9: a body without an end is read up to its bound.
func TestHugeBody(t *testing.T) {
	w := onLoopback(t, oauthtest.Options{})
	w.issuer.SetFault(oauthtest.Fault{Large: 64 << 20})
	w.refused(provider.ErrTooLarge)
}

// P5: nothing is left behind after Close.
func TestP5NoGoroutineIsLeft(t *testing.T) {
	w := onLoopback(t, oauthtest.Options{})
	for range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := w.source.Token(ctx, w.ann(), secret.Text{})
		require.ErrorIs(t, err, context.Canceled)
		w.clock.pass(time.Hour)
		w.token(w.source, "")
	}
	require.NoError(t, w.source.Close())
	w.issuer.Close()
	require.Eventually(t, func() bool { return ours() == 0 }, time.Minute, time.Millisecond)
}

// ours counts the goroutines of the package and of its transport's connections.
func ours() int {
	stacks := make([]byte, 1<<20)
	text := string(stacks[:runtime.Stack(stacks, true)])
	return strings.Count(text, "oauth.(*Source)") + strings.Count(text, "internal/wire.")
}

// P8: what a mailbox costs in memory.
func TestP8BytesAMailbox(t *testing.T) {
	n := 20_000
	i := oauthtest.NewInMemory(oauthtest.Options{})
	store := memory.New()
	s := &oauth.Source{Grants: store, Keyring: keyring(t), Issuers: []oauth.Issuer{i.Issuer()}, Transport: i}
	for k := range n {
		access, refresh := fmt.Sprintf("at-%01000d", k), fmt.Sprintf("rt-%0500d", k)
		oauth.Plant(t, s, account(i, fmt.Sprint(k)), access, refresh, time.Hour)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	with := heap()
	require.NoError(t, s.Close())
	runtime.KeepAlive(s)
	s = nil
	each := (int64(with) - int64(heap())) / int64(n)
	runtime.KeepAlive(store)
	t.Logf("%d bytes a mailbox with a token of 1,003", each)
	require.Less(t, each, int64(4<<10))
}
