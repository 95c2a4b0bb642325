package oauth_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// onLoopback is an issuer over TLS, and a Source to which Ann's owner has consented an
// hour ago.
func onLoopback(t *testing.T, o oauthtest.Options, change ...func(*oauth.Source)) *world {
	c := &clock{now: time.Now()}
	o.Now = c.Now
	i := oauthtest.New(o)
	t.Cleanup(i.Close)
	w := &world{t: t, clock: c, issuer: i, source: overTLS(t, i, loopback())}
	w.source.Clock = c
	for _, f := range change {
		f(w.source)
	}
	begun, err := w.source.Begin(context.Background(), w.ann(), redirect)
	require.NoError(t, err)
	require.NoError(t, w.source.Finish(context.Background(), w.ann(), begun.Session, w.browse(begun.URL, "ann@example.com", "allow")))
	c.pass(time.Hour)
	return w
}

// X3: an issuer is reached through the operator's proxy, which is handed an address
// that the policy allows.
func TestX3Proxy(t *testing.T) {
	via := proxytest.New(proxytest.Options{})
	t.Cleanup(via.Close)
	w := onLoopback(t, oauthtest.Options{}, func(s *oauth.Source) { s.Policy.Proxy = profile.Proxy{URL: "socks5://" + via.Addr} })
	w.token(w.source, "")
	require.NotEmpty(t, via.Targets())

	refused := overTLS(t, w.issuer, profile.Policy{Proxy: profile.Proxy{URL: "socks5://" + via.Addr}})
	before := len(via.Targets())
	_, err := refused.BeginDevice(context.Background(), w.ann())
	isError(t, err, provider.ErrUnsafe)
	require.Len(t, via.Targets(), before)
}

// X1: a configuration that verifies nothing is told when the host starts.
func TestX1SkipsVerification(t *testing.T) {
	w := newWorld(t, oauthtest.Options{}, func(s *oauth.Source) {
		s.Transport, s.TLSConfig = nil, &tls.Config{InsecureSkipVerify: true}
	})
	isError(t, w.source.Check(), provider.ErrUnsupported)
	require.ErrorContains(t, w.source.Check(), "skips verification")
}

// HTTP: the header of an answer is bounded too.
func TestLongHeader(t *testing.T) {
	w := onLoopback(t, oauthtest.Options{})
	w.issuer.SetFault(oauthtest.Fault{Status: 400, Header: http.Header{"X": {strings.Repeat("x", 100<<10)}}, Body: "{}"})
	_, err := w.source.Token(context.Background(), w.ann(), secret.Text{})
	isError(t, err, provider.ErrTooLarge)
}

// TOK-5: a request that was never written is no refresh that was interrupted, whatever
// stood in its way.
func TestTOK5NeverSent(t *testing.T) {
	w := onLoopback(t, oauthtest.Options{})
	cut := overTLS(t, w.issuer, profile.Policy{AllowNetworks: loopback().AllowNetworks, Proxy: profile.Proxy{URL: "socks5://127.0.0.1:1"}})
	cut.Grants, cut.Clock = w.source.Grants, w.clock
	_, err := cut.Token(context.Background(), w.ann(), secret.Text{})
	isError(t, err, provider.ErrUnavailable)
	w.issuer.RevokeUser("ann@example.com")
	w.clock.pass(5 * time.Minute)
	require.NotContains(t, w.refused(provider.ErrAuth).Remedy, "interrupted")
}

// P10: what went wrong on the way to an issuer is told of the issuer, and not of the
// profile's mail server.
func TestTheWayToTheIssuer(t *testing.T) {
	w := onLoopback(t, oauthtest.Options{})
	w.issuer.Close()
	require.NoError(t, w.source.Close()) // and its idle connections with it
	e := w.refused(provider.ErrUnavailable)
	require.ErrorContains(t, e, "no answer from the issuer")
	require.Contains(t, e.Remedy, "issuer")
	require.Equal(t, "ConnectFailure", e.Code)
}

// A secret that was mended in the profile is tried at once: the no to the old one does
// not stand against it.
func TestApplicationSecretMended(t *testing.T) {
	w := expired(t)
	a := w.ann()
	a.Profile.Application.Secret = secret.New("expired")
	_, err := w.source.Token(context.Background(), a, secret.Text{})
	require.Equal(t, oauth.CodeApplication, isError(t, err, provider.ErrAuth).Code)
	w.token(w.source, "")
}
