package ewstest

import (
	"strings"

	"github.com/go-serversync/serversync/ews/internal/schema"
)

// A kind is what element an item is, with the class that its items have.
type kind struct {
	name   string
	class  string
	fields []string
	places map[string]int // of fields
}

var kinds = []*kind{
	newKind("Message", "IPM.Note", "MessageType"),
	newKind("CalendarItem", "IPM.Appointment", "CalendarItemType"),
	newKind("Contact", "IPM.Contact", "ContactItemType"),
	newKind("Task", "IPM.Task", "TaskType"),
	newKind("DistributionList", "IPM.DistList", "DistributionListType"),
	newKind("PostItem", "IPM.Post", "PostItemType"),
	newKind("MeetingRequest", "IPM.Schedule.Meeting.Request", "MeetingRequestMessageType"),
	newKind("MeetingResponse", "IPM.Schedule.Meeting.Resp.Pos", "MeetingResponseMessageType"),
	newKind("MeetingCancellation", "IPM.Schedule.Meeting.Canceled", "MeetingCancellationMessageType"),
	newKind("MeetingMessage", "IPM.Schedule.Meeting", "MeetingMessageType"),
	newKind("Item", "IPM.Note", "ItemType"),
}

// newKind makes a kind whose fields are those of a type of the schema. What came after 2013 SP1
// no item has here.
func newKind(name, class, typeName string) *kind {
	k := &kind{name: name, class: class, fields: schema.Order(typeName, schema.Exchange2013SP1), places: make(map[string]int)}
	for i, f := range k.fields {
		k.places[f] = i
	}
	return k
}

// kindOf returns the kind with that element, nil if there is none.
func kindOf(name string) *kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	return nil
}

// kindOfClass returns the kind whose items have that class.
func kindOfClass(class string) *kind {
	class = strings.ToUpper(class)
	best := kinds[0]
	for _, k := range kinds {
		c := strings.ToUpper(k.class)
		if k.name != "Item" && (class == c || strings.HasPrefix(class, c+".")) && len(c) >= len(best.class) {
			best = k
		}
	}
	if strings.HasPrefix(class, "IPM.SCHEDULE.MEETING.RESP.") {
		best = kindOf("MeetingResponse")
	}
	return best
}

// isMail reports whether items of the kind are mail: they are read and unread, and have MIME.
func (k *kind) isMail() bool {
	switch k.name {
	case "Message", "PostItem", "MeetingRequest", "MeetingResponse", "MeetingCancellation", "MeetingMessage":
		return true
	}
	return false
}

// uri returns the FieldURI of one of the kind's fields.
func (k *kind) uri(field string) string {
	place, ok := k.places[field]
	switch {
	case !ok || place < len(kindOf("Item").fields):
		return "item:" + field
	case k.isMail() && k.name != "PostItem" && place < len(kinds[0].fields):
		return "message:" + field
	}
	return map[string]string{"CalendarItem": "calendar:", "Contact": "contacts:", "Task": "task:", "DistributionList": "contacts:",
		"PostItem": "postitem:", "MeetingRequest": "meetingRequest:"}[k.name] + field
}
