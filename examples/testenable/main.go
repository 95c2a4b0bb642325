// Command testenable shows Test & Enable: a mailbox is approved, tested stage by
// stage, and enabled; and of one that does not work it is said what is wrong and
// what to do. It needs nothing but Go, for the mail servers run inside it. Read
// main.go first; the rest sets the scene.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/store/memory"
)

// erika is in charge of the organization's mailboxes.
var erika = mailbox.Approver{Name: "Erika", Roles: []mailbox.Role{mailbox.CRMAdministrator}}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	servers := startServers()
	defer servers.close()
	directory := servers.directory() // of profiles and mailboxes: yours would be tables
	show := printer{Writer: out, plain: servers.plain()}
	clock := newClock() // so that the example waits for nothing

	config := serversync.Config{
		Store:         memory.New(),
		Drivers:       servers.drivers(),
		Mailboxes:     directory,
		Organizations: directory, // with it a mailbox is approved and tested before it is worked on
		Policy:        servers.policy(),
		Clock:         clock,
		Random:        seeded(), // as the clock: so that each run prints the same
	}
	// A test that failed for now is made again by itself. Who wants to see that
	// hangs in here.
	config.Hooks.Test = show.repeated
	syncer, err := serversync.New(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, syncer.Close()) }()
	test := func(key mailbox.Key) (serversync.TestReport, error) {
		show.asked = true // and not by itself
		defer func() { show.asked = false }()
		return syncer.TestMailbox(ctx, key, serversync.TestOptions{})
	}

	show.say("\nAll of this takes no time: a clock that stands still makes each run print the same.\n")
	show.title("Nothing is done for a mailbox that nobody in charge has approved")
	show.test(test(anna))

	show.title("Erika approves. Anna's mailbox works, and is enabled")
	for _, result := range syncer.Approve(ctx, erika, anna, ben, cleo, dora) {
		show.say("   %s: approved by %s%s\n", result.Mailbox, erika.Name, words(result.Err))
	}
	show.say("\n")
	show.test(test(anna))
	show.synced(syncer.SyncMailbox(ctx, anna))

	show.title("Ben's password is wrong. It is tried again by itself, but not so often that his account is locked")
	show.test(test(ben))
	for range 2 {
		clock.advance(10 * time.Minute)
		show.synced(syncer.SyncMailbox(ctx, ben)) // as Syncer.Run would
	}
	show.say("\n   He enters the right one, and tests:\n\n")
	if err := directory.Edit(ctx, ben, func(m *mailbox.Mailbox) { m.Password = password }); err != nil {
		return err
	}
	show.brief(test(ben))

	show.title("Cleo's server shows a certificate for another name: no password is shown to it")
	bad, err := test(cleo)
	show.test(bad, err)

	show.title("Dora's mail is forwarded away: what she sends to herself does not arrive")
	show.test(test(dora))

	show.title("Cleo's report as JSON, for a program, but for what went well")
	show.json(bad)

	show.title("Where organizations enter server names themselves, they are told a class and no more")
	show.say("   After 15 seconds for each way that fails, whatever was wrong, so that a test is no port scanner.\n   The operator sees it all in Hooks.Test.\n\n")
	config.Policy.OrganizationsEnterHosts, config.Hooks.Test = true, nil
	public, err := serversync.New(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, public.Close()) }()
	show.test(public.TestMailbox(ctx, cleo, serversync.TestOptions{TestOnly: true}))
	return show.err
}
