package serversync_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/track"
)

// A damaged driver gives bodies that cannot be read: the disk that they wait on fails.
type damaged struct{ provider.Driver }

func (d damaged) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	p, err := d.Driver.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	source, _ := provider.As[provider.Source](p)
	return damagedSession{p, source}, nil
}

type damagedSession struct {
	provider.Provider
	provider.Source
}

func (p damagedSession) Unwrap() provider.Provider { return p.Provider }

type noDisk struct{}

func (noDisk) ReadAt([]byte, int64) (int, error) { return 0, errors.New("the disk fails") }

func (p damagedSession) damage(c *provider.Change) {
	if c.Raw != nil && c.ID != "2" {
		c.Raw.Release()
		c.Raw = item.OpenBlob(noDisk{}, 10<<20, sha256.Sum256(nil), nil)
	}
}

func (p damagedSession) Changes(ctx context.Context, r provider.Request) (provider.Page, error) {
	page, err := p.Source.Changes(ctx, r)
	for i := range page.Changes {
		p.damage(&page.Changes[i])
	}
	return page, err
}

func (p damagedSession) Fetch(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
	return p.Source.Fetch(ctx, folder, epoch, ids, func(c provider.Change) error {
		p.damage(&c)
		return got(c)
	})
}

// I6: a body that cannot be read back delays no other message, whatever decides.
func TestI6ABodyCannotBeRead(t *testing.T) {
	for _, temperament := range []providertest.Temperament{providertest.IMAPLike, providertest.POP3Like} {
		for _, accept := range []mailbox.Accept{mailbox.AcceptAll, mailbox.AcceptKnown} {
			for _, kind := range []mailbox.Kind{mailbox.User, mailbox.Forward} {
				box := accepting(accept)
				box.Kind = kind
				w := newTracked(t, temperament, box, func(c *Config) {
					driver := damaged{c.Drivers[profile.IMAP]}
					c.Drivers = map[profile.Protocol]provider.Driver{profile.IMAP: driver, profile.SMTP: driver}
				})
				for n := range 3 {
					w.server.Add(ann, "INBOX", from("carl@example.org", fmt.Sprint(n, "@1")))
				}
				report := w.sync()
				require.GreaterOrEqual(t, report.Deferred, 2, "%v, %v, %v: %+v", temperament, accept, kind, report.Decisions)
			}
		}
	}
}

// A directory that answers nonsense leaves every message decided about.
func TestTrackingBearsAnOddDirectory(t *testing.T) {
	many := make([]track.Party, 1_000_000)
	for i := range many {
		many[i] = track.Party{Kind: track.Contact, Ref: track.Ref{Type: "contact", ID: fmt.Sprint(i)}}
	}
	for name, answer := range map[string]map[string][]track.Party{
		"other keys": {"CARL@EXAMPLE.ORG": {carlContact}, "": {carlContact}, "@": {annUser}},
		"a million":  {"carl@example.org": many, "ann@example.test": many},
		"no kinds":   {"carl@example.org": {{}}, "ann@example.test": {{}, {Kind: "\x00"}}},
		"odd names":  {"carl@example.org": {{Kind: track.Contact, Ref: track.Ref{Type: "\xff\x00", ID: strings.Repeat("x", 1<<20)}}}},
		"nothing":    nil,
	} {
		w := newTracked(t, providertest.IMAPLike, accepting(mailbox.AcceptKnown), func(c *Config) { c.Tracking.Addresses = oddBook(answer) })
		for n := range 50 {
			w.server.Add(ann, "INBOX", from("carl@example.org", fmt.Sprint(n, "@1")))
		}
		began := time.Now()
		report := w.sync()
		require.Equal(t, 50, report.Tracked+report.Ignored, name)
		require.Less(t, time.Since(began), time.Minute, name) // which is a second for the most
		for _, d := range report.Decisions {
			require.Less(t, len(d.Reason), 10_000, name)
		}
	}
}

type oddBook map[string][]track.Party

func (b oddBook) Parties(context.Context, string, []string) (map[string][]track.Party, error) {
	return b, nil
}

// LOG-05: the verdict that is kept on a message which is not the host's has ids and
// codes, but neither people nor anything that the message says.
func TestLOG05VerdictsOnWhatIsIgnored(t *testing.T) {
	w := newTracked(t, providertest.IMAPLike, accepting(mailbox.AcceptNone), nil)
	w.server.Add(ann, "INBOX", mail("From: Mallory <mallory@example.org>", "To: ann@example.test, dora@example.org", "Message-ID: <private@1>", "Subject: canary"))
	w.server.Add(ann, "INBOX", mail("From: MAILER-DAEMON@example.org", "To: ann@example.test", "Message-ID: <report@1>", "Return-Path: <>", "Subject: canary",
		`Content-Type: multipart/report; report-type=delivery-status; boundary="b"`, "MIME-Version: 1.0",
		"", "--b", "Content-Type: text/plain", "", "canary", "--b", "Content-Type: message/delivery-status", "",
		"Reporting-MTA: dns; mx.example.org", "", "Final-Recipient: rfc822; dora@example.org", "Action: failed", "Status: 5.1.1",
		"Diagnostic-Code: smtp; 550 canary", "", "--b--"))
	require.Equal(t, 2, w.sync().Ignored)
	for _, id := range []string{"private@1", "report@1"} {
		why, err := w.syncer.Explain(t.Context(), ann.Organization, id)
		require.NoError(t, err)
		require.Len(t, why, 1)
		document, err := json.Marshal(why[0])
		require.NoError(t, err)
		for _, secret := range []string{"canary", "mallory@", "Mallory", "dora@", "ann@"} {
			require.NotContains(t, string(document), secret)
		}
	}
}

// A finder tells emails that nobody asked for.
type finder []track.Email

func (f finder) FindEmails(context.Context, string, track.Query) ([]track.Email, error) {
	return f, nil
}

// Emails that nobody asked for make no message another one.
func TestTrackingBearsOddEmails(t *testing.T) {
	odd := finder{{}, {IDs: []string{""}, Direction: track.Outgoing, Participants: []string{"", "carl@example.org"}, Recipients: []string{""}, Regarding: track.Ref{Type: "case", ID: "1"}},
		{IDs: []string{""}, Participants: []string{"carl@example.org"}, Regarding: track.Ref{Type: "case", ID: "2"}},
		{Ref: track.Ref{Type: "email", ID: "3"}, IDs: []string{"other@1", "other@1"}, Words: []uint64{1, 1, 1}, Direction: "sideways"}}
	odd = append(odd, odd...)
	w := newTracked(t, providertest.IMAPLike, accepting(mailbox.AcceptKnown), func(c *Config) {
		c.Tracking.Emails = odd
		c.Tracking.Settings.Smart.On = true
		c.Tracking.Settings.Sent = true
	})
	w.server.Add(ann, "INBOX", mail("From: carl@example.org", "To: ann@example.test", "Subject: without an id"))
	w.server.Add(ann, "INBOX", mail("From: carl@example.org", "To: ann@example.test", "Message-ID: <>", "In-Reply-To: <>", "Auto-Submitted: auto-replied"))
	w.server.Add(ann, "INBOX", mail("From: MAILER-DAEMON@example.org", "To: ann@example.test", "Return-Path: <>", "Subject: Undelivered",
		`Content-Type: multipart/report; report-type=delivery-status; boundary="b"`, "MIME-Version: 1.0",
		"", "--b", "Content-Type: text/plain", "", "It did not work.", "--b", "Content-Type: message/delivery-status", "",
		"Reporting-MTA: dns; mx.example.org", "", "Action: failed", "Status: 5.1.1", "", "--b--"))
	report := w.sync()
	require.Equal(t, 3, report.Tracked+report.Ignored)
	for _, d := range report.Decisions {
		require.NotEqual(t, track.Bounce, d.Rule, "%+v", d)
		require.NotContains(t, d.Reason, "case", "%+v", d)
	}
}

// What lies in Undeliverable has been dealt with: a mailbox that reads all folders
// does not read that one.
func TestTrackingLeavesUndeliverableAlone(t *testing.T) {
	p := testProfile
	p.MoveUndeliverable = true
	box := accepting(mailbox.AcceptAll)
	box.Folders = []string{"*"}
	w := newTracked(t, providertest.IMAPLike, box, func(c *Config) {
		c.Mailboxes = Static(p, box)
		c.ItemTries = 1
	})
	id := w.server.Add(ann, "INBOX", from("carl@example.org", "poison@1"))
	w.server.Spoil(ann, "INBOX", id, provider.ErrBadItem)
	require.Equal(t, 1, w.sync().Quarantined)
	for range 3 {
		w.ahead.Add(int64(time.Hour))
		require.Zero(t, w.sync().Quarantined)
	}
	kept, err := w.store.Quarantined(t.Context(), ann, provider.Place{}, 10)
	require.NoError(t, err)
	require.Len(t, kept, 1)
}
