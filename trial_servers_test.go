package serversync_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
	"github.com/go-serversync/serversync/store/memory"
)

// A system is where mail comes in and goes out, and who vouches for it.
type system struct {
	in, out           profile.Endpoint
	inRoots, outRoots *x509.CertPool
	user, password    string
	address           string // the user's, if not the same
}

// endpoint returns the endpoint of host:port.
func endpoint(t testing.TB, addr string, how profile.TLS) profile.Endpoint {
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	return profile.Endpoint{Host: host, Port: n, TLS: how}
}

// test tests and enables a mailbox of the system, and holds the report to what is
// true of all: it shows no password, and what failed has words and a remedy.
func (s system) test(t testing.TB, o TestOptions) TestReport {
	t.Helper()
	p := profile.Profile{ID: "p", Kind: profile.IMAPSMTP, Incoming: s.in, Outgoing: s.out}
	box := mailbox.Mailbox{Key: ann, Address: s.user, Username: s.user, Password: secret.New(s.password)}
	if s.address != "" {
		box.Address = s.address
	}
	syncer, err := New(Config{
		Store: memory.New(), Mailboxes: Static(p, box),
		Drivers: map[profile.Protocol]provider.Driver{
			profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: s.inRoots}, Limits: patient},
			profile.SMTP: smtp.Driver{TLSConfig: &tls.Config{RootCAs: s.outRoots}, Limits: patient},
		},
		Policy: profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, syncer.Close()) }()
	report, err := syncer.TestMailbox(t.Context(), ann, o)
	require.NoError(t, err)
	doc, err := json.Marshal(report)
	require.NoError(t, err)
	require.NotContains(t, strings.ToLower(report.String()+string(doc)), strings.ToLower(s.password))
	for _, st := range report.Stages {
		if st.Status == StageFailed {
			require.NotEmpty(t, st.Fault.Cause)
			require.NotEmpty(t, st.Fault.Remedy, report.String())
		}
	}
	return report
}

// failed returns what failed, "side stage" each.
func failed(r TestReport) (all []string) {
	for _, st := range r.Stages {
		if st.Status == StageFailed {
			all = append(all, string(st.Side)+" "+string(st.Stage))
		}
	}
	return all
}

// said returns a report's words in one line.
func said(r TestReport) string { return strings.Join(strings.Fields(r.String()), " ") }

// evidence returns what a stage has learned.
func evidence(r TestReport, side mailbox.Side, stage provider.Stage) (e provider.Evidence) {
	for _, st := range r.Stages {
		if st.Side == side && st.Stage == stage {
			return st.Evidence
		}
	}
	return e
}

// onLoopback starts servers in this process, of which one delivers to the other.
func onLoopback(t *testing.T, in imaptest.Options, out smtptest.Options) system {
	users := map[string]string{"ann@example.com": "C0rrect-H0rse"}
	in.Users, out.Users = users, users
	i := imaptest.NewServer(in)
	t.Cleanup(i.Close)
	if out.Deliver == nil {
		out.Deliver = func(_ string, to []string, raw []byte) { i.Add(to[0], "INBOX", raw) }
	}
	o := smtptest.NewServer(out)
	t.Cleanup(o.Close)
	return system{in: i.Endpoint(), out: endpoint(t, o.Addr, out.TLS), inRoots: i.CertPool(), outRoots: o.CertPool(),
		user: "ann@example.com", password: "C0rrect-H0rse"}
}

// A report has what an administrator would ask for next.
func TestReportShowsWhatTheServersAre(t *testing.T) {
	for _, how := range []profile.TLS{profile.ImplicitTLS, profile.StartTLS} {
		const month = 30*24*time.Hour + time.Hour
		s := onLoopback(t, imaptest.Options{TLS: how, Valid: month}, smtptest.Options{TLS: how, Valid: month})
		r := s.test(t, TestOptions{})
		require.True(t, r.Passed, r.String())
		for side, cn := range map[mailbox.Side]string{mailbox.Incoming: "CN=imaptest", mailbox.Outgoing: "CN=smtptest"} {
			e := evidence(r, side, provider.StageTLS)
			require.Equal(t, "TLS 1.3", e.TLSVersion)
			require.NotEmpty(t, e.CipherSuite)
			require.Equal(t, []string{cn}, e.Chain)
			e = evidence(r, side, provider.StageSignIn)
			require.Equal(t, "PLAIN", e.Mechanism)
			require.Equal(t, s.user, e.Username)
		}
		require.Contains(t, evidence(r, mailbox.Incoming, provider.StageSignIn).Capabilities, "QRESYNC")
		require.Contains(t, evidence(r, mailbox.Outgoing, provider.StageCapabilities).Capabilities, "SMTPUTF8")
		require.Equal(t, 2, strings.Count(said(r), "TLS 1.3, certificate good for 30 days"))
		require.Equal(t, StageReadBack, r.Stages[len(r.Stages)-1].Stage)
		for line := range strings.Lines(r.String()) {
			require.LessOrEqual(t, len(line), 101, line)
		}
	}
}

// A certificate that is about to expire is warned of in time.
func TestReportWarnsOfACertificateThatExpires(t *testing.T) {
	s := onLoopback(t, imaptest.Options{Valid: 5*24*time.Hour + time.Hour}, smtptest.Options{Valid: 60 * 24 * time.Hour})
	r := s.test(t, TestOptions{NoMessage: true})
	require.True(t, r.Passed, r.String())
	i := slices.IndexFunc(r.Warnings, func(w profile.Issue) bool { return w.Code == "certificate-expires" })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, mailbox.Incoming, r.Warnings[i].Side)
	require.Contains(t, r.Warnings[i].Message, "5 days only")
	require.False(t, slices.ContainsFunc(r.Warnings[i+1:], func(w profile.Issue) bool { return w.Code == "certificate-expires" }))
}

// What is wrong with a server is told at the stage where it is, in words.
func TestReportTellsWhatIsWrong(t *testing.T) {
	starts := func(with, answer string) func(string) string {
		return func(line string) string {
			if _, command, _ := strings.Cut(line, " "); strings.HasPrefix(line, with) || strings.HasPrefix(command, with) {
				return answer
			}
			return ""
		}
	}
	const echo = "C0rrect-H0rse is not the password"
	for name, tt := range map[string]struct {
		in     imaptest.Options
		out    smtptest.Options
		spoil  func(*system)
		failed []string
		words  []string
	}{
		"no password by IMAP": {in: imaptest.Options{Quiet: true, Fail: starts("CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2\r\n%tag OK done")},
			failed: []string{"incoming capabilities"}, words: []string{"wants OAuth (XOAUTH2)"}},
		"no password by SMTP": {out: smtptest.Options{Fail: starts("EHLO", "250-smtptest\r\n250 AUTH XOAUTH2 DIGEST-MD5")},
			failed: []string{"outgoing capabilities"}, words: []string{"XOAUTH2"}},
		"wrong password": {spoil: func(s *system) { s.password = "Wr0ng-H0rse" },
			failed: []string{"incoming sign-in", "outgoing sign-in"}, words: []string{"sign-in refused", "check user name and password"}},
		"the server repeats the password": {in: imaptest.Options{Fail: starts("AUTHENTICATE", "%tag NO [AUTHENTICATIONFAILED] "+echo)}, out: smtptest.Options{Fail: starts("AUTH", "535 5.7.8 "+echo)},
			failed: []string{"incoming sign-in", "outgoing sign-in"}},
		"expired": {in: imaptest.Options{Expired: true}, out: smtptest.Options{Expired: true, TLS: profile.StartTLS},
			failed: []string{"incoming tls", "outgoing tls"}, words: []string{"the certificate expired on"}},
		"another name": {in: imaptest.Options{Name: "mail.example.net"},
			failed: []string{"incoming tls"}, words: []string{"it has mail.example.net", "read-back skipped"}},
		"the inbox cannot be read": {in: imaptest.Options{Fail: starts("SELECT", "%tag NO [INUSE] locked")},
			failed: []string{"incoming inbox"}, words: []string{"locked"}},
		"the recipient is refused": {out: smtptest.Options{Fail: starts("RCPT", "550 5.7.1 you may not send")},
			failed: []string{"outgoing send"}, words: []string{"you may not send", "no message was sent"}},
		"nothing arrives": {out: smtptest.Options{Deliver: func(string, []string, []byte) {}},
			failed: []string{"incoming read-back"}, words: []string{"did not arrive within 60ms", "it may be forwarded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := onLoopback(t, tt.in, tt.out)
			if tt.spoil != nil {
				tt.spoil(&s)
			}
			r := s.test(t, TestOptions{RoundTrip: 60 * time.Millisecond})
			require.False(t, r.Passed)
			require.Equal(t, tt.failed, failed(r), r.String())
			for _, w := range tt.words {
				require.Contains(t, said(r), w)
			}
			for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} {
				bad := slices.ContainsFunc(tt.failed, func(f string) bool { return strings.HasPrefix(f, string(side)) })
				require.Equal(t, !bad, r.Statuses[side] == mailbox.StatusSuccess, "%s", side)
				require.Equal(t, !bad, slices.Contains(r.Enabled, side))
			}
			for line := range strings.Lines(r.String()) {
				require.LessOrEqual(t, len(line), 101, line)
			}
		})
	}
}

// A profile is tested without a mailbox up to where a password would be needed, and
// beyond where it has one itself.
func TestConnectionOnServers(t *testing.T) {
	s := onLoopback(t, imaptest.Options{}, smtptest.Options{})
	syncer, err := New(Config{
		Store: memory.New(), Mailboxes: new(Directory),
		Drivers: map[profile.Protocol]provider.Driver{
			profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: s.inRoots}, Limits: patient},
			profile.SMTP: smtp.Driver{TLSConfig: &tls.Config{RootCAs: s.outRoots}, Limits: patient},
		},
		Policy: profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, syncer.Close()) }()
	p := profile.Profile{ID: "p", Kind: profile.IMAPSMTP, Incoming: s.in, Outgoing: s.out}
	connect := func() TestReport {
		r, err := syncer.TestConnection(t.Context(), ann.Organization, p, TestOptions{})
		require.NoError(t, err)
		return r
	}
	r := connect()
	require.True(t, r.Passed, r.String())
	require.Equal(t, 2, strings.Count(said(r), "sign-in skipped 0s it takes a mailbox to sign in"), r.String())

	p.Incoming.Credentials, p.Incoming.Username, p.Incoming.Password = profile.FromProfile, s.user, secret.New(s.password)
	p.Outgoing.Credentials, p.Outgoing.Username, p.Outgoing.Password = profile.FromProfile, s.user, secret.New("Wr0ng-H0rse")
	p.OwnOutgoing = true
	r = connect()
	require.False(t, r.Passed)
	require.Equal(t, []string{"outgoing sign-in"}, failed(r), r.String())
	require.Equal(t, "PLAIN", evidence(r, mailbox.Incoming, provider.StageSignIn).Mechanism)
	require.NotContains(t, r.String(), "0rse")

	p.Incoming = profile.Endpoint{}
	p.Outgoing.Password = secret.New(s.password)
	r = connect()
	require.True(t, r.Passed, "a side that names no server is left out: %s", r)
}

// patient are limits that outlast a stop of the whole machine.
var patient = provider.Limits{Dial: time.Minute, TLS: time.Minute, Greeting: time.Minute, Command: time.Minute}
