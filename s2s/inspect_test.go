package s2s_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/secret"
)

// A token is held against what the endpoint needs: only what a server is sure to refuse is an error.
func TestPermission(t *testing.T) {
	const id = "00000002-0000-0ff1-ce00-000000000000"
	hour := epoch.Add(time.Hour).Unix()
	claims := func(change map[string]any) map[string]any {
		c := map[string]any{"aud": outlook, "tid": contoso, "appid": client, "exp": hour, "roles": []string{"full_access_as_app"}}
		for name, v := range change {
			if c[name] = v; v == nil {
				delete(c, name)
			}
		}
		return c
	}
	ews := account("ann")
	mail := func(kind profile.Kind, side profile.Side) provider.Account {
		a := account("ann")
		a.Profile.Kind, a.Profile.Incoming.Host, a.Profile.Outgoing = kind, "outlook.office365.com", profile.Endpoint{Host: "smtp.office365.com", TLS: profile.StartTLS}
		return on(a, side)
	}
	graph := account("ann")
	graph.Profile.Application.Resource, graph.Profile.Incoming.URL = "https://graph.microsoft.com", "https://graph.microsoft.com/v1.0"
	graph = on(graph, profile.Incoming)
	for name, row := range map[string]struct {
		a      provider.Account
		claims map[string]any
		code   string
		words  string
	}{
		"exchange":               {ews, claims(nil), "", "tenant " + contoso + ", application " + client + ", for " + outlook + ", roles full_access_as_app, good until 2026-11-01T10:00:00Z"},
		"by id":                  {ews, claims(map[string]any{"aud": id}), "", "for " + id},
		"by another host":        {ews, claims(map[string]any{"aud": []string{"https://outlook.office.com/"}}), "", ""},
		"tenant in capitals":     {ews, claims(map[string]any{"tid": strings.ToUpper(contoso)}), "", ""},
		"RBAC":                   {ews, claims(map[string]any{"roles": []string{"Mail.Read"}}), "", "without full_access_as_app: Exchange's RBAC for Applications decides"},
		"no roles":               {ews, claims(map[string]any{"roles": nil}), "", "no roles"},
		"graph's":                {ews, claims(map[string]any{"aud": "https://graph.microsoft.com"}), s2s.CodeAudience, "https://graph.microsoft.com"},
		"graph's id":             {ews, claims(map[string]any{"aud": "00000003-0000-0000-c000-000000000000"}), s2s.CodeAudience, ""},
		"for graph":              {graph, claims(map[string]any{"aud": "https://graph.microsoft.com", "roles": nil}), "", "no roles"},
		"for graph by id":        {graph, claims(map[string]any{"aud": "00000003-0000-0000-c000-000000000000"}), "", ""},
		"for graph, exchange's":  {graph, claims(nil), s2s.CodeAudience, ""},
		"another tenant":         {ews, claims(map[string]any{"tid": fabrikam}), s2s.CodeTenant, fabrikam},
		"expired":                {ews, claims(map[string]any{"exp": epoch.Unix()}), s2s.CodeExpired, "2026-11-01T09:00:00Z"},
		"no end":                 {ews, claims(map[string]any{"exp": nil}), "", ""},
		"imap":                   {mail(profile.IMAPSMTP, profile.Incoming), claims(map[string]any{"roles": []string{"IMAP.AccessAsApp"}}), "", "IMAP.AccessAsApp"},
		"imap lacks":             {mail(profile.IMAPSMTP, profile.Incoming), claims(nil), s2s.CodePermission, "IMAP.AccessAsApp"},
		"pop3 lacks":             {mail(profile.POP3SMTP, profile.Incoming), claims(map[string]any{"roles": []string{"IMAP.AccessAsApp"}}), s2s.CodePermission, "POP.AccessAsApp"},
		"pop3":                   {mail(profile.POP3SMTP, profile.Incoming), claims(map[string]any{"roles": []string{"POP.AccessAsApp"}}), "", ""},
		"smtp":                   {mail(profile.IMAPSMTP, profile.Outgoing), claims(map[string]any{"roles": []string{"SMTP.SendAsApp"}}), "", "roles SMTP.SendAsApp, good"},
		"smtp RBAC":              {mail(profile.POP3SMTP, profile.Outgoing), claims(nil), "", "RBAC for Applications decides (Application SMTP.SendAsApp)"},
		"many roles":             {ews, claims(map[string]any{"roles": append(many(1000), "full_access_as_app")}), "", "and 991 more"},
		"odd roles":              {ews, claims(map[string]any{"roles": []any{"full_access_as_app", 7, "a\nb\u202e", strings.Repeat("é", 500)}}), "", `a\nb\u202e`},
		"roles are a word":       {ews, claims(map[string]any{"roles": "full_access_as_app"}), "", "roles full_access_as_app"},
		"nothing that was asked": {ews, map[string]any{}, "", "no roles, without full_access_as_app"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			text, err := jwt.Sign(jwt.None, map[string]any{}, row.claims, nil)
			require.NoError(t, err)
			e, err := w.source.Permission(row.a, provider.Token{Value: secret.New(text)})
			if row.code == "" {
				require.NoError(t, err)
				require.Contains(t, e.Text, row.words)
			} else {
				known := isError(t, err, provider.ErrAuth)
				require.Equal(t, row.code, known.Code)
				require.Contains(t, known.Error(), row.words)
				require.NotEmpty(t, known.Remedy)
				require.Less(t, len(known.Error()), 1500)
			}
			require.Less(t, len(e.Text), 1500)
			require.NotContains(t, e.Text, "\n")
			require.False(t, secret.New(text).In(e.Text))
		})
	}
	w := newWorld(t)
	for _, opaque := range []string{"opaque", "a.b.c", strings.Repeat(".", 1_000_000), ""} { // TOK-D
		e, err := w.source.Permission(ews, provider.Token{Value: secret.New(opaque)})
		require.NoError(t, err)
		require.Zero(t, e)
	}
}

func many(n int) (all []string) {
	for range n {
		all = append(all, "Mail.Read")
	}
	return all
}

// What was told of a token is told again without reading it; that it expires is seen all the same.
func TestPermissionIsCheap(t *testing.T) {
	w := newWorld(t)
	a := account("ann")
	token, err := w.source.Token(t.Context(), a, secret.Text{})
	require.NoError(t, err)
	first, err := w.source.Permission(a, token)
	require.NoError(t, err)
	require.Less(t, testing.AllocsPerRun(100, func() {
		if e, err := w.source.Permission(a, token); err != nil || e.Text != first.Text {
			t.Error(e, err)
		}
	}), 8.0)
	w.clock.pass(life(time.Hour))
	_, err = w.source.Permission(a, token)
	require.Equal(t, s2s.CodeExpired, isError(t, err, provider.ErrAuth).Code)
}
