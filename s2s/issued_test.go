package s2s_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/secret"
)

// issueBy has the world's Source issue tokens, and notes who does.
func issueBy(w *world, made *[]string) {
	n := 0
	s2s.Issue(w.source, func(c *certificate.Certificate, client, realm, server string, now time.Time) (string, time.Time, error) {
		n++
		who := fmt.Sprintf("%s %s %s", c.Leaf().Subject.CommonName, realm, server)
		if made != nil {
			*made = append(*made, who)
		}
		return fmt.Sprint(n, " ", who), now.Add(time.Hour), nil
	}, func(actor, address string) (string, error) {
		return jwt.Sign(jwt.None, map[string]any{"typ": "JWT"}, map[string]any{"smtp": address, "actort": actor}, nil)
	}, func(token string) string {
		_, claims, _ := jwt.Claims(token)
		actor, _ := claims["actort"].(string)
		return actor
	})
}

func onPremises(name string) provider.Account {
	a := account(name)
	a.Profile.Kind, a.Profile.Incoming.URL, a.Profile.Application.Realm = profile.ExchangeServer, "https://Mail.contoso.example/EWS/Exchange.asmx", contoso
	return on(a, profile.Incoming)
}

// What the host issues itself says whose mailbox is meant; what it proves itself with is made once for all of them.
func TestIssued(t *testing.T) {
	w := newWorld(t)
	var made []string
	issueBy(w, &made)
	for n := range 100 {
		token, err := w.source.Token(context.Background(), onPremises(fmt.Sprint("m", n)), secret.Text{})
		require.NoError(t, err)
		_, claims, err := jwt.Claims(token.Value.Reveal())
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("m%d@contoso.example", n), claims["smtp"])
		require.Equal(t, epoch.Add(time.Hour), token.Expires)
	}
	require.Equal(t, []string{"crm.example 0 " + contoso + " mail.contoso.example"}, made)
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
	w := newWorld(t)
	w.source.Certificates = append(w.source.Certificates, goodCertificate(t, 1))
	var made []string
	issueBy(w, &made)
	a := onPremises("ann")
	first, err := w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	_, err = w.source.Token(context.Background(), a, first.Value)
	require.Equal(t, s2s.CodeRefused, isError(t, err, provider.ErrAuth).Code)
	w.clock.pass(2 * time.Minute)
	second, err := w.source.Token(context.Background(), a, first.Value)
	require.NoError(t, err)
	require.False(t, second.Value.Equal(first.Value))
	third, err := w.source.Token(context.Background(), onPremises("bob"), first.Value)
	require.NoError(t, err)
	require.False(t, third.Value.Equal(second.Value))
	require.Len(t, made, 2)
	require.True(t, strings.HasPrefix(made[1], "crm.example 1 "))
	e, err := w.source.Certificate(a)
	require.NoError(t, err)
	require.Equal(t, "CN=crm.example 1, 2 of 2", e.Text)
	w.clock.pass(57 * time.Minute)
	_, err = w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	w.settle()
	require.Len(t, made, 3)
	require.True(t, strings.HasPrefix(made[2], "crm.example 1 "), "what worked is remembered")
}
