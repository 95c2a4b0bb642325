package signin_test

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/pop3"
	"github.com/go-serversync/serversync/pop3/pop3test"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// A loop is a protocol to a loopback server of ours.
type loop struct {
	name string
	// start starts a server that offers mechanisms, and returns what opens it.
	start func(t *testing.T, mechanisms []string, tokens map[string]string) func(*tls.Config) (road, provider.Driver)
}

func loops() []loop {
	users := map[string]string{anna: canary}
	byIMAP := func(without ...string) func(*testing.T, []string, map[string]string) func(*tls.Config) (road, provider.Driver) {
		return func(t *testing.T, mechanisms []string, tokens map[string]string) func(*tls.Config) (road, provider.Driver) {
			s := imaptest.NewServer(imaptest.Options{Users: users, Tokens: tokens, Mechanisms: mechanisms, Without: without})
			t.Cleanup(s.Close)
			return func(c *tls.Config) (road, provider.Driver) {
				c.RootCAs = s.CertPool()
				return road{address: s.Addr()}, &imap.Driver{TLSConfig: c}
			}
		}
	}
	return []loop{
		{"IMAP", byIMAP()},
		{"IMAP without SASL-IR", byIMAP("SASL-IR")},
		{"SMTP", func(t *testing.T, mechanisms []string, tokens map[string]string) func(*tls.Config) (road, provider.Driver) {
			s := smtptest.NewServer(smtptest.Options{Users: users, Tokens: tokens, Mechanisms: mechanisms})
			t.Cleanup(s.Close)
			return func(c *tls.Config) (road, provider.Driver) {
				c.RootCAs = s.CertPool()
				return road{address: s.Addr}, smtp.Driver{TLSConfig: c}
			}
		}},
		{"POP3", func(t *testing.T, mechanisms []string, tokens map[string]string) func(*tls.Config) (road, provider.Driver) {
			s := pop3test.NewServer(pop3test.Options{Users: users, Tokens: tokens, Mechanisms: mechanisms, Without: []string{"USER"}})
			t.Cleanup(s.Close)
			return func(c *tls.Config) (road, provider.Driver) {
				c.RootCAs = s.CertPool()
				return road{address: s.Addr()}, &pop3.Driver{TLSConfig: c}
			}
		}},
	}
}

// open opens, and returns what the stage of the sign-in told.
func open(t *testing.T, d provider.Driver, a provider.Account) (told provider.Evidence, err error) {
	a.Policy.AllowNetworks = loopback
	ctx := provider.WithTrace(t.Context(), &provider.Trace{End: func(s provider.Stage, e provider.Evidence, _ error) {
		if s == provider.StageSignIn {
			told = e
		}
	}})
	p, err := d.Open(ctx, a)
	if err == nil {
		require.NoError(t, p.Close())
	}
	return told, err
}

// Every mechanism goes through each driver: with and without an initial response in the
// command, bound to TLS 1.3 and 1.2, and with tokens that fit into no line.
func TestEveryMechanismThroughEachDriver(t *testing.T) {
	long := strings.Repeat("x", 2000)
	longest := strings.Repeat("y", 30_000)
	ca, err := testserver.NewCA()
	require.NoError(t, err)
	byToken := func(value string) func(*provider.Account) {
		return func(a *provider.Account) {
			a.Endpoint.Credentials, a.Mailbox.Password = profile.OAuth, secret.Text{}
			a.Tokens = &tokens{left: []string{value}}
		}
	}
	nothing := func(*provider.Account) {}
	by := func(a profile.Authentication) func(*provider.Account) {
		return func(account *provider.Account) { account.Endpoint.Authentication = a }
	}
	for _, l := range loops() {
		for _, tt := range []struct {
			mechanism string
			offered   string
			token     string
			tls       uint16
			change    func(*provider.Account)
			words     string
		}{
			{"SCRAM-SHA-256-PLUS", "PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "", tls.VersionTLS13, nothing, "bound to the connection by tls-exporter"},
			{"SCRAM-SHA-256-PLUS", "PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "", tls.VersionTLS12, nothing, "bound to the connection by tls-server-end-point"},
			{"SCRAM-SHA-256", "PLAIN SCRAM-SHA-256", "", 0, nothing, ""},
			{"PLAIN", "PLAIN", "", 0, nothing, ""},
			{"LOGIN", "LOGIN", "", 0, nothing, ""},
			{"CRAM-MD5", "CRAM-MD5", "", 0, by(profile.CRAMMD5), ""},
			{"OAUTHBEARER", "OAUTHBEARER XOAUTH2", "short", 0, byToken("short"), ""},
			{"OAUTHBEARER", "OAUTHBEARER XOAUTH2", long, 0, byToken(long), ""},
			{"XOAUTH2", "XOAUTH2", longest, 0, byToken(longest), ""},
			{"EXTERNAL", "EXTERNAL", "", 0, func(a *provider.Account) { a.Endpoint.Credentials = profile.ClientCertificate }, ""},
		} {
			t.Run(l.name+" "+tt.mechanism, func(t *testing.T) {
				if fips140.Enabled() && strings.Contains(tt.mechanism, "MD5") {
					t.Skip("never chosen under FIPS 140")
				}
				config := &tls.Config{MaxVersion: tt.tls}
				if tt.mechanism == "EXTERNAL" {
					config.Certificates = []tls.Certificate{certificate(t, ca, anna)}
				}
				r, d := l.start(t, strings.Fields(tt.offered), map[string]string{anna: tt.token})(config)
				good := r.account(t)
				tt.change(&good)
				told, err := open(t, d, good)
				require.NoError(t, err)
				require.Equal(t, tt.mechanism, told.Mechanism)
				require.Equal(t, anna, told.Username)
				require.Equal(t, tt.words, told.Text)

				bad := good
				bad.Mailbox.Username, bad.Mailbox.Password = "nobody", secret.New("wr0ng")
				if tt.mechanism == "EXTERNAL" {
					return // that server takes any certificate for whomever it is shown
				}
				_, err = open(t, d, bad)
				require.Equal(t, provider.ErrAuth, provider.KindOf(err), "%v", err)
			})
		}
	}
}

// RFC 5802, section 6: who hides -PLUS from us makes the server refuse, and we say so.
func TestSCRAMDowngradeThroughTLS(t *testing.T) {
	hide := func(line string) string {
		if strings.Contains(line, "CAPABILITY") {
			return "* CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN\r\n%tag OK done"
		}
		return ""
	}
	s := imaptest.NewServer(imaptest.Options{Users: map[string]string{anna: canary}, Quiet: true, Fail: hide,
		Mechanisms: []string{"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN"}})
	t.Cleanup(s.Close)
	_, err := open(t, &imap.Driver{TLSConfig: &tls.Config{RootCAs: s.CertPool()}}, road{address: s.Addr()}.account(t))
	require.Equal(t, provider.ErrUnsafe, provider.KindOf(err), "%v", err)
	require.Contains(t, err.Error(), "somebody hid that from us")
}

// SEC-1, X4: no token and no password, in any form, before there is TLS that is verified.
func TestSEC1NothingBeforeTLS(t *testing.T) {
	for _, mode := range []profile.TLS{profile.ImplicitTLS, profile.StartTLS} {
		for _, c := range []profile.Credentials{profile.OAuth, profile.FromMailbox, profile.ClientCertificate} {
			out := smtptest.NewServer(smtptest.Options{TLS: mode, Expired: true, Users: map[string]string{anna: canary}, Mechanisms: []string{"OAUTHBEARER", "SCRAM-SHA-256", "EXTERNAL"}})
			var heard []string
			in := imaptest.NewServer(imaptest.Options{TLS: mode, Expired: true, Mechanisms: []string{"OAUTHBEARER", "SCRAM-SHA-256", "EXTERNAL"}, Fail: func(line string) string {
				heard = append(heard, line)
				return ""
			}})
			for _, server := range []struct {
				r road
				d provider.Driver
			}{
				{road{address: out.Addr, mode: mode}, smtp.Driver{TLSConfig: &tls.Config{RootCAs: out.CertPool()}}},
				{road{address: in.Addr(), mode: mode}, &imap.Driver{TLSConfig: &tls.Config{RootCAs: in.CertPool()}}},
			} {
				a := server.r.account(t)
				a.Endpoint.Credentials, a.Tokens = c, &tokens{left: []string{canary}}
				_, err := open(t, server.d, a)
				require.Equal(t, provider.ErrUnsafe, provider.KindOf(err), "%v", err)
			}
			in.Close()
			out.Close()
			require.NotContains(t, strings.Join(append(heard, out.Commands()...), "\n"), "AUTH")
		}
	}
}

// P6: a server that repeats token or password, in whatever form, is not repeated.
func TestP6ServerRepeatsTheProof(t *testing.T) {
	const secretToken = "tok3n-Qw7!" + canary
	form := base64.StdEncoding.EncodeToString
	for name, echo := range map[string]string{
		"as it is": secretToken, "in base64": form([]byte("n,a=x,\x01auth=Bearer " + secretToken + "\x01\x01")), "in JSON": form([]byte(`{"status":"` + secretToken + `"}`)),
		"the password": canary, "the password in base64": form([]byte("\x00anna\x00" + canary)),
	} {
		for _, c := range []profile.Credentials{profile.OAuth, profile.FromMailbox} {
			out := smtptest.NewServer(smtptest.Options{Users: map[string]string{anna: canary}, Mechanisms: []string{"OAUTHBEARER", "PLAIN"}, Fail: func(cmd string) string {
				if strings.HasPrefix(cmd, "AUTH") {
					return "535 5.7.8 " + echo
				}
				return ""
			}})
			in := imaptest.NewServer(imaptest.Options{Mechanisms: []string{"OAUTHBEARER", "PLAIN"}, Fail: func(line string) string {
				if strings.Contains(line, "AUTHENTICATE") {
					return "%tag NO [" + echo + "] " + echo
				}
				return ""
			}})
			for address, d := range map[string]provider.Driver{
				out.Addr: smtp.Driver{TLSConfig: &tls.Config{RootCAs: out.CertPool()}}, in.Addr(): &imap.Driver{TLSConfig: &tls.Config{RootCAs: in.CertPool()}},
			} {
				a := road{address: address}.account(t)
				if a.Endpoint.Credentials = c; c == profile.OAuth {
					a.Tokens = &tokens{left: []string{secretToken, secretToken + "2"}}
				}
				_, err := open(t, d, a)
				require.Equal(t, provider.ErrAuth, provider.KindOf(err), "%s: %v", name, err)
				for _, hidden := range []string{canary, secretToken, echo} {
					if c == profile.OAuth || strings.Contains(name, "the password") {
						require.NotContains(t, err.Error()+err.(*provider.Error).Code, hidden)
					}
				}
			}
			in.Close()
			out.Close()
		}
	}
}

// Where the server asks for no certificate, or we have none, EXTERNAL is not begun.
func TestEXTERNALNeedsACertificateThatWasShown(t *testing.T) {
	for _, l := range loops() {
		r, d := l.start(t, []string{"EXTERNAL"}, nil)(&tls.Config{})
		a := r.account(t)
		a.Endpoint.Credentials = profile.ClientCertificate
		_, err := open(t, d, a)
		require.Equal(t, provider.ErrUnsupported, provider.KindOf(err), "%v", err)
		require.Contains(t, err.Error(), "no certificate of ours was shown")
	}
}

// P3: who waits for a token ends with the context, and nobody was dialled.
func TestP3TokenEndsWithTheContext(t *testing.T) {
	for _, d := range []provider.Driver{&imap.Driver{}, smtp.Driver{}} {
		ctx, cancel := context.WithCancel(t.Context())
		a := road{address: "127.0.0.1:1"}.account(t)
		a.Endpoint.Credentials, a.Tokens = profile.OAuth, waiting(cancel)
		_, err := d.Open(ctx, a)
		require.Equal(t, context.Canceled, err)
	}
}

// waiting is a source that ends its caller's context and waits for it.
type waiting func()

func (w waiting) Token(ctx context.Context, _ provider.Account, _ secret.Text) (provider.Token, error) {
	w()
	<-ctx.Done()
	return provider.Token{}, ctx.Err()
}
