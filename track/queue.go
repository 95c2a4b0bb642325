package track

import "slices"

// queues returns the queues that get an item for the email, each once, by the
// switches of [mailbox.Queues].
func (h *hearing) queues() (list []Ref) {
	switches := &h.rules.settings.Queues
	if h.v.Direction == Outgoing || h.v.Known && !switches.ForKnown {
		return nil
	}
	add := func(ref Ref) {
		if ref != (Ref{}) && !slices.Contains(list, ref) {
			list = append(list, ref)
		}
	}
	for i := range h.candidates {
		c := &h.candidates[i]
		if c.party.Kind != Queue || !c.asked || c.rule == "" {
			continue
		}
		if c.named && !switches.NotForRecipients || !c.named && !switches.NotForReceiving {
			add(c.party.Ref)
		}
	}
	if switches.ForOwner {
		add(h.queueOfOwner())
	}
	return list
}

// queueOfOwner returns the default queue of the email's owner.
func (h *hearing) queueOfOwner() Ref {
	queue := func(p *Party) Ref {
		if p.Kind == Queue {
			return p.Ref
		}
		return p.Queue
	}
	for i := range h.candidates {
		if p := h.candidates[i].party; p.Ref == h.v.Owner {
			return queue(p)
		}
	}
	return Ref{}
}
