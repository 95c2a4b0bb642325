package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
)

// A database of version 1 is opened with all that is in it. Its alerts are in the
// order in which they were told.
func TestMigrateAlerts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	db, err := connect(path, "_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := migrate(t.Context(), db, steps[:1]); err != nil {
		t.Fatal(err)
	}
	const v1 = `
INSERT INTO sync_mailboxes (id, organization, mailbox, state, version, last_batch)
	VALUES (7, 'acme', 'ann', '{"incoming":{"phase":"stopped"},"outgoing":{}}', 3, 'b9');
INSERT INTO sync_alerts (mailbox, id, alert) VALUES
	(7, 'zero', '{"id":"zero","at":"0001-01-01T00:00:00Z","code":"c","message":"m"}'),
	(7, 'late', '{"id":"late","at":"2024-03-31T01:59:59.999999001+05:45","code":"stopped","direction":"incoming","message":"“no”","remedy":"r"}'),
	(7, 'soon', '{"id":"soon","at":"2024-03-30T20:14:59.999999Z","code":"c","direction":"outgoing","message":"m"}'),
	(7, 'past', '{"id":"past","at":"2024-03-30T20:14:59Z","code":"c","message":"m"}')`
	if _, err := db.Exec(v1); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if snap, err := s.Load(t.Context(), ann); err != nil || snap.State.Incoming.Phase != mailbox.Stopped || snap.LastBatch != "b9" {
		t.Errorf("Load = %+v, %v", snap, err)
	}
	order := func(want ...string) []mailbox.Alert {
		t.Helper()
		all, err := s.Alerts(t.Context(), ann.Wall(), true, 10)
		var got []string
		for _, a := range all {
			got = append(got, a.ID)
		}
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("Alerts = %q, %v, want %q", got, err, want)
		}
		return all
	}
	all := order("late", "soon", "past", "zero")
	at := time.Date(2024, 3, 30, 20, 14, 59, 999999001, time.UTC)
	late := all[0]
	late.At = late.At.UTC()
	want := mailbox.Alert{
		ID: "late", At: at, Count: 1, Level: "warning", Code: "stopped", Side: mailbox.Incoming, Message: "“no”", Remedy: "r",
	}
	if late != want || all[2].Side != "" {
		t.Errorf("Alerts = %+v, want %+v first", all, want)
	}
	var told int64
	if err := s.DB().QueryRow(`SELECT told FROM sync_alerts WHERE id = 'late'`).Scan(&told); err != nil || told != ordered(at) {
		t.Errorf("the alert was told at %v, %v, want %v", fromOrdered(told), err, at)
	}
	again := all[2]
	again.Last, again.Count = at.Add(time.Hour), 2
	b := batch("b10", "", "c1")
	b.Alerts = []mailbox.Alert{again}
	b.Journal = []serversync.JournalItem{{ItemKey: serversync.ItemKey{ID: "1"}, Kind: serversync.Ignored}}
	commit(t, s, b)
	order("past", "late", "soon", "zero")
	if n, err := s.PruneAlerts(t.Context(), "acme", at); n != 2 || err != nil {
		t.Errorf("PruneAlerts = %d, %v, want 2", n, err)
	}
	order("past", "late")
}

// A wall is a mailbox's or a profile's.
func TestWallOfBoth(t *testing.T) {
	s := open(t, Options{})
	both := mailbox.Wall{Organization: "acme", Mailbox: "ann", Profile: "relay"}
	if err := s.Raise(t.Context(), both, mailbox.Alert{ID: "1"}); err == nil {
		t.Error("Raise on the wall of both gives no error")
	}
	if on, err := s.Alerts(t.Context(), both, false, 10); err == nil {
		t.Errorf("Alerts on the wall of both = %v, want an error", on)
	}
}

// No wall and no page of the journal is read, and nothing is pruned, by looking at
// every row.
func TestPlans(t *testing.T) {
	s := open(t, Options{})
	for _, query := range []string{
		selectMailboxAlerts + inOrder, selectMailboxAlerts + andOpen + inOrder,
		selectProfileAlerts + inOrder, selectProfileAlerts + andOpen + inOrder,
		pruneMailboxAlerts, pruneProfileAlerts, selectItems, pruneItems,
	} {
		var plan []string
		rows, err := s.writer.Query(`EXPLAIN QUERY PLAN `+query, make([]any, strings.Count(query, "?"))...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, step)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(plan, "; ")
		t.Log(text)
		if strings.Contains(text, "SCAN") || strings.Contains(text, "TEMP B-TREE") || text == "" {
			t.Errorf("%s\nis carried out by: %s", query, text)
		}
		if strings.Contains(query, andOpen) && !strings.Contains(text, "_open (") {
			t.Errorf("%s\nreads what is resolved: %s", query, text)
		}
	}
}
