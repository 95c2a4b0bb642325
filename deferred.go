package serversync

import (
	"context"
	"errors"
	"slices"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// retryDeferred tries the items again that could not be dealt with before. They
// delay nothing else: their ids are in the ledger and the cursor is past them.
func (c *cycle) retryDeferred(ctx context.Context, source provider.Source, folders []provider.Folder) error {
	now := c.s.cfg.Clock.Now()
	for len(c.deferred) > 0 {
		first := c.deferred[0]
		var due []Deferral
		c.deferred = slices.DeleteFunc(c.deferred, func(d Deferral) bool {
			same := d.Folder == first.Folder && d.Epoch == first.Epoch && len(due) < c.s.cfg.BatchItems
			if same && !d.NotBefore.After(now) {
				due = append(due, d)
			}
			return same
		})
		if len(due) == 0 {
			continue
		}
		if err := c.retry(ctx, source, folderNamed(folders, first.Folder), due); err != nil {
			return err
		}
	}
	return nil
}

func folderNamed(folders []provider.Folder, id provider.FolderID) provider.Folder {
	for _, f := range folders {
		if f.ID == id {
			return f
		}
	}
	return provider.Folder{ID: id, Name: string(id), Kind: provider.Mail}
}

// retry tries items of one folder and epoch again.
func (c *cycle) retry(ctx context.Context, source provider.Source, folder provider.Folder, due []Deferral) error {
	epoch := due[0].Epoch
	fresh := make([]provider.Change, len(due))
	all := make([]Decision, len(due))
	ids := make([]provider.ID, len(due))
	for i, d := range due {
		ids[i] = d.ID
	}
	flags, err := c.flags(ctx, folder.ID, epoch, ids)
	if err != nil {
		return err
	}
	for i, d := range due {
		fresh[i] = provider.Change{Kind: provider.Upsert, ID: d.ID, Flags: flags[i]}
		all[i].Verdict = Tracked
	}
	defer release(fresh)
	err = c.complete(ctx, source, folder.ID, epoch, fresh, all)
	switch {
	case errors.Is(err, provider.ErrNotFound), errors.Is(err, provider.ErrCursorExpired):
		for i := range fresh { // a new epoch lists them under new ids
			fresh[i].Kind, fresh[i].Err = provider.Gone, nil
		}
	case err != nil:
		return err
	}
	decisions, err := c.ask(ctx, folder, fresh) // whole: none is open
	if err != nil {
		return err
	}
	st := step{batch: c.stay(LaneKey{folder.ID, provider.Live})}
	for i, change := range fresh {
		st.add(c, change, c.record(change, decisions[i], folder.ID, epoch, due[i].Attempts), decisions[i])
	}
	_, err = c.commitWhole(ctx, st.batch)
	return err
}

// flags returns the recorded flags of items, which may say that a person asks for them.
func (c *cycle) flags(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID) ([][]string, error) {
	flags := make([][]string, len(ids))
	if !c.s.picks() {
		return flags, nil
	}
	places, err := c.known(ctx, folder, epoch, ids)
	for i, place := range places {
		flags[i] = place.Flags
	}
	return flags, err
}

// Replay deals again with a quarantined item, after a fix. The item is tracked
// from the bytes that were kept, if [Tracking] has it so, or where there are none,
// tried again on the server with the next cycle.
func (s *Syncer) Replay(ctx context.Context, key mailbox.Key, q QuarantinedItem) error {
	return s.alone(ctx, key, func(c *cycle) error {
		if q.Raw != nil && s.cfg.Tracking != nil {
			return c.replay(ctx, q)
		}
		r := Record{Kind: Deferred, Folder: q.Folder, Epoch: q.Epoch, ID: q.ID, Received: q.Received, Reason: "replayed", Attempts: 1}
		if q.Raw != nil {
			m, err := item.ParseMessage(q.Raw, s.cfg.Limits)
			if err != nil {
				return err
			}
			r.Kind, r.Message = Tracked, m
		}
		_, err := c.commit(ctx, &Batch{Records: []Record{r}})
		return err
	})
}

// replay has the rules decide about a quarantined item from the bytes that were kept.
func (c *cycle) replay(ctx context.Context, q QuarantinedItem) error {
	if err := c.account(ctx); err != nil {
		return err
	}
	if c.tracking == nil {
		return errors.New(c.shut.Cause)
	}
	flags, err := c.flags(ctx, q.Folder, q.Epoch, []provider.ID{q.ID})
	if err != nil {
		return err
	}
	fresh := []provider.Change{{Kind: provider.Upsert, ID: q.ID, Flags: flags[0], Received: q.Received, Raw: q.Raw}}
	folder := folderNamed(nil, q.Folder)
	decisions, err := c.ask(ctx, folder, fresh)
	if err != nil {
		return err
	}
	st := step{batch: &Batch{}}
	st.add(c, fresh[0], c.record(fresh[0], decisions[0], q.Folder, q.Epoch, 0), decisions[0])
	_, err = c.commitWhole(ctx, st.batch)
	return err
}

// alone does something to a mailbox between its cycles.
func (s *Syncer) alone(ctx context.Context, key mailbox.Key, do func(*cycle) error) error {
	if !s.begin(key) {
		return ErrBusy
	}
	defer s.end(key)
	c := &cycle{s: s, key: key, began: s.cfg.Clock.Now()}
	if err := c.heedSettings(ctx); err != nil {
		return err
	}
	release, err := c.lease(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := c.load(ctx); err != nil {
		return err
	}
	return do(c)
}
