package imap_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
)

// soon is how long what happens at once may take on a busy machine.
const soon = time.Minute

// patient are limits that a server meets only by its own fault, however slow the machine.
var patient = provider.Limits{Dial: soon, TLS: soon, Greeting: soon, Command: soon, Terminator: soon}

// canary is the password of every test. It must never show.
const canary = "canary-Zx9!q7"

// A buffer is a log.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func clientTLS(s *imaptest.Server) *tls.Config { return &tls.Config{RootCAs: s.CertPool()} }

// loopback lets tests dial their own servers.
func loopback() profile.Policy {
	return profile.Policy{Deployment: profile.SelfHosted, AllowPlaintext: true, AllowBasicWithoutTLS: true, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func accountOf(e profile.Endpoint) provider.Account {
	return provider.Account{
		Mailbox:  mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "box"}, Username: "user", Password: secret.New(canary)},
		Endpoint: e,
		Policy:   loopback(),
	}
}

// start starts a server and a driver for it.
func start(t testing.TB, o imaptest.Options) (*imaptest.Server, *imap.Driver, provider.Account) {
	t.Helper()
	o.Users = map[string]string{"user": canary}
	server := imaptest.NewServer(o)
	t.Cleanup(server.Close)
	d := &imap.Driver{SpoolDir: t.TempDir(), Limits: patient, TLSConfig: clientTLS(server)}
	return server, d, accountOf(server.Endpoint())
}

// A session has all that an IMAP session can do.
type session interface {
	provider.Provider
	provider.Source
	provider.Actor
	provider.Finder
	provider.Filer
}

func open(t testing.TB, d *imap.Driver, a provider.Account) session {
	t.Helper()
	p, err := d.Open(context.Background(), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p.(session)
}

// hurried opens a session under a limit for commands that only what follows is to meet: a
// machine that is too slow for it even at the sign-in gets twice as long.
func hurried(t testing.TB, d *imap.Driver, a provider.Account, limit time.Duration) session {
	t.Helper()
	for ; ; limit *= 2 {
		d.Limits.Command = limit
		p, err := d.Open(context.Background(), a)
		if err == nil {
			t.Cleanup(func() { p.Close() })
			return p.(session)
		}
		if provider.KindOf(err) != provider.ErrUnavailable || limit > soon {
			t.Fatal(err)
		}
	}
}

// changes asks for a page that must come.
func changes(t testing.TB, s session, r provider.Request) provider.Page {
	t.Helper()
	page, err := s.Changes(context.Background(), r)
	if err != nil {
		t.Fatalf("Changes(%+v): %v", r, err)
	}
	return page
}

// begin returns the cursor of the Live lane as of now.
func begin(t testing.TB, s session) provider.Cursor {
	t.Helper()
	return changes(t, s, provider.Request{Folder: "INBOX", Lane: provider.Live}).Next
}

// summary returns a page's changes in short.
func summary(changes []provider.Change) string {
	var out []string
	for _, c := range changes {
		text := fmt.Sprintf("%s %s", c.Kind, c.ID)
		if c.Err != nil {
			text += " " + string(provider.KindOf(c.Err))
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func release(changes []provider.Change) {
	for _, c := range changes {
		c.Raw.Release()
	}
}

func wantKind(t testing.TB, what string, err error, kinds ...provider.Kind) {
	t.Helper()
	for _, k := range kinds {
		if provider.KindOf(err) == k {
			return
		}
	}
	t.Errorf("%s = %v, want %q", what, err, kinds)
}

// mail returns a message of about size bytes.
func mail(n, size int) []byte {
	raw := fmt.Appendf(nil, "From: a@example.com\r\nSubject: %d\r\nMessage-ID: <m%d@example.com>\r\n\r\n", n, n)
	for len(raw) < size {
		raw = fmt.Appendf(raw, "This is a line of message %d, and it is as long as most.\r\n", n)
	}
	return raw
}

// A peer is the other side of a connection, for scripts.
type peer struct {
	net.Conn
	in *bufio.Reader
}

// line reads a line.
func (p *peer) line() string {
	line, _ := p.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n")
}

func (p *peer) send(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// script starts a server that plays f to each connection and notes what it gets.
func script(t testing.TB, how profile.TLS, f func(*peer)) (provider.Account, func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var heard buffer
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(soon))
				f(&peer{conn, bufio.NewReader(io.TeeReader(conn, &heard))})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
	})
	addr := l.Addr().(*net.TCPAddr)
	return accountOf(profile.Endpoint{Host: "127.0.0.1", Port: addr.Port, TLS: how}), heard.String
}
