package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

// real starts a Dovecot with Anna and Bob, and a Postfix that delivers to them.
func real(t *testing.T, o testserver.DovecotOptions) (*bench, *testserver.Dovecot, *testserver.Postfix) {
	t.Helper()
	o.Users = map[string]string{"anna": password, "bob": password}
	d := servertest.Dovecot(t, o)
	p := servertest.Postfix(t, testserver.PostfixOptions{Dovecot: d})
	return newBench(t, d.IMAPSAddr, p.SMTPSAddr, d.CA.PEM()), d, p
}

// must fails the test if there is an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ids returns the Message-IDs in a user's folder, sorted.
func ids(t *testing.T, d *testserver.Dovecot, user, folder string) (list []string) {
	t.Helper()
	lines, err := d.IMAP(context.Background(), user, "SELECT "+folder, "UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
	must(t, err)
	for _, line := range lines {
		if name, id, ok := strings.Cut(line, ": "); ok && strings.EqualFold(name, "Message-ID") {
			list = append(list, strings.Trim(id, "<>"))
		}
	}
	slices.Sort(list)
	return list
}

func TestDovecotIncoming(t *testing.T) {
	b, d, _ := real(t, testserver.DovecotOptions{})
	var want []string
	must(t, d.Fill(t.Context(), "anna", "", 300, func(i int) []byte {
		raw := mailgen.Tiny(1, i)
		want = append(want, string(raw))
		return raw
	}))
	b.once(t, "-export", b.out).want(t, 0, "300 came in")
	slices.Sort(want)
	if got := exported(t, b.out); !slices.Equal(got, want) {
		t.Errorf("%d messages exported, want those %d that were put in, byte for byte", len(got), len(want))
	}
	b.once(t, "-export", b.out).want(t, 0, "nothing new")

	must(t, d.Append(t.Context(), "anna", "", []byte(mail(1)), time.Time{}))
	_, err := d.IMAP(t.Context(), "anna", "SELECT INBOX", `UID STORE 7 +FLAGS (\Flagged)`, "UID MOVE 8 Archive", `UID STORE 9 +FLAGS (\Deleted)`, "UID EXPUNGE 9")
	must(t, err)
	b.once(t, "-export", b.out).want(t, 0, "1 came in, 1 changed flags, 2 left the server")
	b.once(t, "-export", b.out, "-folders", `INBOX,\Archive`).want(t, 0, "1 came in again")
	if got := exported(t, b.out); len(got) != 301 {
		t.Errorf("%d messages exported, want 301", len(got))
	}
}

func TestDovecotSTARTTLS(t *testing.T) {
	b, d, p := real(t, testserver.DovecotOptions{})
	b.imap, b.smtp = d.IMAPAddr, p.SubmissionAddr
	b.once(t, "-test").want(t, 0, "passed in", "arrived and was deleted")
	b.once(t, "-tls", "starttls", "-send", b.write(t, "letter.eml", to("bob", 1))).want(t, 0, "1 sent, 1 filed")
	b.once(t, "-send", b.write(t, "guessed.eml", to("bob", 2))).want(t, 0, "1 sent, 1 filed")
}

func to(user string, i int) string {
	return fmt.Sprintf("From: anna@example.test\nTo: %s@example.test\nSubject: letter %d\nMessage-ID: <letter-%d@example.test>\n\nHello\n", user, i, i)
}

func TestDovecotSend(t *testing.T) {
	b, d, _ := real(t, testserver.DovecotOptions{})
	letter := b.write(t, "letter.eml", to("bob", 1))
	b.once(t, "-send", letter).want(t, 0, "1 sent, 1 filed")
	b.once(t, "-send", letter).want(t, 0, "it is not sent twice")
	wait(t, func() bool { return len(ids(t, d, "bob", "INBOX")) > 0 })
	for user, folder := range map[string]string{"bob": "INBOX", "anna": "Sent"} {
		if got := ids(t, d, user, folder); !slices.Equal(got, []string{"letter-1@example.test"}) {
			t.Errorf("%s's %s holds %q, want the letter", user, folder, got)
		}
	}
	b.once(t, "-send", b.write(t, "nobody.eml", to("nobody", 2))).want(t, 1, "to nobody@example.test: rejected 550")
}

func TestDovecotFailures(t *testing.T) {
	b, d, p := real(t, testserver.DovecotOptions{Cert: testserver.Expired()})
	letter := 0
	fails := func(words ...string) {
		t.Helper()
		began := time.Now()
		letter++
		r := b.once(t, "-send", b.write(t, "letter.eml", to("bob", letter)))
		r.want(t, 1, append(words, "what to do:")...)
		r.report(t)
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
	}
	fails("imap: TLS: refused for safety")
	b.ca = b.write(t, "other.pem", string(otherRoot(t)))
	fails("imap: TLS: refused for safety", "smtp: TLS: refused for safety")
	b.imap, b.smtp = d.IMAPAddr, p.PlainAddr // no TLS from the first byte
	fails("imap: TLS", "smtp: TLS")

	b, d, _ = real(t, testserver.DovecotOptions{})
	b.password = b.write(t, "wrong", "wrong\n")
	fails("incoming: imap: sign in: sign-in refused", "outgoing: smtp: AUTH: sign-in refused")
	if got := ids(t, d, "bob", "INBOX"); len(got) > 0 {
		t.Errorf("Bob got %q", got)
	}
}
