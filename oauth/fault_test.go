package oauth_test

import (
	"context"
	"encoding/base64"
	"fmt"
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

// expired returns a world whose token has to be refreshed.
func expired(t *testing.T) *world {
	w := newWorld(t, oauthtest.Options{})
	w.consent(w.source, w.ann())
	w.clock.pass(time.Hour)
	return w
}

// TOK-A: whatever an issuer says of a token's life, it is asked neither in a loop nor
// never again; what is no token is refused.
func TestTOK_A(t *testing.T) {
	for life, want := range map[string]time.Duration{
		`-1`: 2 * time.Minute, `0`: 2 * time.Minute, `"3600"`: time.Hour, `1000000000000`: 24 * time.Hour, `1e400`: 24 * time.Hour, `-1e400`: 2 * time.Minute,
		`3600.7`: 3600700 * time.Millisecond, `null`: time.Hour, `"x"`: time.Hour, `{}`: time.Hour, `"NaN"`: time.Hour, `"Inf"`: 24 * time.Hour,
	} {
		w := expired(t)
		w.issuer.SetFault(oauthtest.Fault{Body: `{"access_token":"new","expires_in":` + life + `}`})
		got, err := w.source.Token(context.Background(), w.ann(), secret.Text{})
		require.NoError(t, err, life)
		require.Equal(t, want, got.Expires.Sub(w.clock.Now()), life)
		require.Equal(t, "new", w.token(w.source, ""))
		require.Equal(t, 1, w.issuer.Calls("refresh_token"))
	}
	for body, kind := range map[string]provider.Kind{
		`{}`: provider.ErrProtocol, `{"access_token":""}`: provider.ErrProtocol, `{"access_token":7}`: provider.ErrProtocol,
		`{"access_token":"a\r\nX: y"}`: provider.ErrProtocol, `{"access_token":"ä"}`: provider.ErrProtocol, `{"access_token":"a","refresh_token":"\u0000"}`: provider.ErrProtocol,
		`{"access_token":"` + strings.Repeat("x", 17<<10) + `"}`: provider.ErrTooLarge,
	} {
		w := expired(t)
		w.issuer.SetFault(oauthtest.Fault{Body: body})
		w.refused(kind)
	}
	w := expired(t)
	w.issuer.SetFault(oauthtest.Fault{Large: 1 << 20})
	w.refused(provider.ErrTooLarge)
}

// TOK-B and P6: nothing that is told repeats a secret, however an issuer spells it.
func TestTOK_B(t *testing.T) {
	for name, spell := range map[string]func(string) string{
		"plain": func(s string) string { return s }, "base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"url": url.QueryEscape, "upper": strings.ToUpper, "cut": func(s string) string { return s[:len(s)-4] },
	} {
		for _, code := range []string{"invalid_grant", "invalid_client", "invalid_scope", "odd"} {
			w := newWorld(t, oauthtest.Options{Secret: "canary+secret/of=the application"})
			w.issuer.SetFault(oauthtest.Fault{Times: 1, Body: `{"access_token":"canary-access-token","refresh_token":"canary-refresh-token","expires_in":1}`})
			w.consent(w.source, w.ann())
			w.clock.pass(time.Hour)
			for _, leak := range []string{"canary-refresh-token", "canary+secret/of=the application"} {
				w.issuer.SetFault(oauthtest.Fault{Status: 400, Body: fmt.Sprintf(`{"error":%q,"error_description":"bad %s here"}`, code, spell(leak))})
				_, err := w.another().Token(context.Background(), w.ann(), secret.Text{})
				require.Error(t, err)
				said := fmt.Sprintf("%v %+v %#v", err, err, err)
				require.NotContains(t, strings.ToLower(said), strings.ToLower(spell(leak)), name)
				require.NotContains(t, said, "canary")
				w.clock.pass(2 * time.Minute)
			}
		}
	}
	w := expired(t)
	w.issuer.SetFault(oauthtest.Fault{Status: 400, Body: `{"error":"invalid_grant","error_description":"{form}"}`})
	require.NotContains(t, w.refused(provider.ErrAuth).Error(), "rt-")

	w = expired(t)
	w.issuer.SetFault(oauthtest.Fault{Status: 400, Body: `{"error":"invalid_grant","error_description":"AADSTS50173: the password was changed\r\n\u202e"}`})
	require.ErrorContains(t, w.refused(provider.ErrAuth), "invalid_grant: AADSTS50173: the password was changed", "what is no secret is quoted")
}

// A code, a verifier and a device code are secrets too.
func TestTOK_BConsent(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	begun, err := w.source.Begin(context.Background(), w.ann(), redirect)
	require.NoError(t, err)
	q := w.browse(begun.URL, "ann@example.com", "allow")
	w.issuer.SetFault(oauthtest.Fault{Status: 400, Body: `{"error":"invalid_grant","error_description":"{form}"}`})
	e := isError(t, w.source.Finish(context.Background(), w.ann(), begun.Session, q), provider.ErrAuth)
	require.NotContains(t, e.Error(), q.Get("code"))
	require.NotContains(t, e.Error(), "code_verifier")
	require.Contains(t, e.Remedy, "begin the consent again")
}

// TOK-C and P10: each answer has a kind; only what is the grant's or the application's
// fault is ErrAuth.
func TestTOK_C(t *testing.T) {
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	for name, row := range map[string]struct {
		f     oauthtest.Fault
		kind  provider.Kind
		code  string
		after time.Duration
	}{
		"HTML in 200":           {oauthtest.Fault{Body: oauthtest.HTML}, provider.ErrUnavailable, oauth.CodeIssuer, 0},
		"HTML in 400":           {oauthtest.Fault{Status: 400, Body: oauthtest.HTML}, provider.ErrUnavailable, oauth.CodeIssuer, 0},
		"HTML in 403":           {oauthtest.Fault{Status: 403, Body: oauthtest.HTML}, provider.ErrUnavailable, oauth.CodeIssuer, 0},
		"nothing in 200":        {oauthtest.Fault{Status: 204}, provider.ErrUnavailable, oauth.CodeIssuer, 0},
		"a list":                {oauthtest.Fault{Body: `[1]`}, provider.ErrUnavailable, oauth.CodeIssuer, 0},
		"HTTP-15 depth":         {oauthtest.Fault{Body: strings.Repeat(`{"a":`, 1e5)}, provider.ErrUnavailable, oauth.CodeIssuer, 0},
		"302":                   {oauthtest.Fault{Status: 302, Header: header("Location", "https://evil.example/")}, provider.ErrUnsafe, "", 0},
		"HTTP-02 307":           {oauthtest.Fault{Status: 307, Header: header("Location", "https://sub.issuer.example/")}, provider.ErrUnsafe, "", 0},
		"HTTP-01 302 with JSON": {oauthtest.Fault{Status: 302, Body: `{"access_token":"a"}`}, provider.ErrUnsafe, "", 0},
		"429 for an hour":       {oauthtest.Fault{Status: 429, Header: header("Retry-After", "3600")}, provider.ErrThrottled, "HTTP 429", time.Hour},
		"429 for a year":        {oauthtest.Fault{Status: 429, Header: header("Retry-After", "Fri, 05 Nov 2027 09:00:00 GMT")}, provider.ErrThrottled, "HTTP 429", time.Hour},
		"HTTP-18 -5":            {oauthtest.Fault{Status: 429, Header: header("Retry-After", "-5")}, provider.ErrThrottled, "HTTP 429", time.Second},
		"HTTP-18 2.5":           {oauthtest.Fault{Status: 429, Header: header("Retry-After", "2.5")}, provider.ErrThrottled, "HTTP 429", 2500 * time.Millisecond},
		"HTTP-18 huge":          {oauthtest.Fault{Status: 429, Header: header("Retry-After", "99999999999999999999")}, provider.ErrThrottled, "HTTP 429", time.Hour},
		"HTTP-18 words":         {oauthtest.Fault{Status: 429, Header: header("Retry-After", "soon")}, provider.ErrThrottled, "HTTP 429", time.Minute},
		"HTTP-19 without":       {oauthtest.Fault{Status: 429}, provider.ErrThrottled, "HTTP 429", time.Minute},
		"429 invalid_grant":     {oauthtest.Fault{Status: 429, Body: `{"error":"invalid_grant"}`}, provider.ErrThrottled, "HTTP 429", time.Minute},
		"500 invalid_grant":     {oauthtest.Fault{Status: 500, Body: `{"error":"invalid_grant"}`}, provider.ErrUnavailable, oauth.CodeIssuer, 0},
		"503 with a wait":       {oauthtest.Fault{Status: 503, Header: header("Retry-After", "30")}, provider.ErrUnavailable, oauth.CodeIssuer, 30 * time.Second},
		"invalid_grant":         {oauthtest.Fault{Status: 400, Body: `{"error":"invalid_grant"}`}, provider.ErrAuth, oauth.CodeConsent, 0},
		"error in 200":          {oauthtest.Fault{Body: `{"error":"invalid_grant"}`}, provider.ErrAuth, oauth.CodeConsent, 0},
		"interaction_required":  {oauthtest.Fault{Status: 400, Body: `{"error":"interaction_required"}`}, provider.ErrAuth, oauth.CodeConsent, 0},
		"consent_required":      {oauthtest.Fault{Status: 400, Body: `{"error":"consent_required"}`}, provider.ErrAuth, oauth.CodeConsent, 0},
		"invalid_client":        {oauthtest.Fault{Status: 401, Body: `{"error":"invalid_client"}`}, provider.ErrAuth, oauth.CodeApplication, 0},
		"unauthorized_client":   {oauthtest.Fault{Status: 400, Body: `{"error":"unauthorized_client"}`}, provider.ErrAuth, oauth.CodeApplication, 0},
		"invalid_scope":         {oauthtest.Fault{Status: 400, Body: `{"error":"invalid_scope"}`}, provider.ErrUnsupported, "invalid_scope", 0},
		"temporarily":           {oauthtest.Fault{Status: 400, Body: `{"error":"temporarily_unavailable"}`}, provider.ErrUnavailable, oauth.CodeIssuer, 0},
		"an error of its own":   {oauthtest.Fault{Status: 400, Body: `{"error":"whatever"}`}, provider.ErrUnavailable, oauth.CodeIssuer, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := expired(t)
			w.issuer.SetFault(row.f)
			e := w.refused(row.kind)
			require.Equal(t, row.code, e.Code)
			require.Equal(t, row.after, e.RetryAfter)
			require.NotContains(t, e.Error(), "sign in to the network")
			w.issuer.SetFault(oauthtest.Fault{})
			w.clock.pass(max(row.after, time.Minute))
			w.token(w.source, "")
			require.Equal(t, 2, w.issuer.Calls("refresh_token"), "no grant is lost, and nothing is followed")
		})
	}
}

// TOK-C: while an issuer fails one asks it now and then, whoever wants a token.
func TestTOK_COneProbes(t *testing.T) {
	w := newWorld(t, oauthtest.Options{})
	for n := range 50 {
		w.consent(w.source, account(w.issuer, fmt.Sprint(n)))
	}
	w.issuer.SetFault(oauthtest.Fault{Status: 503})
	w.clock.pass(time.Hour)
	for range 600 { // seconds
		for n := range 50 {
			_, err := w.source.Token(context.Background(), account(w.issuer, fmt.Sprint(n)), secret.Text{})
			require.Positive(t, isError(t, err, provider.ErrUnavailable).RetryAfter+time.Second)
		}
		w.clock.pass(time.Second)
	}
	require.LessOrEqual(t, w.issuer.Calls("refresh_token"), 20)
	require.GreaterOrEqual(t, w.issuer.Calls("refresh_token"), 10)
}

// An issuer that says nothing is given up after Timeout.
func TestSlowIssuer(t *testing.T) {
	i := oauthtest.New(oauthtest.Options{})
	defer i.Close()
	s := overTLS(t, i, loopback())
	s.Timeout = 50 * time.Millisecond
	i.SetFault(oauthtest.Fault{Slow: time.Hour})
	_, err := s.BeginDevice(context.Background(), account(i, "ann"))
	require.Equal(t, "TimedOut", isError(t, err, provider.ErrUnavailable).Code)
}

// X3 and X4: the transport dials under the policy, believes no certificate that it is
// not told to, and asks no proxy of the environment.
func TestX3Transport(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	ctx := context.Background()
	i := oauthtest.New(oauthtest.Options{})
	defer i.Close()
	s := overTLS(t, i, loopback())
	_, err := s.BeginDevice(ctx, account(i, "ann"))
	require.NoError(t, err)
	require.NoError(t, s.Close())

	_, err = overTLS(t, i, profile.Policy{}).BeginDevice(ctx, account(i, "ann"))
	isError(t, err, provider.ErrUnsafe)
	s = overTLS(t, i, loopback())
	s.TLSConfig = nil
	_, err = s.BeginDevice(ctx, account(i, "ann"))
	require.Error(t, err)
	require.NotEqual(t, provider.ErrAuth, provider.KindOf(err))
	i.Close()
	_, err = overTLS(t, i, loopback()).BeginDevice(ctx, account(i, "ann"))
	isError(t, err, provider.ErrUnavailable)
}
