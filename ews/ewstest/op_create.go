package ewstest

import (
	"github.com/go-serversync/serversync/ews/internal/soap"
)

func createItem(q *request, w *soap.Writer) error {
	how := q.body.attr("MessageDisposition")
	invite := q.body.attr("SendMeetingInvitations")
	return q.each(w, list(q.body.child("Items")), func(n *node) (result, error) {
		if isResponse(n) {
			return q.respond(n)
		}
		it, err := q.readItem(n)
		if err != nil {
			return nil, err
		}
		switch {
		case it.kind.isMail() && it.kind.name != "PostItem" && how == "":
			return nil, fail("ErrorMessageDispositionRequired", "Message disposition is required.")
		case it.kind.name == "CalendarItem" && invite == "":
			return nil, fail("ErrorSendMeetingInvitationsRequired", "SendMeetingInvitations attribute is required for calendar items.")
		}
		send := it.kind.isMail() && it.kind.name != "PostItem" && how != "SaveOnly"
		to, err := q.target(it, send, how == "SendAndSaveCopy" || !send)
		if err != nil {
			return nil, err
		}
		if send {
			if err := q.send(it, to); err != nil {
				return nil, err
			}
			return func(w *soap.Writer) { w.Empty("m:Items") }, nil
		}
		it.add(to, false)
		if it.kind.name == "CalendarItem" && invite != "SendToNone" {
			q.invite(it)
		}
		return withItem(it), nil
	})
}

// target returns the folder that a new item is kept in: the one that is asked for, or the one
// of its kind. It is nil if no copy is kept.
func (q *request) target(it *stored, sent, keep bool) (*folder, error) {
	if !keep {
		return nil, nil
	}
	if saved := q.body.child("SavedItemFolderId"); saved != nil {
		f, err := q.folderAs(saved, "ErrorSavedItemFolderNotFound")
		if err == nil && !f.rightsFor(q.acting).create {
			err = denied()
		}
		return f, err
	}
	b, err := q.box()
	if err != nil {
		return nil, err
	}
	name := "drafts"
	switch it.kind.name {
	case "CalendarItem":
		name = "calendar"
	case "Contact", "DistributionList":
		name = "contacts"
	case "Task":
		name = "tasks"
	}
	if sent {
		name = "sentitems"
	}
	return b.known[name], nil
}

func sendItem(q *request, w *soap.Writer) error {
	keep := isTrue(q.body.attr("SaveItemToFolder"))
	saved := q.body.child("SavedItemFolderId")
	return q.each(w, list(q.body.child("ItemIds")), func(n *node) (result, error) {
		if saved != nil && !keep {
			return nil, fail("ErrorInvalidSendItemSaveSettings", "The send item save settings are invalid: a folder is named, and nothing is to be saved.")
		}
		m := q.model()
		if m.gone[n.attr("Id")] && m.SendTwice {
			return nothing, nil
		}
		it, err := q.item(n)
		if err != nil {
			return nil, err
		}
		if err := it.current(n); err != nil {
			return nil, err
		}
		if !it.kind.isMail() {
			return nil, fail("ErrorCannotUseItemIdForFolderId", "Only messages can be sent.")
		}
		to, err := q.target(it, true, keep)
		if err != nil {
			return nil, err
		}
		id := it.id
		if err := q.send(it, to); err != nil {
			return nil, err
		}
		m.gone[id] = true
		return nothing, nil
	})
}
