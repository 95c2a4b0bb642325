package ewstest

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

// A result writes the content of a ResponseMessage that is a success.
type result func(w *soap.Writer)

// nothing is the content of a ResponseMessage that says only that it is one.
func nothing(*soap.Writer) {}

// each answers a request for several things: one ResponseMessage for each, in their order.
func (q *request) each(w *soap.Writer, list []*node, do func(n *node) (result, error)) error {
	w.Start("m:ResponseMessages")
	for _, n := range list {
		write, err := do(n)
		if err := q.message(w, write, err); err != nil {
			return err
		}
	}
	w.End()
	return nil
}

// one answers a request for one thing.
func (q *request) one(w *soap.Writer, do func() (result, error)) error {
	return q.each(w, []*node{nil}, func(*node) (result, error) { return do() })
}

// message writes a ResponseMessage. What is no failure of the one thing is returned.
func (q *request) message(w *soap.Writer, write result, err error) error {
	name := "m:" + q.op + "ResponseMessage"
	if err == nil {
		w.Start(name, "ResponseClass", "Success")
		w.Elem("m:ResponseCode", "NoError")
		write(w)
		w.End()
		return nil
	}
	var f *failure
	if !errors.As(err, &f) || f.fault {
		return err
	}
	w.Start(name, "ResponseClass", "Error")
	f.write(w)
	if with := emptyContent[q.op]; with != "" {
		w.Empty(with)
	}
	w.End()
	return nil
}

// emptyContent is what messages have even where they say no.
var emptyContent = map[string]string{
	"GetItem": "m:Items", "CreateItem": "m:Items", "UpdateItem": "m:Items", "MoveItem": "m:Items", "CopyItem": "m:Items",
	"GetFolder": "m:Folders", "CreateFolder": "m:Folders", "UpdateFolder": "m:Folders", "MoveFolder": "m:Folders", "CopyFolder": "m:Folders",
	"GetAttachment": "m:Attachments", "CreateAttachment": "m:Attachments",
}

// write writes what every ResponseMessage has of a failure.
func (f *failure) write(w *soap.Writer) {
	w.Elem("m:MessageText", f.text)
	w.Elem("m:ResponseCode", f.code)
	w.Elem("m:DescriptiveLinkKey", "0")
	if len(f.values) == 0 {
		return
	}
	w.Start("m:MessageXml")
	names := make([]string, 0, len(f.values))
	for name := range f.values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if name == "FieldURI" {
			w.Empty("t:FieldURI", "FieldURI", f.values[name])
		} else {
			w.Elem("t:Value", f.values[name], "Name", name)
		}
	}
	w.End()
}

// list returns the children of a node, none of a nil one.
func list(n *node) []*node {
	if n == nil {
		return nil
	}
	return n.children
}

// model returns what the server keeps.
func (q *request) model() *model { return q.server.model }

// box returns the mailbox of who is acting.
func (q *request) box() (*mailbox, error) {
	if b := q.model().mailbox(q.acting); b != nil {
		return b, nil
	}
	return nil, fail("ErrorMissingEmailAddress", "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP address for any distinguished folder Ids.")
}

// folder finds the folder that a FolderId or DistinguishedFolderId is about, or that stands in n. It
// checks that it may be seen.
func (q *request) folder(n *node) (*folder, error) {
	for n != nil && n.name.Local != "FolderId" && n.name.Local != "DistinguishedFolderId" {
		if len(n.children) == 0 {
			return nil, badRequest("A folder is missing.")
		}
		n = n.children[0]
	}
	if n == nil {
		return nil, badRequest("A folder is missing.")
	}
	f, err := q.find(n)
	if err != nil {
		return nil, err
	}
	if !f.mayBeSeen(q.acting) {
		return nil, denied()
	}
	return f, nil
}

// folderAs is folder with a code of its own for a folder that is not there.
func (q *request) folderAs(n *node, code string) (*folder, error) {
	f, err := q.folder(n)
	var missing *failure
	if errors.As(err, &missing) && missing.code == "ErrorFolderNotFound" {
		err = fail(code, missing.text)
	}
	return f, err
}

// find finds the folder that n is about.
func (q *request) find(n *node) (*folder, error) {
	m, id := q.model(), n.attr("Id")
	if n.name.Local == "FolderId" {
		switch f := m.folders[id]; {
		case f != nil:
			return f, nil
		case m.items[id] != nil:
			return nil, fail("ErrorCannotUseItemIdForFolderId", "The item ID cannot be used for a folder.")
		case !isID(id):
			return nil, badID()
		}
		return nil, noFolder()
	}
	b, err := q.box()
	if address := strings.TrimSpace(n.at("Mailbox", "EmailAddress").value()); address != "" {
		if b = m.mailbox(address); b == nil {
			return nil, fail("ErrorNonExistentMailbox", "No mailbox with such guid.")
		}
	} else if err != nil {
		return nil, err
	}
	f := b.known[id]
	switch {
	case f == nil:
		return nil, noFolder()
	case !f.mayBeSeen(q.acting) && b.grantOf(q.acting) != nil:
		return nil, noFolder()
	}
	return f, nil
}

// mayBeSeen reports whether somebody may know of f: what it holds, or that it is there, as the
// top of folders that they may read.
func (f *folder) mayBeSeen(who string) bool {
	if r := f.rightsFor(who); r.read || r.create {
		return true
	}
	if f.known == "root" || f.known == "msgfolderroot" {
		g := f.box.grantOf(who)
		return g != nil && (g.full || len(g.folders) > 0)
	}
	return false
}

// item finds the item that an ItemId is about, if it may be read.
func (q *request) item(n *node) (*stored, error) {
	if n == nil {
		return nil, badRequest("An item is missing.")
	}
	m, id := q.model(), n.attr("Id")
	if n.name.Local == "OccurrenceItemId" || n.name.Local == "RecurringMasterItemId" {
		return nil, fail("ErrorCalendarCannotUseIdForOccurrenceId", "The item is not a recurring calendar item.")
	}
	it := m.items[id]
	switch {
	case it != nil && it.home.rightsFor(q.acting).read:
		return it, nil
	case it != nil:
		return nil, noItem()
	case m.folders[id] != nil:
		return nil, fail("ErrorCannotUseFolderIdForItemId", "The folder ID cannot be used for an item.")
	case !isID(id):
		return nil, badID()
	}
	return nil, noItem()
}

// current checks that the ChangeKey of an ItemId is the item's.
func (it *stored) current(n *node) error {
	switch key := n.attr("ChangeKey"); {
	case key == "":
		return noChangeKey()
	case key != it.key():
		return stale()
	}
	return nil
}

// withItem is a message with the item's new id.
func withItem(it *stored) result {
	return func(w *soap.Writer) {
		w.Start("m:Items")
		w.Start("t:" + it.kind.name)
		it.itemID("ItemId").write(w)
		w.End()
		w.End()
	}
}
