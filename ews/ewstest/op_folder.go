package ewstest

import (
	"slices"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

func getFolder(q *request, w *soap.Writer) error {
	shape, err := readFolderShape(q.body.child("FolderShape"))
	if err != nil {
		return q.all(w, list(q.body.child("FolderIds")), err)
	}
	return q.each(w, list(q.body.child("FolderIds")), func(n *node) (result, error) {
		f, err := q.folder(n)
		if err != nil {
			return nil, err
		}
		return func(w *soap.Writer) {
			w.Start("m:Folders")
			shape.write(q, w, f)
			w.End()
		}, nil
	})
}

// all answers each of several things with the same failure.
func (q *request) all(w *soap.Writer, things []*node, err error) error {
	return q.each(w, things, func(*node) (result, error) { return nil, err })
}

func findFolder(q *request, w *soap.Writer) error {
	parents := list(q.body.child("ParentFolderIds"))
	shape, err := readFolderShape(q.body.child("FolderShape"))
	if err != nil {
		return q.all(w, parents, err)
	}
	match, err := readRestriction(q.body.child("Restriction"))
	if err != nil {
		return q.all(w, parents, err)
	}
	view, err := readView(q.body, 1000)
	if err != nil {
		return q.all(w, parents, err)
	}
	return q.each(w, parents, func(n *node) (result, error) {
		top, err := q.folder(n)
		if err != nil {
			return nil, err
		}
		found := slices.Clone(top.folders)
		if q.body.attr("Traversal") == "Deep" {
			found = top.deep()
		}
		found = slices.DeleteFunc(found, func(f *folder) bool {
			return !f.mayBeSeen(q.acting) || !match(folderThing{q, f})
		})
		from, to, attrs := view.page(len(found), nil)
		return func(w *soap.Writer) {
			w.Start("m:RootFolder", attrs...)
			w.Start("t:Folders")
			for _, f := range found[from:to] {
				shape.write(q, w, f)
			}
			w.End()
			w.End()
		}, nil
	})
}

func createFolder(q *request, w *soap.Writer) error {
	parent, failed := q.folderAs(q.body.child("ParentFolderId"), "ErrorParentFolderNotFound")
	if failed == nil && !parent.rightsFor(q.acting).subfolders {
		failed = denied()
	}
	return q.each(w, list(q.body.child("Folders")), func(n *node) (result, error) {
		if failed != nil {
			return nil, failed
		}
		name := strings.TrimSpace(n.child("DisplayName").value())
		switch {
		case name == "":
			return nil, fail("ErrorFolderSavePropertyError", "The folder save operation failed due to invalid property values.")
		case parent.child(name) != nil:
			return nil, fail("ErrorFolderExists", "A folder with the specified name already exists.")
		}
		class := map[string]string{"CalendarFolder": "IPF.Appointment", "ContactsFolder": "IPF.Contact", "TasksFolder": "IPF.Task"}[n.name.Local]
		if class == "" {
			class = "IPF.Note"
		}
		if given := n.child("FolderClass").value(); given != "" {
			class = given
		}
		ext, err := readExtendedList(n)
		if err != nil {
			return nil, err
		}
		f := parent.box.makeFolder(parent, name, class)
		f.ext = ext
		f.box.tell(event{kind: "CreatedEvent", folder: parent, id: f.id, isFolder: true})
		return withFolder(f), nil
	})
}

// readExtendedList reads the extended properties that stand in n.
func readExtendedList(n *node) (all []extended, err error) {
	for _, c := range n.children {
		if c.name.Local == "ExtendedProperty" {
			e, err := readExtended(c)
			if err != nil {
				return nil, err
			}
			all = put(all, e)
		}
	}
	return all, nil
}

func updateFolder(q *request, w *soap.Writer) error {
	return q.each(w, list(q.body.child("FolderChanges")), func(n *node) (result, error) {
		f, err := q.folder(n.first())
		if err != nil {
			return nil, err
		}
		if !f.rightsFor(q.acting).subfolders {
			return nil, denied()
		}
		for _, u := range list(n.child("Updates")) {
			if err := f.update(u); err != nil {
				return nil, err
			}
		}
		f.changed()
		f.box.tell(event{kind: "ModifiedEvent", folder: f.parent, id: f.id, isFolder: true})
		return withFolder(f), nil
	})
}

// update sets or deletes one property of a folder.
func (f *folder) update(u *node) error {
	path := u.first()
	if path == nil || u.name.Local != "DeleteFolderField" && len(u.children) < 2 {
		return badRequest("An update is empty.")
	}
	if path.name.Local == "ExtendedFieldURI" {
		p, err := readPropertyName(path)
		if err != nil {
			return err
		}
		if u.name.Local == "DeleteFolderField" {
			f.ext = drop(f.ext, p)
			return nil
		}
		all, err := readExtendedList(u.children[1])
		if err == nil {
			for _, e := range all {
				f.ext = put(f.ext, e)
			}
		}
		return err
	}
	name := fieldOf(path)
	if u.name.Local == "DeleteFolderField" {
		return fail("ErrorDeleteDistinguishedFolder", "The property cannot be deleted.")
	}
	value := u.children[1].child(name).value()
	switch name {
	case "DisplayName":
		if c := f.parent.child(value); c != nil && c != f {
			return fail("ErrorFolderExists", "A folder with the specified name already exists.")
		}
		if value == "" {
			return fail("ErrorFolderSavePropertyError", "The folder save operation failed due to invalid property values.")
		}
		f.name = value
	case "FolderClass":
		f.class = value
	case "PermissionSet":
	default:
		return wrongField("ErrorInvalidPropertySet", "Set action is invalid for property.", path.attr("FieldURI"))
	}
	return nil
}

func deleteFolder(q *request, w *soap.Writer) error {
	return q.each(w, list(q.body.child("FolderIds")), func(n *node) (result, error) {
		f, err := q.folder(n)
		switch {
		case err != nil:
			return nil, err
		case f.known != "":
			return nil, fail("ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
		case !f.rightsFor(q.acting).subfolders:
			return nil, denied()
		}
		if bin := f.box.known["deleteditems"]; q.body.attr("DeleteType") == "MoveToDeletedItems" && !f.isWithin(bin) {
			f.moveTo(bin)
		} else {
			f.remove()
		}
		return nothing, nil
	})
}

func emptyFolder(q *request, w *soap.Writer) error {
	return q.each(w, list(q.body.child("FolderIds")), func(n *node) (result, error) {
		f, err := q.folder(n)
		switch {
		case err != nil:
			return nil, err
		case !f.rightsFor(q.acting).delete:
			return nil, denied()
		}
		for _, it := range slices.Clone(f.items) {
			it.delete(q.body.attr("DeleteType"))
		}
		if isTrue(q.body.attr("DeleteSubFolders")) {
			for _, c := range slices.Clone(f.folders) {
				c.remove()
			}
		}
		return nothing, nil
	})
}

func moveFolder(q *request, w *soap.Writer) error {
	to, failed := q.folderAs(q.body.child("ToFolderId"), "ErrorToFolderNotFound")
	return q.each(w, list(q.body.child("FolderIds")), func(n *node) (result, error) {
		if failed != nil {
			return nil, failed
		}
		f, err := q.folder(n)
		switch {
		case err != nil:
			return nil, err
		case f.known != "":
			return nil, fail("ErrorMoveDistinguishedFolder", "Distinguished folders cannot be moved.")
		case to.isWithin(f) || to.box != f.box:
			return nil, fail("ErrorMoveCopyFailed", "The move or copy operation failed.")
		case to.child(f.name) != nil && to.child(f.name) != f:
			return nil, fail("ErrorFolderExists", "A folder with the specified name already exists.")
		case !f.rightsFor(q.acting).subfolders || !to.rightsFor(q.acting).subfolders:
			return nil, denied()
		}
		f.moveTo(to)
		return withFolder(f), nil
	})
}

func markAllItemsAsRead(q *request, w *soap.Writer) error {
	return q.each(w, list(q.body.child("FolderIds")), func(n *node) (result, error) {
		f, err := q.folder(n)
		switch {
		case err != nil:
			return nil, err
		case !f.rightsFor(q.acting).modify:
			return nil, denied()
		}
		for _, it := range slices.Clone(f.items) {
			if it.setRead(isTrue(q.body.child("ReadFlag").value())) {
				it.changed(flagged, q.acting)
			}
		}
		return nothing, nil
	})
}
