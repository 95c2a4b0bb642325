package ewstest

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/soap"
)

func getAttachment(q *request, w *soap.Writer) error {
	ids := list(q.body.child("AttachmentIds"))
	shape, err := readShape(q.body.child("AttachmentShape"), false)
	if err != nil {
		return q.all(w, ids, err)
	}
	if shape.base == "" {
		shape.base = "AllProperties"
	}
	return q.each(w, ids, func(n *node) (result, error) {
		it, f, err := q.attachment(n)
		if err != nil {
			return nil, err
		}
		return func(w *soap.Writer) {
			w.Start("m:Attachments")
			f.write(q, w, it, shape)
			w.End()
		}, nil
	})
}

// attachment finds the attachment that an AttachmentId is about, if it may be read.
func (q *request) attachment(n *node) (*stored, *file, error) {
	it, f, err := q.model().attachment(n.attr("Id"))
	switch {
	case err != nil:
		return nil, nil, err
	case !it.home.rightsFor(q.acting).read:
		return nil, nil, noItem()
	case it.damage == "corrupt":
		return nil, nil, fail("ErrorItemCorrupt", "The item is corrupt.")
	}
	return it, f, nil
}

// write writes an attachment with its content.
func (f *file) write(q *request, w *soap.Writer, of *stored, shape *shape) {
	n := f.element(of)
	w.Start("t:" + n.name.Local)
	for _, c := range n.children {
		c.write(w)
	}
	if f.item == nil {
		w.Base64("t:Content", plainBlob(f.content))
	} else {
		f.item.writeWithin(q, w, of, shape)
	}
	w.End()
}

// writeWithin writes an item that is attached to another. It has no id of its own.
func (it *stored) writeWithin(q *request, w *soap.Writer, of *stored, shape *shape) {
	it.home = of.home
	p := *shape.planFor(it.kind)
	p.fields = slices.DeleteFunc(slices.Clone(p.fields), func(f string) bool {
		return slices.Contains([]string{"ItemId", "ParentFolderId", "Attachments", "EffectiveRights", "ReceivedBy", "ReceivedRepresenting"}, f)
	})
	within := *shape
	within.plans = map[*kind]*plan{it.kind: &p}
	within.write(q, w, it)
}

// attach adds the attachment that an element describes.
func (it *stored) attach(q *request, n *node) (*file, error) {
	f := &file{
		name: n.child("Name").value(), mediaType: n.child("ContentType").value(), contentID: strings.Trim(n.child("ContentId").value(), "<>"),
		inline: isTrue(n.child("IsInline").value()), changed: it.modified, number: 1000 + len(it.files),
	}
	if len(it.files) > 0 {
		f.number = it.files[len(it.files)-1].number + 1
	}
	switch n.name.Local {
	case "FileAttachment":
		content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.child("Content").value()), ""))
		if err != nil || n.child("Content") == nil {
			return nil, badRequest("The content of the attachment is missing, or no base64.")
		}
		f.content = content
	case "ItemAttachment":
		var inner *node
		for _, c := range n.children {
			if kindOf(c.name.Local) != nil {
				inner = c
			}
		}
		if inner == nil || q == nil {
			return nil, fail("ErrorMissingItemForCreateItemAttachment", "The item of the attachment is missing.")
		}
		item, err := q.readItem(inner)
		if err != nil {
			return nil, err
		}
		f.item = item
		f.content = item.bytes()
	default:
		return nil, badRequest("Attachments of this kind cannot be created.")
	}
	f.size = int64(len(f.content))
	it.files = append(it.files[:len(it.files):len(it.files)], f)
	return f, nil
}

func createAttachment(q *request, w *soap.Writer) error {
	it, failed := q.item(q.body.child("ParentItemId"))
	if failed == nil {
		switch key := q.body.child("ParentItemId").attr("ChangeKey"); {
		case !it.home.rightsFor(q.acting).modify:
			failed = denied()
		case key != "" && key != it.key():
			failed = stale()
		}
	}
	return q.each(w, list(q.body.child("Attachments")), func(n *node) (result, error) {
		if failed != nil {
			return nil, failed
		}
		f, err := it.attach(q, n)
		if err != nil {
			return nil, err
		}
		it.edited = it.edited || it.raw != nil
		it.touch(q.name())
		return func(w *soap.Writer) {
			w.Start("m:Attachments")
			w.Start("t:" + n.name.Local)
			w.Empty("t:AttachmentId", "Id", f.id(it), "RootItemId", it.id, "RootItemChangeKey", it.key())
			w.End()
			w.End()
		}, nil
	})
}

func deleteAttachment(q *request, w *soap.Writer) error {
	return q.each(w, list(q.body.child("AttachmentIds")), func(n *node) (result, error) {
		it, f, err := q.attachment(n)
		switch {
		case err != nil:
			return nil, err
		case !it.home.rightsFor(q.acting).modify:
			return nil, denied()
		}
		if i := slices.IndexFunc(it.files, func(g *file) bool { return g.number == f.number }); i >= 0 {
			it.files = slices.Delete(slices.Clone(it.files), i, i+1)
		} else {
			cut := map[int]bool{f.number: true}
			for i := range it.cutIn {
				cut[i] = true
			}
			it.cutIn = cut
		}
		it.edited, it.withFiles = it.raw != nil, 0
		it.touch(q.name())
		return func(w *soap.Writer) {
			w.Empty("m:RootItemId", "RootItemId", it.id, "RootItemChangeKey", it.key())
		}, nil
	})
}
