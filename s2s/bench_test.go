package s2s_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/secret"
)

// A token out of memory: of one profile, of one among 10,000 organizations' profiles, and of a profile with a secret.
func BenchmarkCachedToken(b *testing.B) {
	for _, row := range []struct {
		name   string
		others int
		secret string
	}{{"one", 0, ""}, {"of 10000", 10_000, ""}, {"secret", 0, "s3cret"}} {
		b.Run(row.name, func(b *testing.B) {
			w := newWorld(b, func(s *s2s.Source) {
				s.Admit = func(context.Context, provider.Account, string) error { return nil }
			})
			if row.secret != "" {
				w.issuer.secret(row.secret)
			}
			for n := range row.others {
				a := account("x")
				a.Mailbox.Key.Organization = fmt.Sprint("o", n)
				_, err := w.source.Token(context.Background(), a, secret.Text{})
				require.NoError(b, err)
			}
			a := account("ann")
			a.Profile.Application.Secret = secret.New(row.secret)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.source.Token(context.Background(), a, secret.Text{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A request: an assertion that is signed, and azidentity's part.
func BenchmarkRequest(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	for b.Loop() {
		w.token()
		w.clock.pass(2 * 3600e9)
	}
}

// What Open asks an inspector.
func BenchmarkInspect(b *testing.B) {
	w := newWorld(b)
	a := account("ann")
	token, err := w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(b, err)
	b.Run("certificate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = w.source.Certificate(a)
		}
	})
	b.Run("permission", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = w.source.Permission(a, token)
		}
	})
}
