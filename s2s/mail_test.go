package s2s_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/internal/proxytest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/s2s"
	"github.com/go-serversync/serversync/s2s/s2stest"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

const (
	mailHost = "outlook.office365.com" // no other takes an application's tokens
	smtpHost = "smtp.office365.com"
)

// A mailSite is a site whose mailboxes are reached by IMAP or POP3, and SMTP. Its servers stand behind a proxy that
// leads Exchange Online's names to them.
type mailSite struct {
	*site
	imap  imaptest.Options
	pop3  pop3test.Options
	smtp  smtptest.Options
	add   func(raw []byte)
	taken func() []smtptest.Message
}

func newMailSite(t *testing.T, kind profile.Kind) *mailSite {
	s := &mailSite{site: newSite(t)}
	s.profile.Kind = kind
	s.profile.Incoming = profile.Endpoint{Host: mailHost, Credentials: profile.ServerToServer}
	s.profile.Outgoing = profile.Endpoint{Host: smtpHost, TLS: profile.StartTLS}
	require.NoError(t, s.issuer.Grant(s2stest.Contoso, client, s2stest.ExchangeOnline, "IMAP.AccessAsApp", "POP.AccessAsApp", "SMTP.SendAsApp"))
	s.exchange.Principals = map[string]s2stest.ExchangePrincipal{client: {Mailboxes: []string{annAddress}}}
	opens := func(permission string) func(string, string) bool {
		return func(user, token string) bool { return s.exchange.Opens(token, permission, user) }
	}
	users, mechanisms := map[string]string{annAddress: "of no use"}, []string{"XOAUTH2"}
	s.imap = imaptest.Options{Name: mailHost, Users: users, Mechanisms: mechanisms, Token: opens("IMAP.AccessAsApp")}
	s.pop3 = pop3test.Options{Name: mailHost, Users: users, Mechanisms: mechanisms, Token: opens("POP.AccessAsApp")}
	s.smtp = smtptest.Options{Name: smtpHost, TLS: profile.StartTLS, Users: users, Mechanisms: mechanisms, Token: opens("SMTP.SendAsApp"),
		Deliver: func(_ string, to []string, raw []byte) {
			if strings.EqualFold(to[0], annAddress) {
				s.add(raw)
			}
		}}
	return s
}

// start starts the servers and the host.
func (s *mailSite) start() *mailSite {
	s.t.Helper()
	var addr string
	if s.profile.Kind == profile.IMAPSMTP {
		in := imaptest.NewServer(s.imap)
		s.t.Cleanup(in.Close)
		addr, s.add = in.Addr(), func(raw []byte) { in.Add(annAddress, "INBOX", raw) }
		s.drivers[profile.IMAP] = &imap.Driver{TLSConfig: &tls.Config{RootCAs: in.CertPool()}}
	} else {
		in := pop3test.NewServer(s.pop3)
		s.t.Cleanup(in.Close)
		addr, s.add = in.Addr(), func(raw []byte) { in.Add(annAddress, raw) }
		s.drivers[profile.POP3] = &pop3.Driver{TLSConfig: &tls.Config{RootCAs: in.CertPool()}}
	}
	out := smtptest.NewServer(s.smtp)
	s.t.Cleanup(out.Close)
	s.taken = out.Messages
	s.drivers[profile.SMTP] = smtp.Driver{TLSConfig: &tls.Config{RootCAs: out.CertPool()}}
	via := proxytest.New(proxytest.Options{Lead: func(target string) (string, int) {
		switch host, _, _ := strings.Cut(target, ":"); host {
		case mailHost:
			return addr, 0
		case smtpHost:
			return out.Addr, 0
		}
		return "", 4
	}})
	s.t.Cleanup(via.Close)
	s.policy.Proxy = profile.Proxy{URL: "socks5://" + via.Addr, Resolves: true}
	s.site.start()
	return s
}

var mailKinds = map[profile.Kind]string{profile.IMAPSMTP: "IMAP.AccessAsApp", profile.POP3SMTP: "POP.AccessAsApp"}

// Exchange Online opens mailboxes to an application by IMAP, POP3 and SMTP too, where it is registered in Exchange itself.
func TestSyncerOfMail(t *testing.T) {
	for kind, role := range mailKinds {
		t.Run(string(kind), func(t *testing.T) {
			s := newMailSite(t, kind).start()
			r := s.connection()
			require.True(t, r.Passed, r.String())
			first := []provider.Stage{provider.StageCertificate, provider.StageToken, provider.StagePermission}
			for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
				require.Equal(t, first, stages(r, side)[:3], r.String())
			}
			require.Contains(t, evidence(r, provider.StagePermission).Text, role)
			r = s.test()
			require.True(t, r.Passed, r.String())
			require.Subset(t, stages(r, mailbox.Incoming), append(first, provider.StageSignIn, serversync.StageInbox))
			require.Subset(t, stages(r, mailbox.Outgoing), append(first, provider.StageSignIn, serversync.StageSend))
			require.Contains(t, append(stages(r, mailbox.Incoming), stages(r, mailbox.Outgoing)...), serversync.StageReadBack)

			s.add(letter(1))
			_, err := s.syncer.Send(t.Context(), annKey, serversync.Outgoing{ID: "offer", To: []item.Address{{Addr: bobAddress}}, Subject: "Our offer", Text: "Here it is.\n"})
			require.NoError(t, err)
			before := len(s.taken())
			_, err = s.sync()
			require.NoError(t, err)
			require.Contains(t, fmt.Sprint(subjects(s.site)), "letter 1")
			sent := s.taken()[before:]
			require.Len(t, sent, 1)
			require.Equal(t, annAddress, sent[0].User)
			require.Equal(t, []string{bobAddress}, sent[0].To)
			require.Equal(t, 1, s.issuer.RequestsOf("", client))
		})
	}
}

// What is missing in Entra ID or Exchange is told, although Exchange Online says little of it.
func TestSyncerOfMailTellsWhatIsWrong(t *testing.T) {
	revoke := func(role string) func(*mailSite) {
		return func(s *mailSite) {
			require.NoError(s.t, s.issuer.Revoke(s2stest.Contoso, client, s2stest.ExchangeOnline, role))
		}
	}
	unregistered := func(s *mailSite) { s.exchange.Principals = nil }
	const incoming, outgoing = mailbox.Incoming, mailbox.Outgoing
	steps := []string{"New-ServicePrincipal", "object id of the enterprise application", "Add-MailboxPermission", "administrator's consent"}
	for name, row := range map[string]struct {
		kind   profile.Kind
		change func(*mailSite)
		side   mailbox.Side
		stage  provider.Stage
		code   string
		cause  string
		remedy []string
	}{
		"imap, no role":        {profile.IMAPSMTP, revoke("IMAP.AccessAsApp"), incoming, provider.StagePermission, s2s.CodePermission, "IMAP.AccessAsApp", []string{"IMAP.AccessAsApp", "consent"}},
		"pop3, no role":        {profile.POP3SMTP, revoke("POP.AccessAsApp"), incoming, provider.StagePermission, s2s.CodePermission, "POP.AccessAsApp", []string{"POP.AccessAsApp", "consent"}},
		"smtp, no role":        {profile.IMAPSMTP, revoke("SMTP.SendAsApp"), outgoing, provider.StageSignIn, "token_refused", "535", append(steps, "SMTP.SendAsApp", "SMTP AUTH is on")},
		"imap, not registered": {profile.IMAPSMTP, unregistered, incoming, provider.StageSignIn, "token_refused", "of the token", append(steps, "IMAP.AccessAsApp", "Set-CASMailbox -ImapEnabled $true")},
		"pop3, not registered": {profile.POP3SMTP, unregistered, incoming, provider.StageSignIn, "token_refused", "of the token", append(steps, "POP.AccessAsApp", "Set-CASMailbox -PopEnabled $true")},
		"imap, in Exchange Online's words": {profile.IMAPSMTP, func(s *mailSite) {
			s.imap.Fail = func(line string) string {
				if strings.Contains(line, "AUTHENTICATE") {
					return "%tag NO AUTHENTICATE failed."
				}
				return ""
			}
		}, incoming, provider.StageSignIn, "token_refused", "AUTHENTICATE failed.", steps},
		"pop3, in Exchange Online's words": {profile.POP3SMTP, func(s *mailSite) {
			s.pop3.Fail = func(line string) string {
				if strings.HasPrefix(line, "AUTH") {
					return "-ERR Authentication failure: unknown user name or bad password."
				}
				return ""
			}
		}, incoming, provider.StageSignIn, "token_refused", "Authentication failure", steps},
		"smtp, switched off": {profile.POP3SMTP, func(s *mailSite) {
			s.smtp.Fail = func(line string) string {
				if strings.HasPrefix(line, "AUTH") {
					return "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
				}
				return ""
			}
		}, outgoing, provider.StageSignIn, "535 5.7.139", "SmtpClientAuthentication is disabled", []string{"Set-TransportConfig -SmtpClientAuthenticationDisabled $false"}},
		"imap, no permission for the mailbox": {profile.IMAPSMTP, func(s *mailSite) {
			s.imap.Token = func(_, token string) bool { return s.exchange.Opens(token, "full_access_as_app", annAddress) } // it lets the application in
			s.imap.Fail = func(line string) string {
				if _, command, _ := strings.Cut(line, " "); strings.HasPrefix(command, "AUTHENTICATE") || strings.HasPrefix(command, "CAPABILITY") || !strings.Contains(line, " ") {
					return ""
				}
				return "%tag BAD User is authenticated but not connected."
			}
		}, incoming, serversync.StageInbox, "mailbox_permission", "authenticated but not connected", []string{"not into this mailbox", "Add-MailboxPermission", "New-ServicePrincipal"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMailSite(t, row.kind)
			row.change(s)
			s.start()
			report, err := s.sync()
			if row.side == outgoing { // there is nothing to send
				require.NoError(t, err)
			} else {
				require.Error(t, err)
				require.Equal(t, row.code, report.Incoming.Fault.Code, "%+v", report.Incoming.Fault)
			}
			r := s.test()
			s.fails(r, row.stage, row.code, []string{row.cause}, row.remedy)
			for _, st := range r.Stages {
				if st.Status == serversync.StageFailed {
					require.Equal(t, row.side, st.Side)
					break
				}
			}
			if row.side == outgoing {
				require.Empty(t, s.taken())
			}
		})
	}
}

// A profile of another server is none to which an application's token goes: the settings say so, and nobody is asked.
func TestSyncerOfMailElsewhere(t *testing.T) {
	s := newMailSite(t, profile.IMAPSMTP)
	s.profile.Incoming.Host, s.profile.Outgoing.Host = "mail.contoso.example", "mail.contoso.example"
	s.start()
	for _, r := range []serversync.TestReport{s.connection(), s.test()} {
		s.fails(r, serversync.StageSettings, "incoming-s2s-mail", nil, []string{"OAuth"})
	}
	require.Zero(t, s.issuer.RequestsOf("", client))
}
