package websignin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// A strict is a server that refuses each token, with a header of its own.
type strict struct {
	*site
	tokens []string // that it was shown
}

func newStrict(t *testing.T, fields ...string) *strict {
	s := &strict{site: newSite(t)}
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		s.mu.Lock()
		s.tokens = append(s.tokens, shown)
		s.mu.Unlock()
		for i := 0; i < len(fields); i += 2 {
			w.Header().Add(fields[i], strings.ReplaceAll(fields[i+1], "{token}", shown))
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	return s
}

// A source gives one token, and another answer when that is refused.
type source struct {
	first string // word if it is ""
	next  string
	err   error
}

func (s source) Token(_ context.Context, _ provider.Account, refused secret.Text) (provider.Token, error) {
	switch {
	case refused.IsZero():
		return provider.Token{Value: secret.New(cmp.Or(s.first, word))}, nil
	case s.err != nil:
		return provider.Token{}, s.err
	}
	return provider.Token{Value: secret.New(s.next)}, nil
}

func tokensOf(c profile.Credentials, s source) provider.Account {
	return account(from(c), func(a *provider.Account) { a.Tokens, a.Mailbox.Password = s, secret.Text{} })
}

const (
	audience = `2000003;reason="The hostname component of the audience claim value is invalid.";error_category="invalid_resource"`
	bearer1  = `Bearer client_id="00000002-0000-0ff1-ce00-000000000000", error="invalid_token"`
)

// Row 72: what Exchange says of a token is told with a remedy of its own, by whose token it is; where it says
// nothing, the code is HTTP's as before.
func TestRefusedToken(t *testing.T) {
	for name, row := range map[string]struct {
		fields                 []string
		code, cause, app, user string
	}{
		"audience":   {[]string{"x-ms-diagnostics", audience, "WWW-Authenticate", bearer1}, "token_audience", "the token is for another service", "SSL offloading", "have the owner consent again"},
		"permission": {[]string{"x-ms-diagnostics", `2000008;reason="The token contains no permissions, or permissions can not be understood.";error_category="invalid_grant"`}, "token_permission", "permits nothing", "RBAC for Applications", "EWS.AccessAsUser.All"},
		"claims":     {[]string{"WWW-Authenticate", `Bearer error="insufficient_claims", claims="eyJ9"`}, "token_claims", "claims challenge", "Conditional Access", "owner consent again"},
		"no reason":  {[]string{"WWW-Authenticate", bearer1}, "HTTP 401", "invalid_token", "full_access_as_app", "have it given again"},
		"nothing":    {nil, "HTTP 401", "refused the sign-in by Bearer", "full_access_as_app", "have it given again"},
	} {
		t.Run(name, func(t *testing.T) {
			for c, remedy := range map[profile.Credentials]string{profile.ServerToServer: row.app, profile.OAuth: row.user} {
				s := newStrict(t, row.fields...)
				err := post(t, client(t, s.site, tokensOf(c, source{next: word})), s.site)
				var e *provider.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, provider.ErrAuth, e.Kind)
				require.Equal(t, row.code, e.Code)
				require.ErrorContains(t, err, row.cause)
				require.Contains(t, e.Remedy, remedy)
				var refused *Refusal
				require.ErrorAs(t, err, &refused)
				k, known := mailbox.Lookup(e.Code)
				require.True(t, known)
				require.Contains(t, []mailbox.Class{mailbox.Refused, mailbox.Permanent}, k.Class)
				require.Len(t, s.tokens, 1)
			}
		})
	}
}

// A password's refusal is judged by nobody's words of tokens.
func TestRefusedPasswordIsNoToken(t *testing.T) {
	s := newStrict(t, "x-ms-diagnostics", audience, "WWW-Authenticate", "Basic")
	err := post(t, client(t, s.site, account(by(profile.Basic))), s.site)
	var e *provider.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "HTTP 401", e.Code)
	require.Equal(t, "check user name and password", e.Remedy)
	require.ErrorContains(t, err, "audience claim value", "what the server says is still told")
}

// TOK-3: the source's own reason counts, unless it knows no more than that tokens are refused, and the server told why.
func TestTOK3WhoseReason(t *testing.T) {
	known := &provider.Error{Op: "source", Kind: provider.ErrAuth, Code: "token_refused", Err: errors.New("new tokens are refused")}
	gone := &provider.Error{Op: "source", Kind: provider.ErrAuth, Code: "invalid_grant", Err: errors.New("consent is gone")}
	later := &provider.Error{Op: "source", Kind: provider.ErrUnavailable, Code: "token_refused", Err: errors.New("later")}
	for _, row := range []struct {
		err    *provider.Error
		fields []string
		code   string
	}{
		{known, []string{"x-ms-diagnostics", audience}, "token_audience"},
		{known, []string{"WWW-Authenticate", bearer1}, "token_refused"},
		{gone, []string{"x-ms-diagnostics", audience}, "invalid_grant"},
		{later, []string{"x-ms-diagnostics", audience}, "token_refused"},
	} {
		s := newStrict(t, row.fields...)
		err := post(t, client(t, s.site, tokensOf(profile.ServerToServer, source{err: row.err})), s.site)
		var e *provider.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, row.code, e.Code)
	}
	s := newStrict(t, "x-ms-diagnostics", audience)
	err := post(t, client(t, s.site, tokensOf(profile.ServerToServer, source{next: "another"})), s.site)
	require.ErrorContains(t, err, "another service")
	require.Equal(t, []string{word, "another"}, s.tokens, "another token is tried, once")
}

// TOK-B: a server that repeats the token in its reason is judged, and not quoted.
func TestTOK_BRepeatedToken(t *testing.T) {
	for _, fields := range [][]string{
		{"x-ms-diagnostics", `2000003;reason="{token} has another audience";error_category="invalid_resource"`},
		{"WWW-Authenticate", `Bearer error="{token}", error_description="{token}: the audience is another one"`},
		{"WWW-Authenticate", `Bearer error="invalid_token", error_description="the audience of {token}"`, "x-{token}", "{token}"},
	} {
		s := newStrict(t, fields...)
		err := post(t, client(t, s.site, tokensOf(profile.ServerToServer, source{next: word})), s.site)
		var e *provider.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "token_audience", e.Code)
		var refused *Refusal
		require.ErrorAs(t, err, &refused)
		for name, values := range refused.Header {
			require.NotContains(t, name+strings.Join(values, " "), word)
		}
		require.NotContains(t, err.Error()+e.Remedy, word)
	}
}

// TOK-B: nor is a part quoted that a quotation mark in the token leaves of it.
func TestTOK_BPartOfToken(t *testing.T) {
	const part = "4KRUF47xz7oy"
	token := part + `"and=the-rest-of-it`
	s := newStrict(t, "WWW-Authenticate", `Bearer error="invalid_token", error_description="{token}"`)
	err := post(t, client(t, s.site, tokensOf(profile.ServerToServer, source{first: token, next: token})), s.site)
	require.ErrorIs(t, err, provider.ErrAuth)
	require.NotContains(t, err.Error(), part)
}
