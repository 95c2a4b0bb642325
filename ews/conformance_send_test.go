package ews_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-serversync/serversync/ews"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/secret"
)

const (
	sender   = "ann@example.com" // whose mail goes out
	password = "canary-Xq7!zW3"  // of every test; it must never show
)

// A sendLog is what the driver logs.
type sendLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *sendLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *sendLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// outbound starts a server from which ann sends.
func outbound(t testing.TB, o ewstest.Options) (*ewstest.Server, *ews.Driver, provider.Account) {
	t.Helper()
	o.Users = map[string]string{sender: password}
	o.Mailboxes = []string{"bob@example.com", "carl@example.com"}
	server := ewstest.NewServer(o)
	server.Requests(func(_ string, body []byte) { ews.Sent(body) })
	t.Cleanup(server.Close)
	p := profile.Profile{ID: "p", Kind: profile.ExchangeServer, Incoming: profile.Endpoint{URL: server.URL()}}
	return server, &ews.Driver{TLSConfig: &tls.Config{RootCAs: server.CertPool()}, SpoolDir: t.TempDir()}, provider.Account{
		Mailbox: mailbox.Mailbox{Key: mailbox.Key{Organization: "org", Mailbox: "ann"}, Address: sender, Username: sender, Password: secret.New(password)},
		Profile: p, Endpoint: p.Incoming,
		Policy: profile.Policy{Deployment: profile.SelfHosted, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	}
}

// A recorder keeps what it is given to send.
type recorder struct {
	provider.Provider
	kept *kept
}

type kept struct {
	mu   sync.Mutex
	raws map[item.Content][]byte
}

func contentOf(t testing.TB, raw []byte) item.Content {
	t.Helper()
	m, err := item.ParseMessage(item.NewBlob(raw), item.Limits{})
	require.NoError(t, err)
	return m.Content()
}

func (r recorder) Unwrap() provider.Provider { return r.Provider }

func (r recorder) Send(ctx context.Context, s provider.Submission) (provider.Result, error) {
	raw, _ := s.Raw.Bytes()
	if m, err := item.ParseMessage(s.Raw, item.Limits{}); err == nil {
		r.kept.mu.Lock()
		r.kept.raws[m.Content()] = raw
		r.kept.mu.Unlock()
	}
	return r.Provider.(provider.Sender).Send(ctx, s)
}

// The rules of Sender. Exchange writes each message anew, so what comes out is held to be what
// went in if the two say the same.
func TestSendConformance(t *testing.T) {
	for name, o := range map[string]ewstest.Options{
		"2016":                 {},
		"2010":                 {Version: "2010_SP2"},
		"a second send is yes": {Behavior: ewstest.Behavior{SendTwice: true}},
	} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, func(t *testing.T) providertest.Harness {
				server, d, account := outbound(t, o)
				var log sendLog
				d.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				k := &kept{raws: make(map[item.Content][]byte)}
				arriving := newLatecomer(t, server)
				return providertest.Harness{
					Open: func(ctx context.Context) (provider.Provider, error) {
						p, err := d.Open(ctx, account)
						if err != nil {
							return nil, err
						}
						return recorder{p, k}, nil
					},
					Folder: "inbox",
					Break:  server.Break, Stall: server.Stall,
					Secret: password, Log: log.String, Memory: 1 << 20,
					Accepted: "bob@example.com", Rejected: "nobody",
					LoseAnswer: arriving.lose, Arrive: arriving.arrive, Decides: true,
					Received: func() (list []providertest.SentMessage) {
						for _, m := range server.Sent() {
							raw := m.Raw
							k.mu.Lock()
							if same, ok := k.raws[contentOf(t, raw)]; ok {
								raw = same
							}
							k.mu.Unlock()
							list = append(list, providertest.SentMessage{From: m.From, Recipients: m.Recipients, Raw: raw})
						}
						return list
					},
				}
			})
		})
	}
}

// A latecomer is a SendItem that is long on its way.
type latecomer struct {
	t      testing.TB
	server *ewstest.Server
	mu     sync.Mutex
	body   []byte // of the SendItem that was lost; nil if none was
	losing bool
}

func newLatecomer(t testing.TB, server *ewstest.Server) *latecomer {
	l := &latecomer{t: t, server: server}
	server.Requests(func(op string, body []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if op == "SendItem" && l.losing {
			l.body, l.losing = bytes.Clone(body), false
		}
	})
	return l
}

// lose makes the server lose its answer to the next SendItem, and with it what it asks for unless
// after is set.
func (l *latecomer) lose(after bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.body, l.losing = nil, !after
	l.server.SetFault(ewstest.Fault{Op: "SendItem", Lose: true, After: after, Times: 1})
}

// arrive brings the SendItem that was lost to the server.
func (l *latecomer) arrive() {
	l.mu.Lock()
	body := l.body
	l.mu.Unlock()
	if body == nil {
		return
	}
	request, err := http.NewRequest(http.MethodPost, l.server.URL(), bytes.NewReader(body))
	require.NoError(l.t, err)
	request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	request.SetBasicAuth(sender, password)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.server.CertPool()}, DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	require.NoError(l.t, err)
	require.NoError(l.t, answer.Body.Close())
}

func sendingSession(t testing.TB, d *ews.Driver, a provider.Account) provider.Settler {
	t.Helper()
	p, err := d.Open(context.Background(), a)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p.(provider.Settler)
}

func outboundLetter(n int) *item.Blob {
	return item.NewBlob(fmt.Appendf(nil, "From: ann@example.com\r\nTo: bob@example.com\r\nSubject: letter %d\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\nMessage-ID: <letter%d@example.com>\r\n\r\nHello.\r\n", n, n))
}

// O3, OUT-7: with either answer to a second SendItem, and whatever the server makes of message and
// Message-ID, an answer that is lost leads to one message and to the truth.
func TestO3LostAnswerOfExchange(t *testing.T) {
	for _, b := range []ewstest.Behavior{{}, {SendTwice: true}, {NewMessageID: true}, {Rewrite: true}} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v/%t", b, after), func(t *testing.T) {
				server, d, a := outbound(t, ewstest.Options{Behavior: b})
				server.SetFault(ewstest.Fault{Op: "SendItem", Lose: true, After: after, Times: 1})
				sub := provider.Submission{From: sender, Recipients: []string{"bob@example.com"}, Raw: outboundLetter(1), EnvelopeID: "e1"}
				r, err := sendingSession(t, d, a).(provider.Sender).Send(context.Background(), sub)
				want := provider.StatusRetry
				if after {
					require.NoError(t, err)
					require.Equal(t, provider.StatusSent, r.Recipients[0].Status)
					want = provider.StatusSent
				} else {
					require.Error(t, err)
					require.Equal(t, provider.StatusUncertain, r.Recipients[0].Status)
				}
				for range 2 {
					r, err = sendingSession(t, d, a).Settle(context.Background(), sub)
					require.NoError(t, err)
					require.Equal(t, want, r.Recipients[0].Status)
				}
				if sub.Attempt++; !after {
					r, err = sendingSession(t, d, a).(provider.Sender).Send(context.Background(), sub)
					require.NoError(t, err)
					require.Equal(t, provider.StatusSent, r.Recipients[0].Status)
				}
				require.Len(t, server.Sent(), 1)
				require.Empty(t, server.Messages(sender, "drafts"))
				require.Len(t, server.Messages(sender, "sentitems"), 1)
			})
		}
	}
}

// O1: a large message that went in parts comes out the same, by its digest.
func TestO1LargeThroughExchange(t *testing.T) {
	server, d, a := outbound(t, ewstest.Options{})
	raw, err := (&item.Draft{From: item.Address{Addr: sender}, To: []item.Address{{Addr: "bob@example.com"}},
		Subject: "large", Text: "see the files\n", MessageID: "large@example.com", Date: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
		Attachments: []item.DraftAttachment{
			{Name: "one.bin", Content: item.NewBlob(bytes.Repeat([]byte("0123456789abcdef"), 200_000))},
			{Name: "two.csv", Type: "text/csv", Content: item.NewBlob([]byte(strings.Repeat("a,b\r\n", 20_000)))},
		}}).Compose()
	require.NoError(t, err)
	want, err := item.ParseMessage(raw, item.Limits{})
	require.NoError(t, err)
	r, err := sendingSession(t, d, a).(provider.Sender).Send(context.Background(), provider.Submission{From: sender, Recipients: []string{"bob@example.com"}, Raw: raw})
	require.NoError(t, err)
	require.Equal(t, provider.StatusSent, r.Recipients[0].Status)
	require.Equal(t, int64(1), server.Counts().Requests["CreateAttachment"])
	got, err := item.ParseMessage(item.NewBlob(server.Sent()[0].Raw), item.Limits{})
	require.NoError(t, err)
	require.Equal(t, want.Content(), got.Content())
}

// A mailbox that is another's is sent from as far as its rights go.
func TestSendAsDenied(t *testing.T) {
	server, d, a := outbound(t, ewstest.Options{})
	raw := item.NewBlob([]byte("From: carl@example.com\r\nTo: bob@example.com\r\nSubject: x\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\nMessage-ID: <as@example.com>\r\n\r\nHello.\r\n"))
	sub := provider.Submission{From: sender, Recipients: []string{"bob@example.com"}, Raw: raw}
	r, err := sendingSession(t, d, a).(provider.Sender).Send(context.Background(), sub)
	require.Equal(t, provider.ErrBadItem, provider.KindOf(err))
	require.Equal(t, provider.StatusRejected, r.Recipients[0].Status)
	require.Empty(t, server.Sent())
	server.Grant("carl@example.com", sender, "SendAs")
	r, err = sendingSession(t, d, a).(provider.Sender).Send(context.Background(), sub)
	require.NoError(t, err)
	require.Equal(t, provider.StatusSent, r.Recipients[0].Status)
	require.Equal(t, "carl@example.com", server.Sent()[0].From)
}
