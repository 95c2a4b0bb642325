package mailbox_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/secret"
)

const ownTenant = "11111111-1111-4111-8111-111111111111"

var cloud = profile.Policy{TenantID: ownTenant}

// annas is a mailbox without mistakes for each of the profiles below.
func annas() Mailbox {
	return Mailbox{
		Key: Key{Organization: "contoso", Mailbox: "anna"}, Name: "Anna", Address: "anna@example.com",
		Regarding: "anna", Profile: "p", Password: secret.New("x"),
	}
}

func imapProfile() profile.Profile {
	return profile.Profile{
		ID: "p", Kind: profile.IMAPSMTP,
		Incoming: profile.Endpoint{Host: "imap.example.com"}, Outgoing: profile.Endpoint{Host: "smtp.example.com"},
		OwnOutgoing: true,
	}
}

func exchange(kind profile.Kind, credentials profile.Credentials) profile.Profile {
	return profile.Profile{ID: "p", Kind: kind, Incoming: profile.Endpoint{Credentials: credentials}}
}

func queues(m *Mailbox) { m.Kind, m.Regarding = Queue, "support" }

func forwards(m *Mailbox) { m.Kind, m.Regarding = Forward, "" }

// Each mistake is told under its code and nothing else is; the mailbox without it
// is told nothing.
func TestValidate(t *testing.T) {
	onPremises := exchange(profile.ExchangeServerHybrid, profile.FromMailbox)
	online := exchange(profile.ExchangeOnline, profile.ServerToServer)
	delegate := exchange(profile.ExchangeServer, profile.FromProfile)
	none := func(*Mailbox) {}
	passwordless := func(m *Mailbox) { m.Password = secret.Text{} }
	onlineUsers := exchange(profile.ExchangeOnline, profile.FromMailbox)
	onlineUsers.TenantID = "22222222-2222-4222-8222-222222222222"
	server := exchange(profile.ExchangeServer, profile.FromMailbox)
	shared := exchange(profile.ExchangeServerHybrid, profile.FromProfile)
	only := func(side Side) func(*Mailbox) {
		return func(m *Mailbox) {
			m.Methods = map[Side]Methods{Incoming: {ServerSide, None, None}, Outgoing: {None, ServerSide, None}, ACT: {None, None, ServerSide}}[side]
		}
	}
	unprofiled := func(m *Mailbox) { m.Profile = "" }
	rows := []struct {
		code     string
		original string
		p        profile.Profile
		given    func(*Mailbox) // what is well
		spoil    func(*Mailbox)
	}{
		{"key-missing", "8005E217", imapProfile(), none, func(m *Mailbox) { m.Key.Organization = "" }},
		{"key-missing", "8005E217", imapProfile(), none, func(m *Mailbox) { m.Key.Mailbox = "" }},
		{"kind-unknown", "8005E217", imapProfile(), none, func(m *Mailbox) { m.Kind = "room" }},
		{"home-unknown", "8005E217", imapProfile(), none, func(m *Mailbox) { m.Home = "moon" }},
		{"name-long", "", imapProfile(), func(m *Mailbox) { m.Name = strings.Repeat("ü", 200) }, func(m *Mailbox) { m.Name += "ü" }},
		{"address-missing", "8005E221", imapProfile(), func(m *Mailbox) { m.Username = "anna" }, func(m *Mailbox) { m.Address = "" }},
		{"forward-address-missing", "8005E211", imapProfile(), func(m *Mailbox) { forwards(m); m.Username = "all" }, func(m *Mailbox) { m.Address = "" }},
		{"address-form", "8005E221", imapProfile(), none, func(m *Mailbox) { m.Address = "Anna <anna@example.com>" }},
		{"username-form", "", imapProfile(), none, func(m *Mailbox) { m.Username = "an\x00na" }},
		{"forward-regarding", "8005E207", imapProfile(), forwards, func(m *Mailbox) { m.Regarding = "anna" }},
		{"incoming-method", "8005E224", imapProfile(), none, func(m *Mailbox) { m.Methods.Incoming = "router" }},
		{"outgoing-method", "8005E226", imapProfile(), none, func(m *Mailbox) { m.Methods.Outgoing = ForwardMailbox }},
		{"act-method", "8005E217", imapProfile(), none, func(m *Mailbox) { m.Methods.ACT = ForwardMailbox }},
		{"forward-incoming", "8005E212", imapProfile(), forwards, func(m *Mailbox) { m.Methods.Incoming = Outlook }},
		{"forward-incoming", "8005E212", imapProfile(), forwards, func(m *Mailbox) { m.Methods.Incoming = ForwardMailbox }},
		{"forward-outgoing", "8005E213", imapProfile(), forwards, func(m *Mailbox) { m.Methods.Outgoing = ServerSide }},
		{"act-users-only", "", online, func(m *Mailbox) { queues(m); passwordless(m) }, func(m *Mailbox) { m.Methods.ACT = ServerSide }},
		{"act-users-only", "", online, func(m *Mailbox) { forwards(m); passwordless(m) }, func(m *Mailbox) { m.Methods.ACT = ServerSide }},
		{"delete-of-user", "8005E233", imapProfile(), none, func(m *Mailbox) { m.DeleteProcessed = true }},
		{"delete-after-range", "", imapProfile(), func(m *Mailbox) { m.DeleteAfter = day }, func(m *Mailbox) { m.DeleteAfter = day - 1 }},
		{"delete-after-range", "", imapProfile(), func(m *Mailbox) { m.DeleteAfter = 3650 * day }, func(m *Mailbox) { m.DeleteAfter = 3650*day + 1 }},
		{"accept-unknown", "", imapProfile(), none, func(m *Mailbox) { m.Accept = "everything" }},
		{"alias-form", "", imapProfile(), func(m *Mailbox) { m.Aliases = []string{"sales@example.com"} }, func(m *Mailbox) { m.Aliases = append(m.Aliases, "Sales <sales@example.com>") }},
		{"tracked-folders-many", "", imapProfile(), tracks(25), func(m *Mailbox) { tracks(26)(m) }},
		{"tracked-folder-of-user", "", imapProfile(), tracks(1), queues},
		{"tracked-folder-twice", "", imapProfile(), tracks(2), func(m *Mailbox) { m.TrackedFolders[1] = m.TrackedFolders[0] }},
		{"tracked-folder-twice", "", imapProfile(), none, func(m *Mailbox) { m.TrackedFolders = make([]TrackedFolder, 1) }},
		{"profile-missing", "8005E222", imapProfile(), none, func(m *Mailbox) { m.Profile = "" }},
		{"profile-missing", "8005E222", imapProfile(), none, func(m *Mailbox) { m.Profile = "q" }},
		{"inactive", "8005E219", imapProfile(), none, func(m *Mailbox) { m.Inactive = true }},
		{"credentials-missing", "8005E209", imapProfile(), none, passwordless},
		{"username-upn", "", onPremises, none, func(m *Mailbox) { m.Username = `CONTOSO\anna` }},
		{"second-factor", "", onPremises, none, func(m *Mailbox) { m.MFA = true }},
		{"password-unused", "", online, passwordless, func(m *Mailbox) { m.Password = secret.New("x") }},
		{"home-wants-exchange-online", "", imapProfile(), func(m *Mailbox) { m.Home = OnPremises }, func(m *Mailbox) { m.Home = Online }},
		{"home-on-premises", "", online, func(m *Mailbox) { passwordless(m); m.Home = Online }, func(m *Mailbox) { m.Home = OnPremises }},
		{"home-outside", "", online, passwordless, func(m *Mailbox) { m.Home = External }},
		{"home-outside", "", online, passwordless, func(m *Mailbox) { m.ForwardsOutside = true }},
		{"home-not-here", "", onPremises, func(m *Mailbox) { m.Home = OnPremises }, func(m *Mailbox) { m.Home = Online }},
		{"home-not-here", "", onPremises, none, func(m *Mailbox) { m.Home = External }},
		{"address-form", "8005E221", imapProfile(), none, func(m *Mailbox) { m.Address = "anna" }},
		{"username-form", "", imapProfile(), none, func(m *Mailbox) { m.Username = "\xff" }},
		{"outgoing-method", "8005E226", imapProfile(), none, func(m *Mailbox) { m.Methods.Outgoing = "router" }},
		{"act-method", "8005E217", imapProfile(), none, func(m *Mailbox) { m.Methods.ACT = "router" }},
		{"delete-of-user", "8005E233", imapProfile(), func(m *Mailbox) { queues(m); m.DeleteProcessed = true }, func(m *Mailbox) { m.Kind = User }},
		{"profile-missing", "8005E222", server, only(Incoming), unprofiled},
		{"profile-missing", "8005E222", server, only(Outgoing), unprofiled},
		{"profile-missing", "8005E222", server, only(ACT), unprofiled},
		{"username-upn", "", onlineUsers, func(m *Mailbox) { m.Username = "anna@example.com" }, func(m *Mailbox) { m.Username = "anna" }},
		{"username-upn", "", onlineUsers, none, func(m *Mailbox) { m.Username = "@example.com" }},
		{"address-ascii", "", exchange(profile.ExchangeOnlineHybrid, profile.ServerToServer), passwordless, func(m *Mailbox) { m.Address = "boo\u212a@example.com" }},
		{"address-ascii", "", delegate, none, func(m *Mailbox) { m.Address = "jörg@example.com" }},
		{"credentials-missing", "8005E209", server, only(ACT), passwordless},
		{"username-upn", "", onlineUsers, none, func(m *Mailbox) { m.Username = "anna@" }},
		{"username-upn", "", onlineUsers, none, func(m *Mailbox) { m.Username = "a/b@example.com" }},
		{"username-upn", "", onlineUsers, none, func(m *Mailbox) { m.Username = `a\b@example.com` }},
		{"username-upn", "", onlineUsers, none, func(m *Mailbox) { m.Username = "a b@example.com" }},
		{"username-upn", "", onlineUsers, none, func(m *Mailbox) { m.Username = "a@b@example.com" }},
		{"inactive", "8005E219", server, func(m *Mailbox) { m.MFA, m.Username = true, `CONTOSO\anna` }, func(m *Mailbox) { m.Inactive = true }},
		{"inactive", "8005E219", shared, func(m *Mailbox) { m.MFA, m.Username = true, `CONTOSO\anna` }, func(m *Mailbox) { m.Inactive = true }},
		{"home-not-here", "", server, func(m *Mailbox) { m.Home = OnPremises }, func(m *Mailbox) { m.Home = Online }},
		{"home-on-premises", "", exchange(profile.ExchangeOnlineHybrid, profile.ServerToServer), passwordless, func(m *Mailbox) { m.Home = OnPremises }},
		{"second-factor", "", exchange(profile.ExchangeOnlineHybrid, profile.FromMailbox), none, func(m *Mailbox) { m.MFA = true }},
		{"act-needs-impersonation", "", exchange(profile.ExchangeServer, profile.IntegratedWindows), none, func(m *Mailbox) { m.Methods.ACT = ServerSide }},
		{"act-needs-exchange", "8005E247", func() profile.Profile { p := imapProfile(); p.Incoming.Credentials = profile.FromProfile; return p }(), none,
			func(m *Mailbox) { m.Methods.ACT = ServerSide }},
		{"act-needs-exchange", "8005E247", imapProfile(), none, func(m *Mailbox) { m.Methods.ACT = ServerSide }},
		{"act-needs-impersonation", "", delegate, none, func(m *Mailbox) { m.Methods.ACT = ServerSide }},
	}
	// Level, rule of the support matrix, side and field of each.
	says := map[string]string{
		"key-missing": "error,,,Key", "kind-unknown": "error,,,Kind", "home-unknown": "error,,,Home", "name-long": "error,,,Name",
		"address-missing": "error,,,Address", "forward-address-missing": "error,,,Address", "address-form": "error,,,Address", "username-form": "error,,,Username",
		"forward-regarding": "error,,,Regarding", "incoming-method": "error,,incoming,Methods.Incoming", "outgoing-method": "error,,outgoing,Methods.Outgoing",
		"act-method": "error,,act,Methods.ACT", "forward-incoming": "error,,incoming,Methods.Incoming", "forward-outgoing": "error,,outgoing,Methods.Outgoing",
		"act-users-only": "error,,act,Methods.ACT", "delete-of-user": "error,,incoming,DeleteProcessed", "delete-after-range": "error,,incoming,DeleteAfter", "accept-unknown": "error,,incoming,Accept", "alias-form": "error,,,Aliases",
		"tracked-folders-many": "error,,incoming,TrackedFolders", "tracked-folder-of-user": "error,,incoming,TrackedFolders", "tracked-folder-twice": "error,,incoming,TrackedFolders", "profile-missing": "error,,,Profile",
		"inactive": "warning,,,Inactive", "credentials-missing": "error,,,Password", "username-upn": "error,,,Username", "address-ascii": "error,,,Address", "second-factor": "error,V9,,MFA",
		"password-unused": "warning,V1,,Password", "home-wants-exchange-online": "warning,V1,,Profile", "home-on-premises": "error,V5,,Profile",
		"home-outside": "error,V6,,Profile", "home-not-here": "error,V10,,Profile", "act-needs-exchange": "error,V3,act,Methods.ACT",
		"act-needs-impersonation": "error,,act,Methods.ACT",
	}
	covered := []string{"profile-inactive"} // see TestValidateKnowsTheProfile
	for _, tt := range rows {
		t.Run(tt.code, func(t *testing.T) {
			m := annas()
			tt.given(&m)
			require.Empty(t, m.Validate(tt.p, cloud))
			tt.spoil(&m)
			issues := m.Validate(tt.p, cloud)
			require.Len(t, issues, 1)
			require.Equal(t, tt.code, issues[0].Code)
			require.Equal(t, tt.original, issues[0].Original)
			require.NotEmpty(t, issues[0].Field)
			require.NotEmpty(t, issues[0].Message)
			require.NotEmpty(t, issues[0].Remedy)
			require.NotContains(t, issues[0].Error(), "%!")
			is := issues[0]
			require.Equal(t, says[is.Code], strings.Join([]string{string(is.Level), is.Rule, string(is.Side), is.Field}, ","))
		})
		covered = append(covered, tt.code)
	}
	for _, code := range append(RuleCodes("record"), RuleCodes("profile")...) {
		require.True(t, slices.Contains(covered, code), "no row for %s", code)
	}
}

// What depends on the profile or the policy: the mailbox stays as it is.
func TestValidateKnowsTheProfile(t *testing.T) {
	m := annas()
	m.Methods.ACT = ServerSide
	codes := func(p profile.Profile, policy profile.Policy) (all []string) {
		for _, i := range m.Validate(p, policy) {
			all = append(all, i.Code)
		}
		return all
	}
	delegate := exchange(profile.ExchangeServer, profile.FromProfile)
	require.Equal(t, []string{"act-needs-impersonation"}, codes(delegate, cloud))
	delegate.Incoming.Impersonate = true
	require.Empty(t, codes(delegate, cloud))
	delegate.Inactive = true
	require.Equal(t, []string{"profile-inactive"}, codes(delegate, cloud))
	require.NoError(t, m.Validate(delegate, cloud).Err(), "an inactive one may be edited")
	require.Equal(t, "profile-inactive  warning  Profile", said(m.Validate(delegate, cloud)))
	require.Equal(t, "8005E228", m.Validate(delegate, cloud)[0].Original)

	online := exchange(profile.ExchangeOnline, profile.ServerToServer)
	require.Equal(t, []string{"password-unused"}, codes(online, cloud))
	require.Empty(t, codes(online, profile.Policy{Deployment: profile.SelfHosted}))
	online.TenantID = strings.ToUpper(ownTenant)
	require.Equal(t, []string{"password-unused"}, codes(online, cloud))
	online.TenantID = "22222222-2222-4222-8222-222222222222"
	require.Empty(t, codes(online, cloud), "another tenant may be reached in other ways")

	// Without a profile nothing is guessed, and a mailbox that nobody works on needs none.
	require.Equal(t, []string{"profile-missing"}, codes(profile.Profile{}, cloud))
	m.Profile = ""
	require.Equal(t, []string{"profile-missing"}, codes(profile.Profile{}, cloud), "nothing is the profile of nothing")
	m.Home, m.Methods.ACT = Online, None
	m.Profile = "p"
	require.Equal(t, []string{"home-wants-exchange-online"}, codes(imapProfile(), cloud))
	require.Empty(t, codes(imapProfile(), profile.Policy{Deployment: profile.SelfHosted}))
	m.Home = HomeUnknown
	m.Methods, m.Profile = Methods{None, None, Outlook}, ""
	require.Empty(t, codes(profile.Profile{}, cloud))
}

// All mistakes are told at once, and credentials are asked for only where a side
// that we work on takes them from the mailbox.
func TestValidateTellsAll(t *testing.T) {
	m := Mailbox{Kind: Forward, Regarding: "anna", Methods: Methods{ForwardMailbox, Outlook, Outlook}}
	require.Len(t, m.Validate(profile.Profile{}, cloud), 6)

	p := imapProfile()
	m = annas()
	m.Address = ""
	require.Len(t, m.Validate(p, cloud), 2, "no address and no user name in its place")
	p.Incoming.Credentials = profile.OAuth
	m = annas()
	m.Password = secret.Text{}
	issues := m.Validate(p, cloud)
	require.Len(t, issues, 1, "sending takes them from the mailbox")
	require.Equal(t, Outgoing, issues[0].Side, "and reading, which does not, is not kept from it")
	p.Outgoing.Credentials, p.Incoming.Credentials = profile.OAuth, profile.FromMailbox
	require.Equal(t, Incoming, m.Validate(p, cloud)[0].Side)
	p.Outgoing.Credentials = profile.FromMailbox
	issues = m.Validate(p, cloud)
	require.Len(t, issues, 1)
	require.Empty(t, issues[0].Side, "both need them, which is told once")
	p.Incoming.Credentials = profile.OAuth
	m.Methods.Outgoing = None
	require.Empty(t, m.Validate(p, cloud))
}

// Why a side is not worked on at all.
func TestReady(t *testing.T) {
	m, p := annas(), imapProfile()
	require.Empty(t, m.Ready(Incoming, p))
	require.Empty(t, m.Ready(Outgoing, p))
	online := exchange(profile.ExchangeOnline, profile.ServerToServer)
	m.Methods.ACT = ServerSide
	require.Empty(t, m.Ready(ACT, online))
	covered := []string{}
	for _, tt := range []struct {
		code, original string
		side           Side
		spoil          func(*Mailbox, *profile.Profile)
	}{
		{"inactive", "8005E219", Outgoing, func(m *Mailbox, _ *profile.Profile) { m.Inactive = true }},
		{"profile-missing", "8005E222", ACT, func(m *Mailbox, _ *profile.Profile) { m.Profile = "" }},
		{"profile-inactive", "8005E228", Incoming, func(_ *Mailbox, p *profile.Profile) { p.Inactive = true }},
		{"incoming-by-forward", "8005E223", Incoming, func(m *Mailbox, _ *profile.Profile) { m.Methods.Incoming = ForwardMailbox }},
		{"incoming-not-ours", "8005E224", Incoming, func(m *Mailbox, _ *profile.Profile) { m.Methods.Incoming = Outlook }},
		{"forward-does-not-send", "8005E225", Outgoing, func(m *Mailbox, _ *profile.Profile) { forwards(m) }},
		{"outgoing-not-ours", "8005E226", Outgoing, func(m *Mailbox, _ *profile.Profile) { m.Methods.Outgoing = None }},
		{"act-not-ours", "", ACT, func(m *Mailbox, _ *profile.Profile) { m.Methods.ACT = Default }},
	} {
		m, p := m, online
		tt.spoil(&m, &p)
		issues := m.Ready(tt.side, p)
		require.Len(t, issues, 1, tt.code)
		require.Equal(t, tt.code, issues[0].Code)
		require.Equal(t, tt.original, issues[0].Original)
		require.Equal(t, profile.Error, issues[0].Level)
		require.Equal(t, map[string]string{
			"inactive": ",Inactive", "profile-missing": ",Profile", "profile-inactive": ",Profile", "incoming-by-forward": "incoming,Methods.Incoming",
			"incoming-not-ours": "incoming,Methods.Incoming", "forward-does-not-send": "outgoing,Kind", "outgoing-not-ours": "outgoing,Methods.Outgoing", "act-not-ours": "act,Methods.ACT",
		}[tt.code], string(issues[0].Side)+","+issues[0].Field)
		require.False(t, m.Syncs(tt.side) && m.Profile == p.ID && !p.Inactive)
		covered = append(covered, tt.code)
	}
	require.Equal(t, RuleCodes("ready"), covered)
	online.Inactive, m.Profile = true, "another"
	require.Len(t, m.Ready(Incoming, online), 1, "whether another profile is inactive does not matter")
}

func TestAddressForm(t *testing.T) {
	m, p := annas(), imapProfile()
	for _, good := range []string{
		"a@b", "anna@example.com", "o'hara+crm@sub.example.com", "用户@例子.广告", "дом@почта.рф",
		`"a b"@example.com`, `"a@b"@example.com`, "anna@[192.0.2.1]", "anna@[IPv6:2001:db8::1]", "a..b.@docomo.example", `"a"@b`, "a@[1]", "~@b~",
		strings.Repeat("a", 64) + "@" + strings.Repeat("b", 189),
	} {
		m.Address = good
		require.Empty(t, m.Validate(p, cloud), "%q", good)
	}
	for _, bad := range []string{
		"anna", "@example.com", "anna@", "a@b@c", "<anna@example.com>", "anna@example.com, ben@example.com", "an na@example.com",
		"anna@exa mple.com", "anna\n@example.com", "anna@example.com\x00", "an\u202ena@example.com", "anna@\xff", "anna@[:", "anna@.", "anna@b..c", "anna@b.",
		`""@b`, `"ab@b`, `ab"@b`, "a@[]", "a@[12", "a@12]", "a@[<1]", "a@[<>]", `"@b`, strings.Repeat("a", 250) + "@b.co",
	} {
		m.Address = bad
		require.Equal(t, "address-form", m.Validate(p, cloud)[0].Code, "%q", bad)
	}
}

// FuzzAddress holds that no address makes validation panic, and that none is
// allowed which could break a header or a command.
func FuzzAddress(f *testing.F) {
	f.Add("anna@[:]")
	f.Fuzz(func(t *testing.T, address string) {
		m := annas()
		m.Address = address
		if len(m.Validate(imapProfile(), cloud)) == 0 && strings.ContainsAny(address, "\r\n\x00") {
			t.Errorf("%q is allowed", address)
		}
	})
}

// The address of a user or queue is theirs (8005E208).
func TestMayEditAddress(t *testing.T) {
	m := annas()
	ok, why := m.MayEditAddress(OnMailbox)
	require.False(t, ok)
	require.Equal(t, "address-is-owners 8005E208 error Address", strings.Join([]string{why.Code, why.Original, string(why.Level), why.Field}, " "))
	ok, _ = m.MayEditAddress(OnOwner)
	require.True(t, ok)
	forwards(&m)
	ok, _ = m.MayEditAddress(OnMailbox)
	require.True(t, ok)
}

func TestMethods(t *testing.T) {
	for kind, want := range map[Kind]Methods{
		User: {ServerSide, ServerSide, None}, Queue: {ServerSide, ServerSide, None}, Forward: {ServerSide, None, None},
	} {
		m := Mailbox{Kind: kind}
		require.Equal(t, want, Methods{m.Method(Incoming), m.Method(Outgoing), m.Method(ACT)})
		require.True(t, m.Syncs(Incoming))
		m.Inactive = true
		require.False(t, m.Syncs(Incoming))
	}
	require.False(t, Mailbox{}.Syncs("sideways"))
	require.True(t, Mailbox{Methods: Methods{ACT: ServerSide}}.Syncs(ACT))
}

// V11 and V13 are about more than one record.
func TestOrganization(t *testing.T) {
	var c Census
	require.Empty(t, c.Validate())
	c = c.Add(Mailbox{Methods: Methods{ACT: ServerSide}}).Add(Mailbox{Methods: Methods{ACT: Outlook}, Inactive: true}).Add(Mailbox{})
	require.Empty(t, c.Validate())
	issues := c.Add(Mailbox{Methods: Methods{ACT: Outlook}}).Validate()
	require.Equal(t, "act-mixed V11 warning act Methods.ACT", said(issues))
	require.Empty(t, Census{OutlookACT: 1}.Validate())
	require.NoError(t, issues.Err(), "a warning")

	require.Empty(t, CheckVolume(MassMailing, 0))
	require.Equal(t, "mass-mailing V13 warning outgoing Address", said(CheckVolume(MassMailing+1, 0)))
	require.Len(t, CheckVolume(2, 1), 1)
	require.Len(t, CheckVolume(501, 500), 1)
}

func said(issues profile.Issues) string {
	i := issues[0]
	return strings.Join([]string{i.Code, i.Rule, string(i.Level), string(i.Side), i.Field}, " ")
}

// Validating is cheap enough to do before every cycle.
func BenchmarkValidate(b *testing.B) {
	m, p := annas(), imapProfile()
	b.ReportAllocs()
	for b.Loop() {
		m.Validate(p, cloud)
	}
}

// Whatever stands in a mailbox and its profile: nothing panics, nothing is told
// twice, and what is told of one side is no error of another.
func TestAnyMailbox(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	methods := []Method{Default, ServerSide, None, Outlook, ForwardMailbox, "x"}
	texts := []string{"", "anna", "anna@example.com", "an\x00na", "a@b@c", "\xff", `CONTOSO\anna`}
	kinds := []profile.Kind{profile.ExchangeServer, profile.ExchangeServerHybrid, profile.ExchangeOnline, profile.ExchangeOnlineHybrid, profile.IMAPSMTP, profile.POP3SMTP, "x"}
	sources := []profile.Credentials{profile.FromMailbox, profile.FromMailbox, profile.FromProfile, profile.ServerToServer, profile.OAuth, profile.IntegratedWindows}
	for range 20_000 {
		yes := func() bool { return r.IntN(2) == 0 }
		m := Mailbox{
			Key: annas().Key, Name: pick(r, texts), Kind: pick(r, []Kind{User, Queue, Forward, "x"}), Address: pick(r, texts), Regarding: pick(r, texts),
			Profile: pick(r, []profile.ID{"", "p", "p", "q"}), Methods: Methods{pick(r, methods), pick(r, methods), pick(r, methods)}, Inactive: yes(), Username: pick(r, texts),
			Password: secret.New(pick(r, texts)), DeleteProcessed: yes(), Home: pick(r, []Home{HomeUnknown, Online, OnPremises, External, "x"}), ForwardsOutside: yes(), MFA: yes(),
		}
		p := profile.Profile{ID: "p", Kind: pick(r, kinds), OwnOutgoing: yes(), Inactive: yes(), Incoming: profile.Endpoint{Credentials: pick(r, sources), Impersonate: yes()}}
		p.Outgoing.Credentials = pick(r, sources)
		policy := profile.Policy{Deployment: pick(r, []profile.Deployment{profile.Cloud, profile.SelfHosted}), TenantID: pick(r, []string{"", ownTenant})}
		issues := m.Validate(p, policy)
		failing := false
		for i, issue := range issues {
			require.False(t, slices.ContainsFunc(issues[:i], func(o profile.Issue) bool {
				return o.Code == issue.Code && (o.Side == issue.Side || o.Side == "" || issue.Side == "")
			}), "%s twice: %+v", issue.Code, m)
			failing = failing || issue.Level == profile.Error
		}
		require.Equal(t, failing, issues.Err() != nil)
		require.Equal(t, issues, m.Validate(p.WithDefaults(), policy), "defaults change nothing: %+v %+v", m, p)

		// Without its outgoing side a mailbox is told the same of its incoming one.
		one := m
		one.Methods.Outgoing, one.Methods.ACT = None, None
		if m.Method(Incoming) == ServerSide {
			require.Equal(t, errorsOf(m, p, policy), errorsOf(one, p, policy), "%+v %+v", m, p)
		}
	}
}

func errorsOf(m Mailbox, p profile.Profile, policy profile.Policy) (codes []string) {
	for _, i := range m.Validate(p, policy).Of(Incoming) {
		if i.Level == profile.Error {
			codes = append(codes, i.Code)
		}
	}
	return codes
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// tracks has a mailbox track n folders.
func tracks(n int) func(*Mailbox) {
	return func(m *Mailbox) {
		m.TrackedFolders = nil
		for i := range n {
			m.TrackedFolders = append(m.TrackedFolders, TrackedFolder{Folder: fmt.Sprint("f", i)})
		}
	}
}
