package serversync

import (
	"context"
	"errors"
	"strings"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A before is where the folders stood before the test message was sent, for mail
// systems that cannot be asked for a message.
type before map[provider.FolderID]*standing

type standing struct {
	cursor provider.Cursor
	seen   map[provider.ID]bool // where every round lists everything; nil elsewhere
}

// snapshot notes where the folders stand.
func (t *trial) snapshot(ctx context.Context, reads bool) (before, error) {
	if !reads || t.o.NoMessage {
		return nil, nil
	}
	if _, ok := provider.As[provider.Finder](t.in.Provider); ok {
		return nil, nil
	}
	source, _ := provider.As[provider.Source](t.in.Provider)
	folders, err := t.folders(ctx, source)
	if err != nil {
		return nil, err
	}
	at, traits := make(before), t.in.Traits()
	for _, folder := range folders {
		stand := new(standing)
		if !traits.HasBackfill && !traits.ReportsGone {
			stand.seen = make(map[provider.ID]bool)
		}
		at[folder.ID] = stand
		if _, err := t.news(ctx, source, folder, stand, nil); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// news goes through what is new in a folder since at, and moves at on. It calls each
// with the header or the whole of each new message.
func (t *trial) news(ctx context.Context, source provider.Source, folder provider.Folder, at *standing, each func(provider.Change)) (epoch string, err error) {
	request := provider.Request{Folder: folder.ID, Lane: provider.Live, Want: provider.WantHeaders, MaxItems: 1000}
	if each == nil || at.seen != nil {
		request.Want = provider.WantIDs
	}
	for {
		request.Cursor = at.cursor
		page, err := remote(ctx, t.cycle, "Source.Changes", func(ctx context.Context) (provider.Page, error) { return source.Changes(ctx, request) })
		if err != nil {
			return "", err
		}
		var fresh []provider.ID
		for _, change := range page.Changes {
			switch {
			case at.seen != nil && !at.seen[change.ID]:
				at.seen[change.ID] = true
				fresh = append(fresh, change.ID)
			case at.seen == nil && each != nil:
				each(change)
			}
		}
		release(page.Changes)
		if epoch = page.Next.Epoch(); each != nil && len(fresh) > 0 {
			if err := t.fetch(ctx, source, folder, epoch, fresh, each); err != nil {
				return "", err
			}
		}
		stuck := page.More && page.Next == at.cursor && len(page.Changes) == 0
		if at.cursor = page.Next; !page.More {
			return epoch, nil
		}
		if stuck || t.s.cfg.Clock.Now().Sub(t.began) > t.s.cfg.CycleTimeout {
			return "", &provider.Error{Op: "Source.Changes", Kind: provider.ErrProtocol, Err: errors.New("more is promised without end")}
		}
	}
}

// fetch reads the messages that are new where every round lists everything.
func (t *trial) fetch(ctx context.Context, source provider.Source, folder provider.Folder, epoch string, ids []provider.ID, each func(provider.Change)) error {
	_, err := remote(ctx, t.cycle, "Source.Fetch", only(func(ctx context.Context) error {
		return source.Fetch(ctx, folder.ID, epoch, ids, func(change provider.Change) error {
			defer change.Raw.Release()
			each(change)
			return nil
		})
	}))
	return err
}

// isTestMessage reports whether a change is the message that this test has sent.
func (t *trial) isTestMessage(change provider.Change) bool {
	if change.Header != nil {
		return item.ParseHeader(change.Header, t.s.cfg.Limits).MessageID == t.messageID
	}
	if change.Raw == nil {
		return false
	}
	m, err := item.ParseMessage(change.Raw, t.s.cfg.Limits)
	return err == nil && m.MessageID == t.messageID
}

// reopen sees to it that there is a session that shows what is there now.
func (t *trial) reopen(ctx context.Context) (err error) {
	if t.in != nil && !t.in.Traits().Snapshot {
		return nil
	}
	t.s.pool.close(t.in)
	t.in = nil
	t.in, err = t.openNew(ctx, mailbox.Incoming)
	return err
}

// look returns where the test message is, nil if it has not arrived.
func (t *trial) look(ctx context.Context, at before) (place *provider.Place, err error) {
	if err := t.reopen(ctx); err != nil {
		return nil, err
	}
	source, _ := provider.As[provider.Source](t.in.Provider)
	if finder, ok := provider.As[provider.Finder](t.in.Provider); ok {
		all, err := t.allFolders(ctx, source)
		if err != nil {
			return nil, err
		}
		var ids []provider.FolderID // wherever a rule of the server's may have put it
		for _, f := range all {
			if f.Kind == provider.Mail && f.Role != provider.Sent && f.Role != provider.Drafts && f.Role != provider.All {
				ids = append(ids, f.ID)
			}
		}
		places, err := remote(ctx, t.cycle, "Finder.Find", func(ctx context.Context) ([]provider.Place, error) {
			return finder.Find(ctx, ids, t.messageID)
		})
		if err != nil || len(places) == 0 {
			return nil, err
		}
		return &places[0], nil
	}
	folders, err := t.folders(ctx, source)
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		if at[folder.ID] == nil {
			continue // it was made since
		}
		var found provider.ID
		epoch, err := t.news(ctx, source, folder, at[folder.ID], func(change provider.Change) {
			if t.isTestMessage(change) {
				found = change.ID
			}
		})
		if err != nil {
			return nil, err
		}
		if found != "" {
			return &provider.Place{Folder: folder.ID, Epoch: epoch, ID: found}, nil
		}
	}
	return nil, nil
}

const ofTest = "it is the message of a test"

// isProbe reports whether m is the message of a test of this mailbox, of whichever
// and however late it comes.
func (c *cycle) isProbe(m *item.Message) bool {
	return c.probe != "" && m != nil && strings.HasPrefix(m.MessageID, c.probe)
}
