package serversync_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/track"
)

// A shifted clock is ahead of the system's.
type shifted struct{ ahead *atomic.Int64 }

func (c shifted) Now() time.Time { return time.Now().UTC().Add(time.Duration(c.ahead.Load())) }

func (c shifted) Sleep(ctx context.Context, d time.Duration) error {
	c.ahead.Add(int64(d))
	return ctx.Err()
}

// later lets the waits of items that failed pass.
func (w *tracked) later() { w.ahead.Add(int64(time.Hour)) }

var withFlags = []providertest.Temperament{providertest.IMAPLike, providertest.EWSLike, providertest.GraphLike}

// I1, I6: what a person asks for by a category is not forgotten because it could not
// be had at once: it is tried again, and kept aside after some tries.
func TestI1AWishOutlivesAFailure(t *testing.T) {
	for _, temperament := range withFlags {
		for _, how := range []string{"the server", "the host", "for good"} {
			var bad poison
			w := newTracked(t, temperament, annBox, func(c *Config) { c.Store, c.ItemTries = refusing{c.Store, &bad}, 3 })
			id := w.server.Add(ann, "INBOX", from("stranger@example.org", "category@1"))
			require.Equal(t, 1, w.sync().Ignored)
			if how == "the host" {
				bad.id = id
			} else {
				w.server.Spoil(ann, "INBOX", id, provider.ErrBadItem)
			}
			w.server.SetFlags(ann, "INBOX", id, "Tracked")
			require.Equal(t, 1, w.sync().Deferred, "%v, %s", temperament, how)
			w.later()
			if how == "for good" {
				for range 4 {
					w.sync()
					w.later()
				}
				kept, err := w.store.Quarantined(t.Context(), ann, provider.Place{}, 10)
				require.NoError(t, err)
				require.Len(t, kept, 1)
				continue
			}
			bad.mended = true
			w.server.Spoil(ann, "INBOX", id, "")
			require.Equal(t, track.TrackedCategory, rules(w.sync())["category@1"], "%v, %s", temperament, how)
			require.Len(t, w.store.Messages(ann.Organization), 1)
		}
	}
}

// I1: a message that has the category from the beginning keeps it over a failure.
func TestI1ACategoryOutlivesADeferral(t *testing.T) {
	for _, temperament := range withFlags {
		w := newTracked(t, temperament, annBox, nil)
		id := w.server.Add(ann, "INBOX", from("stranger@example.org", "category@1"), "Tracked")
		w.server.Spoil(ann, "INBOX", id, provider.ErrBadItem)
		require.Equal(t, 1, w.sync().Deferred)
		w.later()
		w.server.Spoil(ann, "INBOX", id, "")
		require.Equal(t, track.TrackedCategory, rules(w.sync())["category@1"], "%v", temperament)
	}
}

// I1: so does one that is replayed.
func TestI1ACategoryOutlivesQuarantine(t *testing.T) {
	var bad poison
	w := newTracked(t, providertest.IMAPLike, annBox, func(c *Config) { c.Store, c.ItemTries = refusing{c.Store, &bad}, 1 })
	bad.id = w.server.Add(ann, "INBOX", from("stranger@example.org", "category@1"), "Tracked")
	require.Equal(t, 1, w.sync().Quarantined)
	kept, err := w.store.Quarantined(t.Context(), ann, provider.Place{}, 10)
	require.NoError(t, err)
	bad.mended = true
	require.NoError(t, w.syncer.Replay(t.Context(), ann, kept[0]))
	require.Len(t, w.store.Messages(ann.Organization), 1)
}

// I1: what a forward mailbox got is kept aside as it came, so that it can be replayed.
func TestI1ForwardedMailIsReplayed(t *testing.T) {
	var bad poison
	box := mailbox.Mailbox{Key: ann, Address: "forward@example.test", Kind: mailbox.Forward}
	w := newTracked(t, providertest.IMAPLike, box, func(c *Config) {
		bobs := bobUser
		bobs.Accept = mailbox.AcceptAll
		c.Tracking.Addresses = people{"bob@example.test": {bobs}}
		c.Store, c.ItemTries = refusing{c.Store, &bad}, 1
	})
	bad.id = w.server.Add(ann, "INBOX", forwarded("bob@example.test", "wrapper@1", from("carl@example.org", "original@1")))
	require.Equal(t, 1, w.sync().Quarantined)
	kept, err := w.store.Quarantined(t.Context(), ann, provider.Place{}, 10)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	bad.mended = true
	require.NoError(t, w.syncer.Replay(t.Context(), ann, kept[0]))
	messages := w.store.Messages(ann.Organization)
	require.Len(t, messages, 1)
	require.Equal(t, "original@1", messages[0].MessageID)
}

func forwarded(sender, id string, original []byte) []byte {
	return mail("From: "+sender, "To: forward@example.test", "Message-ID: <"+id+">", "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="b"`,
		"", "--b", "Content-Type: text/plain", "", "See there.", "--b", "Content-Type: message/rfc822", "", string(original), "--b--")
}

// I1: a category that is put on while the page with the message is on its way counts.
func TestI1ACategoryWhileTheMessageArrives(t *testing.T) {
	for _, temperament := range withFlags {
		w := newTracked(t, temperament, annBox, func(c *Config) { c.BatchItems = 1 })
		w.sync()
		var ids []provider.ID
		for n := range 6 {
			ids = append(ids, w.server.Add(ann, "INBOX", from("stranger@example.org", string(rune('a'+n))+"@1")))
		}
		var calls atomic.Int64
		w.server.Fault = func(c providertest.Call) providertest.Outcome {
			// Behind the first page, whose decision is not committed yet.
			if c.Op == providertest.OpChanges && calls.Add(1) == 3 {
				for _, id := range ids {
					w.server.SetFlags(ann, "INBOX", id, "Tracked")
				}
			}
			return providertest.Outcome{}
		}
		w.sync()
		w.sync()
		w.server.Fault = nil
		require.Len(t, w.store.Messages(ann.Organization), 6, "%v", temperament)
	}
}

// TOO-LARGE: what is over the bound is not fetched, whatever is accepted.
func TestTrackingFetchesNothingTooLarge(t *testing.T) {
	for _, temperament := range withFlags {
		w := newTracked(t, temperament, accepting(mailbox.AcceptAll), func(c *Config) { c.Tracking.Settings.Content.MaxMessage = 1000 })
		w.server.Memory = -1
		w.server.Add(ann, "INBOX", append(from("carl@example.org", "large@1"), make([]byte, 2000)...))
		var bodies bool
		w.syncer.Intercept(func(ctx context.Context, c Call, do func(context.Context) error) error {
			err := do(ctx)
			bodies = bodies || w.server.Held() > 0
			return err
		})
		require.Equal(t, track.TooLarge, rules(w.sync())["large@1"])
		require.False(t, bodies, "%v: it was fetched", temperament)
	}
}
