package ewstest

import (
	"strconv"
	"strings"

	"github.com/go-serversync/serversync/ews/internal/schema"
	"github.com/go-serversync/serversync/ews/internal/soap"
)

// A folderShape says what of a folder is wanted.
type folderShape struct {
	want     map[string]bool
	extended []propertyName
	uris     []*node
}

func readFolderShape(n *node) (*folderShape, error) {
	s := &folderShape{want: map[string]bool{"FolderId": true}}
	base := n.child("BaseShape").value()
	if base == "Default" || base == "AllProperties" {
		for _, f := range strings.Fields("DisplayName TotalCount ChildFolderCount UnreadCount") {
			s.want[f] = true
		}
	}
	if base == "AllProperties" {
		for _, f := range strings.Fields("ParentFolderId FolderClass EffectiveRights DistinguishedFolderId") {
			s.want[f] = true
		}
	}
	for _, f := range list(n.child("AdditionalProperties")) {
		if f.name.Local == "ExtendedFieldURI" {
			p, err := readPropertyName(f)
			if err != nil {
				return nil, err
			}
			s.extended, s.uris = append(s.extended, p), append(s.uris, f)
			continue
		}
		uri := f.attr("FieldURI")
		if !strings.HasPrefix(uri, "folder:") {
			return nil, wrongField("ErrorInvalidPropertyRequest", "Property is not valid for this object type.", uri)
		}
		s.want[fieldOf(f)] = true
	}
	return s, nil
}

// write writes a folder in a shape.
func (s *folderShape) write(q *request, w *soap.Writer, f *folder) {
	kind := f.element()
	w.Start("t:" + kind)
	for _, name := range schema.Order("FolderType", schema.Exchange2013SP1) {
		switch {
		case name == "ExtendedProperty":
			for i, p := range s.extended {
				if values, ok := f.extendedValue(p); ok {
					writeExtended(w, s.uris[i], values, strings.HasSuffix(p.kind, "Array"))
				}
			}
		case s.want[name] && (name != "UnreadCount" || kind == "Folder" || kind == "TasksFolder"):
			f.property(q, name).writeIf(w)
		}
	}
	w.End()
}

// property returns a property of a folder, nil if it has none.
func (f *folder) property(q *request, name string) *node {
	switch name {
	case "FolderId":
		return f.folderID(name)
	case "ParentFolderId":
		if f.parent != nil {
			return f.parent.folderID(name)
		}
	case "FolderClass":
		return maybe(name, f.class)
	case "DisplayName":
		return elem(name, f.name)
	case "TotalCount":
		return elem(name, strconv.Itoa(f.total()))
	case "ChildFolderCount":
		return elem(name, strconv.Itoa(len(f.folders)))
	case "UnreadCount":
		return elem(name, strconv.Itoa(f.unread))
	case "EffectiveRights":
		return f.rightsOf(q).element()
	case "DistinguishedFolderId":
		if f.known != "" && f.known != "archive" {
			return elem(name, f.known)
		}
	}
	return nil
}

func (f *folder) folderID(name string) *node {
	return elem(name, "").with("Id", f.id, "ChangeKey", changeKey("folder", f.change))
}

// total is how many items are in a folder, without those that are hidden.
func (f *folder) total() int { return len(f.items) - f.hidden }

func (f *folder) extendedValue(p propertyName) ([]string, bool) {
	if e, ok := find(f.ext, p); ok {
		return e.values, true
	}
	if p.tag == 0 {
		return nil, false
	}
	v := f.folderTag(p)
	return []string{v}, v != ""
}

// withFolder is a message with a folder's id.
func withFolder(f *folder) result {
	return func(w *soap.Writer) {
		w.Start("m:Folders")
		w.Start("t:" + f.element())
		f.folderID("FolderId").write(w)
		w.End()
		w.End()
	}
}
