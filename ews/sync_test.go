package ews_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	serversync "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/store/memory"
)

// letter returns the n-th message.
func letter(n int) []byte {
	return fmt.Appendf(nil, "From: Ann <ann@example.net>\r\nTo: %s\r\nSubject: letter %d\r\nDate: Mon, 02 Jan 2006 15:04:05 +0000\r\nMessage-ID: <letter-%d@example.net>\r\n\r\nThis is letter %d.\r\n", user, n, n, n)
}

// counted returns how often each operation was asked for since before.
func counted(server *ewstest.Server, before ewstest.Counts) map[string]int64 {
	counts := make(map[string]int64)
	for op, n := range server.Counts().Requests {
		if n -= before.Requests[op]; n > 0 {
			counts[op] = n
		}
	}
	return counts
}

// A mailbox of 20,000 messages is listed with as few requests as there can be: 512 changes
// each, and one GetItem for each page, of 40 or more items but for the last.
func TestListing20000(t *testing.T) {
	server, d, account := start(t, ewstest.Options{})
	s := open(t, d, account)
	for folder, want := range map[provider.FolderID]provider.Want{"inbox": provider.WantIDs, "junkemail": provider.WantHeaders} {
		n := 20_000
		if want == provider.WantHeaders {
			n = 4_000
		}
		server.AddLazy(user, string(folder), n, letter)
		before := server.Counts()
		r := provider.Request{Folder: folder, Lane: provider.Live, Want: want}
		seen := make(map[provider.ID]bool)
		for {
			page, err := s.Changes(t.Context(), r)
			require.NoError(t, err)
			for _, c := range page.Changes {
				require.NoError(t, c.Err)
				require.Equal(t, want == provider.WantHeaders, c.Header != nil)
				seen[c.ID] = true
			}
			if r.Cursor = page.Next; page.RoundEnd {
				break
			}
		}
		require.Len(t, seen, n)
		counts := counted(server, before)
		lists := int64((n + 511) / 512)
		if n%512 > 50 {
			lists++ // what is told last did not fit the page, so that a round's end is asked for
		}
		require.Equal(t, lists, counts["SyncFolderItems"])
		if want == provider.WantHeaders {
			require.LessOrEqual(t, counts["GetItem"], int64(n/40))
		} else {
			require.Zero(t, counts["GetItem"])
		}
		t.Logf("%v with want %d", counts, want)
	}
}

// A poll of a session that is kept is one request when there is no news, and two when there is.
func TestPollOfAKeptSession(t *testing.T) {
	server, d, account := start(t, ewstest.Options{})
	server.Add(user, "inbox", letter(1))
	s := open(t, d, account)
	r := provider.Request{Folder: "inbox", Lane: provider.Live, Want: provider.WantBodies}
	poll := func() (provider.Page, map[string]int64) {
		before := server.Counts()
		page, err := s.Changes(t.Context(), r)
		require.NoError(t, err)
		for _, c := range page.Changes {
			c.Raw.Release()
		}
		r.Cursor = page.Next
		return page, counted(server, before)
	}
	poll()
	at := r.Cursor
	for range 3 {
		_, counts := poll()
		require.Equal(t, map[string]int64{"SyncFolderItems": 1}, counts)
		require.Equal(t, at, r.Cursor)
	}
	server.Add(user, "inbox", letter(2))
	page, counts := poll()
	require.Len(t, page.Changes, 1)
	require.Equal(t, map[string]int64{"SyncFolderItems": 1, "GetItem": 1}, counts)
}

// A world is a Syncer over a server, with a Store in memory.
type world struct {
	t      *testing.T
	server *ewstest.Server
	store  *memory.Store
	syncer *serversync.Syncer
	key    mailbox.Key
}

func newWorld(t *testing.T, o ewstest.Options, edit func(*serversync.Config)) *world {
	t.Helper()
	server, d, account := start(t, o)
	w := &world{t: t, server: server, store: memory.New(), key: account.Mailbox.Key}
	p := profileOf(server)
	p.MoveUndeliverable = true
	cfg := serversync.Config{
		Store: w.store, Mailboxes: serversync.Static(p, account.Mailbox), Policy: loopback(),
		Drivers:   map[profile.Protocol]provider.Driver{profile.EWS: d},
		ItemTries: 1,
	}
	if edit != nil {
		edit(&cfg)
	}
	syncer, err := serversync.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syncer.Close()) })
	w.syncer = syncer
	return w
}

func (w *world) sync() serversync.Report {
	w.t.Helper()
	report, err := w.syncer.SyncMailbox(w.t.Context(), w.key)
	require.NoError(w.t, err)
	require.Empty(w.t, report.Closed)
	return report
}

// The Syncer over Exchange: the first sync, then news of every kind, with a poll of a kept
// session that costs one request and no write.
func TestSyncerOverExchange(t *testing.T) {
	w := newWorld(t, ewstest.Options{}, nil)
	for n := range 120 {
		w.server.Add(user, "inbox", letter(n))
	}
	require.Equal(t, 120, w.sync().Tracked)
	require.Equal(t, serversync.Report{}.Tracked, w.sync().Tracked)

	before, writes := w.server.Counts(), w.store.Writes()
	w.sync()
	require.Equal(t, map[string]int64{"SyncFolderItems": 1}, counted(w.server, before))
	require.Equal(t, writes, w.store.Writes())

	ids := w.server.IDs(user, "inbox")
	w.server.SetFlags(ids[0], ewstest.FlagRead)
	w.server.SetFlags(ids[1], ewstest.FlagFlagged, "category:Red Category")
	w.server.Remove(ids[2])
	w.server.Move(ids[3], "junkemail")
	w.server.Add(user, "inbox", letter(200))
	report := w.sync()
	require.Equal(t, []int{1, 2, 2}, []int{report.Tracked, report.Flags, report.Gone})
	flags := make(map[provider.ID][]string)
	for _, p := range w.store.Places(w.key) {
		flags[p.ID] = p.Flags
	}
	require.Equal(t, []string{`\Seen`}, flags[provider.ID(ids[0])])
	require.Equal(t, []string{"Red Category", `\Flagged`}, flags[provider.ID(ids[1])])
	require.Len(t, w.store.Messages("org"), 121)
}

// P2: where the server has forgotten its states, and where the mailbox was moved so that every
// id is another one, the folder is listed again and no message becomes two.
func TestP2ResetsOverExchange(t *testing.T) {
	for name, lose := range map[string]func(*ewstest.Server){
		"states forgotten": func(s *ewstest.Server) { s.ForgetSyncStates() },
		"mailbox moved":    func(s *ewstest.Server) { s.Migrate(user) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ewstest.Options{}, nil)
			for n := range 70 {
				w.server.Add(user, "inbox", letter(n))
			}
			require.Equal(t, 70, w.sync().Tracked)
			lose(w.server)
			w.server.Add(user, "inbox", letter(70))
			var resets []mailbox.Reset
			for range 3 {
				resets = append(resets, w.sync().Resets...)
			}
			require.Len(t, resets, 1)
			require.Equal(t, 71, resets[0].Relisted)
			require.Equal(t, 1, resets[0].New)
			require.Len(t, w.store.Messages("org"), 71)
			require.Zero(t, w.store.Ledger(w.key).Gone)
		})
	}
}

// P7: a message whose content Exchange cannot give is put together; one that is corrupt is
// quarantined and moved to the folder for such mail, which is made; the others come.
func TestP7DamagedMailOverExchange(t *testing.T) {
	w := newWorld(t, ewstest.Options{}, nil)
	w.server.Add(user, "inbox", letter(1))
	w.server.AddBad(user, "inbox", letter(2))
	w.server.AddCorrupt(user, "inbox", letter(3))
	w.server.Add(user, "inbox", letter(4))
	report := w.sync()
	require.Equal(t, []int{3, 1}, []int{report.Tracked, report.Quarantined})
	w.sync() // own acts come back as news
	require.Len(t, w.server.IDs(user, "Undeliverable"), 1)
	require.Len(t, w.server.IDs(user, "inbox"), 3)
	subjects := make(map[string]string)
	for _, m := range w.store.Messages("org") {
		subjects[m.MessageID] = m.Subject
	}
	for _, n := range []int{1, 2, 4} {
		require.Equal(t, fmt.Sprintf("letter %d", n), subjects[fmt.Sprintf("letter-%d@example.net", n)])
	}
}

// A filter's acts are done, and come back as news without harm.
func TestActsOverExchange(t *testing.T) {
	w := newWorld(t, ewstest.Options{}, func(cfg *serversync.Config) {
		cfg.Filter = func(_ context.Context, page []serversync.Candidate) (list []serversync.Decision, err error) {
			for _, c := range page {
				require.NotEmpty(t, c.Message.From)
				d := serversync.Decision{Reason: "all are taken"}
				switch {
				case strings.HasSuffix(c.Message.Subject, "1"):
					d.Then = []provider.Act{{Kind: provider.Mark, Flag: "CRM"}, {Kind: provider.Mark, Flag: `\Seen`}}
				case strings.HasSuffix(c.Message.Subject, "2"):
					d.Then = []provider.Act{{Kind: provider.Move, To: "deleteditems"}}
				case strings.HasSuffix(c.Message.Subject, "3"):
					d = serversync.Decision{Verdict: serversync.Ignored, Reason: "not ours"}
				}
				list = append(list, d)
			}
			return list, nil
		}
	})
	for n := range 10 {
		w.server.Add(user, "inbox", letter(n))
	}
	report := w.sync()
	require.Equal(t, []int{9, 1}, []int{report.Tracked, report.Ignored})
	for range 2 {
		report = w.sync()
	}
	require.Zero(t, report.Tracked+report.Flags+report.Gone)
	require.Len(t, w.server.IDs(user, "deleteditems"), 1)
	i := slices.IndexFunc(w.server.Messages(user, "inbox"), func(m ewstest.Message) bool { return len(m.Flags) > 0 })
	require.Equal(t, []string{"CRM", `\Seen`}, ours(w.server.Messages(user, "inbox")[i].Flags))
}
