package serversync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// DryRun says what a dry run looks at. The zero value of a field means its default.
type DryRun struct {
	// Sample is how many messages are shown, at most 100. Default: 10. Negative: none.
	Sample int

	// ProcessAfter, if not nil, stands for "process email from" of the mailbox and
	// of its profile, so that one sees what another one would bring before it is
	// set. The zero time means no bound.
	ProcessAfter *time.Time

	// Limit is how many listed items are looked at. Default: 100,000. The report
	// says where there were more.
	Limit int

	// Progress, if not nil, is called after each page with how many items have been
	// looked at. It must not block.
	Progress func(looked int)
}

func (o DryRun) withDefaults() DryRun {
	o.Sample = max(0, min(cmp.Or(o.Sample, 10), 100))
	if o.Limit <= 0 {
		o.Limit = 100_000
	}
	return o
}

// DryRun tells what synchronizing a mailbox would bring in, send and change, by all
// that stands on the server and in the Store now. It writes nothing to either,
// claims and leases nothing, and says nothing against the mailbox where it fails. A
// mailbox that was never synchronized can be asked about, too.
//
// Messages are told from their headers; no body is fetched. So what only a body
// tells is not foreseen: that it cannot be read, that the organization has the
// message already (it is tracked then, and linked), or what a [Filter] makes of
// text that it gets with some mail systems. The Filter is called as in a cycle.
//
// When a message was received a POP3 server says by its header alone. What does not
// say it is brought in whatever the bound, and so is counted among the tracked and
// neither as older nor as added.
//
// It takes the mailbox to itself as a cycle does, and its errors are those of
// [Syncer.SyncMailbox]; the report is true even beside an error. Where a cycle would
// not try a direction now, because it was stopped or has to wait, neither does a dry
// run, and Closed says why.
func (s *Syncer) DryRun(ctx context.Context, key mailbox.Key, o DryRun) (DryRunReport, error) {
	if !s.begin(key) {
		return DryRunReport{Mailbox: key}, fmt.Errorf("mailbox %s: %w", key, ErrBusy)
	}
	defer s.end(key)
	d := &dryRun{cycle: &cycle{s: s, key: key, began: s.cfg.Clock.Now()}, o: o.withDefaults()}
	d.result.Mailbox, d.result.Began = key, d.began
	err := d.run(ctx)
	d.sum()
	d.result.Took = s.cfg.Clock.Now().Sub(d.began)
	if err != nil {
		d.result.Limited = true
		err = fmt.Errorf("mailbox %s: %w", key, err)
	}
	return d.result, err
}

// A dryRun is a cycle that only looks.
type dryRun struct {
	*cycle
	o      DryRun
	bound  time.Time // how far back it looks
	today  time.Time // how far back a cycle looks now
	looked []*dryFolder
	left   int // items that may still be looked at
	result DryRunReport
}

func (d *dryRun) run(ctx context.Context) error {
	if err := d.describe(ctx); err != nil {
		return err
	}
	if err := d.load(ctx); err != nil {
		return err
	}
	d.noticeChange() // nobody saves it
	d.probe = d.state.Probe
	d.today = d.since()
	d.bound = d.today
	if d.o.ProcessAfter != nil {
		d.bound = *d.o.ProcessAfter
	}
	d.result.ProcessAfter = d.bound
	defer d.putBack()

	var errs []error
	if d.box.Syncs(mailbox.Incoming) && d.allowed(mailbox.Incoming) {
		errs = append(errs, wrap(mailbox.Incoming, d.incoming(ctx)))
	}
	if d.box.Syncs(mailbox.Outgoing) && d.s.outbox != nil {
		errs = append(errs, wrap(mailbox.Outgoing, d.outgoing(ctx, d.allowed(mailbox.Outgoing))))
	}
	return errors.Join(errs...)
}

// allowed reports whether a cycle would try a side now, but that it need not be
// enabled yet: looking is what one does before. Whose mail may not be read without an
// approval is not looked at either, and waits are kept: an account that is refused
// three times may be locked, whoever tried.
func (d *dryRun) allowed(side mailbox.Side) bool {
	rules := d.rules()
	rules.Enabled = false
	open, _, why := d.state.Gate(side, d.s.cfg.Clock.Now(), rules, d.s.cfg.Retry)
	if err := d.wrong[number(side)]; open && err != nil {
		open, why = false, profileInvalid(err)
	}
	if open && d.s.outages.down(d.cycle, side) {
		open, why = false, fault(&provider.Error{Op: "dry run", Kind: provider.ErrUnavailable, Err: errors.New("the server answers none of the profile's mailboxes")})
	}
	if refused, because := d.s.credentials.shut(d.cycle, side); open && refused {
		open, why = false, because
	}
	if !open {
		if d.result.Closed == nil {
			d.result.Closed = make(map[mailbox.Side]mailbox.Fault)
		}
		d.result.Closed[side] = why
	}
	return open
}

// incoming goes through the folders as a cycle would.
func (d *dryRun) incoming(ctx context.Context) error {
	return d.onSession(ctx, mailbox.Incoming, &d.in, func() error {
		d.looked, d.left = nil, d.o.Limit // a session that had died is replaced, and all is looked at again
		source, ok := provider.As[provider.Source](d.in.Provider)
		if !ok {
			return &provider.Error{Op: "incoming", Kind: provider.ErrUnsupported, Err: fmt.Errorf("the driver for %s brings no mail in", d.profile.Kind.Incoming())}
		}
		folders, err := d.folders(ctx, source)
		if err != nil {
			return err
		}
		d.due()
		d.noteBound(d.bound) // as a cycle would; nobody saves it
		for _, folder := range folders {
			d.looked = append(d.looked, &dryFolder{dryRun: d, source: source, folder: folder})
		}
		for _, f := range d.looked {
			if err := f.look(ctx); err != nil {
				if provider.KindOf(err) == provider.ErrNotFound {
					d.in.folders = nil // the list is out of date
				}
				return err
			}
		}
		for _, f := range d.looked { // last, for it is the least that one wants to know
			if err := f.countOlder(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// due counts what earlier cycles have left to be done now.
func (d *dryRun) due() {
	now := d.s.cfg.Clock.Now()
	d.result.Owed, d.result.Retries = DryRunActs{}, 0
	for _, act := range d.owed {
		if !act.NotBefore.After(now) {
			d.result.Owed.add(act.Kind, 1)
		}
	}
	for _, deferral := range d.deferred {
		if !deferral.NotBefore.After(now) {
			d.result.Retries++
		}
	}
}

// sum adds the folders up.
func (d *dryRun) sum() {
	for _, f := range d.looked {
		d.result.add(f.counts)
		f.counts.sort()
		d.result.Limited = d.result.Limited || f.limited
		d.result.Folders = append(d.result.Folders, DryRunFolder{ID: f.folder.ID, Name: f.folder.Name, Limited: f.limited, DryRunCounts: f.counts})
		d.result.Sample = append(d.result.Sample, f.sample[:min(len(f.sample), d.o.Sample-len(d.result.Sample))]...)
	}
	d.result.sort()
}

// outgoing counts the entries of the outbox without claiming any. A closed
// direction sends none of them now.
func (d *dryRun) outgoing(ctx context.Context, open bool) error {
	now := d.s.cfg.Clock.Now()
	left := d.o.Limit
	for _, phase := range []Phase{PhasePending, PhaseClaimed, PhaseSubmitting, PhaseAccepted, PhaseUncertain, PhaseHeld} {
		after := ""
		for {
			entries, err := store(ctx, d.cycle, "Outbox.Entries", func(ctx context.Context) ([]Entry, error) {
				return d.s.outbox.Entries(ctx, d.key, phase, after, min(left, entriesAtOnce))
			})
			if err != nil {
				return err
			}
			for _, e := range entries {
				d.result.Outgoing.count(e, now, open)
				e.Raw.Release()
				after = e.ID
			}
			if len(entries) < min(left, entriesAtOnce) {
				break
			}
			if left -= len(entries); left <= 0 {
				d.result.Outgoing.Limited = true
				return nil
			}
		}
	}
	return nil
}

// entriesAtOnce is how many outbox entries are read at once.
const entriesAtOnce = 100
