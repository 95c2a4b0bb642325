// Command quickstart syncs a mailbox: mail comes in over IMAP and is kept in an SQLite
// file, a reply goes out over SMTP, and its copy is filed among the sent mail. It
// needs nothing but Go, for both mail servers run inside it. Read main.go first, then
// reply.go; the rest sets the scene.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/secret"
	"github.com/go-serversync/serversync/store/sqlite"
)

// anna is whose mail is synced: her inbox, and what she has sent.
var anna = mailbox.Mailbox{
	Key:      mailbox.Key{Organization: "northwind", Mailbox: "anna"},
	Address:  "anna@northwind.example",
	Password: secret.New("correct horse"),
	Folders:  []string{"INBOX", `\Sent`},
}

func main() {
	dir, err := os.MkdirTemp("", "quickstart")
	if err == nil {
		err = run(context.Background(), filepath.Join(dir, "mail.db"), os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, file string, out io.Writer) (err error) {
	servers := startServers() // with five messages in Anna's inbox
	defer servers.close()

	store, err := sqlite.Open(ctx, file, sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	syncer, err := serversync.New(serversync.Config{
		Store:     store,
		Drivers:   servers.drivers(),
		Mailboxes: serversync.Static(servers.profile(), anna),
		Policy:    servers.policy(),
	})
	if err != nil {
		return err
	}
	defer syncer.Close()
	show := printer{Writer: out, store: store}

	show.title("Sync: what is on the IMAP server comes into the store")
	show.report(syncer.SyncMailbox(ctx, anna.Key))
	question := show.messages(ctx, 0) // the newest is the first
	show.say("\n   No message is refused. A warning names what was wrong in one and was repaired.\n")

	show.title("Reply to %s, and sync: it goes out, and its copy is filed", question.From[0].Name)
	if err := reply(ctx, store, question); err != nil {
		return err
	}
	show.report(syncer.SyncMailbox(ctx, anna.Key))
	show.sent(servers.smtp.Messages(), servers.imap.Messages(anna.Address, "Sent"))

	show.title("Sync again: the copy comes in, and nothing else moves")
	show.report(syncer.SyncMailbox(ctx, anna.Key))
	show.messages(ctx, 5)
	show.whatNext(file)
	return show.err
}
