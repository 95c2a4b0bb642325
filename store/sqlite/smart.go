package sqlite

import (
	"cmp"
	"database/sql"
	"math"
	"slices"

	"github.com/go-serversync/serversync/track"
)

const (
	// How common a key is, is told by when the 32nd newest email with it was sent.
	selectRate = `SELECT k.value, (SELECT sent FROM sync_email_keys WHERE key = k.value ORDER BY sent DESC LIMIT 1 OFFSET 31)
		FROM json_each(?1) k`

	selectSince = `SELECT k.value, e.email, e.sent FROM json_each(?1) k CROSS JOIN sync_email_keys e
		WHERE e.key = k.value AND e.sent > ?2`
)

// atOnce is how many candidates of one Hashes are looked at before more are read.
const atOnce = 300

// likeness is one of a query's Hashes on its way.
type likeness struct {
	track.Hashes
	words, people []int64 // their keys
	keys          []int64 // one of which a match has in any case
	candidates    []candidate
	matches       int
}

type candidate struct{ row, sent int64 }

// smart finds what q.Smart is like. A match lacks at most WordDelta of the words, so it
// has at least one of any WordDelta+1 of them; and has MinPeople of the people, so at
// least one of all but MinPeople-1. Only the rarest such keys are looked through, or
// all of a page would lead to every email that its owner was ever part of.
func (f *finding) smart(q track.Query) error {
	minPeople := max(q.MinPeople, 1)
	var likes []*likeness
	var all []int64
	for _, h := range q.Smart {
		l := &likeness{Hashes: h}
		for _, w := range h.Words {
			l.words = append(l.words, hashKey(byWord, f.organization, w))
		}
		for _, p := range h.People {
			l.people = append(l.people, hashKey(byPerson, f.organization, p))
		}
		if slices.Sort(l.people); len(slices.Compact(l.people)) >= minPeople {
			likes = append(likes, l)
			all = slices.Concat(all, l.words, l.people)
		}
	}
	if len(likes) == 0 {
		return nil
	}
	rates, err := f.rates(all)
	if err != nil {
		return err
	}
	all = all[:0]
	for _, l := range likes {
		l.choose(rates, max(q.WordDelta, 0), minPeople)
		all = append(all, l.keys...)
	}
	if err := f.candidates(likes, all, ordered(q.Since)); err != nil {
		return err
	}
	for more := true; more; {
		if more, err = f.compare(likes, q.WordDelta, minPeople); err != nil {
			return err
		}
	}
	return nil
}

// rates returns how common each key is.
func (f *finding) rates(keys []int64) (map[int64]int64, error) {
	slices.Sort(keys)
	rates := map[int64]int64{}
	err := each(f.ctx, f.tx, func(r *sql.Rows) error {
		var key int64
		var rate sql.NullInt64
		err := r.Scan(&key, &rate)
		if !rate.Valid {
			rate.Int64 = math.MinInt64
		}
		rates[key] = rate.Int64
		return err
	}, selectRate, list(slices.Compact(keys)))
	return rates, err
}

// choose picks the keys to look through: those of the words or of the people, whichever
// are rarer.
func (l *likeness) choose(rates map[int64]int64, delta, minPeople int) {
	rarest := func(keys []int64, n int) ([]int64, int64) {
		slices.SortFunc(keys, func(a, b int64) int { return cmp.Or(cmp.Compare(rates[a], rates[b]), cmp.Compare(a, b)) })
		return keys[:n], rates[keys[n-1]]
	}
	slices.Sort(l.words)
	l.words, l.people = slices.Compact(l.words), slices.Compact(l.people)
	keys, common := rarest(l.people, len(l.people)-minPeople+1)
	l.keys = keys
	if len(l.words) > delta {
		if words, rate := rarest(l.words, delta+1); rate < common || rate == common && len(words) < len(keys) {
			l.keys = words
		}
	}
}

// candidates gives each of likes the emails that have one of its keys, the newest first.
func (f *finding) candidates(likes []*likeness, keys []int64, since int64) error {
	slices.Sort(keys)
	rows := map[int64][]candidate{}
	err := each(f.ctx, f.tx, func(r *sql.Rows) error {
		var key int64
		var c candidate
		err := r.Scan(&key, &c.row, &c.sent)
		rows[key] = append(rows[key], c)
		return err
	}, selectSince, list(slices.Compact(keys)), since)
	if err != nil {
		return err
	}
	for _, l := range likes {
		for _, key := range l.keys {
			l.candidates = append(l.candidates, rows[key]...)
		}
		slices.SortFunc(l.candidates, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(b.sent, a.sent), cmp.Compare(b.row, a.row))
		})
		l.candidates = slices.Compact(l.candidates)
	}
	return nil
}

// compare looks at the next candidates of all, and reports whether there are more that
// may be wanted.
func (f *finding) compare(likes []*likeness, delta, minPeople int) (more bool, err error) {
	next := map[int64][]int64{}
	for i, l := range likes {
		for _, c := range l.candidates[:min(len(l.candidates), atOnce)] {
			next[int64(i)] = append(next[int64(i)], c.row)
		}
	}
	if err := f.load(next); err != nil {
		return false, err
	}
	for i, l := range likes {
		for _, row := range next[int64(i)] {
			if e := f.loaded[row]; e != nil && l.matches < newest && l.like(e, delta, minPeople) {
				l.matches++
				f.found[row] = true
			}
		}
		l.candidates = l.candidates[len(next[int64(i)]):]
		if l.matches >= newest {
			l.candidates = nil
		}
		more = more || len(l.candidates) > 0
	}
	return more, nil
}

// like reports whether e shares enough with l.
func (l *likeness) like(e *track.Email, delta, minPeople int) bool {
	return lacks(l.People, e.People) <= len(l.People)-minPeople &&
		lacks(l.Words, e.Words) <= delta && lacks(e.Words, l.Words) <= delta
}

// lacks returns how many of a are not in b.
func lacks(a, b []uint64) (n int) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			n++
		}
	}
	return n
}
