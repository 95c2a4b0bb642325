package kerberos_test

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/auth/kerberos"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/store/memory"
)

// loopback is a self-hosted policy whose mail servers stand on this machine.
var loopback = profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// annas is anna's mailbox, which has her password in Kerberos.
var annas = mailbox.Mailbox{
	Key: mailbox.Key{Organization: "org", Mailbox: "anna"}, Address: "anna@example.test", Username: "anna", Password: secret.New(password),
}

// endpoint is that of a server at addr, by the name that its principal has.
func endpoint(t *testing.T, addr string, c profile.Credentials, a profile.Authentication) profile.Endpoint {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return profile.Endpoint{Host: "localhost", Port: n, Credentials: c, Authentication: a}
}

// open opens an account and returns the evidence of its sign-in.
func open(t *testing.T, d provider.Driver, a provider.Account) (told provider.Evidence, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx = provider.WithTrace(ctx, &provider.Trace{End: func(s provider.Stage, e provider.Evidence, _ error) {
		if s == provider.StageSignIn {
			told = e
		}
	}})
	p, err := d.Open(ctx, a)
	if err == nil {
		err = p.Check(ctx)
		p.Close()
	}
	return told, err
}

// The whole way, through the drivers, with a user's password and with the process's own
// identity, which acts for the user of the mailbox.
func TestRFC4752ThroughTheDrivers(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	postfix := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: w.dovecot})
	byPassword, byKeytab := &kerberos.Client{Config: w.Conf()}, &kerberos.Client{Config: w.Conf(), Keytab: w.keytab}
	crm := annas
	crm.Username, crm.Password = "", secret.Text{}
	acting := crm
	acting.Username = "anna@example.test"
	for _, tt := range []struct {
		name   string
		client *kerberos.Client
		box    mailbox.Mailbox
		from   profile.Credentials
		by     profile.Authentication
		user   string // as whom the IMAP server lets us in
	}{
		{"password", byPassword, annas, profile.FromMailbox, profile.Negotiate, "anna"},
		{"keytab", byKeytab, crm, profile.IntegratedWindows, profile.AutoDetect, "crm"},
		{"keytab, acting for the mailbox's user", byKeytab, acting, profile.IntegratedWindows, profile.Negotiate, "anna"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for protocol, d := range map[string]provider.Driver{w.dovecot.IMAPSAddr: &imap.Driver{TLSConfig: w.trust()}, postfix.SMTPSAddr: smtp.Driver{TLSConfig: w.trust()}} {
				logins := func() int {
					return strings.Count(w.dovecot.Log(), "Login: user=<"+tt.user+"@example.test>, method=GSSAPI")
				}
				before := logins()
				told, err := open(t, d, provider.Account{Mailbox: tt.box, Endpoint: endpoint(t, protocol, tt.from, tt.by), Policy: loopback, Mechanisms: []provider.Mechanism{tt.client}})
				if err != nil || told.Mechanism != "GSSAPI" {
					t.Errorf("%T: %+v, %v", d, told, err)
				}
				if protocol == w.dovecot.IMAPSAddr && !logged(func() bool { return logins() > before }) {
					t.Errorf("the server let somebody else in than %s", tt.user)
				}
			}
		})
	}
}

// A wrong password is refused once, by the KDC: neither the mail server nor another
// mechanism is asked, although there is one.
func TestOneRefusalThroughTheDrivers(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	a := provider.Account{Mailbox: annas, Endpoint: endpoint(t, w.dovecot.IMAPSAddr, profile.FromMailbox, profile.Negotiate), Policy: loopback}
	a.Mailbox.Password = secret.New("wr0ng-" + password)
	a.Mechanisms = []provider.Mechanism{&kerberos.Client{Config: w.Conf()}}
	_, err := open(t, &imap.Driver{TLSConfig: w.trust()}, a)
	if e := is(t, err, provider.ErrAuth); a.Mailbox.Password.In(e.Error() + e.Remedy) {
		t.Errorf("%v (%s)", e, e.Remedy)
	}
	refusals := func() int { return strings.Count(w.Log(), "PREAUTH_FAILED") }
	if !logged(func() bool { return refusals() > 0 }) || refusals() != 1 {
		t.Errorf("the KDC refused %d times", refusals())
	}
	if strings.Contains(w.dovecot.Log(), "method=PLAIN") {
		t.Error("the mail server was shown a password")
	}
}

// A Syncer brings mail in with a user's password, and as the process's identity, which
// acts for the mailbox's user; a wrong password is tried once in a cycle.
func TestSyncerSignsInWithKerberos(t *testing.T) {
	w := newWorld(t, testserver.KDCOptions{})
	postfix := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: w.dovecot})
	const mail = "From: bela@example.test\r\nTo: anna@example.test\r\nSubject: Hello\r\nMessage-ID: <1@example.test>\r\n\r\nHow are you?\r\n"
	if err := w.dovecot.Deliver(t.Context(), "anna", "INBOX", []byte(mail)); err != nil {
		t.Fatal(err)
	}
	acting, wrong := annas, annas
	acting.Username, acting.Password = "anna@example.test", secret.Text{}
	wrong.Password = secret.New("wr0ng")
	for _, tt := range []struct {
		name    string
		client  *kerberos.Client
		box     mailbox.Mailbox
		from    profile.Credentials
		records int
	}{
		{"password", &kerberos.Client{Config: w.Conf()}, annas, profile.FromMailbox, 1},
		{"keytab", &kerberos.Client{Config: w.Conf(), Keytab: w.keytab}, acting, profile.IntegratedWindows, 1},
		{"wrong password", &kerberos.Client{Config: w.Conf()}, wrong, profile.FromMailbox, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := profile.New(profile.IMAPSMTP, "p")
			p.Incoming = endpoint(t, w.dovecot.IMAPSAddr, tt.from, profile.Negotiate)
			p.Outgoing = endpoint(t, postfix.SMTPSAddr, "", "")
			s, err := serversync.New(serversync.Config{
				Store: memory.New(), Policy: loopback, Mailboxes: serversync.Static(p, tt.box), Mechanisms: []provider.Mechanism{tt.client},
				Drivers: map[profile.Protocol]provider.Driver{profile.IMAP: &imap.Driver{TLSConfig: w.trust()}, profile.SMTP: smtp.Driver{TLSConfig: w.trust()}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			refusals := func() int { return strings.Count(w.Log(), "PREAUTH_FAILED") }
			refused := refusals()
			report, err := s.SyncMailbox(t.Context(), tt.box.Key)
			if err != nil {
				t.Log(err)
			}
			if report.Tracked != tt.records {
				t.Errorf("%+v", report)
			}
			if want := refused + 1 - tt.records; !logged(func() bool { return refusals() >= want }) || refusals() != want {
				t.Errorf("the KDC refused %d times in one cycle", refusals()-refused)
			}
		})
	}
}
