package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/oauth"
	"github.com/go-serversync/serversync/oauth/oauthtest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// browse fills in the issuer's page, and returns what the browser brings back.
func (w *world) browse(location, user, answer string) url.Values {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, location, strings.NewReader(url.Values{"user": {user}, "answer": {answer}}.Encode()))
	require.NoError(w.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := w.issuer.RoundTrip(req)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusFound, res.StatusCode)
	return query(w.t, res.Header.Get("Location"))
}

// A consent in a browser asks for what both sides need, with PKCE, and names the
// mailbox; its token is the owner's.
func TestConsent(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	begun, err := w.source.Begin(context.Background(), w.ann(), redirect)
	require.NoError(t, err)
	q := query(t, begun.URL)
	require.Equal(t, "mail.read mail.send offline_access", q.Get("scope"))
	require.Equal(t, "ann@example.com", q.Get("login_hint"))
	require.Equal(t, "S256", q.Get("code_challenge_method"))
	require.GreaterOrEqual(t, len(q.Get("state")), 22)
	require.NotContains(t, begun.Session, q.Get("state"))

	require.NoError(t, w.source.Finish(context.Background(), w.ann(), begun.Session, w.browse(begun.URL, "ann@example.com", "allow")))
	require.Equal(t, "ann@example.com", w.issuer.User(w.token(w.source, "")))
	require.Zero(t, w.issuer.Calls("refresh_token"))

	// Another process gets the same token out of the Store.
	require.Equal(t, w.token(w.source, ""), w.token(w.another(), ""))
}

// What comes back must be the answer to what was begun, by that browser, for that
// mailbox, in time; nothing is asked of the issuer otherwise, and nothing saved.
func TestConsentState(t *testing.T) {
	ctx := context.Background()
	for name, row := range map[string]struct {
		change func(w *world, begun *oauth.Consent, q url.Values, a *provider.Account)
		kind   provider.Kind
		code   string
	}{
		"another state":        {func(_ *world, _ *oauth.Consent, q url.Values, _ *provider.Account) { q.Set("state", "x") }, provider.ErrUnsafe, oauth.CodeState},
		"no state":             {func(_ *world, _ *oauth.Consent, q url.Values, _ *provider.Account) { q.Del("state") }, provider.ErrUnsafe, oauth.CodeState},
		"no code":              {func(_ *world, _ *oauth.Consent, q url.Values, _ *provider.Account) { q.Del("code") }, provider.ErrUnsafe, oauth.CodeState},
		"another mailbox":      {func(_ *world, _ *oauth.Consent, _ url.Values, a *provider.Account) { a.Mailbox.Mailbox = "bob" }, provider.ErrUnsafe, oauth.CodeState},
		"another organization": {func(_ *world, _ *oauth.Consent, _ url.Values, a *provider.Account) { a.Mailbox.Organization = "evil" }, provider.ErrUnsafe, oauth.CodeState},
		"another application": {func(_ *world, _ *oauth.Consent, _ url.Values, a *provider.Account) {
			a.Profile.Application.ClientID = "x"
		}, provider.ErrUnsafe, oauth.CodeState},
		"a session of ours": {func(_ *world, c *oauth.Consent, _ url.Values, _ *provider.Account) { c.Session = "AAAA" }, provider.ErrUnsafe, oauth.CodeState},
		"too late":          {func(w *world, _ *oauth.Consent, _ url.Values, _ *provider.Account) { w.clock.pass(time.Hour) }, provider.ErrAuth, oauth.CodeState},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oauthtest.Options{})
			a := w.ann()
			begun, err := w.source.Begin(ctx, a, redirect)
			require.NoError(t, err)
			q := w.browse(begun.URL, a.Mailbox.Address, "allow")
			row.change(w, &begun, q, &a)
			require.Equal(t, row.code, isError(t, w.source.Finish(ctx, a, begun.Session, q), row.kind).Code)
			require.Zero(t, w.issuer.Calls("authorization_code"))
			require.Equal(t, oauth.CodeConsent, w.refused(provider.ErrAuth).Code)
		})
	}
}

// An owner who refuses, another owner, and boxes that were not ticked leave the grant
// that is there alone.
func TestConsentRefused(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	before := w.token(w.source, "")
	try := func(user, answer string) *provider.Error {
		begun, err := w.source.Begin(ctx, w.ann(), redirect)
		require.NoError(t, err)
		return isError(t, w.source.Finish(ctx, w.ann(), begun.Session, w.browse(begun.URL, user, answer)), provider.ErrAuth)
	}
	require.Equal(t, "access_denied", try("ann@example.com", "deny").Code)
	require.Equal(t, oauth.CodeOwner, try("bob@example.com", "allow").Code)
	w.issuer.SetFault(oauthtest.Fault{Body: `{"access_token":"a","refresh_token":"r","scope":"mail.read"}`})
	require.Equal(t, oauth.CodeScope, try("ann@example.com", "allow").Code)
	require.Equal(t, before, w.token(w.source, ""))
	require.Equal(t, before, w.token(w.another(), ""))
}

// Without a refresh token a mailbox would be shut within the hour.
func TestConsentOffline(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	w.issuer.SetFault(oauthtest.Fault{Body: `{"access_token":"a"}`})
	begun, err := w.source.Begin(context.Background(), w.ann(), redirect)
	require.NoError(t, err)
	err = w.source.Finish(context.Background(), w.ann(), begun.Session, w.browse(begun.URL, "ann@example.com", "allow"))
	require.Equal(t, "no_refresh_token", isError(t, err, provider.ErrUnsupported).Code)
}

// A device consent is polled for as often as the issuer allows, slower once it says so,
// until the owner has decided.
func TestDevice(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, oauthtest.Options{})
	begun, err := w.source.BeginDevice(ctx, w.ann())
	require.NoError(t, err)
	require.Equal(t, w.issuer.URL+"/device", begun.URL)

	short, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, w.source.Wait(short, w.ann(), begun.Session), context.Canceled)

	w.issuer.SetFault(oauthtest.Fault{Times: 1, Body: `{"error":"slow_down"}`, Status: 400})
	w.clock.sleeps = func() { // the clock does not wait for anybody
		if w.issuer.Calls("urn:ietf:params:oauth:grant-type:device_code") == 2 {
			w.issuer.Decide(begun.UserCode, "ann@example.com", true)
		}
	}
	start := w.clock.Now()
	require.NoError(t, w.source.Wait(ctx, w.ann(), begun.Session))
	require.GreaterOrEqual(t, w.clock.Now().Sub(start), 13*time.Second, "1, then 6 and 6 seconds")
	require.Equal(t, "ann@example.com", w.issuer.User(w.token(w.source, "")))
}

func TestDeviceEnds(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, oauthtest.Options{})
	begun, err := w.source.BeginDevice(ctx, w.ann())
	require.NoError(t, err)
	require.True(t, w.issuer.Decide(begun.UserCode, "ann@example.com", false))
	require.Equal(t, "access_denied", isError(t, w.source.Wait(ctx, w.ann(), begun.Session), provider.ErrAuth).Code)

	begun, err = w.source.BeginDevice(ctx, w.ann())
	require.NoError(t, err)
	start := w.clock.Now()
	e := isError(t, w.source.Wait(ctx, w.ann(), begun.Session), provider.ErrAuth)
	require.Equal(t, "expired_token", e.Code)
	require.InDelta(t, 600, w.clock.Now().Sub(start).Seconds(), 60)

	google := &oauth.Source{Grants: w.store, Keyring: keyring(t), Issuers: []oauth.Issuer{oauth.Google()}, Transport: w.issuer}
	a := w.ann()
	a.Endpoint.Host = "imap.gmail.com"
	_, err = google.BeginDevice(ctx, a)
	isError(t, err, provider.ErrUnsupported)
}

// A grant is given back at the issuer first, and forgotten only then.
func TestRevoke(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, oauthtest.Options{})
	require.NoError(t, w.source.Revoke(ctx, w.ann()), "there is none")
	w.consent(w.source, w.ann())
	token := w.token(w.source, "")
	w.issuer.SetFault(oauthtest.Fault{Times: 1, Status: 503})
	isError(t, w.source.Revoke(ctx, w.ann()), provider.ErrUnavailable)
	w.issuer.SetFault(oauthtest.Fault{Times: 1, Body: oauthtest.HTML})
	isError(t, w.source.Revoke(ctx, w.ann()), provider.ErrUnavailable)
	require.Equal(t, token, w.token(w.source, ""))

	require.NoError(t, w.source.Revoke(ctx, w.ann()))
	require.Empty(t, w.issuer.User(token))
	require.Equal(t, oauth.CodeConsent, w.refused(provider.ErrAuth).Code)
	w.consent(w.source, w.ann())
	w.token(w.source, "")

	require.NoError(t, w.source.Forget(ctx, w.ann().Mailbox.Key))
	require.Equal(t, oauth.CodeConsent, w.refused(provider.ErrAuth).Code)
	w.consent(w.another(), w.ann())
	w.token(w.source, "")
}

// TOK-6: a token is for its issuer's mail servers alone, over TLS.
func TestTOK6Hosts(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, oauthtest.Options{Hosts: []string{"mail.example"}})
	a := w.ann()
	a.Profile.Incoming.Host, a.Profile.Outgoing.Host = "imap.mail.example", "smtp.mail.example"
	for host, kind := range map[string]provider.Kind{
		"imap.mail.example": "", "IMAP.Mail.Example.": "", "mail.example": "",
		"mail.example.evil": provider.ErrUnsupported, "evilmail.example": provider.ErrUnsupported, "127.0.0.1": provider.ErrUnsupported, "": provider.ErrUnsupported,
	} {
		a.Endpoint.Host = host
		_, err := w.source.Begin(ctx, a, redirect)
		if kind == "" {
			require.NoError(t, err, host)
			continue
		}
		isError(t, err, kind)
		_, err = w.source.Token(ctx, a, secret.Text{})
		isError(t, err, provider.ErrUnsupported)
	}
	a.Endpoint.Host = "imap.mail.example"
	w.consent(w.source, a)
	got, err := w.source.Token(ctx, a, secret.Text{})
	require.NoError(t, err)
	require.False(t, got.Value.IsZero())
	for _, host := range []string{"mail.example.evil", "evilmail.example", "example", ""} {
		a.Endpoint.Host = host
		for _, s := range []*oauth.Source{w.source, w.another()} {
			_, err := s.Token(ctx, a, secret.Text{})
			isError(t, err, provider.ErrUnsafe)
		}
	}
	a.Endpoint.Host, a.Endpoint.TLS = "imap.mail.example", profile.Plaintext
	_, err = w.source.Token(ctx, a, secret.Text{})
	isError(t, err, provider.ErrUnsafe)
}
