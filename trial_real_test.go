package serversync_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
)

const realPassword = "C0rrect-H0rse"

// realSystem starts a Dovecot and a Postfix that delivers to it.
func realSystem(t testing.TB) (system, *testserver.Dovecot, *testserver.Postfix) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"ann": realPassword}})
	p := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d})
	return system{in: endpoint(t, d.IMAPSAddr, profile.ImplicitTLS), out: endpoint(t, p.SMTPSAddr, profile.ImplicitTLS),
		inRoots: d.CA.CertPool(), outRoots: d.CA.CertPool(), user: "ann@" + testserver.Domain, password: realPassword}, d, p
}

// Test & Enable against Dovecot and Postfix: it passes with a message that made its
// way, and leaves nothing behind; and it finds what is broken.
func TestTestMailboxOnRealServers(t *testing.T) {
	s, d, p := realSystem(t)
	passes := func(t *testing.T, s system) {
		t.Helper()
		r := s.test(t, TestOptions{})
		require.True(t, r.Passed, r.String())
		require.Equal(t, []mailbox.Side{mailbox.Incoming, mailbox.Outgoing}, r.Enabled)
		last := r.Stages[len(r.Stages)-1]
		require.Equal(t, StageReadBack, last.Stage)
		require.Equal(t, "arrived and was deleted", last.Evidence.Text)
		t.Logf("the whole test took %v, of which from Postfix's taking the message to the end %v", r.Took, last.Took)
		left, err := d.Doveadm(t.Context(), "search", "-u", "ann", "mailbox", "*", "all")
		require.NoError(t, err)
		require.Empty(t, left, "the test message is gone")
	}
	t.Run("TLS", func(t *testing.T) { passes(t, s) })
	t.Run("STARTTLS", func(t *testing.T) {
		s := s
		s.in, s.out = endpoint(t, d.IMAPAddr, profile.StartTLS), endpoint(t, p.SubmissionAddr, profile.StartTLS)
		passes(t, s)
	})
	other, err := testserver.NewCA()
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		spoil  func(*testing.T, *system)
		failed []string
		words  []string
	}{
		"wrong password": {func(_ *testing.T, s *system) { s.password = "Wr0ng-H0rse" },
			[]string{"incoming sign-in", "outgoing sign-in"}, []string{"sign-in refused", "check user name and password"}},
		"wrong authority": {func(_ *testing.T, s *system) { s.inRoots, s.outRoots = other.CertPool(), other.CertPool() },
			[]string{"incoming tls", "outgoing tls"}, []string{"nobody we trust vouches for the certificate", "SHA-256"}},
		"ports without TLS": {func(t *testing.T, s *system) {
			s.in, s.out = endpoint(t, d.IMAPAddr, profile.ImplicitTLS), endpoint(t, p.PlainAddr, profile.StartTLS)
		}, []string{"incoming tls", "outgoing tls"}, []string{"the server does not speak TLS where it should", "the server offers no STARTTLS", "whether the profile should say STARTTLS"}},
		"mail that goes elsewhere": {func(_ *testing.T, s *system) { s.address = "ann@elsewhere.example" },
			[]string{"incoming read-back"}, []string{"did not arrive within 300ms", "the account that was signed in to may be another's"}},
		"Postfix is down": {func(t *testing.T, _ *system) {
			p.Kill()
			t.Cleanup(func() { require.NoError(t, p.Restart(context.WithoutCancel(t.Context()))) })
		}, []string{"outgoing tcp"}, []string{"nothing listens there", "the server may be down"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			tt.spoil(t, &s)
			r := s.test(t, TestOptions{RoundTrip: 300 * time.Millisecond})
			require.False(t, r.Passed)
			require.Equal(t, tt.failed, failed(r), r.String())
			for _, w := range tt.words {
				require.Contains(t, said(r), w)
			}
		})
	}
	t.Run("Dovecot is down", func(t *testing.T) { // and with it who checks Postfix's passwords
		d.Kill()
		r := s.test(t, TestOptions{})
		require.Equal(t, "incoming tcp", failed(r)[0], r.String())
		require.Contains(t, said(r), "nothing listens there")
		for _, side := range []mailbox.Side{mailbox.Incoming, mailbox.Outgoing} { // at which stage of Postfix's is its own affair
			require.Equal(t, mailbox.StatusFailure, r.Statuses[side])
		}
		require.False(t, r.Again.IsZero(), "an outage passes")
	})
	t.Run("and up again", func(t *testing.T) {
		require.NoError(t, d.Restart(t.Context()))
		require.NoError(t, p.Restart(t.Context()))
		passes(t, s)
	})
}

// BenchmarkTestMailbox tests a mailbox on Dovecot and Postfix, from the first
// connection until the message that it sent to itself was read and deleted.
func BenchmarkTestMailbox(b *testing.B) {
	s, _, _ := realSystem(b)
	var readBack time.Duration
	for b.Loop() {
		r := s.test(b, TestOptions{})
		require.True(b, r.Passed, r.String())
		readBack += r.Stages[len(r.Stages)-1].Took
	}
	b.ReportMetric(readBack.Seconds()*1000/float64(b.N), "ms-to-read-back")
}
