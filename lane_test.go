package serversync_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
)

// I1: a page is prepared while the one before it is committed. What it says of an
// item that the one before brought must not be lost, nor the item be taken for new.
func TestI1PagesAheadKnowTheOnesBefore(t *testing.T) {
	server := providertest.NewServer(providertest.IMAPLike)
	st := memory.New()
	cfg := newConfig(server, st)
	script := &scripted{Driver: server}
	cfg.Drivers = map[profile.Protocol]provider.Driver{profile.IMAP: script, profile.SMTP: server}
	asked := 0
	cfg.Filter = func(_ context.Context, page []Candidate) ([]Decision, error) {
		asked += len(page)
		return make([]Decision, len(page)), nil
	}
	for n := range 3 {
		server.Add(ann, "INBOX", letter(n))
	}
	up := func(id provider.ID, flags ...string) provider.Change {
		return provider.Change{Kind: provider.Upsert, ID: id, Flags: flags, Header: letter(int(id[0] - '1'))}
	}
	flags := func(id provider.ID, flags ...string) provider.Change {
		return provider.Change{Kind: provider.Flags, ID: id, Flags: flags}
	}
	gone := func(id provider.ID) provider.Change { return provider.Change{Kind: provider.Gone, ID: id} }
	script.pages = [][]provider.Change{
		{up("1"), up("2"), flags("2", "a"), up("3"), gone("3")},
		{up("1"), gone("1"), flags("2", "b")},
		{flags("2", "a"), up("3")},
	}
	s := newSyncer(t, cfg)
	slow := func(ctx context.Context, c Call, do func(context.Context) error) error {
		if c.Name == "Store.Commit" {
			time.Sleep(20 * time.Millisecond)
		}
		return do(ctx)
	}
	s.Intercept(slow)
	syncOnce(t, s, ann)
	require.Equal(t, 3, asked)
	got := make(map[provider.ID]memory.Place)
	for _, p := range st.Places(ann) {
		got[p.ID] = p
	}
	require.True(t, got["1"].Gone)
	require.Equal(t, []string{"a"}, got["2"].Flags)
	require.False(t, got["3"].Gone, "it came back")
}

// scripted serves the live lane from a script.
type scripted struct {
	provider.Driver
	pages [][]provider.Change
}

type scriptedSession struct {
	provider.Provider
	provider.Source
	script *scripted
}

func (s *scripted) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	p, err := s.Driver.Open(ctx, a)
	if err != nil {
		return nil, err
	}
	source, _ := provider.As[provider.Source](p)
	return scriptedSession{p, source, s}, nil
}

func (s scriptedSession) Changes(ctx context.Context, r provider.Request) (provider.Page, error) {
	page := provider.Page{RoundEnd: true}
	next := func(n int, done bool) provider.Cursor {
		return provider.NewCursor(provider.Envelope{Driver: "script", Version: 1, Epoch: s.epoch(), Done: done}, string(rune('0'+n)))
	}
	if r.Lane == provider.Backfill {
		page.Next = next(0, true)
		return page, nil
	}
	n := 0
	if _, state, ok := r.Cursor.Open(); ok {
		n = int(state[0] - '0')
	}
	if n < len(s.script.pages) {
		page.Changes = s.script.pages[n]
		n++
	}
	page.More = n < len(s.script.pages)
	page.RoundEnd = !page.More
	page.Next = next(n, page.RoundEnd)
	return page, nil
}

// epoch is the fake's, so that Fetch finds the items.
func (s scriptedSession) epoch() string {
	return s.script.Driver.(*providertest.Server).Epoch(ann, "INBOX")
}

// M4: a message that cannot be sent at all is refused for good and says nothing
// against the direction.
func TestM4UnsendableMessageStopsNothing(t *testing.T) {
	server := providertest.NewServer(providertest.IMAPLike)
	st := memory.New()
	cfg := newConfig(server, st)
	cfg.Drivers[profile.SMTP] = pickyDriver{server}
	s := newSyncer(t, cfg)
	require.NoError(t, st.Enqueue(context.Background(), entry(ann, 1, "carl@example.org")))
	report := syncOnce(t, s, ann)
	require.Equal(t, 1, report.Rejected)
	require.Equal(t, mailbox.Healthy, report.Outgoing.Phase)
}

// pickyDriver opens sessions that refuse every message as too large.
type pickyDriver struct{ provider.Driver }

type pickySession struct{ provider.Provider }

func (d pickyDriver) Open(ctx context.Context, a provider.Account) (provider.Provider, error) {
	p, err := d.Driver.Open(ctx, a)
	return pickySession{p}, err
}

func (pickySession) Send(_ context.Context, m provider.Submission) (result provider.Result, err error) {
	for _, address := range m.Recipients {
		result.Recipients = append(result.Recipients, provider.Recipient{Address: address, Status: provider.StatusRejected})
	}
	return result, &provider.Error{Op: "send", Kind: provider.ErrTooLarge, Err: errors.New("the message is too large")}
}
