package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/provider/providertest"
)

func Example() {
	if err := demo(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// synced: 1 new, 0 known, 0 sent
	// synced: 0 new, 0 known, 1 sent
	// synced: 0 new, 1 known, 0 sent
	// synced: 2 new, 0 known, 0 sent
	// case 1, open: Printer on fire
	//   in  Cleo  Printer on fire
	//   out Cleo  Re: Printer on fire
	//   in  Cleo  Re: Printer on fire
	// case 2, open: Invoice 4711
	//   in  Dan   Invoice 4711
}

// start runs the Syncer until the test's end. Its time is that of the bubble.
func start(t *testing.T, server *providertest.Server) *CRM {
	t.Helper()
	crm := openCRM(t, filepath.Join(t.TempDir(), "crm.db"))
	syncer, err := newSyncer(crm, server)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- syncer.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return crm
}

// cases returns each case's number with the Message-IDs of its emails from outside.
func cases(t *testing.T, crm *CRM) string {
	t.Helper()
	var list []string
	read(t, crm, func(scan func(...any) error) error {
		var id int
		var emails string
		err := scan(&id, &emails)
		list = append(list, fmt.Sprint(id, ": ", strings.ReplaceAll(emails, "@customer.example", "")))
		return err
	}, `SELECT case_id, group_concat(message_id, ' ') FROM (SELECT * FROM emails ORDER BY id) WHERE direction = 'in' GROUP BY case_id`)
	return strings.Join(list, ", ")
}

func TestCases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		crm := start(t, server)
		write := func(id, inReplyTo string) {
			t.Helper()
			deliver(server, "Cleo <cleo@customer.example>", "Printer", id, inReplyTo)
			time.Sleep(6 * time.Minute)
		}
		write("1", "")
		write("2", "1@customer.example")
		write("3", "unheard-of@customer.example")
		write("4", "3@customer.example")
		write("5", "2@customer.example")
		if got, want := cases(t, crm), "1: 1 2 5, 2: 3 4"; got != want {
			t.Errorf("cases %s, want %s", got, want)
		}
		if _, err := crm.db.Exec(`UPDATE cases SET status = 'closed' WHERE id = 1`); err != nil {
			t.Fatal(err)
		}
		write("6", "5@customer.example")
		if got, want := cases(t, crm), "1: 1 2 5, 2: 3 4, 3: 6"; got != want {
			t.Errorf("once case 1 is closed: %s, want %s", got, want)
		}
	})
}

// A server that takes no mail for an hour gets the reply when it does, once.
func TestReplyIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := providertest.NewServer(providertest.IMAPLike)
		open := time.Now().Add(time.Hour)
		server.Recipient = func(string) provider.Status {
			if time.Now().Before(open) {
				return provider.StatusRetry
			}
			return provider.StatusSent
		}
		crm := start(t, server)
		deliver(server, "Cleo <cleo@customer.example>", "Printer", "1", "")
		time.Sleep(6 * time.Minute)
		if err := crm.Reply(t.Context(), support, 1, "Please unplug it.", time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		if sent := server.Sent(); len(sent) != 0 {
			t.Errorf("%d messages were taken by a server that takes none", len(sent))
		}
		time.Sleep(12 * time.Hour)
		done, err := crm.Entries(t.Context(), support.Key, serversync.PhaseDone, "", 10)
		if sent := server.Sent(); err != nil || len(done) != 1 || len(sent) != 1 || sent[0].Recipients[0] != "cleo@customer.example" {
			t.Errorf("%d entries done, %d messages sent, %v, want one of each to Cleo", len(done), len(sent), err)
		}
		// Its copy came in from the folder of sent mail and is the same email.
		var emails, places int
		err = crm.db.QueryRow(`SELECT count(*), count(i.id) FROM emails e LEFT JOIN sync_ids i ON i.email = e.id WHERE direction = 'out'`).Scan(&emails, &places)
		if err != nil || emails != 1 || places != 1 {
			t.Errorf("%d rows of the reply and %d places, %v, want one of each", emails, places, err)
		}
	})
}

// What the CRM shows as written is in the outbox, or neither is there.
func TestReplyIsAllOrNothing(t *testing.T) {
	crm := openCRM(t, filepath.Join(t.TempDir(), "crm.db"))
	err := crm.write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO contacts VALUES (1, 'acme', 'cleo@customer.example', 'Cleo');
			INSERT INTO cases VALUES (1, 'acme', 1, 'Printer', 'open');
			INSERT INTO emails VALUES (1, 'acme', '1@customer.example', 'd', 'in', 1, 1, 'Printer', 'Hello', NULL);
			CREATE TRIGGER no BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := crm.Reply(t.Context(), support, 1, "Please unplug it.", time.Now()); err == nil {
		t.Error("Reply = nil, want an error")
	}
	var n int
	if err := crm.db.QueryRow(`SELECT count(*) FROM emails WHERE direction = 'out'`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d replies are shown, %v, want none", n, err)
	}
}
