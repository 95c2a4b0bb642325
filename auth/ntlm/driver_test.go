package ntlm_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/auth/ntlm"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
)

// account is anna's, on a server of this machine.
func account(t *testing.T, addr, password string, by profile.Authentication, mechanisms ...provider.Mechanism) provider.Account {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	policy := selfHosted
	policy.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return provider.Account{
		Mailbox:  mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "anna"}, Address: "anna@example.test", Username: "anna", Password: secret.New(password)},
		Endpoint: profile.Endpoint{Host: "localhost", Port: n, Authentication: by},
		Policy:   policy, Mechanisms: mechanisms,
	}
}

// open opens an account and returns the mechanism of its sign-in.
func open(t *testing.T, d provider.Driver, a provider.Account) (mechanism string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx = provider.WithTrace(ctx, &provider.Trace{End: func(s provider.Stage, e provider.Evidence, _ error) {
		if s == provider.StageSignIn {
			mechanism = e.Mechanism
		}
	}})
	p, err := d.Open(ctx, a)
	if err == nil {
		p.Close()
	}
	return mechanism, err
}

// kerberos is a GSSAPI that cannot be used here, as where there is no realm.
type kerberos struct{ begun int }

func (*kerberos) Name() string { return "GSSAPI" }

func (k *kerberos) Begin(context.Context, provider.Peer) (provider.Exchange, error) {
	k.begun++
	return nil, &provider.Error{Op: "kerberos", Kind: provider.ErrUnsupported}
}

// The whole way, through the driver, to Postfix with Cyrus SASL.
func TestNTLMThroughTheSMTPDriver(t *testing.T) {
	users := map[string]string{"anna": password}
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	postfix := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d, NTLM: users})
	driver := smtp.Driver{TLSConfig: &tls.Config{RootCAs: d.CA.CertPool()}}
	for _, by := range []profile.Authentication{profile.NTLM, profile.Negotiate, profile.AutoDetect} {
		mechanism, err := open(t, driver, account(t, postfix.SMTPSAddr, password, by, &kerberos{}, ntlm.Mechanism{}))
		if err != nil || mechanism != "NTLM" {
			t.Errorf("%q: %s, %v", by, mechanism, err)
		}
	}
	failed := func() int { return strings.Count(postfix.Log(), "SASL NTLM authentication failed") }
	before := failed()
	_, err := open(t, driver, account(t, postfix.SMTPSAddr, "wr0ng", profile.Negotiate, ntlm.Mechanism{}))
	is(t, err, provider.ErrAuth)
	if _, err := open(t, driver, account(t, postfix.SMTPSAddr, password, profile.NTLM, ntlm.Mechanism{})); err != nil {
		t.Error(err) // behind which a second try would stand in the log
	}
	for until := time.Now().Add(time.Minute); failed() == before && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond) // a server writes its log when it comes to it
	}
	if n := failed() - before; n != 1 {
		t.Errorf("%d refusals, want one:\n%s", n, postfix.Log())
	}
	a := account(t, postfix.SMTPSAddr, password, profile.NTLM, ntlm.Mechanism{})
	a.Policy.FIPS = true
	_, err = open(t, driver, a)
	if e := is(t, err, provider.ErrUnsupported); !strings.Contains(e.Error(), "FIPS") {
		t.Errorf("%v", e)
	}
}
