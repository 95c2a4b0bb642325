package track

import (
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/item"
)

// What is looked up for one message at most, so that no sender makes it costly.
const (
	maxIDs        = 50 // of In-Reply-To and References together
	maxSubaddress = 50 // recipients whose subaddress is looked at
)

// keys are all that a message may be matched by, best first in each list.
type keys struct {
	signed       []signedKey
	guessed      int      // references that look signed and are not
	ids          []string // of In-Reply-To, then References from the newest on; none twice
	inReplyTo    int      // how many of ids are of In-Reply-To
	tokens       []string
	conversation string

	smart     Hashes    // Words is empty for none
	since     time.Time // of Smart
	minPeople int
	wordDelta int
}

// A signedKey is an email that a signed reference names.
type signedKey struct {
	email  Ref
	key    string // the Message-ID, or the subaddress
	parent bool   // it was in In-Reply-To
}

// keysOf returns all that m may be matched by, under the switches.
func (r *Rules) keysOf(m *item.Message) (k keys) {
	c := &r.settings.Correlation
	if c.Off || c.ForwardsAreNew && isForward(m) {
		return k
	}
	if !c.NoThreading {
		k.addIDs(m)
		k.conversation = conversationOf(m)
	}
	if r.signer != nil {
		r.addSigned(&k, m)
	}
	if !r.settings.Token.Off {
		k.tokens = r.tokensIn(m.Subject)
	}
	if r.settings.Smart.On {
		r.addSmart(&k, m)
	}
	return k
}

// addIDs adds the ids of In-Reply-To and References, but for m's own. All of References
// count, for what an answer answers may be unknown, and what that answered known.
func (k *keys) addIDs(m *item.Message) {
	n := min(len(m.InReplyTo)+len(m.References), maxIDs)
	if n == 0 {
		return
	}
	k.ids = make([]string, 0, n)
	add := func(id string) {
		if id != "" && id != m.MessageID && len(k.ids) < maxIDs {
			k.ids = appendNew(k.ids, id)
		}
	}
	for _, id := range m.InReplyTo {
		add(id)
	}
	k.inReplyTo = len(k.ids)
	for _, id := range slices.Backward(m.References) {
		add(id)
	}
}

// addSigned adds the emails that signed references name: in ids, and in the addresses
// that m was sent to.
func (r *Rules) addSigned(k *keys, m *item.Message) {
	for i, id := range k.ids {
		if ref, ok := r.signer.Verify(r.organization, id); ok {
			k.addSigned(ref, id, i < k.inReplyTo)
		} else if r.signer.looksOurs(id) {
			k.guessed++
		}
	}
	left := maxSubaddress
	address := func(a string) {
		plus := strings.LastIndexByte(a, '+')
		if plus < 0 || left == 0 {
			return
		}
		left--
		if ref, ok := r.signer.Verify(r.organization, a); ok {
			k.addSigned(ref, a[plus+1:strings.LastIndexByte(a, '@')], false)
		} else if r.signer.looksOurs(a) {
			k.guessed++
		}
	}
	for _, list := range [...][]item.Address{m.To, m.Cc, m.Bcc} {
		for i := range list {
			address(list[i].Addr)
		}
	}
	for i := range m.Fields {
		// They name whom the server delivered to, who may be none of the above.
		switch f := &m.Fields[i]; {
		case strings.EqualFold(f.Name, "Delivered-To"), strings.EqualFold(f.Name, "X-Original-To"):
			address(strings.Trim(f.Value, " \t<>"))
		}
	}
}

func (k *keys) addSigned(email Ref, key string, parent bool) {
	for i := range k.signed {
		if k.signed[i].email == email {
			return
		}
	}
	k.signed = append(k.signed, signedKey{email, key, parent})
}

// addSmart adds the words and people of m, if it has enough of them. A message without
// date has no window to look at.
func (r *Rules) addSmart(k *keys, m *item.Message) {
	s := &r.settings.Smart
	if m.Date.IsZero() || s.Window < 0 {
		return
	}
	words := r.words(m.Subject)
	if len(words) == 0 {
		return
	}
	if people := r.people(m); len(people) >= s.MinAddresses {
		k.smart = Hashes{words, people}
		k.since, k.minPeople, k.wordDelta = m.Date.Add(-s.Window), s.MinAddresses, s.SubjectDelta
	}
}

// ask adds k to a page's query. Since becomes the earliest of what is asked for.
func (k *keys) ask(q *Query) {
	for i := range k.signed {
		q.Emails = append(q.Emails, k.signed[i].email)
	}
	q.IDs = append(q.IDs, k.ids...)
	q.Tokens = append(q.Tokens, k.tokens...)
	if k.conversation != "" {
		q.Conversations = append(q.Conversations, k.conversation)
	}
	if len(k.smart.Words) == 0 {
		return
	}
	if len(q.Smart) == 0 || k.since.Before(q.Since) {
		q.Since = k.since
	}
	q.Smart = append(q.Smart, k.smart)
	q.MinPeople, q.WordDelta = k.minPeople, k.wordDelta
}

// compact drops what is asked for twice. Everything keeps its place, so that the same
// page asks the same. What a message may ask for is bounded in [Rules.keysOf], so that
// nothing has to be left out here.
func (q *Query) compact() {
	q.IDs = unique(q.IDs)
	q.Tokens = unique(q.Tokens)
	q.Conversations = unique(q.Conversations)
	q.Emails = unique(q.Emails)
	q.Smart = uniqueHashes(q.Smart)
}

func unique[T comparable](list []T) []T {
	if len(list) < 2 {
		return list
	}
	seen := make(map[T]struct{}, len(list))
	return slices.DeleteFunc(list, func(v T) bool {
		_, again := seen[v]
		seen[v] = struct{}{}
		return again
	})
}

func uniqueHashes(list []Hashes) []Hashes {
	if len(list) < 2 {
		return list
	}
	seen := make(map[uint64][]Hashes, len(list)) // by a sum, so that few are compared
	return slices.DeleteFunc(list, func(h Hashes) bool {
		sum := hashOffset
		for _, part := range [...][]uint64{h.Words, h.People} {
			for _, v := range part {
				sum = (sum ^ v) * hashPrime
			}
		}
		for _, known := range seen[sum] {
			if slices.Equal(known.Words, h.Words) && slices.Equal(known.People, h.People) {
				return true
			}
		}
		seen[sum] = append(seen[sum], h)
		return false
	})
}
