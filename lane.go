package serversync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// A lane is one way through one folder, from the committed cursor on. While a page
// is committed the next ones are listed, decided, fetched and parsed.
type lane struct {
	*cycle
	source provider.Source
	folder provider.Folder
	key    LaneKey
	until  time.Time // begin no page after

	backfilled bool     // the folder's backfill has been gone through
	listed     *listing // of a Full round; nil outside one
}

// A step is a page that is ready to be committed.
type step struct {
	batch    *Batch
	page     provider.Page
	places   places            // of its items, once it is committed
	fetched  []provider.Change // what was fetched for it
	known    int               // listed again and dealt with already
	messages int
	bytes    int64
	more     bool // the next page is prepared too
	saving   bool // it is not, for the rest of the budget is live mail's
	err      error
}

// resets is how often a lane begins anew in one cycle.
const resets = 2

// run goes through the lane until its round or its time ends, and reports whether
// there is more to do.
func (l *lane) run(ctx context.Context) (more bool, err error) {
	from := l.cursors[l.key]
	begin := from
	if l.key.Lane == provider.Backfill {
		switch l.backfill(from) {
		case backfillDone:
			return false, nil
		case backfillAgain:
			begin = ""
		}
	}
	l.backfilled = l.cursors[LaneKey{l.folder.ID, provider.Backfill}].Done()
	full := l.wantsFull(from)
	if r, ok := l.rounds[l.key]; ok && r.from == from {
		begin, l.listed = r.at, r.listed
	}
	for n := 0; ; n++ {
		more, err = l.follow(ctx, begin, full)
		if n == resets || !errors.Is(err, provider.ErrCursorExpired) {
			return more, err
		}
		if at := l.cursors[l.key]; begin != "" || at != from {
			if !l.aside() { // the live lane sees to the reset, and says so
				l.beginReset(at, err)
			}
			from, begin = at, ""
		}
	}
}

// follow commits the page at a cursor and those behind it.
func (l *lane) follow(ctx context.Context, begin provider.Cursor, full bool) (more bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	current := l.prepare(ctx, begin, full, nil)
	if begin == "" || begin.Done() {
		l.listed = nil
		if current.page.Full && l.key.Lane == provider.Live {
			l.listed = new(listing)
		}
	}
	var steps chan step
	if current.more {
		steps = make(chan step, 1)
		go l.produce(ctx, current, full, steps)
		defer func() {
			cancel()
			for st := range steps {
				st.release()
			}
		}()
	}
	for current.err == nil {
		if err := l.keepLease(ctx); err != nil {
			current.release()
			return true, err
		}
		ended := !current.page.More || current.saving || !l.s.cfg.Clock.Now().Before(l.began.Add(l.s.cfg.CycleTimeout))
		err := l.commitStep(ctx, current, ended)
		if !current.more {
			l.pause(current.page)
			return current.page.More, err
		}
		if err != nil {
			return true, err
		}
		current = <-steps
	}
	return true, current.err
}

// produce prepares the pages behind one, until the lane's round or time ends. At
// most one waits while another is prepared and one committed.
func (l *lane) produce(ctx context.Context, st step, full bool, steps chan<- step) {
	defer close(steps)
	var before places
	for st.err == nil && st.more {
		dealt := make(places) // by the last two pages, which may not be committed
		maps.Copy(dealt, before)
		maps.Copy(dealt, st.places)
		before = st.places
		st = l.prepare(ctx, st.page.Next, full, dealt)
		steps <- st
	}
}

// A round is where a lane was left within a round, for the next slice of the cycle:
// what was listed without news is not committed, nor listed again.
type round struct {
	from, at provider.Cursor // the committed one then; the one to go on from
	listed   *listing
}

func (l *lane) pause(page provider.Page) {
	delete(l.rounds, l.key)
	if page.More {
		if l.rounds == nil {
			l.rounds = make(map[LaneKey]round)
		}
		l.rounds[l.key] = round{l.cursors[l.key], page.Next, l.listed}
	}
}

// prepare lists a page, decides about it, and fetches and parses what is tracked.
// Dealt is what the pages before say of their items, which the Store may not know
// yet. Prepare does not touch what belongs to the cycle's
// goroutine.
func (l *lane) prepare(ctx context.Context, at provider.Cursor, full bool, dealt places) step {
	of := l.key.Lane
	if l.aside() {
		of = provider.Live
	}
	request := provider.Request{
		Folder: l.folder.ID, Cursor: at, Lane: of, Since: l.since(), Want: l.want(), Full: full,
		MaxItems: l.s.cfg.BatchItems, MaxBytes: l.s.cfg.BatchBytes,
	}
	page, err := remote(ctx, l.cycle, "Source.Changes", func(ctx context.Context) (provider.Page, error) {
		return l.source.Changes(ctx, request)
	})
	st := step{page: page, batch: &Batch{}, err: err}
	if err == nil && page.More && page.Next == at && len(page.Changes) == 0 {
		st.err = &provider.Error{Op: "Source.Changes", Kind: provider.ErrProtocol, Err: errors.New("more is promised but nothing comes")}
	}
	if st.err == nil {
		st.err = l.decide(ctx, &st, dealt)
	}
	if st.err != nil {
		st.release()
	}
	if page.More && l.key.Lane == provider.Backfill {
		st.saving, _ = l.s.budgets.low(l.cycle)
	}
	st.more = page.More && !st.saving && l.s.cfg.Clock.Now().Before(l.until)
	return st
}

// want says what a page brings along: bodies where all mail is tracked, headers
// where a filter may refuse, and ids alone where every round lists everything.
func (l *lane) want() provider.Want {
	switch {
	case l.in.listsAlways():
		return provider.WantIDs
	case l.tracking != nil && l.settings.Tracking.TakesAll(l.box) && l.settings.Tracking.Content.MaxMessage <= 0:
		return provider.WantBodies // nearly all are wanted anyway
	case l.s.picks():
		return provider.WantHeaders
	}
	return provider.WantBodies
}

// commitStep commits a page and its cursor. A page with nothing in it is committed
// only if the round or the cycle ends with it and the cursor moved, so that looking
// costs no write.
func (l *lane) commitStep(ctx context.Context, st step, ended bool) error {
	defer st.release()
	if l.listed != nil {
		l.listed.add(st.page)
	}
	from := l.cursors[l.key]
	empty := len(st.batch.Records) == 0 && len(st.batch.Owe) == 0
	if empty && (!ended || st.page.Next == from) {
		l.relisted(st, Receipt{})
		return l.roundEnd(ctx, st)
	}
	receipt, err := l.commitRecords(ctx, st.batch, from, st.page.Next)
	if err != nil {
		return err
	}
	l.relisted(st, receipt)
	if hook := l.s.cfg.Hooks.Committed; hook != nil {
		hook(Committed{Mailbox: l.cycle.key, Lane: l.key, Messages: st.messages, Bytes: st.bytes, RoundEnd: st.page.RoundEnd})
	}
	return l.roundEnd(ctx, st)
}

// commitRecords commits b with the lane's cursor.
func (l *lane) commitRecords(ctx context.Context, b *Batch, from, next provider.Cursor) (Receipt, error) {
	b.Lane, b.From, b.Next = l.key, from, next
	before := l.state
	l.markStarted()
	l.noteAgain()
	receipt, err := l.commitWhole(ctx, b)
	if err != nil {
		l.state = before // it has not
	}
	return receipt, err
}

// commitWhole commits b. A record that the Store refuses is deferred or, after some
// tries, quarantined, and the rest goes on. What was to be done on the server for it
// is not owed: the host has not got it.
func (c *cycle) commitWhole(ctx context.Context, b *Batch) (Receipt, error) {
	for {
		receipt, err := c.commit(ctx, b)
		var refused *RecordError
		if !errors.As(err, &refused) || refused.Index < 0 || refused.Index >= len(b.Records) || !b.Records[refused.Index].retryable() {
			return receipt, err
		}
		r := &b.Records[refused.Index]
		c.refuse(r, fmt.Errorf("the host refused it: %w", refused.Err))
		b.Owe = slices.DeleteFunc(b.Owe, func(a OwedAct) bool { return a.Folder == r.Folder && a.Epoch == r.Epoch && a.Act.ID == r.ID })
		b.Owe = append(b.Owe, c.moveAway(*r)...)
	}
}

// roundEnd draws the conclusions that only a whole round allows.
func (l *lane) roundEnd(ctx context.Context, st step) error {
	if !st.page.RoundEnd {
		return nil
	}
	l.noteAgain() // where it brought nothing new
	if l.listed != nil {
		if err := l.commitGone(ctx, st.page.Next.Epoch()); err != nil {
			return err
		}
		l.noteFull()
	}
	return l.endReset(ctx, st)
}

// release frees the bodies of a step.
func (st step) release() {
	release(st.page.Changes)
	release(st.fetched)
}

func release(changes []provider.Change) {
	for _, change := range changes {
		change.Raw.Release()
	}
}
