package oauth_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
)

// A token out of memory, alone and with 10,000 other mailboxes; past a quarter of its
// life, when it is looked whether there is a crowd, too.
func BenchmarkCachedToken(b *testing.B) {
	for _, row := range []struct {
		name   string
		grants int
		age    time.Duration
	}{{"fresh", 1, 0}, {"fresh of 10000", 10_000, 0}, {"older of 10000", 10_000, 20 * time.Minute}} {
		b.Run(row.name, func(b *testing.B) {
			i := oauthtest.NewInMemory(oauthtest.Options{})
			c := &clock{now: time.Now()}
			s := &oauth.Source{Grants: memory.New(), Keyring: keyring(b), Issuers: []oauth.Issuer{i.Issuer()}, Transport: i, Clock: c}
			for n := range row.grants {
				access, refresh := i.Grant("u")
				oauth.Plant(b, s, account(i, fmt.Sprint(n)), access, refresh, time.Hour+time.Duration(n)*200*time.Millisecond)
			}
			c.pass(row.age)
			a := account(i, "0")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Token(context.Background(), a, secret.Text{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A refresh in memory: load, claim and save, sealed, and the issuer's part.
func BenchmarkRefresh(b *testing.B) {
	w := newWorld(b, oauthtest.Options{})
	w.consent(w.source, w.ann())
	b.ReportAllocs()
	for b.Loop() {
		w.clock.pass(time.Hour)
		w.token(w.source, "")
	}
}
