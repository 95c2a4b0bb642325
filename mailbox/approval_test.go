package mailbox_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

// Who may approve, by where host and mailbox stand.
func TestMayApprove(t *testing.T) {
	selfHosted := profile.Policy{Deployment: profile.SelfHosted, TenantID: ownTenant}
	own := exchange(profile.ExchangeOnline, profile.ServerToServer)
	named := own
	named.TenantID = ownTenant
	cross := own
	cross.TenantID = "22222222-2222-4222-8222-222222222222"
	hybrid := exchange(profile.ExchangeOnlineHybrid, profile.ServerToServer)
	onPremises := exchange(profile.ExchangeServerHybrid, profile.FromProfile)
	byToken := imapProfile()
	byToken.Outgoing.Credentials = profile.ServerToServer
	incoming := imapProfile()
	incoming.Incoming.Credentials = profile.ServerToServer
	certified := exchange(profile.ExchangeServerHybrid, profile.ServerToServer)
	elsewhere := imapProfile()
	elsewhere.TenantID = cross.TenantID
	const crm, privilege, exo, global, primary = CRMAdministrator, ApproveEmailAddresses, ExchangeAdministrator, GlobalAdministrator, PrimaryTenantAdministrator
	for _, tt := range []struct {
		name   string
		policy profile.Policy
		p      profile.Profile
		roles  []Role
		code   string // "" if they may
	}{
		{"same tenant", cloud, own, []Role{crm, exo}, ""},
		{"same tenant", cloud, own, []Role{crm, global}, ""},
		{"same tenant", cloud, own, []Role{privilege, global}, ""},
		{"same tenant by name", cloud, named, []Role{crm, exo}, ""},
		{"same tenant", cloud, own, []Role{crm, primary}, ""},
		{"same tenant", cloud, own, []Role{crm, privilege}, "8009000B"},
		{"same tenant", cloud, own, []Role{crm}, "8009000B"},
		{"same tenant", cloud, own, nil, "8009000B"},
		{"same tenant", cloud, own, []Role{exo, global}, "80040256"},
		{"cross tenant", cloud, cross, []Role{primary}, ""},
		{"cross tenant", cloud, cross, []Role{crm, primary}, ""},
		{"cross tenant", cloud, cross, []Role{crm, exo, global}, "8009000B"},
		{"cloud host, hybrid kind", cloud, hybrid, []Role{crm}, "8009000B"},
		{"hybrid", selfHosted, hybrid, []Role{crm}, ""},
		{"hybrid", selfHosted, hybrid, []Role{privilege}, ""},
		{"hybrid", selfHosted, hybrid, []Role{exo, global, primary}, "80040256"},
		{"Exchange Server", cloud, onPremises, []Role{crm}, ""},
		{"Exchange Server", cloud, onPremises, []Role{exo}, "80040256"},
		{"IMAP", cloud, imapProfile(), []Role{privilege}, ""},
		{"IMAP by certificate", cloud, byToken, []Role{crm}, "8009000B"},
		{"IMAP by certificate", cloud, byToken, []Role{crm, exo}, ""},
		{"IMAP by certificate, incoming only", cloud, incoming, []Role{crm}, "8009000B"},
		{"Exchange Server by certificate", cloud, certified, []Role{crm}, ""},
		{"IMAP by certificate", selfHosted, byToken, []Role{crm}, ""},
		{"IMAP", cloud, imapProfile(), nil, "80040256"},
		{"IMAP, another tenant named", cloud, elsewhere, []Role{crm}, ""},
		{"IMAP", selfHosted, imapProfile(), []Role{"cook"}, "80040256"},
	} {
		ok, why := MayApprove(annas(), tt.p, tt.policy, Settings{}, Approver{Name: "ben", Roles: tt.roles})
		require.Equal(t, tt.code == "", ok, "%s by %v", tt.name, tt.roles)
		require.Equal(t, tt.code, why.Original, "%s by %v", tt.name, tt.roles)
		if !ok {
			require.NotEmpty(t, why.Remedy)
			require.Equal(t, "Approval", why.Field)
			require.Equal(t, map[string]string{"8009000B": "approver-role", "80040256": "approver-privilege"}[tt.code], why.Code)
			require.Error(t, profile.Issues{why}.Err())
		}
	}
	ok, why := MayApprove(annas(), imapProfile(), cloud, Settings{}, Approver{Roles: []Role{crm}})
	require.False(t, ok)
	require.Equal(t, "approver-unnamed", why.Code)
	require.Empty(t, why.Original, "no code of the original's")
}

// Who approves their own address needs the privilege by name, if the organization
// says so; and never less than for another's.
func TestMayApproveOwnAddress(t *testing.T) {
	strict := Settings{RequirePrivilegeToSelfApprove: true}
	administrator := Approver{Name: "anna", Roles: []Role{CRMAdministrator}}
	privileged := Approver{Name: "anna", Roles: []Role{ApproveEmailAddresses}}
	ok, _ := MayApprove(annas(), imapProfile(), cloud, Settings{}, administrator)
	require.True(t, ok)
	ok, why := MayApprove(annas(), imapProfile(), cloud, strict, administrator)
	require.False(t, ok)
	require.Equal(t, "approver-own-address", why.Code)
	require.Equal(t, "80040256", why.Original)
	ok, _ = MayApprove(annas(), imapProfile(), cloud, strict, Approver{Name: "ben", Roles: administrator.Roles})
	require.True(t, ok, "another's")
	ok, _ = MayApprove(annas(), imapProfile(), cloud, strict, privileged)
	require.True(t, ok)
	ok, _ = MayApprove(annas(), imapProfile(), cloud, Settings{}, Approver{Name: "anna"})
	require.False(t, ok, "an address is not approved by having it")
	ok, _ = MayApprove(annas(), exchange(profile.ExchangeOnline, profile.ServerToServer), cloud, strict, privileged)
	require.False(t, ok, "the privilege is no tenant administrator's")

	queue := annas()
	queue.Kind, queue.Regarding = Queue, "anna" // a queue that happens to be called like her
	ok, _ = MayApprove(queue, imapProfile(), cloud, strict, administrator)
	require.True(t, ok)
}

func TestNeedsApproval(t *testing.T) {
	users, groups := Settings{ProcessUnapprovedUsers: true}, Settings{ProcessUnapprovedQueues: true}
	both := Settings{ProcessUnapprovedUsers: true, ProcessUnapprovedQueues: true}
	online := exchange(profile.ExchangeOnline, profile.ServerToServer)
	for _, tt := range []struct {
		kind Kind
		s    Settings
		want bool
	}{
		{User, Settings{}, true}, {Queue, Settings{}, true}, {Forward, Settings{}, true},
		{User, users, false}, {Queue, users, true}, {Forward, users, true},
		{User, groups, true}, {Queue, groups, false}, {Forward, groups, false},
	} {
		m := annas()
		m.Kind = tt.kind
		require.Equal(t, tt.want, NeedsApproval(m, imapProfile(), cloud, tt.s), "%q %+v", tt.kind, tt.s)
		require.True(t, NeedsApproval(m, online, cloud, both), "only a tenant administrator may approve it")
		require.False(t, NeedsApproval(m, online, profile.Policy{Deployment: profile.SelfHosted}, both), "a CRM administrator may approve it, and may lift the need")
	}
}

// What revokes an approval.
func TestApprovalHolds(t *testing.T) {
	m, p := annas(), exchange(profile.ExchangeOnline, profile.ServerToServer)
	ben := Approver{Name: "ben", Roles: []Role{CRMAdministrator, GlobalAdministrator}}
	local := time.Now().In(time.FixedZone("", 3600))
	yes, no := Decide(m, p, ben, Approved, local), Decide(m, p, ben, Rejected, local)
	require.True(t, yes.Holds(m, p))
	require.False(t, no.Holds(m, p))
	require.Equal(t, "crm-administrator,global-administrator", yes.Roles)
	require.False(t, Approval{}.Holds(m, p))
	require.False(t, Approval{}.Holds(Mailbox{}, profile.Profile{}))

	for name, change := range map[string]func(*Mailbox, *profile.Profile){
		"address":         func(m *Mailbox, _ *profile.Profile) { m.Address = "boss@example.com" },
		"address's case":  func(m *Mailbox, _ *profile.Profile) { m.Address = "Anna@example.com" },
		"no address":      func(m *Mailbox, _ *profile.Profile) { m.Address = "" },
		"profile":         func(m *Mailbox, p *profile.Profile) { m.Profile, p.ID = "q", "q" },
		"profile at hand": func(m *Mailbox, _ *profile.Profile) { m.Profile = "q" },
		"kind":            func(_ *Mailbox, p *profile.Profile) { p.Kind = profile.IMAPSMTP },
		"tenant":          func(_ *Mailbox, p *profile.Profile) { p.TenantID = ownTenant },
	} {
		m, p := m, p
		change(&m, &p)
		require.False(t, yes.Holds(m, p), name)
		require.Equal(t, Pending, yes.Now(m, p), name)
		require.Equal(t, Pending, no.Now(m, p), "it was another %s that was rejected", name)
		require.Equal(t, NotAsked, Approval{}.Now(m, p))
	}
	m.Address, m.Username, m.Name, p.Name = "anna@EXAMPLE.com", "anna2", "A.", "new name"
	require.True(t, yes.Holds(m, p), "nothing of what was approved has changed")

	// From each mailbox's own credentials to one account for all is another matter;
	// the way back, or from a password to its owner's consent, is not.
	p = imapProfile()
	yes = Decide(m, p, ben, Approved, local)
	p.Incoming.Credentials = profile.OAuth
	require.True(t, yes.Holds(m, p))
	for _, source := range []profile.Credentials{profile.FromProfile, profile.ServerToServer, profile.IntegratedWindows, profile.ClientCertificate} {
		p.Outgoing.Credentials = source
		require.False(t, yes.Holds(m, p), source)
		require.True(t, Decide(m, p, ben, Approved, local).Holds(m, imapProfile()))
	}

	doc, err := json.Marshal(yes)
	require.NoError(t, err)
	var back Approval
	require.NoError(t, json.Unmarshal(doc, &back))
	require.True(t, back == yes, "comparable, and the same after a Store kept it")
	doc, _ = json.Marshal(Approval{})
	require.Equal(t, "{}", string(doc))
}
