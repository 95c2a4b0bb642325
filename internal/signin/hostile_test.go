package signin_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
)

// A speaker is a server that says what a test makes up, over TLS from the first byte.
type speaker struct {
	road
	d     provider.Driver
	mu    sync.Mutex
	heard []string
}

// protocols are how the two say the same; %s stands for mechanisms or text.
var protocols = map[string]struct{ greeting, offer, go_on, yes, no, sep string }{
	"imap": {"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGINDISABLED %s] hi\r\n", "", "+ %s\r\n", "%%tag OK [CAPABILITY IMAP4rev1] in\r\n", "%%tag NO no\r\n", "AUTH="},
	"smtp": {"220 hi\r\n", "250-hi\r\n250 AUTH %s\r\n", "334 %s\r\n", "235 2.7.0 in\r\n", "535 5.7.8 no\r\n", ""},
}

// speak starts a server that offers mechanisms, and answers what is said to sign in by
// say, whose n counts from 0. "" closes the connection.
func speak(t *testing.T, protocol string, mechanisms []string, say func(n int, line string) string) *speaker {
	ca, err := testserver.NewCA()
	require.NoError(t, err)
	cert := certificate(t, ca, "127.0.0.1")
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	require.NoError(t, err)
	s := &speaker{road: road{address: l.Addr().String()}}
	trust := &tls.Config{RootCAs: ca.CertPool()}
	s.d = smtp.Driver{TLSConfig: trust}
	if protocol == "imap" {
		s.d = &imap.Driver{TLSConfig: trust}
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(c, protocol, mechanisms, say) })
		}
	})
	return s
}

func (s *speaker) serve(c net.Conn, protocol string, mechanisms []string, say func(int, string) string) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	p := protocols[protocol]
	offered := p.sep + strings.Join(mechanisms, " "+p.sep)
	if len(mechanisms) == 0 {
		offered = ""
	}
	if protocol == "imap" {
		fmt.Fprintf(c, p.greeting, offered)
	} else {
		io.WriteString(c, p.greeting)
	}
	in, tag := bufio.NewReader(c), ""
	for n := 0; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "EHLO") {
			fmt.Fprintf(c, p.offer, offered)
			continue
		}
		if first, command, ok := strings.Cut(line, " "); ok && protocol == "imap" && strings.HasPrefix(first, "A") {
			if tag = first; command == "CAPABILITY" {
				fmt.Fprintf(c, "* CAPABILITY IMAP4rev1 LOGINDISABLED %s\r\n%s OK\r\n", offered, tag)
				continue
			}
		}
		s.mu.Lock()
		s.heard = append(s.heard, line)
		s.mu.Unlock()
		answer := say(n, line)
		if n++; answer == "" {
			return
		}
		io.WriteString(c, strings.ReplaceAll(answer, "%tag", tag))
	}
}

func (s *speaker) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.heard, "\n")
}

// P9, P10: whatever a server answers, there is an error of its kind within bounds, the
// password is proven once at most, and never shown where it need not be.
func TestP9HostileSignIn(t *testing.T) {
	form := base64.StdEncoding.EncodeToString
	for name, tt := range map[string]struct {
		offered string
		say     func(more, yes, no string) func(int, string) string
		kinds   string // one for each protocol is enough
	}{
		"questions without end": {"CRAM-MD5", func(more, _, _ string) func(int, string) string {
			return func(int, string) string { return fmt.Sprintf(more, "eA==") }
		}, "protocol error"},
		"a question of 10 MB": {"SCRAM-SHA-256", func(more, _, _ string) func(int, string) string {
			return func(int, string) string { return fmt.Sprintf(more, strings.Repeat("eHh4", 2_500_000)) }
		}, "too large"},
		"yes before the server's proof": {"SCRAM-SHA-256", func(_, yes, _ string) func(int, string) string {
			return func(int, string) string { return yes }
		}, "refused for safety"},
		"a question after the end": {"PLAIN", func(more, yes, _ string) func(int, string) string {
			return func(n int, _ string) string { return yes + fmt.Sprintf(more, "") }
		}, "protocol error sign-in refused"},
		"no base64": {"CRAM-MD5", func(more, _, _ string) func(int, string) string {
			return func(int, string) string { return fmt.Sprintf(more, "!") }
		}, "protocol error"},
		"hangs up":        {"PLAIN", func(_, _, _ string) func(int, string) string { return func(int, string) string { return "" } }, "unavailable"},
		"nothing offered": {"", nil, "unsupported"},
		"strange ones":    {"XYZZY ANONYMOUS", nil, "unsupported"},
	} {
		for protocol, p := range protocols {
			t.Run(name+" "+protocol, func(t *testing.T) {
				if strings.Contains(tt.offered, "MD5") {
					notUnderFIPS(t)
				}
				say := func(int, string) string { return "" }
				if tt.say != nil {
					say = tt.say(p.go_on, strings.ReplaceAll(p.yes, "%%", "%"), strings.ReplaceAll(p.no, "%%", "%"))
				}
				s := speak(t, protocol, strings.Fields(tt.offered), say)
				a := s.account(t)
				if tt.offered == "CRAM-MD5" {
					a.Endpoint.Authentication = profile.CRAMMD5
				}
				if tt.offered == "" || tt.kinds == "unsupported" {
					a.Endpoint.Authentication = profile.SCRAM
				}
				began := time.Now()
				_, err := open(t, s.d, a)
				if name == "a question after the end" && err == nil {
					return // the next command finds it
				}
				require.Contains(t, tt.kinds, string(provider.KindOf(err)), "%v", err)
				require.NotEmpty(t, provider.KindOf(err))
				require.NotContains(t, err.Error(), canary)
				require.Less(t, time.Since(began), 30*time.Second)
				require.NotContains(t, s.all(), form([]byte(canary))[:12])
			})
		}
	}
}

// X4: with a token no password is shown, whatever else is offered; and names of
// mechanisms are the same in any case.
func TestX4TokensNeverTurnIntoPasswords(t *testing.T) {
	for protocol, p := range protocols {
		s := speak(t, protocol, []string{"plain", "Login", "xOauth2"}, func(int, string) string { return strings.ReplaceAll(p.no, "%%", "%") })
		a := s.account(t)
		a.Endpoint.Credentials, a.Tokens = profile.OAuth, &tokens{left: []string{"t0k3n"}}
		_, err := open(t, s.d, a)
		require.Equal(t, provider.ErrAuth, provider.KindOf(err), "%v", err)
		require.Contains(t, s.all(), "XOAUTH2")
		require.NotContains(t, s.all(), "PLAIN")
		require.NotContains(t, s.all(), "LOGIN ")
	}
}

// P3: a context that ends while the server thinks about any step ends the sign-in.
func TestP3ContextEndsEachStep(t *testing.T) {
	for protocol, p := range protocols {
		for step := range 2 {
			ctx, cancel := context.WithCancelCause(t.Context())
			mine := errors.New("enough")
			hold := make(chan struct{})
			s := speak(t, protocol, []string{"LOGIN"}, func(n int, _ string) string {
				if n == step {
					cancel(mine)
					<-hold
					return ""
				}
				return fmt.Sprintf(p.go_on, "VXNlcm5hbWU6")
			})
			a := s.account(t)
			a.Endpoint.Authentication, a.Policy.AllowNetworks = profile.Basic, loopback
			if protocol == "imap" {
				a.Endpoint.Authentication = profile.AutoDetect
			}
			_, err := s.d.Open(ctx, a)
			close(hold)
			require.Equal(t, mine, err, "%s %d", protocol, step)
		}
	}
}

// RFC 4954, section 4: a challenge may have 12,288 octets.
func TestRFC4954LongChallenge(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for protocol, p := range protocols {
		s := speak(t, protocol, []string{"X-HOST"}, func(n int, _ string) string {
			if n == 0 {
				return fmt.Sprintf(p.go_on, base64.StdEncoding.EncodeToString([]byte(long)))
			}
			return strings.ReplaceAll(p.yes, "%%", "%")
		})
		x := &host{}
		a := s.account(t)
		a.Mechanisms = []provider.Mechanism{x}
		_, err := open(t, s.d, a)
		require.NoError(t, err, protocol)
		require.Equal(t, long, x.heard)
	}
}

// host is a mechanism of a host's.
type host struct{ heard string }

func (*host) Name() string { return "X-HOST" }

func (h *host) Begin(context.Context, provider.Peer) (provider.Exchange, error) { return h, nil }

func (*host) Start() (string, []byte, error) { return "X-HOST", []byte("hi"), nil }

func (h *host) Next(b []byte) ([]byte, error) { h.heard = string(b); return []byte("x"), nil }

// A server whose lines are shorter than a token says so, and nobody is to consent again.
func TestRFC4954TokenThatFitsNoLine(t *testing.T) {
	s := speak(t, "smtp", []string{"XOAUTH2"}, func(n int, _ string) string {
		return []string{"334 \r\n", "500 5.5.6 Authentication Exchange line is too long\r\n"}[min(n, 1)]
	})
	a := s.account(t)
	a.Mailbox.Password = secret.Text{}
	a.Endpoint.Credentials, a.Tokens = profile.OAuth, &tokens{left: []string{strings.Repeat("x", 30_000)}}
	_, err := open(t, s.d, a)
	require.NotEmpty(t, provider.KindOf(err))
	require.NotEqual(t, provider.ErrAuth, provider.KindOf(err), "%v", err)
	require.Equal(t, 2, len(strings.Split(s.all(), "\n")), "nothing is tried again")
}
