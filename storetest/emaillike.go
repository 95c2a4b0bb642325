package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync"
	"github.com/go-serversync/serversync/provider"
	"github.com/go-serversync/serversync/track"
)

// likeIndex returns the index of an email of these words and people, sent so long after
// clock.
func likeIndex(name string, after time.Duration, words, people []uint64) *track.Email {
	return &track.Email{Direction: track.Incoming, IDs: []string{name}, Sent: clock.Add(after), Words: words, People: people}
}

// What is like a message, and how much of it.
var likeChecks = []check{
	{name: "what shares enough of the people and the words is found", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		n := func(list ...uint64) []uint64 { return list }
		r.record(ann,
			answers("1", "1", likeIndex("same", 0, n(1, 2, 3), n(7, 8, 9))),
			answers("2", "2", likeIndex("one more word", 0, n(1, 2, 3, 4), n(7, 8, 9))),
			answers("3", "3", likeIndex("one word less", 0, n(2, 1), n(9, 8))),
			answers("4", "4", likeIndex("another word", 0, n(1, 2, 5), n(8, 7))),
			answers("5", "5", likeIndex("more people", 0, n(3, 2, 1), n(4, 5, 6, 7, 8, 1, 2, 3))),
			answers("6", "6", likeIndex("one person", 0, n(1, 2, 3), n(8))),
			answers("7", "7", likeIndex("no word", 0, nil, n(7, 8, 9))),
			answers("8", "8", likeIndex("words for people", 0, n(7, 8, 9), n(1, 2, 3))),
		)
		for _, tt := range []struct {
			delta, people int
			words         []uint64
			want          []string
		}{
			{0, 2, n(3, 2, 1), []string{"same", "more people"}},
			{0, 3, n(1, 2, 3), []string{"same"}},
			{0, 1, n(1, 2, 3), []string{"same", "more people", "one person"}},
			{1, 2, n(1, 2, 3), []string{"same", "more people", "one more word", "one word less", "another word"}},
			{1, 2, n(1, 2), []string{"same", "more people", "one word less", "another word"}},
			{2, 3, n(2), []string{"same"}},
			{3, 2, n(1, 2, 3), []string{"same", "one more word", "one word less", "another word", "more people", "no word"}},
			{0, 2, nil, []string{"no word"}},
			{1, 2, n(6), []string{"no word"}},
			{9, 1, nil, []string{"same", "one more word", "one word less", "another word", "more people", "one person", "no word"}},
		} {
			q := track.Query{
				Smart: []track.Hashes{{Words: n(77, 78), People: n(79, 80)}, {Words: tt.words, People: n(9, 7, 8)}},
				Since: clock.Add(-time.Second), WordDelta: tt.delta, MinPeople: tt.people,
			}
			found := idsOf(r.find(c, ann.Organization, q))
			for _, id := range tt.want {
				if !slices.Contains(found, id) {
					r.Errorf("with %d people and %d words of difference to %v, %q is not found: %q", tt.people, tt.delta, tt.words, id, found)
				}
			}
		}
	}},
	{name: "what was sent after Since is found, to the microsecond", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		words, people := []uint64{1}, []uint64{2, 3}
		r.record(ann,
			answers("1", "1", likeIndex("before", -time.Microsecond, words, people)),
			answers("2", "2", likeIndex("after", time.Microsecond, words, people)),
			answers("3", "3", &track.Email{IDs: []string{"no time"}, Words: words, People: people}))
		q := track.Query{Smart: []track.Hashes{{Words: words, People: people}}, Since: clock.UTC(), MinPeople: 2}
		if found := idsOf(r.find(c, ann.Organization, q)); !slices.Contains(found, "after") {
			r.Errorf("what was sent a microsecond after Since is not found: %q", found)
		}
		q.Since = clock.Add(-2 * time.Microsecond).In(time.FixedZone("", -8*3600))
		if found := idsOf(r.find(c, ann.Organization, q)); !slices.Contains(found, "before") || !slices.Contains(found, "after") {
			r.Errorf("what was sent after Since is not found: %q", found)
		}
	}},
	{name: "the newest 100 of one token, conversation or Hashes are told, and not many more", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		var records []serversync.Record
		want := map[string]bool{}
		words, people := []uint64{1, 2}, []uint64{3, 4}
		for i := range 250 {
			at := (i * 77) % 250 // in no order
			e := likeIndex(fmt.Sprint(at), time.Duration(at)*time.Second, words, people)
			e.Token, e.Conversation = "CRM:1", "conversation"
			records = append(records, answers(provider.ID(fmt.Sprint(i)), fmt.Sprint(i), e))
			if at >= 150 {
				want[fmt.Sprint(at)] = true
			}
		}
		r.record(ann, records...)
		for name, tt := range map[string]struct {
			q    track.Query
			most int
		}{
			"token":        {track.Query{Tokens: []string{"CRM:1"}}, 100},
			"conversation": {track.Query{Conversations: []string{"conversation"}}, 100},
			"Hashes":       {track.Query{Smart: []track.Hashes{{Words: words, People: people}}, Since: clock.Add(-time.Hour), MinPeople: 2}, 200},
		} {
			found := idsOf(r.find(c, ann.Organization, tt.q))
			if len(found) > tt.most {
				r.Errorf("%d emails of one %s, want at most %d", len(found), name, tt.most)
			}
			for id := range want {
				if !slices.Contains(found, id) {
					r.Errorf("email %s of 0 to 249 is not among the %d found by %s, want the newest 100", id, len(found), name)
					break
				}
			}
		}
	}},
	{name: "many that are less like do not hide one that is", f: func(r *run) {
		c := capability[serversync.Correlator](r)
		words, people := []uint64{1, 2}, []uint64{3, 4}
		records := []serversync.Record{answers("old", "old", likeIndex("old", time.Second, words, people))}
		for i := range 800 {
			n := uint64(1000 + i)
			e := likeIndex(fmt.Sprint(i), time.Duration(i+10)*time.Second, words, []uint64{3, n})
			if i%2 == 0 {
				e.Words, e.People = []uint64{1, n}, people
			}
			records = append(records, answers(provider.ID(fmt.Sprint(i)), fmt.Sprint(i), e))
		}
		r.record(ann, records...)
		q := track.Query{Smart: []track.Hashes{{Words: words, People: people}}, Since: clock, MinPeople: 2}
		if found := idsOf(r.find(c, ann.Organization, q)); !slices.Contains(found, "old") {
			r.Errorf("the one email that shares everything is not among the %d found", len(found))
		}
	}},
}

func idsOf(emails []track.Email) []string {
	var ids []string
	for _, e := range emails {
		ids = append(ids, e.IDs[:min(len(e.IDs), 1)]...)
	}
	return ids
}
