package serversync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

var (
	ann    = mailbox.Key{Organization: "acme", Mailbox: "ann"}
	bob    = mailbox.Key{Organization: "acme", Mailbox: "bob"}
	annBox = mailbox.Mailbox{Key: ann, Address: "ann@example.test"}
	bobBox = mailbox.Mailbox{Key: bob, Address: "bob@example.test"}
)

var testProfile = profile.Profile{
	ID: "p", Kind: profile.IMAPSMTP,
	Incoming: profile.Endpoint{Host: "mail.example.test"},
	Outgoing: profile.Endpoint{Host: "mail.example.test"},
}

// exchangeProfile is that of a mail system that can settle what was lost; one that sends by SMTP
// is never asked.
var exchangeProfile = profile.Profile{ID: "p", Kind: profile.ExchangeServer, Incoming: profile.Endpoint{URL: "https://mail.example.test/EWS/Exchange.asmx"}}

// letter is a small message with its own Message-ID.
func letter(n int) []byte {
	return fmt.Appendf(nil, "From: carl@example.org\r\nTo: ann@example.test\r\nSubject: letter %d\r\nMessage-ID: <%d@example.org>\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\n\r\nThis is letter %d.\r\n", n, n, n)
}

func newConfig(server *providertest.Server, st Store, boxes ...mailbox.Mailbox) Config {
	if len(boxes) == 0 {
		boxes = []mailbox.Mailbox{annBox}
	}
	return Config{
		Store:     st,
		Drivers:   driversOf(server.Driver()),
		Mailboxes: Static(testProfile, boxes...),
	}
}

// driversOf has one driver speak every protocol that a test has a profile for.
func driversOf(d provider.Driver) map[profile.Protocol]provider.Driver {
	return map[profile.Protocol]provider.Driver{profile.IMAP: d, profile.SMTP: d, profile.EWS: d}
}

func newSyncer(t *testing.T, cfg Config) *Syncer {
	t.Helper()
	s, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func syncOnce(t *testing.T, s *Syncer, key mailbox.Key) Report {
	t.Helper()
	report, err := s.SyncMailbox(context.Background(), key)
	require.NoError(t, err)
	return report
}

// entry is an outbox entry with a small message.
func entry(key mailbox.Key, n int, to ...string) Entry {
	e := Entry{ID: fmt.Sprintf("e%03d", n), Mailbox: key, From: "ann@example.test", MessageID: fmt.Sprintf("out%d@example.test", n),
		Raw: item.NewBlob(fmt.Appendf(nil, "From: ann@example.test\r\nTo: %s\r\nSubject: out %d\r\nMessage-ID: <out%d@example.test>\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\n\r\nHello.\r\n", strings.Join(to, ", "), n, n))}
	for _, address := range to {
		e.Recipients = append(e.Recipients, provider.Recipient{Address: address})
	}
	return e
}

var temperaments = []providertest.Temperament{providertest.POP3Like, providertest.IMAPLike, providertest.EWSLike, providertest.GraphLike, providertest.DAVLike}

// I1: with each temperament every message ends as exactly one item, and a second
// cycle writes nothing.
func TestI1EachMessageOnce(t *testing.T) {
	for _, temperament := range temperaments {
		t.Run(fmt.Sprint(temperament), func(t *testing.T) {
			server := providertest.NewServer(temperament)
			for n := range 120 {
				server.Add(ann, "INBOX", letter(n))
			}
			st := memory.New()
			s := newSyncer(t, newConfig(server, st))
			report := syncOnce(t, s, ann)
			require.Equal(t, 120, report.Tracked)
			require.Len(t, st.Messages("acme"), 120)

			for n := 120; n < 130; n++ {
				server.Add(ann, "INBOX", letter(n))
			}
			report = syncOnce(t, s, ann)
			require.Equal(t, 10, report.Tracked)
			require.Len(t, st.Messages("acme"), 130)

			writes := st.Writes()
			report = syncOnce(t, s, ann)
			require.Zero(t, report.Commits)
			require.Equal(t, writes, st.Writes(), "a cycle with nothing new writes nothing")
			require.Zero(t, server.Held(), "no body is held")
		})
	}
}

// O1, O2: what is in the outbox is sent once, with its result by recipient, and a
// copy is filed once.
func TestO2SendByRecipient(t *testing.T) {
	server := providertest.NewServer(providertest.IMAPLike)
	server.Recipient = func(address string) provider.Status {
		if strings.HasPrefix(address, "nobody") {
			return provider.StatusRejected
		}
		return provider.StatusSent
	}
	st := memory.New()
	s := newSyncer(t, newConfig(server, st))
	require.NoError(t, st.Enqueue(context.Background(), entry(ann, 1, "carl@example.org", "nobody@example.org")))
	report := syncOnce(t, s, ann)
	require.Equal(t, 1, report.Sent)
	require.Equal(t, 1, report.Rejected)
	require.Equal(t, 1, report.Filed)
	require.Len(t, server.Sent(), 1)
	require.Len(t, server.Items(ann, "Sent"), 1)
	e, err := st.Entry(context.Background(), ann, "e001")
	require.NoError(t, err)
	require.Equal(t, PhaseDone, e.Phase)
	report = syncOnce(t, s, ann)
	require.Zero(t, report.Sent+report.Filed+report.Commits)
	require.Len(t, server.Sent(), 1)
}
