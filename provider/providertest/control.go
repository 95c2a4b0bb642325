package providertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-serversync/serversync/item"
	"github.com/go-serversync/serversync/mailbox"
	"github.com/go-serversync/serversync/provider"
)

// A Message is a message on the server.
type Message struct {
	ID       provider.ID // given by the server
	Raw      []byte
	Flags    []string  // sorted; nil where the mail system has none
	Received time.Time // zero, in Put, means now
}

// Add delivers a message to a folder and returns its id. It panics if there is no
// such folder. The caller must not change raw afterwards.
func (s *Server) Add(key mailbox.Key, folder provider.FolderID, raw []byte, flags ...string) provider.ID {
	return s.Put(key, folder, Message{Raw: raw, Flags: flags})
}

// Put is Add for a message with a time of receipt of its own.
func (s *Server) Put(key mailbox.Key, folder provider.FolderID, m Message) (id provider.ID) {
	if !s.put(s.box(key), folder, m, &id) {
		panic(fmt.Sprintf("providertest: mailbox %v has no folder %q", key, folder))
	}
	return id
}

func (s *Server) put(b *box, folder provider.FolderID, m Message, id *provider.ID) bool {
	if m.Received.IsZero() {
		m.Received = s.now()
	}
	blob := item.NewBlob(m.Raw)
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folder(folder)
	if f == nil {
		return false
	}
	msg := b.add(f, &message{raw: m.Raw, blob: blob, flags: sortedFlags(m.Flags), received: m.Received})
	if id != nil {
		*id = msg.id
	}
	return true
}

// edit calls do with a message of a folder, and reports whether there is one.
func (s *Server) edit(key mailbox.Key, in provider.FolderID, id provider.ID, do func(*box, *folder, *message)) bool {
	b := s.box(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folder(in)
	if f == nil || f.byID[id] == nil {
		return false
	}
	do(b, f, f.byID[id])
	return true
}

// Remove deletes a message for good, and reports whether it was there.
func (s *Server) Remove(key mailbox.Key, in provider.FolderID, id provider.ID) bool {
	return s.edit(key, in, id, func(b *box, f *folder, msg *message) { b.remove(f, msg) })
}

// SetFlags gives a message these flags and no others, and reports whether it is
// there.
func (s *Server) SetFlags(key mailbox.Key, in provider.FolderID, id provider.ID, flags ...string) bool {
	return s.edit(key, in, id, func(b *box, f *folder, msg *message) { b.setFlags(f, msg, flags) })
}

// Move moves a message and returns the id that it has now, "" if the message or
// the target is not there.
func (s *Server) Move(key mailbox.Key, in provider.FolderID, id provider.ID, to provider.FolderID) (moved provider.ID) {
	s.edit(key, in, id, func(b *box, f *folder, msg *message) {
		switch target := b.folder(to); target {
		case nil:
		case f:
			moved = id
		default:
			moved = b.move(f, target, msg).id
		}
	})
	return moved
}

// Change gives a message other content and returns the id that it has now, which
// is another one where content cannot change, and "" if it is not there.
func (s *Server) Change(key mailbox.Key, in provider.FolderID, id provider.ID, raw []byte) (changed provider.ID) {
	blob := item.NewBlob(raw)
	s.edit(key, in, id, func(b *box, f *folder, msg *message) {
		changed = id
		if b.manner.immutable {
			changed = b.add(f, &message{raw: raw, blob: blob, flags: msg.flags, received: msg.received}).id
			b.remove(f, msg)
			return
		}
		msg.raw, msg.blob, msg.messageID = raw, blob, nil
		b.tell(f, updated, msg)
	})
	return changed
}

// Spoil makes a message unreadable: reading it fails with kind, and "" heals it.
func (s *Server) Spoil(key mailbox.Key, in provider.FolderID, id provider.ID, kind provider.Kind) bool {
	return s.edit(key, in, id, func(_ *box, _ *folder, msg *message) { msg.spoilt = kind })
}

// NewEpoch ends a folder's epoch, as a change of UIDVALIDITY does: every message
// has another id, every cursor has expired, and old ids may mean other messages.
func (s *Server) NewEpoch(key mailbox.Key, folder provider.FolderID) {
	b := s.box(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.folder(folder); f != nil {
		b.reset(f)
	}
}

// ExpireCursors makes the server forget every cursor of the mailbox. Ids stay.
func (s *Server) ExpireCursors(key mailbox.Key) {
	b := s.box(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.folders {
		f.generation++
		f.now = ""
	}
}

// Break cuts every session with the mailbox; new ones can be opened.
func (s *Server) Break(key mailbox.Key) { s.box(key).breaks.Add(1) }

// AddFolder makes a folder, and reports whether it did: there may be one with its
// ID, or the temperament may have a single folder. An empty Kind means Mail.
func (s *Server) AddFolder(key mailbox.Key, folder provider.Folder) bool {
	b := s.box(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.manner.oneFolder || b.folder(folder.ID) != nil {
		return false
	}
	if folder.Kind == "" {
		folder.Kind = provider.Mail
	}
	b.addFolder(folder)
	return true
}

// DeleteFolder deletes a folder with all that is in it.
func (s *Server) DeleteFolder(key mailbox.Key, id provider.FolderID) {
	b := s.box(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.folders = slices.DeleteFunc(b.folders, func(f *folder) bool { return f.ID == id })
}

// Epoch returns a folder's epoch, "" if there is no such folder.
func (s *Server) Epoch(key mailbox.Key, folder provider.FolderID) string {
	b := s.box(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.folder(folder); f != nil {
		return f.epoch
	}
	return ""
}

// Items returns what is in a folder, oldest first.
func (s *Server) Items(key mailbox.Key, folder provider.FolderID) []Message {
	b := s.box(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.folder(folder)
	if f == nil {
		return nil
	}
	items := make([]Message, 0, len(f.messages))
	for _, msg := range f.messages {
		m := Message{ID: msg.id, Raw: msg.raw, Received: msg.received}
		if b.manner.flags {
			m.Flags = slices.Clone(msg.flags)
		}
		items = append(items, m)
	}
	return items
}

// Messages returns the content of a folder, oldest first.
func (s *Server) Messages(key mailbox.Key, folder provider.FolderID) [][]byte {
	var raws [][]byte
	for _, m := range s.Items(key, folder) {
		raws = append(raws, m.Raw)
	}
	return raws
}
