package sqlite

import (
	"context"
	"database/sql"
	"slices"

	"github.com/go-serversync/serversync/track"
)

const (
	// Of an id or Ref the first, and one more lest two hashes begin alike.
	selectFirst = `SELECT k.value, e.email FROM json_each(?1) k CROSS JOIN sync_email_keys e
		WHERE e.key = k.value AND e.sent = 0 AND e.email <= coalesce(
			(SELECT email FROM sync_email_keys WHERE key = k.value AND sent = 0 ORDER BY email LIMIT 1 OFFSET 1), 9223372036854775807)`

	// Of a token or conversation the newest 100, more of those sent with the last.
	selectNewest = `SELECT k.value, e.email FROM json_each(?1) k CROSS JOIN sync_email_keys e
		WHERE e.key = k.value AND e.sent >= coalesce(
			(SELECT sent FROM sync_email_keys WHERE key = k.value ORDER BY sent DESC LIMIT 1 OFFSET 99), -9223372036854775808)`

	selectEmails = `SELECT e.id, e.ref_type, e.ref_id, e.own, e.enqueued, e.sent, e.email
		FROM json_each(?1) k CROSS JOIN sync_emails e ON e.id = k.value WHERE e.organization = ?2`
)

// newest is how many emails one token, conversation or Hashes leads to at most.
const newest = 100

// finding is one call of FindEmails.
type finding struct {
	ctx          context.Context
	tx           *sql.Tx
	organization string

	loaded map[int64]*track.Email // by row; nil if it is another organization's
	found  map[int64]bool
}

// FindEmails returns the organization's emails that any part of q names. It takes two
// statements, and some more if q.Smart is not empty, however many messages q is of.
func (s *Store) FindEmails(ctx context.Context, organization string, q track.Query) ([]track.Email, error) {
	var all []track.Email
	err := s.read(ctx, func(tx *sql.Tx) error {
		f := finding{ctx, tx, organization, map[int64]*track.Email{}, map[int64]bool{}}
		for _, step := range []func(track.Query) error{f.named, f.smart} {
			if err := step(q); err != nil {
				return err
			}
		}
		rows := make([]int64, 0, len(f.found))
		for row := range f.found {
			rows = append(rows, row)
		}
		slices.Sort(rows)
		for _, row := range rows {
			all = append(all, *f.loaded[row])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// A name is a value that an email is found by, with how to compare it.
type name struct {
	key int64
	is  func(*track.Email) bool
}

// named finds what ids, Refs, tokens and conversations name.
func (f *finding) named(q track.Query) error {
	var first, many []name
	for _, id := range distinct(q.IDs) {
		first = append(first, name{emailKey(byID, f.organization, id), func(e *track.Email) bool { return slices.Contains(e.IDs, id) }})
	}
	for _, ref := range q.Emails {
		first = append(first, name{refKey(f.organization, ref), func(e *track.Email) bool { return e.Ref == ref }})
	}
	for _, t := range distinct(q.Tokens) {
		many = append(many, name{emailKey(byToken, f.organization, t), func(e *track.Email) bool { return e.Token == t }})
	}
	for _, c := range distinct(q.Conversations) {
		many = append(many, name{emailKey(byConversation, f.organization, c), func(e *track.Email) bool { return e.Conversation == c }})
	}
	one, err := f.postings(selectFirst, keysOf(first))
	if err != nil {
		return err
	}
	more, err := f.postings(selectNewest, keysOf(many))
	if err != nil {
		return err
	}
	for key, rows := range more {
		more[key] = rows[max(0, len(rows)-newest):] // the oldest come first
	}
	if err := f.load(one, more); err != nil {
		return err
	}
	for _, n := range first {
		for _, row := range one[n.key] {
			if e := f.loaded[row]; e != nil && n.is(e) {
				f.found[row] = true
				break
			}
		}
	}
	for _, n := range many {
		for _, row := range more[n.key] {
			if e := f.loaded[row]; e != nil && n.is(e) {
				f.found[row] = true
			}
		}
	}
	return nil
}

func keysOf(names []name) []int64 {
	keys := make([]int64, len(names))
	for i, n := range names {
		keys[i] = n.key
	}
	return keys
}

// postings returns for each key the rows that a query finds, in its order.
func (f *finding) postings(query string, keys []int64, args ...any) (map[int64][]int64, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	slices.Sort(keys)
	rows := map[int64][]int64{}
	err := each(f.ctx, f.tx, func(r *sql.Rows) error {
		var key, row int64
		err := r.Scan(&key, &row)
		rows[key] = append(rows[key], row)
		return err
	}, query, append([]any{list(slices.Compact(keys))}, args...)...)
	return rows, err
}

// load reads the emails of these rows that are not loaded yet.
func (f *finding) load(lists ...map[int64][]int64) error {
	var rows []int64
	for _, l := range lists {
		for _, some := range l {
			rows = append(rows, some...)
		}
	}
	rows = slices.DeleteFunc(rows, func(row int64) bool { _, ok := f.loaded[row]; return ok })
	if len(rows) == 0 {
		return nil
	}
	slices.Sort(rows)
	rows = slices.Compact(rows)
	for _, row := range rows {
		f.loaded[row] = nil
	}
	return each(f.ctx, f.tx, func(r *sql.Rows) error {
		var e storedEmail
		err := e.read(r.Scan, &e.row)
		f.loaded[e.row] = &e.Email
		return err
	}, selectEmails, list(rows), f.organization)
}
