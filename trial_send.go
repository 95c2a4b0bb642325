package serversync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// How often a test message is looked for: soon at first, for most arrive at once, and
// later so that who waits is told within a second of its arrival.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = 900 * time.Millisecond
)

// sending tests whether the mailbox can send, and whether what it sends to itself
// arrives.
func (t *trial) sending(ctx context.Context, sides []mailbox.Side) {
	if t.failed[mailbox.Outgoing] != nil {
		return
	}
	if t.mayLock() {
		t.failed[mailbox.Outgoing] = t.failed[mailbox.Incoming]
		t.skip(mailbox.Outgoing, provider.StageSignIn, "sign-in was refused so often that one more could lock the account")
		return
	}
	var err error
	if t.out, err = t.connect(ctx, mailbox.Outgoing); err != nil {
		t.failed[mailbox.Outgoing] = err
		return
	}
	if t.o.NoMessage {
		t.skip(mailbox.Outgoing, StageSend, "no message was wanted")
		return
	}
	reads := slices.Contains(sides, mailbox.Incoming) && t.failed[mailbox.Incoming] == nil
	before, err := t.snapshot(ctx, reads)
	if err != nil {
		t.failed[mailbox.Incoming], reads = err, false
	}
	t.failed[mailbox.Outgoing] = t.stage(mailbox.Outgoing, StageSend, func() (provider.Evidence, error) { return t.sendToSelf(ctx) })
	switch {
	case t.failed[mailbox.Outgoing] != nil:
		t.skip(mailbox.Incoming, StageReadBack, "no message was sent")
	case !reads:
		t.skip(mailbox.Incoming, StageReadBack, "incoming mail is not synchronized, or does not work")
	default:
		t.failed[mailbox.Incoming] = t.stage(mailbox.Incoming, StageReadBack, func() (provider.Evidence, error) { return t.readBack(ctx, before) })
	}
}

// mayLock reports whether one more refused sign-in could be one too many (M1). Who
// asks for a test has entered the password again, or wants to know; a test that is
// repeated by itself has no such excuse.
func (t *trial) mayLock() bool {
	one := t.profile.Endpoint(mailbox.Incoming).Credentials == t.profile.Endpoint(mailbox.Outgoing).Credentials
	if !t.byItself || !one || provider.KindOf(t.failed[mailbox.Incoming]) != provider.ErrAuth {
		return false
	}
	since, refused := t.s.cfg.Clock.Now().Add(-t.s.cfg.Retry.RefusalWindow), 1
	for _, r := range t.state.Refused {
		if !r.At.Before(since) {
			refused++
		}
	}
	return refused >= t.s.cfg.Retry.Refusals
}

// sendToSelf sends the test message. Its Message-ID is remembered, so that the
// message is not taken for mail of the host's.
func (t *trial) sendToSelf(ctx context.Context) (provider.Evidence, error) {
	sender, ok := provider.As[provider.Sender](t.out.Provider)
	if !ok {
		return provider.Evidence{}, &provider.Error{Op: "send", Kind: provider.ErrUnsupported, Err: errors.New("the driver sends no mail")}
	}
	_, domain, _ := strings.Cut(t.box.Address, "@")
	t.state.Probe = "serversync-test." + t.s.newID() + "@" + domain
	self := item.Address{Addr: t.box.Address}
	draft := item.Draft{
		From: self, To: []item.Address{self}, MessageID: t.state.Probe, Date: t.s.cfg.Clock.Now(),
		Subject: "Test message: this mailbox is connected",
		Text: "This message was sent by " + t.box.Address + " to itself to test whether the mailbox can\n" +
			"send and receive. It is deleted where that can be done; else you may delete it.\n",
		Fields: []item.Field{{Name: "Auto-Submitted", Value: "auto-generated"}},
	}
	raw, err := draft.Compose()
	if err != nil {
		return provider.Evidence{}, &provider.Error{Op: "send", Kind: provider.ErrBadItem, Err: err}
	}
	result, err := remote(ctx, t.cycle, "Sender.Send", func(ctx context.Context) (provider.Result, error) {
		return sender.Send(ctx, provider.Submission{From: t.box.Address, Recipients: []string{t.box.Address}, Raw: raw})
	})
	if err == nil && len(result.Recipients) == 1 && result.Recipients[0].Status != provider.StatusSent {
		err = &provider.Error{Op: "send", Kind: provider.ErrBadItem, Err: fmt.Errorf("the server did not take the message: %s", result.Recipients[0].Text)}
	}
	return provider.Evidence{Text: "accepted: " + result.Reply}, err
}

// A before is what stood in the folders before the test message was sent, for mail
// systems that cannot be asked for a message.
type before map[provider.FolderID]provider.Cursor

// snapshot notes where the folders stand.
func (t *trial) snapshot(ctx context.Context, reads bool) (before, error) {
	if !reads {
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
	at := make(before)
	for _, folder := range folders {
		if _, err := t.news(ctx, source, folder, at, func(provider.Change) {}); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// news goes through what is new in a folder since at, and moves at on.
func (t *trial) news(ctx context.Context, source provider.Source, folder provider.Folder, at before, each func(provider.Change)) (epoch string, err error) {
	for {
		request := provider.Request{Folder: folder.ID, Cursor: at[folder.ID], Lane: provider.Live, Want: provider.WantHeaders, MaxItems: 1000}
		page, err := remote(ctx, t.cycle, "Source.Changes", func(ctx context.Context) (provider.Page, error) { return source.Changes(ctx, request) })
		if err != nil {
			return "", err
		}
		for _, change := range page.Changes {
			each(change)
		}
		release(page.Changes)
		at[folder.ID] = page.Next
		if !page.More {
			return page.Next.Epoch(), nil
		}
	}
}

// readBack waits until the test message arrives, and takes it away.
func (t *trial) readBack(ctx context.Context, at before) (provider.Evidence, error) {
	until := t.s.cfg.Clock.Now().Add(t.o.RoundTrip)
	for wait := firstLook; ; wait = min(2*wait, lastLook) {
		place, err := t.look(ctx, at)
		if err != nil {
			return provider.Evidence{}, err
		}
		if place != nil {
			return provider.Evidence{Text: "arrived" + t.takeAway(ctx, *place)}, nil
		}
		if !t.s.cfg.Clock.Now().Before(until) {
			return provider.Evidence{}, &provider.Error{Op: "read-back", Kind: provider.ErrUnavailable, Code: "NotReadBack",
				Err:    fmt.Errorf("the message that was sent to %s did not arrive within %v", t.box.Address, t.o.RoundTrip),
				Remedy: "look where mail for the address goes: it may be forwarded, filtered, or be slow; the account that was signed in to may be another's"}
		}
		if err := t.s.cfg.Clock.Sleep(ctx, wait); err != nil {
			return provider.Evidence{}, err
		}
	}
}

// look returns where the test message is, nil if it has not arrived.
func (t *trial) look(ctx context.Context, at before) (place *provider.Place, err error) {
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
			return finder.Find(ctx, ids, t.state.Probe)
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
		var found provider.ID
		epoch, err := t.news(ctx, source, folder, at, func(change provider.Change) {
			if change.Header != nil && item.ParseHeader(change.Header, t.s.cfg.Limits).MessageID == t.state.Probe {
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

// takeAway deletes the test message, and says in words whether it could.
func (t *trial) takeAway(ctx context.Context, p provider.Place) string {
	actor, ok := provider.As[provider.Actor](t.in.Provider)
	if !ok {
		return ""
	}
	_, err := remote(ctx, t.cycle, "Actor.Act", only(func(ctx context.Context) error {
		return actor.Act(ctx, provider.Act{Kind: provider.Delete, Folder: p.Folder, Epoch: p.Epoch, ID: p.ID})
	}))
	if err != nil {
		return "; it could not be deleted"
	}
	return " and was deleted"
}
