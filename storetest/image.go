package storetest

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// watched is all that a check has written or tried to.
type watched struct {
	mailboxes []mailbox.Key
	places    []watchedPlace
	entries   []watchedEntry
	emails    []watchedEmail
}

type watchedPlace struct {
	mailbox mailbox.Key
	provider.Place
}

func (p watchedPlace) String() string {
	return fmt.Sprintf("%q %q %q in %q", p.Folder, p.Epoch, p.ID, p.mailbox)
}

type watchedEntry struct {
	mailbox mailbox.Key
	id      string
}

// watchedEmail is what an email may be found by, or a verdict.
type watchedEmail struct{ organization, messageID string }

// watch has image show what b is about.
func (r *run) watch(b *serversync.Batch) {
	r.watchMailbox(b.Mailbox)
	for _, record := range b.Records {
		p := provider.Place{Folder: record.Folder, Epoch: record.Epoch, ID: record.ID}
		r.watched.places = append(r.watched.places, watchedPlace{b.Mailbox, p})
		if record.Verdict != nil {
			r.watchEmail(b.Mailbox, record.MessageID)
		}
		r.watchIndex(b.Mailbox, record.Index)
		if record.Kind == serversync.Moved && record.ToID != "" {
			p.Folder, p.ID = record.To, record.ToID
			r.watched.places = append(r.watched.places, watchedPlace{b.Mailbox, p})
		}
	}
}

func (r *run) watchMailbox(key mailbox.Key) {
	if !slices.Contains(r.watched.mailboxes, key) {
		r.watched.mailboxes = append(r.watched.mailboxes, key)
	}
}

func (r *run) watchEntry(e serversync.Entry) {
	r.watchMailbox(e.Mailbox)
	r.watched.entries = append(r.watched.entries, watchedEntry{e.Mailbox, e.ID})
	r.watchIndex(e.Mailbox, e.Index)
}

func (r *run) watchIndex(key mailbox.Key, index *track.Email) {
	if index != nil {
		for _, id := range index.IDs {
			r.watchEmail(key, id)
		}
	}
}

func (r *run) watchEmail(key mailbox.Key, messageID string) {
	if e := (watchedEmail{key.Organization, messageID}); !slices.Contains(r.watched.emails, e) {
		r.watched.emails = append(r.watched.emails, e)
	}
}

// image returns all that the Store shows of what the check has written, a line for
// each thing, so that two images can be compared.
func (r *run) image() []string {
	r.Helper()
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	organizations := map[string]bool{}
	for _, key := range r.watched.mailboxes {
		r.imageOf(key, add)
		organizations[key.Organization] = true
	}
	for organization := range organizations {
		for _, m := range r.messages(organization) {
			add("message %q %+q %d %x at %v", organization, m.Content, m.Size, m.Sum, present(m))
		}
	}
	for _, p := range r.watched.places {
		k := r.known(p.mailbox, p.Folder, p.Epoch, p.ID)[0]
		add("place %v: %s gone=%t %q", p, k.Kind, k.Gone, k.Flags)
	}
	if outbox, ok := serversync.StoreAs[serversync.Outbox](r.Store); ok {
		for _, e := range r.watched.entries {
			got, err := outbox.Entry(ctx, e.mailbox, e.id)
			if err != nil && !errors.Is(err, serversync.ErrNotFound) {
				r.Fatalf("Entry(%v, %q) = %v", e.mailbox, e.id, err)
			}
			add("entry of %q: %s", e.mailbox, entryLine(got))
		}
	}
	r.imageEmails(add)
	slices.Sort(lines)
	return slices.Compact(lines)
}

// imageEmails adds what is known of emails, and why they were tracked or not.
func (r *run) imageEmails(add func(format string, args ...any)) {
	r.Helper()
	correlator, finds := serversync.StoreAs[serversync.Correlator](r.Store)
	verdicts, explains := serversync.StoreAs[serversync.Verdicts](r.Store)
	for _, e := range r.watched.emails {
		if finds {
			for _, found := range r.find(correlator, e.organization, track.Query{IDs: []string{e.messageID}}) {
				add("email of %q: %s", e.organization, emailLine(found))
			}
		}
		if explains {
			for i, v := range r.verdicts(verdicts, e.organization, e.messageID, 1000) {
				add("verdict %d on %q: %s", i, e.messageID, verdictLine(v))
			}
		}
	}
}

// imageOf adds what is the mailbox's own.
func (r *run) imageOf(key mailbox.Key, add func(format string, args ...any)) {
	r.Helper()
	s := r.load(key)
	add("mailbox %q: version %d, fence %d, last batch %q", key, s.Version, s.Fence, s.LastBatch)
	add("state of %q: %s", key, stateLine(s.State))
	for lane, cursor := range s.Cursors {
		if cursor != "" {
			add("cursor of %q %q: %s", key, lane, short(cursor))
		}
	}
	for _, a := range s.Owed {
		add("act owed by %q: %s", key, actLine(a))
	}
	for _, d := range s.Deferred {
		add("deferred in %q: %s", key, deferralLine(d))
	}
	for i, a := range r.alerts(key) {
		add("alert %d of %q: %s", i, key, alertLine(a))
	}
	if grants, ok := serversync.StoreAs[serversync.Grants](r.Store); ok {
		g, err := grants.Grant(ctx, key)
		if err != nil && !errors.Is(err, serversync.ErrNotFound) {
			r.Fatalf("Grant(%v) = %v", key, err)
		}
		add("grant of %q: %d %q", key, g.Version, g.Sealed)
	}
	if walls, ok := serversync.StoreAs[serversync.Walls](r.Store); ok {
		for _, wall := range []mailbox.Wall{key.Wall(), profileWall(key, relay.Profile)} {
			for i, a := range r.wall(walls, wall, false, 1000) {
				add("alert %d on the wall %q: %s", i, wall, alertLine(a))
			}
		}
	}
	if journal, ok := serversync.StoreAs[serversync.Journal](r.Store); ok {
		for i, item := range r.items(journal, key) {
			add("item %d in the journal of %q: %s", i, key, itemLine(item))
		}
	}
}

// unchanged checks that the Store shows what it showed before.
func (r *run) unchanged(before []string, by string) {
	r.Helper()
	after := r.image()
	var diff []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			diff = append(diff, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			diff = append(diff, "+ "+line)
		}
	}
	if diff != nil {
		r.Errorf("%s changed what the Store shows:\n%s", by, strings.Join(diff, "\n"))
	}
}

// present returns where the message is, but for the places that are gone, in order.
func present(m StoredMessage) []watchedPlace {
	var at []watchedPlace
	for _, p := range m.Places {
		if !p.Gone {
			at = append(at, watchedPlace{p.Mailbox, p.Place})
		}
	}
	slices.SortFunc(at, func(a, b watchedPlace) int {
		return cmp.Or(cmp.Compare(a.mailbox.String(), b.mailbox.String()), cmp.Compare(a.Folder, b.Folder),
			cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.ID, b.ID))
	})
	return at
}

// instant writes a time so that equal instants are equal, to the microsecond.
func instant(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}

// short writes a cursor of any size in a line.
func short(c provider.Cursor) string {
	if len(c) <= 100 {
		return fmt.Sprintf("%q", string(c))
	}
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(c), sha256.Sum256([]byte(c)))
}

func actLine(a serversync.OwedAct) string {
	return fmt.Sprintf("%q %+q not before %s, %d attempts", a.ID, a.Act, instant(a.NotBefore), a.Attempts)
}

func deferralLine(d serversync.Deferral) string {
	return fmt.Sprintf("%q %q %q not before %s, %d attempts: %q", d.Folder, d.Epoch, d.ID, instant(d.NotBefore), d.Attempts, d.Reason)
}

func alertLine(a mailbox.Alert) string {
	return fmt.Sprintf("%q at %s, last at %s, %d times, resolved %s: %q %q %q %q %q",
		a.ID, instant(a.At), instant(a.Last), a.Count, instant(a.Resolved), a.Level, a.Code, a.Side, a.Message, a.Remedy)
}

func itemLine(i serversync.JournalItem) string {
	return fmt.Sprintf("%.60q %s %q %q, %d tries from %s to %s", i.ItemKey, i.Kind, i.Code, i.Reason, i.Tries, instant(i.First), instant(i.Last))
}

func entryLine(e serversync.Entry) string {
	raw := "no bytes"
	if e.Raw != nil {
		raw = fmt.Sprintf("%d bytes %x", e.Raw.Size(), e.Raw.Sum())
	}
	return fmt.Sprintf("%q %s version %d from %q to %+q id %q %s report=%t not before %s, %d attempts, queued %s, submitted %s, claimed by %q until %s: %q",
		e.ID, e.Phase, e.Version, e.From, e.Recipients, e.MessageID, raw, e.Report, instant(e.NotBefore), e.Attempts,
		instant(e.Queued), instant(e.Submitted), e.Claimer, instant(e.ClaimedUntil), e.Reason)
}
