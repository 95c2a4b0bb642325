package ewstest

import (
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
	"github.com/go-serversync/serversync/item"
)

// property returns a property of an item by the name of its element, nil if the item does not
// have it. What somebody set goes before what the MIME says.
func (it *stored) property(q *request, name string) *node {
	if n, ok := it.fixed(q, name); ok {
		return n
	}
	if n, ok := it.set[name]; ok {
		return n
	}
	if it.kind.isMail() {
		return it.ofMail(name)
	}
	return it.ofOther(name)
}

// fixed returns the properties that the server alone sets.
func (it *stored) fixed(q *request, name string) (*node, bool) {
	switch name {
	case "ItemId":
		return it.itemID("ItemId"), true
	case "ParentFolderId":
		return elem(name, "").with("Id", it.home.id, "ChangeKey", changeKey("folder", it.home.change)), true
	case "ItemClass":
		return elem(name, it.class), true
	case "DateTimeReceived":
		return elem(name, stamp(it.received)), true
	case "DateTimeCreated":
		return elem(name, stamp(it.created)), true
	case "LastModifiedTime":
		return elem(name, stamp(it.modified)), true
	case "LastModifiedName":
		return elem(name, it.by), true
	case "Size":
		return elem(name, strconv.FormatInt(it.length(), 10)), true
	case "IsDraft":
		return elem(name, boolean(it.draft)), true
	case "IsSubmitted":
		return elem(name, boolean(it.submitted)), true
	case "IsAssociated":
		return elem(name, boolean(it.associated)), true
	case "IsRead":
		return elem(name, boolean(it.read)), true
	case "IsUnmodified":
		return elem(name, boolean(it.log.updated == 0 && !it.draft)), true
	case "IsFromMe":
		from := it.sender()
		return elem(name, boolean(it.home.box.is(from.Addr))), true
	case "IsResend":
		return elem(name, "false"), true
	case "HasAttachments":
		return elem(name, boolean(it.hasFiles())), true
	case "Attachments":
		return it.attachmentList(), true
	case "EffectiveRights":
		return it.home.rightsOf(q).element(), true
	case "Culture":
		return elem(name, "en-US"), true
	case "InstanceKey":
		return elem(name, key64("instance", it.birth)), true
	case "SearchKey", "StoreEntryId":
		return elem(name, key64(name, it.birth)), true
	}
	return nil, false
}

// itemID returns the item's id as an element.
func (it *stored) itemID(name string) *node {
	return elem(name, "").with("Id", it.id, "ChangeKey", it.key())
}

func (it *stored) key() string { return changeKey(it.kind.name, it.change) }

// length is the size of an item: of its MIME, and of what was attached and set besides.
func (it *stored) length() int64 {
	size := it.size
	if it.raw != nil {
		size = it.raw.Size()
	} else if it.make != nil && size == 0 {
		it.size = int64(len(it.bytes()))
		size = it.size
	}
	for _, f := range it.files {
		size += int64(len(f.content))
	}
	for _, n := range it.set {
		size += n.length()
	}
	return size
}

func (n *node) length() int64 {
	if n == nil {
		return 0
	}
	size := int64(len(n.text))
	for _, c := range n.children {
		size += c.length()
	}
	return size
}

// sender returns who wrote an item.
func (it *stored) sender() item.Address {
	if n := it.set["From"]; len(list(n)) > 0 {
		return it.home.box.model.readAddress(n.children[0])
	}
	if from := it.head().From; len(from) > 0 {
		return from[0]
	}
	return item.Address{}
}

// people returns the addresses of a property such as ToRecipients.
func (it *stored) people(name string) []item.Address {
	if n, ok := it.set[name]; ok {
		return it.home.box.model.readAddresses(n)
	}
	h := it.head()
	switch name {
	case "From":
		return h.From[:min(len(h.From), 1)]
	case "Sender":
		if len(h.Sender) == 0 {
			return it.people("From")
		}
		return h.Sender[:1]
	case "ToRecipients":
		return h.To
	case "CcRecipients":
		return h.Cc
	case "BccRecipients":
		return h.Bcc
	case "ReplyTo":
		return h.ReplyTo
	}
	return nil
}

// display returns the names of people, as DisplayTo and DisplayCc have them.
func (it *stored) display(name string) string {
	var names []string
	for _, a := range it.people(name) {
		if a.Name == "" {
			a.Name = a.Addr
		}
		names = append(names, a.Name)
	}
	return strings.Join(names, "; ")
}

// ofOther returns what an item that is no mail has although nobody set it.
func (it *stored) ofOther(name string) *node {
	switch name {
	case "Sensitivity", "Importance":
		return elem(name, "Normal")
	case "ReminderIsSet":
		return elem(name, "false")
	case "DateTimeSent":
		return elem(name, stamp(it.created))
	case "ConversationId":
		return it.conversation()
	case "DisplayTo", "DisplayCc":
		return elem(name, "")
	}
	switch it.kind.name {
	case "CalendarItem":
		return it.ofCalendar(name)
	case "Contact":
		return it.ofContact(name)
	case "Task":
		return it.ofTask(name)
	}
	return nil
}

// write writes a property that is there.
func (n *node) writeIf(w *soap.Writer) {
	if n != nil {
		n.write(w)
	}
}
