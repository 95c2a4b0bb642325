package s2s_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// TOK-1, TOK-3, TOK-4, TOK-7: ten thousand mailboxes whose contexts end at random, while the clock jumps, servers refuse old, new and unknown
// tokens, the issuer fails now and then and changes which certificate it knows, and the source is closed in between. Each call
// ends in a token that serves, an error of ours or its context's; nobody is left behind; one request is under way at once.
func TestCrowdInAStorm(t *testing.T) {
	crowd, rounds := 10_000, 6
	if testing.Short() {
		crowd, rounds = 500, 3
	}
	before := runtime.NumGoroutine()
	first, second := goodCertificate(t, 0), goodCertificate(t, 1)
	h := newHostile(t, func(s *s2s.Source) { s.Certificates = append(s.Certificates, second) })
	h.issuer.SetFault(s2stest.Fault{Chance: 0.1, Lose: true}, s2stest.Fault{Chance: 0.1, Code: 90033, Status: 503}, s2stest.Fault{Chance: 0.05, Set: map[string]any{"expires_in": 100}})
	var known sync.Map
	var got, failed, gone atomic.Int64
	unknown := secret.New(strings.Repeat("unknown.", 10))
	for round := range rounds {
		var all sync.WaitGroup
		for k := range crowd {
			all.Go(func() {
				ctx := context.Background()
				if rand.IntN(4) == 0 {
					limited, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
					defer cancel()
					ctx = limited
				}
				var refused secret.Text
				switch rand.IntN(4) {
				case 0:
					refused = unknown
				case 1:
					known.Range(func(_, token any) bool { refused = token.(secret.Text); return rand.IntN(3) > 0 })
				}
				a := account(fmt.Sprint("m", k))
				if k%3 == 0 {
					a = bySecret()
				}
				token, err := h.source.Token(ctx, a, refused)
				var ours *provider.Error
				switch {
				case err == nil:
					if token.Value.IsZero() || token.Value.Equal(refused) {
						t.Error("no token, or the refused one")
					}
					got.Add(1)
					known.Store(k%100, token.Value)
					h.source.Permission(a, token)
				case ctx.Err() != nil:
					gone.Add(1)
				case asOurs(err, &ours):
					failed.Add(1)
				default:
					t.Errorf("%T %v", err, err)
				}
				if k%500 == 0 {
					h.clock.pass(time.Duration(rand.IntN(20)-5) * time.Minute)
				}
				if k%1000 == 0 {
					change, back := first.Leaf(), second.Leaf()
					if rand.IntN(2) == 0 {
						change, back = back, change
					}
					flip(h.issuer, change, back)
				}
			})
		}
		all.Wait()
		if round == rounds-1 {
			for range 3 {
				all.Go(func() { h.source.Close() })
			}
			all.Wait()
		}
		h.clock.pass(30 * time.Minute)
	}
	require.NoError(t, h.source.Close())
	_, err := h.ask(account("late"))
	if err != nil {
		isError(t, err, provider.ErrUnavailable)
	}
	require.LessOrEqual(t, h.issuer.Counts().Most, 2, "one of each of two proofs")
	require.Positive(t, got.Load())
	entries, cells := s2s.Kept(h.source)
	require.LessOrEqual(t, entries, 2)
	require.LessOrEqual(t, cells, 2)
	t.Log(got.Load(), "tokens", failed.Load(), "errors", gone.Load(), "went away", h.issuer.Counts().Requests, "requests")
	h.issuer.Close()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
}

func asOurs(err error, into **provider.Error) bool {
	known, ok := err.(*provider.Error)
	*into = known
	return ok
}

// flip has the issuer know one certificate and not the other.
func flip(i *s2stest.Issuer, known, unknown *x509.Certificate) {
	i.RemoveCertificate(client, unknown)
	i.RemoveCertificate(client, known)
	i.AddCertificate(client, known)
}

// Of two certificates whichever the issuer knows is used, however often that changes, at two requests a change.
func TestOverlapFlips(t *testing.T) {
	second := goodCertificate(t, 1)
	h := newHostile(t, func(s *s2s.Source) { s.Certificates = append(s.Certificates, second) })
	pair := []*certificate.Certificate{goodCertificate(t, 0), second}
	const flips = 50
	for n := range flips {
		flip(h.issuer, pair[n%2].Leaf(), pair[1-n%2].Leaf())
		_, err := h.ask(account("ann"))
		require.NoError(t, err)
		of, err := h.source.Certificate(account("ann"))
		require.NoError(t, err)
		require.Contains(t, of.Text, fmt.Sprintf("CN=crm.example %d, %d of 2", n%2, n%2+1))
		h.clock.pass(time.Hour)
	}
	require.LessOrEqual(t, h.issuer.Counts().Requests, 2*flips)
}

// Closed while ten thousand wait, each gets its answer at once.
func TestCloseInTheCrowd(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	h := newHostile(t)
	h.issuer.SetFault(s2stest.Fault{Until: hold})
	got := make(chan error, 10_000)
	for k := range cap(got) {
		go func() {
			_, err := h.ask(account(fmt.Sprint("m", k)))
			got <- err
		}()
	}
	for h.issuer.Counts().InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, h.source.Close())
	for range cap(got) {
		isError(t, <-got, provider.ErrUnavailable)
	}
	require.Equal(t, 1, h.issuer.Counts().Requests)
}
