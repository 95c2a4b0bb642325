package s2s_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/internal/tokens"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/internal/jwt"
	"github.com/go-serversync/serversync/s2s/internal/selfissued"
	"github.com/go-serversync/serversync/secret"
)

func admitAll(s *s2s.Source) {
	s.Admit = func(context.Context, provider.Account, string) error { return nil }
}

// TOK-6: of all servers, resources and kinds together: what Exchange Online would take goes to hosts of Exchange Online alone, and what
// is shown to another server is for that server.
func TestTOK6EveryCombination(t *testing.T) {
	names := []string{"", "outlook.office365.com", "OUTLOOK.OFFICE365.COM.", "a.outlook.office365.com", "outlook.office.com", "outlook.office365.us", "partner.outlook.cn", "graph.microsoft.com",
		"outlook.office365.com.evil.example", "eviloutlook.office365.com", "office365.com", "com", "evil.example", "mail.contoso.example", "contoso.example",
		"outlook.office365.com@evil.example", "evil.example:443", "evil.example#outlook.office365.com", "evil.example/outlook.office365.com", "evil.example?outlook.office365.com", `evil.example\outlook.office365.com`, `outlook.office365.com\.evil.example`,
		"outlook.office365.com%2eevil.example", "outlook.office365.com%00.evil.example", "outlook.office365.com\x00.evil.example", "outlook.office365.com evil.example", "outlook.office365.com\r\n.evil.example", "evil.example,outlook.office365.com",
		"outlook\u3002office365\u3002com", "outl\u043e\u043ek.office365.com", "xn--outlk-jva.office365.com", "\uff4futlook.office365.com", "outloo\u212a.office365.com", "192.0.2.7", "[2001:db8::7]", "[fe80::1%25eth0]", "[::ffff:192.0.2.7]", "0x7f.1", "2130706433",
		"outlook.office365.com:99999", "outlook.office365.com..", ".outlook.office365.com", "*.office365.com", "outlook.office365.com%2f", strings.Repeat("a", 1<<12) + ".example"}
	resources := []string{"", "00000002-0000-0FF1-CE00-000000000000", "00000003-0000-0000-c000-000000000000", "api://00000002-0000-0ff1-ce00-000000000000", "00000002-0000-0ff1-ce00-000000000000/outlook.office365.com@" + contoso}
	for _, n := range names {
		resources = append(resources, "https://"+n, "https://"+n+"//", "https://"+n+"/%2f", "https://"+n+"/.default", "HTTPS://"+n, n, "http://"+n, "https:"+n, "https:///"+n, "https://"+n+":443", "https://"+n+":"+strings.Repeat("0", 1<<12)+"443")
	}
	h := newHostile(t, admitAll)
	online := s2s.WorldWide().Hosts
	var given, refused int
	for _, kind := range []profile.Kind{profile.ExchangeOnline, profile.ExchangeOnlineHybrid, profile.ExchangeServer, profile.ExchangeServerHybrid, profile.IMAPSMTP, profile.POP3SMTP} {
		for _, name := range names {
			servers := []string{name}
			if kind.IsExchange() {
				servers = []string{"https://" + name + "/EWS/Exchange.asmx", "HTTPS://" + name, "//" + name + "/EWS", "ftp://" + name + "/EWS", "https:" + name}
			}
			for _, at := range servers {
				for _, resource := range resources {
					a := server(kind, at)
					a.Profile.Application.Resource = resource
					audience, err := s2s.AudienceOf(h.source, a)
					if err != nil {
						var e *provider.Error
						require.ErrorAs(t, err, &e)
						require.Less(t, len(told(e)), 1000)
						refused++
						continue
					}
					given++
					shown := strings.TrimSuffix(strings.ToLower(name), ".")
					if kind.IsExchange() {
						u, err := url.Parse(at)
						require.NoError(t, err)
						require.Equal(t, "https", u.Scheme)
						shown = strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
						require.NotEmpty(t, shown)
					}
					u, err := url.Parse(audience)
					require.NoError(t, err)
					of := u.Hostname()
					require.LessOrEqual(t, len(audience), 300)
					if audience == "00000002-0000-0ff1-ce00-000000000000" || tokens.For(online, of) {
						require.True(t, tokens.For(online, shown), "%s at %s: %s", kind, at, audience)
						continue
					}
					require.Equal(t, shown, strings.TrimSuffix(of, "."), "%s at %s: %s", kind, at, audience)
					require.Equal(t, "", u.Path, "%s", audience)
				}
			}
		}
	}
	require.Greater(t, given, 100)
	t.Log(given, "given", refused, "refused")
}

// What an administrator of an organization enters as tenant or application gets into no URL, and into no message as it is.
func TestHostileTenantAndApplication(t *testing.T) {
	for _, tenant := range []string{"common", "organizations", "consumers", "adfs", "contoso.example", "../" + contoso[3:], contoso + "/..", contoso + "/oauth2", "https://evil.example/" + contoso, contoso + "?", contoso + "#", contoso + "@evil.example",
		"{" + contoso + "}", strings.ReplaceAll(contoso, "-", "\u2010"), strings.ReplaceAll(contoso, "1", "\u0661"), strings.ReplaceAll(contoso, "a", "\uff41"), contoso + " ", contoso + "\n", " " + contoso, contoso + "\x00", strings.Repeat(contoso, 1<<15), "%2e%2e", "{tenant}"} {
		h := newHostile(t, admitAll)
		a := account("ann")
		a.Profile.TenantID = tenant
		_, err := h.ask(a)
		e := isError(t, err, provider.ErrUnsupported)
		require.Less(t, len(told(e)), 1000)
		require.Empty(t, h.hosts, "%q", tenant)
	}
	h := newHostile(t)
	a := account("ann")
	a.Profile.TenantID = strings.ToUpper(contoso)
	_, err := h.ask(a)
	require.NoError(t, err)
	_, err = h.ask(account("bob"))
	require.NoError(t, err)
	require.Equal(t, 1, h.issuer.Counts().Requests, "one tenant, one token")

	for _, id := range []string{"a\r\nX: y", `","sub":"x`, "a\x00b", "\x1b[2J", "\u202eevil", strings.Repeat("x", 1<<10), strings.Repeat("x", 1<<20), "&client_secret=x", client + "&scope=y", "\xff\xfe", "%00", "'; --"} {
		h := newHostile(t)
		a := account("ann")
		a.Profile.Application.ClientID = id
		_, err := h.ask(a)
		require.Error(t, err)
		text := told(err)
		require.Less(t, len(text), 2000)
		require.False(t, strings.ContainsAny(text, "\r\n\x00\x1b\u202e"), "%q", text)
		h.onlyAuthority()
		h.silent(text)
	}
}

// A mailbox's address says whose mailbox it is, and nothing besides; neither do the realm and the server's name.
func TestIssuedHostileNames(t *testing.T) {
	needSHA1(t, "self-issued")
	h := newHostile(t, admitAll)
	require.NoError(t, func() error { _, err := h.ask(onPremises("bob")); return err }())
	for _, address := range []string{"", "bob", `bob@contoso.example","smtp":"eve@contoso.example`, "bob@contoso.example,eve@contoso.example", "bob@contoso.example\x00", "bob@contoso.example\r\n", " bob@contoso.example", "bob @contoso.example",
		"b\u043eb@contoso.example", "\uff42ob@contoso.example", "b\u00f6b@contoso.example", "boo\u212a@contoso.example", "adm\u0130n@contoso.example", "bob@contoso.example\u200b", "bob\u202e@contoso.example", "bo\u0301b@contoso.example", "bob\uff20contoso.example",
		"<bob@contoso.example>", "smtp:bob@contoso.example", "bob@contoso.example;x", "bob@eve@contoso.example", `"bob"@contoso.example`, "bob(x)@contoso.example", "\xffbob@contoso.example", strings.Repeat("b", 1<<20) + "@contoso.example"} {
		a := onPremises("bob")
		a.Mailbox.Address = address
		_, err := h.ask(a)
		require.Less(t, len(told(isError(t, err, provider.ErrUnsupported))), 1000, "%.60q", address)
	}
	for _, address := range []string{"Bob@Contoso.Example", "o'brien%x@contoso.example", "a!b@contoso.example", "{bob}@contoso.example"} {
		a := onPremises("bob")
		a.Mailbox.Address = address
		token, err := h.ask(a)
		require.NoError(t, err)
		header, claims, err := jwt.Claims(token.Value.Reveal())
		require.NoError(t, err)
		require.Equal(t, map[string]any{"typ": "JWT", "alg": "none"}, header)
		require.Equal(t, strings.ToLower(address), claims["smtp"])
		require.Len(t, claims, 6)
	}
	for _, realm := range []string{"a@b", "a/b", "a b", `a","x":"y`, "a\x00", "a\r\n", "\u212aontoso.example", strings.Repeat("r", 254), "*", "b\u00f6se.example"} {
		a := onPremises("bob")
		a.Profile.Application.Realm = realm
		_, err := h.ask(a)
		text := told(isError(t, err, provider.ErrUnsupported))
		require.Less(t, len(text), 1500)
		require.False(t, strings.ContainsAny(text, "\r\n\x00"), "%q", text)
		h.clock.pass(time.Minute)
	}
	// Another server's token is good there alone.
	a := onPremises("bob")
	a.Profile.Incoming.URL = "https://mail.contoso.example.evil.example/EWS"
	token, err := h.ask(on(a, profile.Incoming))
	require.NoError(t, err)
	_, claims, err := jwt.Claims(selfissued.ActorOf(token.Value.Reveal()))
	require.NoError(t, err)
	require.Equal(t, selfissued.Exchange+"/mail.contoso.example.evil.example@"+contoso, claims["aud"])
}

// One organization is never served what another was admitted to, whatever they have in common.
func TestAdmissionIsNotShared(t *testing.T) {
	var asked []string
	h := newHostile(t, func(s *s2s.Source) {
		s.Admit = func(_ context.Context, a provider.Account, tenant string) error {
			asked = append(asked, a.Mailbox.Key.Organization+" "+tenant)
			if a.Mailbox.Key.Organization != "acme" {
				return errors.New("only acme may")
			}
			return nil
		}
	})
	evil := func(a provider.Account) provider.Account { a.Mailbox.Key.Organization = "evil"; return a }
	token, err := h.ask(account("ann"))
	require.NoError(t, err)
	for range 3 {
		_, err = h.ask(evil(account("ann")))
		require.Contains(t, isError(t, err, provider.ErrUnsafe).Error(), "only acme may")
	}
	_, err = h.source.Token(context.Background(), evil(account("ann")), token.Value)
	isError(t, err, provider.ErrUnsafe)
	// Nor is what went wrong.
	h.clock.pass(2 * time.Hour)
	h.issuer.SetFault()
	require.NoError(t, h.issuer.Withdraw(contoso, client))
	_, err = h.ask(account("ann"))
	isError(t, err, provider.ErrAuth)
	_, err = h.ask(evil(account("ann")))
	require.NotContains(t, isError(t, err, provider.ErrUnsafe).Error(), "AADSTS")
	require.Len(t, asked, 7, "each time but where acme was admitted already: %v", asked)

	// With nobody to say, what decides is the deployment; one account's answer is not the next one's.
	h = newHostile(t)
	mine := account("ann")
	mine.Policy.Deployment, mine.Policy.TenantID, mine.Profile.TenantID = profile.SelfHosted, "", contoso
	_, err = h.ask(mine)
	require.NoError(t, err)
	mine.Policy.Deployment = ""
	_, err = h.ask(mine)
	isError(t, err, provider.ErrUnsafe)
}

// Profiles that differ in their secret alone share nothing, and a profile that was changed is looked at anew.
func TestSecretsAreApart(t *testing.T) {
	h := newHostile(t)
	_, err := h.ask(account("ann"))
	require.NoError(t, err)
	wrong := bySecret()
	wrong.Profile.Application.Secret = secret.New(hostsSecret + "x")
	for range 2 {
		_, err = h.ask(wrong)
		isError(t, err, provider.ErrAuth)
	}
	require.Equal(t, 2, h.issuer.Counts().Requests)
	_, err = h.ask(bySecret())
	require.NoError(t, err, "the other's refusal is not ours")
	_, err = h.ask(wrong)
	isError(t, err, provider.ErrAuth)
	wrong.Profile.Application.Secret, wrong.Profile.Revision = secret.New(hostsSecret), "2"
	_, err = h.ask(wrong)
	require.NoError(t, err, "it was mended")
	require.Equal(t, 3, h.issuer.Counts().Requests)
	wrong.Policy.OrganizationsEnterHosts, wrong.Profile.Application.Secret, wrong.Profile.Revision = true, secret.Text{}, "3"
	_, err = h.ask(wrong)
	isError(t, err, provider.ErrUnsafe)
}

// What an organization makes twenty thousand of is forgotten again.
func TestManyProfilesAreForgotten(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2000
	}
	h := newHostile(t, admitAll)
	for k := range n {
		a := onPremises("bob")
		a.Profile.ID, a.Profile.Application.Realm = "p", fmt.Sprintf("r%d@", k) // no realm, so that no key signs
		_, err := h.ask(a)
		require.Error(t, err)
	}
	_, kept := s2s.Kept(h.source)
	require.Equal(t, n, kept)
	h.clock.pass(3 * time.Hour)
	_, err := h.ask(account("ann"))
	require.NoError(t, err)
	entries, cells := s2s.Kept(h.source)
	require.LessOrEqual(t, entries, 1)
	require.LessOrEqual(t, cells, 1)
}
