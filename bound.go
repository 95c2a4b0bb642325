package serversync

import (
	"slices"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// "Process email from" bounds how far back mail is brought in. Moved forwards it
// changes nothing of what is there. Moved back it has every folder that was begun
// listed once more, for what it lets in now may be anywhere: in the round that has
// been gone through, in the rest of one that has not, and among the news, since
// mail is put and moved into folders that the server got long ago. The ledger knows
// what is dealt with, so that this costs listings only.
//
// It goes through the backfill lane. Where a mail system has none ([lane.aside]) the
// lane's cursor is that of a second listing of everything, from the zero cursor of
// the live lane up to the end of its round. The live lane's own cursor stays where
// it is, so that neither a deletion nor live mail is missed or waits meanwhile.

// since returns the bound on how far back mail is brought in.
func (c *cycle) since() time.Time {
	if c.box.ProcessAfter.After(c.profile.ProcessAfter) {
		return c.box.ProcessAfter
	}
	return c.profile.ProcessAfter
}

// noteBound notes the bound that mail is brought in by from now on, and if it is
// earlier than the one before, that all folders are to be listed once more. It is
// committed with what comes next.
func (c *cycle) noteBound(bound time.Time) {
	was := c.state.Reach.Since
	if bound.Equal(was) {
		return
	}
	c.state.Reach.Since = bound.Round(0).UTC()
	if !bound.Before(was) || c.in.listsAlways() {
		return
	}
	var again []string
	for lane := range c.cursors { // the order does not matter: they are sorted
		again = append(again, string(lane.Folder))
	}
	slices.Sort(again)
	c.state.Reach.Again = slices.Compact(again)
	if len(again) > 0 {
		c.s.cfg.Logger.Info("folders are listed once more, for mail is brought in from an earlier time on", "mailbox", c.key.String(), "since", bound)
	}
}

// listsAlways reports whether every round of the mail system lists everything.
func (s *session) listsAlways() bool {
	traits := s.Traits()
	return !traits.HasBackfill && !traits.ReportsGone
}

// isAgain reports whether the folder is to be listed once more.
func (l *lane) isAgain() bool { return slices.Contains(l.state.Reach.Again, string(l.folder.ID)) }

// aside reports whether the lane is a second listing beside a live lane that lists
// everything.
func (l *lane) aside() bool { return l.key.Lane == provider.Backfill && !l.in.Traits().HasBackfill }

// hasAside reports whether a mail system without a backfill lane has such a listing
// to go through.
func (c *cycle) hasAside(folders []provider.Folder) bool {
	return slices.ContainsFunc(folders, func(folder provider.Folder) bool {
		l := lane{cycle: c, folder: folder, key: LaneKey{folder.ID, provider.Backfill}}
		return l.backfill(c.cursors[l.key]) != backfillDone
	})
}

// noteAgain notes, in the commit that carries it, that the listing has begun.
func (l *lane) noteAgain() {
	if l.key.Lane != provider.Backfill || !l.isAgain() {
		return
	}
	left := slices.DeleteFunc(slices.Clone(l.state.Reach.Again), func(id string) bool { return id == string(l.folder.ID) })
	if len(left) == 0 {
		left = nil
	}
	l.state.Reach.Again = left
}
