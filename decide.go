package serversync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// places is what is recorded of ids.
type places map[provider.ID]Place

// decide turns a page into records: what is known is compared, what is new is
// decided, fetched and parsed.
func (l *lane) decide(ctx context.Context, st *step, dealt places) error {
	changes := st.page.Changes
	if len(changes) == 0 {
		return nil
	}
	epoch := st.page.Next.Epoch()
	ids := make([]provider.ID, len(changes))
	for i := range changes {
		ids[i] = changes[i].ID
	}
	known, err := l.known(ctx, l.folder.ID, epoch, ids)
	if err != nil {
		return err
	}
	st.places = make(places, len(ids))
	for i, id := range ids {
		st.places[id] = known[i]
		if place, ok := dealt[id]; ok {
			st.places[id] = place
		}
	}
	fresh, later := l.sift(st, dealt, epoch)
	if err := l.decideNew(ctx, st, fresh, epoch); err != nil {
		return err
	}
	st.batch.Records = append(st.batch.Records, later...)
	return nil
}

// sift parts the changes into what is new and the records of what happened to what
// is known, which the new is from then on: an item may come several times.
func (l *lane) sift(st *step, dealt places, epoch string) (fresh []provider.Change, later []Record) {
	counted := make(map[provider.ID]bool)
	for id := range dealt {
		counted[id] = true // with its own page
	}
	at := make(map[provider.ID]int) // in fresh
	for _, change := range st.page.Changes {
		place := st.places[change.ID]
		switch {
		case l.asksFor(change, place):
			counted[change.ID] = true
			at[change.ID] = len(fresh)
			fresh = append(fresh, change)
			st.places[change.ID] = Place{Kind: Tracked, Flags: change.Flags}
			if r, changed := l.compare(change, place, epoch); changed {
				later = append(later, r)
			}
		case place.Kind != "":
			if change.Kind == provider.Upsert && !counted[change.ID] {
				counted[change.ID] = true
				st.known++
			}
			if i, ok := at[change.ID]; ok && change.Flags != nil {
				fresh[i].Flags = change.Flags // a person may have asked for it meanwhile
			}
			if r, changed := l.compare(change, place, epoch); changed {
				later = append(later, r)
				st.places[change.ID] = place.after(r)
			}
		case change.Kind == provider.Upsert && l.isNew(change):
			counted[change.ID] = true
			at[change.ID] = len(fresh)
			fresh = append(fresh, change)
			st.places[change.ID] = Place{Kind: Tracked, Flags: change.Flags}
		}
	}
	return fresh, later
}

// after returns what is recorded of an id that is known once r is committed.
func (p Place) after(r Record) Place {
	p.Gone = r.Kind != FlagsChanged
	if r.Flags != nil {
		p.Flags = r.Flags
	}
	return p
}

func (c *cycle) known(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID) ([]Place, error) {
	return store(ctx, c, "Store.Known", func(ctx context.Context) ([]Place, error) {
		places, err := c.s.cfg.Store.Known(ctx, c.key, folder, epoch, ids)
		if err == nil && len(places) != len(ids) {
			err = fmt.Errorf("it returned %d places for %d ids", len(places), len(ids))
		}
		return places, err
	})
}

// compare returns the record of what happened to an item that is known, if
// anything did.
func (l *lane) compare(change provider.Change, place Place, epoch string) (Record, bool) {
	r := Record{Folder: l.folder.ID, Epoch: epoch, ID: change.ID, Flags: change.Flags}
	switch change.Kind {
	case provider.Upsert, provider.Flags:
		r.Kind = FlagsChanged
		l.noteUntracked(&r, change, place)
		return r, place.Gone || change.Flags != nil && !slices.Equal(change.Flags, place.Flags)
	case provider.Moved:
		r.Kind, r.Flags, r.To, r.ToID = Moved, nil, change.To, change.ToID
		if _, asked := l.trackedFolder(change.To); asked && place.Kind == Ignored {
			r.ToID = "" // a person asks for it: it comes as an item of its own
		}
		return r, !place.Gone
	case provider.Gone:
		r.Kind, r.Flags = Gone, nil
		return r, !place.Gone
	}
	return r, false
}

// isNew reports whether an unknown id of a listing is to be dealt with now. In a
// listing of everything the ids that backfill has not come to, or that are older
// than the mailbox's bound, are none of our business.
func (l *lane) isNew(change provider.Change) bool {
	if !listedAlone(change) {
		return true
	}
	if isOlder(change, l.since()) {
		return false
	}
	return l.backfilled || !l.in.Traits().HasBackfill
}

// listedAlone reports whether an item is told by nothing but its id, as in a listing of
// everything, which has those too that nobody wants.
func listedAlone(change provider.Change) bool {
	return change.Raw == nil && change.Header == nil && change.Err == nil
}

// isOlder reports whether an item is known to have been received before a bound. What
// does not say when is not.
func isOlder(change provider.Change, since time.Time) bool {
	return !change.Received.IsZero() && change.Received.Before(since)
}

// decideNew decides about new items and adds their records.
func (l *lane) decideNew(ctx context.Context, st *step, fresh []provider.Change, epoch string) error {
	st.fetched = fresh
	if l.s.picks() {
		unread := make([]Decision, len(fresh)) // of a listing of ids the filter gets the whole
		for i := range fresh {
			if fresh[i].Header == nil {
				unread[i].Verdict = Tracked
			}
		}
		if err := l.complete(ctx, l.source, l.folder.ID, epoch, fresh, unread); err != nil {
			return err
		}
	}
	decisions, err := l.ask(ctx, l.folder, fresh)
	if err != nil {
		return err
	}
	if err := l.complete(ctx, l.source, l.folder.ID, epoch, fresh, decisions); err != nil {
		return err
	}
	if err := l.judgeWhole(ctx, l.folder, fresh, decisions); err != nil {
		return err
	}
	for i := range fresh {
		r := l.record(fresh[i], decisions[i], l.folder.ID, epoch, 0)
		st.add(l.cycle, fresh[i], r, decisions[i])
		place := st.places[r.ID]
		place.Kind = r.Kind // not until now is it known to the pages behind
		st.places[r.ID] = place
	}
	return nil
}

// add puts the record of a new item and the acts that follow from it into the
// step's batch.
func (st *step) add(c *cycle, change provider.Change, r Record, d Decision) {
	st.batch.Records = append(st.batch.Records, r)
	st.batch.Owe = append(st.batch.Owe, c.moveAway(r)...)
	if change.Kind == provider.Gone { // that may have been told before the item was known
		st.batch.Records = append(st.batch.Records, Record{Kind: Gone, Folder: r.Folder, Epoch: r.Epoch, ID: r.ID})
		return
	}
	if r.Kind == Tracked {
		st.messages++
		st.bytes += r.Message.Raw.Size()
	}
	if r.Kind != Tracked && r.Kind != Ignored {
		return
	}
	owe := func(act provider.Act, after time.Duration) {
		act.Folder, act.Epoch, act.ID = r.Folder, r.Epoch, r.ID
		st.batch.Owe = append(st.batch.Owe, c.owe(act, after))
	}
	deletes := d.DeleteAfter > 0 || r.Kind == Tracked && c.box.DeleteProcessed && c.box.Kind != mailbox.User
	for _, act := range d.Then {
		if act.Kind == provider.Delete {
			deletes = true // once, when all that asked for it allow it
			continue
		}
		owe(act, 0)
	}
	if deletes {
		owe(provider.Act{Kind: provider.Delete}, max(d.DeleteAfter, c.box.DeleteAfter))
	}
}

// ask has the rules or the host's Filter decide about new items. Without either all
// are tracked.
func (c *cycle) ask(ctx context.Context, folder provider.Folder, fresh []provider.Change) ([]Decision, error) {
	decisions := make([]Decision, len(fresh))
	if !c.s.picks() || len(fresh) == 0 {
		for i := range decisions {
			decisions[i] = Decision{Verdict: Tracked, Reason: "all mail is tracked"}
		}
		return decisions, nil
	}
	var page []Candidate
	var at []int
	for i, change := range fresh {
		if change.Err != nil || change.Header == nil && change.Raw == nil {
			decisions[i] = Decision{Verdict: Tracked, Reason: "its header could not be read"}
			continue
		}
		candidate := c.candidate(folder, change)
		if candidate.Message == nil {
			decisions[i] = Decision{Verdict: Deferred, Reason: "its bytes could not be read"}
			continue
		}
		if c.isProbe(candidate.Message) {
			decisions[i] = Decision{Verdict: Ignored, Reason: ofTest}
			continue
		}
		at = append(at, i)
		page = append(page, candidate)
	}
	if len(page) == 0 {
		return decisions, nil
	}
	verdicts, err := c.pick(ctx, page)
	if err != nil {
		return nil, err
	}
	for j, verdict := range verdicts {
		if verdict.Verdict == "" {
			verdict.Verdict = Tracked
		}
		verdict.messageID = page[j].Message.MessageID
		if page[j].whole {
			verdict.whole = page[j].Message
		}
		decisions[at[j]] = verdict
	}
	return decisions, nil
}

// pick has a page decided about. If what decides panics over a page it is asked about
// each message by itself, so that one that it cannot bear delays no other (contract
// I6).
func (c *cycle) pick(ctx context.Context, page []Candidate) ([]Decision, error) {
	verdicts, err := c.pickOnce(ctx, page)
	p := paniced(err)
	switch {
	case p == nil:
		return verdicts, err
	case len(page) == 1:
		c.s.cfg.Logger.Error("deciding about a message panicked", "mailbox", c.key.String(), "panic", fmt.Sprint(p.value), "stack", string(p.stack))
		return []Decision{{Verdict: Deferred, Reason: p.Error()}}, nil
	}
	verdicts = nil
	for i := range page {
		one, err := c.pick(ctx, page[i:i+1])
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, one...)
	}
	return verdicts, nil
}

func (c *cycle) pickOnce(ctx context.Context, page []Candidate) ([]Decision, error) {
	if c.tracking != nil {
		return c.judge(ctx, page)
	}
	return store(ctx, c, "Filter", func(ctx context.Context) ([]Decision, error) {
		verdicts, err := c.s.cfg.Filter(ctx, page)
		if err == nil && len(verdicts) != len(page) {
			err = fmt.Errorf("the Filter returned %d decisions for %d candidates", len(verdicts), len(page))
		}
		return verdicts, err
	})
}

func (c *cycle) candidate(folder provider.Folder, change provider.Change) Candidate {
	candidate := Candidate{Mailbox: c.key, Folder: folder, ID: change.ID, Flags: change.Flags, Received: change.Received, Size: change.Size}
	if change.Header != nil {
		candidate.Message = item.ParseHeader(change.Header, c.s.cfg.Limits)
	} else if m, err := item.ParseMessage(change.Raw, c.s.cfg.Limits); err == nil {
		candidate.Message, candidate.whole, candidate.Size = m, true, change.Raw.Size()
	}
	return candidate
}

// complete fetches the bodies of what is tracked and has none yet.
func (c *cycle) complete(ctx context.Context, source provider.Source, folder provider.FolderID, epoch string, fresh []provider.Change, decisions []Decision) error {
	var missing []provider.ID
	at := make(map[provider.ID]int)
	for i, change := range fresh {
		if decisions[i].Verdict == Tracked && change.Raw == nil && change.Err == nil && change.Kind != provider.Gone {
			missing = append(missing, change.ID)
			at[change.ID] = i
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err := remote(ctx, c, "Source.Fetch", only(func(ctx context.Context) error {
		return source.Fetch(ctx, folder, epoch, missing, func(got provider.Change) error {
			i, asked := at[got.ID]
			if !asked {
				got.Raw.Release()
				return nil
			}
			delete(at, got.ID)
			fresh[i].Kind, fresh[i].Raw, fresh[i].Err = got.Kind, got.Raw, got.Err
			if fresh[i].Received.IsZero() {
				fresh[i].Received = got.Received
			}
			return nil
		})
	}))
	for _, i := range at { // the order does not matter: each is marked on its own
		fresh[i].Err = &provider.Error{Op: "Source.Fetch", Kind: provider.ErrBadItem, Err: errors.New("the server did not send it")}
	}
	return err
}

// record is what is written about a new item: as decided, or as far as it could
// be had. Attempts counts the tries before this one.
func (c *cycle) record(change provider.Change, d Decision, folder provider.FolderID, epoch string, attempts int) Record {
	r := Record{Kind: d.Verdict, Folder: folder, Epoch: epoch, ID: change.ID, Flags: change.Flags, Received: change.Received, Reason: d.Reason, Attempts: attempts}
	switch {
	case change.Err != nil:
		r.Kind = Tracked
		c.refuse(&r, change.Err)
		if r.Kind == Quarantined && change.Header != nil {
			r.Message, _ = item.ParseMessage(item.NewBlob(change.Header), c.s.cfg.Limits)
		}
	case change.Kind == provider.Gone:
		r.Kind, r.Reason = Ignored, "it left the server before it could be read"
	case d.Verdict == Deferred:
		c.refuse(&r, errors.New(d.Reason))
	case d.Verdict == Tracked:
		m, err := d.whole, error(nil)
		if m == nil {
			m, err = item.ParseMessage(change.Raw, c.s.cfg.Limits)
		}
		if err != nil {
			c.refuse(&r, err)
			break
		}
		r.Message = m
		if c.isProbe(m) {
			r.Kind, r.Message, r.Reason = Ignored, nil, ofTest
			return r
		}
	}
	c.keep(&r, d)
	return r
}

// refuse turns a record that cannot be dealt with into one that is tried again
// or, if it was tried often enough or never will do, into a quarantined one.
func (c *cycle) refuse(r *Record, err error) {
	r.Attempts++
	r.Index = nil
	if r.outer != nil {
		r.Message, r.outer = r.outer, nil
	}
	r.Reason, r.Code = bounded(err.Error()), fault(err).Code
	if r.Attempts >= c.s.cfg.ItemTries || provider.KindOf(err) == provider.ErrTooLarge {
		r.Kind = Quarantined
		return
	}
	r.Kind = Deferred
	r.Message = nil
	r.NotBefore = c.s.cfg.Clock.Now().Add(c.s.cfg.Retry.Wait(r.Attempts, 0.5)) // no chance: this runs beside a commit
}

// retryable reports whether a record is a decision about a message that the Store
// may refuse and that can be deferred instead.
func (r Record) retryable() bool { return r.Kind == Tracked }
