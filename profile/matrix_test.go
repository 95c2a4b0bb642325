package profile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/secret"
)

// The support matrix: what each row accepts is accepted without a word, and what
// is outside it is refused or warned of.
func TestMatrix(t *testing.T) {
	version := func(p Profile, v ExchangeVersion) Profile { p.Exchange = v; return p }
	fromHosts := func(kind Kind, in, out string) Profile {
		p := New(kind, "p")
		p.Incoming.Host, p.Outgoing.Host = in, out
		return p
	}
	with := func(p Profile, c Credentials) Profile {
		p.Incoming.Credentials = c
		if c == FromProfile {
			p.Incoming.Username, p.Incoming.Password = "service@example.com", secret.New("x")
		}
		return p
	}
	fips := Policy{Deployment: SelfHosted, FIPS: true}
	other := func(p Profile) Profile { p.TenantID = otherTenant; return p }
	const refused, warned, accepted = Error, Warning, Level("")

	for _, row := range []struct {
		row    string
		name   string
		p      Profile
		policy Policy
		want   Level // the worst that is said
		act    bool
	}{
		{"M1", "cloud, Exchange Online, server to server", online(), cloud, accepted, true},
		{"M1", "by passwords of users", with(online(), FromMailbox), cloud, refused, true},
		{"M1", "by the profile's password", with(online(), FromProfile), cloud, refused, true},
		{"M1", "by OAuth", with(online(), OAuth), cloud, refused, true},
		{"M1", "by a Windows identity", with(online(), IntegratedWindows), cloud, refused, true},
		{"M1", "without autodiscover", func() Profile { p := online(); p.Autodiscover = false; return p }(), cloud, warned, true},
		{"M1", "as IMAP, by OAuth", func() Profile {
			p := with(fromHosts(IMAPSMTP, "outlook.office365.com", "smtp.office365.com"), OAuth)
			p.Application, p.Outgoing.TLS = registered, StartTLS
			return p
		}(), cloud, warned, false},
		{"M1", "as IMAP, by password", fromHosts(IMAPSMTP, "outlook.office365.com", "smtp.office365.com"), cloud, warned, false},
		{"M1", "another tenant, by OAuth", other(with(online(), OAuth)), cloud, warned, true},
		{"M1", "another tenant, server to server", other(online()), cloud, warned, true},
		{"M2", "cloud, Exchange Server 2013 SP1", version(hybridServer(), Exchange2013SP1), cloud, accepted, true},
		{"M2", "2013 without the service pack", version(hybridServer(), Exchange2013), cloud, warned, true},
		{"M2", "2010 SP3", version(hybridServer(), Exchange2010SP3), cloud, refused, true},
		{"M2", "2007", version(hybridServer(), Exchange2007), cloud, refused, true},
		{"M2", "2003", version(hybridServer(), Exchange2003), cloud, refused, true},
		{"M3", "cloud, Exchange Server 2016", version(hybridServer(), Exchange2016), cloud, accepted, true},
		{"M3", "anonymously", with(version(hybridServer(), Exchange2016), Anonymous), cloud, refused, true},
		{"M4", "cloud, Exchange Server 2019", version(hybridServer(), Exchange2019), cloud, accepted, true},
		{"M4", "Subscription Edition", version(hybridServer(), ExchangeSE), cloud, warned, true},
		{"M5", "cloud, Gmail by IMAP", Gmail("p", registered), cloud, accepted, false},
		{"M5", "cloud, Gmail by POP3", GmailPOP3("p", registered), cloud, accepted, false},
		{"M5", "Gmail by password", with(Gmail("p", registered), FromMailbox), cloud, warned, false},
		{"M5", "another server", fromHosts(IMAPSMTP, "imap.example.com", "smtp.example.com"), cloud, warned, false},
		{"M6", "cloud, Yahoo! Mail by IMAP", Yahoo("p"), cloud, accepted, false},
		{"M6", "cloud, Yahoo! Mail by POP3", YahooPOP3("p"), cloud, accepted, false},
		{"M6", "mail by POP3, sent by Exchange", func() Profile { p := YahooPOP3("p"); p.Outgoing = Endpoint{URL: ExchangeOnlineURL}; return p }(), cloud, refused, false},
		{"M7", "on premises, Exchange Online", onlineFromPremises(), selfHosted, accepted, true},
		{"M7", "Exchange Online in, SMTP out", func() Profile { p := onlineFromPremises(); p.Outgoing.Host = "smtp.example.com"; return p }(), selfHosted, refused, true},
		{"M8", "on premises, Exchange 2010", version(server(), Exchange2010), selfHosted, accepted, true},
		{"M8", "on premises, Exchange 2010 SP1", version(server(), Exchange2010SP1), selfHosted, accepted, true},
		{"M8", "on premises, Exchange 2010 SP2", version(server(), Exchange2010SP2), selfHosted, accepted, true},
		{"M8", "on premises, Exchange 2010 SP3", version(server(), Exchange2010SP3), selfHosted, accepted, true},
		{"M8", "on premises, Exchange 2013", version(server(), Exchange2013), selfHosted, accepted, true},
		{"M8", "on premises, Exchange 2016", version(server(), Exchange2016), selfHosted, accepted, true},
		{"M8", "on premises, Exchange 2019", version(server(), Exchange2019), selfHosted, accepted, true},
		{"M8", "by a Windows identity", func() Profile {
			p := server()
			p.Incoming = Endpoint{URL: p.Incoming.URL, Credentials: IntegratedWindows}
			return p
		}(), selfHosted, accepted, true},
		{"M8", "by certificate (hybrid modern authentication)", version(modern(), Exchange2019), selfHosted, accepted, true},
		{"M8", "by each user's password", func() Profile { p := server(); p.Incoming = Endpoint{URL: p.Incoming.URL}; return p }(), selfHosted, accepted, true},
		{"M8", "on premises, Exchange 2007", version(server(), Exchange2007), selfHosted, refused, true},
		{"M9", "on premises, Gmail by POP3", GmailPOP3("p", registered), selfHosted, accepted, false},
		{"M9", "on premises, Yahoo! Mail by POP3", YahooPOP3("p"), selfHosted, accepted, false},
		{"M9", "by IMAP", Yahoo("p"), selfHosted, warned, false},
		{"M9", "a relay that asks for no sign-in", func() Profile {
			p := twoWaysPOP()
			p.Outgoing.Credentials = Anonymous
			return p
		}(), selfHosted, accepted, false},
		{"M9", "sent with a Windows identity", func() Profile {
			p := twoWaysPOP()
			p.Outgoing.Credentials = IntegratedWindows
			return p
		}(), selfHosted, accepted, false},
		{"M10", "on premises, Outlook.com by POP3", fromHosts(POP3SMTP, "pop-mail.outlook.com", "smtp-mail.outlook.com"), selfHosted, warned, false},
		{"M10", "on premises, Windows Live Mail by POP3", fromHosts(POP3SMTP, "pop3.live.com", "smtp.live.com"), selfHosted, warned, false},
		{"M10", "on premises, MSN by POP3", fromHosts(POP3SMTP, "pop3.email.msn.com", "smtp.email.msn.com"), selfHosted, warned, false},
		{"M10", "where FIPS 140 is required", fromHosts(POP3SMTP, "pop-mail.outlook.com", "smtp-mail.outlook.com"), fips, refused, false},
		{"M10", "in the cloud", fromHosts(POP3SMTP, "pop-mail.outlook.com", "smtp-mail.outlook.com"), cloud, refused, false},
		{"M10", "Hotmail in the cloud", fromHosts(POP3SMTP, "pop3.hotmail.com", "smtp.hotmail.com"), cloud, refused, false},
	} {
		t.Run(row.row+" "+row.name, func(t *testing.T) {
			issues := row.p.Validate(row.policy)
			worst := accepted
			for _, i := range issues {
				if worst != refused {
					worst = i.Level
				}
			}
			require.Equal(t, row.want, worst, "%v", issues)
			require.Equal(t, row.act, row.p.Kind.HasACT())
		})
	}
}

func TestTenancy(t *testing.T) {
	for want, p := range map[Tenancy]Profile{
		OwnTenant:   {TenantID: "11111111-2222-3333-4444-555555555555"},
		OtherTenant: {TenantID: otherTenant},
	} {
		require.Equal(t, want, p.Tenancy(Policy{TenantID: ownTenant}))
	}
	require.Equal(t, OwnTenant, Profile{}.Tenancy(cloud))
	require.Equal(t, ownTenant, Profile{}.Tenant(cloud))
	require.Equal(t, NoTenant, Profile{}.Tenancy(Policy{}))
	require.Equal(t, OtherTenant, Profile{TenantID: otherTenant}.Tenancy(Policy{}))
	require.Equal(t, OwnTenant, Profile{TenantID: otherTenant}.Tenancy(Policy{TenantID: "aaaaaaaa-BBBB-cccc-dddd-eeeeeeeeeeee"}))
	require.True(t, isGUID("09999990-aaaa-ffff-AAAA-FFFFFFFFFFFF"))
	const guid = "09afAF19-bbBB-ccCC-ddDD-eeeeEEEEEEEE"
	require.True(t, isGUID(guid))
	require.False(t, isGUID(""))
	require.False(t, isGUID(guid+"1"))
	require.False(t, isGUID(guid[1:]))
	for i := range guid {
		for _, c := range "/0:@AG`ag-" { // the neighbours of what is allowed
			hex := strings.ContainsRune("0Aa", c)
			require.Equal(t, hex && guid[i] != '-' || c == '-' && guid[i] == '-', isGUID(guid[:i]+string(c)+guid[i+1:]), "%c at %d", c, i)
		}
	}
}
