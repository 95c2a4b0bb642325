package serversync

import (
	"slices"
	"strings"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// trackedFolder returns what a folder stands for, if it does for anything.
func (c *cycle) trackedFolder(id provider.FolderID) (mailbox.TrackedFolder, bool) {
	if c.tracking == nil || c.settings.Tracking.NoFolders {
		return mailbox.TrackedFolder{}, false
	}
	for _, f := range c.box.TrackedFolders[:min(len(c.box.TrackedFolders), mailbox.MaxTrackedFolders)] {
		if f.Folder == string(id) {
			return f, true
		}
	}
	return mailbox.TrackedFolder{}, false
}

// categorized reports whether flags have the category that stands for tracking.
func (c *cycle) categorized(flags []string) bool {
	return c.tracking != nil && !c.settings.Tracking.NoCategories &&
		slices.ContainsFunc(flags, func(f string) bool { return strings.EqualFold(f, c.settings.Tracking.Category) })
}

// asksFor reports whether a person asks for an item that was ignored, by a category
// that it did not have. One that is moved into a tracked folder is a new item there.
func (l *lane) asksFor(change provider.Change, place Place) bool {
	if place.Kind != Ignored || change.Kind != provider.Upsert && change.Kind != provider.Flags {
		return false
	}
	return l.categorized(change.Flags) && !l.categorized(place.Flags)
}

// noteUntracked says in the record of changed flags that a person took away the
// category that stands for tracking. The message stays the host's: what to do about it
// is for the host to know.
func (l *lane) noteUntracked(r *Record, change provider.Change, place Place) {
	if place.Kind != Tracked || change.Flags == nil || !l.categorized(place.Flags) || l.categorized(change.Flags) {
		return
	}
	r.Verdict = &track.Verdict{Rule: track.NoCategory, Direction: track.Incoming}
	r.Decided, r.Reason = l.s.cfg.Clock.Now(), r.Verdict.Explain()
}
