package ewstest

import (
	"github.com/go-serversync/serversync/ews/internal/soap"
)

func moveItem(q *request, w *soap.Writer) error { return q.transfer(w, true) }

func copyItem(q *request, w *soap.Writer) error { return q.transfer(w, false) }

// transfer moves items to a folder, or copies them.
func (q *request) transfer(w *soap.Writer, move bool) error {
	to, failed := q.folderAs(q.body.child("ToFolderId"), "ErrorToFolderNotFound")
	if failed == nil && !to.rightsFor(q.acting).create {
		failed = denied()
	}
	ids := q.body.child("ReturnNewItemIds")
	return q.each(w, list(q.body.child("ItemIds")), func(n *node) (result, error) {
		if failed != nil {
			return nil, failed
		}
		it, err := q.item(n)
		if err != nil {
			return nil, err
		}
		across := it.home.box != to.box
		if move {
			if !it.home.rightsFor(q.acting).delete {
				return nil, denied()
			}
			it.moveTo(to)
		} else {
			it = it.copyTo(to)
		}
		if across || ids != nil && !isTrue(ids.value()) {
			return func(w *soap.Writer) { w.Empty("m:Items") }, nil
		}
		return withItem(it), nil
	})
}

func deleteItem(q *request, w *soap.Writer) error {
	how := q.body.attr("DeleteType")
	return q.each(w, list(q.body.child("ItemIds")), func(n *node) (result, error) {
		it, err := q.item(n)
		switch {
		case err != nil:
			return nil, err
		case !it.home.rightsFor(q.acting).delete:
			return nil, denied()
		case it.kind.name == "CalendarItem" && q.body.attr("SendMeetingCancellations") == "":
			return nil, fail("ErrorSendMeetingCancellationsRequired", "SendMeetingCancellations attribute is required for calendar items.")
		case it.kind.name == "Task" && q.body.attr("AffectedTaskOccurrences") == "":
			return nil, fail("ErrorAffectedTaskOccurrencesRequired", "AffectedTaskOccurrences attribute is required for Task items.")
		}
		it.delete(how)
		return nothing, nil
	})
}

// delete deletes an item as a DeleteType says. One that is in the deleted items, or was softly
// deleted, is there no longer.
func (it *stored) delete(how string) {
	b := it.home.box
	switch {
	case how == "MoveToDeletedItems" && !it.home.isWithin(b.known["deleteditems"]) && !it.home.isWithin(b.known["recoverableitemsroot"]):
		it.moveTo(b.known["deleteditems"])
	case how == "SoftDelete" && !it.home.isWithin(b.known["recoverableitemsroot"]):
		it.moveTo(b.known["recoverableitemsdeletions"])
	default:
		it.remove()
	}
}
