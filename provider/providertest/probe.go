package providertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/go-serversync/serversync/provider"
)

// A probe is a rule's hands: the harness, the test to report to, and a context
// that ends a hanging rule long after any rule should be done.
type probe struct {
	tb
	Harness
	ctx  context.Context
	made int // messages written so far
}

const (
	patience = 2 * time.Minute  // for a whole rule
	grace    = 10 * time.Second // what a call may take after its context's end: P3's second, and more for a busy machine
)

func newProbe(t tb, h Harness) *probe {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return &probe{tb: t, Harness: h, ctx: ctx}
}

// need skips the rule if the harness lacks what is named.
func (p *probe) need(name string, has bool) {
	p.Helper()
	if !has {
		p.Skipf("%s is not checked: the harness has no %s", p.Name(), name)
	}
}

// open opens a session that the rule's end closes.
func (p *probe) open() provider.Provider {
	p.Helper()
	session, err := p.Harness.Open(p.ctx)
	if err != nil {
		p.Fatalf("Open: %v", err)
	}
	p.Cleanup(func() { session.Close() })
	return session
}

// ability returns a T of the session, and skips the rule if it is none.
func ability[T any](p *probe, session provider.Provider) T {
	p.Helper()
	t, ok := provider.As[T](session)
	if !ok {
		p.Skipf("%s is not checked: the provider is no %v", p.Name(), reflect.TypeFor[T]())
	}
	return t
}

// source opens a session with a Source, and skips the rule if it cannot be fed.
func (p *probe) source() (provider.Provider, provider.Source) {
	p.Helper()
	session := p.open()
	source := ability[provider.Source](p, session)
	p.need("Add", p.Add != nil)
	p.need("Items", p.Items != nil)
	return session, source
}

// text returns the next message, of some size, unlike every other one.
func (p *probe) text(size int) []byte {
	p.made++
	head := fmt.Sprintf("From: ann@example.com\r\nTo: bob@example.com\r\nSubject: message %d\r\n"+
		"Date: Mon, 02 Jan 2006 15:04:05 +0000\r\nMessage-ID: <%s>\r\n\r\n", p.made, messageID(p.made))
	raw := []byte(head)
	for line := 0; len(raw) < size || line == 0; line++ {
		raw = fmt.Appendf(raw, "line %d of message %d, which is no line of another one\r\n", line, p.made)
	}
	return raw
}

func messageID(n int) string { return fmt.Sprintf("message-%d@providertest.example.com", n) }

// deliver adds n messages to the folder, one after the other.
func (p *probe) deliver(n int) {
	for range n {
		p.Add(p.Folder, p.text(0))
	}
}

// ids returns the ids of what the server has in the folder, oldest first.
func (p *probe) ids() []provider.ID {
	var ids []provider.ID
	for _, m := range p.Items(p.Folder) {
		ids = append(ids, m.ID)
	}
	return ids
}

// changes asks for a page that must come.
func (p *probe) changes(s provider.Source, r provider.Request) provider.Page {
	p.Helper()
	page, err := s.Changes(p.ctx, r)
	if err != nil {
		p.Fatalf("Changes(%s lane): %v", r.Lane, err)
	}
	if page.Next == "" {
		p.Fatalf("Changes(%s lane) gave no cursor to go on from", r.Lane)
	}
	return page
}

// round asks for pages from r on until the round's end, releases what they hold
// and returns their changes with the last page.
func (p *probe) round(s provider.Source, r provider.Request) ([]provider.Change, provider.Page) {
	p.Helper()
	var all []provider.Change
	for range 10_000 {
		page := p.changes(s, r)
		release(page)
		all = append(all, page.Changes...)
		if page.RoundEnd {
			return all, page
		}
		r.Cursor = page.Next
	}
	p.Fatalf("the round of the %s lane has no end", r.Lane)
	return nil, provider.Page{}
}

// begin returns a request of the live lane at a cursor after which everything
// that the rule adds will be told.
func (p *probe) begin(s provider.Source) provider.Request {
	p.Helper()
	r := provider.Request{Folder: p.Folder, Lane: provider.Live}
	_, last := p.round(s, r)
	r.Cursor = last.Next
	return r
}

// everything is the request that lists what is there.
func (p *probe) everything(session provider.Provider) provider.Request {
	if session.Traits().HasBackfill {
		return provider.Request{Folder: p.Folder, Lane: provider.Backfill}
	}
	return provider.Request{Folder: p.Folder, Lane: provider.Live}
}

func release(page provider.Page) {
	for _, c := range page.Changes {
		c.Raw.Release()
	}
}

// told returns the ids that changes bring, without those that are gone in the end.
func told(changes []provider.Change) map[provider.ID]bool {
	ids := make(map[provider.ID]bool)
	for _, c := range changes {
		switch c.Kind {
		case provider.Gone, provider.Moved:
			delete(ids, c.ID)
		default:
			ids[c.ID] = true
		}
	}
	return ids
}

// wantTold fails the rule if changes leave out one of ids.
func (p *probe) wantTold(what string, changes []provider.Change, ids []provider.ID) {
	p.Helper()
	has := told(changes)
	for _, id := range ids {
		if !has[id] {
			p.Errorf("%s: %q was not told; told were %d of %d", what, id, len(has), len(ids))
		}
	}
}

// wantKind fails the rule unless err is an *Error of one of kinds.
func (p *probe) wantKind(call string, err error, kinds ...provider.Kind) {
	p.Helper()
	if !slices.Contains(kinds, provider.KindOf(err)) {
		p.Errorf("%s = %v, want an *Error of kind %q", call, err, kinds)
	}
}

// wantProper fails the rule unless err is nil, an *Error of one of the ten kinds,
// or a context's own (P10).
func (p *probe) wantProper(call string, err error) {
	p.Helper()
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	p.wantKind(call, err, provider.ErrAuth, provider.ErrThrottled, provider.ErrUnavailable, provider.ErrCursorExpired,
		provider.ErrNotFound, provider.ErrBadItem, provider.ErrProtocol, provider.ErrTooLarge, provider.ErrUnsafe,
		provider.ErrUnsupported)
}
