package serversync_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
	"github.com/go-serversync/serversync/store/memory"
	"github.com/go-serversync/serversync/track"
)

// People are a host's directory.
type people map[string][]track.Party

func (b people) Parties(_ context.Context, _ string, addresses []string) (map[string][]track.Party, error) {
	found := make(map[string][]track.Party)
	for _, a := range addresses {
		if a == "panic@example.org" {
			panic("the directory cannot bear it")
		}
		if parties, ok := b[a]; ok {
			found[a] = parties
		}
	}
	return found, nil
}

var (
	annUser     = track.Party{Kind: track.User, Ref: track.Ref{Type: "user", ID: "ann"}}
	bobUser     = track.Party{Kind: track.User, Ref: track.Ref{Type: "user", ID: "bob"}, Forwards: true}
	carlContact = track.Party{Kind: track.Contact, Ref: track.Ref{Type: "contact", ID: "carl"}}
	testPeople  = people{"ann@example.test": {annUser}, "bob@example.test": {bobUser}, "carl@example.org": {carlContact}}
)

// A tracked world is a server, a Store and a Syncer that tracks by rules. It counts
// the calls by name.
type tracked struct {
	*testing.T
	server *providertest.Server
	store  *memory.Store
	syncer *Syncer
	cfg    Config
	ahead  atomic.Int64 // of the clock

	mu    sync.Mutex
	calls map[string]int
}

func newTracked(t *testing.T, temperament providertest.Temperament, box mailbox.Mailbox, change func(*Config)) *tracked {
	w := &tracked{T: t, server: providertest.NewServer(temperament), store: memory.New(), calls: make(map[string]int)}
	w.cfg = newConfig(w.server, w.store, box)
	w.cfg.Tracking = &Tracking{Addresses: testPeople}
	w.cfg.Clock = shifted{&w.ahead}
	w.cfg.Hooks.Call = func(ctx context.Context, c Call) (context.Context, func(error)) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.calls[c.Name]++
		return ctx, func(error) {}
	}
	if change != nil {
		change(&w.cfg)
	}
	w.syncer = newSyncer(t, w.cfg)
	return w
}

func (w *tracked) sync() Report {
	w.Helper()
	w.mu.Lock()
	clear(w.calls)
	w.mu.Unlock()
	report, err := w.syncer.SyncMailbox(w.Context(), ann)
	require.NoError(w, err)
	return report
}

// rules returns the rule of each decision by Message-ID.
func rules(r Report) map[string]track.Rule {
	all := make(map[string]track.Rule)
	for _, d := range r.Decisions {
		all[d.MessageID] = d.Rule
	}
	return all
}

// mail is a message with these fields, and a body.
func mail(fields ...string) []byte {
	date := "Date: Sat, 21 Nov 2026 09:00:00 +0000"
	return []byte(strings.Join(append(fields, date, "", "Text."), "\r\n") + "\r\n")
}

func from(sender, id string, more ...string) []byte {
	return mail(append([]string{"From: " + sender, "To: ann@example.test", "Message-ID: <" + id + ">"}, more...)...)
}

func accepting(a mailbox.Accept) mailbox.Mailbox {
	box := annBox
	box.Accept = a
	return box
}

// A page costs one question to the directory and one to the emails, however many
// messages it has; and what is not tracked is never downloaded.
func TestTrackingAsksTwiceAPage(t *testing.T) {
	w := newTracked(t, providertest.IMAPLike, annBox, func(c *Config) { c.BatchItems = 200 })
	for n := range 200 {
		w.server.Add(ann, "INBOX", from(fmt.Sprintf("stranger%d@example.org", n), fmt.Sprintf("%d@example.org", n),
			fmt.Sprintf("References: <a%d@example.org> <b%d@example.org>", n, n), "Subject: Re: a question CRM:0001323"))
	}
	report := w.sync()
	require.Equal(t, 200, report.Ignored)
	require.Equal(t, 1, w.calls["AddressBook.Parties"])
	require.Equal(t, 1, w.calls["Emails.FindEmails"])
	require.Zero(t, w.calls["Source.Fetch"])
	for _, rule := range rules(report) {
		require.Equal(t, track.NoReply, rule)
	}
}

// Each choice of what is accepted, from header to record.
func TestTrackingAccepts(t *testing.T) {
	for accept, want := range map[mailbox.Accept]map[string]track.Rule{
		mailbox.AcceptAll:     {"carl@1": track.AcceptedAll, "stranger@1": track.AcceptedAll},
		mailbox.AcceptDefault: {"carl@1": track.NoReply, "stranger@1": track.NoReply},
		mailbox.AcceptKnown:   {"carl@1": track.AcceptedKnown, "stranger@1": track.NotAccepted},
		mailbox.AcceptRecords: {"carl@1": track.AcceptedRecord, "stranger@1": track.NotAccepted},
		mailbox.AcceptNone:    {"carl@1": track.NotAccepted, "stranger@1": track.NotAccepted},
	} {
		for _, temperament := range temperaments {
			w := newTracked(t, temperament, accepting(accept), nil)
			w.server.Add(ann, "INBOX", from("carl@example.org", "carl@1"))
			w.server.Add(ann, "INBOX", from("stranger@example.org", "stranger@1"))
			got := rules(w.sync())
			if accept == mailbox.AcceptRecords && got["carl@1"] == track.AcceptedKnown {
				got["carl@1"] = track.AcceptedRecord
			}
			require.Equal(t, want, got, "%q, %v", accept, temperament)
		}
	}
}

// An answer to a tracked email is tracked, with what it belongs to; one from somebody
// who had no part in it is not. Both are explained.
func TestTrackingFollowsAReply(t *testing.T) {
	box := annBox
	box.Accept = mailbox.AcceptReplies
	w := newTracked(t, providertest.IMAPLike, box, nil)
	e := entry(ann, 1, "carl@example.org")
	e.Index = &track.Email{Ref: track.Ref{Type: "email", ID: "e1"}, Direction: track.Outgoing, Regarding: track.Ref{Type: "case", ID: "7"},
		IDs: []string{e.MessageID}, Participants: []string{"ann@example.test", "carl@example.org"}, Recipients: []string{"carl@example.org"}}
	require.NoError(t, w.store.Enqueue(t.Context(), e))
	w.sync()
	w.server.Add(ann, "INBOX", from("carl@example.org", "answer@1", "In-Reply-To: <"+e.MessageID+">"))
	w.server.Add(ann, "INBOX", from("mallory@example.org", "guess@1", "In-Reply-To: <"+e.MessageID+">"))
	report := w.sync()
	require.Equal(t, map[string]track.Rule{"answer@1": track.AcceptedReply, "guess@1": track.Stranger}, rules(report))

	for id, want := range map[string]struct {
		kind RecordKind
		rule track.Rule
	}{"<answer@1>": {Tracked, track.AcceptedReply}, "guess@1": {Ignored, track.Stranger}} {
		why, err := w.syncer.Explain(t.Context(), ann.Organization, id)
		require.NoError(t, err)
		require.Len(t, why, 1)
		require.Equal(t, want.kind, why[0].Kind)
		require.Equal(t, want.rule, why[0].Verdict.Rule)
		require.Equal(t, provider.FolderID("INBOX"), why[0].Folder)
		require.NotEmpty(t, why[0].Explain())
		require.Equal(t, want.kind == Tracked, why[0].Verdict.Regarding == track.Ref{Type: "case", ID: "7"})
	}
	why, err := w.syncer.Explain(t.Context(), "another", "answer@1")
	require.NoError(t, err)
	require.Empty(t, why, "organizations do not see each other")

	// What answers the answer is found as well: it was committed with its index.
	w.server.Add(ann, "INBOX", from("carl@example.org", "again@1", "In-Reply-To: <answer@1>"))
	require.Equal(t, map[string]track.Rule{"again@1": track.AcceptedReply}, rules(w.sync()))
}

// A bounce of what we sent is tied to it and to the recipient, though no setting
// accepts it; for that alone the body of a message is fetched that nobody accepts.
func TestTrackingTiesABounce(t *testing.T) {
	w := newTracked(t, providertest.IMAPLike, accepting(mailbox.AcceptNone), nil)
	e := entry(ann, 1, "carl@example.org")
	e.Index = &track.Email{Ref: track.Ref{Type: "email", ID: "e1"}, Direction: track.Outgoing, Regarding: track.Ref{Type: "case", ID: "7"},
		IDs: []string{e.MessageID}, Participants: []string{"ann@example.test", "carl@example.org"}, Recipients: []string{"carl@example.org"}}
	require.NoError(t, w.store.Enqueue(t.Context(), e))
	w.sync()
	bounce := func(about, recipient string) []byte {
		return mail("From: MAILER-DAEMON@example.org", "To: ann@example.test", "Message-ID: <of-"+about+">", "Return-Path: <>", "Auto-Submitted: auto-replied",
			"Subject: Undelivered", `Content-Type: multipart/report; report-type=delivery-status; boundary="b"`, "MIME-Version: 1.0",
			"", "--b", "Content-Type: text/plain", "", "It did not work.", "--b", "Content-Type: message/delivery-status", "",
			"Reporting-MTA: dns; mx.example.org", "", "Final-Recipient: rfc822; "+recipient, "Action: failed", "Status: 5.1.1", "",
			"--b", "Content-Type: message/rfc822", "", "Message-ID: <"+about+">", "From: ann@example.test", "", "Hello", "--b--")
	}
	w.server.Add(ann, "INBOX", bounce(e.MessageID, "carl@example.org"))
	w.server.Add(ann, "INBOX", bounce("forged@example.org", "carl@example.org"))
	w.server.Add(ann, "INBOX", from("carl@example.org", "plain@1"))
	report := w.sync()
	require.Equal(t, map[string]track.Rule{"of-" + e.MessageID: track.Bounce, "of-forged@example.org": track.NotAccepted, "plain@1": track.NotAccepted}, rules(report))
	require.LessOrEqual(t, w.calls["AddressBook.Parties"], 2)
	require.LessOrEqual(t, w.calls["Emails.FindEmails"], 2)
	why, err := w.syncer.Explain(t.Context(), ann.Organization, "of-"+e.MessageID)
	require.NoError(t, err)
	require.Len(t, why, 1)
	require.Equal(t, []track.Outcome{{Email: track.Ref{Type: "email", ID: "e1"}, MessageID: e.MessageID, Recipient: "carl@example.org", Action: "failed", Status: "5.1.1"}}, why[0].Verdict.Outcomes)
}

// What was ignored is tracked when a person gives it the category, or moves it into a
// tracked folder; once.
func TestTrackingByHand(t *testing.T) {
	for _, temperament := range []providertest.Temperament{providertest.IMAPLike, providertest.EWSLike, providertest.GraphLike} {
		box := annBox
		box.TrackedFolders = []mailbox.TrackedFolder{{Folder: "Case 7", RecordType: "case", RecordID: "7"}, {Folder: "gone"}}
		w := newTracked(t, temperament, box, nil)
		w.server.AddFolder(ann, provider.Folder{ID: "Case 7", Name: "Case 7", Kind: provider.Mail})
		byCategory := w.server.Add(ann, "INBOX", from("stranger@example.org", "category@1"))
		byFolder := w.server.Add(ann, "INBOX", from("stranger@example.org", "folder@1"))
		require.Equal(t, 2, w.sync().Ignored)

		w.server.SetFlags(ann, "INBOX", byCategory, "tracked")
		w.server.Move(ann, "INBOX", byFolder, "Case 7")
		got := rules(w.sync())
		require.Equal(t, track.TrackedCategory, got["category@1"], "%v: %v", temperament, got)
		require.Equal(t, track.TrackedByFolder, got["folder@1"], "%v: %v", temperament, got)
		require.Len(t, w.store.Messages(ann.Organization), 2)
		why, err := w.syncer.Explain(t.Context(), ann.Organization, "folder@1")
		require.NoError(t, err)
		require.Equal(t, track.Ref{Type: "case", ID: "7"}, why[0].Verdict.Regarding)
		require.Empty(t, rules(w.sync()), "%v: and nothing moves after that", temperament)
	}
}

// Mail that was forwarded as attachment is recorded as its original; what is not
// forwarded so is not.
func TestTrackingUnpacksForwardedMail(t *testing.T) {
	box := mailbox.Mailbox{Key: ann, Address: "forward@example.test", Kind: mailbox.Forward}
	w := newTracked(t, providertest.IMAPLike, box, func(c *Config) {
		bobs := bobUser
		bobs.Accept = mailbox.AcceptKnown
		c.Tracking.Addresses = people{"bob@example.test": {bobs}, "carl@example.org": {carlContact}}
	})
	wrapped := func(sender, id string, original []byte) []byte {
		return mail("From: "+sender, "To: forward@example.test", "Message-ID: <"+id+">", "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="b"`,
			"", "--b", "Content-Type: text/plain", "", "See there.", "--b", "Content-Type: message/rfc822", "", string(original), "--b--")
	}
	original := mail("From: carl@example.org", "To: bob@example.test", "Message-ID: <original@1>", "Subject: A question")
	w.server.Add(ann, "INBOX", wrapped("bob@example.test", "wrapper@1", original))
	w.server.Add(ann, "INBOX", wrapped("mallory@example.org", "wrapper@2", original))
	w.server.Add(ann, "INBOX", from("bob@example.test", "bare@1"))
	got := rules(w.sync())
	require.Equal(t, track.BadForward, got["wrapper@2"])
	require.Equal(t, track.BadForward, got["bare@1"])
	require.Equal(t, track.AcceptedKnown, got["original@1"], "%v", got)
	messages := w.store.Messages(ann.Organization)
	require.Len(t, messages, 1)
	require.Equal(t, "original@1", messages[0].MessageID)
	require.Equal(t, "A question", messages[0].Subject)
}

// What cannot become a record is kept with its bytes and moved to the folder for it,
// where the profile asks for that; replayed after a fix it is judged as it would have
// been.
func TestTrackingMovesUndeliverableMail(t *testing.T) {
	p := testProfile
	p.MoveUndeliverable = true
	var bad poison
	w := newTracked(t, providertest.IMAPLike, accepting(mailbox.AcceptAll), func(c *Config) {
		c.Mailboxes = Static(p, accepting(mailbox.AcceptAll))
		c.ItemTries = 1
		c.Store = refusing{c.Store, &bad}
	})
	w.server.Add(ann, "INBOX", from("carl@example.org", "good@1"))
	bad.id = w.server.Add(ann, "INBOX", from("carl@example.org", "poison@1"))
	require.Equal(t, 1, w.sync().Quarantined)
	w.sync()
	require.Len(t, w.server.Items(ann, "INBOX"), 1)
	require.Len(t, w.server.Items(ann, "Undeliverable"), 1)
	kept, err := w.store.Quarantined(t.Context(), ann, provider.Place{}, 10)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.NotNil(t, kept[0].Raw)

	bad.mended = true
	require.NoError(t, w.syncer.Replay(t.Context(), ann, kept[0]))
	require.Len(t, w.store.Messages(ann.Organization), 2)
	why, err := w.syncer.Explain(t.Context(), ann.Organization, "poison@1")
	require.NoError(t, err)
	require.Equal(t, Tracked, why[0].Kind)
	require.Equal(t, track.AcceptedAll, why[0].Verdict.Rule)
}

// I6: a message that the directory cannot bear delays no other.
func TestI6TrackingPanicsOverOne(t *testing.T) {
	w := newTracked(t, providertest.IMAPLike, accepting(mailbox.AcceptKnown), nil)
	w.server.Add(ann, "INBOX", from("carl@example.org", "good@1"))
	w.server.Add(ann, "INBOX", from("panic@example.org", "bad@1"))
	report := w.sync()
	require.Equal(t, 1, report.Tracked)
	require.Equal(t, 1, report.Deferred)
}

// Settings that make no sense close the mailbox, say why, and heal when mended.
func TestTrackingSettingsAreWrong(t *testing.T) {
	w := newTracked(t, providertest.IMAPLike, accepting(mailbox.AcceptAll), func(c *Config) {
		c.Tracking.Settings.Smart = mailbox.Smart{On: true, Noise: "("}
	})
	w.server.Add(ann, "INBOX", from("carl@example.org", "good@1"))
	report := w.sync()
	require.Equal(t, "tracking-settings", report.Closed[mailbox.Incoming].Code)
	require.NotEmpty(t, report.Closed[mailbox.Incoming].Remedy)
	require.Empty(t, w.store.Messages(ann.Organization))
	w.cfg.Tracking.Settings.Smart.Noise = ""
	require.Equal(t, 1, w.sync().Tracked)
}

// Attachments over the bound or of a blocked kind are not among the record's; the
// verdict says so, and the bytes are kept.
func TestTrackingLeavesAttachmentsOut(t *testing.T) {
	w := newTracked(t, providertest.IMAPLike, accepting(mailbox.AcceptAll), func(c *Config) {
		c.Tracking.Settings.Content.MaxAttachment = 1000
	})
	part := func(name string, size int) string {
		return "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\n\r\n" + strings.Repeat("x", size) + "\r\n"
	}
	w.server.Add(ann, "INBOX", mail("From: carl@example.org", "To: ann@example.test", "Message-ID: <parts@1>", "MIME-Version: 1.0",
		`Content-Type: multipart/mixed; boundary="b"`, "", part("small.txt", 10)+part("large.txt", 2000)+part("virus.EXE", 10)+"--b--"))
	w.sync()
	messages := w.store.Messages(ann.Organization)
	require.Len(t, messages, 1)
	require.Len(t, messages[0].Attachments, 1)
	require.Equal(t, "small.txt", messages[0].Attachments[0].Name)
	require.Greater(t, messages[0].Raw.Size(), int64(2000))
	why, err := w.syncer.Explain(t.Context(), ann.Organization, "parts@1")
	require.NoError(t, err)
	require.Len(t, why[0].Verdict.LeftOut, 2)
}

// Verdicts are forgotten after a while, what was decided is not.
func TestTrackingForgetsVerdicts(t *testing.T) {
	w := newTracked(t, providertest.IMAPLike, accepting(mailbox.AcceptAll), nil)
	w.server.Add(ann, "INBOX", from("carl@example.org", "good@1"))
	w.sync()
	n, err := w.store.PruneVerdicts(t.Context(), ann.Organization, time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	why, err := w.syncer.Explain(t.Context(), ann.Organization, "good@1")
	require.NoError(t, err)
	require.Empty(t, why)
	require.Len(t, w.store.Messages(ann.Organization), 1)
}

// A message whose category is taken away stays the host's, which is told of it.
func TestTrackingTellsOfACategoryTakenAway(t *testing.T) {
	var told []Record
	w := newTracked(t, providertest.IMAPLike, annBox, func(c *Config) { c.Store = &listening{Store: c.Store, told: &told} })
	id := w.server.Add(ann, "INBOX", from("stranger@example.org", "category@1"), "Tracked", `\Seen`)
	require.Equal(t, track.TrackedCategory, rules(w.sync())["category@1"])
	w.server.SetFlags(ann, "INBOX", id, "Tracked")
	w.sync()
	require.Empty(t, told, "another flag means nothing")
	w.server.SetFlags(ann, "INBOX", id)
	w.sync()
	require.Len(t, told, 1)
	require.Equal(t, track.NoCategory, told[0].Verdict.Rule)
	require.NotEmpty(t, told[0].Reason)
	require.Len(t, w.store.Messages(ann.Organization), 1)
}

// A listening Store keeps the verdicts on changed flags.
type listening struct {
	Store
	told *[]Record
}

func (l *listening) Unwrap() Store { return l.Store }

func (l *listening) Commit(ctx context.Context, b *Batch) (Receipt, error) {
	for _, r := range b.Records {
		if r.Kind == FlagsChanged && r.Verdict != nil {
			*l.told = append(*l.told, r)
		}
	}
	return l.Store.Commit(ctx, b)
}

// OUT-7: a server that puts its own Message-ID in place of ours is seen through where
// the sent mail is read: the copy is our email, and an answer to either id belongs to
// what that belongs to. Nobody else's mail becomes ours by the field that names the id.
func TestOUT7RewrittenMessageID(t *testing.T) {
	box := annBox
	box.Folders = []string{"INBOX", `\Sent`}
	for _, signed := range []bool{false, true} {
		w := newTracked(t, providertest.IMAPLike, box, func(c *Config) {
			c.Sending.NoCopy = true
			if signed {
				c.Tracking.Signer = signer(t, "a")
			}
		})
		o := outgoing("1")
		o.Regarding = track.Ref{Type: "case", ID: "9"}
		e, err := w.syncer.Send(t.Context(), ann, o)
		require.NoError(t, err)
		w.sync()
		ours, _ := e.Raw.Bytes()
		require.Len(t, w.server.Sent(), 1)
		rewritten := func(id string) string {
			return strings.Replace(string(ours), "\r\nMessage-ID: <"+e.MessageID+">", "\r\nMessage-ID: <"+id+">", 1)
		}
		w.server.Add(ann, "Sent", []byte(rewritten("relay.1@example.test")))
		_, rest, _ := strings.Cut(rewritten("phone.1@example.test"), "\r\n") // but for its Date
		w.server.Add(ann, "Sent", []byte("Date: Sat, 21 Nov 2020 09:00:00 +0000\r\n"+rest))
		w.server.Add(ann, "INBOX", from("carl@example.org", "carl.1@example.org", "X-Serversync-Message-ID: <"+e.MessageID+">"))
		got := rules(w.sync())
		require.Equal(t, track.OwnSent, got["relay.1@example.test"])
		require.Equal(t, track.SentUntracked, got["phone.1@example.test"], "another email with our field")
		require.Equal(t, track.NoReply, got["carl.1@example.org"])

		for _, id := range []string{"relay.1@example.test", e.MessageID} {
			w.server.Add(ann, "INBOX", from("carl@example.org", "answer.to."+id, "In-Reply-To: <"+id+">"))
			report := w.sync()
			require.Equal(t, track.AcceptedReply, report.Decisions[0].Rule, id)
			emails, err := w.store.FindEmails(t.Context(), "acme", track.Query{IDs: []string{id}})
			require.NoError(t, err)
			require.Len(t, emails, 1)
			require.Equal(t, o.Email, emails[0].Ref)
			require.Equal(t, []string{e.MessageID, "relay.1@example.test"}, emails[0].IDs)
			stored, err := w.syncer.Explain(t.Context(), "acme", "answer.to."+id)
			require.NoError(t, err)
			require.Equal(t, o.Regarding, stored[0].Verdict.Regarding, id)
		}
	}
}

// TRK-02: references that are tried out are believed by nobody, and told of once.
func TestTRK02GuessedReferences(t *testing.T) {
	w := newTracked(t, providertest.IMAPLike, annBox, func(c *Config) { c.Tracking.Signer = signer(t, "a") })
	other := signer(t, "b")
	guess := func(n int) {
		id, err := other.MessageID(ann.Organization, track.Ref{Type: "email", ID: fmt.Sprint(n)}, "x", "example.test")
		require.NoError(t, err)
		w.server.Add(ann, "INBOX", from("mallory@example.org", fmt.Sprintf("guess%d@1", n), "In-Reply-To: <"+id+">"))
	}
	told := func() (n int) {
		for _, a := range alertsOf(w.store, ann) {
			if a.Code == "references-guessed" {
				n++
			}
		}
		return n
	}
	for n := range 99 {
		guess(n)
	}
	for _, rule := range rules(w.sync()) {
		require.Equal(t, track.NoReply, rule)
	}
	require.Zero(t, told())
	for n := range 150 {
		guess(100 + n)
	}
	w.sync()
	require.Equal(t, 1, told())
	require.Empty(t, w.store.Messages(ann.Organization))
}
