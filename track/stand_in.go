package track

// This file stands in for what is made elsewhere at the same time. It goes when the
// two are put together.

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/item"
)

type keys struct{ replyTo, references []string }

func (r *Rules) keysOf(m *item.Message) keys { return keys{m.InReplyTo, m.References} }

func (k *keys) ask(q *Query) { q.IDs = append(append(q.IDs, k.replyTo...), k.references...) }

func (q *Query) compact() {
	slices.Sort(q.IDs)
	q.IDs = slices.Compact(q.IDs)
}

type found struct{ byID map[string]*Email }

func newFound(emails []Email) *found {
	f := &found{make(map[string]*Email)}
	for i := range emails {
		for _, id := range emails[i].IDs {
			f.byID[id] = &emails[i]
		}
	}
	return f
}

func (r *Rules) match(m *item.Message, k *keys, sender string, parties []Party, in *found) Match {
	try := func(method Method, id string) (Match, bool) {
		e := in.byID[id]
		if e == nil {
			return Match{}, false
		}
		stranger := !slices.Contains(e.Participants, sender) && !r.settings.Correlation.TrustStrangers
		return Match{Method: method, Email: e.Ref, Regarding: e.Regarding, Parent: method == ByInReplyTo, Suggested: stranger, Key: id}, true
	}
	for _, id := range k.replyTo {
		if match, ok := try(ByInReplyTo, id); ok {
			return match
		}
	}
	for _, id := range slices.Backward(k.references) {
		if match, ok := try(ByReferences, id); ok {
			return match
		}
	}
	return Match{}
}

// Index stands in.
func (r *Rules) Index(m *item.Message, direction Direction) Email {
	e := Email{Direction: direction, Sent: m.Date, IDs: []string{m.MessageID}}
	for _, list := range [][]item.Address{m.From, m.To, m.Cc, m.Bcc} {
		for _, a := range list {
			e.Participants = append(e.Participants, strings.ToLower(a.Addr))
		}
	}
	return e
}

// Sign stands in.
func (s *Signer) Sign(organization, use, text string) string {
	mac := hmac.New(sha256.New, []byte(s.keys[0].Key.Reveal()))
	mac.Write([]byte(organization + "\x00" + use + "\x00" + text))
	return s.keys[0].ID + "." + hex.EncodeToString(mac.Sum(nil)[:16])
}

// Check stands in.
func (s *Signer) Check(organization, use, text, mac string) bool {
	return hmac.Equal([]byte(s.Sign(organization, use, text)), []byte(mac))
}
