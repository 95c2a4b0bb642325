package track

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/item"
)

// clockSkew is by how much an email may seem to be later than what answers it.
const clockSkew = time.Hour

// found is what FindEmails returned for a page, by what it may be found by. Each list
// has the newest first, so that the first that fits is the one. It is safe for one
// goroutine at a time.
type found struct {
	emails         []*Email
	byRef          map[Ref]*Email
	byID           map[string][]*Email
	byToken        map[string][]*Email
	byConversation map[string][]*Email
	byWord         map[uint64][]*Email // made when it is needed
}

// newFound indexes what FindEmails returned, once a page.
func newFound(emails []Email) *found {
	f := &found{
		emails:         make([]*Email, len(emails)),
		byRef:          make(map[Ref]*Email, len(emails)),
		byID:           make(map[string][]*Email, len(emails)),
		byToken:        make(map[string][]*Email),
		byConversation: make(map[string][]*Email),
	}
	for i := range emails {
		f.emails[i] = &emails[i]
	}
	slices.SortStableFunc(f.emails, newerFirst)
	for _, e := range f.emails {
		if f.byRef[e.Ref] == nil {
			f.byRef[e.Ref] = e
		}
		for _, id := range e.IDs {
			if id != "" { // a message without one is nobody's
				f.byID[id] = append(f.byID[id], e)
			}
		}
		if e.Token != "" {
			f.byToken[e.Token] = append(f.byToken[e.Token], e)
		}
		if e.Conversation != "" {
			f.byConversation[e.Conversation] = append(f.byConversation[e.Conversation], e)
		}
	}
	return f
}

// newerFirst orders emails by when they were sent, and by their names where that is the
// same.
func newerFirst(a, b *Email) int {
	return cmp.Or(b.Sent.Compare(a.Sent), cmp.Compare(a.Ref.Type, b.Ref.Type), cmp.Compare(a.Ref.ID, b.Ref.ID))
}

// words returns the emails that have a word, the newest first.
func (f *found) words() map[uint64][]*Email {
	if f.byWord == nil {
		f.byWord = make(map[uint64][]*Email, len(f.emails))
		for _, e := range f.emails {
			for _, h := range e.Words {
				f.byWord[h] = append(f.byWord[h], e)
			}
		}
	}
	return f.byWord
}

// match returns what m answers. Sender is the address of its From in lower case, and
// parties are what that stands for.
//
// The methods are tried in order. An email whose people the sender is not among does
// not count, so that nobody attaches mail to a record by guessing: a later key, or an
// older email of the same key, is taken rather. If none counts, the best of them is a
// suggestion. Only a signed reference proves by itself that the sender was written to.
func (r *Rules) match(m *item.Message, k *keys, sender string, parties []Party, in *found) Match {
	if in == nil || len(in.emails) == 0 {
		return Match{}
	}
	for i := range k.signed {
		s := &k.signed[i]
		if e := in.byRef[s.email]; e != nil && !sameMessage(m, e) {
			return r.matched(m, e, Match{Method: ByReference, Parent: s.parent, Signed: true, Key: s.key})
		}
	}
	s := &matching{rules: r, message: m, trusted: r.trusted(parties), believed: !slices.Contains(m.Warnings, item.WarnFromAmbiguous)}
	s.local, s.domain = splitPerson(sender)
	if s.byID(k, in) || s.byToken(k, in) || s.byConversation(k, in) || s.bySmart(k, in) || s.best != nil {
		return r.matched(m, s.best, s.match)
	}
	return Match{}
}

// matched completes a Match.
func (r *Rules) matched(m *item.Message, e *Email, match Match) Match {
	match.Email, match.Regarding = e.Ref, e.Regarding
	match.Subject = !sameHashes(r.words(m.Subject), e.Words)
	return match
}

// trusted reports whether a sender may answer any email: by the switch, or as a user of
// the organization.
func (r *Rules) trusted(parties []Party) bool {
	return r.settings.Correlation.TrustStrangers || slices.ContainsFunc(parties, func(p Party) bool {
		return p.Kind == User && !p.Inactive
	})
}

// A matching is the search for what one message answers.
type matching struct {
	rules    *Rules
	message  *item.Message
	local    string // of the sender's address, without subaddress
	domain   string // with the at sign
	trusted  bool   // the sender may answer any email
	believed bool   // From names one sender beyond doubt

	best  *Email // what counts, or else what is suggested
	match Match
}

// take looks at emails that match by one key, and reports whether one of them counts.
func (s *matching) take(emails []*Email, match Match, fits func(*Email) bool) bool {
	for _, e := range emails {
		if sameMessage(s.message, e) || fits != nil && !fits(e) {
			continue
		}
		if s.known(e) {
			s.best, s.match = e, match
			return true
		}
		if s.best == nil {
			match.Suggested = true
			s.best, s.match = e, match
			match.Suggested = false
		}
	}
	return false
}

// known reports whether the sender had a part in an email.
func (s *matching) known(e *Email) bool {
	if !s.believed {
		return false
	}
	return s.trusted || s.domain != "" && slices.ContainsFunc(e.Participants, func(p string) bool {
		if !strings.HasSuffix(p, s.domain) {
			return false // most of them
		}
		local, _ := splitPerson(p)
		return local == s.local
	})
}

func (s *matching) byID(k *keys, in *found) bool {
	for i, id := range k.ids {
		match := Match{Method: ByReferences, Key: id}
		if i < k.inReplyTo {
			match.Method, match.Parent = ByInReplyTo, true
		}
		if s.take(in.byID[id], match, nil) {
			return true
		}
	}
	return false
}

func (s *matching) byToken(k *keys, in *found) bool {
	for _, token := range k.tokens {
		if s.take(in.byToken[token], Match{Method: ByToken, Key: token}, nil) {
			return true
		}
	}
	return false
}

// byConversation asks for the same subject as well, and for one that has words.
func (s *matching) byConversation(k *keys, in *found) bool {
	emails := in.byConversation[k.conversation]
	if k.conversation == "" || len(emails) == 0 {
		return false
	}
	words := s.rules.words(s.message.Subject)
	return len(words) > 0 && s.take(emails, Match{Method: ByConversation, Parent: true, Key: k.conversation}, func(e *Email) bool {
		return sameHashes(words, e.Words)
	})
}

// bySmart looks at the emails that have one of the message's rarest words: of those
// that are alike enough, each has one of any WordDelta+1 words of it.
func (s *matching) bySmart(k *keys, in *found) bool {
	if len(k.smart.Words) == 0 {
		return false
	}
	byWord := in.words()
	words := slices.Clone(k.smart.Words)
	slices.SortStableFunc(words, func(a, b uint64) int { return cmp.Compare(len(byWord[a]), len(byWord[b])) })
	candidates := byWord[words[0]]
	if more := words[1:min(len(words), k.wordDelta+1)]; len(more) > 0 {
		candidates = slices.Clone(candidates)
		for _, h := range more {
			candidates = append(candidates, byWord[h]...)
		}
		slices.SortStableFunc(candidates, newerFirst) // several lists make one in disorder
	}
	latest := s.message.Date.Add(clockSkew)
	return s.take(candidates, Match{Method: BySmart}, func(e *Email) bool {
		return e.Sent.After(k.since) && !e.Sent.After(latest) && s.rules.alike(k.smart, e.Words, e.People)
	})
}

// sameMessage reports whether an email is the message itself.
func sameMessage(m *item.Message, e *Email) bool { return slices.Contains(e.IDs, m.MessageID) }

// sameHashes reports whether two lists have the same hashes, in any order.
func sameHashes(a, b []uint64) bool { return len(a) == len(b) && common(a, b) == len(a) }

// Index returns all that an email is found by later, for a Store to keep: its ids,
// token, conversation, words and people, the addresses of everybody involved, and when
// it was sent. Ref, Regarding and Owner are for others to fill in.
//
// Only an outgoing email has a token. One in incoming mail is what somebody else
// wrote, who would draw the answers to ours to theirs.
func (r *Rules) Index(m *item.Message, direction Direction) Email {
	e := Email{
		Direction: direction, Sent: m.Date, Conversation: conversationOf(m),
		Words: r.words(m.Subject), People: r.people(m),
		Recipients: addressesOf(m.To, m.Cc, m.Bcc),
	}
	if m.MessageID != "" {
		e.IDs = []string{m.MessageID}
	}
	if tokens := r.tokensIn(m.Subject); direction == Outgoing && len(tokens) > 0 {
		e.Token = tokens[0]
	}
	e.Participants = addressesOf(m.From, m.Sender, m.ReplyTo, m.To, m.Cc, m.Bcc)
	return e
}

// addressesOf returns the addresses of lists in lower case, each once.
func addressesOf(lists ...[]item.Address) (all []string) {
	for _, list := range lists {
		for _, a := range list {
			if folded := foldAddress(a.Addr); strings.Contains(folded, "@") {
				all = append(all, folded)
			}
		}
	}
	return unique(all)
}
