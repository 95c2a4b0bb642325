package serversync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// incoming brings mail in and does the acts owed on the server.
func (c *cycle) incoming(ctx context.Context) error {
	return c.onSession(ctx, mailbox.Incoming, &c.in, func() error {
		source, ok := provider.As[provider.Source](c.in.Provider)
		if !ok {
			return &provider.Error{Op: "incoming", Kind: provider.ErrUnsupported, Err: fmt.Errorf("the driver for %s brings no mail in", c.profile.Kind.Incoming())}
		}
		folders, err := c.folders(ctx, source)
		if err != nil {
			return err
		}
		if err := c.retryDeferred(ctx, source, folders); err != nil {
			return err
		}
		c.noteBound(c.since())
		if err := c.lanes(ctx, source, folders); err != nil {
			if provider.KindOf(err) == provider.ErrNotFound {
				c.in.folders = nil // the list is out of date
			}
			return err
		}
		return c.acts(ctx)
	})
}

// lanes goes through the live lanes of all folders and then, for a slice of time,
// through their backfill, so that live mail never waits long behind it.
func (c *cycle) lanes(ctx context.Context, source provider.Source, folders []provider.Folder) error {
	for _, of := range []provider.Lane{provider.Live, provider.Backfill} {
		if of == provider.Backfill && !c.in.Traits().HasBackfill && !c.hasAside(folders) {
			break
		}
		if of == provider.Backfill && c.saveForLive() {
			break
		}
		until := c.s.cfg.Clock.Now().Add(slice)
		for _, folder := range folders {
			l := lane{cycle: c, source: source, folder: folder, key: LaneKey{folder.ID, of}, until: until}
			more, err := l.run(ctx)
			if err != nil {
				return err
			}
			if more && of == provider.Backfill && c.saveForLive() {
				return nil
			}
			c.more = c.more || more
		}
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// foldersFor is for how long a session's list of folders is believed.
const foldersFor = 10 * time.Minute

// folders returns the folders whose mail is brought in.
func (c *cycle) folders(ctx context.Context, source provider.Source) ([]provider.Folder, error) {
	all, err := c.allFolders(ctx, source)
	if err != nil {
		return nil, err
	}
	wanted := c.box.Folders
	if len(wanted) == 0 {
		wanted = []string{string(provider.Inbox)}
	}
	var chosen []provider.Folder
	for _, name := range wanted {
		found := false
		for _, f := range all {
			if !chosenBy(name, f) || name == "*" && c.movedAwayTo(f) {
				continue
			}
			found = true
			if !slices.ContainsFunc(chosen, func(g provider.Folder) bool { return g.ID == f.ID }) {
				chosen = append(chosen, f)
			}
		}
		if !found && name != "*" {
			return nil, &provider.Error{Op: "incoming", Kind: provider.ErrNotFound, Err: fmt.Errorf("there is no folder %q", name),
				Remedy: "create the folder on the server, or take it out of the mailbox's folders"}
		}
	}
	return c.addTracked(chosen, all), nil
}

// addTracked adds the tracked folders that are there. One that is not was deleted, or
// moved to where its mail is not to be tracked any more.
func (c *cycle) addTracked(chosen, all []provider.Folder) []provider.Folder {
	for _, f := range all {
		_, tracked := c.trackedFolder(f.ID)
		if tracked && f.Kind == provider.Mail && !slices.ContainsFunc(chosen, func(g provider.Folder) bool { return g.ID == f.ID }) {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

func chosenBy(name string, f provider.Folder) bool {
	if f.Kind != provider.Mail {
		return false
	}
	switch {
	case name == "*":
		return f.Role != provider.Trash && f.Role != provider.Junk && f.Role != provider.Drafts
	case strings.HasPrefix(name, `\`):
		return strings.EqualFold(name, string(f.Role))
	case f.Role == provider.Inbox:
		return strings.EqualFold(name, "inbox") || name == f.Name
	}
	return name == f.Name
}

// allFolders returns every folder of the mailbox, remembered for a while with the
// session, for a listing costs a round trip and folders hardly change.
func (c *cycle) allFolders(ctx context.Context, source provider.Source) ([]provider.Folder, error) {
	now := c.s.cfg.Clock.Now()
	if c.in.folders != nil && now.Sub(c.in.foldersAt) < foldersFor {
		return c.in.folders, nil
	}
	all, err := remote(ctx, c, "Source.Folders", source.Folders)
	if err != nil {
		return nil, err
	}
	c.in.folders, c.in.foldersAt = all, now
	return all, nil
}
