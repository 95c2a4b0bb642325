package signin_test

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
)

const canary, anna = "canary-Zx9!q7", "anna@example.test"

// issued is a token as large as they are, which goes into no command of SMTP.
var issued = "token-" + canary + strings.Repeat("x", 1500)

// A road is a protocol to a server that we did not write.
type road struct {
	name    string
	address string
	mode    profile.TLS
	driver  func(*tls.Config) provider.Driver
	lacks   []string // mechanisms that cannot come this way
}

// roads starts the servers that offer every mechanism.
func roads(t *testing.T, o testserver.DovecotOptions) (*testserver.Dovecot, []road) {
	o.Users, o.Certificates = map[string]string{"anna": canary}, true
	o.Cert, o.Extra = testserver.CertOptions{Hosts: []string{"127.0.0.1"}}, "auth_verbose = yes"
	d := servertest.Dovecot(t, o)
	p := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d})
	byIMAP := func(c *tls.Config) provider.Driver { return &imap.Driver{TLSConfig: c} }
	byPOP3 := func(c *tls.Config) provider.Driver { return &pop3.Driver{TLSConfig: c} }
	bySMTP := func(c *tls.Config) provider.Driver { return smtp.Driver{TLSConfig: c} }
	return d, []road{
		{name: "IMAP", address: d.IMAPSAddr, driver: byIMAP},
		{name: "IMAP with STARTTLS", address: d.IMAPAddr, mode: profile.StartTLS, driver: byIMAP},
		{name: "POP3", address: d.POP3SAddr, driver: byPOP3},
		{name: "POP3 with STLS", address: d.POP3Addr, mode: profile.StartTLS, driver: byPOP3},
		// Postfix 3.7 does not tell Dovecot of a client's certificate.
		{name: "SMTP", address: p.SMTPSAddr, driver: bySMTP, lacks: []string{"EXTERNAL"}},
		{name: "SMTP with STARTTLS", address: p.SubmissionAddr, mode: profile.StartTLS, driver: bySMTP, lacks: []string{"EXTERNAL"}},
	}
}

// tokens gives one after the other.
type tokens struct{ left []string }

func (s *tokens) Token(_ context.Context, _ provider.Account, refused secret.Text) (provider.Token, error) {
	if !refused.IsZero() && len(s.left) > 1 {
		s.left = s.left[1:]
	}
	return provider.Token{Value: secret.New(s.left[0])}, nil
}

func (r road) account(t *testing.T) provider.Account {
	host, port, err := net.SplitHostPort(r.address)
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	return provider.Account{
		Mailbox:  mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "anna"}, Address: anna, Password: secret.New(canary)},
		Endpoint: profile.Endpoint{Host: host, Port: n, TLS: r.mode},
		Policy:   profile.Policy{Deployment: profile.SelfHosted},
	}
}

// open signs in, and returns the mechanism that it was done with.
func (r road) open(t *testing.T, d *testserver.Dovecot, a provider.Account, shown ...tls.Certificate) (provider.Evidence, error) {
	var told provider.Evidence
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a.Policy.AllowNetworks = loopback
	ctx = provider.WithTrace(ctx, &provider.Trace{End: func(s provider.Stage, e provider.Evidence, _ error) {
		if s == provider.StageSignIn {
			told = e
		}
	}})
	p, err := r.driver(&tls.Config{RootCAs: d.CA.CertPool(), Certificates: shown}).Open(ctx, a)
	if err != nil {
		require.NotContains(t, err.Error(), canary)
		return told, err
	}
	defer p.Close()
	require.NoError(t, p.Check(ctx))
	return told, nil
}

func certificate(t *testing.T, ca *testserver.CA, user string) tls.Certificate {
	pem, key, err := ca.Issue(user)
	require.NoError(t, err)
	cert, err := tls.X509KeyPair(pem, key)
	require.NoError(t, err)
	return cert
}

// Every mechanism signs in to Dovecot, and to Postfix, whose users Dovecot knows.
func TestRealSignIn(t *testing.T) {
	servertest.Need(t)
	issuer, err := testserver.NewIssuer()
	require.NoError(t, err)
	t.Cleanup(func() { issuer.Close() })
	issuer.Issue("anna", issued)
	for _, tt := range []struct {
		mechanism string
		offered   string // by Dovecot
		change    func(a *provider.Account, good bool)
	}{
		{"SCRAM-SHA-256", "plain login scram-sha-256 cram-md5", password},
		{"PLAIN", "plain login cram-md5", password},
		{"LOGIN", "login cram-md5", func(a *provider.Account, good bool) { password(a, good); a.Endpoint.Authentication = profile.Basic }},
		{"CRAM-MD5", "plain cram-md5", func(a *provider.Account, good bool) { password(a, good); a.Endpoint.Authentication = profile.CRAMMD5 }},
		{"OAUTHBEARER", "plain oauthbearer xoauth2", token},
		{"XOAUTH2", "plain xoauth2", token},
		{"EXTERNAL", "plain external", func(a *provider.Account, good bool) {
			a.Endpoint.Credentials, a.Mailbox.Password = profile.ClientCertificate, secret.Text{}
			if !good {
				a.Mailbox.Username = "bela@example.test" // whom the certificate does not mean
			}
		}},
	} {
		t.Run(tt.mechanism, func(t *testing.T) {
			if fips140.Enabled() && strings.Contains(tt.mechanism, "MD5") {
				t.Skip("never chosen under FIPS 140")
			}
			d, roads := roads(t, testserver.DovecotOptions{Mechanisms: tt.offered, Issuer: issuer})
			for _, r := range roads {
				if slices.Contains(r.lacks, tt.mechanism) {
					continue
				}
				t.Run(r.name, func(t *testing.T) {
					var shown []tls.Certificate
					if tt.mechanism == "EXTERNAL" {
						shown = append(shown, certificate(t, d.CA, anna))
					}
					good, bad := r.account(t), r.account(t)
					tt.change(&good, true)
					tt.change(&bad, false)
					told, err := r.open(t, d, good, shown...)
					require.NoError(t, err)
					require.Equal(t, anna, told.Username)
					require.Equal(t, tt.mechanism, told.Mechanism)

					before := strings.Count(d.Log(), "auth: ")
					_, err = r.open(t, d, bad, shown...)
					require.Equal(t, provider.ErrAuth, provider.KindOf(err), "%v", err)
					refused := func() int { return strings.Count(d.Log(), "auth: ") - before }
					require.Eventually(t, func() bool { return refused() > 0 }, time.Minute, 10*time.Millisecond, "Dovecot logs it:\n%s", d.Log())
					_, err = r.open(t, d, good, shown...) // behind which a second try would stand
					require.NoError(t, err)
					require.Equal(t, 1, refused(), "one refusal is all that the server sees:\n%s", d.Log())
				})
			}
		})
	}
}

func password(a *provider.Account, good bool) {
	if !good {
		a.Mailbox.Password = secret.New("wr0ng")
	}
}

func token(a *provider.Account, good bool) {
	a.Endpoint.Credentials, a.Mailbox.Password = profile.OAuth, secret.Text{}
	a.Tokens = &tokens{left: []string{issued}}
	if !good {
		a.Tokens = &tokens{left: []string{"stale-" + canary}}
	}
}

// TOK-3: a token that was revoked before its end is replaced, on the same connection
// where the server keeps it.
func TestTOK3RealReplay(t *testing.T) {
	servertest.Need(t)
	issuer, err := testserver.NewIssuer()
	require.NoError(t, err)
	t.Cleanup(func() { issuer.Close() })
	issuer.Issue("anna", issued)
	for _, offered := range []string{"plain oauthbearer", "plain xoauth2"} {
		d, roads := roads(t, testserver.DovecotOptions{Mechanisms: offered, Issuer: issuer})
		for _, r := range roads {
			a := r.account(t)
			token(&a, true)
			a.Tokens = &tokens{left: []string{"stale-" + canary, issued}}
			before := issuer.Asked()
			told, err := r.open(t, d, a)
			require.NoError(t, err, "%s %s", r.name, offered)
			require.Contains(t, told.Text, "another one was used")
			require.Equal(t, 2, issuer.Asked()-before)
		}
	}
}

// A server that offers SCRAM and cannot do it for an account, because it keeps the
// password in another way, gets PLAIN on the same connection; a wrong password is still
// refused once.
func TestRealNextMechanism(t *testing.T) {
	d, roads := roads(t, testserver.DovecotOptions{Mechanisms: "plain scram-sha-256", Hashed: true})
	for _, r := range roads {
		told, err := r.open(t, d, r.account(t))
		require.NoError(t, err, r.name)
		require.Equal(t, "PLAIN", told.Mechanism)
		a := r.account(t)
		password(&a, false)
		mismatch := func() int { return strings.Count(d.Log(), "Password mismatch") }
		before := mismatch()
		_, err = r.open(t, d, a)
		require.Equal(t, provider.ErrAuth, provider.KindOf(err), "%v", err)
		_, err = r.open(t, d, r.account(t))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return mismatch() > before }, time.Minute, 10*time.Millisecond, "Dovecot logs it:\n%s", d.Log())
		require.Equal(t, 1, mismatch()-before, "%s", d.Log())
	}
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
