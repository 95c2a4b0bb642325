package providertest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/provider"
)

// This file holds the rules of P3, P4, P6 and P10: how calls, sessions and errors
// end.

// An attempt is a call of a session. Its do returns the call's error.
type attempt struct {
	name string
	do   func(context.Context, provider.Provider) error
}

// attempts returns a call of every method that the provider has.
func (p *probe) attempts(session provider.Provider, cursor provider.Cursor) []attempt {
	all := []attempt{{"Check", func(ctx context.Context, s provider.Provider) error { return s.Check(ctx) }}}
	if _, ok := provider.As[provider.Source](session); ok {
		all = append(all, p.sourceAttempts(cursor)...)
	}
	if _, ok := provider.As[provider.Actor](session); ok {
		all = append(all, attempt{"Act", func(ctx context.Context, s provider.Provider) error {
			a, _ := provider.As[provider.Actor](s)
			return a.Act(ctx, provider.Act{Kind: provider.Delete, Folder: p.Folder, Epoch: cursor.Epoch(), ID: "1"})
		}})
	}
	if _, ok := provider.As[provider.Finder](session); ok {
		all = append(all, attempt{"Find", func(ctx context.Context, s provider.Provider) error {
			f, _ := provider.As[provider.Finder](s)
			_, err := f.Find(ctx, []provider.FolderID{p.Folder}, messageID(1))
			return err
		}})
	}
	if _, ok := provider.As[provider.Filer](session); ok {
		raw := item.NewBlob(p.text(0))
		all = append(all, attempt{"File", func(ctx context.Context, s provider.Provider) error {
			f, _ := provider.As[provider.Filer](s)
			return f.File(ctx, p.Folder, raw, nil)
		}})
	}
	if _, ok := provider.As[provider.Sender](session); ok && p.Accepted != "" {
		mail := p.submission(p.Accepted)
		all = append(all, attempt{"Send", func(ctx context.Context, s provider.Provider) error {
			sender, _ := provider.As[provider.Sender](s)
			_, err := sender.Send(ctx, mail)
			return err
		}})
		if _, ok := provider.As[provider.Settler](session); ok {
			all = append(all, attempt{"Settle", func(ctx context.Context, s provider.Provider) error {
				settler, _ := provider.As[provider.Settler](s)
				_, err := settler.Settle(ctx, mail)
				return err
			}})
		}
	}
	return all
}

func (p *probe) sourceAttempts(cursor provider.Cursor) []attempt {
	return []attempt{
		{"Folders", func(ctx context.Context, s provider.Provider) error {
			source, _ := provider.As[provider.Source](s)
			_, err := source.Folders(ctx)
			return err
		}},
		{"Changes", func(ctx context.Context, s provider.Provider) error {
			source, _ := provider.As[provider.Source](s)
			page, err := source.Changes(ctx, provider.Request{Folder: p.Folder, Lane: provider.Live, Cursor: cursor})
			release(page)
			return err
		}},
		{"Fetch", func(ctx context.Context, s provider.Provider) error {
			source, _ := provider.As[provider.Source](s)
			return source.Fetch(ctx, p.Folder, cursor.Epoch(), []provider.ID{"1"}, func(c provider.Change) error {
				return c.Raw.Release()
			})
		}},
	}
}

// cursor returns a cursor at the end of the live lane, "" for no Source.
func (p *probe) cursor(session provider.Provider) provider.Cursor {
	source, ok := provider.As[provider.Source](session)
	if !ok {
		return ""
	}
	return p.begin(source).Cursor
}

// timed calls do with ctx and fails the rule if it goes on after ctx's end for
// longer than P3 allows. It reports whether do returned.
func (p *probe) timed(ctx context.Context, name string, do func(context.Context) error) (error, bool) {
	p.Helper()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	select {
	case err := <-done:
		return err, true
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err, true
	case <-time.After(grace):
		p.Cleanup(func() { // a session belongs to one goroutine at a time, so Close waits a while for the call
			select {
			case <-done:
			case <-time.After(grace / 2):
			}
		})
		p.Errorf("%s goes on %v after the end of its context", name, grace)
		return nil, false
	}
}

func endedContext(p *probe) {
	session := p.open()
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	for _, a := range p.attempts(session, p.cursor(session)) {
		one := p.open()
		err, returned := p.timed(ended, a.name, func(ctx context.Context) error { return a.do(ctx, one) })
		p.wantProper(a.name+" with an ended context", err)
		if returned { // one by one, for a server may allow few sessions
			one.Close()
		}
	}
	err, _ := p.timed(ended, "Open", func(ctx context.Context) error {
		one, err := p.Harness.Open(ctx)
		if err == nil {
			one.Close()
		}
		return err
	})
	p.wantProper("Open with an ended context", err)
}

func stalledServer(p *probe) {
	p.need("Stall", p.Stall != nil)
	session := p.open()
	attempts := p.attempts(session, p.cursor(session))
	sessions := make([]provider.Provider, len(attempts))
	for i := range attempts {
		sessions[i] = p.open()
	}
	attempts = append(attempts, attempt{"Open", func(ctx context.Context, _ provider.Provider) error {
		one, err := p.Harness.Open(ctx)
		if err == nil {
			one.Close()
		}
		return err
	}})
	sessions = append(sessions, nil)
	p.Stall()
	var calls sync.WaitGroup
	for i, a := range attempts {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(p.ctx, 200*time.Millisecond)
			defer cancel()
			err, returned := p.timed(ctx, a.name, func(ctx context.Context) error { return a.do(ctx, sessions[i]) })
			if returned && err == nil {
				p.Errorf("%s succeeded though the server answers nothing", a.name)
			}
			p.wantProper(a.name+" of a stalled server", err)
		})
	}
	calls.Wait()
}

func closeTwice(p *probe) {
	session := p.open()
	if err := session.Close(); err != nil {
		p.Errorf("Close = %v", err)
	}
	for range 2 {
		if err := session.Close(); err != nil {
			p.Errorf("Close of a closed session = %v, want nil", err)
		}
	}
}

func closeAfterBreak(p *probe) {
	p.need("Break", p.Break != nil)
	session := p.open()
	p.Break()
	ended, cancel := context.WithCancel(p.ctx) // Close takes no context; it gets the time after the end of one
	cancel()
	_, returned := p.timed(ended, "Close", func(context.Context) error { return session.Close() })
	if !returned {
		return
	}
	if err := session.Close(); err != nil {
		p.Errorf("second Close of a lost session = %v, want nil", err)
	}
}

func noSecret(p *probe) {
	p.need("Secret", p.Secret != "")
	session := p.open()
	var errs []error
	try := func(ctx context.Context) {
		for _, a := range p.attempts(session, p.cursorIfAlive(session)) {
			errs = append(errs, a.do(ctx, session))
		}
	}
	try(p.ctx)
	if source, ok := provider.As[provider.Source](session); ok {
		_, err := source.Changes(p.ctx, provider.Request{Folder: "no such folder", Lane: provider.Live})
		_, err2 := source.Changes(p.ctx, provider.Request{Folder: p.Folder, Lane: provider.Live, Cursor: "damaged"})
		errs = append(errs, err, err2)
	}
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	try(ended)
	if p.Break != nil {
		session = p.open()
		p.Break()
		try(p.ctx)
	}
	if p.Refuse != nil {
		p.Refuse()
		_, err := p.Harness.Open(p.ctx)
		errs = append(errs, err)
	}
	errs = append(errs, session.Close())
	for _, err := range errs {
		if err != nil {
			p.wantNoSecret(fmt.Sprintf("an error of type %T", err), fmt.Sprintf("%v\n%+v\n%#v", err, err, err))
		}
	}
	p.wantNoSecret("what is printed of the provider", fmt.Sprintf("%v\n%+v", session.Traits(), session.Traits()))
	if p.Log != nil {
		p.wantNoSecret("the log", p.Log())
	}
}

// cursorIfAlive is cursor for a session that may be lost.
func (p *probe) cursorIfAlive(session provider.Provider) provider.Cursor {
	source, ok := provider.As[provider.Source](session)
	if !ok {
		return ""
	}
	page, err := source.Changes(p.ctx, provider.Request{Folder: p.Folder, Lane: provider.Live})
	if err != nil {
		return ""
	}
	release(page)
	return page.Next
}

// wantNoSecret fails the rule if text holds the secret in one of the forms in
// which protocols carry it. It does not print text.
func (p *probe) wantNoSecret(where, text string) {
	p.Helper()
	forms := []string{p.Secret, url.QueryEscape(p.Secret), url.PathEscape(p.Secret)}
	for shift := range 3 { // base64 of the secret with something before it
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + p.Secret))
		forms = append(forms, coded[min(4, len(coded))*min(shift, 1):max(len(coded)-4, 4)])
	}
	for _, form := range forms {
		if len(form) >= 4 && strings.Contains(text, form) {
			p.Errorf("%s holds the secret", where)
			return
		}
	}
}

func missingFolder(p *probe) {
	session := p.open()
	source := ability[provider.Source](p, session)
	const folder = "there is no such folder"
	_, err := source.Changes(p.ctx, provider.Request{Folder: folder, Lane: provider.Live})
	p.wantKind("Changes of a missing folder", err, provider.ErrNotFound)
	err = source.Fetch(p.ctx, folder, "1", []provider.ID{"1"}, func(c provider.Change) error {
		if c.Kind != provider.Gone && c.Err == nil {
			p.Errorf("Fetch of a missing folder gave content")
		}
		return nil
	})
	if err != nil {
		p.wantKind("Fetch of a missing folder", err, provider.ErrNotFound, provider.ErrCursorExpired)
	}
}

func lostConnection(p *probe) {
	p.need("Break", p.Break != nil)
	session := p.open()
	cursor := p.cursor(session)
	for _, a := range p.attempts(session, cursor) {
		one := p.open()
		p.Break()
		err := a.do(p.ctx, one)
		if e := (*provider.Error)(nil); err != nil && !errors.As(err, &e) {
			p.Errorf("%s on a lost connection = %v, want an *Error", a.name, err)
		} else if err != nil {
			p.wantKind(a.name+" on a lost connection", err, provider.ErrUnavailable, provider.ErrProtocol, provider.ErrNotFound)
		}
		one.Close()
	}
	if cursor == "" {
		return
	}
	_, source := p.source()
	p.deliver(2)
	changes, _ := p.round(source, provider.Request{Folder: p.Folder, Lane: provider.Live, Cursor: cursor})
	ids := p.ids()
	p.wantTold("from the cursor of a lost session", changes, ids[len(ids)-2:])
}

func refusedSignIn(p *probe) {
	p.need("Refuse", p.Refuse != nil)
	p.Refuse()
	session, err := p.Harness.Open(p.ctx)
	if err == nil {
		session.Close()
	}
	p.wantKind("Open", err, provider.ErrAuth)
}
