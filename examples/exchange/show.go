package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/ews/ewstest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
)

// A printer prints for people. After its first error it prints no more.
type printer struct {
	io.Writer
	store *memory.Store
	steps int
	err   error
}

func (p *printer) say(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p, format, args...)
	}
}

func (p *printer) title(format string, args ...any) {
	p.steps++
	p.say("\n%d. %s\n\n", p.steps, fmt.Sprintf(format, args...))
}

// report prints what a sync did. That a server is busy is in the report and no error of the
// example.
func (p *printer) report(r serversync.Report, err error) {
	p.say("   %-4s %d came in, %d sent, %d uncertain, %d failed\n", r.Mailbox.Mailbox, r.Tracked, r.Sent, r.Uncertain, r.Deferred+r.Quarantined)
	if err != nil {
		p.say("        %v\n", firstLine(err))
	}
}

// firstLine leaves out the ids by which an administrator would find the request in the server's
// logs, for they are others each time.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	line, _, _ = strings.Cut(line, " (request-id")
	return line
}

// messages prints what the store has.
func (p *printer) messages() {
	p.say("\n")
	for _, m := range p.store.Messages(anna.Organization) {
		from := m.From[0]
		p.say("   %-16s %-24s %s\n", from.Name, m.Subject, m.Date.UTC().Format(time.DateTime))
	}
}

func (p *printer) enqueued(e serversync.Entry, err error) {
	if p.err == nil {
		p.err = err
	}
	e.Raw.Release()
}

// requests prints which requests f made.
func (p *printer) requests(s *ewstest.Server, f func()) {
	var ops []string
	s.Requests(func(op string, _ []byte) { ops = append(ops, op) })
	f()
	s.Requests(nil)
	p.say("        by %s\n\n", strings.Join(ops, ", "))
}

// sent prints what the server has sent.
func (p *printer) sent(s *ewstest.Server) {
	p.say("   Exchange has sent:\n")
	for _, m := range s.Sent() {
		parsed, err := item.ParseMessage(item.NewBlob(m.Raw), item.Limits{})
		if p.err == nil {
			p.err = err
		}
		if err != nil {
			return
		}
		var attachments []string
		for _, a := range parsed.Attachments {
			attachments = append(attachments, fmt.Sprintf(", with %s of %d MiB", a.Name, a.Size>>20))
		}
		p.say("   | %q from %s to %s%s\n", parsed.Subject, m.From, strings.Join(m.Recipients, " and "), strings.Join(attachments, ""))
	}
	p.say("\n")
}

// entry prints what is known of an email in the outbox.
func (p *printer) entry(ctx context.Context, key mailbox.Key, id string) {
	e, err := p.store.Entry(ctx, key, id)
	if p.err == nil {
		p.err = err
	}
	if err != nil {
		return
	}
	defer e.Raw.Release()
	for _, r := range e.Recipients {
		p.say("   %s: %s to %s (%s)\n", e.ID, r.Status, r.Address, r.Text)
	}
}
