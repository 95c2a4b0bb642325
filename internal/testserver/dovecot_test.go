package testserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync/internal/mailgen"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
)

// patience is how long what happens at once may take on a busy machine.
const patience = time.Minute

var users = map[string]string{"anna": "pass: ü \"word\\", "bob@example.test": "b"}

// client speaks a line protocol by hand.
type client struct {
	t *testing.T
	net.Conn
	*bufio.Reader
}

func dial(t *testing.T, addr string, config *tls.Config) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	if config != nil {
		c = tls.Client(c, config)
	}
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (c *client) line() string {
	c.t.Helper()
	line, err := c.ReadString('\n')
	if err != nil {
		c.t.Fatalf("after %q: %v", line, err)
	}
	return strings.TrimRight(line, "\r\n")
}

// imap sends a command and returns its answer, the last line of which says how it
// went.
func (c *client) imap(format string, args ...any) []string {
	c.t.Helper()
	fmt.Fprintf(c.Conn, "x "+format+"\r\n", args...)
	for lines := []string{}; ; {
		line := c.line()
		lines = append(lines, line)
		if status, ok := strings.CutPrefix(line, "x "); ok {
			lines[len(lines)-1] = status
			return lines
		}
	}
}

// ok is imap for a command that is to succeed.
func (c *client) ok(format string, args ...any) []string {
	c.t.Helper()
	answer := c.imap(format, args...)
	if !strings.HasPrefix(answer[len(answer)-1], "OK") {
		c.t.Fatalf(format+": %s", append(args, answer[len(answer)-1])...)
	}
	return answer
}

func trust(d *testserver.Dovecot) *tls.Config {
	return &tls.Config{RootCAs: d.CA.CertPool(), ServerName: "localhost"}
}

// quote returns s as an IMAP quoted string or, as that has no room for other
// letters, as a literal.
func quote(s string) string { return fmt.Sprintf("{%d+}\r\n%s", len(s), s) }

func TestDovecotIMAP(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	c := dial(t, d.IMAPSAddr, trust(d))
	c.line()
	// Dovecot as it is waits for two seconds, and longer each time. The quickest of some
	// tells, for a busy machine makes others slower.
	quickest := time.Hour
	for n := 0; n == 0 || n < 10 && quickest > time.Second; n++ {
		began := time.Now()
		if answer := c.imap("LOGIN anna wrong"); !strings.HasPrefix(answer[0], "NO [AUTHENTICATIONFAILED]") {
			t.Errorf("a wrong password got %q", answer)
		}
		quickest = min(quickest, time.Since(began))
	}
	if quickest > time.Second {
		t.Errorf("a wrong password took %v", quickest)
	}
	c.ok("LOGIN anna %s", quote(users["anna"]))
	capabilities := strings.Fields(c.ok("CAPABILITY")[0])
	for _, want := range []string{"CONDSTORE", "QRESYNC", "MOVE", "UIDPLUS", "SPECIAL-USE", "LITERAL+", "IDLE"} {
		if !slices.Contains(capabilities, want) {
			t.Errorf("no %s among %s", want, capabilities)
		}
	}
	list := strings.Join(c.ok(`LIST "" *`), "\n")
	for _, want := range []string{`\Sent) "/" Sent`, `\Drafts) "/" Drafts`, `\Trash) "/" Trash`, `\Junk) "/" Junk`, `\Archive) "/" Archive`} {
		if !strings.Contains(list, want) {
			t.Errorf("no %s in\n%s", want, list)
		}
	}
	c.ok("ENABLE QRESYNC")
	c.ok("SELECT INBOX")
	c.ok("LOGOUT")
}

func TestDovecotSTARTTLSAndNames(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users, RequireTLS: true})
	c := dial(t, d.IMAPAddr, nil)
	if greeting := c.line(); !strings.Contains(greeting, "LOGINDISABLED") || !strings.Contains(greeting, "STARTTLS") {
		t.Errorf("greeting is %q", greeting)
	}
	if answer := c.imap("LOGIN bob@example.test b"); strings.HasPrefix(answer[len(answer)-1], "OK") {
		t.Errorf("a password without TLS got %q", answer)
	}
	c.ok("STARTTLS")
	secure := tls.Client(c, trust(d))
	c = &client{t, secure, bufio.NewReader(secure)}
	// One mailbox, whichever name signs in.
	c.ok("LOGIN ANNA@Example.Test %s", quote(users["anna"]))
	c.ok("CREATE mine")
	other := dial(t, d.IMAPSAddr, trust(d))
	other.line()
	other.ok("LOGIN anna %s", quote(users["anna"]))
	other.ok("SELECT mine")
}

func TestDovecotCertificates(t *testing.T) {
	ca, err := testserver.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	var invalid x509.CertificateInvalidError
	var wrong x509.HostnameError
	var unknown x509.UnknownAuthorityError
	tests := []struct {
		name string
		cert testserver.CertOptions
		pool *x509.CertPool
		want any
	}{
		{name: "good", pool: ca.CertPool()},
		{name: "expired", cert: testserver.Expired(), pool: ca.CertPool(), want: &invalid},
		{name: "wrong name", cert: testserver.CertOptions{Hosts: []string{"other.example"}}, pool: ca.CertPool(), want: &wrong},
		{name: "nobody's", pool: x509.NewCertPool(), want: &unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := servertest.Dovecot(t, testserver.DovecotOptions{CA: ca, Cert: tt.cert})
			for _, host := range []string{"localhost", "127.0.0.1"} {
				c, err := tls.Dial("tcp", d.IMAPSAddr, &tls.Config{RootCAs: tt.pool, ServerName: host})
				if err == nil {
					c.Close()
				}
				if tt.want == nil && err != nil || tt.want != nil && (err == nil || !errors.As(err, tt.want)) {
					t.Errorf("%s: %v", host, err)
				}
			}
		})
	}
}

func TestDovecotFill(t *testing.T) {
	const n = 1234
	for _, format := range []testserver.Format{testserver.Mdbox, testserver.Sdbox, testserver.Maildir} {
		t.Run(string(format), func(t *testing.T) {
			d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users, Format: format})
			message := func(i int) []byte { return mailgen.Message(1, i, i*10) }
			if err := d.Fill(t.Context(), "anna", "INBOX", n, message); err != nil {
				t.Fatal(err)
			}
			c := dial(t, d.IMAPSAddr, trust(d))
			c.line()
			c.ok("LOGIN anna %s", quote(users["anna"]))
			c.ok("SELECT INBOX")
			for _, uid := range []int{1, 500, 501, n} {
				if got := fetch(c, uid); !bytes.Equal(got, message(uid-1)) {
					t.Errorf("message %d has %d bytes, want %d", uid, len(got), len(message(uid-1)))
				}
			}
			p := dial(t, d.POP3SAddr, trust(d))
			p.line()
			for _, command := range []string{"USER anna", "PASS " + users["anna"], "STAT"} {
				fmt.Fprintf(p.Conn, "%s\r\n", command)
				answer := p.line()
				if !strings.HasPrefix(answer, "+OK") || command == "STAT" && !strings.HasPrefix(answer, fmt.Sprintf("+OK %d ", n)) {
					t.Errorf("%s: %s", command, answer)
				}
			}
		})
	}
}

// fetch returns the message with that UID of the selected folder.
func fetch(c *client, uid int) []byte {
	c.t.Helper()
	fmt.Fprintf(c.Conn, "x UID FETCH %d BODY.PEEK[]\r\n", uid)
	line := c.line()
	var size int
	if _, err := fmt.Sscanf(line[strings.LastIndexByte(line, '{'):], "{%d}", &size); err != nil {
		c.t.Fatalf("%q: %v", line, err)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c, body); err != nil {
		c.t.Fatal(err)
	}
	for !strings.HasPrefix(c.line(), "x OK") {
	}
	return body
}

func TestDovecotDeliverAndAppend(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	raw := mailgen.Tiny(1, 1)
	when := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	const folder = "Entwürfe/R&D"
	for _, err := range []error{
		d.Deliver(t.Context(), "bob@example.test", "", raw),
		d.Deliver(t.Context(), "anna", folder, raw),
		d.Append(t.Context(), "anna", folder, raw, when, `\Seen`, "important"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Deliver(t.Context(), "carol", "", raw); err == nil {
		t.Error("a message was delivered to nobody")
	}
	if err := d.Append(t.Context(), "carol", "", raw, when); err == nil {
		t.Error("a message was appended to nobody's mailbox")
	}
	c := dial(t, d.IMAPSAddr, trust(d))
	c.line()
	c.ok("LOGIN anna %s", quote(users["anna"]))
	c.ok(`SELECT "Entw&APw-rfe/R&-D"`)
	for uid := range 2 {
		if got := fetch(c, uid+1); !bytes.Equal(got, raw) {
			t.Errorf("message %d is %q, want %q", uid+1, got, raw)
		}
	}
	got := c.ok("UID FETCH 2 (FLAGS INTERNALDATE)")[0]
	if !strings.Contains(got, `\Seen`) || !strings.Contains(got, "important") || !strings.Contains(got, `"03-Feb-2020 04:05:06 +0000"`) {
		t.Errorf("message 2: %s", got)
	}
	c = dial(t, d.IMAPSAddr, trust(d))
	c.line()
	c.ok("LOGIN bob b")
	c.ok("SELECT INBOX")
	if got := fetch(c, 1); !bytes.Equal(got, raw) {
		t.Errorf("the delivered message is %q, want %q", got, raw)
	}
}

func TestDovecotCapabilities(t *testing.T) {
	for _, hide := range [][]string{nil, {"qresync", "CONDSTORE", "MOVE", "UIDPLUS", "SPECIAL-USE"}} {
		d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users, DisableCapabilities: hide, Compress: true})
		c := dial(t, d.IMAPSAddr, trust(d))
		answer := " " + strings.Join(append([]string{c.line()}, append(c.ok("LOGIN bob@example.test b"), c.ok("CAPABILITY")...)...), " ") + " "
		for _, name := range []string{"QRESYNC", "CONDSTORE", "MOVE", "UIDPLUS", "SPECIAL-USE"} {
			if strings.Contains(answer, " "+name+" ") != (hide == nil) {
				t.Errorf("hiding %q: %s in %s", hide, name, answer)
			}
		}
		if !strings.Contains(answer, " COMPRESS=DEFLATE ") || !strings.Contains(answer, " IDLE ") {
			t.Errorf("hiding %q: %s", hide, answer)
		}
	}
}

func TestDovecotKillAndRestart(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	if err := d.Fill(t.Context(), "anna", "", 50, func(i int) []byte { return mailgen.Tiny(1, i) }); err != nil {
		t.Fatal(err)
	}
	for _, kill := range []bool{true, false} {
		c := dial(t, d.IMAPSAddr, trust(d))
		c.line()
		c.ok("LOGIN anna %s", quote(users["anna"]))
		c.ok("STATUS INBOX (MESSAGES)")
		before := d.PIDs()
		if len(before) < 4 {
			t.Errorf("only processes %d run", before)
		}
		if kill {
			d.Kill()
			d.Kill()
			gone(t, before)
		}
		if err := d.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		gone(t, before)
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the session outlived the server: %v", err)
		}
		c = dial(t, d.IMAPSAddr, trust(d))
		c.line()
		c.ok("LOGIN anna %s", quote(users["anna"]))
		if got := c.ok("STATUS INBOX (MESSAGES)")[0]; !strings.Contains(got, "MESSAGES 50") {
			t.Errorf("after the restart: %s", got)
		}
	}
}

func TestDovecotSetPassword(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	login := func(user, password, want string) {
		t.Helper()
		c := dial(t, d.IMAPSAddr, trust(d))
		c.line()
		answer := c.imap("LOGIN %s %s", user, password)
		if got := answer[len(answer)-1]; !strings.HasPrefix(got, want) {
			t.Errorf("%s with %s: %s, want %s", user, password, got, want)
		}
	}
	login("bob", "b", "OK")
	for user, password := range map[string]string{"Bob": "c", "dora": "d"} {
		if err := d.SetPassword(user, password); err != nil {
			t.Fatal(err)
		}
	}
	login("bob", "b", "NO")
	login("bob", "c", "OK")
	login("dora", "d", "OK")
	login("nobody", "!", "NO")
	if err := d.SetPassword("two words", "x"); err == nil {
		t.Error("a user of two words was taken")
	}
}

func TestDoveadm(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	if err := d.Fill(t.Context(), "anna", "Projects", 3, func(i int) []byte { return mailgen.Tiny(1, i) }); err != nil {
		t.Fatal(err)
	}
	got, err := d.Doveadm(t.Context(), "mailbox", "status", "-u", testserver.Address("anna"), "messages", "Projects")
	if err != nil || got != "Projects messages=3\n" {
		t.Errorf("doveadm says %q, %v", got, err)
	}
	if _, err := d.Doveadm(t.Context(), "no-such-command"); err == nil {
		t.Error("doveadm took an unknown command")
	}
	lines, err := d.IMAP(t.Context(), "anna", "SELECT Projects", `STORE 2 +FLAGS (\Deleted)`, "EXPUNGE", "STATUS Projects (MESSAGES)")
	if err != nil || !slices.Contains(lines, "* STATUS Projects (MESSAGES 2)") {
		t.Errorf("IMAP says %q, %v", lines, err)
	}
	if _, err := d.IMAP(t.Context(), "anna", "SELECT none"); err == nil {
		t.Error("a folder that does not exist was selected")
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = d.Fill(ctx, "anna", "", 1_000_000, func(i int) []byte {
		if i == 1000 {
			cancel()
		}
		return mailgen.Tiny(1, i)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled fill says %v", err)
	}
}

func TestDovecotTakesManyConnections(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: users})
	for range 60 {
		c := dial(t, d.IMAPAddr, nil)
		c.line()
		c.ok("LOGIN bob b")
	}
}

func TestDovecotCloseLeavesNothing(t *testing.T) {
	servertest.Need(t)
	d, err := testserver.StartDovecot(t.Context(), testserver.DovecotOptions{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := dial(t, d.IMAPAddr, nil)
	c.line()
	c.ok("LOGIN bob b")
	pids := d.PIDs()
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	gone(t, pids)
	if _, err := os.Stat(d.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if err := d.Restart(t.Context()); err == nil {
		t.Error("a closed server was restarted")
	}
}

func TestDovecotSaysWhatIsWrong(t *testing.T) {
	servertest.Need(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if d, err := testserver.StartDovecot(ctx, testserver.DovecotOptions{Extra: "no_such_setting = yes"}); err == nil {
		d.Close()
		t.Error("an unknown setting was taken")
	} else if !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got %v", err)
	}
	if _, err := testserver.StartDovecot(ctx, testserver.DovecotOptions{Format: "mbox"}); err == nil {
		t.Error("an unknown format was taken")
	}
}

// gone checks that none of the processes runs. One that has ended and waits for
// its parent to notice is gone too.
func gone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && !strings.Contains(string(stat), ") Z ") && !strings.Contains(string(stat), ") X ") {
			t.Errorf("process %d still runs: %s", pid, stat)
		}
	}
}
