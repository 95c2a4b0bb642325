package providertest

import (
	"context"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// faulty is a session of the fake of which some methods are replaced.
type faulty struct {
	full
	check   func(context.Context) error
	changes func(context.Context, provider.Request) (provider.Page, error)
	fetch   func(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error
	act     func(context.Context, provider.Act) error
	find    func(ctx context.Context, folders []provider.FolderID, messageID string) ([]provider.Place, error)
	file    func(ctx context.Context, folder provider.FolderID, raw *item.Blob, flags []string) error
	send    func(context.Context, provider.Submission) (provider.Result, error)
	close   func() error

	noticed <-chan struct{} // closed when the rule has failed that must; nil under another
}

// hang lasts until the rule has failed that must, long beyond what a rule allows, so that
// the two are not due at once on a slow machine. Under other rules nothing hangs.
func (f *faulty) hang() {
	if f.noticed == nil {
		return
	}
	select {
	case <-f.noticed:
	case <-time.After(4 * grace):
	}
}

// deaf returns a context that lasts as long as hang.
func (f *faulty) deaf(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*grace)
	go func() {
		select {
		case <-f.noticed:
			cancel()
		case <-own.Done():
		}
	}()
	return own, cancel
}

func (f *faulty) Check(ctx context.Context) error {
	if f.check != nil {
		return f.check(ctx)
	}
	return f.full.Check(ctx)
}

func (f *faulty) Changes(ctx context.Context, r provider.Request) (provider.Page, error) {
	if f.changes != nil {
		return f.changes(ctx, r)
	}
	return f.full.Changes(ctx, r)
}

func (f *faulty) Fetch(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
	if f.fetch != nil {
		return f.fetch(ctx, folder, epoch, ids, got)
	}
	return f.full.Fetch(ctx, folder, epoch, ids, got)
}

func (f *faulty) Act(ctx context.Context, a provider.Act) error {
	if f.act != nil {
		return f.act(ctx, a)
	}
	return f.full.Act(ctx, a)
}

func (f *faulty) Find(ctx context.Context, folders []provider.FolderID, messageID string) ([]provider.Place, error) {
	if f.find != nil {
		return f.find(ctx, folders, messageID)
	}
	return f.full.Find(ctx, folders, messageID)
}

func (f *faulty) File(ctx context.Context, folder provider.FolderID, raw *item.Blob, flags []string) error {
	if f.file != nil {
		return f.file(ctx, folder, raw, flags)
	}
	return f.full.File(ctx, folder, raw, flags)
}

func (f *faulty) Send(ctx context.Context, s provider.Submission) (provider.Result, error) {
	if f.send != nil {
		return f.send(ctx, s)
	}
	return f.full.Send(ctx, s)
}

func (f *faulty) Close() error {
	if f.close != nil {
		return f.close()
	}
	return f.full.Close()
}

// onPage makes f change each page before it is given.
func (f *faulty) onPage(change func(provider.Request, *provider.Page)) {
	f.changes = func(ctx context.Context, r provider.Request) (provider.Page, error) {
		page, err := f.full.Changes(ctx, r)
		if err == nil {
			change(r, &page)
		}
		return page, err
	}
}

// onItem makes f change each item that Fetch gives.
func (f *faulty) onItem(change func(*provider.Change)) {
	f.fetch = func(ctx context.Context, folder provider.FolderID, epoch string, ids []provider.ID, got func(provider.Change) error) error {
		return f.full.Fetch(ctx, folder, epoch, ids, func(c provider.Change) error {
			change(&c)
			return got(c)
		})
	}
}
