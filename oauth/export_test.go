package oauth

import (
	"context"
	"testing"
	"time"

	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// Plant saves a grant as if its owner had consented just now.
func Plant(t testing.TB, s *Source, a provider.Account, access, refresh string, life time.Duration) {
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	issuer := &s.Issuers[0]
	g := grant{Issuer: issuer.Name, Client: a.Profile.Application.ClientID}
	g.take(answer{access: secret.New(access), refresh: secret.New(refresh), life: life}, s.now())
	g, err := s.replace(context.Background(), a.Mailbox.Key, g)
	if err != nil {
		t.Fatal(err)
	}
	s.settle(a.Mailbox.Key, s.entry(a.Mailbox.Key), issuer, g)
}
