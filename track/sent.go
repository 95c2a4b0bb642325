package track

import "slices"

// ownSent recognizes what we sent ourselves: among the sent mail, or elsewhere in the
// sender's own mailbox. What lies with somebody it was sent to, be it in Bcc, has
// come in there, and is judged as such.
func (h *hearing) ownSent() bool {
	if h.ours == nil || !h.sent && !h.filedBySender() {
		return false
	}
	h.v.Direction = Outgoing
	return h.track(OwnSent, h.ours.Ref.String())
}

// rewritten returns the email of ours that lies among the sent mail under a Message-ID
// which a server put in place of ours; nil if it is none. Those we wrote to can copy the
// field that names ours, so it counts for the sender's own copy of that very email.
func (h *hearing) rewritten() *Email {
	for _, e := range h.court.in.byID[h.e.sentAs] {
		if e.Direction == Outgoing && sameTime(e, h.e) && slices.Contains(e.Participants, h.e.from) {
			return e
		}
	}
	return nil
}

// filedBySender reports whether an email of ours lies in its sender's mailbox, and
// did not get there as one of its recipients.
func (h *hearing) filedBySender() bool {
	if h.named || !h.own.is(h.e.from) {
		return false
	}
	for _, address := range h.ours.Recipients {
		if h.own.is(address) {
			return false
		}
	}
	return true
}

// sentItem judges what a user sent with another program. The mailbox's own setting
// decides, and what it says of senders it says of recipients.
func (h *hearing) sentItem() bool {
	if !h.sent {
		return false
	}
	if !h.rules.settings.Sent {
		return h.ignore(SentUntracked, "")
	}
	c := candidate{party: &h.own.party, setting: h.rules.setting(&h.own.party, h.own)}
	if c.rule = h.accepts(c.setting, h.others()); c.rule != "" {
		h.v.Accepting = h.own.party.Ref
		return h.track(SentItem, c.evidence())
	}
	c.asked = true
	h.candidates = append(h.candidates[:0], c)
	h.refuse()
	return true
}

// others returns whom the message is to, but for the mailbox itself.
func (h *hearing) others() (list []Party) {
	for i := range h.v.Recipients {
		for _, p := range h.v.Recipients[i].Parties {
			if p.Ref != h.own.party.Ref {
				list = append(list, p)
			}
		}
	}
	return list
}
