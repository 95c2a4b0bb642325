package s2s_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/s2s/internal/selfissued"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/secret"
)

func onPremises(name string) provider.Account {
	a := account(name)
	a.Profile.Kind, a.Profile.Incoming.URL, a.Profile.Application.Realm = profile.ExchangeServer, "https://Mail.contoso.example/EWS/Exchange.asmx", contoso
	return on(a, profile.Incoming)
}

// actorOf returns who signed what is in a token, and the token that they signed.
func actorOf(t *testing.T, w *world, token provider.Token) (by, actor string) {
	actor = selfissued.ActorOf(token.Value.Reveal())
	header, claims, err := jwt.Claims(actor)
	require.NoError(t, err)
	require.Equal(t, "00000002-0000-0ff1-ce00-000000000000/mail.contoso.example@"+contoso, claims["aud"])
	for _, c := range w.source.Certificates {
		sum, _ := c.SHA1()
		if header["x5t"] == base64.RawURLEncoding.EncodeToString(sum[:]) {
			by = c.Leaf().Subject.CommonName
		}
	}
	return by, actor
}

// What the host issues itself says whose mailbox is meant; what it proves itself with is made once for all of them.
func TestIssued(t *testing.T) {
	needSHA1(t, "self-issued")
	w := newWorld(t)
	actors := make(map[string]bool)
	for n := range 100 {
		token, err := w.source.Token(context.Background(), onPremises(fmt.Sprint("m", n)), secret.Text{})
		require.NoError(t, err)
		_, claims, err := jwt.Claims(token.Value.Reveal())
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("m%d@contoso.example", n), claims["smtp"])
		require.Equal(t, epoch.Add(time.Hour), token.Expires)
		by, actor := actorOf(t, w, token)
		require.Equal(t, "crm.example 0", by)
		actors[actor] = true
	}
	require.Len(t, actors, 1)
	require.Zero(t, w.issuer.asked())

	a := onPremises("ann")
	of, err := w.source.Certificate(a)
	require.NoError(t, err)
	require.Equal(t, "CN=crm.example 0", of.Text)
	token, err := w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	e, err := w.source.Permission(a, token)
	require.NoError(t, err)
	require.Equal(t, "issued by this host for ann@contoso.example at mail.contoso.example, realm "+contoso+", application "+client+", good until 2026-11-01T10:00:00Z", e.Text)
	w.clock.pass(time.Hour)
	_, err = w.source.Permission(a, token)
	require.Equal(t, s2s.CodeExpired, isError(t, err, provider.ErrAuth).Code)

	a.Mailbox.Address = ""
	_, err = w.source.Token(context.Background(), a, secret.Text{})
	isError(t, err, provider.ErrUnsupported)
}

// It is refreshed as others are, and by the next certificate where the server refuses it.
func TestIssuedRefused(t *testing.T) {
	needSHA1(t, "self-issued")
	w := newWorld(t)
	a := onPremises("ann")
	first, err := w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	_, err = w.source.Token(context.Background(), a, first.Value)
	require.Equal(t, s2s.CodeRefused, isError(t, err, provider.ErrAuth).Code, "there is no other certificate")

	w = newWorld(t)
	w.source.Certificates = append(w.source.Certificates, goodCertificate(t, 1))
	first, err = w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	second, err := w.source.Token(context.Background(), a, first.Value)
	require.NoError(t, err)
	by, actor := actorOf(t, w, second)
	require.Equal(t, "crm.example 1", by)
	third, err := w.source.Token(context.Background(), onPremises("bob"), first.Value)
	require.NoError(t, err)
	_, same := actorOf(t, w, third)
	require.Equal(t, actor, same)
	e, err := w.source.Certificate(a)
	require.NoError(t, err)
	require.Equal(t, "CN=crm.example 1, 2 of 2", e.Text)
	w.clock.pass(57 * time.Minute)
	_, err = w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	w.settle()
	last, err := w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	by, next := actorOf(t, w, last)
	require.Equal(t, "crm.example 1", by, "what worked is remembered")
	require.NotEqual(t, actor, next)
}

// Exchange takes what the host issues.
func TestIssuedIsTaken(t *testing.T) {
	needSHA1(t, "self-issued")
	w := newWorld(t)
	server := &s2stest.Exchange{Hosts: []string{"mail.contoso.example"}, Realm: contoso, Users: map[string][]string{"ann@contoso.example": nil}, Clock: w.clock.Now,
		Partners: map[string]s2stest.ExchangePartner{client: {Certificates: []*x509.Certificate{w.source.Certificates[0].Leaf()}, Roles: []string{"UserApplication"}}}}
	token, err := w.source.Token(context.Background(), onPremises("ann"), secret.Text{})
	require.NoError(t, err)
	address, _, ok := server.Token(token.Value.Reveal())
	require.True(t, ok, server.Refusal(token.Value.Reveal()))
	require.Equal(t, "ann@contoso.example", address)
}
