package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

var sentAt = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// indexed returns what email i of a mailbox is found by. Its owner is in all of them;
// the others and the words come again in some.
func indexed(i int) *track.Email {
	n := uint64(i)
	return &track.Email{
		Direction: track.Incoming,
		Regarding: track.Ref{Type: "case", ID: fmt.Sprint(i / 20)},
		Owner:     track.Ref{Type: "user", ID: "7"},
		Sent:      sentAt.Add(-time.Duration(i) * time.Minute),
		IDs:       []string{fmt.Sprintf("%d.%x@mail.customer-%d.example", i, n*2654435761, i%1000)},
		Token:     fmt.Sprintf("CRM:%07d", i/20), Conversation: fmt.Sprintf("AdE%018x", n/20*2654435761),
		Words:        []uint64{n % 50, 1000 + n%700, 10_000 + n/20, 1 << 63},
		People:       []uint64{1, 100 + n%1000, 10_000 + n%7},
		Participants: []string{"ann@acme.example", fmt.Sprintf("someone@customer-%d.example", i%1000)},
		Recipients:   []string{"ann@acme.example"},
	}
}

// page returns the query of a page of 200 messages with 10 ids each, of which every
// tenth answers one of n emails, and others are like one.
func page(n, round int) track.Query {
	q := track.Query{Since: sentAt.AddDate(0, 0, -90), MinPeople: 2}
	for m := range 200 {
		at := ((round*200 + m) * 7919) % n
		for id := range 10 {
			if id == 9 && m%10 == 0 {
				q.IDs = append(q.IDs, indexed(at).IDs...)
				continue
			}
			q.IDs = append(q.IDs, fmt.Sprintf("%d.%d.%d@elsewhere.example", round, m, id))
		}
		e := indexed(at)
		switch m % 4 {
		case 1:
			q.Tokens = append(q.Tokens, e.Token)
		case 2:
			q.Conversations = append(q.Conversations, e.Conversation)
		case 3:
			q.Smart = append(q.Smart, track.Hashes{Words: e.Words, People: e.People})
		}
	}
	return q
}

// fillEmails commits n emails without a body, some thousand at a time.
func fillEmails(t testing.TB, s *Store, n int) {
	t.Helper()
	var from provider.Cursor
	for at := 0; at < n; at += 2000 {
		var records []serversync.Record
		for i := at; i < min(n, at+2000); i++ {
			m := message(i, 300)
			m.Raw, m.Text = nil, ""
			r := tracked(provider.ID(fmt.Sprint(i)), m)
			r.Index = indexed(i)
			records = append(records, r)
		}
		next := provider.Cursor(fmt.Sprint("c", at))
		commit(t, s, batch(string(next), from, next, records...))
		from = next
	}
}

// BenchmarkFindEmails asks for a page of 200 messages, 10 ids each, 50 tokens, 50
// conversations and 50 Hashes, among 100,000 emails of one mailbox.
func BenchmarkFindEmails(b *testing.B) {
	const emails = 100_000
	s := open(b, Options{})
	fillEmails(b, s, emails)
	for _, bb := range []struct {
		name string
		cut  func(*track.Query)
	}{
		{"ids", func(q *track.Query) { q.Tokens, q.Conversations, q.Smart = nil, nil, nil }},
		{"all but smart", func(q *track.Query) { q.Smart = nil }},
		{"all", func(*track.Query) {}},
		{"all, WordDelta 1", func(q *track.Query) { q.WordDelta = 1 }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			found, round := 0, 0
			for b.Loop() {
				q := page(emails, round)
				bb.cut(&q)
				all, err := s.FindEmails(b.Context(), "acme", q)
				if err != nil {
					b.Fatal(err)
				}
				found += len(all)
				round++
			}
			b.ReportMetric(float64(found)/float64(round), "found/op")
		})
	}
}

// BenchmarkCommitIndexed commits 50 messages of 30 KB at a time as BenchmarkCommit does,
// each with an Index and a Verdict.
func BenchmarkCommitIndexed(b *testing.B) {
	s := open(b, Options{})
	var from provider.Cursor
	n := 0
	for b.Loop() {
		b.StopTimer()
		var records []serversync.Record
		for range 50 {
			n++
			r := tracked(provider.ID(fmt.Sprint(n)), message(n, 30_000))
			r.Index, r.MessageID, r.Decided = indexed(n), r.Message.MessageID, sentAt
			r.Verdict = &track.Verdict{Tracked: true, Rule: track.AcceptedAll}
			records = append(records, r)
		}
		next := provider.Cursor(fmt.Sprint("c", n))
		done := batch(string(next), from, next, records...)
		from = next
		b.StartTimer()
		commit(b, s, done)
	}
}

// FindEmails finds the same in a large mailbox as in a small one. That it costs the page
// is shown by TestTrackingPlans.
func TestFindEmailsAmongMany(t *testing.T) {
	s := open(t, Options{})
	const emails = 4000
	fillEmails(t, s, emails)
	q := page(emails, 3)
	want := map[string]bool{}
	for i := range emails {
		e := indexed(i)
		if named(q, e) {
			want[e.IDs[0]] = true
		}
	}
	found, err := s.FindEmails(t.Context(), "acme", q)
	if err != nil || len(found) != len(want) {
		t.Errorf("%d emails are found, %v, want %d", len(found), err, len(want))
	}
	for _, e := range found {
		if !want[e.IDs[0]] {
			t.Errorf("%v is found, which nothing names", e.IDs)
		}
	}
}

// named reports whether q names e, by comparing it with each part of q.
func named(q track.Query, e *track.Email) bool {
	has := func(list []string, s string) bool {
		return strings.Contains("\n"+strings.Join(list, "\n")+"\n", "\n"+s+"\n")
	}
	if has(q.IDs, e.IDs[0]) || has(q.Tokens, e.Token) || has(q.Conversations, e.Conversation) {
		return true
	}
	for _, h := range q.Smart {
		l := likeness{Hashes: h}
		if e.Sent.After(q.Since) && l.like(e, q.WordDelta, q.MinPeople) {
			return true
		}
	}
	return false
}

// Nothing about tracking is looked up by reading a whole table.
func TestTrackingPlans(t *testing.T) {
	s := open(t, Options{})
	fillEmails(t, s, 500)
	for i := range 50 { // a table of one row is read whole, and rightly
		if _, err := s.NextNumber(t.Context(), mailbox.Key{Organization: "acme", Mailbox: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.writer.Exec(`ANALYZE`); err != nil { // also when SQLite knows how few rows there are
		t.Fatal(err)
	}
	for _, query := range []string{
		selectFirst, selectNewest, selectEmails, selectRate, selectSince, selectEmail, selectEmailID, selectKey,
		selectVerdicts, pruneVerdicts, nextNumber, updateEmail, setMessageMail,
		`SELECT id FROM sync_messages WHERE email = ?`,
	} {
		plan := plan(t, s, query)
		t.Log(strings.Join(plan, "; "))
		if len(plan) == 0 {
			t.Errorf("%s\nhas no plan", query)
		}
		for _, step := range plan {
			// The list that is passed is read from end to end, and nothing else.
			if strings.HasPrefix(step, "SCAN") && step != "SCAN k VIRTUAL TABLE INDEX 1:" && step != "SCAN CONSTANT ROW" {
				t.Errorf("%s\nis carried out by %s", query, step)
			}
		}
	}
}

// plan returns the steps in which a query is carried out.
func plan(t *testing.T, s *Store, query string) []string {
	t.Helper()
	args := make([]any, max(strings.Count(query, "?")-strings.Count(query, "?1")-strings.Count(query, "?2"), 0))
	if strings.Contains(query, "?1") {
		args = []any{"[]"}
	}
	if strings.Contains(query, "?2") {
		args = append(args, 0)
	}
	rows, err := s.writer.Query(`EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// Two values whose hashes begin alike are told apart by the values. The clash is made by
// hand: to find one takes 2^32 tries.
func TestKeysClash(t *testing.T) {
	s := open(t, Options{})
	fillEmails(t, s, 2)
	one, other := indexed(0), indexed(1)
	_, err := s.writer.Exec(`INSERT INTO sync_email_keys (key, sent, email) VALUES (?, 0, 2), (?, ?, 2)`,
		emailKey(byID, "acme", one.IDs[0]), emailKey(byConversation, "acme", "clash"), ordered(other.Sent))
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.FindEmails(t.Context(), "acme", track.Query{IDs: one.IDs, Conversations: []string{"clash"}})
	if err != nil || len(found) != 1 || found[0].IDs[0] != one.IDs[0] {
		t.Errorf("FindEmails = %+v, %v, want email 0 alone", found, err)
	}
}

// The host's rows are linked with emails, and told why, in the batch's transaction.
func TestInCommitTracking(t *testing.T) {
	var got []AddedMessage
	var s *Store
	s = open(t, Options{InCommit: func(ctx context.Context, tx *sql.Tx, b *serversync.Batch, added []AddedMessage) error {
		got = append(got, added...)
		for _, a := range added {
			if a.Email == (track.Ref{}) {
				continue
			}
			to := track.Ref{Type: "lead", ID: fmt.Sprint(a.ID)}
			if err := s.SetRegardingTx(ctx, tx, "acme", a.Email, to, to); err != nil {
				return err
			}
		}
		return nil
	}})
	written := entry("r1", []byte("x"))
	written.Index = &track.Email{Ref: track.Ref{Type: "activity", ID: "5"}, Direction: track.Outgoing, IDs: []string{"r1@acme.example"}}
	if err := s.Enqueue(t.Context(), written); err != nil {
		t.Fatal(err)
	}
	incoming, again := tracked("1", message(1, 3000)), tracked("2", message(1, 3000))
	incoming.Index, incoming.Verdict = indexed(1), &track.Verdict{Tracked: true, Rule: track.AcceptedAll}
	copied, plain := tracked("3", message(3, 3000)), tracked("4", message(4, 3000))
	copied.Index = &track.Email{Direction: track.Outgoing, IDs: []string{"r1@acme.example"}}
	commit(t, s, batch("b1", "", "c1", incoming, again, copied, plain))
	if len(got) != 4 {
		t.Fatalf("%d messages are told, want 4", len(got))
	}
	var row int64
	if err := s.DB().QueryRow(`SELECT email FROM sync_messages WHERE id = ?`, got[0].ID).Scan(&row); err != nil {
		t.Fatal(err)
	}
	own := track.Ref{Type: "sync_email", ID: fmt.Sprint(row)}
	for i, want := range []track.Ref{own, own, written.Index.Ref, {}} {
		if got[i].Email != want {
			t.Errorf("message %d has the email %v, want %v", i, got[i].Email, want)
		}
	}
	if got[0].Verdict != incoming.Verdict || got[1].Verdict != nil {
		t.Errorf("verdicts %v and %v, want the records'", got[0].Verdict, got[1].Verdict)
	}
	found, err := s.FindEmails(t.Context(), "acme", track.Query{Emails: []track.Ref{own, written.Index.Ref}})
	if err != nil || len(found) != 2 || found[0].Regarding.Type != "lead" || found[1].Owner.Type != "lead" {
		t.Errorf("FindEmails = %+v, %v, want both regarding a lead", found, err)
	}
}

// The Store's own Ref makes way for one of the same name that the host has given.
func TestRefTaken(t *testing.T) {
	s := open(t, Options{})
	written := entry("r1", []byte("x"))
	written.Index = &track.Email{Ref: track.Ref{Type: "sync_email", ID: "2"}, IDs: []string{"r1@acme.example"}}
	if err := s.Enqueue(t.Context(), written); err != nil {
		t.Fatal(err)
	}
	r := tracked("1", message(1, 3000))
	r.Index = indexed(1)
	commit(t, s, batch("b1", "", "c1", r))
	found, err := s.FindEmails(t.Context(), "acme", track.Query{IDs: r.Index.IDs})
	if err != nil || len(found) != 1 || found[0].Ref != (track.Ref{Type: "sync_email", ID: "2-2"}) {
		t.Errorf("FindEmails = %+v, %v, want a Ref of its own", found, err)
	}
}

// A database of version 2 is opened with all that is in it.
func TestMigrateTracking(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	db, err := connect(path, "_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := migrate(t.Context(), db, steps[:2]); err != nil {
		t.Fatal(err)
	}
	m := message(1, 3000)
	_, err = db.Exec(`
INSERT INTO sync_mailboxes (id, organization, mailbox, last_batch) VALUES (7, 'acme', 'ann', 'b9');
INSERT INTO sync_outbox VALUES (7, 'r1', 'pending', 1, 'ann@acme.example', '[]', 'r1@acme.example', NULL, 0, NULL, 0, NULL, NULL, '', NULL, '');
INSERT INTO sync_messages (content, organization, message_id, digest, subject, header, text) VALUES (?, 'acme', ?, ?, '', '{}', '')`,
		contentKey("acme", m.Content()), m.MessageID, string(m.Digest))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if e, err := s.Entry(t.Context(), ann, "r1"); err != nil || e.Index != nil || e.MessageID != "r1@acme.example" {
		t.Errorf("Entry = %+v, %v", e, err)
	}
	r := tracked("1", m)
	r.Index = indexed(1)
	if receipt := commit(t, s, batch("b10", "", "c1", r)); receipt.Linked != 1 {
		t.Errorf("Commit = %+v, want the message of version 2 linked", receipt)
	}
	if found, err := s.FindEmails(t.Context(), "acme", track.Query{IDs: r.Index.IDs}); err != nil || len(found) != 1 {
		t.Errorf("FindEmails = %+v, %v, want the email", found, err)
	}
	if n, err := s.NextNumber(t.Context(), ann); n != 1 || err != nil {
		t.Errorf("NextNumber = %d, %v, want 1", n, err)
	}
}
