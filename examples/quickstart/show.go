package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/imap/imaptest"
	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/smtp/smtptest"
	"github.com/go-serversync/serversync/store/sqlite"
)

// A printer prints for people. After its first error it prints no more.
type printer struct {
	io.Writer
	store *sqlite.Store
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

// report prints what a sync did.
func (p *printer) report(r serversync.Report, err error) {
	if p.err == nil {
		p.err = err
	}
	p.say("   %d came in, %d sent, %d filed, %d failed\n\n", r.Tracked, r.Sent, r.Filed, r.Deferred+r.Quarantined)
}

// messages prints what the store has, from the row after the given one on, and
// returns the first message of it.
func (p *printer) messages(ctx context.Context, after int64) (first *item.Message) {
	if p.err != nil {
		return nil
	}
	list, err := p.store.Messages(ctx, anna.Organization, after, 100)
	if err != nil {
		p.err = err
		return nil
	}
	rows := [][]string{{"FROM", "SUBJECT", "SENT", "ATTACHMENTS", "WARNINGS"}}
	for _, listed := range list {
		m, err := p.store.Message(ctx, listed.ID)
		if err != nil {
			p.err = err
			return nil
		}
		defer m.Raw.Release()
		if first == nil {
			first = m
		}
		rows = append(rows, row(m))
	}
	p.table(rows)
	return first
}

func row(m *item.Message) []string {
	from := "-"
	if len(m.From) > 0 {
		if from = m.From[0].Name; from == "" {
			from = m.From[0].Addr
		}
	}
	var attachments, warnings []string
	for _, a := range m.Attachments {
		attachments = append(attachments, a.Name)
	}
	for _, w := range m.Warnings {
		warnings = append(warnings, string(w))
	}
	return []string{from, m.Subject, m.Date.Format("2 Jan 15:04"), strings.Join(attachments, "; "), strings.Join(warnings, ", ")}
}

func (p *printer) table(rows [][]string) {
	var text bytes.Buffer
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(columns, strings.Join(row, "\t"))
	}
	columns.Flush()
	for line := range strings.Lines(text.String()) {
		p.say("   %s\n", strings.TrimRight(line, " \n"))
	}
}

// sent prints what the SMTP server received, and what is in the IMAP server's folder
// of sent mail.
func (p *printer) sent(received []smtptest.Message, copies []imaptest.Message) {
	p.say("   The SMTP server received:\n\n")
	for _, m := range received {
		p.say("   | MAIL FROM:<%s>\n   | RCPT TO:<%s>\n", m.From, strings.Join(m.To, "> <"))
		p.mail(m.Data)
	}
	p.say("\n   The folder Sent on the IMAP server holds:\n\n")
	for i, m := range copies {
		same := "NOT what was sent"
		if i < len(received) && bytes.Equal(m.Raw, received[i].Data) {
			same = "byte for byte what was sent"
		}
		p.say("   | message %d, %s, %d bytes: %s\n", m.UID, strings.Join(m.Flags, " "), len(m.Raw), same)
	}
}

// mail prints a message, but for its Message-ID, which is another one each time.
func (p *printer) mail(raw []byte) {
	for line := range strings.Lines(string(raw)) {
		if !strings.HasPrefix(line, "Message-ID:") {
			p.say("   %s\n", strings.TrimRight("| "+line, " \r\n"))
		}
	}
}

// whatNext ends the tour.
func (p *printer) whatNext(file string) {
	p.say(`
Everything is in one SQLite file:

   %s

Look into it, with your own tables beside ours if you like:

   sqlite3 %[1]s "SELECT from_name, subject FROM sync_messages"

What to look at next:

   examples/quickstart/main.go   how little of this is code of yours
   examples/sync                 the same with your own mail server:
                                 go run ./examples/sync -h
   examples/crm                  a CRM whose own tables are the store
`, file)
}
