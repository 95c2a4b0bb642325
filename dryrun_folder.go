package serversync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// A dryFolder is a folder that a dry run looks at. It is listed from the zero cursor
// on, whatever the committed ones are: what a cycle would bring in is what is there
// and not known, less what lies behind the cursors.
type dryFolder struct {
	*dryRun
	source provider.Source
	folder provider.Folder

	counts  DryRunCounts
	sample  []DryRunMessage
	limited bool
	seen    map[provider.ID]bool // what was listed, for an item may come several times
	reach   map[provider.ID]bool // what the committed cursors still give; nil for everything
}

// A query is how a lane of a folder is listed.
type query struct {
	lane  provider.Lane
	from  provider.Cursor
	since time.Time
	limit int
	want  func() (provider.Want, int) // how much of each item, and how many at once
}

// idsAtOnce is how many items are listed at once where their ids are enough.
const idsAtOnce = 1000

func ids() (provider.Want, int) { return provider.WantIDs, idsAtOnce }

// pages goes through a listing, and reports whether its limit cut it.
func (f *dryFolder) pages(ctx context.Context, q query, each func(provider.Page) error) (cut bool, err error) {
	for at, left := q.from, q.limit; ; {
		if err := f.spare(ctx); err != nil {
			return false, err
		}
		want, items := q.want()
		request := provider.Request{Folder: f.folder.ID, Cursor: at, Lane: q.lane, Since: q.since, Want: want,
			MaxItems: min(items, left), MaxBytes: f.s.cfg.BatchBytes}
		page, err := remote(ctx, f.cycle, "Source.Changes", func(ctx context.Context) (provider.Page, error) {
			return f.source.Changes(ctx, request)
		})
		if err == nil && page.More && page.Next == at && len(page.Changes) == 0 {
			err = &provider.Error{Op: "Source.Changes", Kind: provider.ErrProtocol, Err: errors.New("more is promised but nothing comes")}
		}
		if err == nil {
			err = each(page)
		}
		release(page.Changes)
		if err != nil || !page.More {
			return false, err
		}
		if left -= max(1, len(page.Changes)); left <= 0 { // so that no server leads us on for ever
			return true, nil
		}
		at = page.Next
	}
}

// spare waits while what is left of the requests that the host allows itself is live
// mail's, as it is before backfill.
func (f *dryFolder) spare(ctx context.Context) error {
	low, until := f.s.budgets.low(f.cycle)
	if !low {
		return nil
	}
	return f.s.cfg.Clock.Sleep(ctx, max(until, time.Second))
}

// again does something with the folder, once more if the server gives up its ids
// or links meanwhile.
func (f *dryFolder) again(do func() error) error {
	for n := 0; ; n++ {
		if err := do(); n == resets || !errors.Is(err, provider.ErrCursorExpired) {
			return err
		}
	}
}

// look decides about what is in the folder.
func (f *dryFolder) look(ctx context.Context) error {
	left := f.left
	return f.again(func() error {
		f.counts, f.sample, f.limited, f.dryRun.left = DryRunCounts{}, nil, left <= 0, left
		f.seen, f.reach = make(map[provider.ID]bool), nil
		if f.limited {
			return nil
		}
		if err := f.findReach(ctx); err != nil {
			return err
		}
		cut, err := f.pages(ctx, query{f.lane(provider.Live).relistLane(), "", f.dating(), left, f.want}, func(page provider.Page) error {
			return f.page(ctx, page)
		})
		f.limited = cut
		return err
	})
}

// dating returns the bound that the folder is listed with. Where every round lists
// everything the time of receipt may be told for a bound's sake alone; what another
// bound than today's adds cannot be counted without it.
func (f *dryFolder) dating() time.Time {
	if f.bound.IsZero() && !f.today.IsZero() && f.in.listsAlways() {
		return time.Unix(0, 0)
	}
	return f.bound
}

// lane returns one of the folder's lanes, to ask what a cycle would do with it.
func (f *dryFolder) lane(of provider.Lane) *lane {
	return &lane{cycle: f.cycle, source: f.source, folder: f.folder, key: LaneKey{f.folder.ID, of}}
}

// findReach finds out what the committed cursor of the live lane still gives, where a
// folder has been gone through and is not to be listed once more. What is unknown
// besides no cycle comes to.
func (f *dryFolder) findReach(ctx context.Context) error {
	live, backfill, traits := f.lane(provider.Live), f.lane(provider.Backfill), f.in.Traits()
	from := f.cursors[live.key]
	switch {
	case from == "", live.want() == provider.WantIDs: // it lists everything
		return nil
	case backfill.backfill(f.cursors[backfill.key]) != backfillDone:
		return nil
	case traits.HasBackfill && !traits.ReportsGone && f.s.lister != nil && f.s.cfg.FullInterval >= 0: // a Full round comes to it
		return nil
	}
	reach := make(map[provider.ID]bool)
	cut, err := f.pages(ctx, query{provider.Live, from, f.bound, f.o.Limit, ids}, func(page provider.Page) error {
		for _, change := range page.Changes {
			if change.Kind == provider.Upsert {
				reach[change.ID] = true
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, provider.ErrCursorExpired): // it is listed again
		return nil
	case err == nil && !cut:
		f.reach = reach
	}
	return err
}

// want asks for headers as long as somebody reads them.
func (f *dryFolder) want() (provider.Want, int) {
	if !f.s.picks() && len(f.sample) >= f.o.Sample {
		return ids()
	}
	return provider.WantHeaders, f.s.cfg.BatchItems
}

// page counts what is on a page, and decides about what is new.
func (f *dryFolder) page(ctx context.Context, page provider.Page) error {
	recorded, err := f.recorded(ctx, page)
	if err != nil {
		return err
	}
	var fresh []provider.Change
	for i, change := range page.Changes {
		if change.Kind != provider.Upsert || f.seen[change.ID] {
			continue
		}
		f.seen[change.ID] = true
		if recorded[i].Kind != "" {
			f.counts.Known++
			continue
		}
		if listedAlone(change) && isOlder(change, f.bound) {
			f.counts.Older++ // a listing of everything has it, too
			continue
		}
		fresh = append(fresh, change)
	}
	if err := f.decide(ctx, fresh, page.Next.Epoch()); err != nil {
		return err
	}
	f.dryRun.left -= max(1, len(page.Changes))
	if f.o.Progress != nil {
		f.o.Progress(f.o.Limit - f.dryRun.left)
	}
	return nil
}

// recorded returns what the Store knows of the items of a page.
func (f *dryFolder) recorded(ctx context.Context, page provider.Page) ([]Place, error) {
	if len(page.Changes) == 0 {
		return nil, nil
	}
	all := make([]provider.ID, len(page.Changes))
	for i, change := range page.Changes {
		all[i] = change.ID
	}
	return f.known(ctx, f.folder.ID, page.Next.Epoch(), all)
}

// decide decides about new items as far as their headers allow.
func (f *dryFolder) decide(ctx context.Context, fresh []provider.Change, epoch string) error {
	blind := func(change provider.Change) bool {
		return f.s.picks() && change.Header == nil && change.Raw == nil && change.Err == nil
	}
	var readable []provider.Change
	for _, change := range fresh {
		if !blind(change) {
			readable = append(readable, change)
		}
	}
	decisions, err := f.ask(ctx, f.folder, readable)
	if err != nil {
		return err
	}
	for _, change := range fresh {
		d := Decision{Verdict: Undecided, Reason: "the mail system gives no header without the body"}
		if !blind(change) {
			d, decisions = decisions[0], decisions[1:]
			if d.open {
				d.Verdict, d.Reason = Undecided, "its header alone cannot tell"
			}
		}
		f.add(change, d, epoch)
	}
	return nil
}

// add counts a new item as a cycle would record it.
func (f *dryFolder) add(change provider.Change, d Decision, epoch string) {
	r := Record{Kind: d.Verdict, Folder: f.folder.ID, Epoch: epoch, ID: change.ID, Reason: d.Reason}
	switch {
	case change.Err != nil:
		f.refuse(&r, change.Err)
	case d.Verdict == Deferred:
		f.refuse(&r, errors.New(d.Reason))
	}
	behind := f.reach != nil && !f.reach[change.ID]
	if len(f.sample) < f.o.Sample {
		f.sample = append(f.sample, f.shown(change, r, behind))
	}
	dated := !change.Received.IsZero()
	if r.Kind == Tracked && dated && change.Received.Before(f.today) {
		f.counts.Added++
	}
	if behind {
		if r.Kind == Tracked {
			f.counts.Behind++
		}
		return
	}
	f.counts.decided(r)
	readsAll := f.s.picks() && f.lane(provider.Live).want() == provider.WantIDs
	if r.Kind == Tracked || readsAll && change.Err == nil {
		f.counts.Bytes += change.Size
	}
	r.Message = &item.Message{Raw: item.NewBlob(nil)}
	st := step{batch: new(Batch)}
	st.add(f.cycle, change, r, d)
	for _, owed := range st.batch.Owe {
		f.counts.Acts.add(owed.Kind, 1)
	}
}

// shown is an item for people to read.
func (f *dryFolder) shown(change provider.Change, r Record, behind bool) DryRunMessage {
	m := DryRunMessage{Folder: f.folder.ID, ID: change.ID, Received: change.Received, Size: change.Size,
		Verdict: r.Kind, Reason: r.Reason, Behind: behind}
	if change.Header == nil && change.Raw == nil {
		return m
	}
	if read := f.candidate(f.folder, change).Message; read != nil {
		m.Subject, m.Date = read.Subject, read.Date
		if len(read.From) > 0 {
			m.From = read.From[0].Addr
			if name := read.From[0].Name; name != "" {
				m.From = fmt.Sprintf("%s <%s>", name, m.From)
			}
		}
	}
	return m
}

// countOlder counts what the bound leaves out, unless it was listed with the rest.
func (f *dryFolder) countOlder(ctx context.Context) error {
	if f.bound.IsZero() || f.limited || f.in.listsAlways() {
		return nil
	}
	before := f.counts
	return f.again(func() error {
		f.counts = before
		seen := make(map[provider.ID]bool)
		cut, err := f.pages(ctx, query{f.lane(provider.Live).relistLane(), "", time.Time{}, f.o.Limit, ids}, func(page provider.Page) error {
			recorded, err := f.recorded(ctx, page)
			if err != nil {
				return err
			}
			for i, change := range page.Changes {
				if change.Kind != provider.Upsert || seen[change.ID] || change.Received.IsZero() || !change.Received.Before(f.bound) {
					continue
				}
				seen[change.ID] = true
				if recorded[i].Kind != "" {
					f.counts.Known++
				} else {
					f.counts.Older++
				}
			}
			return nil
		})
		f.limited = cut
		return err
	})
}
