package serversync_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/smtp"
	"github.com/go-serversync/serversync/smtp/smtptest"
)

// A record is everything that was told to a host: errors, logs, traces.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// note writes v down in every way that shows fields, and all of it if it is an error.
func (r *record) note(v any) {
	if err, ok := v.(error); ok {
		io.WriteString(r, allOf(err))
		return
	}
	fmt.Fprintf(r, "%+v\n%#v\n", v, v)
	json.NewEncoder(r).Encode(v)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// logger logs everything, as JSON and each attribute in every way.
func (r *record) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		r.note(a.Value.Any())
		return a
	}}))
}

func (r *record) trace(ctx context.Context) context.Context {
	return provider.WithTrace(ctx, &provider.Trace{
		Begin: func(s provider.Stage) { r.note(s) },
		End:   func(s provider.Stage, e provider.Evidence, err error) { r.note(e); r.note(err) },
	})
}

// echoes are the ways in which a server may repeat the password, or the line in
// which it came.
func echoes(user, word, line string) map[string]string {
	plain := []byte("\x00" + user + "\x00" + word)
	backward := []byte(word)
	slices.Reverse(backward)
	doc, _ := json.Marshal(word)
	return map[string]string{
		"plain": word, "upper": strings.ToUpper(word), "reversed": string(backward), "quoted": fmt.Sprintf("%q", word), "json": string(doc),
		"hex": hex.EncodeToString([]byte(word)), "HEX": fmt.Sprintf("%X", word), "url": url.QueryEscape(word), "path": url.PathEscape(word), "html": html.EscapeString(word),
		"AUTH PLAIN": base64.StdEncoding.EncodeToString(plain), "AUTH LOGIN": base64.StdEncoding.EncodeToString([]byte(word)), "base64url": base64.RawURLEncoding.EncodeToString(append([]byte("x"), word...)),
		"the line": line, "half the line": line[:len(line)*3/4],
	}
}

var echoNames = []string{"plain", "upper", "reversed", "quoted", "json", "hex", "HEX", "url", "path", "html", "AUTH PLAIN", "AUTH LOGIN", "base64url", "the line", "half the line"}

var loopback = profile.Policy{AllowPlaintext: true, AllowBasicWithoutTLS: true, Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// reach returns an account whose server is at addr.
func reach(addr string, mode profile.TLS, word string) provider.Account {
	at := netip.MustParseAddrPort(addr)
	e := profile.Endpoint{Host: at.Addr().String(), Port: int(at.Port()), TLS: mode}
	box := annBox
	box.Username, box.Password = "ann", secret.New(word)
	return provider.Account{Mailbox: box, Endpoint: e, Policy: loopback, Profile: profile.Profile{ID: "p", Kind: profile.IMAPSMTP, Incoming: e, Outgoing: e}}
}

// attempt opens a session with d, asks it whether it lives, and writes down all
// that is told of it, it itself included.
func attempt(t *testing.T, d provider.Driver, a provider.Account) *record {
	t.Helper()
	r := new(record)
	reflect.Indirect(reflect.ValueOf(d)).FieldByName("Logger").Set(reflect.ValueOf(r.logger()))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	p, err := d.Open(r.trace(ctx), a)
	r.note(err)
	if err == nil {
		r.note(p)
		r.note(p.Check(ctx))
		r.note(p.Close())
		fmt.Fprintf(r, "%+v", p)
	}
	r.note(d)
	return r
}

// in copies a fault for the lines that hold word.
func in(word string, fault func(line string) string) func(string) string {
	return func(line string) string {
		if word == line || word != "" && strings.Contains(line, word) {
			return fault(line)
		}
		return ""
	}
}

// P6: a server that repeats the password, in any form and at any step to a session,
// does not bring it into an error, a log or a trace.
func TestP6IMAPEchoes(t *testing.T) {
	c := newCanary("imap")
	shapes := []string{"%tag NO sorry: E", "%tag BAD E", "%tag NO [E] sorry", "%tag NO [ALERT] E", "* BYE E\r\n%tag NO E", "* NO E\r\n%tag NO sorry", "* E\r\n%tag NO E", "E\r\n%tag NO E", "%tag E", "+ E\r\n%tag NO E", "%tag OK [CAPABILITY IMAP4rev1 E] E"}
	for _, without := range [][]string{nil, {"SASL-IR"}, {"AUTH=PLAIN"}} {
		server := imaptest.NewServer(imaptest.Options{TLS: profile.Plaintext, Users: map[string]string{"ann": c.word}, Without: without})
		t.Cleanup(server.Close)
		for _, at := range []string{"AUTHENTICATE", "LOGIN", "CAPABILITY", "SELECT", "ENABLE"} {
			for _, shape := range shapes {
				for _, echo := range echoNames {
					if shape == "%tag E" && echo != "plain" && echo != "the line" {
						continue // each waits for Limits.Command
					}
					server.SetFail(in(at, func(line string) string {
						return strings.ReplaceAll(shape, "E", echoes("ann", c.word, line)[echo])
					}))
					r := attempt(t, &imap.Driver{Limits: provider.Limits{Greeting: time.Second, Command: 300 * time.Millisecond}}, reach(server.Addr(), profile.Plaintext, c.word))
					none(t, fmt.Sprintf("IMAP without %v: %s at %s as %q", without, echo, at, shape), r.String(), c)
				}
			}
		}
	}
}

func TestP6SMTPEchoes(t *testing.T) {
	c := newCanary("smtp")
	shapes := []string{"535 5.7.8 E", "535-5.7.8 sorry\r\n535 E", "454 E", "421 E", "334 E", "235 E\r\n500 E", "E", "250 E", "25 E"}
	for _, offer := range []string{"", "250-x\r\n250 AUTH LOGIN"} {
		for _, at := range []string{"", "EHLO", "AUTH", "NOOP"} {
			for _, shape := range shapes {
				for _, echo := range echoNames {
					fail := in(at, func(line string) string {
						return strings.ReplaceAll(shape, "E", echoes("ann", c.word, line)[echo])
					})
					server := smtptest.NewServer(smtptest.Options{TLS: profile.Plaintext, Users: map[string]string{"ann": c.word}, Fail: func(line string) string {
						if answer := fail(line); answer != "" || line == "" || !strings.HasPrefix(line, "EHLO") {
							return answer
						}
						return offer
					}})
					r := attempt(t, &smtp.Driver{Limits: provider.Limits{Greeting: time.Second, Command: time.Second}}, reach(server.Addr, profile.Plaintext, c.word))
					server.Close()
					none(t, fmt.Sprintf("SMTP %q: %s at %q as %q", offer, echo, at, shape), r.String(), c)
				}
			}
		}
	}
}

// raw serves connections with a greeting and one answer to every line, which may
// hold E for the line itself.
func raw(t *testing.T, config *tls.Config, greeting, answer string) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { listener.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				io.WriteString(conn, greeting)
				for lines := bufio.NewScanner(conn); lines.Scan() && answer != ""; {
					tag, _, _ := strings.Cut(lines.Text(), " ")
					io.WriteString(conn, strings.NewReplacer("%tag", tag, "E", lines.Text()).Replace(answer))
				}
			})
		}
	})
	return listener.Addr().String()
}

// expired is a certificate that was good until yesterday.
func expired(t *testing.T) (*tls.Config, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

// P6: nor do servers that break off, or speak something else.
func TestP6BrokenServers(t *testing.T) {
	c := newCanary("broken")
	config, pool := expired(t)
	long := strings.Repeat(c.word, 100_000/len(c.word)) + "\r\n"
	for _, tt := range []struct {
		name             string
		mode             profile.TLS
		tls              *tls.Config
		greeting, answer string
	}{
		{"expired", profile.ImplicitTLS, config, "* OK hello\r\n", ""},
		{"no TLS", profile.ImplicitTLS, nil, "* OK " + c.word + "\r\n", ""},
		{"closed", profile.Plaintext, nil, "", ""},
		{"garbage", profile.Plaintext, nil, "\x00\xff" + c.word + "\r\n", "E\r\n"},
		{"web", profile.Plaintext, nil, "HTTP/1.1 400 " + c.word + "\r\n\r\n", "E\r\n"},
		{"refused", profile.Plaintext, nil, "* BYE " + c.word + "\r\n", ""},
		{"busy", profile.Plaintext, nil, "554 " + c.word + "\r\n", ""},
		{"long greeting", profile.Plaintext, nil, "* OK " + long, ""},
		{"long reply", profile.Plaintext, nil, "220 " + long, ""},
		{"IMAP that repeats", profile.Plaintext, nil, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\r\n", "* BAD E\r\nE\r\n%tag BAD E\r\n"},
		{"IMAP that says too much", profile.Plaintext, nil, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\r\n", "* BYE E" + long},
		{"SMTP that repeats", profile.Plaintext, nil, "220 hello\r\n", "250-E\r\n250 AUTH PLAIN\r\n"},
		{"STARTTLS refused by IMAP", profile.StartTLS, nil, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n", "%tag NO " + c.word + " E\r\n"},
		{"STARTTLS refused by SMTP", profile.StartTLS, nil, "220 hello\r\n", "454 " + c.word + " E\r\n"},
		{"STARTTLS with more", profile.StartTLS, nil, "* OK hello\r\n", "%tag OK go\r\n* OK " + c.word + "\r\n"},
	} {
		for _, d := range []provider.Driver{
			&imap.Driver{TLSConfig: &tls.Config{RootCAs: pool}, Limits: provider.Limits{Greeting: time.Second, Command: time.Second}},
			&smtp.Driver{TLSConfig: &tls.Config{RootCAs: pool}, Limits: provider.Limits{Greeting: time.Second, Command: time.Second}},
		} {
			r := attempt(t, d, reach(raw(t, tt.tls, tt.greeting, tt.answer), tt.mode, c.word))
			require.Contains(t, r.String(), "provider.Error", tt.name)
			none(t, fmt.Sprintf("%T: %s", d, tt.name), r.String(), c)
		}
	}
}
