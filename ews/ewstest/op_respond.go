package ewstest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
)

// responses are what can be created in answer to an item that is there.
var responses = []string{"ReplyToItem", "ReplyAllToItem", "ForwardItem", "AcceptItem", "TentativelyAcceptItem", "DeclineItem", "SuppressReadReceipt", "CancelCalendarItem", "RemoveItem"}

func isResponse(n *node) bool { return slices.Contains(responses, n.name.Local) }

// respond creates an answer to an item.
func (q *request) respond(n *node) (result, error) {
	ref := n.child("ReferenceItemId")
	if ref == nil {
		return nil, badRequest("The item that is answered is missing.")
	}
	it, err := q.item(ref)
	if err != nil {
		return nil, err
	}
	if key := ref.attr("ChangeKey"); key != "" && key != it.key() {
		return nil, stale()
	}
	switch n.name.Local {
	case "SuppressReadReceipt":
		return func(w *soap.Writer) { w.Empty("m:Items") }, nil
	case "RemoveItem":
		it.delete("MoveToDeletedItems")
		return func(w *soap.Writer) { w.Empty("m:Items") }, nil
	case "AcceptItem", "TentativelyAcceptItem", "DeclineItem", "CancelCalendarItem":
		return q.respondToMeeting(n, it)
	}
	return q.reply(n, it)
}

// reply creates an answer to a message, or forwards it.
func (q *request) reply(n *node, to *stored) (result, error) {
	m := q.model()
	box, err := q.box()
	if err != nil {
		return nil, err
	}
	now := m.now()
	a := &stored{kind: kindOf("Message"), class: "IPM.Note", draft: true, read: true, received: now, created: now, modified: now, by: q.name(), set: make(map[string]*node)}
	a.set["Subject"] = elem("Subject", map[bool]string{true: "FW: ", false: "RE: "}[n.name.Local == "ForwardItem"]+to.topic())
	a.set["From"] = group("From", m.address(item.Address{Name: box.name, Addr: box.address}))
	if id := to.property(q, "InternetMessageId").value(); id != "" {
		a.set["InReplyTo"] = elem("InReplyTo", id)
		a.set["References"] = elem("References", strings.TrimSpace(to.property(q, "References").value()+" "+id))
	}
	a.set["ConversationTopic"] = elem("ConversationTopic", to.topic())
	if index, ok := item.AnswerThreadIndex(to.conversationIndex(), now, byte(m.next())); ok {
		a.set["ConversationIndex"] = elem("ConversationIndex", index)
	}
	if n.name.Local != "ForwardItem" {
		people := to.people("ReplyTo")
		if len(people) == 0 {
			people = to.people("From")
		}
		if n.name.Local == "ReplyAllToItem" {
			people = append(slices.Clone(people), to.people("ToRecipients")...)
			people = slices.DeleteFunc(people, func(p item.Address) bool { return box.is(p.Addr) })
			if cc := m.addresses("CcRecipients", to.people("CcRecipients")); cc != nil {
				a.set["CcRecipients"] = cc
			}
		}
		if list := m.addresses("ToRecipients", people); list != nil {
			a.set["ToRecipients"] = list
		}
	} else {
		for _, f := range to.attached() {
			c := *f
			c.number = 1000 + len(a.files)
			a.files = append(a.files, &c)
		}
	}
	kind, quoted := to.body("Best")
	if c := n.child("NewBodyContent"); c != nil {
		if kind = c.attr("BodyType"); kind == "Text" {
			quoted = to.plain()
		}
		quoted = c.value() + "\r\n" + quoted
	}
	a.set["Body"] = elem("Body", quoted).with("BodyType", kind)
	for _, c := range n.children {
		switch c.name.Local {
		case "ReferenceItemId", "NewBodyContent", "ReceivedBy", "ReceivedRepresenting":
			continue
		}
		if err := a.give(q, c, true); err != nil {
			return nil, err
		}
	}
	return q.dispose(a)
}

// dispose keeps or sends a message that was made, as MessageDisposition says.
func (q *request) dispose(a *stored) (result, error) {
	how := q.body.attr("MessageDisposition")
	if how == "" {
		return nil, fail("ErrorMessageDispositionRequired", "Message disposition is required.")
	}
	to, err := q.target(a, how != "SaveOnly", how != "SendOnly")
	if err != nil {
		return nil, err
	}
	if how != "SaveOnly" {
		if err := q.send(a, to); err != nil {
			return nil, err
		}
		return func(w *soap.Writer) { w.Empty("m:Items") }, nil
	}
	a.add(to, false)
	return withItem(a), nil
}

// respondToMeeting accepts or declines a request for a meeting, or cancels one's own.
func (q *request) respondToMeeting(n *node, it *stored) (result, error) {
	own := it.kind.name == "CalendarItem"
	what := map[string][3]string{
		"AcceptItem": {"Accepted: ", "Pos", "ACCEPTED"}, "TentativelyAcceptItem": {"Tentative: ", "Tent", "TENTATIVE"},
		"DeclineItem": {"Declined: ", "Neg", "DECLINED"}, "CancelCalendarItem": {"Canceled: ", "", "CANCELLED"},
	}[n.name.Local]
	cancel := n.name.Local == "CancelCalendarItem"
	if cancel != own {
		return nil, fail("ErrorCalendarIsNotOrganizer", "The item cannot be answered so.")
	}
	box, err := q.box()
	if err != nil {
		return nil, err
	}
	var people []string
	method := "REPLY"
	if cancel {
		method = "CANCEL"
		people = it.attendees()
	} else if from := it.sender(); from.Addr != "" {
		people = []string{from.Addr}
	}
	if q.body.attr("MessageDisposition") != "SaveOnly" && len(people) > 0 {
		box.sendCalendar(it, people, what[0]+it.subject(), method, what[2])
	}
	it.delete("MoveToDeletedItems")
	return func(w *soap.Writer) { w.Empty("m:Items") }, nil
}

// attendees returns the addresses of those who are invited.
func (it *stored) attendees() (all []string) {
	for _, name := range []string{"RequiredAttendees", "OptionalAttendees", "Resources"} {
		for _, a := range list(it.set[name]) {
			if address := a.at("Mailbox", "EmailAddress").value(); address != "" {
				all = append(all, address)
			}
		}
	}
	return all
}

// invite sends requests for a meeting to those who are invited.
func (q *request) invite(it *stored) {
	box, err := q.box()
	if err != nil {
		return
	}
	if people := it.attendees(); len(people) > 0 {
		box.sendCalendar(it, people, it.subject(), "REQUEST", "NEEDS-ACTION")
		it.submitted = true
	}
}

// sendCalendar sends a message about a calendar item (RFC 6047).
func (b *mailbox) sendCalendar(it *stored, people []string, subject, method, status string) {
	m := b.model
	var p printer
	p.people("From", []item.Address{{Name: b.name, Addr: b.address}})
	var to []item.Address
	for _, a := range people {
		to = append(to, item.Address{Addr: a})
	}
	p.people("To", to)
	p.text("Subject", subject)
	p.line("Date", m.now().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	_, domain, _ := strings.Cut(b.address, "@")
	p.line("Message-ID", fmt.Sprintf("<%016X%016X@%s>", hash(method), m.next(), domain))
	p.line("MIME-Version", "1.0")
	text := string(it.calendar())
	text = strings.Replace(text, "METHOD:PUBLISH", "METHOD:"+method, 1)
	lines := "ORGANIZER:mailto:" + b.address + "\r\n"
	if method == "REPLY" {
		lines = "ATTENDEE;PARTSTAT=" + status + ":mailto:" + b.address + "\r\n"
	} else {
		for _, a := range people {
			lines += "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:" + a + "\r\n"
		}
	}
	text = strings.Replace(text, "END:VEVENT", lines+"END:VEVENT", 1)
	p.leaf(`text/calendar; charset=utf-8; method=`+method, "", text)
	raw := p.Bytes()
	m.sent = append(m.sent, SentMessage{From: b.address, Recipients: people, Raw: raw})
	for _, a := range people {
		if to := m.mailbox(a); to != nil {
			to.deliver(raw)
		}
	}
}
