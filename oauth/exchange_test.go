package oauth_test

import (
	"context"
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// exchange is an Exchange that takes w's tokens, and ann's account there.
func (w *world) exchange() (*ewstest.Server, *ews.Driver, provider.Account) {
	server := ewstest.NewServer(ewstest.Options{
		Mailboxes: []string{"ann@example.com"}, Schemes: []string{"Bearer"},
		Token: func(token string) (string, bool, bool) {
			user := w.issuer.User(token)
			return user, false, user != ""
		},
	})
	w.t.Cleanup(server.Close)
	a := w.ann()
	a.Profile = profile.Profile{ID: "p", Kind: profile.ExchangeOnline, Application: w.issuer.Application(),
		Incoming: profile.Endpoint{URL: server.URL(), Credentials: profile.OAuth}}
	a.Endpoint, a.Tokens = a.Profile.Endpoint(profile.Incoming), w.source
	a.Policy = profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	return server, &ews.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}}, a
}

// TOK-6: what an owner has consented to opens a mailbox of Exchange, and is shown to no
// Exchange but those of its issuer.
func TestTOK6Exchange(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	_, d, a := w.exchange()
	begun, err := w.source.Begin(t.Context(), a, redirect)
	require.NoError(t, err)
	require.Equal(t, "mail.all offline_access", query(t, begun.URL).Get("scope"))
	w.consent(w.source, a)
	p, err := d.Open(t.Context(), a)
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, p.Check(t.Context()))
	require.Equal(t, 1, w.issuer.Calls("authorization_code"), "the consent")
	require.Zero(t, w.issuer.Calls("refresh_token"))

	// The same server by a name that the issuer does not know.
	strange, driver, theirs := w.exchange()
	theirs.Endpoint.URL = strings.Replace(strange.URL(), "127.0.0.1", "localhost", 1)
	theirs.Endpoint.Host = "127.0.0.1" // which no driver for Exchange looks at
	for _, source := range []*oauth.Source{w.source, w.another()} {
		theirs.Tokens = source
		_, err = driver.Open(t.Context(), theirs)
		isError(t, err, provider.ErrUnsafe)
	}
	require.Zero(t, strange.Counts().All, "the server was asked")
	require.Zero(t, w.issuer.Calls("refresh_token"))
}

// TOK-6: where the URL decides, Host does not, and the other way round.
func TestTOK6OneServerDecides(t *testing.T) {
	w := newWorld(t, oauthtest.Options{Hosts: []string{"mail.example", "outlook.office365.com"}})
	const ours, other = "https://mail.example/EWS/Exchange.asmx", "https://mail.other/EWS/Exchange.asmx"
	for _, tt := range []struct {
		kind      profile.Kind
		host, url string
		ours      bool
	}{
		{profile.ExchangeServer, "", ours, true},
		{profile.ExchangeServer, "", "https://EWS.Mail.Example:8443/x", true},
		{profile.ExchangeServer, "mail.example", other, false},
		{profile.ExchangeServer, "mail.example", "", false}, // autodiscover has not been asked
		{profile.ExchangeServer, "", "https://mail.example@mail.other/", false},
		{profile.ExchangeServer, "", "https://mail.other/mail.example", false},
		{profile.ExchangeServer, "", "https://mail.example.other/", false},
		{profile.ExchangeServer, "", "mail.example", false},
		{profile.ExchangeServer, "", "https://mail.example\x00/", false},
		{profile.ExchangeOnline, "", "", true},
		{profile.ExchangeOnlineHybrid, "", "", true},
		{profile.ExchangeOnline, "", other, false},
		{profile.IMAPSMTP, "mail.example", other, true},
		{profile.IMAPSMTP, "mail.other", ours, false},
	} {
		a := w.ann()
		a.Profile.Kind, a.Endpoint.Host, a.Endpoint.URL = tt.kind, tt.host, tt.url
		a.Profile.Incoming = a.Endpoint
		_, err := w.source.Begin(context.Background(), a, redirect)
		if tt.ours {
			require.NoError(t, err, "%+v", tt)
			continue
		}
		isError(t, err, provider.ErrUnsupported)
	}
	a := w.ann()
	a.Profile.Kind, a.Endpoint = profile.ExchangeServer, profile.Endpoint{URL: "http://mail.example/EWS/Exchange.asmx", Credentials: profile.OAuth}
	_, err := w.source.Token(context.Background(), a, secret.Text{})
	require.Equal(t, "use TLS in the profile", isError(t, err, provider.ErrUnsafe).Remedy)
}
