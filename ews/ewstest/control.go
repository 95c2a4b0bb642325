package ewstest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Message is an item as the server has it.
type Message struct {
	ID, ChangeKey string
	Kind          string   // its element, such as "Message" or "CalendarItem"
	Class         string   // its ItemClass
	Flags         []string // of "read", "draft", "flagged" and "associated"; the categories after "category:"
	Received      time.Time
	Raw           []byte // its MIME, nil if it has none
}

// Flags that [Server.Add] and [Server.SetFlags] know. A category is "category:" and its name.
const (
	FlagRead    = "read"
	FlagDraft   = "draft"
	FlagFlagged = "flagged" // for follow-up
)

// box returns a mailbox, and panics if there is none: then the test is wrong.
func (s *Server) box(address string) *mailbox {
	b := s.model.mailbox(address)
	if b == nil {
		panic("ewstest: there is no mailbox " + address)
	}
	return b
}

// folder returns a folder by its distinguished name or its path, which is made if it is not there.
func (s *Server) folder(mailbox, name string) *folder {
	b := s.box(mailbox)
	if f := b.path(name); f != nil {
		return f
	}
	at := b.known["msgfolderroot"]
	for i, part := range strings.Split(name, "/") {
		next := at.child(part)
		if next == nil && i == 0 {
			next = b.known[strings.ToLower(part)]
		}
		if next == nil {
			next = b.makeFolder(at, part, "IPF.Note")
			b.tell(event{kind: "CreatedEvent", folder: at, id: next.id, isFolder: true})
		}
		at = next
	}
	return at
}

// stored returns an item by its id, and panics if there is none.
func (s *Server) stored(id string) *stored {
	it := s.model.items[id]
	if it == nil {
		panic("ewstest: there is no item " + id)
	}
	return it
}

// Messages returns what is in a folder, the oldest first; nothing if there is no such folder.
// Of messages whose bytes are made when they are asked for, those are made.
func (s *Server) Messages(mailbox, folder string) (all []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.box(mailbox).path(folder)
	if f == nil {
		return nil
	}
	for _, it := range f.items {
		all = append(all, it.message())
	}
	return all
}

// IDs returns the ids of what is in a folder, the oldest first, and makes no bytes.
func (s *Server) IDs(mailbox, folder string) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.box(mailbox).path(folder); f != nil {
		for _, it := range f.items {
			ids = append(ids, it.id)
		}
	}
	return ids
}

func (it *stored) message() Message {
	m := Message{ID: it.id, ChangeKey: it.key(), Kind: it.kind.name, Class: it.class, Received: it.received, Flags: it.flagNames()}
	switch {
	case it.kind.isMail() && (it.edited || it.bytes() == nil):
		m.Raw = it.render()
	default:
		m.Raw = slices.Clone(it.bytes())
	}
	return m
}

func (it *stored) flagNames() (flags []string) {
	for _, f := range []struct {
		name string
		is   bool
	}{{FlagRead, it.read}, {FlagDraft, it.draft}, {"associated", it.associated}, {FlagFlagged, it.set["Flag"].child("FlagStatus").value() == "Flagged"}} {
		if f.is {
			flags = append(flags, f.name)
		}
	}
	for _, c := range list(it.set["Categories"]) {
		flags = append(flags, "category:"+c.value())
	}
	return flags
}

// setFlags gives an item that is in no folder its flags.
func (it *stored) setFlags(flags []string) {
	it.read, it.draft = slices.Contains(flags, FlagRead), slices.Contains(flags, FlagDraft)
	it.setMarks(flags)
}

func (it *stored) setMarks(flags []string) {
	delete(it.set, "Flag")
	if slices.Contains(flags, FlagFlagged) {
		it.set["Flag"] = group("Flag", elem("FlagStatus", "Flagged"))
	}
	delete(it.set, "Categories")
	var categories []string
	for _, f := range flags {
		if name, ok := strings.CutPrefix(f, "category:"); ok {
			categories = append(categories, name)
		}
	}
	if len(categories) > 0 {
		it.set["Categories"] = stringList("Categories", categories)
	}
}

// SetFlags gives an item these flags and no others. Whether it is a draft stays as it is.
func (s *Server) SetFlags(id string, flags ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.stored(id)
	before := it.flagNames()
	it.setMarks(flags)
	read := it.setRead(slices.Contains(flags, FlagRead))
	without := func(names []string) []string {
		return slices.DeleteFunc(names, func(n string) bool { return n == FlagRead })
	}
	why := updated
	if read && slices.Equal(without(before), without(it.flagNames())) {
		why = flagged
	}
	it.changed(why, it.home.box.name)
}

// Change changes an item's subject, as somebody does who edits it.
func (s *Server) Change(id, subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.stored(id)
	it.set["Subject"] = elem("Subject", subject)
	it.edited = it.raw != nil
	it.changed(updated, it.home.box.name)
}

// Touch gives an item another ChangeKey, as indexing and agents of transport do.
func (s *Server) Touch(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.stored(id)
	it.changed(updated, it.home.box.name)
}

// Remove removes items for good.
func (s *Server) Remove(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.stored(id).remove()
	}
}

// Move moves an item to another folder of its mailbox and returns its id there.
func (s *Server) Move(id, folder string) (moved string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.stored(id)
	it.moveTo(s.folder(it.home.box.address, folder))
	return it.id
}

// CreateFolder makes a folder, and those that it is in, by its path, unless it is there.
func (s *Server) CreateFolder(mailbox, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.folder(mailbox, path)
}

// DeleteFolder removes a folder with all that is in it.
func (s *Server) DeleteFolder(mailbox, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.box(mailbox).path(path); f != nil {
		delete(f.box.known, f.known)
		f.remove()
	}
}

// Folders returns the folders of a mailbox, as [Server.Add] takes them.
func (s *Server) Folders(mailbox string) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.box(mailbox).known["msgfolderroot"].deep() {
		names = append(names, f.fullPath())
	}
	return names
}

// FolderID returns the id of a folder, "" if there is none.
func (s *Server) FolderID(mailbox, folder string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.box(mailbox).path(folder); f != nil {
		return f.id
	}
	return ""
}

// ForgetSyncStates makes the server forget all states of synchronization that it gave out.
func (s *Server) ForgetSyncStates() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.model.states++
}

// Migrate moves a mailbox to another database, so to speak: each item and each folder has
// another id, and states of synchronization and subscriptions are of no use any more.
func (s *Server) Migrate(mailbox string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.box(mailbox)
	b.number = s.model.next()
	for _, f := range append([]*folder{b.root}, b.root.deep()...) {
		delete(s.model.folders, f.id)
		f.id = b.newFolderID()
		s.model.folders[f.id] = f
		items := f.items
		f.items, f.log, f.unread, f.hidden = nil, nil, 0, 0
		for _, it := range items {
			delete(s.model.items, it.id)
			it.put(f)
		}
	}
	b.hierarchy = nil
	for id, sub := range s.model.subscriptions {
		if sub.box == b {
			delete(s.model.subscriptions, id)
		}
	}
}

// Sent returns what was sent through the server, in its order: to addresses here and elsewhere.
func (s *Server) Sent() []SentMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.model.sent)
}

// Grant says what somebody may do in a mailbox that is not theirs: "FullAccess", "SendAs" or
// "SendOnBehalf", or with a folder what a level allows, such as "Inbox=Reviewer"; levels are Owner, Editor,
// Author, Contributor, Reviewer and None. It panics about others.
func (s *Server) Grant(mailbox, user string, rights ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.box(mailbox)
	g := b.grantOf(user)
	if g == nil {
		g = &grant{folders: make(map[*folder]string)}
		b.grants[strings.ToLower(user)] = g
	}
	for _, r := range rights {
		name, level, ok := strings.Cut(r, "=")
		switch {
		case ok && isLevel(level):
			g.folders[s.folder(mailbox, name)] = level
		case r == "FullAccess":
			g.full = true
		case r == "SendAs":
			g.sendAs = true
		case r == "SendOnBehalf":
			g.onBehalf = true
		default:
			panic(fmt.Sprintf("ewstest: there is no right %q", r))
		}
	}
}

func isLevel(name string) bool { _, ok := levels[name]; return ok }
