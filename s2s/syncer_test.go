package s2s_test

import (
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s/certificate"
	"github.com/go-serversync/serversync/s2s/s2stest"
)

func letter(n int) []byte {
	return fmt.Appendf(nil, "From: carl@example.org\r\nTo: %s\r\nSubject: letter %d\r\nMessage-ID: <%d@example.org>\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\n\r\nThis is letter %d.\r\n", annAddress, n, n, n)
}

// The whole way, for each of the ways: the profile is tested alone and then with a mailbox, mail comes in and goes out.
func TestSyncer(t *testing.T) {
	for way, set := range ways {
		t.Run(way, func(t *testing.T) {
			needSHA1(t, way)
			s := newSite(t)
			set(s)
			s.start()
			own := way == "self-issued"

			r := s.connection()
			require.True(t, r.Passed, r.String())
			told := stages(r, mailbox.Incoming)
			require.Equal(t, provider.StageCertificate, told[0], r.String())
			require.Equal(t, "CN=crm.example 0", evidence(r, provider.StageCertificate).Text)
			require.Equal(t, s.source.Certificates[0].Thumbprints(), evidence(r, provider.StageCertificate).Thumbprints)
			require.NotContains(t, told, provider.StageSignIn)
			if own { // a token of the host's own names a mailbox
				require.NotContains(t, told, provider.StageToken)
			} else {
				require.Equal(t, []provider.Stage{provider.StageCertificate, provider.StageToken, provider.StagePermission}, told[:3])
				require.Contains(t, evidence(r, provider.StagePermission).Text, "roles full_access_as_app")
			}

			r = s.test()
			require.True(t, r.Passed, r.String())
			told = stages(r, mailbox.Incoming)
			require.Equal(t, []provider.Stage{provider.StageCertificate, provider.StageToken, provider.StagePermission}, told[:3])
			require.Subset(t, told, []provider.Stage{provider.StageSignIn, serversync.StageInbox})
			require.Contains(t, stages(r, mailbox.Outgoing), serversync.StageSend)
			require.Contains(t, append(told, stages(r, mailbox.Outgoing)...), serversync.StageReadBack)

			s.server.Add(annAddress, "inbox", letter(1))
			_, err := s.syncer.Send(t.Context(), annKey, serversync.Outgoing{ID: "offer", To: []item.Address{{Addr: bobAddress}}, Subject: "Our offer", Text: "Here it is.\n"})
			require.NoError(t, err)
			before := len(s.server.Sent())
			report, err := s.sync()
			require.NoError(t, err)
			require.GreaterOrEqual(t, report.Tracked, 1)
			require.Contains(t, fmt.Sprint(subjects(s)), "letter 1")
			sent := s.server.Sent()[before:]
			require.Len(t, sent, 1)
			require.Contains(t, string(sent[0].Raw), "Our offer")
			e, err := s.store.Entry(t.Context(), annKey, "offer")
			require.NoError(t, err)
			require.Equal(t, serversync.PhaseDone, e.Phase)
			require.Positive(t, s.proofs.tokens)
			if own {
				require.Zero(t, s.issuer.RequestsOf("", client))
			} else {
				require.Equal(t, 1, s.issuer.RequestsOf("", client), "one token for all of that")
			}
		})
	}
}

// evidence is what the first stage of a name was told.
func evidence(r serversync.TestReport, stage provider.Stage) provider.Evidence {
	for _, st := range r.Stages {
		if st.Stage == stage {
			return st.Evidence
		}
	}
	return provider.Evidence{}
}

func subjects(s *site) (all []string) {
	for _, m := range s.store.Messages(annKey.Organization) {
		raw, _ := m.Raw.Bytes()
		all = append(all, string(raw))
	}
	return all
}

// What an administrator has not set up, or has set up wrong, is told at the stage where it shows, by a code, and with
// what he has to do.
func TestSyncerTellsWhatIsWrong(t *testing.T) {
	app := func(mailboxes ...string) func(*site) { // RBAC for Applications, with a scope
		return func(s *site) {
			require.NoError(s.t, s.issuer.Revoke(s2stest.Contoso, client, s2stest.ExchangeOnline))
			s.exchange.Principals = map[string]s2stest.ExchangePrincipal{client: {Roles: map[string][]string{"Application EWS.AccessAsApp": mailboxes}}}
			s.options.Apps = mailboxes
		}
	}
	for name, row := range map[string]struct {
		way    string
		change func(*site)
		stage  provider.Stage
		code   string
		cause  []string
		remedy []string
	}{
		"certificate not registered": {"online", func(s *site) {
			require.NoError(s.t, s.issuer.RemoveCertificate(client, s.source.Certificates[0].Leaf()))
		}, provider.StageToken, "AADSTS700027", []string{"not registered with the application"}, []string{"register", ".cer", "thumbprint"}},
		"certificate expired": {"online", func(s *site) {
			s.source.Certificates = []*certificate.Certificate{s.proofs.certificate(s.t, 0, time.Now().AddDate(-1, 0, 0), time.Now().Add(-time.Hour))}
		}, provider.StageCertificate, certificate.CodeExpired, []string{"expired"}, []string{"certificate"}},
		"certificate not good yet": {"hybrid", func(s *site) {
			s.source.Certificates = []*certificate.Certificate{s.proofs.certificate(s.t, 0, time.Now().Add(time.Hour), time.Now().AddDate(1, 0, 0))}
		}, provider.StageCertificate, certificate.CodeNotYet, []string{"not good"}, []string{"clock"}},
		"no such tenant": {"online", func(s *site) {
			s.profile.TenantID, s.policy.TenantID = fabrikam, fabrikam
		}, provider.StageToken, "AADSTS90002", []string{"no such tenant", fabrikam}, []string{"tenant's id", "cloud"}},
		"wrong tenant": {"online", func(s *site) {
			require.NoError(s.t, s.issuer.Register(s2stest.Application{ID: "77777777-aaaa-4bbb-8ccc-888888888888", Tenant: s2stest.Fabrikam, Certificates: []*x509.Certificate{s.source.Certificates[0].Leaf()}}))
			s.profile.Application.ClientID = "77777777-aaaa-4bbb-8ccc-888888888888"
		}, provider.StageToken, "AADSTS700016", []string{"not known in the tenant", s2stest.Contoso}, []string{"(client) id", "tenant", "consent"}},
		"no consent": {"cross-tenant", func(s *site) {
			require.NoError(s.t, s.issuer.Withdraw(s2stest.Fabrikam, client))
		}, provider.StageToken, "AADSTS7000229", []string{"service principal", s2stest.Fabrikam}, []string{"administrator", "consent"}},
		"application disabled": {"online", func(s *site) {
			require.NoError(s.t, s.issuer.Disable(s2stest.Contoso, client, true))
		}, provider.StageToken, "AADSTS7000112", []string{"disabled"}, []string{"enable it"}},
		"tenant not admitted": {"cross-tenant", func(s *site) { s.source.Admit = nil }, provider.StageToken, "tenant_not_admitted", []string{s2stest.Fabrikam}, []string{"operator", "Admit"}},
		"certificate expired, self-issued": {"self-issued", func(s *site) {
			s.source.Certificates = []*certificate.Certificate{s.proofs.certificate(s.t, 0, time.Now().AddDate(-1, 0, 0), time.Now().Add(-time.Hour))}
		}, provider.StageCertificate, certificate.CodeExpired, []string{"expired"}, []string{"certificate"}},
		"resource principal missing": {"online", hybridModern, provider.StageToken, "AADSTS500011", []string{"not known in the tenant", "https://" + loopbackIP}, []string{"service principal name", "hybrid modern authentication"}},
		"permission missing": {"online", func(s *site) {
			require.NoError(s.t, s.issuer.Revoke(s2stest.Contoso, client, s2stest.ExchangeOnline))
		}, provider.StageSignIn, "token_permission", []string{"permits nothing"}, []string{"full_access_as_app", "administrator's consent", "Application EWS.AccessAsApp"}},
		"another permission": {"hybrid", func(s *site) {
			require.NoError(s.t, s.issuer.Revoke(s2stest.Contoso, client, s2stest.ExchangeOnline))
			require.NoError(s.t, s.issuer.Grant(s2stest.Contoso, client, s2stest.ExchangeOnline, "Mail.Read"))
		}, provider.StageSignIn, "token_permission", []string{"permits nothing"}, []string{"full_access_as_app"}},
		"not in the scope": {"online", app(bobAddress), provider.StageSignIn, "mailbox_permission", []string{"ErrorImpersonateUserDenied"}, []string{"scope", "RBAC for Applications"}},
		"access denied": {"online", func(s *site) {
			s.options.Faults = []ewstest.Fault{{Code: "ErrorAccessDenied", Text: "Access is denied. Check credentials and try again."}}
		}, provider.StageSignIn, "mailbox_permission", []string{"ErrorAccessDenied"}, []string{"full_access_as_app", "RBAC for Applications"}},
		"no such mailbox":    {"online", func(s *site) { s.box.Address = "carol@contoso.example" }, provider.StageSignIn, "ErrorNonExistentMailbox", []string{"ErrorNonExistentMailbox"}, []string{"address"}},
		"audience":           {"on premises", func(s *site) { s.exchange.Hosts = []string{"mail.contoso.example"} }, provider.StageSignIn, "token_audience", []string{"another service"}, []string{"https address", "SSL offloading"}},
		"audience, online":   {"online", func(s *site) { s.exchange.Audiences = nil }, provider.StageSignIn, "token_audience", []string{"another service"}, []string{"Resource empty"}},
		"issuer not trusted": {"on premises", func(s *site) { s.exchange.Verify = nil }, provider.StageSignIn, "token_issuer", []string{"does not trust"}, []string{"New-AuthServer"}},
		"partner not known":  {"self-issued", func(s *site) { s.exchange.Partners = nil }, provider.StageSignIn, "token_issuer", []string{"does not trust"}, []string{"New-PartnerApplication"}},
		"realm not trusted":  {"self-issued", func(s *site) { s.profile.Application.Realm = "other.example" }, provider.StageSignIn, "token_issuer", []string{"does not trust"}, []string{"partner application"}},
		"realm unknown": {"self-issued", func(s *site) {
			s.exchange.Realm = "other.example"
			s.partner(func(p *s2stest.ExchangePartner) { p.Realm = realm })
		}, provider.StageSignIn, "token_tenant", []string{"no organization"}, []string{"accepted domains"}},
		"partner's certificate": {"self-issued", func(s *site) {
			s.partner(func(p *s2stest.ExchangePartner) { p.Certificates = []*x509.Certificate{goodCertificate(s.t, 1).Leaf()} })
		}, provider.StageSignIn, "token_signature", []string{"signature"}, []string{"partner application"}},
		"no linked account": {"self-issued", func(s *site) { s.partner(func(p *s2stest.ExchangePartner) { p.Roles = nil }) }, provider.StageSignIn, "token_permission", []string{"no rights"}, []string{"-LinkedAccount"}},
		"user unknown":      {"self-issued", func(s *site) { s.exchange.Users = map[string][]string{bobAddress: nil} }, provider.StageSignIn, "token_user", []string{"no account"}, []string{"mailbox's address"}},
	} {
		t.Run(name, func(t *testing.T) {
			needSHA1(t, row.way)
			s := newSite(t)
			ways[row.way](s)
			row.change(s)
			s.start()
			report, err := s.sync()
			require.Error(t, err)
			require.Equal(t, row.code, report.Incoming.Fault.Code, "%+v", report.Incoming.Fault)
			require.NotEmpty(t, report.Incoming.Fault.Remedy)
			s.fails(s.test(), row.stage, row.code, row.cause, row.remedy)
			if row.stage != provider.StageSignIn { // no mailbox is needed to find out
				s.fails(s.connection(), row.stage, row.code, row.cause, row.remedy)
			}
			require.Empty(t, s.server.Sent())
		})
	}
}

// partner changes the partner application.
func (s *site) partner(change func(*s2stest.ExchangePartner)) {
	p := s.exchange.Partners[client]
	change(&p)
	s.exchange.Partners[client] = p
}

// fails requires that a test failed as it should.
func (s *site) fails(r serversync.TestReport, stage provider.Stage, code string, cause, remedy []string) {
	s.t.Helper()
	require.False(s.t, r.Passed, r.String())
	var failed []serversync.StageReport
	for _, st := range r.Stages {
		if st.Status == serversync.StageFailed {
			failed = append(failed, st)
		}
	}
	require.NotEmpty(s.t, failed, r.String())
	require.Equal(s.t, stage, failed[0].Stage, r.String())
	require.Equal(s.t, code, r.Fault.Code, r.String())
	for _, words := range cause {
		require.Contains(s.t, r.Fault.Cause, words)
	}
	for _, words := range remedy {
		require.Contains(s.t, r.Fault.Remedy, words)
	}
	require.NotEmpty(s.t, r.Fault.Remedy)
}
