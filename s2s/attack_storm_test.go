package s2s_test

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

// TOK-1: when the certificates are replaced, ten thousand mailboxes make one request, and each has a token meanwhile:
// also where the issuer does not know the new one.
func TestSetCertificatesAsksOnce(t *testing.T) {
	for name, known := range map[string]bool{"known": true, "unknown": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			next := goodCertificate(t, 1)
			if known {
				w.issuer.register(next)
			}
			w.token()
			require.NoError(t, w.source.SetCertificates(next))
			var all sync.WaitGroup
			for n := range 10_000 {
				all.Go(func() {
					if _, err := w.source.Token(context.Background(), account(fmt.Sprint("m", n)), secret.Text{}); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			w.settle()
			require.Equal(t, 2, w.issuer.asked())
		})
	}
}

// A wildKey is one whose module panics.
type wildKey struct{ crypto.Signer }

func (wildKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	panic("the module is gone")
}

// A slowKey is one whose module answers when it likes.
type slowKey struct {
	crypto.Signer
	until chan struct{}
}

func (k slowKey) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	<-k.until
	return k.Signer.Sign(r, digest, o)
}

// Certificates of every sort take one another's place while all else is done at once: each call ends, in what it is for, in an
// error of ours, or with its context. With a good one all is well again, and nothing is left behind.
func TestSetCertificatesInAStorm(t *testing.T) {
	needSHA1(t, "self-issued")
	before := runtime.NumGoroutine()
	w := newWorld(t)
	first, second := w.source.Certificates[0], goodCertificate(t, 1)
	w.issuer.register(second)
	with := func(key crypto.Signer, c *certificate.Certificate) *certificate.Certificate {
		c, err := certificate.FromSigner(key, c.Leaf())
		require.NoError(t, err)
		return c
	}
	until := make(chan struct{})
	sets := [][]*certificate.Certificate{
		{first}, {second}, {second, first}, {first, first}, {newCertificate(t, 0, "old", epoch.AddDate(-2, 0, 0), epoch.AddDate(-1, 0, 0))},
		{newCertificate(t, 1, "early", epoch.AddDate(1, 0, 0), epoch.AddDate(2, 0, 0)), second}, {goodCertificate(t, 1), first},
		{with(wildKey{first.Signer()}, first)}, {with(brokenKey{second.Signer()}, second), first}, {with(slowKey{second.Signer(), until}, second), first}, nil, {nil},
	}
	w.issuer.SetFault(s2stest.Fault{Chance: 0.1, Lose: true}, s2stest.Fault{Chance: 0.1, Code: 90033, Status: 503})
	check := func(ctx context.Context, err error) {
		var ours *provider.Error
		if err != nil && ctx.Err() == nil && !asOurs(err, &ours) {
			t.Errorf("%T %v", err, err)
		}
	}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			var last provider.Token
			for n := range 150 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20))*time.Millisecond)
				a := account(fmt.Sprint("m", n))
				if n%2 == 0 {
					a = onPremises(fmt.Sprint("m", n))
				}
				asking := ctx
				if n%7 == 0 {
					asking = provider.WithTrace(ctx, new(provider.Trace))
				}
				switch rand.IntN(8) {
				case 0:
					check(ctx, w.source.SetCertificates(sets[rand.IntN(len(sets))]...))
				case 1:
					_, err := w.source.Certificate(a)
					check(ctx, err)
				case 2:
					w.source.Expiries(w.clock.Now())
					_, err := w.source.Metadata(client, contoso, "https://crm.example/metadata")
					check(ctx, err)
				case 3:
					w.clock.pass(time.Duration(rand.IntN(10)-2) * time.Minute)
				default:
					var refused secret.Text
					if n%3 == 0 {
						refused = last.Value
					}
					token, err := w.source.Token(asking, a, refused)
					check(ctx, err)
					if err == nil {
						if token.Value.IsZero() || token.Value.Equal(refused) {
							t.Error("no token, or the refused one")
						}
						last = token
						w.source.Permission(a, token)
					}
				}
				cancel()
			}
		})
	}
	all.Wait()
	close(until)
	w.issuer.SetFault()
	w.settle()
	require.NoError(t, w.source.SetCertificates(second))
	w.clock.pass(25 * time.Hour)
	w.token()
	_, err := w.source.Token(context.Background(), onPremises("ann"), secret.Text{})
	require.NoError(t, err)
	require.Len(t, w.source.Expiries(w.clock.Now()), 1)
	require.LessOrEqual(t, s2s.Parts(w.source), 1)
	require.NoError(t, w.source.Close())
	require.NoError(t, w.source.SetCertificates(first))
	w.issuer.Close()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
		}
	}
}
