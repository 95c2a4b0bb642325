package track

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/go-serversync/serversync/mailbox"
)

// A court judges the messages of a page, with the answers to the page's questions.
type court struct {
	rules   *Rules
	reading *Reading
	parties map[string][]Party
	in      *found
	own     *own
	names   *resolver
}

func newCourt(p *Page, parties map[string][]Party, emails []Email) *court {
	c := &court{rules: p.rules, reading: &p.reading, parties: parties, in: newFound(emails)}
	c.own = ownOf(&p.reading.Mailbox, p.addresses, parties)
	c.names = p.rules.resolver(parties, c.own.party.Ref)
	return c
}

// judge returns the verdict on a message.
func (c *court) judge(e *entry) Verdict {
	hearing := hearing{rules: c.rules, court: c, e: e, own: c.own, names: c.names, sent: c.reading.Sent}
	h := &hearing
	if c.reading.Mailbox.Kind == mailbox.Forward && !h.forwarded() {
		return h.v
	}
	h.v.Direction, h.v.Receiving, h.v.Notice = Incoming, h.own.party.Ref, e.notice
	if h.sent {
		h.v.Direction = Outgoing
	}
	h.resolve()
	h.find()
	h.summon()
	// The first that holds decides; RuleTexts are in this order.
	switch {
	case h.tooLarge(), h.protected(), h.needsWhole(), h.byHand(), h.loops(), h.ownSent(), h.sentItem(),
		h.bounces(), h.internal(), h.accepted():
	default:
		h.refuse()
	}
	h.conclude()
	return h.v
}

// A hearing is about one message.
type hearing struct {
	rules *Rules
	court *court
	e     *entry
	own   *own
	names *resolver
	sent  bool // it lies among the sent mail

	sender     []Party // all that the sender's address stands for
	candidates []candidate
	named      bool // the mailbox is among the recipients

	ours  *Email // that the message is, if we sent it
	known *Email // that the message is, if it came in before
	about *Email // of ours, that a report tells of

	v Verdict
}

// track and ignore decide. Both return true, for judge's switch.
func (h *hearing) track(rule Rule, evidence string) bool {
	h.v.Tracked, h.v.Rule, h.v.Evidence = true, rule, evidence
	return true
}

func (h *hearing) ignore(rule Rule, evidence string) bool {
	h.v.Tracked, h.v.Rule, h.v.Evidence = false, rule, evidence
	return true
}

// resolve finds out who everybody is.
func (h *hearing) resolve() {
	switches := &h.rules.settings.Parties
	h.sender = h.names.sender(h.e.from)
	if len(h.sender) == 1 || len(h.sender) > 1 && !switches.AmbiguousSender {
		h.v.Sender = h.sender[:1:1]
	}
	if len(h.e.to) == 0 {
		return
	}
	h.v.Recipients = make([]Recipient, len(h.e.to))
	for i, r := range h.e.to {
		list := h.names.recipient(r.address)
		if len(list) == 0 && h.own.party.Ref != (Ref{}) && h.names.counts(&h.own.party) && h.own.is(r.address) {
			list = []Party{h.own.party} // an address that the directory does not know
		}
		h.v.Recipients[i] = Recipient{Role: r.role, Address: r.address}
		if len(list) == 1 || len(list) > 1 && !switches.AmbiguousRecipients {
			h.v.Recipients[i].Parties = list[:len(list):len(list)]
		}
	}
}

// find looks for what is tracked already: the message itself, what it answers and
// what it reports of.
func (h *hearing) find() {
	for _, e := range h.court.in.byID[h.e.MessageID] {
		took := slices.Contains(e.Participants, h.e.from)
		switch e.Direction {
		case Outgoing:
			// Anybody to whom we wrote knows the id.
			if _, internal := h.colleague(); h.ours == nil && (h.sent || took && internal) {
				h.ours = e
			}
		default:
			// Some write one id into many messages.
			if h.known == nil && (took || h.e.from == "") && sameTime(e, h.e) {
				h.known = e
			}
		}
	}
	if h.ours == nil && h.e.sentAs != "" {
		h.ours = h.rewritten()
	}
	h.v.Match = h.rules.match(h.e.Message.Message, &h.e.keys, h.e.from, h.sender, h.court.in)
	h.v.Match.Guessed = h.e.keys.guessed
	if h.e.Whole && !h.sent && reports(&h.e.notice) {
		h.about, h.v.Outcomes = outcomes(&h.e.notice, h.court.in.byID[h.e.notice.MessageID])
	}
}

// sameTime reports whether a message bears the time that an email was sent at, as
// far as it is known. Stores may keep fractions of a second or not.
func sameTime(e *Email, m *entry) bool {
	return e.Sent.IsZero() || m.Date.IsZero() || e.Sent.Unix() == m.Date.Unix()
}

// colleague returns the user or queue that the sender is.
func (h *hearing) colleague() (Party, bool) {
	if h.own.is(h.e.from) {
		return h.own.party, true
	}
	for _, p := range h.sender {
		if p.receives() {
			return p, true
		}
	}
	return Party{}, false
}

func (h *hearing) tooLarge() bool {
	return h.rules.oversize(&h.e.Message) &&
		h.ignore(TooLarge, fmt.Sprintf("%d of at most %d bytes", sizeOf(&h.e.Message), h.rules.settings.Content.MaxMessage))
}

func (h *hearing) protected() bool {
	if !h.rules.settings.NoProtected {
		return false
	}
	evidence := protection(h.e.Message.Message)
	return evidence != "" && h.ignore(Protected, evidence)
}

// needsWhole asks for the body where what a report tells may matter.
func (h *hearing) needsWhole() bool {
	if h.e.Whole || h.sent || !h.e.notice.NeedsBody {
		return false
	}
	h.v.NeedsBody = true
	return h.track(NeedsWhole, h.e.notice.Evidence)
}

// byHand is what a person wants, whatever the settings say.
func (h *hearing) byHand() bool {
	switch {
	case h.court.reading.Folder && !h.rules.settings.NoFolders:
		return h.track(TrackedByFolder, "")
	case h.e.Category && !h.rules.settings.NoCategories:
		return h.track(TrackedCategory, "")
	}
	return false
}

func (h *hearing) loops() bool {
	n := h.rules.hops(h.e.Message.Message)
	return n >= maxHops && h.ignore(Loop, strconv.Itoa(n)+" answers by programs")
}

// refuse says why nobody accepts the message.
func (h *hearing) refuse() {
	match := &h.v.Match
	var replies, any *candidate
	for i := range h.candidates {
		c := &h.candidates[i]
		if !c.asked {
			continue
		}
		if any == nil {
			any = c
		}
		if replies == nil && c.setting == mailbox.AcceptReplies {
			replies = c
		}
	}
	switch {
	case any == nil:
		h.ignore(NoRecipient, "")
	case replies != nil && match.Method != NoMatch && match.Suggested:
		h.ignore(Stranger, replies.evidence())
	case replies != nil:
		h.ignore(NoReply, replies.evidence())
	default:
		h.ignore(NotAccepted, any.evidence())
	}
}

// conclude says what follows from the decision.
func (h *hearing) conclude() {
	v := &h.v
	if !v.Tracked || v.NeedsBody {
		v.Outcomes = nil
		return
	}
	if h.ours != nil && v.Direction == Outgoing || h.known != nil && v.Direction == Incoming {
		v.Known = true
	}
	v.Regarding = h.regarding()
	v.Owner = h.owner()
	v.Queues = h.queues()
	v.Create = h.create()
	if h.e.Whole {
		v.LeftOut = h.rules.LeftOut(h.e.Message.Message)
	}
}
