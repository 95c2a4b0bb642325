package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

const (
	user     = "anna@example.test"
	password = "secret"
)

// A bench is a mailbox on two servers, and the files that the program is given.
type bench struct {
	imap, smtp                 string // addresses
	pop3                       string // in imap's place, if it is set
	dir, password, ca, db, out string
}

func newBench(t *testing.T, imap, smtp string, roots ...[]byte) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{imap: imap, smtp: smtp, dir: dir, db: filepath.Join(dir, "mail.db"), out: filepath.Join(dir, "out")}
	b.password = b.write(t, "password", password+"\n")
	b.ca = b.write(t, "ca.pem", string(bytes.Join(roots, nil)))
	return b
}

func (b *bench) write(t *testing.T, name, content string) string {
	t.Helper()
	name = filepath.Join(b.dir, name)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// flags returns those of every run, and more.
func (b *bench) flags(more ...string) []string {
	from := []string{"-imap", b.imap}
	if b.pop3 != "" {
		from = []string{"-pop3", b.pop3}
	}
	return append(append(from, "-smtp", b.smtp, "-user", user, "-password-file", b.password, "-ca", b.ca, "-db", b.db), more...)
}

// A ran is what a run of the program said.
type ran struct {
	status   int
	out, err string
}

// once makes one cycle within the deadline.
func (b *bench) once(t *testing.T, more ...string) ran {
	t.Helper()
	var out, progress bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	status := program(ctx, b.flags(append(more, "-once", "-json")...), &out, &progress, tune)
	if ctx.Err() != nil {
		t.Errorf("sync %q did not end by itself", more)
	}
	return ran{status, out.String(), progress.String()}
}

// want fails the test unless the run ended with a status, and said these words.
func (r ran) want(t *testing.T, status int, words ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("exit status %d, want %d\n%s%s", r.status, status, r.out, r.err)
	}
	for _, w := range words {
		if !strings.Contains(r.err, w) {
			t.Errorf("it does not say %q:\n%s", w, r.err)
		}
	}
}

// report returns the one report on standard output.
func (r ran) report(t *testing.T) (report serversync.Report) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Errorf("standard output is no JSON: %v\n%s", err, r.out)
	}
	return report
}

// ahead names the environment variable that says how far the program's clock is ahead.
const ahead = "SERVERSYNC_SYNC_AHEAD"

// later is a clock that is ahead.
type later time.Duration

func (l later) Now() time.Time { return time.Now().UTC().Add(time.Duration(l)) }

func (l later) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tune makes what waits for a server's memory to settle wait less.
func tune(c *serversync.Config) {
	c.Sending.Settle = 50 * time.Millisecond
	c.Sending.Claim = time.Second
	c.PollInterval = time.Second
	c.Retry.Waits, c.Retry.Tries = []time.Duration{50 * time.Millisecond}, 1000
	if by, err := time.ParseDuration(os.Getenv(ahead)); err == nil {
		c.Clock = later(by)
	}
}

// exported returns what lies in a folder of exported mail, but for what is being written.
func exported(t *testing.T, dir string) (all []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(raw))
	}
	slices.Sort(all)
	return all
}

// root returns the certificate that a server shows.
func root(t *testing.T, addr string, pool *x509.CertPool) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw})
}

// otherRoot is the certificate of a server that has nothing to do with the others.
func otherRoot(t *testing.T) []byte {
	t.Helper()
	s := imaptest.NewServer(imaptest.Options{})
	defer s.Close()
	return root(t, s.Addr(), s.CertPool())
}

// fakes starts servers in this process.
func fakes(t *testing.T, fail func(cmd string) string) (*bench, *imaptest.Server, *smtptest.Server) {
	t.Helper()
	in := imaptest.NewServer(imaptest.Options{Users: map[string]string{user: password}})
	t.Cleanup(in.Close)
	out := smtptest.NewServer(smtptest.Options{Users: map[string]string{user: password}, Fail: fail})
	t.Cleanup(out.Close)
	b := newBench(t, in.Addr(), out.Addr, root(t, in.Addr(), in.CertPool()), root(t, out.Addr, out.CertPool()))
	return b, in, out
}

func mail(i int) string {
	return fmt.Sprintf("From: bob@example.test\r\nTo: %s\r\nSubject: mail %d\r\nMessage-ID: <%d@example.test>\r\n"+
		"Date: Mon, 12 Oct 2026 10:00:00 +0000\r\n\r\nHello \xe9 number %d.\r\n.\r\n", user, i, i, i)
}

func TestIncoming(t *testing.T) {
	b, in, _ := fakes(t, nil)
	var want []string
	for i := range 120 {
		want = append(want, mail(i))
		in.Add(user, "INBOX", []byte(mail(i)))
	}
	slices.Sort(want)
	r := b.once(t, "-export", b.out)
	r.want(t, 0, "120 came in")
	if got := r.report(t); got.Tracked != 120 || got.Mailbox.Mailbox != user {
		t.Errorf("the report says %+v", got)
	}
	if got := exported(t, b.out); !slices.Equal(got, want) {
		t.Errorf("%d messages exported, want those %d that were put in, byte for byte", len(got), len(want))
	}

	before, err := os.ReadFile(b.db)
	if err != nil {
		t.Fatal(err)
	}
	b.once(t, "-export", b.out).want(t, 0, "nothing new")
	after, err := os.ReadFile(b.db)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("a run without news changed the database, %v", err)
	}

	in.Add(user, "INBOX", []byte(mail(120)))
	in.Remove(user, "INBOX", 1, 2)
	b.once(t, "-export", b.out).want(t, 0, "1 came in, 2 left the server")
	if got := exported(t, b.out); len(got) != 121 {
		t.Errorf("%d messages exported, want 121", len(got))
	}
}

func TestForever(t *testing.T) {
	b, in, _ := fakes(t, nil)
	in.Add(user, "INBOX", []byte(mail(1)))
	ctx, stop := context.WithCancel(t.Context())
	var out, progress bytes.Buffer
	status := make(chan int)
	go func() { status <- program(ctx, b.flags("-json", "-export", b.out), &out, &progress, tune) }()
	wait(t, func() bool { return len(exported(t, b.out)) == 1 })
	in.Add(user, "INBOX", []byte(mail(2)))
	wait(t, func() bool { return len(exported(t, b.out)) == 2 })
	stop()
	if got := <-status; got != 0 {
		t.Errorf("exit status %d\n%s", got, progress.String())
	}
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of standard output is no JSON: %s", line)
		}
	}
}

func wait(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

// closed is an address where nobody listens, and no server that is started meanwhile
// will.
const closed = "127.0.0.1:1"

func TestFailures(t *testing.T) {
	plain := imaptest.NewServer(imaptest.Options{TLS: profile.Plaintext, Users: map[string]string{user: password}})
	t.Cleanup(plain.Close)
	tests := []struct {
		name   string
		breaks func(t *testing.T, b *bench)
		flags  []string
		words  []string
	}{
		{name: "wrong password", breaks: func(t *testing.T, b *bench) { b.password = b.write(t, "wrong", "wrong\n") },
			words: []string{"incoming: imap: sign in: sign-in refused", "outgoing: smtp: AUTH: sign-in refused", "what to do:"}},
		{name: "wrong host", breaks: func(_ *testing.T, b *bench) { b.imap, b.smtp = "no-such-host.invalid", "no-such-host.invalid" },
			words: []string{"incoming: imap: dial: unavailable", "outgoing: smtp: dial: unavailable"}},
		{name: "wrong port", breaks: func(t *testing.T, b *bench) { b.imap, b.smtp = closed, closed },
			words: []string{"imap: dial: unavailable: nothing listens there", "smtp: dial: unavailable: nothing listens there"}},
		{name: "wrong certificate", breaks: func(t *testing.T, b *bench) {
			b.ca = b.write(t, "other.pem", string(otherRoot(t)))
		}, words: []string{"imap: TLS: refused for safety", "smtp: TLS: refused for safety"}},
		{name: "no TLS", breaks: func(_ *testing.T, b *bench) { b.imap = plain.Addr() }, words: []string{"imap: STARTTLS", "refused for safety"}},
		{name: "no STARTTLS", breaks: func(_ *testing.T, b *bench) { b.imap = plain.Addr() }, flags: []string{"-tls", "starttls"},
			words: []string{"refused for safety"}},
		{name: "no such folder", flags: []string{"-folders", "INBOX,Nowhere"}, words: []string{`there is no folder "Nowhere"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, _, _ := fakes(t, nil)
			if tt.breaks != nil {
				tt.breaks(t, b)
			}
			began := time.Now()
			if tt.flags == nil {
				tt.flags = []string{"-send", b.write(t, "letter.eml", letter)}
			}
			r := b.once(t, tt.flags...)
			r.want(t, 1, tt.words...)
			r.report(t)
			if took := time.Since(began); took > 2*time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	}
	t.Run("plain where that is asked for", func(t *testing.T) {
		b, _, _ := fakes(t, nil)
		var out, progress bytes.Buffer
		status := program(t.Context(), []string{"-imap", plain.Addr(), "-user", user, "-password-file", b.password, "-db", b.db, "-tls", "plain", "-once"}, &out, &progress, tune)
		if status != 0 || out.Len() > 0 {
			t.Errorf("exit status %d\n%s%s", status, out.String(), progress.String())
		}
	})
}

func TestFlags(t *testing.T) {
	for _, args := range []string{"", "-once", "-imap x -user y", "-imap x:y -user y -password-file z", "-imap x -user y -password-file z -send f",
		"-imap x -user y -password-file z -tls on", "-nonsense", "word"} {
		var out, progress bytes.Buffer
		if status := program(t.Context(), strings.Fields(args), &out, &progress, tune); status != 2 || progress.Len() == 0 || out.Len() > 0 {
			t.Errorf("sync %s: exit status %d, want 2, and a word why\n%s", args, status, progress.String())
		}
	}
}
