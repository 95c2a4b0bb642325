package ewstest

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"time"

	"github.com/go-serversync/serversync/item"
)

// newMail returns a message that came as raw, which is in no folder yet.
func newMail(m *model, raw []byte, received time.Time) *stored {
	it := &stored{
		kind: kindOf("Message"), class: "IPM.Note", received: received.UTC(), created: received.UTC(), modified: received.UTC(),
		raw: item.NewBlob(raw), set: make(map[string]*node),
	}
	it.class = classOf(it.head(), raw)
	it.kind = kindOfClass(it.class)
	return it
}

var calendarMethod = regexp.MustCompile(`(?i)content-type:\s*text/calendar;[^\n]*(?:\r?\n[ \t][^\n]*)*?method="?([a-z]+)`)

// classOf returns the class that Exchange gives to a message that comes in.
func classOf(h *item.Message, raw []byte) string {
	kind := strings.ToLower(field(h, "Content-Type"))
	switch {
	case strings.HasPrefix(kind, "multipart/report") && strings.Contains(kind, "delivery-status"):
		return "REPORT.IPM.Note.NDR"
	case strings.HasPrefix(kind, "multipart/report") && strings.Contains(kind, "disposition-notification"):
		return "REPORT.IPM.Note.IPNRN"
	case strings.HasPrefix(kind, "multipart/signed"):
		return "IPM.Note.SMIME.MultipartSigned"
	case strings.HasPrefix(kind, "application/pkcs7-mime"), strings.HasPrefix(kind, "application/x-pkcs7-mime"):
		return "IPM.Note.SMIME"
	case !bytes.Contains(raw, []byte("alendar")) && !bytes.Contains(raw, []byte("ALENDAR")):
		return "IPM.Note"
	}
	if found := calendarMethod.FindSubmatch(raw); found != nil {
		switch strings.ToUpper(string(found[1])) {
		case "REQUEST":
			return "IPM.Schedule.Meeting.Request"
		case "CANCEL":
			return "IPM.Schedule.Meeting.Canceled"
		case "REPLY":
			return "IPM.Schedule.Meeting.Resp.Pos"
		}
	}
	return "IPM.Note"
}

// readOnly are the properties that nobody may set.
var readOnly = map[string]bool{
	"ItemId": true, "ParentFolderId": true, "DateTimeReceived": true, "Size": true, "IsSubmitted": true, "IsFromMe": true,
	"IsResend": true, "IsUnmodified": true, "InternetMessageHeaders": true, "DateTimeSent": true, "DateTimeCreated": true,
	"ResponseObjects": true, "DisplayCc": true, "DisplayTo": true, "HasAttachments": true, "EffectiveRights": true,
	"LastModifiedName": true, "LastModifiedTime": true, "ConversationId": true, "UniqueBody": true, "IsDraft": true,
	"CalendarItemType": true, "IsRecurring": true, "IsCancelled": true, "IsMeeting": true, "MeetingRequestWasSent": true,
	"Organizer": true, "CompleteName": true, "IsComplete": true, "StatusDescription": true, "IsAssociated": true,
	"ReceivedBy": true, "ReceivedRepresenting": true, "Preview": true, "InstanceKey": true, "StoreEntryId": true, "TextBody": true,
	"ConversationTopic": true, "AssignedTime": true, "ChangeCount": true, "Delegator": true, "IsTeamTask": true,
	"IsAssignmentEditable": true, "PostedTime": true, "HasPicture": true, "SearchKey": true,
}

// readItem makes an item of the element with which somebody creates it.
func (q *request) readItem(n *node) (*stored, error) {
	k := kindOf(n.name.Local)
	if k == nil {
		return nil, badRequest("Items of this kind cannot be created.")
	}
	m := q.model()
	now := m.now()
	it := &stored{kind: k, class: k.class, draft: k.isMail(), read: true, set: make(map[string]*node)}
	if encoded := n.child("MimeContent"); encoded != nil {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded.value()), ""))
		switch {
		case err != nil || len(raw) == 0:
			return nil, fail("ErrorMimeContentInvalidBase64String", "The MIME content is no base64.")
		case !k.isMail() && k.name != "CalendarItem":
			return nil, fail("ErrorUnsupportedMimeConversion", "Items of this type cannot be made of MIME.")
		}
		it.raw = item.NewBlob(raw)
	}
	it.received, it.created, it.modified, it.by = now, now, now, q.name()
	for _, c := range n.children {
		if err := it.give(q, c, true); err != nil {
			return nil, err
		}
	}
	it.flags()
	if k.name == "CalendarItem" {
		if err := it.checkTimes(); err != nil {
			return nil, err
		}
	}
	return it, nil
}

// name is what the one who acts is called.
func (q *request) name() string {
	if b := q.model().mailbox(q.acting); b != nil {
		return b.name
	}
	return q.acting
}

// checkTimes checks that a calendar item does not end before it begins, nor lasts for years.
func (it *stored) checkTimes() error {
	start, end := it.times()
	switch {
	case it.set["Start"] != nil && it.set["End"] != nil && end.Before(start):
		return fail("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate.")
	case end.Sub(start) > 5*366*24*time.Hour && it.set["Start"] != nil:
		return fail("ErrorCalendarDurationIsTooLong", "The duration is more than five years.")
	}
	return nil
}

// flags does what properties of MAPI that are set at creation say about an item: whether it is a
// draft and read, and when it was received.
func (it *stored) flags() {
	if e, ok := find(it.ext, propertyName{tag: 0x0E07, kind: "Integer"}); ok {
		flags := 0
		for _, c := range e.values[0] {
			flags = flags*10 + int(c-'0')
		}
		it.draft, it.read, it.associated = flags&8 != 0, flags&1 != 0, flags&64 != 0
		it.ext = drop(it.ext, e.propertyName)
	}
	for _, tag := range []uint32{0x0E06, 0x0039} {
		if e, ok := find(it.ext, propertyName{tag: tag, kind: "SystemTime"}); ok {
			t, _ := readTime(e.values[0])
			if tag == 0x0E06 {
				it.received = t
			} else {
				it.set["DateTimeSent"] = elem("DateTimeSent", stamp(t))
			}
			it.ext = drop(it.ext, e.propertyName)
		}
	}
}

// give sets a property of an item. New items may have properties that are fixed later.
func (it *stored) give(q *request, c *node, fresh bool) error {
	name := c.name.Local
	if _, ok := it.kind.places[name]; !ok {
		return wrongField("ErrorInvalidPropertyRequest", "Property is not valid for this object type.", it.kind.uri(name))
	}
	switch {
	case name == "MimeContent" && fresh:
		return nil
	case name == "ExtendedProperty":
		e, err := readExtended(c)
		if err == nil {
			it.setExtended(e)
		}
		return err
	case name == "ItemClass":
		it.class = c.value()
		return nil
	case name == "IsRead":
		if fresh {
			it.read = isTrue(c.value())
		} else if it.setRead(isTrue(c.value())) {
			return nil
		}
		return nil
	case name == "Attachments" && fresh:
		for _, a := range c.children {
			if _, err := it.attach(q, a); err != nil {
				return err
			}
		}
		return nil
	case readOnly[name] || name == "Attachments" || !fresh && (name == "UID" || name == "MimeContent" && it.kind.name != "Message"):
		return wrongField("ErrorInvalidPropertySet", "Set action is invalid for property.", it.kind.uri(name))
	}
	return it.assign(name, c)
}

// assign sets a property that may be set, in the form in which the server gives it back.
func (it *stored) assign(name string, c *node) error {
	switch name {
	case "Start", "End", "DueDate", "StartDate", "CompleteDate", "ReminderDueBy", "Birthday", "WeddingAnniversary":
		t, ok := readTime(c.value())
		if !ok {
			return fail("ErrorInvalidPropertySet", "The value is no time.")
		}
		c = elem(name, stamp(t))
	case "Subject":
		c = elem(name, first(c.value(), 255))
	case "MimeContent":
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c.value()), ""))
		if err != nil {
			return fail("ErrorMimeContentInvalidBase64String", "The MIME content is no base64.")
		}
		it.raw, it.make, it.seen, it.edited, it.withFiles, it.cutIn = item.NewBlob(raw), nil, nil, false, 0, nil
		return nil
	}
	it.set[name] = c
	if inMIME[name] && it.raw != nil {
		it.edited = true
	}
	return nil
}

// inMIME are the properties that a message's MIME tells.
var inMIME = map[string]bool{
	"Subject": true, "Sensitivity": true, "Body": true, "Importance": true, "InReplyTo": true, "References": true, "From": true,
	"Sender": true, "ToRecipients": true, "CcRecipients": true, "ReplyTo": true, "InternetMessageId": true,
	"IsReadReceiptRequested": true, "IsDeliveryReceiptRequested": true, "DateTimeSent": true,
}
