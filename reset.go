package serversync

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
)

// When a server gives up the ids it had told, the folder is listed again: live
// mail from now on, everything before as backfill. What is known by its content
// gets a place under its new id; nothing is inferred to be deleted. A reset is
// kept in the mailbox's state until the listing is complete and then announced
// once.

// relistLane is the lane that lists a folder again.
func (l *lane) relistLane() provider.Lane {
	if l.in.Traits().HasBackfill {
		return provider.Backfill
	}
	return provider.Live
}

func (l *lane) reset() *mailbox.Reset {
	for i := range l.state.Resets {
		if l.state.Resets[i].Folder == string(l.folder.ID) {
			return &l.state.Resets[i]
		}
	}
	return nil
}

// editReset changes the folder's reset, in a copy: the committed state keeps its own.
func (l *lane) editReset(edit func(*mailbox.Reset)) {
	l.state.Resets = slices.Clone(l.state.Resets)
	if r := l.reset(); r != nil {
		edit(r)
	}
}

// beginReset notes that from is of no use any more.
func (l *lane) beginReset(from provider.Cursor, why error) {
	epoch := from.Epoch()
	if r := l.reset(); r == nil {
		l.state.Resets = append(slices.Clone(l.state.Resets), mailbox.Reset{
			Folder: string(l.folder.ID), Reason: why.Error(), Since: l.s.cfg.Clock.Now(),
		})
		l.s.cfg.Logger.Warn("folder is listed again", "mailbox", l.cycle.key.String(), "folder", string(l.folder.ID), "reason", why)
	}
	l.editReset(func(r *mailbox.Reset) {
		r.Relisted, r.Matched, r.New = 0, 0, 0 // it begins anew
		if epoch != "" && !slices.Contains(r.OldEpochs, epoch) {
			r.OldEpochs = append(slices.Clone(r.OldEpochs), epoch)
		}
		if l.key.Lane == provider.Live && l.relistLane() == provider.Backfill {
			r.Started = false
		}
	})
}

// What is to be done about a folder's backfill.
type backfillPlan int

const (
	backfillOn    backfillPlan = iota // go on from the cursor
	backfillDone                      // it has been gone through
	backfillAgain                     // begin again, for the folder was reset or the bound moved back
)

func (l *lane) backfill(from provider.Cursor) backfillPlan {
	switch {
	case l.isAgain():
		return backfillAgain
	case l.aside() && (from == "" || from.Done()):
		return backfillDone
	case l.aside():
		return backfillOn
	}
	if r := l.reset(); r != nil && !r.Started {
		return backfillAgain
	} else if r != nil {
		return backfillOn
	}
	if from.Done() && from.Epoch() == l.cursors[LaneKey{l.folder.ID, provider.Live}].Epoch() {
		return backfillDone
	}
	return backfillOn
}

// markStarted notes, in the commit that carries it, that the new listing has begun.
func (l *lane) markStarted() {
	if r := l.reset(); r != nil && !r.Started && l.key.Lane == l.relistLane() {
		l.editReset(func(r *mailbox.Reset) { r.Started = true })
	}
}

// relisted counts what a page of the new listing brought. The count is saved with
// the next commit, so that a crash may leave a page out of it.
func (l *lane) relisted(st step, receipt Receipt) {
	if r := l.reset(); r == nil || l.key.Lane != l.relistLane() {
		return
	}
	l.editReset(func(r *mailbox.Reset) {
		r.Relisted += st.messages + st.known
		r.Matched += receipt.Linked + st.known
		r.New += receipt.Added
	})
}

// endReset announces that the folder has been listed again, and forgets the ids of
// the old epochs.
func (l *lane) endReset(ctx context.Context, st step) error {
	r := l.reset()
	if r == nil || l.key.Lane != l.relistLane() || st.page.More {
		return nil
	}
	ended, before := *r, l.state
	var b Batch
	for _, epoch := range ended.OldEpochs {
		if epoch != st.page.Next.Epoch() {
			b.Drop = append(b.Drop, EpochKey{l.folder.ID, epoch})
		}
	}
	l.state.Resets = slices.DeleteFunc(slices.Clone(l.state.Resets), func(r mailbox.Reset) bool { return r.Folder == ended.Folder })
	b.Alerts = append(b.Alerts, l.alert(mailbox.Alert{
		Level: profile.Info, Code: "cursor-reset", Side: mailbox.Incoming,
		Message: fmt.Sprintf("folder %q was listed again (%s): %d items, of which %d were known and %d are new", l.folder.Name, ended.Reason, ended.Relisted, ended.Matched, ended.New),
		Remedy:  "nothing, unless it happens often: then ask the server's administrator why",
	}))
	if _, err := l.commit(ctx, &b); err != nil {
		l.state = before // it is not over
		return err
	}
	l.report.Resets = append(l.report.Resets, ended)
	return nil
}
