package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// post starts servers of which one delivers to the other.
func post(t *testing.T, how profile.TLS) (*bench, *imaptest.Server) {
	t.Helper()
	users := map[string]string{user: password}
	in := imaptest.NewServer(imaptest.Options{TLS: how, Users: users})
	t.Cleanup(in.Close)
	out := smtptest.NewServer(smtptest.Options{TLS: how, Users: users, Deliver: func(_ string, _ []string, raw []byte) { in.Add(user, "INBOX", raw) }})
	t.Cleanup(out.Close)
	b := newBench(t, in.Addr(), out.Addr)
	if how == profile.ImplicitTLS {
		b.ca = b.write(t, "ca.pem", string(root(t, in.Addr(), in.CertPool()))+string(root(t, out.Addr, out.CertPool())))
	}
	return b, in
}

func TestTest(t *testing.T) {
	b, in := post(t, profile.ImplicitTLS)
	in.Add(user, "INBOX", []byte(mail(1)))
	r := b.once(t, "-test")
	r.want(t, 0, "passed in", "read-back", "arrived and was deleted")
	var report serversync.TestReport
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || !report.Passed || len(report.Enabled) > 0 {
		t.Errorf("%v: the report says %s", err, r.out)
	}
	if n := len(in.Messages(user, "INBOX")); n != 1 {
		t.Errorf("%d messages are in the inbox", n)
	}
	b.once(t, "-export", b.out).want(t, 0, "1 came in")

	b.password = b.write(t, "wrong", "wr0ng\n")
	r = b.once(t, "-test")
	r.want(t, 1, "failed in", "sign-in refused", "what to do:")
	if strings.Contains(r.out+r.err, "wr0ng") {
		t.Errorf("it shows the password: %s", r.err)
	}
}

// Where TLS begins is found out first: a passed test has no stage that failed. The
// servers' certificates are not trusted here, so TLS is as far as it comes.
func TestTestFindsSTARTTLS(t *testing.T) {
	b, _ := post(t, profile.StartTLS)
	b.ca = b.write(t, "other.pem", string(otherRoot(t)))
	r := b.once(t, "-test")
	r.want(t, 1, "greeting     passed", "nobody we trust")
	if strings.Contains(r.err, "does not speak TLS") {
		t.Errorf("it tells of a guess: %s", r.err)
	}
}

// One side alone needs no server for the other.
func TestTestOneSide(t *testing.T) {
	b, _ := post(t, profile.ImplicitTLS)
	for _, side := range [][]string{{"-imap", b.imap}, {"-smtp", b.smtp}} {
		var out, progress strings.Builder
		args := append(side, "-user", user, "-password-file", b.password, "-ca", b.ca, "-db", b.db, "-test")
		if status := program(t.Context(), args, &out, &progress, tune); status != 0 {
			t.Errorf("sync %q: exit status %d\n%s", side, status, progress.String())
		}
	}
}
