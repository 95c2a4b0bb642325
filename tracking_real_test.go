package serversync_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap"
	"github.com/go-serversync/serversync/internal/testserver"
	"github.com/go-serversync/serversync/internal/testserver/servertest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

// On Dovecot as on the fake: mail is judged by its header, tracked by hand with a
// keyword or a folder, and moved to a folder that has to be made.
func TestTrackingOnDovecot(t *testing.T) {
	d := servertest.Dovecot(t, testserver.DovecotOptions{Users: map[string]string{"ann": realPassword}})
	store, bad := memory.New(), new(refusedMessage)
	box := mailbox.Mailbox{Key: ann, Address: "ann@" + testserver.Domain, Password: secret.New(realPassword), Accept: mailbox.AcceptKnown,
		TrackedFolders: []mailbox.TrackedFolder{{Folder: "Archive", RecordType: "case", RecordID: "7"}}}
	p := profile.Profile{ID: "p", Kind: profile.IMAPSMTP, Incoming: endpoint(t, d.IMAPSAddr, profile.ImplicitTLS),
		Outgoing: profile.Endpoint{Host: "mail.example.test"}, MoveUndeliverable: true}
	s := newSyncer(t, Config{
		Store: refusingMessage{store, bad}, Mailboxes: Static(p, box), ItemTries: 1,
		Drivers:  map[profile.Protocol]provider.Driver{profile.IMAP: &imap.Driver{TLSConfig: &tls.Config{RootCAs: d.CA.CertPool()}, Limits: patient}},
		Policy:   profile.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		Tracking: &Tracking{Addresses: testPeople},
	})
	sync := func() map[string]track.Rule {
		t.Helper()
		report, err := s.SyncMailbox(t.Context(), ann)
		require.NoError(t, err)
		return rules(report)
	}
	deliver := func(raw []byte) { t.Helper(); require.NoError(t, d.Deliver(t.Context(), "ann", "", raw)) }
	deliver(from("carl@example.org", "known@1"))
	deliver(from("stranger@example.org", "category@1"))
	deliver(from("stranger@example.org", "folder@1"))
	deliver(from("stranger@example.org", "other@1"))
	require.Equal(t, map[string]track.Rule{"known@1": track.AcceptedKnown, "category@1": track.NotAccepted, "folder@1": track.NotAccepted, "other@1": track.NotAccepted}, sync())

	doveadm := func(args ...string) {
		t.Helper()
		_, err := d.Doveadm(t.Context(), args...)
		require.NoError(t, err)
	}
	doveadm("flags", "add", "-u", "ann", "Tracked", "mailbox", "INBOX", "header", "message-id", "category@1")
	doveadm("move", "-u", "ann", "Archive", "mailbox", "INBOX", "header", "message-id", "folder@1")
	got := sync()
	require.Equal(t, map[string]track.Rule{"category@1": track.TrackedCategory, "folder@1": track.TrackedByFolder}, got)
	require.Empty(t, sync())

	bad.id = "poison@1"
	deliver(from("carl@example.org", "poison@1"))
	sync()
	left, err := d.Doveadm(t.Context(), "search", "-u", "ann", "mailbox", "Undeliverable", "header", "message-id", "poison@1")
	require.NoError(t, err)
	require.NotEmpty(t, left, "it was moved to a folder that was not there")
	require.Len(t, store.Messages(ann.Organization), 3)
}

// A refusingMessage is a Store that refuses a message by its Message-ID.
type refusingMessage struct {
	Store
	bad *refusedMessage
}

type refusedMessage struct{ id string }

func (r refusingMessage) Unwrap() Store { return r.Store }

func (r refusingMessage) Commit(ctx context.Context, b *Batch) (Receipt, error) {
	for i, rec := range b.Records {
		if rec.Kind == Tracked && r.bad.id != "" && rec.MessageID == r.bad.id {
			return Receipt{}, &RecordError{Index: i, Err: errors.New("there is no such customer")}
		}
	}
	return r.Store.Commit(ctx, b)
}
