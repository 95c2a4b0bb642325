package track

import "github.com/go-serversync/serversync/mailbox"

// A candidate is a user or queue whose setting may decide about a message.
type candidate struct {
	party   *Party
	named   bool // as a recipient
	asked   bool // by the organization's switches
	setting mailbox.Accept
	rule    Rule // by which the setting accepts the message, "" if it does not
}

// evidence says who accepts what.
func (c *candidate) evidence() string {
	who := c.party.Ref.String()
	if who == "" {
		who = "the mailbox"
	}
	return who + " accepts " + string(c.setting)
}

// summon lists the candidates, in the order To, Cc, Bcc (Microsoft: "Email message
// filtering and correlation"). A mailbox that is no recipient by name, as one in Bcc
// or on a distribution list, is the last, and asked only if it accepts every email.
func (h *hearing) summon() {
	h.candidates = make([]candidate, 0, 4)
	for i := range h.v.Recipients {
		r := &h.v.Recipients[i]
		found := false
		// A switch may have left r.Parties empty: it is about links, not about settings.
		list := h.names.recipient(r.Address)
		for j := range list {
			if p := &list[j]; p.receives() {
				found = found || p.Ref == h.own.party.Ref
				h.candidate(p, true)
			}
		}
		if h.own.is(r.Address) {
			h.named = true
			if !found {
				h.candidate(&h.own.party, true)
			}
		}
	}
	if !h.named {
		h.candidate(&h.own.party, false)
	}
}

func (h *hearing) candidate(p *Party, named bool) {
	c := candidate{party: p, named: named, setting: h.rules.setting(p, h.own)}
	c.asked = (named || c.setting == mailbox.AcceptAll) && h.names.counts(p) &&
		(!h.rules.settings.OnlyReceiving || p.Ref == h.own.party.Ref)
	if c.asked {
		c.rule = h.accepts(c.setting, h.v.Sender)
	}
	if named && p.Ref == h.own.party.Ref && p.Ref != (Ref{}) {
		h.named = true
	}
	h.candidates = append(h.candidates, c)
}

// accepts returns the rule by which a setting accepts the message, or "". From are
// those whom it is from; for sent mail, those whom it is to.
func (h *hearing) accepts(setting mailbox.Accept, from []Party) Rule {
	match := &h.v.Match
	switch setting {
	case mailbox.AcceptAll:
		return AcceptedAll
	case mailbox.AcceptReplies:
		if match.Method != NoMatch && !match.Suggested {
			return AcceptedReply
		}
	case mailbox.AcceptKnown:
		for i := range from {
			if from[i].client() {
				return AcceptedKnown
			}
		}
	case mailbox.AcceptRecords:
		if len(from) > 0 {
			return AcceptedRecord
		}
	}
	return ""
}

// accepted asks the candidates. The first who accepts is the accepting one.
func (h *hearing) accepted() bool {
	c := h.accepting()
	if c == nil {
		return false
	}
	h.v.Accepting = c.party.Ref
	return h.track(c.rule, c.evidence())
}

func (h *hearing) accepting() *candidate {
	for i := range h.candidates {
		if c := &h.candidates[i]; c.asked && c.rule != "" {
			return c
		}
	}
	return nil
}
