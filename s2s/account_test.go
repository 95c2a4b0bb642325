package s2s_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/secret"
)

// of returns an account of a kind with what is changed.
func of(kind profile.Kind, change func(*profile.Profile)) provider.Account {
	a := account("ann")
	a.Profile.Kind = kind
	change(&a.Profile)
	return on(a, profile.Incoming)
}

// A token goes only to hosts of its audience, and never without TLS. It is asked for that audience.
func TestTOK6(t *testing.T) {
	none := func(*profile.Profile) {}
	url := func(u string) func(*profile.Profile) { return func(p *profile.Profile) { p.Incoming.URL = u } }
	host := func(h string) func(*profile.Profile) { return func(p *profile.Profile) { p.Incoming.Host = h } }
	both := func(all ...func(*profile.Profile)) func(*profile.Profile) {
		return func(p *profile.Profile) {
			for _, f := range all {
				f(p)
			}
		}
	}
	resource := func(r string) func(*profile.Profile) {
		return func(p *profile.Profile) { p.Application.Resource = r }
	}
	for name, row := range map[string]struct {
		cloud    s2s.Cloud
		a        provider.Account
		audience string        // asked for
		kind     provider.Kind // or refused
	}{
		"online":                       {a: of(profile.ExchangeOnline, none), audience: outlook},
		"online, by URL":               {a: of(profile.ExchangeOnline, url("https://outlook.office365.com/EWS/Exchange.asmx")), audience: outlook},
		"online, autodiscover":         {a: of(profile.ExchangeOnline, url("https://autodiscover-s.outlook.com/autodiscover/autodiscover.svc")), audience: outlook},
		"imap":                         {a: of(profile.IMAPSMTP, host("outlook.office365.com")), audience: outlook},
		"pop3, upper case":             {a: of(profile.POP3SMTP, host("OUTLOOK.office365.com.")), audience: outlook},
		"hybrid online":                {a: of(profile.ExchangeOnlineHybrid, none), audience: outlook},
		"on premises":                  {a: of(profile.ExchangeServerHybrid, url("https://Mail.Contoso.example/EWS/Exchange.asmx")), audience: "https://mail.contoso.example"},
		"on premises, port":            {a: of(profile.ExchangeServer, url("https://mail.contoso.example:8443/EWS/Exchange.asmx")), audience: "https://mail.contoso.example"},
		"on premises, its resource":    {a: of(profile.ExchangeServer, both(url("https://mail.contoso.example/x"), resource("https://mail.contoso.example/"))), audience: "https://mail.contoso.example"},
		"graph":                        {a: of(profile.ExchangeOnline, both(url("https://graph.microsoft.com/v1.0"), resource("https://graph.microsoft.com"))), audience: "https://graph.microsoft.com"},
		"another name of online":       {a: of(profile.ExchangeOnline, resource("https://outlook.office.com")), audience: "https://outlook.office.com"},
		"by id":                        {a: of(profile.ExchangeOnline, resource("00000002-0000-0FF1-CE00-000000000000")), audience: "00000002-0000-0ff1-ce00-000000000000"},
		"government":                   {cloud: s2s.USGovernment(), a: of(profile.ExchangeOnline, url("https://outlook.office365.us/EWS/Exchange.asmx")), audience: "https://outlook.office365.us"},
		"defense":                      {cloud: s2s.USDefense(), a: of(profile.ExchangeOnline, url("https://webmail.apps.mil/EWS/Exchange.asmx")), audience: "https://outlook-dod.office365.us"},
		"china":                        {cloud: s2s.China(), a: of(profile.IMAPSMTP, host("partner.outlook.cn")), audience: "https://partner.outlook.cn"},
		"another's server":             {a: of(profile.ExchangeOnline, url("https://outlook.office365.com.evil.example/EWS")), kind: provider.ErrUnsafe},
		"a name that ends alike":       {a: of(profile.IMAPSMTP, host("eviloutlook.office365.com")), kind: provider.ErrUnsafe},
		"government's server here":     {a: of(profile.ExchangeOnline, url("https://outlook.office365.us/EWS")), kind: provider.ErrUnsafe},
		"world's server there":         {cloud: s2s.USGovernment(), a: of(profile.ExchangeOnline, none), kind: provider.ErrUnsafe},
		"graph's token to exchange":    {a: of(profile.ExchangeOnline, resource("https://graph.microsoft.com")), kind: provider.ErrUnsafe},
		"exchange's token on premises": {a: of(profile.ExchangeServer, both(url("https://mail.contoso.example/x"), resource(outlook))), kind: provider.ErrUnsafe},
		"one server's to another":      {a: of(profile.ExchangeServer, both(url("https://a.contoso.example/x"), resource("https://contoso.example"))), kind: provider.ErrUnsafe},
		"without TLS, by URL":          {a: of(profile.ExchangeServer, url("http://mail.contoso.example/EWS")), kind: provider.ErrUnsafe},
		"without TLS": {a: of(profile.IMAPSMTP, func(p *profile.Profile) {
			p.Incoming.Host, p.Incoming.TLS = "outlook.office365.com", profile.Plaintext
		}), kind: provider.ErrUnsafe},
		"not found yet":          {a: of(profile.ExchangeServer, func(p *profile.Profile) { p.Autodiscover = true }), kind: provider.ErrUnsupported},
		"no resource's name":     {a: of(profile.ExchangeOnline, resource("api://x")), kind: provider.ErrUnsupported},
		"resource with a path":   {a: of(profile.ExchangeOnline, resource(outlook+"/a")), kind: provider.ErrUnsupported},
		"resource without TLS":   {a: of(profile.ExchangeOnline, resource("http://outlook.office365.com")), kind: provider.ErrUnsupported},
		"tenant's domain":        {a: of(profile.ExchangeOnline, func(p *profile.Profile) { p.TenantID = "contoso.example" }), kind: provider.ErrUnsupported},
		"tenant with a path":     {a: of(profile.ExchangeOnline, func(p *profile.Profile) { p.TenantID = "../" + contoso[3:] }), kind: provider.ErrUnsupported},
		"common":                 {a: of(profile.ExchangeOnline, func(p *profile.Profile) { p.TenantID = "common" }), kind: provider.ErrUnsupported},
		"no application":         {a: of(profile.ExchangeOnline, func(p *profile.Profile) { p.Application.ClientID = "" }), kind: provider.ErrUnsupported},
		"userinfo in the server": {a: of(profile.ExchangeOnline, url("https://outlook.office365.com@evil.example/EWS")), kind: provider.ErrUnsafe},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *s2s.Source) {
				s.Cloud = row.cloud
				s.Admit = func(context.Context, provider.Account, string) error { return nil }
			})
			token, err := w.source.Token(context.Background(), row.a, secret.Text{})
			if row.kind != "" {
				require.NotEmpty(t, isError(t, err, row.kind).Remedy)
				require.Zero(t, w.issuer.asked())
				return
			}
			require.NoError(t, err)
			e, err := w.source.Permission(row.a, token)
			if row.a.Profile.Kind.IsExchange() {
				require.NoError(t, err)
			}
			require.Contains(t, e.Text, "for "+row.audience+",")
		})
	}
}

// What proves the host opens every tenant that has consented, so an organization must not be able to name one.
func TestAdmission(t *testing.T) {
	other := func(a *provider.Account) { a.Profile.TenantID = fabrikam }
	own := func(a *provider.Account) { a.Profile.Application.Secret = secret.New("of their own") }
	enter := func(a *provider.Account) { a.Policy.OrganizationsEnterHosts = true }
	realm := func(name string) func(a *provider.Account) {
		return func(a *provider.Account) {
			a.Profile.Kind, a.Profile.Incoming.URL, a.Profile.Application.Realm = profile.ExchangeServer, "https://mail.contoso.example/EWS/Exchange.asmx", name
			*a = on(*a, profile.Incoming)
		}
	}
	yes := func(context.Context, provider.Account, string) error { return nil }
	selfHosted := func(a *provider.Account) { a.Policy.Deployment = profile.SelfHosted }
	no := func(context.Context, provider.Account, string) error { return errors.New("acme has not paid") }
	away := func(context.Context, provider.Account, string) error {
		return &provider.Error{Op: "host", Kind: provider.ErrUnavailable, Err: errors.New("the database is away")}
	}
	for name, row := range map[string]struct {
		admit  func(context.Context, provider.Account, string) error
		change []func(*provider.Account)
		kind   provider.Kind
		words  string
	}{
		"own tenant":                      {},
		"another tenant":                  {change: []func(*provider.Account){other}, kind: provider.ErrUnsafe, words: fabrikam},
		"own, organizations enter":        {change: []func(*provider.Account){enter}, kind: provider.ErrUnsafe, words: contoso},
		"another, their own application":  {change: []func(*provider.Account){other, own}},
		"organizations enter, their own":  {change: []func(*provider.Account){enter, own}},
		"another, admitted":               {admit: yes, change: []func(*provider.Account){other, enter}},
		"own, not admitted":               {admit: no, kind: provider.ErrUnsafe, words: "acme has not paid"},
		"their own is not asked about":    {admit: no, change: []func(*provider.Account){other, own}},
		"nobody knows":                    {admit: away, kind: provider.ErrUnavailable, words: "the database is away"},
		"a realm":                         {change: []func(*provider.Account){realm("contoso.example")}, kind: provider.ErrUnsafe, words: "contoso.example"},
		"a realm, with a secret":          {change: []func(*provider.Account){realm("contoso.example"), own}, kind: provider.ErrUnsafe, words: "contoso.example"},
		"a realm, admitted":               {admit: yes, change: []func(*provider.Account){realm("contoso.example")}},
		"own tenant as a realm":           {change: []func(*provider.Account){realm(contoso)}},
		"another, self-hosted":            {change: []func(*provider.Account){other, selfHosted}},
		"a realm, self-hosted":            {change: []func(*provider.Account){realm("contoso.example"), selfHosted}},
		"self-hosted, many organizations": {change: []func(*provider.Account){other, selfHosted, enter}, kind: provider.ErrUnsafe, words: fabrikam},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *s2s.Source) { s.Admit = row.admit })
			w.issuer.secret("of their own")
			a := account("ann")
			for _, f := range row.change {
				f(&a)
			}
			_, err := w.source.Token(context.Background(), a, secret.Text{})
			if row.kind == "" {
				if a.Profile.Application.Realm != "" {
					needSHA1(t, "self-issued")
				}
				require.NoError(t, err)
				return
			}
			e := isError(t, err, row.kind)
			require.Contains(t, e.Error(), row.words)
			require.Contains(t, e.Error(), client)
			require.Zero(t, w.issuer.asked())
		})
	}
}

// Admit is asked once for a profile, however many mailboxes ask at once; again when the profile is another, and within the hour.
func TestAdmitIsAskedSeldom(t *testing.T) {
	var mu sync.Mutex
	var tenants []string
	w := newWorld(t, func(s *s2s.Source) {
		s.Admit = func(_ context.Context, a provider.Account, tenant string) error {
			mu.Lock()
			defer mu.Unlock()
			tenants = append(tenants, a.Mailbox.Key.Organization+" "+tenant)
			if len(tenants) > 3 {
				return errors.New("taken back")
			}
			return nil
		}
	})
	w.crowd(1000, "")
	require.Equal(t, []string{"acme " + contoso}, tenants)
	a := account("ann")
	a.Profile.Revision = "2"
	_, err := w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	a.Mailbox.Key.Organization = "other"
	_, err = w.source.Token(context.Background(), a, secret.Text{})
	require.NoError(t, err)
	require.Equal(t, []string{"acme " + contoso, "acme " + contoso, "other " + contoso}, tenants)
	require.Equal(t, 1, w.issuer.asked(), "they share a token")
	w.clock.pass(59 * time.Minute)
	w.token()
	w.clock.pass(time.Minute)
	require.Equal(t, s2s.CodeAdmission, w.refused(provider.ErrUnsafe).Code)
	w.refused(provider.ErrUnsafe)
	require.Len(t, tenants, 5, "a no is not remembered")
}

// Who waits for another's admission does not wait beyond his own time, nor fail by the other's.
func TestAdmitWaits(t *testing.T) {
	begun, hold := make(chan struct{}, 2), make(chan struct{})
	w := newWorld(t, func(s *s2s.Source) {
		s.Admit = func(ctx context.Context, _ provider.Account, _ string) error {
			begun <- struct{}{}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-hold:
				return nil
			}
		}
	})
	ask := func(ctx context.Context, name string) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := w.source.Token(ctx, account(name), secret.Text{})
			done <- err
		}()
		return done
	}
	first, cancel := context.WithCancel(context.Background())
	ann := ask(first, "ann")
	<-begun
	bob := ask(context.Background(), "bob")
	short, end := context.WithCancel(context.Background())
	end()
	require.ErrorIs(t, <-ask(short, "eve"), context.Canceled)
	cancel()
	require.ErrorIs(t, <-ann, context.Canceled)
	<-begun
	close(hold)
	require.NoError(t, <-bob)
}

// Profiles with different secrets share nothing, and the next secret is taken at once.
func TestSecretsDoNotShare(t *testing.T) {
	w := newWorld(t)
	w.issuer.secret("right")
	a := account("ann")
	seen := make(map[string]bool)
	for n, s := range []string{"right", "wrong", "right"} {
		a.Profile.Application.Secret = secret.New(s)
		token, err := w.source.Token(context.Background(), a, secret.Text{})
		if s == "wrong" {
			require.Contains(t, isError(t, err, provider.ErrAuth).Error(), "AADSTS7000215")
			continue
		}
		require.NoError(t, err, fmt.Sprint(n))
		seen[token.Value.Reveal()] = true
	}
	require.Len(t, seen, 1)
	require.Equal(t, 2, w.issuer.asked())
	w.token()
	require.Equal(t, 3, w.issuer.asked(), "what proves the host gives another token")
}
