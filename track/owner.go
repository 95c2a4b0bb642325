package track

// regarding returns the record that the message belongs to. A person's word, which
// the tracked folder is, counts before what we know, and that before what we found.
func (h *hearing) regarding() Ref {
	folder := h.v.Rule == TrackedByFolder && h.court.reading.Regarding != (Ref{})
	switch match := &h.v.Match; {
	case folder:
		return h.court.reading.Regarding
	case h.v.Direction == Outgoing && h.ours != nil:
		return h.ours.Regarding
	case h.about != nil:
		return h.about.Regarding
	case h.known != nil && h.known.Regarding != (Ref{}):
		return h.known.Regarding
	case match.Method != NoMatch && !match.Suggested:
		return match.Regarding
	}
	return Ref{}
}

// owner returns who owns the email (Microsoft: "Determine the owner of a tracked
// email"): of the users and queues among its recipients, To before Cc before Bcc, the
// one who owns what it belongs to; or else, of those who accept it, the one who owns
// the sender's record; or else the first of them. Where there is none it is whoever
// accepts it, or whose mailbox it was read from.
func (h *hearing) owner() Ref {
	if h.v.Direction == Outgoing {
		if h.ours != nil && h.ours.Owner != (Ref{}) {
			return h.ours.Owner
		}
		return h.own.party.Ref
	}
	if of := h.ownerOfRegarding(); of != (Ref{}) && h.recipient(of, false) {
		return of
	}
	if len(h.v.Sender) > 0 && h.v.Sender[0].client() {
		if of := h.v.Sender[0].Owner; of != (Ref{}) && h.recipient(of, true) {
			return of
		}
	}
	for i := range h.candidates {
		if c := &h.candidates[i]; c.named && h.eligible(c) {
			return c.party.Ref
		}
	}
	if h.v.Accepting != (Ref{}) {
		return h.v.Accepting
	}
	return h.own.party.Ref
}

// ownerOfRegarding returns who owns what the message belongs to, if an email that we
// know belongs to the same.
func (h *hearing) ownerOfRegarding() Ref {
	if h.v.Regarding == (Ref{}) {
		return Ref{}
	}
	for _, e := range [...]*Email{h.about, h.known, h.court.in.byRef[h.v.Match.Email]} {
		if e != nil && e.Regarding == h.v.Regarding {
			return e.Owner
		}
	}
	return Ref{}
}

// recipient reports whether ref is a user or queue among the recipients.
func (h *hearing) recipient(ref Ref, eligible bool) bool {
	for i := range h.candidates {
		if c := &h.candidates[i]; c.named && c.party.Ref == ref && (!eligible || h.eligible(c)) {
			return true
		}
	}
	return false
}

// eligible reports whether the email may be given to a recipient: one who accepts it,
// or anyone where it is tracked whatever they accept.
func (h *hearing) eligible(c *candidate) bool {
	switch h.v.Rule {
	case TrackedByFolder, TrackedCategory, Bounce:
		return c.party.Ref != Ref{} && h.names.counts(c.party)
	}
	return c.asked && c.rule != "" && c.party.Ref != Ref{}
}

// create returns what is to be made of a sender whom nobody knows (Microsoft:
// "Automatically create records"): only of a person, who wrote from one address.
func (h *hearing) create() Kind {
	if h.v.Direction == Outgoing || h.rules.settings.Parties.NoCreate || h.v.Notice.Kind != "" ||
		h.e.from == "" || len(h.court.parties[h.e.from]) > 0 || h.own.is(h.e.from) {
		return ""
	}
	for i := range h.candidates {
		if c := &h.candidates[i]; c.party.Ref == h.v.Accepting && c.party.Ref != (Ref{}) {
			return created(c.party.Creates)
		}
	}
	return created(h.own.party.Creates)
}

// created returns what may be created.
func created(kind Kind) Kind {
	if kind == Contact || kind == Lead {
		return kind
	}
	return ""
}
