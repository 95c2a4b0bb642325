package imaptest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-serversync/serversync/imap/internal/syntax"
)

// A user is one account.
type user struct {
	password string
	folders  []*box // in the order of their making
}

// A box is a folder. It holds messages in the order of their UIDs. Server.mu guards it.
type box struct {
	name     string // with "/" between levels
	use      string // its special use, such as \Sent
	validity uint32
	next     uint32
	modseq   uint64
	messages []*message
	vanished []vanished
}

type vanished struct {
	uid    uint32
	modseq uint64
}

type message struct {
	uid    uint32
	flags  []string
	date   time.Time
	modseq uint64
	raw    []byte
	bad    bool // its content is never given
	cut    bool // giving its content ends the connection in its middle
}

// Message is a message as the server has it.
type Message struct {
	UID   uint32
	Flags []string // sorted
	Date  time.Time
	Raw   []byte
}

func (s *Server) newUser(password string) *user {
	u := &user{password: password}
	for _, f := range [][2]string{{"INBOX", ""}, {"Drafts", `\Drafts`}, {"Sent", `\Sent`}, {"Junk", `\Junk`}, {"Trash", `\Trash`}, {"Archive", `\Archive`}} {
		u.folders = append(u.folders, s.newBox(f[0], f[1]))
	}
	return u
}

func (s *Server) newBox(name, use string) *box {
	s.count++
	return &box{name: name, use: use, validity: s.count, next: 1, modseq: 1}
}

func (u *user) folder(name string) *box {
	for _, f := range u.folders {
		if f.name == name || f.name == "INBOX" && strings.EqualFold(name, "INBOX") {
			return f
		}
	}
	return nil
}

// with calls f with a folder that must be there, and wakes all who wait for news.
func (s *Server) with(userName, name string, f func(*box)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[userName]
	if u == nil || u.folder(name) == nil {
		panic(fmt.Sprintf("imaptest: %q has no folder %q", userName, name))
	}
	f(u.folder(name))
	s.wake()
}

// wake tells the sessions that something changed. s.mu is held.
func (s *Server) wake() {
	close(s.news)
	s.news = make(chan struct{})
}

func (f *box) add(raw []byte, flags []string, date time.Time) *message {
	f.modseq++
	m := &message{uid: f.next, raw: raw, flags: sorted(flags), date: date, modseq: f.modseq}
	f.next++
	f.messages = append(f.messages, m)
	return m
}

func (f *box) find(uid uint32) *message {
	for _, m := range f.messages {
		if m.uid == uid {
			return m
		}
	}
	return nil
}

// remove takes messages out.
func (f *box) remove(gone func(*message) bool) (uids []uint32) {
	f.messages = slices.DeleteFunc(f.messages, func(m *message) bool {
		if !gone(m) {
			return false
		}
		if len(uids) == 0 {
			f.modseq++
		}
		f.vanished = append(f.vanished, vanished{m.uid, f.modseq})
		uids = append(uids, m.uid)
		return true
	})
	return uids
}

func (f *box) setFlags(m *message, flags []string) {
	if flags = sorted(flags); !slices.Equal(flags, m.flags) {
		f.modseq++
		m.flags, m.modseq = flags, f.modseq
	}
}

func sorted(flags []string) []string {
	flags = slices.Clone(flags)
	slices.Sort(flags)
	return slices.Compact(flags)
}

// Add delivers a message, received now, and returns its UID.
func (s *Server) Add(user, folder string, raw []byte, flags ...string) (uid uint32) {
	return s.AddAt(user, folder, time.Now(), raw, flags...)
}

// AddAt delivers a message with a time of receipt (INTERNALDATE).
func (s *Server) AddAt(user, folder string, received time.Time, raw []byte, flags ...string) (uid uint32) {
	s.with(user, folder, func(f *box) { uid = f.add(raw, flags, received).uid })
	return uid
}

// AddBad delivers a message whose content the server never gives.
func (s *Server) AddBad(user, folder string, raw []byte) (uid uint32) {
	s.with(user, folder, func(f *box) {
		m := f.add(raw, nil, time.Now())
		m.bad, uid = true, m.uid
	})
	return uid
}

// AddCut delivers a message in the middle of whose content the connection ends,
// each time.
func (s *Server) AddCut(user, folder string, raw []byte) (uid uint32) {
	s.with(user, folder, func(f *box) {
		m := f.add(raw, nil, time.Now())
		m.cut, uid = true, m.uid
	})
	return uid
}

// Messages returns what is in a folder, by UID.
func (s *Server) Messages(user, folder string) (all []Message) {
	s.with(user, folder, func(f *box) {
		for _, m := range f.messages {
			all = append(all, Message{m.uid, slices.Clone(m.flags), m.date, m.raw})
		}
	})
	return all
}

// Remove removes messages for good.
func (s *Server) Remove(user, folder string, uids ...uint32) {
	s.with(user, folder, func(f *box) {
		f.remove(func(m *message) bool { return slices.Contains(uids, m.uid) })
	})
}

// SetFlags gives a message these flags and no others.
func (s *Server) SetFlags(user, folder string, uid uint32, flags ...string) {
	s.with(user, folder, func(f *box) {
		if m := f.find(uid); m != nil {
			f.setFlags(m, flags)
		}
	})
}

// MoveMessage moves a message to another folder and returns its UID there.
func (s *Server) MoveMessage(user, from string, uid uint32, to string) (moved uint32) {
	s.with(user, from, func(f *box) {
		m, target := f.find(uid), s.users[user].folder(to)
		if m == nil || target == nil {
			panic(fmt.Sprintf("imaptest: no message %d in %q to move to %q", uid, from, to))
		}
		moved = target.add(m.raw, m.flags, m.date).uid
		f.remove(func(o *message) bool { return o == m })
	})
	return moved
}

// SetUIDValidity gives a folder another UIDVALIDITY, and its messages new UIDs
// from 1 on. Zero is none at all.
func (s *Server) SetUIDValidity(user, folder string, validity uint32) {
	s.with(user, folder, func(f *box) {
		old := f.messages
		*f = box{name: f.name, use: f.use, validity: validity, next: 1, modseq: 1}
		for _, m := range old {
			f.add(m.raw, m.flags, m.date)
		}
	})
}

// SetUIDNext makes the next message's UID uid.
func (s *Server) SetUIDNext(user, folder string, uid uint32) {
	s.with(user, folder, func(f *box) { f.next = uid })
}

// ForgetChanges makes the server lose its count of changes: it begins anew at 1,
// as after the loss of an index.
func (s *Server) ForgetChanges(user, folder string) {
	s.with(user, folder, func(f *box) {
		f.modseq, f.vanished = 1, nil
		for _, m := range f.messages {
			m.modseq = 1
		}
	})
}

// CreateFolder makes a folder with a special use, such as \Archive, or "".
func (s *Server) CreateFolder(user, name, use string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[user]; u.folder(name) == nil {
		u.folders = append(u.folders, s.newBox(name, use))
	}
	s.wake()
}

// DeleteFolder deletes a folder with all that is in it.
func (s *Server) DeleteFolder(user, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[user]
	u.folders = slices.DeleteFunc(u.folders, func(f *box) bool { return f.name == name })
	s.wake()
}

// Folders returns the names of a user's folders.
func (s *Server) Folders(user string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := map[string]bool{}
	for _, f := range s.users[user].folders {
		names[f.name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// wireName returns a folder's name as the protocol has it.
func (s *Server) wireName(f *box) string {
	return syntax.EncodeName(strings.ReplaceAll(f.name, "/", s.options.Delim))
}

// folderName returns the name of a folder from what a client wrote.
func (s *Server) folderName(wire string) string {
	if name, ok := syntax.DecodeName(wire); ok {
		wire = name
	}
	return strings.ReplaceAll(wire, s.options.Delim, "/")
}
