package ewstest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A folder holds items and folders.
type folder struct {
	box      *mailbox
	id       string
	known    string // the distinguished name, if it has one
	name     string
	class    string
	parent   *folder // nil for a root
	folders  []*folder
	items    []*stored // by when they were received, the oldest first
	unread   int
	hidden   int    // how many items are associated
	change   uint64 // of the ChangeKey
	made     uint64 // when it came where it is
	ext      []extended
	log      []logged // what happened to its items
	deleted  int      // how many items it ever lost
	touched  time.Time
	articles uint64 // how many items it ever got
}

// distinguished are the folders of a mailbox: name, parent, name for people and class.
var distinguished = [][4]string{
	{"root", "", "", ""},
	{"msgfolderroot", "root", "Top of Information Store", "IPF.Note"},
	{"searchfolders", "root", "Finder", ""},
	{"inbox", "msgfolderroot", "Inbox", "IPF.Note"},
	{"drafts", "msgfolderroot", "Drafts", "IPF.Note"},
	{"sentitems", "msgfolderroot", "Sent Items", "IPF.Note"},
	{"deleteditems", "msgfolderroot", "Deleted Items", "IPF.Note"},
	{"outbox", "msgfolderroot", "Outbox", "IPF.Note"},
	{"junkemail", "msgfolderroot", "Junk Email", "IPF.Note"},
	{"archive", "msgfolderroot", "Archive", "IPF.Note"},
	{"calendar", "msgfolderroot", "Calendar", "IPF.Appointment"},
	{"contacts", "msgfolderroot", "Contacts", "IPF.Contact"},
	{"tasks", "msgfolderroot", "Tasks", "IPF.Task"},
	{"notes", "msgfolderroot", "Notes", "IPF.StickyNote"},
	{"journal", "msgfolderroot", "Journal", "IPF.Journal"},
	{"conversationhistory", "msgfolderroot", "Conversation History", "IPF.Note"},
	{"recoverableitemsroot", "root", "Recoverable Items", ""},
	{"recoverableitemsdeletions", "recoverableitemsroot", "Deletions", "IPF.Note"},
	{"recoverableitemspurges", "recoverableitemsroot", "Purges", "IPF.Note"},
	{"recoverableitemsversions", "recoverableitemsroot", "Versions", "IPF.Note"},
}

func (b *mailbox) makeFolders() {
	for _, d := range distinguished {
		name := cmp.Or(b.model.FolderNames[d[0]], d[2])
		f := b.makeFolder(b.known[d[1]], name, d[3])
		f.known = d[0]
		b.known[d[0]] = f
	}
	b.root = b.known["root"]
}

// makeFolder makes a folder in parent, without telling anybody.
func (b *mailbox) makeFolder(parent *folder, name, class string) *folder {
	m := b.model
	f := &folder{box: b, id: b.newFolderID(), name: name, class: class, parent: parent, change: m.next(), touched: m.now()}
	f.made = f.change
	m.folders[f.id] = f
	if parent != nil {
		parent.folders = append(parent.folders, f)
		b.hierarchy = append(b.hierarchy, folderChange{at: f.change, kind: "Create", folder: f, id: f.id})
	}
	return f
}

// child returns the folder of that name in f. Names are compared without regard to case.
func (f *folder) child(name string) *folder {
	for _, c := range f.folders {
		if strings.EqualFold(c.name, name) {
			return c
		}
	}
	return nil
}

// isWithin reports whether f is top or in it.
func (f *folder) isWithin(top *folder) bool {
	for ; f != nil; f = f.parent {
		if f == top {
			return true
		}
	}
	return false
}

// deep returns all folders in f, parents first.
func (f *folder) deep() (all []*folder) {
	for _, c := range f.folders {
		all = append(append(all, c), c.deep()...)
	}
	return all
}

// element returns the name of the element that a folder of f's class is.
func (f *folder) element() string {
	switch {
	case strings.HasPrefix(f.class, "IPF.Appointment"):
		return "CalendarFolder"
	case strings.HasPrefix(f.class, "IPF.Contact"):
		return "ContactsFolder"
	case strings.HasPrefix(f.class, "IPF.Task"):
		return "TasksFolder"
	}
	return "Folder"
}

// moveTo puts f, with all in it, into another folder.
func (f *folder) moveTo(to *folder) {
	old := f.parent
	old.folders = slices.DeleteFunc(old.folders, func(c *folder) bool { return c == f })
	f.parent = to
	to.folders = append(to.folders, f)
	f.changed()
	f.box.tell(event{kind: "MovedEvent", folder: to, id: f.id, isFolder: true, old: old, oldID: f.id})
}

// changed gives f another ChangeKey, and tells those who sync the folders.
func (f *folder) changed() {
	f.change = f.box.model.next()
	f.box.hierarchy = append(f.box.hierarchy, folderChange{at: f.change, kind: "Update", folder: f, id: f.id})
}

// remove removes f and all in it for good.
func (f *folder) remove() {
	for _, c := range slices.Clone(f.folders) {
		c.remove()
	}
	for _, it := range slices.Clone(f.items) {
		it.remove()
	}
	b, m := f.box, f.box.model
	f.parent.folders = slices.DeleteFunc(f.parent.folders, func(c *folder) bool { return c == f })
	delete(m.folders, f.id)
	b.hierarchy = append(b.hierarchy, folderChange{at: m.next(), kind: "Delete", id: f.id, made: f.made})
	b.tell(event{kind: "DeletedEvent", folder: f.parent, id: f.id, isFolder: true})
}

// path finds a folder by its distinguished name, or by what the folders on the way are called,
// beginning in the top of the mailbox: "inbox", "Inbox/Clients", "Projects/2026".
func (b *mailbox) path(name string) *folder {
	if f := b.known[strings.ToLower(name)]; f != nil {
		return f
	}
	at := b.known["msgfolderroot"]
	for i, part := range strings.Split(name, "/") {
		next := at.child(part)
		if next == nil && i == 0 {
			next = b.known[strings.ToLower(part)]
		}
		if next == nil {
			return nil
		}
		at = next
	}
	return at
}

// fullPath is the way to f, as path takes it.
func (f *folder) fullPath() string {
	if f.known != "" {
		return f.known
	}
	if f.parent == nil || f.parent.known == "msgfolderroot" {
		return f.name
	}
	return f.parent.fullPath() + "/" + f.name
}
