package track

// internal leaves out what users send each other, by the switches of
// [mailbox.Internal]: users are not asked any more, and queues only where mail to
// queues is brought in. Email that no user sent by us, or that is not tracked as
// outgoing, is brought in unless a switch says otherwise.
func (h *hearing) internal() bool {
	switches := &h.rules.settings.Internal
	sender, is := h.colleague()
	if !is || !switches.Ignore ||
		sender.Kind == Queue && !switches.IgnoreFromQueues ||
		h.ours == nil && !switches.IgnoreUnseen {
		return false
	}
	before, after := 0, 0
	for i := range h.candidates {
		c := &h.candidates[i]
		if !c.asked {
			continue
		}
		before++
		if c.asked = c.party.Kind == Queue && !switches.IgnoreToQueues; c.asked {
			after++
		}
	}
	return before > 0 && after == 0 && h.ignore(Internal, "from "+sender.Ref.String())
}
