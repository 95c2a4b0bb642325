// Command crm is a small CRM that keeps its customers' email with its contacts and
// cases. It shows how a host implements serversync.Store over tables of its own:
// begin with Commit and track, which is where mail becomes the host's.
//
// It runs without a network: the mail server is one in memory.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/profile"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

var (
	support = mailbox.Mailbox{
		Key:     mailbox.Key{Organization: "acme", Mailbox: "support"},
		Address: "support@acme.example",
		Folders: []string{"INBOX", `\Sent`},
	}
	mailServer = profile.Profile{
		ID: "acme", Kind: profile.IMAPSMTP,
		Incoming: profile.Endpoint{Host: "imap.acme.example"},
		Outgoing: profile.Endpoint{Host: "smtp.acme.example"},
	}
)

func main() {
	if err := demo(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// demo has a customer write, answers her, has her and another one write, and prints
// the cases.
func demo(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "crm")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	crm, err := Open(ctx, filepath.Join(dir, "crm.db"))
	if err != nil {
		return err
	}
	defer crm.Close()
	server := providertest.NewServer(providertest.IMAPLike)
	syncer, err := newSyncer(crm, server)
	if err != nil {
		return err
	}
	defer syncer.Close()
	sync := func() error {
		r, err := syncer.SyncMailbox(ctx, support.Key)
		fmt.Fprintf(out, "synced: %d new, %d known, %d sent\n", r.Tracked-r.Linked, r.Linked, r.Sent)
		return err
	}

	deliver(server, "Cleo <cleo@customer.example>", "Printer on fire", "1", "")
	if err := sync(); err != nil {
		return err
	}
	if err := crm.Reply(ctx, support, 1, "Please unplug it.", time.Now()); err != nil {
		return err
	}
	for range 2 { // once to send it, once to see its copy among the sent mail
		if err := sync(); err != nil {
			return err
		}
	}
	deliver(server, "Cleo <CLEO@customer.example>", "Re: Printer on fire", "2", server.Sent()[0].EnvelopeID)
	deliver(server, "Dan <dan@customer.example>", "Invoice 4711", "3", "")
	if err := sync(); err != nil {
		return err
	}
	return crm.printCases(ctx, out)
}

func newSyncer(crm *CRM, server *providertest.Server) (*serversync.Syncer, error) {
	return serversync.New(serversync.Config{
		Store:     crm,
		Drivers:   map[profile.Protocol]provider.Driver{profile.IMAP: server, profile.SMTP: server},
		Mailboxes: serversync.Static(mailServer, support),
	})
}

// deliver puts an email into the inbox.
func deliver(server *providertest.Server, from, subject, id, inReplyTo string) {
	if inReplyTo != "" {
		inReplyTo = "In-Reply-To: <" + inReplyTo + ">\r\n"
	}
	server.Add(support.Key, "INBOX", fmt.Appendf(nil, "From: %s\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%s@customer.example>\r\n"+
		"Date: Sat, 21 Nov 2026 09:00:00 +0000\r\n%s\r\nHello\r\n", from, support.Address, subject, id, inReplyTo))
}

// printCases prints the cases, each with its emails.
func (c *CRM) printCases(ctx context.Context, out io.Writer) error {
	return c.read(ctx, func(tx *sql.Tx) error {
		last := int64(0)
		return each(ctx, tx, func(scan func(...any) error) error {
			var id int64
			var status, subject, direction, name, about string
			err := scan(&id, &status, &subject, &direction, &name, &about)
			if id != last {
				fmt.Fprintf(out, "case %d, %s: %s\n", id, status, subject)
				last = id
			}
			fmt.Fprintf(out, "  %-3s %-5s %s\n", direction, name, about)
			return err
		}, `SELECT s.id, s.status, s.subject, e.direction, coalesce(c.name, '-'), e.subject
			FROM cases s JOIN emails e ON e.case_id = s.id LEFT JOIN contacts c ON c.id = e.contact ORDER BY s.id, e.id`)
	})
}
